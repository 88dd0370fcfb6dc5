"""The server as a browser and a health check meet it: a real process on a loopback port."""

import io
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

import fibo_core
from fibo_core.settings import Settings
from fibo_core.store.generation import Generation
from fibo_core.store.inputs import Inputs
from fibo_core.store.job_store import JobStore
from fibo_core.work.jobs import JobQueue
from fibo_core.work.runtime import Runtime
from fibo_core.work.workflows import Tools
from fibo_core.writers.chain import Writers
from studio.web import routes
from tests.studio.processes import PATIENCE_S, Server, add_picture, opened, served
from tests.work.submitting import desk_of

YEAR = "private, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Generation]]]:
    """A server over four pictures: a plain one, one inspired by another, a deleted one, and one whose writer was killed
    before its row was there."""
    workspace = tmp_path_factory.mktemp("served") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        pictures = {
            "plain": add_picture(history, "Ein roter Ball, ganz groß / ../etc"),
            "inspired": add_picture(history, "warmer", mode="inspire", source=Image.new("RGB", (30, 20), "green")),
            "deleted": add_picture(history, "a mistake"),
            "without a row": add_picture(history, "a ball"),
        }
        history.delete([pictures["deleted"].id])
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("DELETE FROM generation WHERE id = ?", (pictures["without a row"].id,))
    with served(workspace) as server:
        yield server, pictures


def test_health_answers_before_the_model_is_there_and_tells_when_it_is(studio):
    """At first "loading" with 200, then "healthy". The keys are the contract's."""
    server, _ = studio
    seen = [server.first_health, *server.wait_for(lambda state: state["status"] != "loading")]
    for state, (status, loaded) in ((seen[0], ("loading", False)), (seen[-1], ("healthy", True))):
        assert state == {
            "status": status,
            "model_loaded": loaded,
            "gpu_available": state["gpu_available"],
            "vram_used_gb": state["vram_used_gb"],
            "model": "mini",
            "queue": {"queued": 0, "running": 0},
            "version": fibo_core.__version__,
        }
    assert server.health()[0] == 200
    assert server.get("/health")[1]["cache-control"] == "no-store"


def test_a_picture_of_a_killed_writer_is_there_soon_after_the_start(studio):
    """Nobody has to ask for it, and nothing waits for it; what was deleted stays so."""
    server, pictures = studio
    until = time.monotonic() + PATIENCE_S
    while server.get(f"/img/{pictures['without a row'].id}.png")[0] != 200:
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.1)
    assert "Pictures that were not in the gallery, and are now: 1." in server.log.read_text()
    assert server.get(f"/img/{pictures['deleted'].id}.png")[0] == 404
    assert server.get(f"/img/thumb/{pictures['deleted'].id}.webp")[0] == 200, "which the trash shows"


def test_a_picture_and_its_thumbnail_are_served_and_kept_by_the_browser(studio):
    """The right types, a year in the browser's own cache, and 304 for what it has already."""
    server, pictures = studio
    for path, kind in (
        (f"/img/{pictures['plain'].id}.png", "png"),
        (f"/img/thumb/{pictures['plain'].id}.webp", "webp"),
    ):
        status, headers, body = server.get(path)
        assert (status, headers["content-type"], headers["cache-control"]) == (200, f"image/{kind}", YEAR)
        assert headers["x-content-type-options"] == "nosniff"
        assert Image.open(io.BytesIO(body)).getpixel((5, 5))[0] > 240, "the picture is red"

        for known in (headers["etag"], f'"other", W/{headers["etag"]}', "*"):
            again, kept, nothing = server.get(path, {"If-None-Match": known})
            assert (again, nothing, kept["etag"]) == (304, b"", headers["etag"])
        assert server.get(path, {"If-None-Match": '"other"'})[0] == 200


def test_a_download_has_a_name_that_says_what_it_is(studio):
    """Seed and first words, with nothing in it that a file name may not hold; without the question, no name."""
    server, pictures = studio
    _, headers, _ = server.get(f"/img/{pictures['plain'].id}.png?download=1")
    assert headers["content-disposition"] == "attachment; filename*=utf-8''fibo-7-ein-roter-ball-ganz-gro%C3%9F-etc.png"
    assert "content-disposition" not in server.get(f"/img/{pictures['plain'].id}.png")[1]


def test_the_recipe_is_served_beside_the_picture(studio):
    """The sidecar, from which the picture can be made again."""
    server, pictures = studio
    status, headers, body = server.get(f"/img/{pictures['plain'].id}.json?download=1")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert headers["content-disposition"].endswith(".json")
    assert json.loads(body) == pictures["plain"].to_record()


def test_the_source_of_an_inspiration_is_served_and_others_have_none(studio):
    server, pictures = studio
    status, _, body = server.get(f"/img/source/{pictures['inspired'].id}.png")
    assert status == 200
    assert Image.open(io.BytesIO(body)).size == (30, 20)
    assert server.get(f"/img/source/{pictures['plain'].id}.png")[0] == 404


