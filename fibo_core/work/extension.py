"""More values for an axis of a batch: the cells that come to its grid, and the jobs that paint them.

Only what is new is painted. What the batch has written is painted again as it is; only a writer who is new to the
batch is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fibo_core.errors import InputError, JobError
from fibo_core.prompts.axes import Axis, Value, axis
from fibo_core.work.batches import Batch
from fibo_core.work.jobs import Job
from fibo_core.work.orders import Order, PlannedCell, plan
from fibo_core.work.tasks import Task
from fibo_core.writers import WrittenPrompt


@dataclass(frozen=True)
class AddedJob:
    """One job of an extension. It paints what another one writes, where that is not written yet: ``after`` is that
    job's number in the extension, ``after_id`` a job that the batch has already."""

    task: Task
    after: int | None = None
    after_id: str | None = None


@dataclass(frozen=True)
class Extension:
    """What is added to a batch. ``order`` is its order with the longer axis; ``cells`` name their jobs by number."""

    order: Order
    jobs: tuple[AddedJob, ...]
    cells: tuple[PlannedCell, ...]


def extension(batch: Batch, name: str, values: Sequence[Value] | str, *, confirmed: bool = False) -> Extension:
    """What ``values`` on the axis ``name`` of a batch come to, with every value of its other axes.

    Raises InputError for an axis that the batch has not, values that it has already or cannot have, and for more
    pictures in the whole grid than are taken unconfirmed; JobError where the prompt to paint was never written.
    """
    before = next((each for each in batch.order.axes if each.name == name.strip()), None)
    if before is None:
        varies = ", ".join(each.name for each in batch.order.axes) or "nothing"
        if not name.strip():
            raise InputError(f"No axis is named; {varies} varies in this batch. Name what should have more values.")
        raise InputError(f"{name[:60]} does not vary in this batch; {varies} does. Name one of its axes.")
    more = axis(before.name, values)
    longer = axis(before.name, (*before.values, *more.values))
    order = _grown(batch, longer, confirmed)
    planned = plan(order, default_model=batch.jobs[0].task.painting.settings.model)
    cells = [cell for cell in planned.cells if cell.place[longer.name] in more.values]
    jobs: list[AddedJob] = []
    number_of: dict[int, int] = {}  # by their numbers in the plan
    for number in dict.fromkeys(cell.job for cell in cells):
        own = [cell for cell in cells if cell.job == number]
        planned_job = planned.jobs[number]
        task = _only(planned_job.task, own)
        added = AddedJob(task)
        if task.written is None and (known := _written_before(batch, task.words, own[0].place)) is not None:
            added = known.job(task)
        elif task.written is None and planned_job.after is not None:
            if planned_job.after not in number_of:
                number_of[planned_job.after] = len(jobs)
                jobs.append(AddedJob(planned.jobs[planned_job.after].task))
            added = AddedJob(task, after=number_of[planned_job.after])
        number_of[number] = len(jobs)
        jobs.append(added)
    return Extension(order, tuple(jobs), tuple(replace(cell, job=number_of[cell.job]) for cell in cells))


def _grown(batch: Batch, longer: Axis, confirmed: bool) -> Order:
    """The batch's order with the longer axis, and the seeds that were drawn for it."""
    order, seeds = batch.order, [cell.seed for cell in batch.cells if cell.seed is not None]
    drawn = min(seeds, default=None) if all(each.name != "seed" for each in order.axes) else None
    return replace(
        order,
        axes=tuple(longer if each.name == longer.name else each for each in order.axes),
        seed=order.seed if drawn is None else drawn,
        confirmed=order.confirmed or confirmed,
    )


def _only(task: Task, cells: Sequence[PlannedCell]) -> Task:
    """The task with the seeds of these cells alone: others of the same settings are painted already."""
    seeds = tuple(cell.seed for cell in cells if cell.seed is not None)
    return replace(task, painting=replace(task.painting, seeds=seeds))


@dataclass(frozen=True)
class _Known:
    """The prompt that a batch has for some words, or the job of its that will have written it."""

    written: WrittenPrompt | None
    by: Job

    def job(self, task: Task) -> AddedJob:
        """Raises JobError where nothing was written, and nothing will be."""
        if self.written is not None:
            return AddedJob(replace(task, written=self.written))
        if self.by.ended:
            raise JobError("The prompt of this batch was not written. Try the batch again first, then extend it.")
        return AddedJob(task, after_id=self.by.id)


def _written_before(batch: Batch, words: str, place: Mapping[str, Value]) -> _Known | None:
    """What the batch has for these words and, where the writers vary, this cell's writer; None where it has no cell of
    them."""
    jobs, found = {job.id: job for job in batch.jobs}, None
    for cell in batch.cells:
        if cell.job.task.words != words or cell.place.get("writer") != place.get("writer"):
            continue
        writing = jobs.get(cell.job.after_id or "", cell.job)
        for written in (writing.task.written, cell.job.task.written, writing.written, cell.job.written):
            if written is not None:
                return _Known(written, writing)
        if found is None or not writing.ended:
            found = _Known(None, writing)
    return found
