"""Quarantine: files that are not what they were, out of the gallery's way; nothing is deleted.

They go to `trash/quarantine/` (below the outputs where these are another disk) under the path they had, with a line for
each in `list.jsonl` there. A picture's row is marked as deleted first, and its recipe as the row has it written beside
the file: no row of the gallery leads to a file that has been moved, and no recipe is lost when the row is purged.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from fibo_core.errors import FiboError
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, make_folder, sync_folder, write_files
from fibo_core.store.generation import OUTPUTS
from fibo_core.store.reconcile import SOURCE_SUFFIX, TRASH
from fibo_core.store.verify import Faulty

QUARANTINE = "quarantine"  #: below the trash
LIST = "list.jsonl"

RecordOf = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Moved:
    """A file that was moved: from where to where, both in the workspace."""

    path: str
    to: str
    reason: str


def quarantine(workspace: Path, database: Database, faulty: Sequence[Faulty], record_of: RecordOf) -> tuple[Moved, ...]:
    """Moves these files, and what lies beside a picture, to quarantine. ``record_of`` gives a picture's recipe as its
    row has it. Raises WorkspaceUnwritable and DatabaseUnreadable; what was moved until then is on the list."""
    root, moved = _root(workspace), []
    for each in faulty:
        file = workspace / each.path
        with disk_errors("The quarantine", workspace):
            make_folder(workspace, root)
            beside = [file] if file.suffix == ".json" else _beside(file)
            pairs = [(it, _free(root / it.relative_to(workspace / OUTPUTS))) for it in beside if it.is_file()]
            for source, target in pairs:
                make_folder(workspace, target.parent)
                moved.append(Moved(_name(source, workspace), _name(target, workspace), each.reason))
                _write_line(root / LIST, moved[-1], each.id)
        if each.id is not None and file.suffix != ".json":
            _mark(workspace, database, each.id, pairs[0][1] if pairs else root / each.id, record_of)
        with disk_errors("The quarantine", workspace):
            for source, target in pairs:
                with suppress(FileNotFoundError):  # gone meanwhile
                    source.rename(target)
                    sync_folder(target.parent)
                    sync_folder(source.parent)
        if each.id is not None and file.suffix == ".json":
            with database.write() as session:  # the labels' writer writes it anew, out of the row
                session.connection().execute(_DIRTY, {"id": each.id})
    return tuple(moved)


def quarantined(workspace: Path, places: Mapping[str, Path]) -> list[tuple[Path, Path]]:
    """Where the files of these pictures lie in quarantine, each with where it came from, the picture last. ``places``
    are the pictures' files by id. Raises OSError."""
    found: dict[Path, Path] = {}
    for root in {_root(workspace), workspace / TRASH / QUARANTINE}:
        for line in _lines(root / LIST):
            place = places.get(line.get("id") or "")
            source, target = workspace / str(line.get("to")), (workspace / str(line.get("path"))).resolve()
            if place is None or not source.resolve().is_relative_to(root.resolve()) or not source.is_file():
                continue
            if target in _beside(place) and not target.exists():
                found[target] = source  # the last one that went
    there = [place for place in places.values() if place in found]
    return [(found[file], file) for place in there for file in _beside(place)[::-1] if file in found]


def _beside(picture: Path) -> list[Path]:
    """A picture's files, itself first."""
    return [picture, picture.with_suffix(".json"), picture.with_name(picture.stem + SOURCE_SUFFIX)]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with file.open("rb") as content:
            for line in content:
                with suppress(ValueError, RecursionError):  # cut short by a kill
                    if isinstance(record := json.loads(line), dict):
                        yield record
    except FileNotFoundError:
        return


def _mark(workspace: Path, database: Database, id: str, target: Path, record_of: RecordOf) -> None:
    """Takes a picture out of the gallery, its recipe being written beside where its file goes."""
    with suppress(FiboError):  # a damaged row's recipe: the files have theirs
        content = json.dumps(record_of(id), indent=2).encode()
        write_files(workspace, target.parent, {f"{target.stem}.row.json": content}, "The quarantine")
    with database.write() as session:
        moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        session.connection().execute(_DELETED, {"id": id, "moment": moment})


def _write_line(file: Path, moved: Moved, id: str | None) -> None:
    line = {"at": datetime.now(UTC).isoformat(), "id": id, **vars(moved)}
    with file.open("a", encoding="ascii") as content:
        content.write(json.dumps(line) + "\n")
        content.flush()
        os.fsync(content.fileno())


def _root(workspace: Path) -> Path:
    """On the disk that the files lie on, so that they can be renamed."""
    outputs = workspace / OUTPUTS
    with suppress(OSError):
        if outputs.stat().st_dev != workspace.stat().st_dev:
            return outputs / TRASH / QUARANTINE
    return workspace / TRASH / QUARANTINE


def _free(target: Path) -> Path:
    """A name beside ``target`` that nothing has."""
    number, free = 1, target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}.{number}{target.suffix}")
    return free


def _name(file: Path, workspace: Path) -> str:
    return file.relative_to(workspace).as_posix()


_DELETED = text("UPDATE generation SET deleted_at = :moment, label_dirty = 1 WHERE id = :id AND deleted_at IS NULL")
_DIRTY = text("UPDATE generation SET label_dirty = 1 WHERE id = :id")
