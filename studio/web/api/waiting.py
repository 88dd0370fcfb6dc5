"""`?wait=`: an answer that comes when something has ended, or after so many seconds as things are then."""

from typing import Annotated

from fastapi import Query

from fibo_core.errors import InputError

WAIT_MAX_S = 29.0  #: proxies and programs often give up after thirty

Wait = Annotated[
    float,
    Query(
        description="Seconds to wait for the end before answering",
        json_schema_extra={"minimum": 0, "maximum": WAIT_MAX_S},
    ),
]


def wait_s(wait: float) -> float:
    """Raises InputError for more than is waited."""
    if not 0 <= wait <= WAIT_MAX_S:
        raise InputError(f"wait is {wait:g}. Choose 0 to {WAIT_MAX_S:g} seconds, and ask again after that.")
    return wait
