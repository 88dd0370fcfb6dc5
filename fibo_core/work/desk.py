"""The desk: takes orders, writes each down as a batch of jobs, and says how a batch stands.

A batch is what a page follows: durable, with a cell for every picture to come, so that another browser, or the same one
after a reload, sees all of it.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ulid import ULID

from fibo_core.errors import BatchDamaged, BatchNotFound, FiboError, InputError, JobError, JobNotFound, PictureError
from fibo_core.prompts.axes import Value
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.batch_store import BatchRow, BatchStore, CellRow
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.idempotency import OnceKey
from fibo_core.store.job_store import PENDING, NewJob
from fibo_core.store.rows import DamagedRow
from fibo_core.work.again import again_order, check_again
from fibo_core.work.batches import Batch, BatchPage, Cell, DamagedBatch
from fibo_core.work.editing import change_mask, object_mask, pictures_of, ready
from fibo_core.work.estimates import Estimate, Pace
from fibo_core.work.extension import extension
from fibo_core.work.jobs import Job, JobQueue
from fibo_core.work.orders import WORDS_AXIS, Order, order_from_json, order_to_json, plan
from fibo_core.work.same_picture import OnePicture
from fibo_core.work.tasks import GenerateTask, Task, task_to_json
from fibo_core.work.workflows import Tools
from fibo_core.writers import WrittenPrompt

__all__ = ["ACTIVE_SHOWN", "Batch", "BatchPage", "Cell", "DamagedBatch", "Desk", "Estimate"]

ACTIVE_SHOWN = 20  #: batches that have not ended, for a strip that shows them


class Desk:
    """Takes orders. Every method may raise a StoreError."""

    def __init__(self, store: BatchStore, queue: JobQueue, tools: Tools, *, max_queued: int) -> None:
        self._store = store
        self._queue = queue
        self._tools = tools
        self._max_queued = max_queued

    def place(self, order: Order, owner: str = "", *, once: OnceKey | None = None) -> Batch:
        """Takes an order: decides what it leaves open, and writes batch, cells and jobs down together.

        With ``once`` that has come before, nothing is taken: the batch is the first one. Raises InputError for what
        cannot be, ModelMissing for a model that is not here, QueueFull, and KeyReused.
        """
        order = self._ready(order)
        planned = plan(order, default_model=self._tools.engine.status().model_for(order.kind))
        self._check_here(order, [job.task for job in planned.jobs])
        batch_id = str(ULID())
        ids = [str(ULID()) for _ in planned.jobs]
        jobs = [
            _new_job(id, batch_id, job.task, None if job.after is None else ids[job.after])
            for id, job in zip(ids, planned.jobs, strict=True)
        ]
        cells = [CellRow(cell.place, cell.seed, ids[cell.job]) for cell in planned.cells]
        row = BatchRow(
            id=batch_id,
            owner=owner,
            title=_title(order.words, order.kind, order.written, again=order.again_of is not None),
            kind=order.kind,
            order_json=order_to_json(order),
            inputs=pictures_of(order),
            created_at=datetime.now(UTC),
        )
        batch_id = self._store.add(row, cells, jobs, limit=self._max_queued, once=once)
        self._queue.wake()
        return self.get(batch_id)

    def again(self, generation_id: str, *, keep: bool = False, owner: str = "", once: OnceKey | None = None) -> Batch:
        """Paints a stored picture's recipe once more, to be compared with it; with ``keep`` the new one is stored too.

        Raises GenerationNotFound, GenerationDamaged, InputError for a recipe that cannot be painted, ModelMissing,
        QueueFull, and KeyReused.
        """
        picture = self._tools.history.get(generation_id, deleted_too=True)
        check_again(picture, self._tools.engine)
        return self.place(again_order(picture, keep=keep), owner, once=once)

    def again_of_picture(self, generation_id: str) -> Batch | None:
        """The newest batch that paints, or has painted, a stored picture once more; None where none can be read."""
        batch_id = self._store.again_of(generation_id)
        return None if batch_id is None else self.several([batch_id]).get(batch_id)

    def painted_already(self, order: Order) -> Generation | None:
        """The stored picture that this order would paint once more; None where it paints another, or nobody can tell
        before a prompt is written or a seed drawn. Raises InputError for what cannot be."""
        order = self._ready(order)
        one = OnePicture.of(order, default_model=self._tools.engine.status().model_for(order.kind))
        if one is not None and order.kind == "edit" and order.source_id is not None:
            return one.of_edits(self._tools.history.children(order.source_id), self._tools.engine)
        request = None if one is None else one.request(self._tools.engine)
        return None if request is None else self._tools.history.of_recipe(request.recipe_hash)

    def being_painted(self, order: Order) -> Batch | None:
        """The batch, queued or running, that is to paint the very picture of this order; None where none is. Raises
        InputError for what cannot be."""
        order = self._ready(order)
        one = OnePicture.of(order, default_model=self._tools.engine.status().model_for(order.kind))
        return None if one is None else one.being_painted(self.active())

    def placed(self, once: OnceKey) -> Batch | None:
        """The batch of the order that came with this key before; None where none did. Raises KeyReused."""
        batch_id = self._store.of_key(once)
        return None if batch_id is None else self.get(batch_id)

    def get(self, batch_id: str) -> Batch:
        """The batch as it is now. Raises BatchNotFound, and BatchDamaged where it cannot be read."""
        return self._batch(self._row(batch_id))

    def several(self, batch_ids: Collection[str]) -> dict[str, Batch]:
        """Those of these batches that there are and that can be read, by their ids, as they are now."""
        return {batch.id: batch for batch in self._batches(self._store.several(batch_ids))}

    def batch_of(self, job_id: str) -> str:
        """The id of the batch that a job belongs to. Raises JobNotFound."""
        found = self._store.of_job(job_id)
        if not found:
            raise JobNotFound(f"No job has the id {job_id[:40]!r}.")
        return found

    def batch_of_picture(self, generation_id: str) -> Batch | None:
        """The batch that a stored picture was painted in; None where there is none that can be read."""
        batch_id = self._store.of_picture(generation_id)
        return None if batch_id is None else self.several([batch_id]).get(batch_id)

    def batches_of_pictures(self, generation_ids: Collection[str]) -> dict[str, str]:
        """For each of these pictures that was painted with others, the id of their batch."""
        return self._store.of_pictures(generation_ids)

    def job(self, job_id: str) -> Job:
        """The job as it is now. Raises JobNotFound, and JobDamaged where it cannot be read."""
        return self._queue.get(job_id)

    def cancel_job(self, job_id: str) -> Job:
        """Ends one job of a batch: at once where it waits, at its next step where it runs. Raises JobNotFound."""
        return self._queue.cancel(job_id)

    def active(self) -> list[Batch]:
        """The batches that have not ended, oldest first, the first twenty of them."""
        return [batch for batch in self._batches(self._store.active(ACTIVE_SHOWN)) if not batch.ended]

    def recent(self, limit: int = 20) -> list[Batch]:
        """The newest batches first, whatever their state; those that cannot be read are left out."""
        return self._batches(self._store.recent(limit))

    def page(self, cursor: str | None = None, limit: int = 20) -> BatchPage:
        """The newest batches, or those after ``cursor``. Raises InputError for a cursor that none of ours is."""
        if cursor is not None and not re.fullmatch("[0-9]{1,18}", cursor, re.ASCII):
            raise InputError(f"The cursor {cursor[:40]!r} is none of ours. Begin at the first page.")
        rows = self._store.page(None if cursor is None else int(cursor), limit + 1)
        shown = rows[:limit]
        further = str(shown[-1][0]) if len(rows) > limit and shown else None
        damaged: list[DamagedBatch] = []
        batches = self._batches([row for _, row in shown], damaged)
        return BatchPage(tuple(batches), further, tuple(damaged))

    def cancel(self, batch_id: str) -> Batch:
        """Ends every job of the batch: at once where it waits, at its next step where it runs.

        Raises BatchNotFound; and BatchDamaged where the batch cannot be read, after its jobs were ended all the same.
        """
        row = self._row(batch_id)
        for job in self._queue.of_batches([row.id]).jobs:
            if not job.ended:
                self._queue.cancel(job.id)
        try:
            return self._batch(row)
        except BatchDamaged as exc:
            raise BatchDamaged(f"{exc} What had not ended of it is cancelled.") from exc

    def retry(self, batch_id: str, *, writer: str | None = None) -> Batch:
        """Queues what a batch that has ended did not get to: with the prompts that were written already, and the seeds
        that are not painted yet. ``writer`` is another one to ask. Raises JobError, QueueFull.
        """
        batch = self.get(batch_id)
        if not batch.retryable:
            raise JobError(f"The batch is {batch.state}: there is nothing to try again.")
        new_id = {job.id: str(ULID()) for job in batch.unfinished}
        jobs = []
        for job in batch.unfinished:
            painting = job.task.painting
            task: Task = replace(
                job.task,
                painting=replace(painting, seeds=painting.seeds[len(job.generation_ids) :]),
                written=job.task.written if job.after_id else job.written or job.task.written,
                writer=writer or job.task.writer,
            )
            after_id = job.after_id and new_id.get(job.after_id, job.after_id)
            jobs.append(_new_job(new_id[job.id], batch_id, task, after_id))
        instead_of = {new: old for old, new in new_id.items()}
        self._store.add_jobs(batch_id, jobs, instead_of, limit=self._max_queued)
        self._queue.wake()
        return self.get(batch_id)

    def extend(self, batch_id: str, name: str, values: Sequence[Value] | str, *, confirmed: bool = False) -> Batch:
        """Gives one axis of a batch more values: the cells that come to its grid are queued, all or none, and nothing
        that is painted or written already is made again.

        Raises InputError for an axis or values that cannot be, JobError where the batch has no prompt to paint or was
        extended by somebody else meanwhile, ModelMissing, and QueueFull.
        """
        row = self._row(batch_id)
        batch = self._batch(row)
        assert isinstance(row, BatchRow)
        added = extension(batch, name, values, confirmed=confirmed)
        self._check_here(added.order, [job.task for job in added.jobs])
        ids = [str(ULID()) for _ in added.jobs]
        jobs = [
            _new_job(id, batch_id, job.task, job.after_id if job.after is None else ids[job.after])
            for id, job in zip(ids, added.jobs, strict=True)
        ]
        cells = [CellRow(cell.place, cell.seed, ids[cell.job]) for cell in added.cells]
        longer = order_to_json(added.order)
        self._store.extend(batch_id, row.order_json, longer, cells, jobs, limit=self._max_queued)
        self._queue.wake()
        return self.get(batch_id)

    def ask_instead(self, batch_id: str, writer: str) -> Batch:
        """Sends what has not begun, or waits for its writer, to another one."""
        for job in self.get(batch_id).jobs:
            if job.state in PENDING and job.after_id is None and job.task.written is None:
                self._queue.ask_instead(job.id, writer)
        return self.get(batch_id)

    def wait(self, batch_id: str, timeout_s: float | None = None) -> Batch:
        """The batch once it has ended, or as it is after ``timeout_s``."""
        self._queue.wait_until(lambda: self.get(batch_id).ended, timeout_s)
        return self.get(batch_id)

    def remaining_s(self, batch: Batch) -> float | None:
        """About how long the rest of a batch takes to paint, from what each model took here before; None where
        nothing tells."""
        if batch.ended or not batch.pictures:
            return None
        return Pace(self._tools.history).remaining_s(batch.jobs)

    def estimate(self, order: Order) -> Estimate:
        """What an order comes to, before it is placed. Raises InputError as `place` would."""
        order = self._ready(order)
        planned = plan(order, default_model=self._tools.engine.status().model_for(order.kind))
        return Pace(self._tools.history).estimate(job.task for job in planned.jobs)

    def would_come_to(self, order: Order) -> tuple[Estimate, tuple[str, ...]]:
        """The same for any order, with the sentences in which `place` would refuse it as things are, but for those of
        a full queue. Raises InputError for one that can never be."""
        refusals: list[str] = []
        order = self._ready(order)
        try:
            planned = plan(order, default_model=self._tools.engine.status().model_for(order.kind))
        except InputError as exc:
            planned = plan(
                replace(order, confirmed=True), default_model=self._tools.engine.status().model_for(order.kind)
            )
            refusals.append(str(exc))  # it only wants a yes
        try:
            self._check_here(order, [job.task for job in planned.jobs])
        except FiboError as exc:
            refusals.append(str(exc))
        return Pace(self._tools.history).estimate(job.task for job in planned.jobs), tuple(refusals)

    def estimate_extension(
        self, batch_id: str, name: str, values: Sequence[Value] | str, *, confirmed: bool = False
    ) -> Estimate:
        """What `extend` would add. Raises what it would."""
        added = extension(self.get(batch_id), name, values, confirmed=confirmed)
        return Pace(self._tools.history).estimate(job.task for job in added.jobs)

    def inputs(self) -> set[str]:
        """The SHA-256 of each kept picture that some batch, or a picture's recipe, refers to."""
        return {Path(path).stem for path in self._store.inputs()}

    def mask_of_object(self, generation_id: str, path: str, changed: StructuredPrompt | None = None) -> str:
        """The SHA-256 of a mask, kept among the inputs, of an object of a stored picture ("objects[1]"), and of what
        comes in its place in a ``changed`` prompt. Raises GenerationNotFound, GenerationDamaged, and InputError."""
        picture = self._tools.history.get(generation_id)
        return object_mask(self._tools, picture, path, changed)

    def mask_of_change(self, before_id: str, after_id: str) -> str:
        """The SHA-256 of a mask, kept among the inputs, of what differs between two stored pictures. Raises
        GenerationNotFound, GenerationDamaged, and InputError where they cannot be compared, or nothing differs."""
        return change_mask(self._tools, before_id, after_id)

    def _ready(self, order: Order) -> Order:
        return ready(order, self._tools) if order.kind == "edit" else order

    def _check_here(self, order: Order, tasks: Sequence[Task]) -> None:
        """Raises where what the order needs is not on this machine, before anything is queued."""
        for model in {task.painting.settings.model for task in tasks if order.paint}:
            self._tools.engine.revision(model)
            self._tools.engine.adapters(model, order.adapters or ())
        for writer in {task.writer for task in tasks}:
            self._tools.writers.check(writer)
        if order.collection is not None:
            self._tools.history.labels.collections.target(order.collection)
        for number, picture in enumerate(order.pictures, 1):
            if not self._tools.history.absolute(Path(picture)).is_file():
                which = f"Picture {number} of those" if len(order.pictures) > 1 else "The picture"
                raise PictureError(f"{which} to begin with is not there any more. Give it again.")
        if order.with_picture and order.source_id is not None and order.written is None:
            self._tools.history.image_file(order.source_id)

    def _row(self, batch_id: str) -> BatchRow | DamagedRow:
        """Raises BatchNotFound."""
        row = self._store.get(batch_id)
        if row is None:
            raise BatchNotFound(f"No batch has the id {batch_id[:40]!r}.")
        return row

    def _batch(self, row: BatchRow | DamagedRow) -> Batch:
        """Raises BatchDamaged."""
        damaged: list[DamagedBatch] = []
        batches = self._batches([row], damaged)
        if damaged:
            raise BatchDamaged(f"Batch {row.id} cannot be read ({damaged[0].reason}). Its pictures are kept.")
        return batches[0]

    def _batches(self, rows: Sequence[BatchRow | DamagedRow], damaged: list[DamagedBatch] | None = None) -> list[Batch]:
        """The batches of these rows; those that cannot be read are added to ``damaged``."""
        ids = [row.id for row in rows]
        cells = self._store.cells(ids)
        jobs: dict[str, list[Job]] = {id: [] for id in ids}
        for job in self._queue.of_batches(ids).jobs:
            jobs[job.batch_id].append(job)
        batches = []
        for row in rows:
            found = _found(row, cells[row.id], jobs[row.id])
            if isinstance(found, Batch):
                batches.append(found)
            elif damaged is not None:
                damaged.append(found)
        return batches


