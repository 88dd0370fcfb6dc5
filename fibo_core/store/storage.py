"""What the pictures take of the disk, by month and by model.

The database itself counts as rows come and go, so that a million pictures are summed as fast as ten.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors
from fibo_core.store.generation import OUTPUTS
from fibo_core.store.tables import StorageTable


@dataclass(frozen=True)
class Share:
    """What the pictures in the gallery of one month ("2026-11", UTC) or of one model take; "" where a damaged row does
    not tell."""

    name: str
    pictures: int
    bytes: int


@dataclass(frozen=True)
class DiskUsage:
    """``pictures`` in the gallery, ``deleted`` ones whose files still lie there; ``bytes`` of both with the files
    beside them, ``trash_bytes`` of the deleted ones alone; ``free_bytes`` and ``total_bytes`` of the disk that holds
    ``folder``. ``by_month`` is newest first, ``by_model`` largest first."""

    pictures: int
    deleted: int
    bytes: int
    trash_bytes: int
    free_bytes: int
    total_bytes: int
    folder: Path
    by_month: tuple[Share, ...] = ()
    by_model: tuple[Share, ...] = ()


def disk_usage(workspace: Path, database: Database) -> DiskUsage:
    """What the pictures take, by their rows, and what the disk has left. Raises WorkspaceUnwritable."""
    with database.read() as session:
        uses = session.exec(select(StorageTable).where(col(StorageTable.pictures) != 0)).all()
        shown = [use for use in uses if not use.deleted]
        trash = [use for use in uses if use.deleted]
        by_month = _shares(shown, lambda use: use.month)
        by_model = _shares(shown, lambda use: use.model)
        sums = [(sum(use.pictures for use in part), sum(use.bytes for use in part)) for part in (shown, trash)]
    with disk_errors("The workspace", workspace):
        disk = shutil.disk_usage(workspace)
    return DiskUsage(
        pictures=sums[0][0],
        deleted=sums[1][0],
        bytes=sums[0][1] + sums[1][1],
        trash_bytes=sums[1][1],
        free_bytes=disk.free,
        total_bytes=disk.total,
        folder=workspace / OUTPUTS,
        by_month=tuple(sorted(by_month, key=lambda share: share.name, reverse=True)),
        by_model=tuple(sorted(by_model, key=lambda share: (-share.bytes, share.name))),
    )


def _shares(uses: Iterable[StorageTable], name_of: Callable[[StorageTable], str]) -> list[Share]:
    pictures, sizes = defaultdict[str, int](int), defaultdict[str, int](int)
    for use in uses:
        pictures[name_of(use)] += use.pictures
        sizes[name_of(use)] += use.bytes
    return [Share(name, count, sizes[name]) for name, count in pictures.items()]
