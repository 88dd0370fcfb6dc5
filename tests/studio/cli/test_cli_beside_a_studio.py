"""Commands where a studio runs: it does the work, and what they print is what they print without it."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fibo_core.store.generation import Generation
from studio.client import Studio
from studio.lease import HeldLease
from tests.studio.processes import CHECKOUT, Cli, Server, opened, served, start_cli
from tests.writers.loopback_gemini import LoopbackGemini, error, loopback_gemini, retry_info

PASSWORD = "-".join(["made", "up", "for", "these", "tests"])
FAST = ("--steps", "2")
#: Of a picture's record, what differs between two that were painted alike.
OWN = {"id", "created_at", "duration_s", "image_path", "source_path"}


@pytest.fixture(scope="module")
def gemini() -> Iterator[LoopbackGemini]:
    with loopback_gemini() as gemini:
        yield gemini


@pytest.fixture(scope="module")
def server(gemini: LoopbackGemini, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its offline writer answers, and Gemini where it is named."""
    workspace = tmp_path_factory.mktemp("beside") / "workspace"
    workspace.mkdir()
    keys = {"STUDIO_PASSWORD": PASSWORD, "GOOGLE_API_KEY": PASSWORD}
    with served(workspace, FIBO_WRITER="offline", GOOGLE_GEMINI_BASE_URL=gemini.url, **keys) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        yield server


