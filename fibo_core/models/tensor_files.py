"""What a safetensors file says of itself in its header: which tensors it holds, of which shapes; whether it is whole.

Read without torch, and but for what is no number without the tensors, so that what cannot be loaded is known before
anything is.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADER_MAX = 100 << 20  #: bytes; the format's own limit


def read_header(file: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a file's tensors by their keys. Raises OSError, and ValueError for what is no such file, or is cut
    short."""
    return {key: entry.shape for key, entry in _read_entries(file)[1].items()}


def read_types(file: Path) -> Mapping[str, str]:
    """The type of each tensor's numbers, as the format names it ("BF16"). Raises as `read_header` does."""
    return {key: entry.dtype for key, entry in _read_entries(file)[1].items()}


def find_not_finite(file: Path) -> str | None:
    """The key of a tensor that holds what is no number (NaN, infinity); None where all are numbers. All of the file is
    read, so it is for small ones. Raises as `read_header` does."""
    import numpy as np

    begin, entries = _read_entries(file)
    for key, entry in entries.items():
        if entry.dtype not in _EXPONENTS or entry.end == entry.start:
            continue
        kind, mask = _EXPONENTS[entry.dtype]
        values = np.memmap(file, np.uint8, "r", begin + entry.start, (entry.end - entry.start,)).view(kind)
        if bool(np.any(values & mask == mask)):
            return key
    return None


#: Of each type of real numbers, the bits that are all set in what is none.
_EXPONENTS: Mapping[str, tuple[str, int]] = {
    "BF16": ("<u2", 0x7F80),
    "F16": ("<u2", 0x7C00),
    "F32": ("<u4", 0x7F800000),
    "F64": ("<u8", 0x7FF0000000000000),
}


REAL = tuple(_EXPONENTS)  #: the types of real numbers that weights are trained in


@dataclass(frozen=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def _read_entries(file: Path) -> tuple[int, dict[str, _Entry]]:
    """Where the tensors begin, and what the header says of each."""
    with file.open("rb") as opened:
        start = opened.read(8)
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
        if not 0 < length <= HEADER_MAX:
            raise ValueError("it has no header")
        text = opened.read(length)
    try:
        header: Mapping[str, Mapping[str, Any]] = json.loads(text)
        entries = {
            key: _Entry(str(entry["dtype"]), tuple(entry["shape"]), *map(int, entry["data_offsets"][:2]))
            for key, entry in header.items()
            if key != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as exc:
        raise ValueError(f"its header is damaged: {str(exc)[:60] or type(exc).__name__}") from exc
    needed, there = 8 + length + max((entry.end for entry in entries.values()), default=0), file.stat().st_size
    if there < needed:
        raise ValueError(f"it has {there:,} of {needed:,} bytes")
    return 8 + length, entries
