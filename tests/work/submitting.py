"""Puts any tasks into a queue as the desk would: written down as a batch with its cells, all or none."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from ulid import ULID

from fibo_core.store.batch_store import BatchRow, BatchStore, CellRow
from fibo_core.store.database import Database
from fibo_core.store.job_store import NewJob
from fibo_core.work.desk import Desk
from fibo_core.work.jobs import Job, JobQueue
from fibo_core.work.orders import Order, order_to_json
from fibo_core.work.tasks import Task, task_to_json

LIMIT = 1000  #: pictures that may wait


def write_down(database: Database, tasks: Sequence[Task], limit: int = LIMIT) -> list[str]:
    """Queues these tasks as one batch; the ids of its jobs."""
    batch_id, ids = str(ULID()), [str(ULID()) for _ in tasks]
    jobs, cells = [], []
    for id, task in zip(ids, tasks, strict=True):
        seeds = task.painting.seeds
        model = task.painting.settings.model if seeds else None
        jobs.append(NewJob(id, batch_id, task.mode, task.words, task_to_json(task), len(seeds), model))
        cells += [CellRow({}, seed, id) for seed in seeds or (None,)]
    order = Order(kind="generate", words=tasks[0].words or "a ball")
    row = BatchRow(batch_id, "", order.words, order.kind, order_to_json(order), (), datetime.now(UTC))
    BatchStore(database).add(row, cells, jobs, limit=limit)
    return ids


def submit_all(queue: JobQueue, tasks: Sequence[Task], limit: int = LIMIT) -> list[Job]:
    """The jobs of these tasks, in a batch together."""
    ids = write_down(queue._store._database, tasks, limit)
    queue.wake()
    return [queue.get(id) for id in ids]


def submit(queue: JobQueue, task: Task, limit: int = LIMIT) -> Job:
    """The job of this task, in a batch of its own."""
    return submit_all(queue, [task], limit)[0]


def desk_of(queue: JobQueue, limit: int = LIMIT, tools: Any = None) -> Desk:
    """A desk on the queue's database; without ``tools`` it takes no orders, and does all else."""
    return Desk(BatchStore(queue._store._database), queue, cast(Any, tools), max_queued=limit)


def retry(queue: JobQueue, job: Job, **options: Any) -> Job:
    """Tries a job's batch again; the job that does what was left of it."""
    return desk_of(queue).retry(job.batch_id, **options).jobs[-1]
