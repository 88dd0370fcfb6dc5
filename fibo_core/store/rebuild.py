"""Rows made anew out of files: of pictures that have none, or a damaged one, or lie elsewhere than their row says.

A picture is known by the id in its recipe, whatever its file is called and wherever below the outputs it lies. Files
are left as they are. All goes folder by folder; only pictures that lie elsewhere are remembered.
"""

from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import col, select

from fibo_core.errors import FiboError
from fibo_core.store.database import Database
from fibo_core.store.generation import OUTPUTS, Generation, place_of
from fibo_core.store.label_files import place_file_labels, read_file_labels
from fibo_core.store.picture_rows import adopt_row, place_row, read_pictures
from fibo_core.store.reconcile import file_bytes, file_hash, find_pictures, own_id, read_generation, sidecar_damage
from fibo_core.store.rows import DamagedRow
from fibo_core.store.tables import GenerationTable

Row = Generation | DamagedRow


@dataclass(frozen=True)
class RebuildReport:
    """``added`` rows (that would be added, in a dry run), damaged ones ``replaced``, those of pictures that were
    ``moved`` and that lead to them again, pictures ``already_there``; a sentence for each file that could not be read,
    for each of the ``duplicates`` of a picture that is there, and for each damaged sidecar whose picture was read.
    ``database_fault`` says what is wrong with the database's file afterwards, "" where it is sound."""

    added: int
    replaced: int
    moved: int
    already_there: int
    unreadable: tuple[str, ...]
    duplicates: tuple[str, ...]
    damaged_sidecars: tuple[str, ...]
    database_fault: str = ""


@dataclass
class _Rebuild:
    workspace: Path
    database: Database
    dry_run: bool
    counts: dict[str, int] = field(default_factory=lambda: {"added": 0, "replaced": 0, "moved": 0, "already_there": 0})
    unreadable: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    sidecars: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)  #: pictures that were taken from where no record has them

    def look_at(self, file: Path, row: Row | None) -> None:
        """Takes what one file has to give; ``row`` is that of the id the file is named after."""
        name = file.relative_to(self.workspace).as_posix()
        if isinstance(row, Generation) and row.image_path == name:
            self.counts["already_there"] += 1
            return
        try:
            generation, size = read_generation(file, self.workspace), file_bytes(file)
            known_by = file_hash(file.read_bytes())
            recorded = place_of(generation.id, generation.created_at)
        except FiboError as exc:
            self.unreadable.append(f"{name}: {exc}")
            return
        except OSError as exc:  # it went away meanwhile
            self.unreadable.append(f"{name}: it cannot be read ({exc.strerror})")
            return
        if generation.id != file.stem:
            row = self.rows([generation.id]).get(generation.id)
            if isinstance(row, Generation) and row.image_path == name:
                self.counts["already_there"] += 1
                return
        known = [row.image_path] if isinstance(row, Generation) else [recorded]
        other = self.elsewhere.get(generation.id) or next(
            (it for it in known if self.holds(it, name, generation.id)), None
        )
        if other is not None:
            self.duplicates.append(f"{name}: it is picture {generation.id} again, which lies in {other}")
            return
        if name != recorded:
            self.elsewhere[generation.id] = name
        if (sidecar := sidecar_damage(file, self.workspace)) is not None:
            self.sidecars.append(sidecar)
        moved = isinstance(row, Generation)
        self.counts["added" if row is None else "moved" if moved else "replaced"] += 1
        if not self.dry_run:
            labels = read_file_labels(file)
            with self.database.write() as session:
                seq = (place_row if moved else adopt_row)(session, generation, size, known_by)
                if seq is not None and labels is not None:
                    place_file_labels(session, seq, labels)

    def rows(self, ids: list[str]) -> dict[str, Row]:
        with self.database.read() as session:
            found = read_pictures(session, select(GenerationTable).where(col(GenerationTable.id).in_(ids)))
        return {row.id: row for _, row in found}

    def holds(self, path: str, name: str, id: str) -> bool:
        """Whether another file than ``name`` lies at ``path`` and is this picture too."""
        try:
            return path != name and own_id((self.workspace / path).read_bytes()) == id
        except (OSError, ValueError):  # ValueError: a NUL, out of a damaged row
            return False


def rebuild(workspace: Path, database: Database, *, dry_run: bool) -> RebuildReport:
    """Rows for pictures that have none, a damaged one, or one that leads nowhere, out of their files."""
    work = _Rebuild(workspace, database, dry_run)
    for piece in find_pictures(workspace / OUTPUTS):
        rows = work.rows([file.stem for file in piece])
        for file in piece:
            work.look_at(file, rows.get(file.stem))
    return RebuildReport(
        **work.counts,
        unreadable=tuple(work.unreadable),
        duplicates=tuple(work.duplicates),
        damaged_sidecars=tuple(work.sidecars),
        database_fault=database.fault(),
    )
