"""The queue's durable rows; `work/jobs.py` decides what they mean.

Every change of state is one statement in a writing transaction that names the states it may start from, so
two threads, or two processes, never both succeed in ending or claiming the same job.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, cast, delete, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fibo_core.errors import JobDamaged, JobNotFound, QueueFull
from fibo_core.store.database import Database
from fibo_core.store.rows import DamagedRow, read_rows
from fibo_core.store.tables import BatchPictureTable, JobTable

PENDING = ("queued", "waiting")
ACTIVE = (*PENDING, "running")
STATES = (*ACTIVE, "done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class JobRow:
    """A job as it was when it was read. ``task`` and ``written`` (the prompt, once there is one) are JSON
    texts; times are UTC, aware. A waiting job is taken up again at ``wait_until``; ``waited_s`` counts all its waits,
    on the clock.
    ``answer`` is what a writer said that is no prompt. It paints ``pictures`` with ``model`` (None where it paints
    none), the prompt of the job ``after_id`` where that writes it. ``again_of`` is the stored picture that it paints
    once more, ``again`` the report on that as JSON text."""

    seq: int
    id: str  #: a ULID
    kind: str
    title: str
    task: str
    state: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    error_kind: str | None
    written: str | None
    generation_ids: tuple[str, ...]
    wait_until: datetime | None
    waited_s: float
    answer: str | None
    batch_id: str
    after_id: str | None
    model: str | None
    pictures: int
    again_of: str | None = None
    again: str | None = None


@dataclass(frozen=True)
class NewJob:
    """A job to be queued; ``task`` is JSON text. What the rest means, `JobRow` says."""

    id: str
    batch_id: str
    kind: str
    title: str
    task: str
    pictures: int = 0
    model: str | None = None
    after_id: str | None = None
    again_of: str | None = None


@dataclass(frozen=True)
class ModelTurn:
    """Which model has the device now. While its turn is not ``over``, jobs that came before its own are passed over;
    while it ``paints``, no other model's job is claimed."""

    model: str | None = None
    over: bool = True
    paints: bool = False


