"""The queue's rows: each change of state happens once, and survives a restart."""

import threading
from typing import Any

import pytest
from sqlalchemy import text
from ulid import ULID

from fibo_core.errors import JobNotFound, QueueFull
from fibo_core.store.database import Database
from fibo_core.store.job_store import STATES, JobStore, ModelTurn, NewJob
from fibo_core.store.rows import DamagedRow


@pytest.fixture
def jobs(database: Database) -> JobStore:
    return JobStore(database)


def add(jobs: JobStore, title: str = "a red ball", limit: int = 10, pictures: int = 1, **more: Any) -> str:
    new = NewJob(str(ULID()), "a batch", "generate", title, '{"words": "a red ball"}', pictures, **more)
    (job,) = jobs.add([new], limit=limit)
    return job.id


def test_jobs_are_claimed_in_the_order_they_came(jobs):
    """First come, first served; an empty queue gives nothing."""
    first, second = add(jobs), add(jobs)
    claimed = jobs.claim()
    assert (claimed.id, claimed.state, claimed.title) == (first, "running", "a red ball")
    assert claimed.started_at >= claimed.created_at
    assert jobs.claim().id == second
    assert jobs.claim() is None


def test_a_full_queue_refuses_one_more_and_has_room_again_afterwards(jobs):
    """Jobs that wait count; running and ended ones do not."""
    add(jobs, limit=2)
    last = add(jobs, limit=2)
    with pytest.raises(QueueFull, match="2 pictures are waiting"):
        add(jobs, limit=2)
    jobs.claim()
    add(jobs, limit=2)
    jobs.cancel_queued(last)
    add(jobs, limit=2)
    assert jobs.counts()["queued"] == 2


