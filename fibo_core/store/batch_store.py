"""Batches and their cells on disk; `work/desk.py` decides what they mean.

A batch, its cells and its jobs are written in one transaction, all or none.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from fibo_core.errors import JobError
from fibo_core.store.database import Database
from fibo_core.store.idempotency import OnceKey, batch_of_key, keep_key
from fibo_core.store.input_use import inputs_in_use
from fibo_core.store.job_store import ACTIVE, NewJob, insert_jobs
from fibo_core.store.rows import DamagedRow, read_rows
from fibo_core.store.tables import BatchPictureTable, BatchTable, CellTable, JobTable

_QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class CellRow:
    """One picture of a batch, or one prompt of a batch that paints none. ``place`` is where it stands on the axes."""

    place: Mapping[str, Any]
    seed: int | None
    job_id: str


@dataclass(frozen=True)
class BatchRow:
    """An order taken. ``order_json`` is JSON text; ``inputs`` are the pictures it needs, as paths in the workspace."""

    id: str  #: a ULID
    owner: str
    title: str
    kind: str
    order_json: str
    inputs: tuple[str, ...]
    created_at: datetime


class BatchStore:
    """The batches of one database. Every method may raise DatabaseUnreadable or WorkspaceUnwritable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        batch: BatchRow,
        cells: Sequence[CellRow],
        jobs: Sequence[NewJob],
        *,
        limit: int,
        once: OnceKey | None = None,
    ) -> str:
        """Writes a batch and queues its jobs, all or none; its id or, where ``once`` has come before, the first one's.

        Raises QueueFull when too many pictures would wait, KeyReused where another order came with ``once``.
        """
        with self._database.write() as session:
            if once is not None:
                if (first := batch_of_key(session, once)) is not None:
                    return first
                keep_key(session, once, batch.id)
            insert_jobs(session, jobs, limit)
            inputs = json.dumps(batch.inputs)
            session.add(BatchTable(**{**vars(batch), "inputs": inputs}))
            session.add_all(_cell_table(batch.id, cell) for cell in cells)
        return batch.id

    def extend(
        self,
        batch_id: str,
        order_json: str,
        longer_json: str,
        cells: Sequence[CellRow],
        jobs: Sequence[NewJob],
        *,
        limit: int,
    ) -> None:
        """Gives a batch of the order ``order_json`` a longer one, with more cells and jobs, all or none.

        Raises QueueFull, and JobError where the batch has another order by now.
        """
        with self._database.write() as session:
            same = update(BatchTable).where(col(BatchTable.id) == batch_id, col(BatchTable.order_json) == order_json)
            if not session.connection().execute(same.values(order_json=longer_json)).rowcount:
                raise JobError("The batch was extended by somebody else just now. Look at it again, then extend it.")
            insert_jobs(session, jobs, limit)
            session.add_all(_cell_table(batch_id, cell) for cell in cells)

    def of_key(self, once: OnceKey) -> str | None:
        """The id of the batch that was written with this key, within a day. Raises KeyReused."""
        with self._database.read() as session:
            return batch_of_key(session, once)

    def add_jobs(self, batch_id: str, jobs: Sequence[NewJob], instead_of: Mapping[str, str], *, limit: int) -> None:
        """Queues more jobs of a batch; ``instead_of`` names, for each new one's id, the job whose unpainted cells it
        takes over: those of its own seeds. Raises QueueFull, and JobError where others have taken them all already."""
        seeds = {job.id: json.loads(job.task)["seeds"] for job in jobs}
        with self._database.write() as session:
            insert_jobs(session, jobs, limit)
            taken = 0
            for new, old in instead_of.items():
                cells = update(CellTable).where(col(CellTable.batch_id) == batch_id, col(CellTable.job_id) == old)
                own = col(CellTable.seed).in_(seeds[new]) if seeds[new] else col(CellTable.seed).is_(None)
                taken += session.connection().execute(cells.where(own).values(job_id=new)).rowcount
            if not taken:
                raise JobError("The batch is being tried again already.")

    def get(self, id: str) -> BatchRow | DamagedRow | None:
        """The batch of this id, a damaged one also by the id that it goes by; None where there is none."""
        if seq := re.fullmatch(r"row-(\d{1,18})", id, re.ASCII):
            named = (row for row in self._read(select(BatchTable).where(BatchTable.seq == int(seq[1]))) if row.id == id)
            return next(named, None)
        return next(iter(self._read(select(BatchTable).where(BatchTable.id == id))), None)

    def of_picture(self, generation_id: str) -> str | None:
        """The id of the batch that a stored picture belongs to; None where none is known."""
        with self._database.read() as session:
            own = select(BatchPictureTable.batch_id).where(BatchPictureTable.generation_id == generation_id)
            return session.exec(own).first()

    def of_pictures(self, generation_ids: Collection[str]) -> dict[str, str]:
        """For each of these pictures that was painted with others, the id of their batch."""
        picture, other = BatchPictureTable, aliased(BatchPictureTable)
        several = select(other.generation_id).where(
            col(other.batch_id) == col(picture.batch_id), col(other.generation_id) != col(picture.generation_id)
        )
        found = select(picture.generation_id, picture.batch_id).where(
            col(picture.generation_id).in_(generation_ids), several.exists()
        )
        with self._database.read() as session:
            return dict(session.exec(found).all())

    def again_of(self, generation_id: str) -> str | None:
        """The id of the newest batch that paints a stored picture once more; None where none does."""
        newest = select(JobTable.batch_id).where(JobTable.again_of == generation_id).order_by(col(JobTable.seq).desc())
        with self._database.read() as session:
            return session.exec(newest.limit(1)).first()

    def of_job(self, job_id: str) -> str | None:
        """The id of the batch that a job belongs to; None where there is no such job."""
        with self._database.read() as session:
            return session.exec(select(JobTable.batch_id).where(JobTable.id == job_id)).first()

    def active(self, limit: int) -> list[BatchRow | DamagedRow]:
        """The batches with a job that has not ended, oldest first, at most ``limit``."""
        going = select(JobTable.batch_id).where(col(JobTable.state).in_(ACTIVE))
        return self._read(
            select(BatchTable).where(col(BatchTable.id).in_(going)).order_by(col(BatchTable.seq)).limit(limit)
        )

    def recent(self, limit: int) -> list[BatchRow | DamagedRow]:
        """The newest batches, newest first."""
        return self._read(select(BatchTable).order_by(col(BatchTable.seq).desc()).limit(limit))

    def page(self, before: int | None, limit: int) -> list[tuple[int, BatchRow | DamagedRow]]:
        """The newest batches, or those older than ``before``, newest first, each with its place."""
        statement = select(BatchTable).order_by(col(BatchTable.seq).desc()).limit(limit)
        if before is not None:
            statement = statement.where(col(BatchTable.seq) < before)
        with self._database.read() as session:
            return read_rows(session, statement, BatchTable, _batch)

    def several(self, ids: Collection[str]) -> list[BatchRow | DamagedRow]:
        """The batches of these ids that there are."""
        return self._read(select(BatchTable).where(col(BatchTable.id).in_(ids)))

    def cells(self, batch_ids: Collection[str]) -> dict[str, list[CellRow]]:
        """The cells of each of these batches, in their order; damaged ones are left out."""
        found: dict[str, list[CellRow]] = {id: [] for id in batch_ids}
        statement = select(CellTable).where(col(CellTable.batch_id).in_(batch_ids)).order_by(col(CellTable.seq))
        with self._database.read() as session:
            for _, cell in read_rows(session, statement, CellTable, _cell):
                if not isinstance(cell, DamagedRow):
                    found[cell[0]].append(cell[1])
        return found

    def inputs(self) -> set[str]:
        """The pictures that a batch, or a stored picture, still needs, as paths in the workspace."""
        return inputs_in_use(self._database)

    def _read(self, statement: SelectOfScalar[BatchTable]) -> list[BatchRow | DamagedRow]:
        with self._database.read() as session:
            return [row for _, row in read_rows(session, statement, BatchTable, _batch)]


def _batch(row: BatchTable) -> BatchRow:
    return BatchRow(
        id=row.id,
        owner=row.owner,
        title=row.title,
        kind=row.kind,
        order_json=row.order_json,
        inputs=tuple(json.loads(row.inputs)),
        created_at=row.created_at,
    )


def _cell_table(batch_id: str, cell: CellRow) -> CellTable:
    return CellTable(batch_id=batch_id, place=json.dumps(dict(cell.place)), seed=cell.seed, job_id=cell.job_id)


def _cell(row: CellTable) -> tuple[str, CellRow]:
    place = json.loads(row.place)
    if not isinstance(place, dict):
        raise ValueError(f"place is {row.place!r:.60}")
    return row.batch_id, CellRow(place, row.seed, row.job_id)
