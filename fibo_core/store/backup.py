"""Copies of the database: made while others write, checked by SQLite, and the oldest let go.

A copy appears under its name once it is whole, on the disk and found sound. Nothing here knows when to make one.
"""

import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fibo_core.errors import DatabaseUnreadable
from fibo_core.store.disk import make_folder, open_part, remove_leftovers, sync_folder

log = logging.getLogger(__name__)

BACKUPS = "backups"
KEPT = 7  #: the newest ones
SHARE = 10  #: kept copies take at most one part in so many of what would be free without them
_NAME = re.compile(r"(?P<stem>.+)-(?P<made>\d{8}T\d{6}\.\d{6}Z)\.db")
_PIECE = 1 << 20
#: Bytes of the header that count changes, and change without any (sqlite.org/fileformat.html, 1.3).
_COUNTERS = ((24, 28), (92, 100))


@dataclass(frozen=True)
class Backup:
    """One copy of the database."""

    path: Path
    made_at: datetime
    bytes: int


def backups_of(database_file: Path) -> list[Backup]:
    """The copies there are, newest first."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(database_file.parent / BACKUPS):
            match = _NAME.fullmatch(entry.name)
            if match is None or match["stem"] != database_file.stem:
                continue
            with suppress(FileNotFoundError, ValueError):
                made_at = datetime.strptime(match["made"], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
                found.append(Backup(Path(entry.path), made_at, entry.stat().st_size))
    return sorted(found, key=lambda backup: backup.path.name, reverse=True)


def make_backup(database_file: Path, *, must_be_sound: bool = True, only_changed: bool = False) -> Path | None:
    """Copies the database to `backups/` beside it, and lets go of all but the newest KEPT.

    The copy is checked; one of a damaged database is kept all the same unless it ``must_be_sound``. With
    ``only_changed`` one that equals the newest there is is not kept, and None returned. Raises OSError, sqlite3.Error
    and DatabaseUnreadable, and then leaves no half of a copy.
    """
    folder = database_file.parent / BACKUPS
    make_folder(database_file.parent, folder)
    remove_leftovers(folder)
    copy = folder / f"{database_file.stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.db"
    part, descriptor = open_part(folder, copy.name, 0o644)
    try:
        # mode=rw: a database that is gone is an error, and not made anew
        source = sqlite3.connect(f"{database_file.as_uri()}?mode=rw", uri=True)
        with closing(source) as current, closing(sqlite3.connect(part)) as target:
            current.backup(target)
        if (fault := fault_of(part)) and must_be_sound:
            raise DatabaseUnreadable(
                f"{database_file} is damaged: a copy of it does not pass SQLite's check ({fault}). No backup was made. "
                "Move it away and rebuild the history: the pictures and their recipes are files and come back.",
                remedy="rebuild",
            )
        if fault:
            log.error("The backup %s holds a damaged database (%s).", copy, fault)
        os.fsync(descriptor)
        if only_changed and (before := backups_of(database_file)) and _same(before[0].path, part):
            return None
        part.replace(copy)
        sync_folder(folder)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)
        Path(f"{part}-journal").unlink(missing_ok=True)
    _let_go(database_file)
    return copy


def fits(database_file: Path) -> bool:
    """Whether another copy fits into the share of the disk that copies may take."""
    taken = sum(backup.bytes for backup in backups_of(database_file))
    free = shutil.disk_usage(database_file.parent).free
    log_file = Path(f"{database_file}-wal")  # may hold what is not in the file yet
    size = database_file.stat().st_size + (log_file.stat().st_size if log_file.exists() else 0)
    return size <= (free + taken) / SHARE


def fault_of(database_file: Path) -> str:
    """What SQLite finds wrong with a database that nobody writes, "" where it is sound. Raises OSError."""
    try:
        # immutable: no lock and no log beside it
        with closing(sqlite3.connect(f"{database_file.as_uri()}?immutable=1", uri=True)) as connection:
            found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as exc:
        return str(exc)
    return "" if found == "ok" else found


def _let_go(database_file: Path) -> None:
    """Removes the oldest copies; never the newest."""
    backups = backups_of(database_file)
    with suppress(OSError):
        most = (shutil.disk_usage(database_file.parent).free + sum(each.bytes for each in backups)) / SHARE
        kept = 0
        for number, backup in enumerate(backups):
            kept += backup.bytes
            if number and (number >= KEPT or kept > most):
                backup.path.unlink(missing_ok=True)


def _same(one: Path, other: Path) -> bool:
    """Whether two copies hold the same."""
    if one.stat().st_size != other.stat().st_size:
        return False
    return all(a == b for a, b in zip(_pieces(one), _pieces(other), strict=True))


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        first = bytearray(content.read(_PIECE))
        for start, end in _COUNTERS:
            first[start:end] = bytes(end - start)
        yield bytes(first)
        while piece := content.read(_PIECE):
            yield piece