@pytest.fixture
def workspace(server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace of the studio that runs."""
    folder = server.log.parent / "workspace"
    monkeypatch.setenv("WORKSPACE_DIR", str(folder))
    monkeypatch.setenv("FIBO_MODEL", "mini")
    return folder


@pytest.fixture
def far(server: Server) -> tuple[str, ...]:
    """What a command says before its name, on a machine that has no such workspace."""
    return ("--server", f"http://127.0.0.1:{server.port}", "--key", PASSWORD)


@pytest.fixture(scope="module")
def studio(server: Server) -> Iterator[Studio]:
    with Studio(f"http://127.0.0.1:{server.port}", PASSWORD) as studio:
        yield studio


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another workspace, on which no studio runs."""
    folder = tmp_path / "elsewhere"
    monkeypatch.setenv("WORKSPACE_DIR", str(folder))
    return folder


def pixels(file: str | Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def row(folder: Path, id: str) -> dict[str, Any]:
    with opened(folder) as (_, history):
        return {name: value for name, value in history.get(id).to_record().items() if name not in OWN}


def batches(studio: Studio) -> int:
    return len(list(studio.batches()))


def test_the_same_order_paints_the_same_picture_by_each_way(
    cli: Cli, workspace: Path, far: tuple[str, ...], studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let be done by the studio of the workspace, by one that is named, by a program, and done in this process: the
    same pixels, the same row."""
    command = ("generate", "a red ball on the left", "--seed", 7, "--json", *FAST)
    before = batches(studio)
    beside = cli(*command).json
    named = cli(*far, *command, "--out", tmp_path / "named.png").json
    program = studio.generate("a red ball on the left", seed=7, steps=2, writer="auto").wait().pictures[0]
    assert batches(studio) == before + 3
    monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path / "other"))
    here = cli("--here", *command).json
    assert batches(studio) == before + 3
    assert list(beside) == list(named) == list(here)
    assert beside["image_path"].startswith(str(workspace / "outputs"))
    assert named["image_path"] == str(tmp_path / "named.png")
    for picture in (beside["image_path"], named["image_path"], program.save(tmp_path / "program.png")):
        assert (pixels(picture) == pixels(here["image_path"])).all()
    rows = [row(workspace, id) for id in (beside["id"], named["id"], program.id)]
    assert rows == [row(tmp_path / "other", here["id"])] * 3


def test_what_the_studio_answers_is_printed_as_without_it(
    cli: Cli, workspace: Path, far: tuple[str, ...], studio: Studio
) -> None:
    """Line for line; of a studio that is named, addresses stand for files."""
    id = studio.generate("a blue box", steps=2).wait().pictures[0].set_favorite().id
    for command in (
        ("history", "list"), ("history", "list", "--json"), ("history", "list", "--limit", 1),
        ("history", "list", "--query", "blue", "--favorite", "--mode", "generate"),
        ("history", "list", "--query", "zzz"), ("history", "show", id), ("history", "show", id, "--json"),
        ("models", "list"), ("models", "list", "--json"), ("prompt", "a red zorb"), ("prompt", "a red ball", "--json"),
    ):  # fmt: skip
        beside, here, there = cli(*command), cli("--here", *command), cli(*far, *command)
        assert (beside.code, beside.out, beside.err) == (0, here.out, here.err), command
        addressed = re.sub(rf"{workspace}/outputs/[\d/]+/(\w+\.png)", rf"{far[1]}/img/\1", here.out)
        assert there.out == addressed, command


def test_an_edit_is_the_studios_and_the_same_as_without_it(
    cli: Cli, workspace: Path, far: tuple[str, ...], studio: Studio, tmp_path: Path
) -> None:
    """A mask from a file, or of an object's place; what is refused is the same sentence."""
    source = studio.generate("a red ball on the left and a green box on the right", steps=2, seed=7).wait().pictures[0]
    before = pixels(source.save(tmp_path / "source.png"))
    mask = Image.new("L", (256, 256))
    mask.paste(255, (128, 60, 250, 220))
    mask.save(tmp_path / "mask.png")
    black = np.asarray(mask) == 0
    command = ("edit", source.id, "make the box purple", "--mask", tmp_path / "mask.png", "--way", "paste")
    beside, here = cli(*command, "--json").json, cli("--here", *command, "--json").json
    there = cli(*far, *command, "--out", tmp_path / "there.png", "--json").json
    for picture in (beside["image_path"], here["image_path"], there["image_path"]):
        assert (pixels(picture)[black] == before[black]).all()
        assert (pixels(picture)[~black] != before[~black]).any()
        assert (pixels(picture) == pixels(beside["image_path"])).all()
    assert row(workspace, beside["id"]) == row(workspace, here["id"]) == row(workspace, there["id"])
    made = studio.mask(source, "objects[1]")
    edited = studio.edit(source, "make the box purple", mask=made.mask, strength=0.8).wait().pictures[0]
    assert edited.generation.request.edit.start_sigma == 0.8
    Image.new("L", (256, 256)).save(tmp_path / "black.png")
    for refused in (("--mask", tmp_path / "black.png"), (), ("--strength", "2"), ("--mask-of", "objects[9]")):
        asked = ("edit", source.id, "make the box purple", *refused)
        named, alone = cli(*asked), cli("--here", *asked)
        assert (named.code, named.err) == (2, alone.err)


def test_pictures_are_deleted_and_restored_by_the_studio(cli: Cli, workspace: Path, studio: Studio) -> None:
    """Those that are unknown, or so already, are named."""
    id, unknown = studio.generate("a cone", steps=2).wait().pictures[0].id, "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert cli("history", "delete", id, unknown, "--json").json == {"deleted": [id]}
    again = cli("history", "delete", id)
    assert (again.out, id in again.err) == ("0 deleted\n", True)
    assert cli("history", "restore", id, unknown, "--json").json == {"restored": [id]}
    assert cli("history", "restore", id, "--json").json == {"restored": []}
    assert studio.picture(id).generation.deleted_at is None


def test_labels_and_collections_are_the_studios(cli: Cli, far: tuple[str, ...], studio: Studio) -> None:
    """As they are without it: changed, listed, undone, and named where they are unknown."""
    picture, unknown = studio.generate("a zylinder", steps=2).wait().pictures[0].id, "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    changed = cli("history", "label", picture, unknown, "--star", "--tag", "tall", "--collection", "Solids")
    assert (changed.out, unknown in changed.err) == ("1 changed\n", True)
    labels = studio.picture(picture).generation
    assert (labels.favorite, labels.tags, labels.collections) == (True, ("tall",), ("Solids",))
    there = cli(*far, "history", "label", "--query", "zylinder", "--rating", 3, "--json").json
    assert (there["changed"], there["total"]) == (1, 1)
    assert cli("history", "undo", there["undo"]).out == "1 changed back\n"
    assert cli(*far, "history", "collections", "rename", "solids", "Bodies").out.endswith("Bodies\n")
    for command in (("history", "collections", "list"), ("history", "collections", "list", "--json")):
        assert cli(*command).out == cli("--here", *command).out == cli(*far, *command).out
    painted = cli("generate", "a ball", "--collection", "bodies", "--json", *FAST).json
    assert studio.picture(painted["id"]).generation.collections == ("Bodies",)
    removed = cli("history", "collections", "remove", "BODIES", "--json").json
    assert (removed["changed"], studio.collections()) == (2, [])
    refused = cli("history", "collections", "remove", "Bodies")
    assert (refused.code, refused.err.startswith("No collection is called 'Bodies'.")) == (2, True)


def test_what_varies_is_painted_there_copied_and_put_on_a_sheet(cli: Cli, far: tuple[str, ...], tmp_path: Path) -> None:
    vary = ("generate", "a ball", "--vary", "lighting.conditions=day|night", "--vary", "seed=1..2", "--json", *FAST)
    said = cli(*far, *vary, "--out", tmp_path / "copies", "--sheet", tmp_path / "sheet.png")
    assert said.code == 0, said.err
    assert sorted(picture["seed"] for picture in said.json) == [1, 1, 2, 2]
    assert {file.stem for file in (tmp_path / "copies").iterdir()} == {picture["id"] for picture in said.json}
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 256


def test_a_refinement_keeps_its_sources_seed_and_settings(
    cli: Cli, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By id, by its file, by a file of another history, by a prompt; and pictures inspire by id or as
    files, one or two of them."""
    source = cli("generate", "a red ball", "--seed", 11, "--aspect", "2:3", "--json", *FAST).json
    with monkeypatch.context() as patch:
        patch.setenv("WORKSPACE_DIR", str(tmp_path / "other"))
        foreign = cli("generate", "a red ball", "--seed", 11, "--aspect", "2:3", "--json", *FAST).json
    for start, parent in (
        (source["id"], source["id"]),
        (source["image_path"], source["id"]),
        (foreign["image_path"], None),
    ):
        said = cli("refine", start, "make the ball green", "--json")
        assert said.code == 0, said.err
        child = stored(workspace, said.json["id"])
        assert (child.parent_id, child.request.seed, child.request.num_inference_steps) == (parent, 11, 2)
        assert (child.request.width, child.request.height) == (source["width"], source["height"])
    both = (source["id"], foreign["image_path"])
    for start, parent in (([both[0]], both[0]), ([both[1]], None), (both, both[0]), (both[::-1], None)):
        said = cli("inspire", *start, "at night", "--json", *FAST)
        assert said.code == 0, said.err
        child = stored(workspace, said.json["id"])
        assert (child.mode, child.parent_id, child.words) == ("inspire", parent, "at night")
        assert len(child.other_sources) == len(start) - 1


def stored(folder: Path, id: str) -> Generation:
    with opened(folder) as (_, history):
        return history.get(id)


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        (("generate", "ball", "--seed", "-2"), 2, "The seed is -2"),
        (("generate", "ball", "--guidance", "nan"), 2, "guidance is nan"),
        (("generate", "ball", "--model", "fibo"), 1, "are not on this machine"),
        (("generate", "ball", "--out", "x.jpg"), 2, "PNG"),
        (("generate", "ball", "--vary", "objects[5].location=left|right"), 2, "objects[5]"),
        (("refine", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "green"), 1, "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        (("inspire", "missing.png"), 2, "missing.png"),
        (("history", "list", "--cursor", "x"), 2, "'x'"),
        (("history", "show", "../x"), 1, "x"),
        (("prompt", "ball", "--writer", "gpt"), 2, "auto, gemini"),
    ],
)
def test_bad_input_is_refused_there_as_here(
    cli: Cli, workspace: Path, far: tuple[str, ...], command: tuple[str, ...], code: int, sentence: str
) -> None:
    for before in ((), far):
        said = cli(*before, *command)
        assert (said.code, said.out) == (code, ""), said.err
        assert sentence in said.err
        assert "Traceback" not in said.err


def test_a_studio_that_cannot_be_asked_is_one_sentence(cli: Cli, elsewhere: Path, far: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for before, command, code, sentence in (
        (("--server", nobody), ("history", "list"), 1, "does not answer"),
        (("--server", "nowhere"), ("history", "list"), 2, "Give one such as"),
        ((*far[:2], "--key", "a guess"), ("generate", "a ball"), 1, "Log in at /login"),
        (far, ("history", "verify"), 2, "Leave out --server"),
        (far, ("models", "download", "fibo"), 2, "Leave out --server"),
        ((*far, "--here"), ("history", "list"), 2, "Leave out one of them"),
    ):
        said = cli(*before, *command)
        assert (said.code, said.out) == (code, "")
        assert sentence in said.err
        assert len(said.err.splitlines()) == 1


def test_the_key_may_stand_in_the_environment(
    cli: Cli, elsewhere: Path, far: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STUDIO_PASSWORD", "STUDIO_API_KEY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, PASSWORD)
            assert cli(*far[:2], "models", "list").code == 0
    assert cli(*far[:2], "models", "list").code == 1


def test_a_studio_that_does_not_answer_leaves_the_work_to_the_command(cli: Cli, elsewhere: Path) -> None:
    """One line says so, and only where its lease is held: a killed studio's is nobody's."""
    elsewhere.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    held = HeldLease(elsewhere, f"http://127.0.0.1:{port}", "token")
    said = cli("history", "list", "--json")
    assert (said.code, said.json) == (0, [])
    assert said.err.startswith("This command works by itself. The studio at")
    os.close(held._descriptor)  # as the system does where a process is killed
    assert cli("history", "list", "--json").err == "No pictures yet.\n"


def test_ctrl_c_cancels_the_batch_and_prints_what_was_finished(workspace: Path, studio: Studio) -> None:
    """On a terminal, whose line tells the step; the studio goes on with the next order."""
    ours, theirs = pty.openpty()
    process = start_cli(
        "generate", "a ball", "--count", 3, "--seed", 5, "--steps", 40, "--json", workspace=workspace, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    while b"Picture 2 of 3: " not in seen:
        seen += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    while b"Cancelled." not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert process.returncode == 130
    assert '"seed": 5' in out
    assert '"seed": 7' not in out
    newest = studio.batch(next(studio.batches()).id)
    assert (newest.state, newest.ended) == ("cancelled", True)
    assert studio.generate("a ball", steps=2).wait().state == "done"


def test_a_wait_for_a_quota_is_told_and_ctrl_c_ends_it(workspace: Path, studio: Studio, gemini: LoopbackGemini) -> None:
    """The studio waits; the command says for how long, once."""
    gemini.will(error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_info("500s")))
    process = start_cli("prompt", "a red ball", "--writer", "gemini", workspace=workspace)
    assert process.stderr is not None
    said = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert re.fullmatch(r"Gemini is over its quota; asking again in \d+ s\n", said)
    assert (process.returncode, out, err) == (130, "", "Cancelled.\n")
    assert studio.batch(next(studio.batches()).id).state == "cancelled"


def test_a_command_beside_a_studio_loads_no_model_library_and_no_database(workspace: Path) -> None:
    code = """if True:
        import sys
        from studio.cli.main import main
        for line in sys.argv[1:]:
            sys.argv = ["fibo-studio", *line.split()]
            try: main()
            except SystemExit as ended: assert not ended.code, ended.code
        print(sorted({"torch", "diffusers", "streamlit", "fastapi", "sqlmodel", "PIL"} & sys.modules.keys()))
    """
    lines = ("generate ball --steps 2", "prompt ball", "history list", "models list")
    done = subprocess.run(
        [sys.executable, "-c", code, *lines],
        cwd=CHECKOUT,
        env=os.environ | {"WORKSPACE_DIR": str(workspace)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
