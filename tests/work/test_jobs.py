"""The job queue: durable, cancellable one by one, and alive whatever a job does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import (
    EngineError,
    JobError,
    JobNotFound,
    QueueFull,
    QueueTaken,
    TimedOut,
    WorkspaceUnwritable,
    WriterAnswerError,
    WriterUnavailable,
)
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.job_store import JobRow, JobStore
from fibo_core.work.jobs import Job, JobQueue
from fibo_core.work.tasks import (
    GenerateTask,
    InspireTask,
    Painting,
    RefineTask,
    Task,
    task_from_json,
    task_to_json,
    written_from_record,
    written_to_record,
)
from fibo_core.work.workflows import Observer
from fibo_core.writers import Usage, WrittenPrompt
from tests.work.submitting import retry, submit

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
        limits: dict[str, Any] = {"max_workers": 1, "timeout_s": 60, **options}
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
    jobs = [submit(queue, task(f"job {n}")) for n in range(5)]
    assert queue.wait(jobs[-1].id, 10).state == "done"
    assert done == [f"job {n}" for n in range(5)]


def test_a_running_job_shows_its_step_and_preview_by_id(make_queue: Callable[..., JobQueue]) -> None:
    """A page of another browser sees the same progress."""
    gate = Gate()
    queue = make_queue(gate)
    job = submit(queue, task())
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
    job = submit(queue, task())
    until = time.monotonic() + 10
    while (step := queue.get(job.id).progress.step) is None or step.step < 2:
        assert time.monotonic() < until
    assert step.preview == b"jpeg"
    stop.set()


def test_cancelling_a_waiting_job_leaves_the_running_one_alone(make_queue: Callable[..., JobQueue]) -> None:
    """A cancel reaches its own job only."""
    gate = Gate()
    queue = make_queue(gate)
    running, waiting, last = (submit(queue, task(words)) for words in ("running", "waiting", "last"))
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
    first, second = submit(queue, task("first")), submit(queue, task("second"))
    gate.wait_until_begun(1)
    queue.cancel(first.id)
    assert queue.wait(first.id, 10).state == "cancelled"
    gate.open.set()
    assert queue.wait(second.id, 10).state == "done"


def test_cancelling_an_ended_job_changes_nothing(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(lambda *_: None)
    job = submit(queue, task())
    queue.wait(job.id, 10)
    assert queue.cancel(job.id).state == "done"


def test_a_full_queue_refuses_with_the_number_and_what_to_do(make_queue: Callable[..., JobQueue]) -> None:
    """Pictures are counted, and only those that wait."""
    gate = Gate()
    queue = make_queue(gate)
    submit(queue, GenerateTask("three", Painting(SETTINGS, (1, 2, 3))))
    gate.wait_until_begun(1)
    submit(queue, GenerateTask("two", Painting(SETTINGS, (1, 2))), limit=3)
    submit(queue, GenerateTask("only the prompt", Painting(SETTINGS)), limit=3)
    with pytest.raises(QueueFull, match=r"^3 pictures are waiting, and the queue takes 3: 1 more do.* MAX_QUEUED\.$"):
        submit(queue, task(), limit=3)
    gate.open.set()


def test_a_job_that_fails_says_why_and_the_queue_goes_on(make_queue: Callable[..., JobQueue]) -> None:
    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        if task.words == "bad":
            raise EngineError("The brush broke. Buy another.")

    queue = make_queue(run)
    bad, good = submit(queue, task("bad")), submit(queue, task("good"))
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
    bug, good = submit(queue, task("bug")), submit(queue, task("good"))
    assert queue.wait(good.id, 10).state == "done"
    failed = queue.get(bug.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "ZeroDivisionError" not in failed.error
    assert "in the engine room" in caplog.text


def test_a_job_past_its_time_is_ended_and_says_so(make_queue: Callable[..., JobQueue]) -> None:
    gate = Gate()
    queue = make_queue(gate, timeout_s=0.05)
    job = queue.wait(submit(queue, task()).id, 10)
    assert (job.state, job.error_kind) == ("failed", TimedOut.__name__)
    assert "JOB_TIMEOUT_S" in (job.error or "")


def test_after_a_restart_waiting_jobs_go_on_and_the_running_one_offers_retry(
    make_queue: Callable[..., JobQueue],
) -> None:
    """Nothing is resumed by itself: the interrupted job waits for its user."""
    gate = Gate()
    queue = make_queue(gate)
    running, waiting = submit(queue, task("running")), submit(queue, task("waiting"))
    gate.wait_until_begun(1)
    queue.stop()

    done: list[str] = []
    again = make_queue(lambda task, observer, cancel: done.append(task.words))
    assert again.wait(waiting.id, 10).state == "done"
    interrupted = again.get(running.id)
    assert (interrupted.state, interrupted.retryable) == ("interrupted", True)
    assert done == ["waiting"]
    retried = again.wait(retry(again, running).id, 10)
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
    job = queue.wait(submit(queue, GenerateTask("a ball", Painting(SETTINGS, (7, 8, 9)))).id, 10)
    queue.wait(retry(queue, job).id, 10)
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
        job = queue.wait(submit(queue, task()).id, 10)
        assert job.state == "done"
    queue.wait(submit(queue, task("next")).id, 10)
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
        flag.check()  # as who waits does, again and again
    flag.check()
    time.sleep(0.1)
    with pytest.raises(TimedOut):
        flag.check()


def test_a_job_that_is_done_cannot_be_retried(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(lambda *_: None)
    job = queue.wait(submit(queue, task()).id, 10)
    with pytest.raises(JobError, match="done"):
        retry(queue, job)


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
        submit(queue, task(words))
    gate.wait_until_begun(2)
    assert queue.counts() == {"queued": 1, "running": 2}
    gate.open.set()


def test_what_the_writer_wrote_is_kept_with_the_job(make_queue: Callable[..., JobQueue]) -> None:
    """After a reload the prompt is still there, unknown keys and all."""
    written = WrittenPrompt(PROMPT, "offline", notes=("one",))
    queue = make_queue(lambda task, observer, cancel: observer.on_written(written))
    job = queue.wait(submit(queue, task()).id, 10)
    assert job.written is not None
    assert job.written.prompt == PROMPT
    assert (job.written.writer, job.written.notes) == ("offline", ("one",))


@pytest.mark.parametrize(
    "task",
    [
        GenerateTask("a ball ☂", Painting(SETTINGS, (7, 8)), "offline", WrittenPrompt(PROMPT, "offline", True)),
        RefineTask("make it green", PROMPT, Painting(SETTINGS), source_id="01J"),
        InspireTask(
            "at night", (Path("a/picture.png"), Path("b.png")), Painting(SETTINGS, (2**63 - 1,)), source_id="01J"
        ),
    ],
)
def test_a_task_survives_being_written_down(task: Task) -> None:
    """The queue's rows hold everything the button press asked for."""
    assert task_from_json(task_to_json(task)) == task


