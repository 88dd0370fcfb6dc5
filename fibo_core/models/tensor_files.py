"""What a safetensors file says of itself in its header: which tensors it holds, of which shapes; whether it is whole.

Read without torch and without the tensors, so that what cannot be loaded is known before anything is.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

HEADER_MAX = 100 << 20  #: bytes; the format's own limit


def read_header(file: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a file's tensors by their keys. Raises OSError, and ValueError for what is no such file, or is cut
    short."""
    with file.open("rb") as opened:
        start = opened.read(8)
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
        if not 0 < length <= HEADER_MAX:
            raise ValueError("it has no header")
        text = opened.read(length)
    try:
        entries = dict(_entries(json.loads(text)))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as exc:
        raise ValueError(f"its header is damaged: {str(exc)[:60] or type(exc).__name__}") from exc
    needed, there = 8 + length + max((entry[1] for entry in entries.values()), default=0), file.stat().st_size
    if there < needed:
        raise ValueError(f"it has {there:,} of {needed:,} bytes")
    return {key: shape for key, (shape, _) in entries.items()}


def _entries(header: Mapping[str, Mapping[str, list[int]]]) -> Iterator[tuple[str, tuple[tuple[int, ...], int]]]:
    for key, entry in header.items():
        if key != "__metadata__":
            yield key, (tuple(entry["shape"]), entry["data_offsets"][1])
