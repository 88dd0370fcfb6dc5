"""Which pictures a question is about: a search and filters, as the addresses of the gallery take them."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fibo_core.errors import InputError
from fibo_core.store.generation import StoredMode
from fibo_core.store.history import HistoryQuery


def _no_number(value: object) -> object:
    """What a moment is read from: pydantic would take a number for seconds since 1970."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise PydanticCustomError("datetime_parsing", "no moment")
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]


class GalleryQuery(BaseModel):
    """Which pictures. What is not known in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field("", description='A search: words, "a phrase", -word, path:value, seed:42, tag:… (docs/USAGE.md)')
    zone: str = Field(
        "UTC", description="Where the days of before: and after: begin: a name, or +02:00", examples=["Europe/Berlin"]
    )
    mode: StoredMode | None = None
    model: str | None = None
    favorite: bool = Field(False, description="Only those with a star")
    deleted: bool = Field(False, description="Those that were deleted instead")
    since: Moment | None = Field(None, description="Painted then or later; without an offset it is UTC")
    until: Moment | None = Field(None, description="Painted before")
    order: Literal["newest", "oldest"] = "newest"

    def query(self) -> HistoryQuery:
        """Raises InputError for a zone that is none."""
        return HistoryQuery(
            text=self.q,
            mode=self.mode,
            model=self.model,
            favorite=self.favorite,
            since=_aware(self.since),
            until=_aware(self.until),
            newest_first=self.order == "newest",
            deleted=self.deleted,
            zone=zone_of(self.zone),
        )


def zone_of(name: str) -> tzinfo:
    """Raises InputError."""
    try:
        if re.fullmatch(r"[+-]\d\d:\d\d", name, re.ASCII):
            return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo or UTC
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InputError(f"zone is {name[:40]!r}, which is no time zone. Write one such as Europe/Berlin.") from exc


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