class OverQuota:
    """A workflow whose writer is over its quota for ``seconds``, as often as ``times``; "offline" always answers."""

    def __init__(
        self, seconds: float = 3600.0, times: int = 1, patience_s: float = 7200.0, asks_s: float = 0.0
    ) -> None:
        self.seconds, self.times, self.patience_s, self.asks_s = seconds, times, patience_s, asks_s
        self.asked: list[str] = []

    def __call__(self, task: Task, observer: Observer, cancel: CancelFlag) -> None:
        self.asked.append(task.writer)
        observer.on_writing(task.writer)
        if task.writer != "offline" and self.times:
            self.times -= 1
            time.sleep(self.asks_s)
            if not observer.on_over_quota("Gemini is over its quota", self.seconds, self.patience_s):
                raise WriterUnavailable("Gemini is over its quota.", self.seconds)


def wait_for_state(queue: JobQueue, job_id: str, state: str) -> Job:
    """The job as soon as it is in this state."""
    deadline = time.monotonic() + 20
    while (job := queue.get(job_id)).state != state:
        assert time.monotonic() < deadline, job
        time.sleep(0.01)
    return job


def test_a_job_whose_writer_is_over_its_quota_waits_and_the_worker_does_the_next(
    make_queue: Callable[..., JobQueue],
) -> None:
    """It says what for and until when; a job behind it is not held up, though there is one worker only."""
    queue = make_queue(OverQuota())
    waiting, other = submit(queue, task("waits")), submit(queue, replace(task("goes on"), writer="offline"))
    assert queue.wait(other.id, 20).state == "done"
    job = queue.get(waiting.id)
    assert (job.state, job.error, job.ended) == ("waiting", "Gemini is over its quota", False)
    assert 3500 < (job.wait_until - datetime.now(UTC)).total_seconds() <= 3600
    assert queue.counts() == {"queued": 1, "running": 0}


def test_a_waiting_job_goes_on_by_itself(make_queue: Callable[..., JobQueue]) -> None:
    """When the quota is free again the same writer is asked again."""
    run = OverQuota(seconds=0.0)
    queue = make_queue(run)
    job = queue.wait(submit(queue, task()).id, 20)
    assert (job.state, job.error, run.asked) == ("done", None, ["auto", "auto"])


def test_a_job_that_has_waited_long_enough_fails_with_its_writers_sentence(make_queue: Callable[..., JobQueue]) -> None:
    """All waits of a job are added up: a service that asks for another second again and again is not obeyed forever."""
    run = OverQuota(seconds=1.0, times=99, patience_s=1.5)
    queue = make_queue(run)
    job = queue.wait(submit(queue, task()).id, 20)
    assert (job.state, job.error, job.error_kind) == ("failed", "Gemini is over its quota.", "WriterUnavailable")
    assert len(run.asked) == 2


def test_what_asking_in_vain_takes_counts_as_waited_for(make_queue: Callable[..., JobQueue]) -> None:
    """A service that takes its time to say "in a moment" is not asked for minutes: patience goes by the clock."""
    run = OverQuota(seconds=0.1, times=99, patience_s=2.5, asks_s=0.8)
    queue = make_queue(run)
    assert queue.wait(submit(queue, task()).id, 20).state == "failed"
    assert len(run.asked) == 2


