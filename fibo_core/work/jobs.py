"""The job queue: durable rows, a few worker threads, and what each job is doing right now, by id.

The rows (`store/job_store.py`) survive a restart; progress and previews live in memory only. The queue of a
workspace belongs to one process at a time: a lock on `queue.lock`, which the system drops when that process ends,
however it ends.
"""

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.errors import (
    Cancelled,
    FiboError,
    InputError,
    Interrupted,
    JobDamaged,
    JobError,
    NoWriterAnswered,
    QueueTaken,
    StoreError,
    WorkspaceUnwritable,
    WriterAnswerError,
)
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.job_store import PENDING, JobRow, JobStore, ModelTurn, damage_of
from fibo_core.store.rows import DamagedRow
from fibo_core.work.again import AgainReport, report_from_record, report_to_record
from fibo_core.work.tasks import JobState, Task, task_from_json, task_to_json, written_from_record, written_to_record
from fibo_core.work.workflows import Observer
from fibo_core.writers import WrittenPrompt

log = logging.getLogger(__name__)

ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled", "interrupted"})

NAP_MIN_S, NAP_MAX_S = 0.05, 5.0  #: between two looks of an idle worker
TROUBLE_NAP_S = 1.0  #: before a worker that met an error looks again
WAIT_MIN_S = 1.0  #: before a writer is asked again, whatever it says
MODEL_TURN_S = 120.0  #: for which a model may go on while jobs of another, that came before, wait


@dataclass(frozen=True)
class Progress:
    """What a running job is doing. ``picture`` of ``pictures`` counts from 1; ``step`` is None before the first."""

    stage: Literal["starting", "writing", "painting"] = "starting"
    writer: str = ""
    tokens: int = 0  #: that the writer has written so far, where it tells
    picture: int = 0
    pictures: int = 0
    step: StepEvent | None = None


@dataclass(frozen=True)
class Job:
    """One prompt of a batch, as it is now. ``error`` is the sentence to show, ``error_kind`` the error's class.

    While it waits, ``error`` is what for, and ``wait_until`` when it goes on by itself. ``answer`` is what a writer
    said that could not be made a prompt. ``again`` is what came of painting a stored picture once more.
    """

    id: str
    title: str
    state: JobState
    task: Task
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    error_kind: str | None
    written: WrittenPrompt | None
    generation_ids: tuple[str, ...]
    progress: Progress
    wait_until: datetime | None = None
    answer: str | None = None
    batch_id: str = ""
    after_id: str | None = None
    again: AgainReport | None = None

    @property
    def mode(self) -> Mode:
        return self.task.mode

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def retryable(self) -> bool:
        return self.state in {"failed", "cancelled", "interrupted"}


@dataclass(frozen=True)
class JobList:
    """Jobs, and the rows among them that cannot be read."""

    jobs: tuple[Job, ...]
    damaged: tuple[DamagedRow, ...] = ()


class _Postponed(Exception):
    """Leaves a workflow whose writer is over its quota; the job is taken up again after ``seconds``.

    ``asked_s`` is how long the writer has been asked in vain by now.
    """

    def __init__(self, reason: str, seconds: float, asked_s: float):
        super().__init__(reason)
        self.seconds = seconds
        self.asked_s = asked_s


@dataclass(frozen=True)
class _End:
    """How a job ended, as its row has it."""

    state: JobState
    error: str | None = None
    error_kind: str | None = None
    answer: str | None = None

    @classmethod
    def of(cls, state: JobState, error: FiboError) -> "_End":
        answer = error.text if isinstance(error, WriterAnswerError | NoWriterAnswered) else None
        return cls(state, str(error), type(error).__name__, answer or None)


@dataclass
class _Live:
    """A running job's flag and what its observer last heard. ``lost`` is an ending that no row could take."""

    flag: CancelFlag
    model: str | None = None  #: that it paints with
    progress: Progress = field(default_factory=Progress)
    lost: _End | None = None


