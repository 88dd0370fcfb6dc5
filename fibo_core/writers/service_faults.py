"""What the sentences on a service's faults are made of: what it said, without the key, and the wait it asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fibo_core.errors import WriterError, WriterUnavailable

MAX_QUOTED = 200  # characters of what a service said


@dataclass(frozen=True)
class Fault:
    """One failed request: our error, and whether asking again at once can help."""

    error: WriterError
    again: bool = False
    without: str = ""  #: a part of the request that the service does not take: ask without it
    cause: Exception | None = None  #: what to raise it from; None where that would show the key


def unavailable(message: str, *, again: bool = False) -> Fault:
    return Fault(WriterUnavailable(message), again)


def quoted(message: str, key: str) -> str:
    """What the other side said, in brackets: one line, short, without the key; nothing where it is a web page."""
    line = " ".join(without_key(message, key).split()).rstrip(".")
    if not line or line.startswith("<") or not line.isprintable():
        return ""
    return f": “{line if len(line) <= MAX_QUOTED else line[: MAX_QUOTED - 1] + '…'}”"


def without_key(text: str, key: str) -> str:
    """`text` with the key taken out, should somebody have sent it back."""
    return text.replace(key, "[key]") if key else text


def shows(exc: BaseException, key: str) -> bool:
    """Whether the key stands in the exception or in one it came from."""
    seen: set[int] = set()
    each: BaseException | None = exc
    while key and each is not None and id(each) not in seen:
        seen.add(id(each))
        if key in str(each) or key in repr(each):
            return True
        each = each.__cause__ or each.__context__
    return False


def retry_after(headers: Mapping[str, str] | Any) -> float | None:
    """The header in seconds; it may be a number or a date."""
    value = str(headers.get("retry-after") or "").strip() if headers is not None else ""
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
