"""What labelling a whole gallery takes, and how long others who write wait meanwhile.

    PYTHONPATH=. python scripts/bench/labels.py [PICTURES]

Fills a database (rows only, no files; 100,000 unless said), then stars, tags, rates and gathers all of it by one
change, undoes that, deletes all and undoes that. Meanwhile another process and a thread of this one write every 20 ms,
as a worker does that stores its pictures; their waits are printed, median and longest. A machine that does
other work at the same time makes the figures meaningless.
"""

import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import text

from fibo_core.store.database import Database
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.label_store import ChangeState
from fibo_core.store.labels import LabelChange
from scripts.bench.history import Filling

EVERY_S = 0.02


def main() -> None:
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "studio.db")
        database = Database(path)
        database.migrate()
        Filling(database, pictures).fill()
        database.close()
        history = History(path.parent, database)
        change = LabelChange(favorite=True, rating=4, add_tags=("all of them",), add_to=("Everything",))
        token = measured(
            path, "star, rate, tag and gather", lambda: history.labels.change(change, query=HistoryQuery())
        )
        measured(path, "undo it", lambda: history.labels.undo(token))
        token = measured(
            path, "delete all", lambda: history.labels.change(LabelChange(deleted=True), query=HistoryQuery())
        )
        measured(path, "undo it", lambda: history.labels.undo(token))
        database.close()


def measured(path: Path, what: str, work: Callable[[], ChangeState]) -> str:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=write_on, args=(path, theirs))
    process.start()
    ours.recv()
    waits: list[float] = []
    ending = threading.Event()
    thread = threading.Thread(target=write_until, args=(Database(path), ending, waits))
    thread.start()
    began = time.perf_counter()
    state = work()
    took = time.perf_counter() - began
    ending.set()
    thread.join()
    ours.send("end")
    others = ours.recv()
    process.join()
    print(
        f"{what}: {state.changed:,} pictures in {took:.1f} s; another process waited {told(others)}, a "
        f"thread {told(waits)}",
        flush=True,
    )
    return state.token


def told(waits: list[float]) -> str:
    return f"{statistics.median(waits) * 1000:.0f}, at most {max(waits) * 1000:.0f} ms ({len(waits)} writes)"


def write_on(path: Path, line: Connection) -> None:
    waits: list[float] = []
    ending = threading.Event()
    thread = threading.Thread(target=write_until, args=(Database(path), ending, waits))
    thread.start()
    line.send("ready")
    line.recv()
    ending.set()
    thread.join()
    line.send(waits)


def write_until(database: Database, ending: threading.Event, waits: list[float]) -> None:
    while not ending.wait(EVERY_S):
        began = time.perf_counter()
        with database.write() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = version_num"))
        waits.append(time.perf_counter() - began)
    database.close()


if __name__ == "__main__":
    main()
