"""A desk with its queue, its writers and the real pipeline on mini, on a workspace of its own, for tests of batches."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine.fibo import FiboEngine
from fibo_core.errors import FiboError
from fibo_core.store.batch_store import BatchStore
from fibo_core.store.database import Database
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.job_store import JobStore
from fibo_core.work import workflows
from fibo_core.work.desk import Batch, Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.tasks import Task
from fibo_core.work.workflows import Observer, Tools
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.chain import Backend, Writers
from fibo_core.writers.offline import OfflineWriter

Moment = Callable[[str, Task, CancelFlag], None]


class Scribe(OfflineWriter):
    """Writes by rules, counts how often it is asked, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails: FiboError | None = None

    def expand(self, words: str, **given: Any) -> WrittenPrompt:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return super().expand(words, **given)


class Watched:
    """An observer that calls ``at`` when a writer is asked, before each picture, and after it was stored."""

    def __init__(self, inner: Observer, at: Callable[[str], None]) -> None:
        self._inner, self._at = inner, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def on_writing(self, writer: str) -> None:
        self._inner.on_writing(writer)
        self._at("writing")

    def on_painting(self, index: int, total: int) -> None:
        self._inner.on_painting(index, total)
        self._at("painting")

    def on_stored(self, generation: Any) -> None:
        self._inner.on_stored(generation)
        self._at("stored")


class Pause:
    """Holds the work at the ``nth`` moment of a kind until it is let on, or cancelled."""

    def __init__(self, moment: str, nth: int = 1) -> None:
        self.moment, self.left = moment, nth
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, moment: str, task: Task, cancel: CancelFlag) -> None:
        self.left -= moment == self.moment
        if self.left == 0 and not self.reached.is_set():
            self.reached.set()
            while not self.go_on.wait(0.01):
                cancel.check()


class Studio:
    """A desk and its queue on a workspace of their own, with one worker; ``at`` is called at each moment of work."""

    def __init__(self, folder: Path, engine: FiboEngine) -> None:
        self.path = folder / "studio.db"
        self.database = Database(self.path)
        self.database.migrate()
        self.scribe, self.busy = Scribe(), Scribe()
        writers = tuple(
            Backend(name, name, "", lambda scribe=scribe: scribe)
            for name, scribe in (("offline", self.scribe), ("busy", self.busy))
        )
        self.tools = Tools(Writers(writers), engine, History(folder, self.database))
        self.at: Moment = lambda moment, task, cancel: None
        self.queue = JobQueue(
            JobStore(self.database), self._run, lock_file=folder / "queue.lock", max_workers=1, timeout_s=60
        )
        self.desk = self.another_desk()

    def another_desk(self, max_queued: int = 1000) -> Desk:
        return Desk(BatchStore(self.database), self.queue, self.tools, max_queued=max_queued)

    def _run(self, task: Task, observer: Observer, cancel: CancelFlag) -> object:
        watched = Watched(observer, lambda moment: self.at(moment, task, cancel))
        return workflows.run(self.tools, task, watched, cancel)  # type: ignore[arg-type]

    def pictures(self) -> int:
        return self.tools.history.count(HistoryQuery())

    def seeds(self, batch: Batch) -> list[int]:
        return [self.tools.history.get(id).request.seed for id in batch.generation_ids]

    def execute(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(sql, values)

    def rows(self) -> list[int]:
        """How many batches, cells and jobs are written down."""
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            tables = ("batch", "cell", "job")
            return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


def places(batch: Batch) -> list[tuple[dict[str, Any], int | None]]:
    return [(dict(cell.place), cell.seed) for cell in batch.cells]


def states(batch: Batch) -> list[str]:
    return [cell.state for cell in batch.cells]
