"""How a server ends, politely or not, and what the next one finds."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.store.history import HistoryQuery
from fibo_core.store.job_store import JobRow, JobStore
from fibo_core.work.desk import Batch, Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.orders import Order
from fibo_core.work.runtime import build_tools
from fibo_core.work.tasks import GenerateTask, Painting
from fibo_core.writers import WrittenPrompt
from tests.studio.processes import Server, opened, served
from tests.work.submitting import desk_of, write_down

FOREVER = 200  #: steps; more than a test waits for


@pytest.mark.slow
def test_a_job_interrupted_by_kill_or_by_signal_is_found_interrupted_and_never_stored(tmp_path: Path):
    """kill -9 in mid-render: the next server marks the job interrupted and paints on with the next one. SIGTERM: the
    server ends within seconds and has marked it itself. No half picture stays either way."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    killed = submit(workspace, steps=FOREVER)
    with served(workspace) as server:
        wait_until_painting(server)
        server.process.kill()
        server.process.wait()
    assert job(workspace, killed).state == "running", "nobody was left to say otherwise"

    short = submit(workspace, steps=2)
    ended = submit(workspace, steps=FOREVER)
    with served(workspace, MAX_WORKERS="1") as server:
        assert job(workspace, killed).state == "interrupted"
        server.wait_for(lambda _: job(workspace, short).state == "done")
        wait_until_painting(server)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
    assert job(workspace, ended).state == "interrupted"
    assert "tried again" in (job(workspace, ended).error or "")
    with opened(workspace) as (_, history):
        assert [picture.id for picture in history.page(HistoryQuery()).items] == [*job(workspace, short).generation_ids]
    assert len(list(workspace.rglob("outputs/**/*.png"))) == 1
    assert list(workspace.rglob("*.part")) == []


def submit(workspace: Path, *, steps: int) -> str:
    """Puts a job into the queue from outside, as it lies there after a restart; its id."""
    settings = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=steps)
    written = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    task = GenerateTask("a red ball", Painting(settings, (7,)), written=written)
    with opened(workspace) as (database, _):
        return write_down(database, [task])[0]


def job(workspace: Path, id: str) -> JobRow:
    with opened(workspace) as (database, _):
        return JobStore(database).get(id)


def wait_until_painting(server: Server) -> None:
    """Until the model is there and a job has had it for a moment."""
    server.wait_for(lambda state: state["model_loaded"] and state["queue"]["running"] == 1)
    time.sleep(0.5)


@pytest.mark.slow
def test_a_batch_whose_server_is_killed_is_seen_whole_and_finished_later(tmp_path: Path):
    """kill -9 in the third of eight pictures: those that were stored are in their cells, the rest is interrupted, and
    tried again it paints these and no other."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    written = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    with desk_in(workspace) as desk:
        id = desk.place(Order(kind="generate", written=written, seed=1, count=8, steps=8)).id
    with served(workspace) as server:
        server.wait_for(lambda _: batch_in(workspace, id).fraction >= 2 / 8)
        server.process.kill()
        server.process.wait()

    with served(workspace) as server:
        batch = batch_in(workspace, id)
        done = len(batch.generation_ids)
        assert done in (2, 3)
        assert [cell.state for cell in batch.cells] == ["done"] * done + ["interrupted"] * (8 - done)
        assert (batch.state, batch.retryable, batch.pictures) == ("interrupted", True, 8)
        with desk_in(workspace) as desk:
            desk.retry(id)
        server.wait_for(lambda _: batch_in(workspace, id).ended)
    again = batch_in(workspace, id)
    assert (again.state, again.retryable) == ("done", False)
    assert again.generation_ids[:done] == batch.generation_ids
    with opened(workspace) as (_, history):
        painted = {picture.id: picture.request.seed for picture in history.page(HistoryQuery()).items}
    assert [painted[id] for id in again.generation_ids] == list(range(1, 9))
    assert len(painted) - 8 in (0, 1)  # one that was stored, and not yet noted, when the server was killed


@contextmanager
def desk_in(workspace: Path) -> Iterator[Desk]:
    """The desk of a workspace as another process has it, that paints nothing itself."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(workspace), "FIBO_MODEL": "mini"})
    with opened(workspace) as (database, _):
        queue = JobQueue(JobStore(database), print, lock_file=workspace / "none", max_workers=1, timeout_s=1)
        yield desk_of(queue, tools=build_tools(settings, database))


def batch_in(workspace: Path, id: str) -> Batch:
    with desk_in(workspace) as desk:
        return desk.get(id)
