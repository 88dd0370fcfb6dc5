"""Nothing ends a worker, and one bad row harms one row: the queue on databases that are damaged, changed or gone."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import DatabaseUnreadable, JobDamaged, QueueFull
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.store.database import Database
from fibo_core.store.job_store import JobStore
from fibo_core.work.jobs import JobQueue
from fibo_core.work.tasks import GenerateTask, Painting, Task, task_from_json, task_to_json
from fibo_core.work.workflows import Observer
from tests.work.submitting import submit, submit_all, write_down


def task(words: str = "a ball") -> GenerateTask:
    return GenerateTask(words, Painting(RenderSettings.of(CATALOGUE["mini"]), (7,)))


class Studio:
    """A queue on a real database file, whose jobs do what ``on_run`` says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "studio.db"
        self.database = Database(self.path)
        self.database.migrate()
        self.on_run: Callable[[Task], object] = lambda task: None
        self.queue = JobQueue(
            JobStore(self.database),
            self._run,
            lock_file=folder / "queue.lock",
            max_workers=2,
            timeout_s=60,
        )

    def _run(self, task: Task, observer: Observer, cancel: CancelFlag) -> object:
        return self.on_run(task)

    def execute(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(sql, values)

    def paints_the_next_order(self) -> None:
        """The next order is done, and nothing is amiss after it."""
        assert self.queue.wait(submit(self.queue, task()).id, 20).state == "done"
        assert self.queue.trouble is None


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    studio.queue.start()
    yield studio
    studio.queue.stop()
    studio.database.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, KeyError])
