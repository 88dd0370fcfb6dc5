"""JSON as people type, paste and cut it off: read to its end all the same, each fault named in words at its place.

Python's reader says that text is JSON; this one says what is wrong where it is not, and what was meant. Nothing is
dropped without a fault that says so.
"""

import json
from dataclasses import dataclass
from typing import Any

from fibo_core.prompts.json_reader import MAX_DEPTH, Pairs, Reader
from fibo_core.prompts.json_signs import ABSENT, Fault, blank_end, cited, goes_on, line_and_column

__all__ = [
    "MAX_DEPTH",
    "Fault",
    "Pairs",
    "Reading",
    "first_fault",
    "goes_on",
    "line_and_column",
    "marked_line",
    "read_strictly",
    "read_tolerantly",
]


@dataclass(frozen=True)
class Reading:
    """What was read from one beginning on. ``cut_off`` where the text ended before the JSON did."""

    value: Any
    end: int
    faults: tuple[Fault, ...] = ()
    cut_off: bool = False


def read_strictly(text: str) -> Any:
    """The value of a text that is JSON. Raises ValueError, and RecursionError for a thousand levels."""
    return json.loads(text, object_pairs_hook=Pairs)


def read_tolerantly(text: str, start: int = 0) -> Reading:
    """The list or object that begins at ``start``. Never raises but RecursionError, above MAX_DEPTH levels."""
    reader = Reader(text, start)
    value = reader.value()
    faults = sorted(reader.wrong, key=lambda fault: fault.position)
    return Reading({} if value is ABSENT else value, reader.at, tuple(faults), reader.cut_off)


def first_fault(text: str) -> Fault | None:
    """The first thing that is wrong with a text that is meant to be one JSON document; None where nothing is seen."""
    start = blank_end(text, 0)
    reading = read_tolerantly(text, start)
    faults = list(reading.faults)
    if rest := text[reading.end :].strip():
        after = reading.end + text[reading.end :].index(rest[0])
        faults.append(Fault(after, f"something stands after its end: {cited(rest)}"))
    return faults[0] if faults else None


def marked_line(text: str, line: int, column: int, width: int = 72) -> str:
    """The line with a caret under the column, cut to ``width`` around it; two lines in all."""
    lines = text.split("\n")
    shown = (lines[line - 1] if line <= len(lines) else "").rstrip("\r").replace("\t", " ")
    begin = max(0, column - 1 - width * 2 // 3)
    before, after = "…" if begin else "", "…" if len(shown) > begin + width else ""
    return f"{before}{shown[begin : begin + width]}{after}\n{' ' * (len(before) + column - 1 - begin)}^"