class JobStore:
    """The jobs of one database. Every method may raise DatabaseUnreadable or WorkspaceUnwritable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Sequence[NewJob], *, limit: int) -> list[JobRow]:
        """Queues jobs, all or none. Raises QueueFull when more than ``limit`` pictures would wait."""
        with self._database.write() as session:
            return insert_jobs(session, new, limit)

    def claim(self, live: Collection[str] = (), turn: ModelTurn = ModelTurn()) -> JobRow | DamagedRow | None:
        """The next job that is queued or has waited long enough, now running; None when there is none.

        The oldest, but for ``turn``. One that cannot be read is ended as failed, and told. ``live`` are the jobs being
        worked on: none of them is claimed again, as the rows of a database that was put back may have it. A job whose
        prompt another one writes comes after that one, and ends as it does where that has not written it.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            _end_dependents(session)
            seq = _next_seq(session, now, live, turn)
            if seq is None:
                return None
            ((_, row),) = read_rows(session, select(JobTable).where(JobTable.seq == seq), JobTable, _value)
            claimed = update(JobTable).where(col(JobTable.seq) == seq)
            if isinstance(row, DamagedRow):
                session.connection().execute(claimed.values(**_ended_as_damaged(row)))
                return row
            late_s = 0.0 if row.wait_until is None else max(0.0, (now - row.wait_until).total_seconds())
            return _changed(
                session,
                claimed.values(
                    state="running", started_at=now, wait_until=None, waited_s=row.waited_s + late_s, error=None
                ),
            )

    def postpone(self, id: str, reason: str, seconds: float, asked_s: float = 0.0) -> JobRow | None:
        """Puts a running job aside for so long; None when it has ended, or is unknown.

        What its writer took to be asked in vain counts as waited, too.
        """
        statement = update(JobTable).where(col(JobTable.id) == id, col(JobTable.state) == "running")
        with self._database.write() as session:
            return _changed(
                session,
                statement.values(
                    state="waiting",
                    error=reason,
                    wait_until=datetime.now(UTC) + timedelta(seconds=seconds),
                    waited_s=col(JobTable.waited_s) + asked_s + seconds,
                ),
            )

    def requeue(self, id: str, task_json: str) -> JobRow | None:
        """Gives a job that has not begun another task, and lets it begin at once; None when it has begun or ended."""
        statement = update(JobTable).where(col(JobTable.id) == id, col(JobTable.state).in_(PENDING))
        with self._database.write() as session:
            return _changed(
                session,
                statement.values(state="queued", task=task_json, error=None, wait_until=None, waited_s=0.0),
            )

    def next_due(self) -> datetime | None:
        """When the next waiting job may go on; None when none waits."""
        with self._database.read() as session:
            due = select(cast(func.min(JobTable.wait_until), Text)).where(JobTable.state == "waiting")
            earliest = session.exec(due).one()
        try:
            return None if earliest is None else datetime.fromisoformat(earliest).replace(tzinfo=UTC)
        except ValueError:
            return None  # of a damaged row, which `end_damaged` ends

    def finish(
        self,
        id: str,
        state: str,
        error: str | None = None,
        error_kind: str | None = None,
        answer: str | None = None,
    ) -> JobRow | None:
        """Ends a job that has not ended, and with it those that wait for a prompt which it has not written; None when
        it had, or is unknown."""
        return self._end(id, ACTIVE, state, error, error_kind, answer)

    def cancel_queued(self, id: str) -> bool:
        """Cancels a job that has not begun; False when it has, or has ended, or is unknown."""
        return self._end(id, PENDING, "cancelled") is not None

    def interrupt_running(self, live: Collection[str] = ()) -> list[str]:
        """Marks as interrupted what says that it runs and is none of ``live``; returns those jobs' ids.

        A dead process has left such rows behind, or a database that was put back has them.
        """
        statement = update(JobTable).where(col(JobTable.state) == "running", col(JobTable.id).not_in(live))
        statement = statement.values(state="interrupted", finished_at=datetime.now(UTC))
        with self._database.write() as session:
            found = list(session.connection().execute(statement.returning(col(JobTable.id))).scalars())
            _end_dependents(session)
            return found

    def end_damaged(self, rows: Sequence[DamagedRow]) -> None:
        """Ends jobs that cannot be read, and have not ended, as failed."""
        with self._database.write() as session:
            for row in rows:
                statement = update(JobTable).where(col(JobTable.seq) == row.seq, col(JobTable.state).in_(ACTIVE))
                session.connection().execute(statement.values(**_ended_as_damaged(row)))
            _end_dependents(session)

    def remove(self, seq: int) -> None:
        """Deletes an ended job's row; one that has not ended stays."""
        with self._database.write() as session:
            session.connection().execute(
                delete(JobTable).where(col(JobTable.seq) == seq, col(JobTable.state).not_in(ACTIVE))
            )

    def set_written(self, id: str, written_json: str) -> None:
        """Keeps the prompt as soon as it exists. Raises JobNotFound."""
        with self._database.write() as session:
            _row(session, id).written = written_json

    def add_generation(self, id: str, generation_id: str) -> None:
        """Notes a picture the job has stored. Raises JobNotFound."""
        with self._database.write() as session:
            row = _row(session, id)
            row.generation_ids = json.dumps([*json.loads(row.generation_ids), generation_id])
            if row.batch_id and session.get(BatchPictureTable, generation_id) is None:  # else that batch has painted it
                session.add(BatchPictureTable(generation_id=generation_id, batch_id=row.batch_id))

    def set_again(self, id: str, report_json: str) -> None:
        """Keeps what came of painting a picture once more. Raises JobNotFound."""
        with self._database.write() as session:
            _row(session, id).again = report_json

    def get(self, id: str) -> JobRow:
        """The job of this id. Raises JobNotFound, and JobDamaged where its row cannot be read."""
        for row in self._query(select(JobTable).where(JobTable.id == id)):
            if isinstance(row, DamagedRow):
                raise JobDamaged(damage_of(row))
            return row
        raise _not_found(id)

    def recent(self, limit: int) -> list[JobRow | DamagedRow]:
        """The newest jobs, newest first."""
        return self._query(select(JobTable).order_by(col(JobTable.seq).desc()).limit(limit))

    def active(self) -> list[JobRow | DamagedRow]:
        """The jobs that have not ended, oldest first."""
        return self._query(select(JobTable).where(col(JobTable.state).in_(ACTIVE)).order_by(col(JobTable.seq)))

    def of_batches(self, batch_ids: Collection[str]) -> list[JobRow | DamagedRow]:
        """The jobs of these batches, oldest first."""
        return self._query(select(JobTable).where(col(JobTable.batch_id).in_(batch_ids)).order_by(col(JobTable.seq)))

    def _query(self, statement: SelectOfScalar[JobTable]) -> list[JobRow | DamagedRow]:
        with self._database.read() as session:
            return [row for _, row in read_rows(session, statement, JobTable, _value)]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state; every state is a key."""
        with self._database.read() as session:
            found = session.exec(select(JobTable.state, func.count()).group_by(JobTable.state))
            return dict.fromkeys(STATES, 0) | dict(found.all())

    def _end(
        self,
        id: str,
        states: Collection[str],
        state: str,
        error: str | None = None,
        error_kind: str | None = None,
        answer: str | None = None,
    ) -> JobRow | None:
        statement = update(JobTable).where(col(JobTable.id) == id, col(JobTable.state).in_(states))
        statement = statement.values(state=state, error=error, error_kind=error_kind, answer=answer, wait_until=None)
        with self._database.write() as session:
            ended = _changed(session, statement.values(finished_at=datetime.now(UTC)))
            if state != "done":
                _end_dependents(session)
            return ended


def damage_of(row: DamagedRow) -> str:
    """The sentence for a job that cannot be read."""
    return f"Job {row.id} cannot be read from the database ({row.reason}). Its pictures are not touched; ask anew."


def insert_jobs(session: Session, new: Sequence[NewJob], limit: int) -> list[JobRow]:
    """Queues jobs in a transaction of the caller's. Raises QueueFull when more than ``limit`` pictures would wait.

    A job that paints none counts as one.
    """
    waits = select(func.coalesce(func.sum(func.max(JobTable.pictures, 1)), 0)).where(col(JobTable.state).in_(PENDING))
    waiting, more = session.exec(waits).one(), sum(max(each.pictures, 1) for each in new)
    if waiting + more > limit:
        raise QueueFull(
            f"{waiting:,} pictures are waiting, and the queue takes {limit:,}: {more:,} more do not fit. Try again "
            "when some are done, cancel some, or raise MAX_QUEUED."
        )
    rows = [JobTable(**vars(each), state="queued", created_at=datetime.now(UTC)) for each in new]
    session.add_all(rows)
    session.flush()
    return list(map(_value, rows))


def _next_seq(session: Session, now: datetime, live: Collection[str], turn: ModelTurn) -> int | None:
    writing = aliased(JobTable)
    written = select(writing.seq).where(writing.id == JobTable.after_id, writing.state == "done").exists()
    due = and_(
        or_(
            col(JobTable.state) == "queued",
            and_(col(JobTable.state) == "waiting", col(JobTable.wait_until) <= now),
        ),
        or_(col(JobTable.after_id).is_(None), written),
        col(JobTable.id).not_in(live),
    )
    jobs = select(JobTable.seq, cast(JobTable.model, Text)).where(due).order_by(col(JobTable.seq)).limit(1)
    oldest = session.connection().execute(jobs).first()
    if oldest is None or turn.model is None or oldest[1] in (None, turn.model):
        return None if oldest is None else oldest[0]
    same = or_(col(JobTable.model).is_(None), col(JobTable.model) == (None if turn.over else turn.model))
    first = session.connection().execute(jobs.where(same)).first() if turn.paints or not turn.over else None
    if first is not None:
        return first[0]
    return None if turn.paints else oldest[0]


def _end_dependents(session: Session) -> None:
    """Jobs that wait for a prompt which was not written end as the one that should have written it."""
    writing = aliased(JobTable)
    statement = (
        select(JobTable.seq, writing.state, writing.error, writing.error_kind)
        .outerjoin(writing, col(writing.id) == col(JobTable.after_id))
        .where(
            col(JobTable.state).in_(PENDING),
            col(JobTable.after_id).is_not(None),
            or_(col(writing.id).is_(None), col(writing.state).in_(("failed", "cancelled", "interrupted"))),
        )
    )
    for seq, state, error, kind in session.connection().execute(statement).all():
        ended = update(JobTable).where(col(JobTable.seq) == seq).values(
            state=state or "failed",
            error=error if state else "The prompt that it should paint is gone. Ask anew.",
            error_kind=kind,
            finished_at=datetime.now(UTC),
            wait_until=None,
        )  # fmt: skip
        session.connection().execute(ended)


def _ended_as_damaged(row: DamagedRow) -> dict[str, Any]:
    return {
        "state": "failed",
        "error": damage_of(row),
        "error_kind": JobDamaged.__name__,
        "finished_at": datetime.now(UTC),
        "wait_until": None,
    }


def _changed(session: Session, statement: Any) -> JobRow | None:
    row = session.scalars(statement.returning(JobTable)).one_or_none()
    return None if row is None else _value(row)


def _row(session: Session, id: str) -> JobTable:
    row = session.exec(select(JobTable).where(JobTable.id == id)).one_or_none()
    if row is None:
        raise _not_found(id)
    return row


def _not_found(id: str) -> JobNotFound:
    return JobNotFound(f"No job has the id {id[:40]!r}.")


def _value(row: JobTable) -> JobRow:
    """Raises ValueError for what no job of ours has."""
    if row.state not in STATES:
        raise ValueError(f"state is {row.state!r}")
    generation_ids = json.loads(row.generation_ids)
    if not isinstance(generation_ids, list) or not all(isinstance(each, str) for each in generation_ids):
        raise ValueError(f"generation_ids is {row.generation_ids!r}")
    assert row.seq is not None
    return JobRow(
        seq=row.seq,
        id=row.id,
        kind=row.kind,
        title=row.title,
        task=row.task,
        state=row.state,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
        error_kind=row.error_kind,
        written=row.written,
        generation_ids=tuple(generation_ids),
        wait_until=row.wait_until,
        waited_s=row.waited_s,
        answer=row.answer,
        batch_id=row.batch_id,
        after_id=row.after_id,
        model=row.model,
        pictures=row.pictures,
        again_of=row.again_of,
        again=row.again,
    )
