"""Batches as they are at a moment: an order that was taken, its cells and the jobs that paint them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fibo_core.prompts.axes import Value
from fibo_core.store.generation import Mode
from fibo_core.work.again import AgainReport
from fibo_core.work.jobs import Job
from fibo_core.work.orders import Order
from fibo_core.work.tasks import JobState
from fibo_core.writers import WrittenPrompt

#: What a batch is, from what its cells are, and its jobs that go on: the first of these that any of them is.
_STATES: tuple[JobState, ...] = ("running", "waiting", "queued", "failed", "interrupted", "cancelled")


@dataclass(frozen=True)
class Cell:
    """One picture of a batch, or one prompt of a batch that paints none: where it stands on the axes, and how it is.

    ``generation_id`` is the stored picture, None as long as there is none.
    """

    place: Mapping[str, Value]
    seed: int | None
    job: Job
    generation_id: str | None

    @property
    def state(self) -> JobState:
        return "done" if self.generation_id is not None else self.job.state

    @property
    def left(self) -> bool:
        """Whether its job has ended without it."""
        return self.generation_id is None and self.job.retryable


@dataclass(frozen=True)
class Batch:
    """An order taken, as it is now. ``jobs`` are those of its cells and those that write for them, oldest first."""

    id: str
    owner: str
    title: str
    kind: Mode
    order: Order
    created_at: datetime
    jobs: tuple[Job, ...]
    cells: tuple[Cell, ...]

    @property
    def ended(self) -> bool:
        return all(job.ended for job in self.jobs)

    @property
    def state(self) -> JobState:
        states = {cell.state for cell in self.cells} | {job.state for job in self.jobs if not job.ended}
        return next((state for state in _STATES if state in states), "done")

    @property
    def retryable(self) -> bool:
        """Whether all has ended, and not all of it is done."""
        return self.ended and bool(self.unfinished)

    @property
    def unfinished(self) -> tuple[Job, ...]:
        """The jobs that have ended without all their cells, and those that should have written for them."""
        left = {cell.job.id: cell.job.after_id for cell in self.cells if cell.left}
        return tuple(job for job in self.jobs if job.retryable and (job.id in left or job.id in left.values()))

    @property
    def pictures(self) -> int:
        """How many pictures it comes to."""
        return sum(cell.seed is not None for cell in self.cells)

    @property
    def generation_ids(self) -> tuple[str, ...]:
        """The pictures stored so far, in the order of their cells."""
        return tuple(cell.generation_id for cell in self.cells if cell.generation_id is not None)

    @property
    def current(self) -> Job:
        """The job to look at: the one that paints, else one that runs, else the next. Where all have ended, the first
        that has not done all, else the last."""
        going = [job for job in self.jobs if not job.ended]
        running = [job for job in going if job.state == "running"]
        painting = [job for job in running if job.progress.step is not None]
        left = [cell.job for cell in self.cells if cell.left and cell.state == self.state]
        return next(iter([*painting, *running, *going, *left]), self.jobs[-1])

    @property
    def writing(self) -> Job:
        """The job whose prompt is that of the batch: the current one or, where places of the prompt vary, the first,
        from whose prompt all the others come."""
        return self.jobs[0] if any(axis.is_path for axis in self.order.axes) else self.current

    @property
    def prompt(self) -> WrittenPrompt | None:
        """That job's prompt, before values of axes are laid over it where it is known so; None while there is none."""
        job = self.writing
        own, given = job.written, job.task.written
        return (given or own) if job.task.painting.values else (own or given)

    @property
    def again(self) -> AgainReport | None:
        """What came of painting a stored picture once more, where it was that and has come to its end."""
        return next((job.again for job in reversed(self.jobs) if job.again is not None), None)

    @property
    def fraction(self) -> float:
        """How much of its pictures is painted, the running one's steps counted; 0 to 1."""
        if not self.pictures:
            return 0.0
        if self.again is not None and self.state == "done":
            return 1.0
        steps = sum(job.progress.step.step / job.progress.step.total for job in self.jobs if job.progress.step)
        return min(1.0, (len(self.generation_ids) + steps) / self.pictures)


@dataclass(frozen=True)
class DamagedBatch:
    """A batch that cannot be read, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class BatchPage:
    """Batches, newest first; ``next_cursor`` continues after them, None at the end. ``damaged`` are those among them
    that cannot be read."""

    batches: tuple[Batch, ...]
    next_cursor: str | None
    damaged: tuple[DamagedBatch, ...] = ()