def test_a_waiting_job_whose_turn_comes_late_has_waited_that_long(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(OverQuota(), start=False)
    store = queue._store
    job = submit(queue, task())
    assert store.claim([]) is not None
    store.postpone(job.id, "Gemini is over its quota", -100.0, asked_s=3.0)
    row = store.claim([])
    assert isinstance(row, JobRow)
    assert 3.0 <= row.waited_s < 60.0


def test_a_waiting_job_can_be_cancelled(make_queue: Callable[..., JobQueue]) -> None:
    queue = make_queue(OverQuota())
    job = submit(queue, task())
    wait_for_state(queue, job.id, "waiting")
    assert queue.cancel(job.id).state == "cancelled"
    assert queue.get(job.id).wait_until is None


def test_a_waiting_job_can_be_sent_to_another_writer(make_queue: Callable[..., JobQueue]) -> None:
    """It keeps its id and its place, and is done at once."""
    run = OverQuota()
    queue = make_queue(run)
    job = submit(queue, task())
    wait_for_state(queue, job.id, "waiting")
    queue.ask_instead(job.id, "offline")
    assert queue.wait(job.id, 20).state == "done"
    assert run.asked == ["auto", "offline"]


def test_a_job_that_has_ended_is_not_sent_to_another_writer(make_queue: Callable[..., JobQueue]) -> None:
    """A button pressed too late changes nothing."""
    run = OverQuota(times=0)
    queue = make_queue(run)
    job = queue.wait(submit(queue, task()).id, 20)
    assert queue.ask_instead(job.id, "offline") == job
    assert run.asked == ["auto"]


def test_a_waiting_job_survives_a_restart_and_still_goes_on(make_queue: Callable[..., JobQueue]) -> None:
    """It waits in the database, not in a thread."""
    queue = make_queue(OverQuota(seconds=2.0))
    job = submit(queue, task("waits"))
    before = wait_for_state(queue, job.id, "waiting")
    queue.stop()
    run = OverQuota(times=0)
    again = make_queue(run, start=False)
    assert again.get(job.id).wait_until == before.wait_until
    again.start()
    assert again.wait(job.id, 20).state == "done"


def test_what_a_writer_said_that_is_no_prompt_is_kept_with_the_failed_job(make_queue: Callable[..., JobQueue]) -> None:
    """The user may mend it by hand: nothing that was written is lost, over a restart too."""

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        raise WriterAnswerError("It answered no JSON.", 'Sure! {"short_description": ')

    queue = make_queue(run)
    job = queue.wait(submit(queue, task()).id, 20)
    assert (job.state, job.error, job.answer) == ("failed", "It answered no JSON.", 'Sure! {"short_description": ')
    queue.stop()
    assert make_queue(run, start=False).get(job.id).answer == job.answer


def test_a_failed_job_can_be_tried_again_with_another_writer(make_queue: Callable[..., JobQueue]) -> None:
    run = OverQuota(patience_s=0.0)
    queue = make_queue(run)
    failed = queue.wait(submit(queue, replace(task(), writer="gemini")).id, 20)
    assert failed.state == "failed"
    again = retry(queue, failed, writer="offline")
    assert queue.wait(again.id, 20).state == "done"
    assert run.asked == ["gemini", "offline"]


def test_tokens_are_counted_while_a_writer_writes(make_queue: Callable[..., JobQueue]) -> None:
    """The strip says "Writing with local, 212 tokens"."""
    stop = threading.Event()

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> None:
        observer.on_writing("local")
        observer.on_tokens(212)
        stop.wait(20)

    queue = make_queue(run)
    job = submit(queue, task())
    deadline = time.monotonic() + 20
    while (progress := queue.get(job.id).progress).tokens == 0:
        assert time.monotonic() < deadline
    assert (progress.stage, progress.writer, progress.tokens) == ("writing", "local", 212)
    stop.set()


@pytest.mark.parametrize(
    "refine",
    [
        RefineTask("greener", PROMPT, Painting(SETTINGS), with_picture=True, locked=("objects[0].location",)),
        RefineTask("greener", PROMPT, Painting(SETTINGS), source_id="one"),
    ],
)
def test_what_a_refinement_locks_and_shows_survives_the_queue(refine: RefineTask) -> None:
    assert task_from_json(task_to_json(refine)) == refine


def test_who_was_passed_over_and_what_it_took_survive_the_queue() -> None:
    """A page reloaded after the job says the same as before."""
    written = WrittenPrompt(
        PROMPT,
        "local",
        notes=("one",),
        model="FIBO-vlm",
        usage=Usage(521, 291),
        passed_over=("Gemini did not answer.",),
    )
    again = written_from_record(json.loads(json.dumps(written_to_record(written))))
    assert (again, again.notes, again.passed_over) == (written, written.notes, written.passed_over)
