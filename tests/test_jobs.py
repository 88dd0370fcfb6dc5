"""The job queue: durable, cancellable one by one, and alive whatever a job does."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.models import CATALOGUE, RenderSettings
from fibo_core.errors import (
    EngineError,
    JobError,
    JobNotFound,
    QueueFull,
    QueueTaken,
    TimedOut,
    WorkspaceUnwritable,
)
from fibo_core.jobs import JobQueue
from fibo_core.prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.job_store import JobStore
from fibo_core.tasks import GenerateTask, InspireTask, Painting, RefineTask, Task, task_from_json, task_to_json
from fibo_core.workflows import Observer
from fibo_core.writers import WrittenPrompt

SETTINGS = RenderSettings.of(CATALOGUE["mini"])
PROMPT = StructuredPrompt.from_dict({"short_description": "a ball", "mine": [1, None]})

Run = Callable[[Task, Observer, CancelFlag], object]


def task(words: str = "a ball") -> GenerateTask:
    return GenerateTask(words, Painting(SETTINGS, (7,)))


@pytest.fixture
def make_queue(tmp_path: Path) -> Iterator[Callable[..., JobQueue]]:
    """Queues on one database, stopped at the end."""
    queues: list[JobQueue] = []

    def make(run: Run, *, start: bool = True, **options: Any) -> JobQueue:
        tmp_path.joinpath("workspace").mkdir(exist_ok=True)
        database = Database(tmp_path / "workspace" / "studio.db")
        database.migrate()
        limits: dict[str, Any] = {"max_workers": 1, "max_queued": 10, "timeout_s": 60, **options}
        queue = JobQueue(JobStore(database), run, lock_file=tmp_path / "workspace" / "queue.lock", **limits)
        if start:
            queue.start()
        queues.append(queue)
        return queue

    yield make
    for queue in queues:
        queue.stop()


class Gate:
    """A workflow that begins, waits between steps until opened, and heeds its flag."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open = threading.Event()

    def __call__(self, task: Task, observer: Observer, cancel: CancelFlag) -> None:
        self.begun.append(task.words)
        observer.on_painting(0, 1)
        observer.on_step(StepEvent(1, 20, 0.1, 1.9, b"jpeg"))
        while not self.open.wait(0.01):
            cancel.check()

    def wait_until_begun(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.begun) < count:
            assert time.monotonic() < deadline, f"only {self.begun} have begun"
            time.sleep(0.01)


def test_jobs_are_done_in_the_order_they_came(make_queue: Callable[..., JobQueue]) -> None:
    done: list[str] = []
    queue = make_queue(lambda task, observer, cancel: done.append(task.words))
    jobs = [queue.submit(task(f"job {n}")) for n in range(5)]
    assert queue.wait(jobs[-1].id, 10).state == "done"
    assert done == [f"job {n}" for n in range(5)]


def test_a_running_job_shows_its_step_and_preview_by_id(make_queue: Callable[..., JobQueue]) -> None:
    """A page of another browser sees the same progress."""
    gate = Gate()
    queue = make_queue(gate)
    job = queue.submit(task())
    gate.wait_until_begun(1)
    deadline = time.monotonic() + 10
    while (seen := queue.get(job.id)).progress.step is None:
        assert time.monotonic() < deadline
    assert (seen.state, seen.progress.stage, seen.progress.step.step, seen.progress.step.preview) == (
        "running", "painting", 1, b"jpeg",
    )  # fmt: skip
    gate.open.set()


def test_the_last_preview_stays_while_steps_without_one_go_by(make_queue: Callable[..., JobQueue]) -> None:
    """Previews are rarer than steps; the picture must not flicker away between them."""
    stop = threading.Event()

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        observer.on_painting(0, 1)
        observer.on_step(StepEvent(1, 20, 0.1, 1.9, b"jpeg"))
        observer.on_step(StepEvent(2, 20, 0.2, 1.8))
        stop.wait(10)

    queue = make_queue(run)
    job = queue.submit(task())
    until = time.monotonic() + 10
    while (step := queue.get(job.id).progress.step) is None or step.step < 2:
        assert time.monotonic() < until
    assert step.preview == b"jpeg"
    stop.set()