def _found(row: BatchRow | DamagedRow, cell_rows: Sequence[CellRow], jobs: Sequence[Job]) -> Batch | DamagedBatch:
    if isinstance(row, DamagedRow):
        return DamagedBatch(row.id, row.reason)
    try:
        order = order_from_json(row.order_json)
    except (FiboError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        return DamagedBatch(row.id, str(exc).rstrip("."))
    by_id = {job.id: job for job in jobs}
    # a value that is not on its axis may have come with an extension since the order was read
    if any(not isinstance(cell.place.get(axis.name), Value) for cell in cell_rows for axis in order.axes):
        return DamagedBatch(row.id, "its pictures do not stand on its axes")
    cells = _in_order(order, [_cell(cell, by_id[cell.job_id]) for cell in cell_rows if cell.job_id in by_id])
    used = {cell.job.id for cell in cells} | {cell.job.after_id for cell in cells}
    kept = tuple(job for job in jobs if job.id in used)
    if not kept:
        return DamagedBatch(row.id, "none of its jobs can")
    batch = Batch(row.id, row.owner, row.title, order.kind, order, row.created_at, kept, tuple(cells))
    # one without words was written down before anybody knew what it shows
    again = order.again_of is not None
    return batch if order.words.strip() else replace(batch, title=_title("", order.kind, batch.prompt, again=again))


def _cell(row: CellRow, job: Job) -> Cell:
    painted = dict(zip(job.task.painting.seeds, job.generation_ids, strict=False))
    return Cell(row.place, row.seed, job, None if row.seed is None else painted.get(row.seed))


def _in_order(order: Order, cells: list[Cell]) -> list[Cell]:
    """The cells in the order of the grid; those that an extension has brought were written down after all others."""
    number = {axis.name: {value: place for place, value in enumerate(axis.values)} for axis in order.axes}
    words = {cell.place.get(WORDS_AXIS): place for place, cell in reversed(list(enumerate(cells)))}

    def place(cell: Cell) -> tuple[int, ...]:
        on_axes = (number[axis.name].get(cell.place[axis.name], 0) for axis in order.axes)
        return (words[cell.place.get(WORDS_AXIS)], *on_axes)

    return sorted(cells, key=place)


def _new_job(id: str, batch_id: str, task: Task, after_id: str | None) -> NewJob:
    seeds, again_of = task.painting.seeds, task.again_of if isinstance(task, GenerateTask) else None
    return NewJob(
        id=id,
        batch_id=batch_id,
        kind=task.mode,
        title=_title(task.words, task.mode, task.written, again=again_of is not None),
        task=task_to_json(task),
        pictures=len(seeds),
        model=task.painting.settings.model if seeds else None,
        after_id=after_id,
        again_of=again_of,
    )


def _title(words: str, kind: Mode, written: WrittenPrompt | None = None, *, again: bool = False) -> str:
    """The words or, without any, what the prompt says in short."""
    described = "" if written is None else str(written.prompt.get("short_description") or "")
    words = " ".join(words.split()) or " ".join(described.split()) or kind.capitalize()
    words = f"Again: {words}" if again else words
    return words if len(words) <= 80 else words[:79] + "…"