class JobQueue:
    """Runs tasks one after another on ``max_workers`` threads, by calling ``run(task, observer, cancel)``."""

    def __init__(
        self,
        store: JobStore,
        run: Callable[[Task, Observer, CancelFlag], object],
        *,
        lock_file: Path,
        max_workers: int,
        timeout_s: float,
    ) -> None:
        self._store = store
        self._run = run
        self._lock_file = lock_file
        self._max_workers = max_workers
        self._timeout_s = timeout_s
        self._changed = threading.Condition()  # guards _live and _stopping, and wakes workers and waiters
        self._live: dict[str, _Live] = {}
        self._model: str | None = None  #: that painted last
        self._model_since = 0.0  #: when it took the device, on the monotonic clock
        self._stopping = False
        self._trouble: str | None = None  #: what the workers met outside any job; tried again by itself
        self._threads: list[threading.Thread] = []
        self._lease: int | None = None

    def start(self) -> None:
        """Takes the lease, marks what a dead process left running as interrupted, and starts the workers.

        Raises QueueTaken when another process runs this workspace's queue.
        """
        self._lease = _take_lease(self._lock_file)
        try:
            self._interrupt_abandoned()
        except StoreError:
            self.stop()
            raise
        self._threads = [
            threading.Thread(target=self._work, name=f"job-worker-{n}", daemon=True) for n in range(self._max_workers)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Interrupts running jobs, waits up to ``grace_s`` for each worker, and gives the lease back."""
        with self._changed:
            self._stopping = True
            for live in self._live.values():
                live.flag.interrupt()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(grace_s)
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def wake(self) -> None:
        """Lets idle workers look for jobs that were written down beside this queue."""
        with self._changed:
            self._changed.notify_all()

    def get(self, job_id: str) -> Job:
        """The job as it is now. Raises JobNotFound, and JobDamaged where its row cannot be read."""
        return self._job(self._store.get(job_id))

    def of_batches(self, batch_ids: Collection[str]) -> JobList:
        """The jobs of these batches, oldest first."""
        return self._readable(self._store.of_batches(batch_ids))

    def recent(self, limit: int = 20) -> JobList:
        """The newest jobs first, whatever their state."""
        return self._readable(self._store.recent(limit))

    def active(self) -> list[Job]:
        """The jobs that have not ended, oldest first. One that cannot be read is ended here, as failed."""
        found = self._readable(self._store.active())
        if found.damaged:
            for row in found.damaged:
                log.error("%s", damage_of(row))
            self._store.end_damaged(found.damaged)
        return [job for job in found.jobs if not job.ended]

    def remove_damaged(self, row: DamagedRow) -> None:
        """Takes a job that cannot be read out of the list; its pictures stay."""
        self._store.remove(row.seq)

    def counts(self) -> dict[str, int]:
        """How many jobs are ``queued`` (waiting ones too) and ``running``."""
        counts = self._store.counts()
        return {
            "queued": counts.get("queued", 0) + counts.get("waiting", 0),
            "running": counts.get("running", 0),
        }

    def cancel(self, job_id: str) -> Job:
        """Ends exactly this job: at once when it waits, at its next step when it runs. An ended one stays as it is."""
        with self._changed:
            live = self._live.get(job_id)
            if live is not None:
                live.flag.cancel()
            else:
                self._store.cancel_queued(job_id)
                self._changed.notify_all()
        return self.get(job_id)

    def ask_instead(self, job_id: str, writer: str) -> Job:
        """Sends a job that has not begun, or waits for its writer, to another one; any other stays as it is."""
        job = self.get(job_id)
        if job.state in PENDING:
            self._store.requeue(job_id, task_to_json(replace(job.task, writer=writer)))
            self.wake()
        return self.get(job_id)

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """The job once it has ended, or as it is after ``timeout_s``."""
        self.wait_until(lambda: self.get(job_id).ended, timeout_s)
        return self.get(job_id)

    def wait_until(self, done: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Returns once ``done``, which is asked whenever a job begins or ends, or after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(done, timeout_s)

    @property
    def trouble(self) -> str | None:
        """Why jobs are not begun as they should be, such as a full disk, as a sentence; None where all is well."""
        ended = sum(not thread.is_alive() for thread in self._threads)
        if ended and not self._stopping:
            return str(JobError(f"{ended} of the queue's {len(self._threads)} workers have ended. Restart the studio."))
        return self._trouble

    def busy(self) -> bool:
        """Whether there is work that goes on: a job that runs, or one that will be begun. Raises a StoreError."""
        if any(live.lost is None for live in list(self._live.values())):
            return True
        return self.trouble is None and any(self.counts().values())

    def _work(self) -> None:
        """Takes job after job until the queue stops; no error ends a worker."""
        while not self._stopping:
            try:
                self._work_once()
            except BaseException as exc:
                self._note_trouble(exc)
                with self._changed:
                    self._changed.wait(timeout=TROUBLE_NAP_S)

    def _work_once(self) -> None:
        """Runs the next job, or sleeps until there may be one."""
        with self._changed:
            row = self._claim()
            if row is None:
                if not self._stopping:
                    self._changed.wait(timeout=self._sleep_s())
                return
            live = self._live[row.id] = _Live(CancelFlag(self._timeout_s), row.model)
            if row.model not in (None, self._model):
                self._model, self._model_since = row.model, time.monotonic()
        try:
            end = self._run_one(row, live)
        except _Postponed as exc:
            self._postpone(row.id, live, exc)
        else:
            self._finish(row.id, live, end)

    def _note_trouble(self, exc: BaseException) -> None:
        """What keeps jobs from being begun: shown as long as it lasts, logged with its trace when it begins."""
        error = exc
        if not isinstance(exc, FiboError):
            error = JobError(
                f"The queue met an error that the studio did not foresee ({type(exc).__name__}). The log has the "
                "details; it tries again by itself."
            )
        with self._changed:
            if self._trouble is None:
                log.error("The queue waits: %s", error, exc_info=exc)
            self._trouble = str(error)

    def _sleep_s(self) -> float:
        """How long to sleep when nothing wakes the worker: to the next waiting job's time, at most five seconds."""
        if self._trouble is not None:
            return TROUBLE_NAP_S
        try:
            due = self._store.next_due()
        except StoreError:
            due = None  # `_claim` says what is wrong with the database
        if due is None:
            return NAP_MAX_S
        return min(NAP_MAX_S, max(NAP_MIN_S, (due - datetime.now(UTC)).total_seconds()))

    def _claim(self) -> JobRow | None:
        if self._stopping:
            return None
        try:
            self._write_lost_ends()
            self._interrupt_abandoned()
            while isinstance(row := self._store.claim(list(self._live), self._turn()), DamagedRow):
                log.error("%s", damage_of(row))
                self._changed.notify_all()  # for who waits for its batch
        except BaseException as exc:  # tried again when the condition wakes or times out
            self._note_trouble(exc)
            return None
        self._trouble = None
        return row

    def _turn(self) -> ModelTurn:
        over = time.monotonic() - self._model_since > MODEL_TURN_S
        return ModelTurn(self._model, over, any(live.model == self._model for live in self._live.values()))

    def _interrupt_abandoned(self) -> None:
        """Ends what says that it runs while nobody works on it; one worker at a time, since it knows who does."""
        for job_id in self._store.interrupt_running(list(self._live)):
            log.warning("Job %s was interrupted: nobody works on it any more. It can be retried.", job_id)

    def _run_one(self, row: JobRow, live: _Live) -> _End:
        """Runs one job to its end; raises nothing but _Postponed."""
        live.flag.start_clock()
        try:
            self._run(self._task(row), _JobObserver(self, row, live), live.flag)
        except _Postponed:
            raise
        except Cancelled as exc:
            return _End.of("cancelled", exc)
        except Interrupted as exc:
            return _End.of("interrupted", exc)
        except FiboError as exc:
            log.warning("Job %s failed: %s", row.id, exc)
            return _End.of("failed", exc)
        except BaseException:  # a bug, or a library's exit: the log has it in full, the job says so, the next job runs
            log.exception("Job %s failed on an error nobody foresaw.", row.id)
            unforeseen = JobError(
                "Something went wrong that the studio did not foresee. The log has the details; try again, or "
                "report it with them."
            )
            return _End.of("failed", unforeseen)
        return _End("done")

    def _task(self, row: JobRow) -> Task:
        """What the job does, with the prompt that another one has written for it."""
        task = _parsed(row)[0]
        if row.after_id is None or task.written is not None:
            return task
        written = _parsed(self._store.get(row.after_id))[1]
        if written is None:
            raise JobError("The prompt that this should paint was not written. Ask anew.")
        return replace(task, written=written)

    def _postpone(self, job_id: str, live: _Live, wait: _Postponed) -> None:
        """Puts the job aside, so that its worker is free meanwhile; a cancel that came in between ends it."""
        with self._changed:
            try:
                self._store.postpone(job_id, str(wait), wait.seconds, wait.asked_s)
                if live.flag.is_set and not self._stopping:
                    self._store.cancel_queued(job_id)
                del self._live[job_id]
            except StoreError as exc:
                self._finish(job_id, live, _End.of("interrupted", exc))
            self._changed.notify_all()
        log.info("Job %s waits %.0f s: %s", job_id, wait.seconds, wait)

    def _write_lost_ends(self) -> None:
        """Writes down the ends that no row could take when they came, now that one may."""
        for job_id, live in list(self._live.items()):
            if live.lost is not None:
                self._store.finish(job_id, *astuple(live.lost))
                self._live.pop(job_id, None)

    def _finish(self, job_id: str, live: _Live, end: _End) -> None:
        with self._changed:
            try:
                self._store.finish(job_id, *astuple(end))
                del self._live[job_id]
            except Exception as exc:
                log.error("The end of job %s could not be written down: %s", job_id, exc)
                live.lost = end
            self._changed.notify_all()

    def _readable(self, rows: Sequence[JobRow | DamagedRow]) -> JobList:
        jobs, damaged = [], []
        for row in rows:
            if isinstance(row, DamagedRow):
                damaged.append(row)
                continue
            try:
                jobs.append(self._job(row))
            except JobDamaged as exc:
                damaged.append(_damaged(row, exc.__cause__))
        return JobList(tuple(jobs), tuple(damaged))

    def _job(self, row: JobRow) -> Job:
        """Raises JobDamaged."""
        task, written, report = _parsed(row)
        live = self._live.get(row.id)
        job = Job(
            id=row.id,
            title=row.title,
            state=cast(JobState, row.state),
            task=task,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            error=row.error,
            error_kind=row.error_kind,
            written=written,
            generation_ids=row.generation_ids,
            progress=Progress() if live is None else live.progress,
            wait_until=row.wait_until,
            answer=row.answer,
            batch_id=row.batch_id,
            after_id=row.after_id,
            again=report,
        )
        if live is not None and live.lost is not None:
            return replace(job, **vars(live.lost), finished_at=datetime.now(UTC))
        return job


class _JobObserver:
    """Writes down what a workflow tells: results into the job's row, progress into memory."""

    wants_previews = True

    def __init__(self, queue: JobQueue, row: JobRow, live: _Live) -> None:
        self._store = queue._store
        self._job_id = row.id
        self._waited_s = row.waited_s
        self._began = time.monotonic()
        self._live = live

    def on_writing(self, writer: str) -> None:
        self._live.progress = Progress("writing", writer=writer)

    def on_tokens(self, count: int) -> None:
        self._live.progress = replace(self._live.progress, tokens=count)

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        """Leaves the worker to other jobs until then; False once the job has waited long enough, on the clock."""
        asked_s, wait_s = time.monotonic() - self._began, max(retry_after_s, WAIT_MIN_S)
        if self._waited_s + asked_s + wait_s > patience_s:
            return False
        raise _Postponed(reason, wait_s, asked_s)

    def on_written(self, written: WrittenPrompt) -> None:
        self._store.set_written(self._job_id, json.dumps(written_to_record(written)))

    def on_painting(self, index: int, total: int) -> None:
        self._live.progress = Progress("painting", picture=index + 1, pictures=total)

    def on_step(self, event: StepEvent) -> None:
        progress = self._live.progress
        if event.preview is None and progress.step is not None:  # not every step has one: the last stays to be seen
            event = replace(event, preview=progress.step.preview)
        self._live.progress = replace(progress, step=event)

    def on_stored(self, generation: Generation) -> None:
        self._store.add_generation(self._job_id, generation.id)

    def on_compared(self, report: AgainReport) -> None:
        self._store.set_again(self._job_id, json.dumps(report_to_record(report)))


#: What reading a task, or a written prompt, raises where its JSON is none of ours.
_DAMAGE = (InputError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _parsed(row: JobRow) -> tuple[Task, WrittenPrompt | None, AgainReport | None]:
    """A row's task, the prompt that was written for it, and what came of painting a picture once more.

    Raises JobDamaged from what is wrong with them.
    """
    try:
        written = None if row.written is None else written_from_record(json.loads(row.written))
        report = None if row.again is None else report_from_record(json.loads(row.again))
        return task_from_json(row.task), written, report
    except _DAMAGE as exc:
        raise JobDamaged(damage_of(_damaged(row, exc))) from exc


def _damaged(row: JobRow, exc: BaseException | None) -> DamagedRow:
    return DamagedRow(row.seq, row.id, f"its task or prompt: {exc}".rstrip("."))


def _take_lease(lock_file: Path) -> int:
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise WorkspaceUnwritable(
            f"The workspace {lock_file.parent} cannot be written ({exc.strerror}). "
            "Mount it writable, free some space, or set WORKSPACE_DIR to another folder."
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise QueueTaken(
            f"Another studio already runs on the workspace {lock_file.parent}. "
            "Use that one, end it, or set WORKSPACE_DIR to another folder."
        ) from exc
    return descriptor
