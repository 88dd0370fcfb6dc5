"""Every row and file looked at: what is missing, has no row, was altered or cannot be read.

Nothing is changed; what is amiss can be moved to quarantine afterwards (`quarantine.py`). It goes folder by folder, so
that a million pictures take no more memory than a day's, and what was found amiss. A picture that was altered is known
by its recipe, which its row has too, and, where it was stored since schema 0011, by the hash of its file.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import LargeBinary, Text, cast
from sqlmodel import col, select

from fibo_core.errors import FiboError, PictureError
from fibo_core.store.database import Database
from fibo_core.store.edit_record import INPUTS
from fibo_core.store.generation import OUTPUTS, Generation
from fibo_core.store.picture_rows import SHA256, damaged, read_pictures, readable
from fibo_core.store.reconcile import find_pictures, from_recipe, missing_pictures, read_generation, without_row
from fibo_core.store.rows import ID, DamagedRow
from fibo_core.store.tables import GenerationTable

_INPUT = re.compile(rf"{INPUTS}/[0-9a-f]{{64}}\.png")
PIECE = 500  #: rows read at once
Progress = Callable[[int], None]  #: so many pictures' files have been looked at


@dataclass(frozen=True)
class Faulty:
    """A file that is amiss: its ``path`` in the workspace, the ``id`` of the picture whose it is (None where no row
    says so), and what is wrong with it."""

    path: str
    id: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class VerifyReport:
    """``pictures`` in the gallery that can be read, ``damaged`` rows, the ids of rows whose picture is ``missing``, the
    paths of pictures ``without_row``; pictures that cannot be read, those that were ``altered``, and sidecars that are
    either. Of ``unknown`` pictures, stored by a version before, nobody knows what their pixels were. ``database_fault``
    says what is wrong with the database's file, "" where it is sound."""

    pictures: int
    damaged: tuple[DamagedRow, ...]
    missing: tuple[str, ...]
    without_row: tuple[str, ...]
    damaged_pictures: tuple[Faulty, ...]
    altered: tuple[Faulty, ...]
    damaged_sidecars: tuple[Faulty, ...]
    unknown: int
    database_fault: str = ""
    without_inputs: tuple[Faulty, ...] = ()  #: edits whose source, mask or references are gone from `inputs/`

    @property
    def files_amiss(self) -> tuple[Faulty, ...]:
        """What a quarantine takes: files whose content is not what it was."""
        return (*self.damaged_pictures, *self.altered, *self.damaged_sidecars)


def verify(workspace: Path, database: Database, progress: Progress | None = None) -> VerifyReport:
    """Looks at every row, picture and recipe, and changes nothing."""
    database_fault = database.fault()
    pictures, broken = _rows(database)
    orphans: list[str] = []
    unreadable: list[Faulty] = []
    altered: list[Faulty] = []
    sidecars: list[Faulty] = []
    unknown = looked_at = 0
    for piece in find_pictures(workspace / OUTPUTS):
        alone = set(without_row(piece, workspace, database))
        orphans += [_name(file, workspace) for file in alone]
        rows = _known(database, [file.stem for file in piece])
        for file in piece:
            name = _name(file, workspace)
            row, known_by = rows.get(file.stem, (None, ""))
            owner = file.stem if file.stem in rows else None
            if row is not None and row.image_path != name:
                row, known_by, owner = None, "", None  # a copy of a picture that lies elsewhere
            if ID.fullmatch(file.stem):
                if (fault := _picture_fault(file, workspace, orphan=file in alone)) is not None:
                    unreadable.append(Faulty(name, owner, fault))
                elif row is not None:
                    if (fault := _alteration(file, row, known_by)) is not None:
                        altered.append(Faulty(name, row.id, fault))
                    unknown += not known_by
            if (fault := _sidecar_fault(file, row)) is not None:
                sidecars.append(Faulty(_name(file.with_suffix(".json"), workspace), owner, fault))
        looked_at += len(piece)
        if progress is not None:
            progress(looked_at)
    missing = [id for _, gone in missing_pictures(workspace, database) for id in gone]
    return VerifyReport(
        pictures,
        tuple(broken),
        tuple(missing),
        tuple(sorted(orphans)),
        tuple(unreadable),
        tuple(altered),
        tuple(sidecars),
        unknown,
        database_fault,
        tuple(_without_inputs(workspace, database)),
    )