def test_threads_that_submit_at_once_never_pass_the_limit(jobs):
    """Counting and adding are one transaction."""
    refused = []

    def submit() -> None:
        try:
            add(jobs, limit=5)
        except QueueFull as exc:
            refused.append(exc)

    threads = [threading.Thread(target=submit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (jobs.counts()["queued"], len(refused)) == (5, 7)


def test_threads_that_claim_at_once_never_get_the_same_job(jobs):
    """A job runs once."""
    expected = {add(jobs) for _ in range(8)}
    claimed: list[str] = []

    def work() -> None:
        while (row := jobs.claim()) is not None:
            claimed.append(row.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 8
    assert set(claimed) == expected


def test_a_cancel_reaches_its_own_job_only_and_only_before_it_begins(jobs):
    """A running job is not cancelled here, and a second click changes nothing."""
    running, waiting, other = add(jobs), add(jobs), add(jobs)
    jobs.claim()
    assert not jobs.cancel_queued(running)
    assert jobs.cancel_queued(waiting)
    assert not jobs.cancel_queued(waiting)
    assert not jobs.cancel_queued("no such job")
    assert [jobs.get(id).state for id in (running, waiting, other)] == ["running", "cancelled", "queued"]


def test_a_job_ends_once(jobs):
    """Whoever comes second is told so: a late failure does not overwrite a result, nor a result a cancel."""
    id = add(jobs)
    jobs.claim()
    ended = jobs.finish(id, "failed", "The prompt has no end \ud83d.", "RequestError")
    assert (ended.state, ended.error, ended.error_kind) == ("failed", "The prompt has no end ?.", "RequestError")
    assert ended.finished_at >= ended.started_at
    assert jobs.finish(id, "done") is None
    assert jobs.get(id) == ended


def test_after_a_kill_running_jobs_are_interrupted_and_waiting_ones_go_on(jobs, workspace, database):
    """What the job had written and stored by then is kept with it."""
    running, waiting = add(jobs), add(jobs)
    jobs.claim()
    jobs.set_written(running, '{"short_description": "größe"}')
    jobs.add_generation(running, "A")
    jobs.add_generation(running, "B")
    database.close()
    again = JobStore(Database(workspace / "studio.db"))
    assert again.interrupt_running() == [running]
    row = again.get(running)
    assert (row.state, row.generation_ids) == ("interrupted", ("A", "B"))
    assert row.written == '{"short_description": "größe"}'
    assert row.finished_at is not None
    assert again.interrupt_running() == []
    assert again.claim().id == waiting


def test_lists_and_counts_show_every_job_where_it_belongs(jobs):
    """Newest first for looking back, oldest first for what is still to come; every state is counted."""
    done, running, queued = add(jobs), add(jobs), add(jobs)
    jobs.claim()
    jobs.claim()
    jobs.finish(done, "done")
    assert [row.id for row in jobs.recent(2)] == [queued, running]
    assert [row.id for row in jobs.active()] == [running, queued]
    assert jobs.counts() == dict.fromkeys(STATES, 0) | {"done": 1, "running": 1, "queued": 1}


def test_an_unknown_job_is_unknown_never_done(jobs):
    """A wrong id is said to be one."""
    for id in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "'; --", "\ud83d"):
        with pytest.raises(JobNotFound):
            jobs.get(id)
        with pytest.raises(JobNotFound):
            jobs.set_written(id, "{}")
        assert jobs.finish(id, "done") is None


def test_full_is_counted_in_pictures_and_a_prompt_counts_as_one(jobs):
    """An order of sixty is not one job more."""
    add(jobs, limit=6, pictures=4)
    add(jobs, limit=6, pictures=0)
    with pytest.raises(QueueFull, match=r"^5 pictures are waiting, and the queue takes 6: 2 more do not fit\."):
        add(jobs, limit=6, pictures=2)
    add(jobs, limit=6, pictures=1)


def test_a_job_waits_for_the_prompt_that_another_one_writes(jobs):
    """It is passed over until that is done, wherever it stands; others are not held up."""
    writing = add(jobs)
    painting, other = add(jobs, after_id=writing), add(jobs)
    assert [jobs.claim().id, jobs.claim().id] == [writing, other]
    assert jobs.claim() is None
    jobs.finish(writing, "done")
    assert jobs.claim().id == painting


@pytest.mark.parametrize("how", ["failed", "cancelled", "interrupted", "killed", "damaged", "removed"])
def test_a_job_whose_prompt_was_not_written_ends_as_the_one_that_should_have(jobs, database, how):
    """At once, and for the same reason, however that ended."""
    writing = add(jobs)
    painting, other = add(jobs, after_id=writing), add(jobs)
    if how == "cancelled":
        assert jobs.cancel_queued(writing)
    elif how == "killed":
        jobs.claim()
        assert jobs.interrupt_running() == [writing]
    elif how == "damaged":
        with database.write() as session:
            session.connection().execute(text("UPDATE job SET title = x'ff' WHERE id = :id"), {"id": writing})
        jobs.end_damaged([row for row in jobs.active() if isinstance(row, DamagedRow)])
    elif how == "removed":
        with database.write() as session:
            session.connection().execute(text("DELETE FROM job WHERE id = :id"), {"id": writing})
        assert jobs.claim().id == other
    else:
        jobs.claim()
        jobs.finish(writing, how, "It failed.", "EngineError")
    ended = jobs.get(painting)
    state = {"killed": "interrupted", "damaged": "failed", "removed": "failed"}.get(how, how)
    assert (ended.state, ended.finished_at is not None) == (state, True)
    if how == "failed":
        assert (ended.error, ended.error_kind) == ("It failed.", "EngineError")
    if how == "removed":
        assert ended.error == "The prompt that it should paint is gone. Ask anew."


def test_a_models_turn_passes_others_over_and_ends(jobs):
    """While it paints no other begins; when its turn is over the oldest is next."""
    fibo, mini, prompt = add(jobs, model="fibo"), add(jobs, model="mini"), add(jobs)
    assert jobs.claim((), ModelTurn("mini", over=False)).id == mini
    assert jobs.claim((), ModelTurn("mini", over=True, paints=True)).id == prompt
    assert jobs.claim((), ModelTurn("mini", over=True, paints=True)) is None
    assert jobs.claim((), ModelTurn("mini", over=True)).id == fibo
