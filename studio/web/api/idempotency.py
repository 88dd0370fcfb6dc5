"""`Idempotency-Key`: an order that is sent again with the same key gives the first batch, for a day.

What tells one order from another is the request as it was understood, not its bytes: a program may lay out its JSON
anew, or draw another boundary for the same file.
"""

import hashlib
import re
from collections.abc import Sequence

from pydantic import BaseModel

from fibo_core.errors import InputError
from fibo_core.store.idempotency import OnceKey
from studio.web.api.requests import as_json

KEY_MAX = 255
_KEY = re.compile("[!-~]+")


def once_key(key: str | None, kind: str, taken: BaseModel, sent: Sequence[bytes | str] = ()) -> OnceKey | None:
    """What the desk goes by; None where no key was sent. Raises InputError for a key that is none."""
    if key is None:
        return None
    if len(key) > KEY_MAX or not _KEY.fullmatch(key):
        raise InputError(
            f"The Idempotency-Key is {key!r:.60}. Send up to {KEY_MAX} letters, digits and signs of ASCII, no blanks."
        )
    said = f"{kind}\n{as_json(taken, exclude_unset=True)}\n".encode()
    parts = [hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in sent or (b"",)]
    return OnceKey(key, hashlib.sha256(said + b"".join(parts)).hexdigest())