def _without_inputs(workspace: Path, database: Database) -> Iterator[Faulty]:
    row = GenerationTable
    with database.read() as session:
        edits = session.exec(select(row.id, cast(row.edit, Text)).where(row.edit != "null").order_by(row.id)).all()
    for id, text in edits:
        for path in sorted({each for each in _INPUT.findall(text) if not (workspace / each).is_file()}):
            yield Faulty(path, id, f"it is gone, and the edit {id} cannot be painted again without it")


def _rows(database: Database) -> tuple[int, list[DamagedRow]]:
    """How many pictures of the gallery can be read, and the rows that cannot."""
    pictures, place = 0, -1
    broken: list[DamagedRow] = []
    while True:
        with database.read() as session:
            following = select(GenerationTable).where(GenerationTable.seq > place).order_by(col(GenerationTable.seq))
            rows = read_pictures(session, following.limit(PIECE))
        if not rows:
            return pictures, broken
        place = rows[-1][0]
        pictures += sum(it.deleted_at is None for it in readable(rows))
        broken += damaged(rows)


def _known(database: Database, ids: list[str]) -> dict[str, tuple[Generation | None, str]]:
    """The rows of these pictures, None for one that cannot be read, each with the hash of its file, "" where nobody
    knows it."""
    row = GenerationTable
    with database.read() as session:
        found = [it for _, it in read_pictures(session, select(row).where(col(row.id).in_(ids)))]
        statement = select(row.id, cast(row.file_sha256, LargeBinary)).where(col(row.id).in_([it.id for it in found]))
        hashes = {id: known.decode(errors="replace") for id, known in session.connection().execute(statement)}
    return {
        it.id: (it, known if SHA256.fullmatch(known := hashes.get(it.id, "")) else "")
        if isinstance(it, Generation)
        else (None, "")
        for it in found
    }


def _picture_fault(file: Path, workspace: Path, *, orphan: bool) -> str | None:
    """Why a picture's file cannot be read; None where it can be read to its end. One without a row must have a recipe
    too, by which it could get one."""
    from fibo_core.store.images import check_png

    try:
        check_png(file)
        if orphan:
            read_generation(file, workspace)
    except FiboError as exc:
        return str(exc)
    except OSError as exc:  # it went away meanwhile
        return f"it cannot be read ({exc.strerror})"
    return None


def _alteration(file: Path, row: Generation, known_by: str) -> str | None:
    """How a picture differs from what was stored, as far as that can be known; None where it does not."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        return f"it cannot be read ({exc.strerror})"
    if known_by and sha256(content).hexdigest() == known_by:
        return None
    try:
        same = from_recipe(content, row.id).recipe_hash == row.recipe_hash
    except PictureError as exc:
        return f"it was altered since it was stored: {exc}"
    except FiboError as exc:
        return f"it was altered since it was stored: its recipe is not valid ({exc})"
    if not same:
        return "it was altered since it was stored: its recipe is not the one in the history"
    return "it was altered since it was stored: its bytes are not those that were written" if known_by else None


def _sidecar_fault(image_file: Path, row: Generation | None) -> str | None:
    """What is wrong with the recipe beside a picture; None where it is whole, or there is none."""
    sidecar = image_file.with_suffix(".json")
    try:
        recipe = from_recipe(sidecar.read_bytes(), image_file.stem if ID.fullmatch(image_file.stem) else None)
    except FileNotFoundError:
        return None
    except OSError as exc:
        return f"it cannot be read ({exc.strerror})"
    except FiboError as exc:
        return str(exc)
    if row is not None and recipe.recipe_hash != row.recipe_hash:
        return "it was altered since it was stored: its recipe is not the one in the history"
    return None


def _name(file: Path, workspace: Path) -> str:
    return file.relative_to(workspace).as_posix()


def sentences(report: VerifyReport) -> Iterator[str]:
    """What is amiss, one sentence each."""
    if report.database_fault:
        yield report.database_fault
    yield from (f"{row.id}: {row.reason}" for row in report.damaged)
    yield from (f"{id}: its picture is gone" for id in report.missing)
    yield from (f"{path}: it is not in the gallery" for path in report.without_row)
    yield from map(str, report.files_amiss)
    yield from map(str, report.without_inputs)
