"""`from studio.client import Studio`, at a studio with a password: what a program of the workspace's owner does."""

import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.images import read_recipe
from studio.client import BatchFailed, Picture, Studio, StudioError, Unreachable
from studio.lease import FILE, HeldLease, Lease, find_lease
from tests.studio.processes import CHECKOUT, Server, served

PASSWORD = "a häppy rabbit runs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = tmp_path_factory.mktemp("client") / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        yield server


@pytest.fixture(scope="module")
def workspace(server: Server) -> Path:
    return server.log.parent / "workspace"


@pytest.fixture(scope="module")
def studio(server: Server) -> Iterator[Studio]:
    with Studio(f"http://127.0.0.1:{server.port}", PASSWORD) as studio:
        yield studio


@pytest.fixture(scope="module")
def ball(studio: Studio) -> Picture:
    return studio.generate("a red ball", steps=2, seed=7).wait().pictures[0]


def test_words_become_a_picture_on_the_callers_disk(ball: Picture, tmp_path: Path) -> None:
    """With its recipe in the file and as a value; into a folder under its id."""
    file = ball.save(tmp_path)
    assert file == tmp_path / f"{ball.id}.png"
    recipe = read_recipe(file.read_bytes())
    assert (recipe["id"], recipe["seed"], recipe["words"]) == (ball.id, 7, "a red ball")
    assert ball.generation.to_record() | {"versions": {}} == recipe | {"versions": {}}


def test_an_order_is_followed_to_its_end(studio: Studio) -> None:
    """Each prompt, each picture and the end are told once, and again to who comes when the batch has ended."""
    batch = studio.generate("a blue box", steps=2, vary={"lighting.conditions": ["day", "night"]})
    names = [event.name for event in batch.follow()]
    assert sorted(name for name in names if name != "progress") == ["end", *["picture"] * 2, *["written"] * 3]
    assert names[-1] == "end"
    assert [event.name for event in batch.refresh().follow()][-1] == "end"
    assert len(batch.refresh().pictures) == 2
    assert batch.id in [each.id for each in studio.batches()]


def test_a_picture_is_refined_by_it_and_another_inspired_by_a_file(
    studio: Studio, ball: Picture, tmp_path: Path
) -> None:
    """The refinement keeps seed and steps; a prompt can be refined alone, and a file's path or bytes inspire."""
    refined = studio.refine(ball, "make the ball green").wait().pictures[0].generation
    assert (refined.parent_id, refined.request.seed, refined.request.num_inference_steps) == (ball.id, 7, 2)
    alone = studio.refine(studio.prompt("a red ball"), "make the ball green", steps=2).wait().pictures[0].generation
    assert (alone.parent_id, alone.prompt) == (None, refined.prompt)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    inspired = studio.inspire(tmp_path / "red.png", "at night", steps=2).wait().pictures[0].generation
    assert (inspired.mode, inspired.words) == ("inspire", "at night")
    both = studio.inspire([ball, tmp_path / "red.png"], steps=2).wait()
    assert "those of all 2 pictures" in " ".join(both.given.jobs[0].written.notes)
    assert both.pictures[0].generation.parent_id == ball.id


def test_a_prompt_is_written_and_painted_as_it_is(studio: Studio) -> None:
    prompt = studio.prompt("a red ball", writer="offline")
    assert isinstance(prompt, StructuredPrompt)
    painted = studio.generate(structured_prompt=prompt, steps=2).wait().pictures[0].generation
    assert (painted.prompt, painted.writer) == (prompt, "hand")


def test_a_picture_is_found_starred_deleted_and_restored(studio: Studio) -> None:
    picture = studio.generate("a green cone", steps=2).wait().pictures[0]
    assert [each.id for each in studio.search("cone")] == [picture.id]
    assert picture.set_favorite().generation.favorite
    assert [each.id for each in studio.search(favorite=True)] == [picture.id]
    picture.delete()
    assert list(studio.search("cone")) == []
    assert [each.id for each in studio.search("cone", deleted=True)] == [picture.id]
    with pytest.raises(StudioError, match="It may have been deleted"):
        studio.picture(picture.id)
    assert studio.restore(picture.id).generation.words == "a green cone"
    assert [model.name for model in studio.models().items if model.default] == ["mini"]


def test_labels_are_changed_undone_and_gathered_in_collections(studio: Studio) -> None:
    picture = studio.generate("a blue ring", steps=2, collection="Rings").wait().pictures[0]
    assert picture.generation.collections == ("Rings",)
    assert picture.label(rating=2, tags=["thin"]).generation.tags == ("thin",)
    change = studio.label(search="ring", favorite=True, add_tags=["round"]).wait()
    assert change.given.changed == 1
    assert studio.picture(picture.id).generation.tags == ("round", "thin")
    assert {tag.name: tag.pictures for tag in studio.tags()} == {"round": 1, "thin": 1}
    assert change.undo().wait().given.state == "undone"
    studio.undo_labels(studio.label([picture], rating=5).given.undo)
    assert studio.picture(picture.id).generation.rating == 2
    (rings,) = studio.collections()
    assert studio.change_collection(rings.id, name="Circles").pictures == 1
    assert studio.add_collection("Kept", "ring").query == "ring"
    studio.remove_collection(rings.id).wait()
    assert [each.name for each in studio.collections()] == ["Kept"]