@pytest.mark.parametrize("form", ["/img/{}.png", "/img/thumb/{}.webp", "/img/source/{}.png", "/img/{}.json"])
@pytest.mark.parametrize("id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "deleted"])
def test_a_picture_that_is_not_there_is_a_problem_in_json(studio, form, id):
    """Unknown, impossible and deleted ids: 404 as RFC 9457 has it, never Streamlit's page, never kept.

    The small picture of a deleted one is the trash's to show.
    """
    server, pictures = studio
    if (id, form) == ("deleted", "/img/thumb/{}.webp"):
        assert server.get(form.format(pictures["deleted"].id))[0] == 200
        return
    status, headers, body = server.get(form.format(pictures["deleted"].id if id == "deleted" else id))
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert headers["cache-control"] == "no-store"
    assert json.loads(body).keys() == {"type", "title", "status", "detail"}


@pytest.mark.parametrize(
    "path",
    [
        "/img/../studio.db",
        "/img/..%2fstudio.db",
        "/img/%2e%2e/studio.db",
        "/img/%2e%2e%2fstudio.db.png",
        "/img/thumb/../../../studio.db.webp",
        "/img/thumb/%2e%2e%2f%2e%2e%2fstudio.db.webp",
        "/img/%00.png",
        "/img/..%00.png",
        "/img//etc/passwd.png",
        "/img/",
    ],
)
def test_a_path_that_leads_out_gets_nothing(studio, path):
    """Whatever is tried, it is refused, and neither the database nor a page comes back."""
    server, _ = studio
    status, _, body = server.get(path)
    assert status in (400, 404)
    assert b"SQLite" not in body
    assert b"<html" not in body


def test_pages_come_and_generate_is_the_first_one(studio):
    """Streamlit ignores the default page's own address; ours leads there, question and all."""
    server, _ = studio
    status, headers, body = server.get("/")
    assert (status, headers["x-content-type-options"]) == (200, "nosniff")
    assert b"<html" in body
    for path, target in (("/generate", "/"), ("/generate?job=01X", "/?job=01X")):
        status, headers, _ = server.get(path)
        assert (status, headers["location"]) == (307, target)


def test_every_answer_says_what_its_page_may_load(studio):
    """From here alone, and sockets by the name that the browser knows us by; what is no name does not get in."""
    server, pictures = studio
    for path in (
        "/",
        "/history",
        "/health",
        f"/img/{pictures['plain'].id}.png",
        "/component/streamlit_ace.streamlit_ace/",
    ):
        policy = server.get(path, {"Host": "localhost:7860"})[1]["content-security-policy"]
        assert "ws://localhost:7860 wss://localhost:7860;" in policy, path
        assert "'unsafe-eval'" not in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    odd = server.get("/health", {"Host": "a; script-src *"})[1]["content-security-policy"]
    assert "script-src *" not in odd
    assert odd.count("script-src") == 1


def test_a_model_that_cannot_be_had_is_unhealthy_and_says_how_to_get_it(tmp_path: Path):
    """503 with a sentence; pages and pictures go on."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        picture = add_picture(history, "a red ball")
    with served(workspace, FIBO_MODEL="fibo") as server:
        state = server.wait_for(lambda state: state["status"] != "loading")[-1]
        assert (server.health()[0], state["status"], state["model"]) == (503, "unhealthy", "fibo")
        assert "Download them" in state["error"]
        assert server.get(f"/img/{picture.id}.png")[0] == 200


def test_little_room_on_the_disk_is_told_before_pictures_are_refused(workspace: Path, monkeypatch, mini_engine):
    """Degraded, and still 200: it works, for now."""
    mini_engine.load("mini")
    settings = Settings.from_environ()
    with opened(workspace) as (database, history):
        queue = JobQueue(JobStore(database), print, lock_file=workspace / "lock", max_workers=1, timeout_s=1)
        tools = Tools(Writers(()), mini_engine, history)
        runtime = Runtime(settings, tools, queue, desk_of(queue, tools=tools), Inputs(workspace), database)
        monkeypatch.setattr(routes, "get_runtime", lambda: runtime)
        assert json.loads(routes.health(None).body)["status"] == "healthy"
        monkeypatch.setattr(routes, "LOW_DISK_BYTES", 2**60)
        answer = routes.health(None)
    assert (answer.status_code, json.loads(answer.body)["status"]) == (200, "degraded")
    assert "Free some space" in json.loads(answer.body)["error"]


def test_a_newer_database_leaves_the_server_alive_until_it_is_mended(tmp_path: Path):
    """/health and the log say it in one sentence, the page comes; once mended, the studio starts by itself."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with opened(workspace) as (database, _):
        newer = database.path
    set_version(newer, "9999")
    with served(workspace) as server:
        status, state = server.health()
        assert (status, state["status"], state["model_loaded"]) == (503, "unhealthy", False)
        assert "newer" in state["error"]
        assert server.get("/")[0] == 200
        assert server.get("/img/01ARZ3NDEKTSV4RRFFQ69G5FAV.png")[0] == 503
        assert server.log.read_text().count("newer one wrote it") == 1

        newer.unlink()
        server.wait_for(lambda state: state["status"] != "unhealthy")


def set_version(database: Path, version: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.commit()
    connection.close()


def test_a_read_only_workspace_is_unhealthy_and_says_why(tmp_path: Path, read_only):
    """Mounted so, since root ignores modes. Nothing can be stored: 503, and the server lives."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        add_picture(history, "a red ball")
    with served(workspace, before=read_only(workspace)) as server:
        status, state = server.health()
        assert (status, state["status"]) == (503, "unhealthy")
        assert "read-only" in state["error"]
        assert server.get("/")[0] == 200