def test_cancelling_a_waiting_job_leaves_the_running_one_alone(make_queue: Callable[..., JobQueue]) -> None:
    """A cancel reaches its own job only."""
    gate = Gate()
    queue = make_queue(gate)
    running, waiting, last = (queue.submit(task(words)) for words in ("running", "waiting", "last"))
    gate.wait_until_begun(1)
    assert queue.cancel(waiting.id).state == "cancelled"
    assert queue.get(running.id).state == "running"
    gate.open.set()
    assert queue.wait(last.id, 10).state == "done"
    assert queue.get(running.id).state == "done"
    assert gate.begun == ["running", "last"]


def test_cancelling_a_running_job_ends_it_and_the_next_one_runs(make_queue: Callable[..., JobQueue]) -> None:
    gate = Gate()
    queue = make_queue(gate)
    first, second = queue.submit(task("first")), queue.submit(task("second"))
    gate.wait_until_begun(1)
    queue.cancel(first.id)
    assert queue.wait(first.id, 10).state == "cancelled"
    gate.open.set()
    assert queue.wait(second.id, 10).state == "done"


def test_cancelling_an_ended_job_changes_nothing(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(lambda *_: None)
    job = queue.submit(task())
    queue.wait(job.id, 10)
    assert queue.cancel(job.id).state == "done"


def test_a_full_queue_refuses_with_the_number_and_what_to_do(make_queue: Callable[..., JobQueue]) -> None:
    gate = Gate()
    queue = make_queue(gate, max_queued=2)
    queue.submit(task())
    gate.wait_until_begun(1)
    queue.submit(task())
    queue.submit(task())
    with pytest.raises(QueueFull, match=r"2 jobs.*MAX_QUEUED"):
        queue.submit(task())
    gate.open.set()


def test_a_job_that_fails_says_why_and_the_queue_goes_on(make_queue: Callable[..., JobQueue]) -> None:
    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        if task.words == "bad":
            raise EngineError("The brush broke. Buy another.")

    queue = make_queue(run)
    bad, good = queue.submit(task("bad")), queue.submit(task("good"))
    assert queue.wait(good.id, 10).state == "done"
    failed = queue.get(bad.id)
    assert (failed.state, failed.error, failed.error_kind) == ("failed", "The brush broke. Buy another.", "EngineError")


def test_a_bug_in_a_job_is_logged_in_full_and_the_queue_goes_on(
    make_queue: Callable[..., JobQueue], caplog: pytest.LogCaptureFixture
) -> None:
    """The user reads a calm sentence; the trace is in the log."""

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        if task.words == "bug":
            raise ZeroDivisionError("in the engine room")

    queue = make_queue(run)
    bug, good = queue.submit(task("bug")), queue.submit(task("good"))
    assert queue.wait(good.id, 10).state == "done"
    failed = queue.get(bug.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "ZeroDivisionError" not in failed.error
    assert "in the engine room" in caplog.text


def test_a_job_past_its_time_is_ended_and_says_so(make_queue: Callable[..., JobQueue]) -> None:
    gate = Gate()
    queue = make_queue(gate, timeout_s=0.05)
    job = queue.wait(queue.submit(task()).id, 10)
    assert (job.state, job.error_kind) == ("failed", TimedOut.__name__)
    assert "JOB_TIMEOUT_S" in (job.error or "")


def test_after_a_restart_waiting_jobs_go_on_and_the_running_one_offers_retry(
    make_queue: Callable[..., JobQueue],
) -> None:
    """Nothing is resumed by itself: the interrupted job waits for its user."""
    gate = Gate()
    queue = make_queue(gate)
    running, waiting = queue.submit(task("running")), queue.submit(task("waiting"))
    gate.wait_until_begun(1)
    queue.stop()

    done: list[str] = []
    again = make_queue(lambda task, observer, cancel: done.append(task.words))
    assert again.wait(waiting.id, 10).state == "done"
    interrupted = again.get(running.id)
    assert (interrupted.state, interrupted.retryable) == ("interrupted", True)
    assert done == ["waiting"]
    retried = again.wait(again.retry(running.id).id, 10)
    assert retried.state == "done"
    assert retried.task == interrupted.task


def test_a_retry_paints_only_what_is_missing_from_the_prompt_that_was_written(
    make_queue: Callable[..., JobQueue],
) -> None:
    """Nothing is painted twice, and a writer is not asked twice for the same words."""
    written = WrittenPrompt(PROMPT, "offline")
    tried: list[Task] = []

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        tried.append(task)
        if len(tried) == 1:
            observer.on_written(written)
            observer._store.add_generation(observer._job_id, "01JFIRST")  # type: ignore[attr-defined]
            raise EngineError("The brush broke.")

    queue = make_queue(run)
    job = queue.wait(queue.submit(GenerateTask("a ball", Painting(SETTINGS, (7, 8, 9)))).id, 10)
    queue.wait(queue.retry(job.id).id, 10)
    assert tried[1].painting.seeds == (8, 9)
    assert tried[1].written == written


def test_a_queue_that_cannot_start_gives_its_lease_back(
    make_queue: Callable[..., JobQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try must not find the workspace taken by itself."""
    broken = make_queue(lambda *_: None, start=False)
    with monkeypatch.context() as patch:
        patch.setattr(broken._store, "interrupt_running", _raise_unwritable)
        with pytest.raises(WorkspaceUnwritable):
            broken.start()
    make_queue(lambda *_: None)  # raises QueueTaken if the lease were still held


def test_the_end_of_a_job_that_could_not_be_written_down_is_told_and_written_later(
    make_queue: Callable[..., JobQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the wrong moment leaves no job running for ever."""
    queue = make_queue(lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr(queue._store, "finish", _raise_unwritable)
        job = queue.wait(queue.submit(task()).id, 10)
        assert job.state == "done"
    queue.wait(queue.submit(task("next")).id, 10)
    assert queue._store.get(job.id).state == "done"
    assert queue.counts() == {"queued": 0, "running": 0}


def _raise_unwritable(*_: object) -> None:
    raise WorkspaceUnwritable("The disk is full.")


def test_waiting_for_a_turn_does_not_count_as_working() -> None:
    """A job must not time out because another one paints."""
    flag = CancelFlag(timeout_s=0.05)
    flag.start_clock()
    with flag.clock_stopped():
        time.sleep(0.1)
    flag.check()
    time.sleep(0.1)
    with pytest.raises(TimedOut):
        flag.check()


def test_a_job_that_is_done_cannot_be_retried(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(lambda *_: None)
    job = queue.wait(queue.submit(task()).id, 10)
    with pytest.raises(JobError, match="done"):
        queue.retry(job.id)


def test_an_unknown_id_is_unknown_and_never_done(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(lambda *_: None)
    with pytest.raises(JobNotFound):
        queue.get("01JNOSUCHJOB00000000000000")


def test_a_second_process_on_the_same_workspace_is_refused(make_queue: Callable[..., JobQueue]) -> None:
    """Two queues on one database would run each other's jobs."""
    make_queue(lambda *_: None)
    with pytest.raises(QueueTaken, match="Another studio"):
        make_queue(lambda *_: None)


def test_two_workers_run_two_jobs_at_once(make_queue: Callable[..., JobQueue]) -> None:
    gate = Gate()
    queue = make_queue(gate, max_workers=2)
    for words in ("one", "two", "three"):
        queue.submit(task(words))
    gate.wait_until_begun(2)
    assert queue.counts() == {"queued": 1, "running": 2}
    gate.open.set()


def test_what_the_writer_wrote_is_kept_with_the_job(make_queue: Callable[..., JobQueue]) -> None:
    """After a reload the prompt is still there, unknown keys and all."""
    written = WrittenPrompt(PROMPT, "offline", notes=("one",))
    queue = make_queue(lambda task, observer, cancel: observer.on_written(written))
    job = queue.wait(queue.submit(task()).id, 10)
    assert job.written is not None
    assert job.written.prompt == PROMPT
    assert (job.written.writer, job.written.notes) == ("offline", ("one",))


@pytest.mark.parametrize(
    "task",
    [
        GenerateTask("a ball ☂", Painting(SETTINGS, (7, 8)), "offline", WrittenPrompt(PROMPT, "offline", True)),
        RefineTask("make it green", PROMPT, Painting(SETTINGS), source_id="01J"),
        InspireTask("at night", Path("a/picture.png"), Painting(SETTINGS, (2**63 - 1,)), source_id="01J"),
    ],
)
def test_a_task_survives_being_written_down(task: Task) -> None:
    """The queue's rows hold everything the button press asked for."""
    assert task_from_json(task_to_json(task)) == task
