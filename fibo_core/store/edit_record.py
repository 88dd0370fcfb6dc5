"""An edit as records hold it, in the row, the PNG's text and the sidecar; its pictures are paths in the workspace."""

import re
from collections.abc import Mapping
from typing import Any

from fibo_core.engine.edits import Edit
from fibo_core.errors import PictureError

VERSION = 1
INPUTS = "inputs"  #: the folder of pictures that are kept by content (`inputs.py`)
_PLACE = re.compile(rf"{INPUTS}/([0-9a-f]{{64}})\.png")


def edit_to_record(edit: Edit | None) -> dict[str, Any] | None:
    """JSON-ready values; None for a picture that is no edit."""
    if edit is None:
        return None
    return {
        "version": VERSION,
        **edit.recipe,
        "source": _path(edit.source),
        "mask": None if edit.mask is None else _path(edit.mask),
        "references": [_path(name) for name in edit.references],
        "skip": edit.skip,
    }


def edit_from_record(record: Any) -> Edit | None:
    """The edit of a record. Raises PictureError for what no record of ours has, RequestError for what cannot be."""
    if record is None:
        return None
    if not isinstance(record, Mapping):
        raise _damaged(record)
    version = record.get("version")
    if isinstance(version, int) and version > VERSION:
        raise PictureError(
            f"This edit was made by a newer version of FIBO Studio ({version}; {VERSION} is understood). Update the "
            "studio to read it."
        )
    try:
        mask, sigma, whole = record["mask"], record["start_sigma"], (record["skip"], record["feather"])
        if isinstance(sigma, bool) or any(not isinstance(each, int) or isinstance(each, bool) for each in whole):
            raise TypeError
        return Edit(
            source=_name(record["source"]),
            mask=None if mask is None else _name(mask),
            references=tuple(_name(each) for each in record["references"]),
            way=record["way"],
            start_sigma=float(sigma),
            skip=whole[0],
            feather=whole[1],
            instruction=str(record["instruction"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise _damaged(record) from exc


def _path(name: str) -> str:
    return f"{INPUTS}/{name}.png"


def _name(path: str) -> str:
    if (match := _PLACE.fullmatch(path)) is None:
        raise ValueError(path)
    return match[1]


def _damaged(record: object) -> PictureError:
    return PictureError(f"This recipe is damaged: edit is {record!r:.60}.")
