"""Files and rows compared: what lies in `outputs/`, what its files say, and what was found to be amiss.

All of it goes folder by folder, so that a million pictures take no more memory than a day's. No picture is removed.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import LargeBinary, cast
from sqlmodel import col, select

from fibo_core.errors import FiboError, PictureError
from fibo_core.store.database import Database
from fibo_core.store.disk import remove_leftovers
from fibo_core.store.generation import OUTPUTS, Generation
from fibo_core.store.label_files import place_file_labels, read_file_labels
from fibo_core.store.picture_rows import adopt_row, with_paths, with_rows
from fibo_core.store.rows import ID
from fibo_core.store.tables import GenerationTable

TRASH = "trash"  #: below the outputs or beside them; what lies there is nobody's to bring back
SOURCE_SUFFIX = ".source.png"
PIECE = 500  #: pictures compared at once
PAUSE_S = 0.01  #: after each piece of a sweep, for whoever waits for a page


@dataclass(frozen=True)
class SweepReport:
    """What a start found: pictures without a row that were ``adopted``, a sentence for each that could not be, and how
    many ``rows`` there are in the gallery and how many of them are ``missing`` their picture."""

    leftovers_removed: int
    adopted: int
    unreadable: tuple[str, ...]
    rows: int
    missing: int

    @property
    def outputs_missing(self) -> bool:
        """There are rows, and not one picture."""
        return 0 < self.rows == self.missing


def find_pictures(outputs: Path) -> Iterator[list[Path]]:
    """Every picture below ``outputs``, oldest folder first, in pieces of one folder; sources of inspirations and
    what lies in the trash are none."""
    for folder, folders, names in os.walk(outputs):
        folders[:] = sorted(name for name in folders if name != TRASH)
        pictures = [name for name in sorted(names) if name.endswith(".png") and not name.endswith(SOURCE_SUFFIX)]
        for start in range(0, len(pictures), PIECE):
            yield [Path(folder, name) for name in pictures[start : start + PIECE]]


def sweep(workspace: Path, cache_dir: Path, database: Database, ending: threading.Event) -> SweepReport:
    """Tidies up after killed processes, and counts what is missing. Ends early once ``ending`` is set."""
    outputs = workspace / OUTPUTS
    removed = remove_leftovers(outputs, ending) + remove_leftovers(cache_dir / "thumbs", ending)
    adopted, unreadable, count, missing = 0, [], 0, 0
    for piece in find_pictures(outputs):
        if ending.wait(PAUSE_S):
            break
        for file in without_row(piece, workspace, database):
            if (reason := _adopt(file, workspace, database)) is not None:
                unreadable.append(reason)
            else:
                adopted += 1
    for rows, gone in missing_pictures(workspace, database):
        count, missing = count + rows, missing + len(gone)
        if ending.wait(PAUSE_S):
            break
    return SweepReport(removed, adopted, tuple(unreadable), count, missing)


def _adopt(file: Path, workspace: Path, database: Database) -> str | None:
    """Gives a picture its row out of its files. Returns why it could not be read."""
    name = file.relative_to(workspace).as_posix()
    try:
        generation, size, known_by = read_generation(file, workspace), file_bytes(file), file_hash(file.read_bytes())
        if generation.id != file.stem:
            raise PictureError(f"its recipe is that of picture {generation.id}")
    except FiboError as exc:
        return f"{name}: {exc}"
    except OSError as exc:  # it went away meanwhile
        return f"{name}: it cannot be read ({exc.strerror})"
    labels = read_file_labels(file)
    with database.write() as session:
        seq = adopt_row(session, generation, size, known_by)
        if seq is not None and labels is not None:
            place_file_labels(session, seq, labels)
    return None


def without_row(piece: list[Path], workspace: Path, database: Database) -> list[Path]:
    """Those of our pictures that have no row, deleted ones having theirs. Files of other programs are passed over."""
    ours = {file.stem: file for file in piece if ID.fullmatch(file.stem)}
    with database.read() as session:
        left = ours.keys() - with_rows(session, list(ours))
        paths = {ours[id].relative_to(workspace).as_posix(): id for id in left}
        left -= {paths[path] for path in with_paths(session, list(paths))}  # under the name of another
    return [file for id, file in ours.items() if id in left]


def missing_pictures(workspace: Path, database: Database) -> Iterator[tuple[int, list[str]]]:
    """The gallery's rows piece by piece: how many, and the ids of those whose picture is gone."""
    row, place, folder, there = GenerationTable, -1, "", frozenset[str]()
    while True:
        # as bytes, for a damaged one may be no text
        statement = select(row.seq, cast(row.id, LargeBinary), cast(row.image_path, LargeBinary))
        statement = statement.where(row.seq > place, col(row.deleted_at).is_(None)).order_by(col(row.seq))
        with database.read() as session:
            rows = session.exec(statement.limit(PIECE)).all()
        if not rows:
            return
        place, gone = rows[-1][0], []
        for _, id, path in rows:
            parent, _, name = os.fsdecode(path).rpartition("/")
            if parent != folder:
                folder, there = parent, _names(workspace / parent)
            if name not in there and not _is_file(workspace / parent / name):  # stored since the folder was read
                gone.append(id.decode(errors="replace"))
        yield len(rows), gone


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except (OSError, ValueError):  # ValueError: a NUL, out of a damaged row
        return frozenset()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_generation(image_file: Path, workspace: Path) -> Generation:
    """The Generation that a picture's files describe, its paths being those where the files lie now.

    Its id is the one in the PNG's text, whatever the file is called, or that of the sidecar where it has no text. The
    sidecar is asked first, then the text. Raises FiboError when the picture is cut short, or neither holds a whole
    recipe of this very picture.
    """
    from fibo_core.store.images import png_is_complete

    try:
        content = image_file.read_bytes()
    except OSError as exc:
        raise PictureError(f"it cannot be read ({exc.strerror})") from exc
    if not png_is_complete(content):
        raise PictureError("it is no PNG, or one that is cut short")
    id = own_id(content)
    if id is None and ID.fullmatch(image_file.stem):
        id = image_file.stem
    try:
        generation = from_recipe(image_file.with_suffix(".json").read_bytes(), id)
    except (OSError, FiboError):
        generation = from_recipe(content, id)
    if not ID.fullmatch(generation.id):
        raise PictureError("its recipe has no id of ours")
    source = image_file.with_name(image_file.stem + SOURCE_SUFFIX)
    return replace(
        generation,
        image_path=image_file.relative_to(workspace).as_posix(),
        source_path=source.relative_to(workspace).as_posix() if source.is_file() else None,
    )