def test_a_refusal_is_the_studios_own_sentence(studio: Studio, server: Server) -> None:
    with pytest.raises(StudioError, match="The seed is -2") as refused:
        studio.generate("a ball", seed=-2)
    assert (refused.value.status, refused.value.detail) == (422, str(refused.value))
    with pytest.raises(StudioError, match="guidance is nan"):
        studio.generate("a ball", guidance=float("nan"))
    with Studio(studio.line.url, "a guess") as stranger, pytest.raises(StudioError, match="Log in") as locked_out:
        stranger.models()
    assert locked_out.value.status == 401


def test_a_batch_that_fails_is_an_error_which_has_what_was_painted(studio: Studio) -> None:
    batch = studio.generate("a ball", steps=2, vary={"objects[5].location": ["left", "right"]})
    with pytest.raises(BatchFailed, match=r"objects\[5\]") as failed:
        batch.wait()
    assert (failed.value.batch.id, failed.value.batch.pictures) == (batch.id, [])
    with pytest.raises(BatchFailed, match=r"[Cc]ancelled"):
        studio.generate("a ball", steps=200).cancel().wait()


@contextmanager
def losing_the_first_answer(port: int) -> Iterator[int]:
    """A port that leads to another one, and swallows the first answer that comes back."""

    def pass_on(there: socket.socket, caller: socket.socket, *, lost: bool) -> None:
        while data := there.recv(65536):
            if lost:
                break
            caller.sendall(data)
        for each in (there, caller):
            with suppress(OSError):  # it has gone already
                each.shutdown(socket.SHUT_RDWR)  # a close alone waits for the thread that reads it
            each.close()

    def accept() -> None:
        lost = True
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pass_on, args=(there, caller), kwargs={"lost": lost}, daemon=True).start()
            threading.Thread(target=forward, args=(caller, there), daemon=True).start()
            lost = False

    def forward(caller: socket.socket, there: socket.socket) -> None:
        try:
            while data := caller.recv(65536):
                there.sendall(data)
        except OSError:
            return  # the other thread has closed both

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_an_order_whose_answer_is_lost_is_taken_once(studio: Studio, server: Server) -> None:
    before = len(list(studio.batches()))
    with losing_the_first_answer(server.port) as port, Studio(f"http://127.0.0.1:{port}", PASSWORD) as far:
        batch = far.generate("a lost ball", steps=2)
    assert len(list(studio.batches())) == before + 1
    assert len(studio.batch(batch.id).wait().pictures) == 1


def test_no_studio_at_the_address_is_said(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Studio(f"http://127.0.0.1:{port}", PASSWORD) as nobody, pytest.raises(Unreachable, match="does not answer"):
        nobody.models()
    for address in ("127.0.0.1:7860", "ftp://127.0.0.1", "http://", ""):
        with pytest.raises(StudioError, match="Give one such as"):
            Studio(address)


def test_the_lease_opens_the_studio_to_its_owner_on_this_machine(server: Server, workspace: Path) -> None:
    """The file is its owner's alone; what it holds is a key from this machine, and from no other; no log has it."""
    lease = find_lease(workspace)
    assert lease is not None
    assert lease.address == f"http://127.0.0.1:{server.port}"
    assert stat.S_IMODE((workspace / FILE).stat().st_mode) == 0o600
    bearer = {"Authorization": f"Bearer {lease.token}"}
    forwarded = {**bearer, "X-Forwarded-For": "203.0.113.9"}
    assert [server.get("/api/v1/models", headers)[0] for headers in (bearer, forwarded, {})] == [200, 401, 401]
    assert lease.token not in server.log.read_text() + (workspace / "logs" / "studio.log").read_text()
    assert lease.token not in repr(lease)


def test_a_lease_that_nobody_holds_is_a_dead_studios(tmp_path: Path) -> None:
    """One that was let go is gone; a killed process's stays, and leads nobody anywhere."""
    held = HeldLease(tmp_path, "http://127.0.0.1:1", "token")
    assert find_lease(tmp_path) == Lease("http://127.0.0.1:1", find_lease(tmp_path).started_at, "token")  # type: ignore[union-attr]
    held.let_go()
    assert (list(tmp_path.iterdir()), find_lease(tmp_path)) == ([], None)

    code = (
        "import os, pathlib, sys; import studio.lease as s; s.HeldLease(pathlib.Path(sys.argv[1]), '', ''); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=CHECKOUT, check=False)
    assert (tmp_path / FILE).exists()
    assert find_lease(tmp_path) is None
    for content in ("", "[]", '{"address": 1}'):
        (tmp_path / FILE).write_text(content)
        assert find_lease(tmp_path) is None


def test_the_client_brings_no_models_pages_or_database() -> None:
    code = "import sys, studio.client; print({'torch', 'streamlit', 'sqlmodel', 'fastapi'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