def test_whatever_comes_out_of_a_job_ends_that_job_alone(
    studio: Studio, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """The job failed, with its trace in the log once; both workers live and the next order is painted."""

    def fail(task: Task) -> None:
        raise error("out of a library")

    studio.on_run = fail
    jobs = submit_all(studio.queue, [task(), task(), task()])
    assert [studio.queue.wait(job.id, 20).state for job in jobs] == ["failed"] * 3
    assert sum(record.exc_info is not None for record in caplog.records) == 3
    studio.on_run = lambda task: None
    studio.paints_the_next_order()


BAD_ROWS = [
    ("task", b"\xff\xfe"),
    ("task", b'{"mode": "generate", "words": "\xff"}'),
    ("task", "{"),
    ("task", "[]"),
    ("task", '{"mode": "dance"}'),
    ("task", "[" * 100_000),
    ("title", b"\xff"),
    ("created_at", "yesterday"),
    ("created_at", 7),
    ("generation_ids", "{}"),
    ("generation_ids", "[7]"),
    ("waited_s", "long"),
    ("kind", b"\x80"),
    ("written", "{}"),
]


@pytest.mark.parametrize(("column", "value"), BAD_ROWS)
def test_a_row_that_cannot_be_read_is_ended_with_its_id_and_harms_no_other(
    studio: Studio, column: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Damaged while it waits: it fails, the lists show all others and name it, and the next order is painted."""
    hold = threading.Event()
    studio.on_run = lambda task: hold.wait(20)
    before = submit_all(studio.queue, [task("first"), task("second")])
    bad = submit(studio.queue, task("bad"))
    after = submit(studio.queue, task("after"))
    studio.execute(f"UPDATE job SET {column} = ? WHERE id = ?", value, bad.id)
    assert {job.id for job in studio.queue.active()} == {*(job.id for job in before), after.id}
    hold.set()
    assert studio.queue.wait(after.id, 20).state == "done"
    studio.paints_the_next_order()
    recent = studio.queue.recent()
    assert bad.id not in {job.id for job in recent.jobs}
    assert [row.id for row in recent.damaged] == [bad.id]
    until(lambda: studio.queue.counts() == {"queued": 0, "running": 0})
    with pytest.raises(JobDamaged, match=bad.id):
        studio.queue.get(bad.id)
    assert any(bad.id in record.getMessage() for record in caplog.records)


def test_a_bad_row_that_was_there_at_the_start_is_ended_by_the_worker_that_takes_it(tmp_path: Path) -> None:
    """After every restart it would be the first in the queue: it is passed by, and the one behind it is done."""
    studio = Studio(tmp_path)
    bad, good = submit_all(studio.queue, [task("bad"), task("good")])
    studio.execute("UPDATE job SET task = ?, wait_until = 'soon' WHERE id = ?", b"\xff", bad.id)
    studio.queue.start()
    try:
        assert studio.queue.wait(good.id, 20).state == "done"
        studio.paints_the_next_order()
    finally:
        studio.queue.stop()


def test_parts_of_a_newer_version_are_left_out() -> None:
    """A key that this version does not know breaks nothing."""
    record = json.loads(task_to_json(task()))
    record |= {"mood": "bright", "settings": {**record["settings"], "sampler": "euler"}}
    assert task_from_json(json.dumps(record)) == task()


def test_a_table_that_is_away_for_a_while_is_said_meanwhile_and_not_after(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """Renamed while the studio runs: one sentence as long as it lasts, one trace in the log, and work goes on."""
    studio.execute("ALTER TABLE job RENAME TO away")
    with pytest.raises(DatabaseUnreadable, match="no such table: job"):
        studio.queue.counts()
    with studio.queue._changed:  # wakes the workers, as a job submitted by another process would after their nap
        studio.queue._changed.notify_all()
    until(lambda: studio.queue.trouble is not None)
    assert "no such table: job" in (studio.queue.trouble or "")
    studio.execute("ALTER TABLE away RENAME TO job")
    studio.paints_the_next_order()
    assert len([record for record in caplog.records if "The queue waits" in record.getMessage()]) == 1


@pytest.mark.parametrize(
    "error", [MemoryError("no memory"), RuntimeError("a bug"), SystemExit(1), sqlite3.Warning("?")]
)
def test_an_error_that_nobody_foresaw_is_trouble_until_it_passes(
    studio: Studio, error: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Out of the claim itself: no worker ends."""

    def fail(*_: object) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(studio.queue._store, "claim", fail)
        job = submit(studio.queue, task())
        until(lambda: studio.queue.trouble is not None)
        assert "workers have ended" not in (studio.queue.trouble or "")
    assert studio.queue.wait(job.id, 20).state == "done"
    studio.paints_the_next_order()
    traces = [record for record in caplog.records if "The queue waits" in record.getMessage()]
    assert len(traces) == 1
    assert traces[0].exc_info is not None


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_no_job_is_done_into_a_database_that_is_gone(studio: Studio, how: str) -> None:
    """Moved away or unlinked under the running queue: said in a sentence, and nothing is lost once it is back."""
    studio.paints_the_next_order()
    aside = studio.path.with_name("aside.db")
    with closing(sqlite3.connect(studio.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside.write_bytes(studio.path.read_bytes())
    for file in studio.path.parent.glob("studio.db*"):
        file.rename(file.with_name("moved" + file.name[6:])) if how == "moved" else file.unlink()
    gone = (
        r"studio\.db (is gone|was moved, deleted or replaced)"  # the second where it went while something was written
    )
    with pytest.raises(DatabaseUnreadable, match=gone):
        submit(studio.queue, task())
    with pytest.raises(DatabaseUnreadable, match=gone):
        studio.database.check_writable(every_s=60)
    aside.rename(studio.path)
    studio.paints_the_next_order()


def test_a_database_that_was_replaced_is_opened_anew_and_keeps_its_own_rows(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup put in its place is what is read and written from then on. The write-ahead log of the former file, which
    bears the path's name, does not become that of the new one."""
    studio.paints_the_next_order()
    copy = studio.database.backup()
    for _ in range(20):  # rows in the log that the backup does not have
        studio.paints_the_next_order()
    with caplog.at_level(logging.WARNING):
        copy.replace(studio.path)
        studio.paints_the_next_order()
    assert any("another file than before" in record.getMessage() for record in caplog.records)
    studio.queue.stop()
    studio.database.close()
    with closing(sqlite3.connect(studio.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM job").fetchone() == (2,)


def test_the_jobs_of_one_order_are_queued_all_or_none(studio: Studio) -> None:
    """Where there is room for some only, none is taken."""
    hold = threading.Event()
    studio.on_run = lambda task: hold.wait(20)
    submit_all(studio.queue, [task(), task()])
    until(lambda: studio.queue.counts()["running"] == 2)
    submit_all(studio.queue, [task() for _ in range(9)])
    with pytest.raises(QueueFull):
        submit_all(studio.queue, [task(), task()], limit=10)
    assert studio.queue.counts() == {"queued": 9, "running": 2}
    hold.set()


def test_a_health_check_writes_at_most_every_so_often(studio: Studio) -> None:
    """Asked a hundred times, the file is written once."""
    studio.database.check_writable(every_s=60)
    with closing(sqlite3.connect(studio.path)) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        for _ in range(100):
            studio.database.check_writable(every_s=60)
        assert connection.execute("PRAGMA data_version").fetchone() == before
        studio.database.check_writable()
        assert connection.execute("PRAGMA data_version").fetchone() != before


def test_a_worker_that_ended_all_the_same_is_trouble(studio: Studio) -> None:
    """Nothing ends one; where something did, it is said, and jobs that nobody will begin keep no pod awake."""
    assert (studio.queue.trouble, studio.queue.busy()) == (None, False)
    ended = threading.Thread(target=lambda: None)
    ended.start()
    ended.join()
    studio.queue._threads.append(ended)
    assert "1 of the queue's 3 workers have ended" in (studio.queue.trouble or "")


def test_only_work_that_goes_on_is_busy(studio: Studio) -> None:
    """A job that runs is, whatever else is amiss; jobs that cannot be begun are none."""
    hold = threading.Event()
    studio.on_run = lambda task: hold.wait(20)
    job = submit(studio.queue, task())
    until(lambda: studio.queue.counts()["running"] == 1)
    studio.execute("ALTER TABLE job RENAME TO away")
    assert studio.queue.busy()
    studio.execute("ALTER TABLE away RENAME TO job")
    hold.set()
    assert studio.queue.wait(job.id, 20).state == "done"
    until(lambda: not studio.queue.busy())
    with studio.queue._changed:  # no worker looks meanwhile
        studio.queue._note_trouble(DatabaseUnreadable("It is gone."))
        write_down(studio.database, [task()])
        assert not studio.queue.busy()


def test_a_job_that_cannot_be_read_can_be_taken_out_of_the_list(studio: Studio) -> None:
    """Once it has ended; a row that may still be done stays, whoever asks."""
    job = submit(studio.queue, task())
    assert studio.queue.wait(job.id, 20).state == "done"
    studio.execute("UPDATE job SET task = '[' WHERE id = ?", job.id)
    (damaged,) = studio.queue.recent().damaged
    studio.execute("UPDATE job SET state = 'waiting', wait_until = '2999-01-01 00:00:00.000000' WHERE id = ?", job.id)
    studio.queue.remove_damaged(damaged)
    assert [row.id for row in studio.queue.recent().damaged] == [job.id]
    studio.execute("UPDATE job SET state = 'failed' WHERE id = ?", job.id)
    studio.queue.remove_damaged(damaged)
    assert studio.queue.recent().damaged == ()


def test_a_database_put_back_in_the_midst_of_work_leaves_no_job_that_runs_for_ever(studio: Studio) -> None:
    """A copy made while two jobs ran says so when they have ended: they are interrupted, and can be retried."""
    hold = threading.Event()
    studio.on_run = lambda task: hold.wait(20)
    jobs = submit_all(studio.queue, [task(), task()])
    until(lambda: studio.queue.counts()["running"] == 2)
    copy = studio.database.backup()
    hold.set()
    assert [studio.queue.wait(job.id, 20).state for job in jobs] == ["done", "done"]
    copy.replace(studio.path)
    studio.paints_the_next_order()
    assert [studio.queue.get(job.id).state for job in jobs] == ["interrupted"] * 2
    assert not studio.queue.busy()


def test_a_job_that_is_being_worked_on_is_not_begun_again_from_an_older_copy(studio: Studio) -> None:
    """In the copy it still waits; it is done once, and its end is written down."""
    hold, begun = threading.Event(), []
    studio.on_run = lambda task: begun.append(task.words) or (task.words == "first" and hold.wait(20))
    with studio.queue._changed:  # nothing is begun before the copy is made
        job = submit(studio.queue, task("first"))
        copy = studio.database.backup()
    until(lambda: begun == ["first"])
    copy.replace(studio.path)
    studio.paints_the_next_order()
    hold.set()
    assert studio.queue.wait(job.id, 20).state == "done"
    assert begun.count("first") == 1