def own_id(content: bytes) -> str | None:
    """The id in a PNG's own text, None where it has none."""
    from fibo_core.store.images import read_recipe

    id = (read_recipe(content) or {}).get("id")
    return id if isinstance(id, str) else None


def sidecar_damage(image_file: Path, workspace: Path) -> str | None:
    """What is wrong with the recipe beside a picture, as a sentence; None where it is whole, or there is none."""
    sidecar = image_file.with_suffix(".json")
    try:
        from_recipe(sidecar.read_bytes(), image_file.stem if ID.fullmatch(image_file.stem) else None)
    except FileNotFoundError:
        return None
    except OSError as exc:
        return f"{sidecar.relative_to(workspace)}: it cannot be read ({exc.strerror})"
    except FiboError as exc:
        return f"{sidecar.relative_to(workspace)}: {exc}"
    return None


def file_bytes(image_file: Path) -> int:
    """How much a picture and the files beside it take."""
    beside = (
        image_file,
        image_file.with_suffix(".json"),
        image_file.with_name(image_file.stem + SOURCE_SUFFIX),
    )
    return sum(file.stat().st_size for file in beside if file.is_file())


def file_hash(png: bytes) -> str:
    """By which a picture's file is known again."""
    return sha256(png).hexdigest()


def from_recipe(content: bytes, id: str | None) -> Generation:
    """Raises FiboError where there is none, or that of another picture than ``id``."""
    from fibo_core.store.images import read_recipe

    record = read_recipe(content)
    if record is None:
        raise PictureError("it carries no recipe")
    generation = Generation.from_record(record)
    if id is not None and generation.id != id:
        raise PictureError(f"its recipe is that of picture {generation.id}")
    return generation
