"""The commands as a user meets them: the real model, the real database, a few steps."""

import io
import itertools
import json
import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fibo_core.cancel import CancelFlag
from fibo_core.engine import RenderedImage
from fibo_core.engine.fibo import FiboEngine
from fibo_core.errors import OutOfMemory
from fibo_core.models.catalogue import MINI_WEIGHTS, register
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import read_recipe
from studio.cli.output import PaintingProgress, StatusLine
from tests.studio.processes import CHECKOUT, Cli, opened, start_cli
from tests.writers import loopback_llm
from tests.writers.loopback_gemini import answer, error, loopback_gemini, retry_info

FAST = ("--steps", "2")
GENERATION_KEYS = [
    "id", "image_path", "seed", "structured_prompt", "width", "height", "model", "writer", "duration_s",
    "writer_model", "usage",
]  # fmt: skip

A1111 = Path("tests/golden/field-cases/pictures/a1111.png").read_bytes()


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("other_threads", [False, True])
def test_the_same_words_and_seed_give_the_same_pixels_in_every_process(
    other_threads: bool, cli: Cli, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    """`generate "…" --seed 7 --json`, once in a process of its own: the keys of the contract, nothing else on
    stdout, nothing on stderr, and the same picture; with another number of threads too."""
    command = ("generate", "a red ball on the left", "--seed", 7, "--json", *FAST)
    with monkeypatch.context() as patch:
        if other_threads:
            processor = Path("/proc/cpuinfo")
            if not processor.exists() or "GenuineIntel" not in processor.read_text():
                pytest.skip("MKL promises the same sums with any number of threads on Intel's processors alone")
            patch.setenv("OMP_NUM_THREADS", "1" if torch.get_num_threads() > 1 else "3")
        alone = start_cli(*command, workspace=workspace)
    out, err = alone.communicate(timeout=120)
    assert (alone.returncode, err) == (0, "")
    first, second = json.loads(out), cli(*command).json
    assert list(first) == GENERATION_KEYS
    assert first["image_path"].startswith(str(workspace / "outputs"))
    assert (first["seed"], first["width"], first["height"], first["model"], first["writer"]) == (
        7, 256, 256, "mini", "offline",
    )  # fmt: skip
    assert first["structured_prompt"]["objects"][0]["shape_and_color"] == "round, red"
    assert first["id"] != second["id"]
    assert (pixels(first["image_path"]) == pixels(second["image_path"])).all()
    assert (pixels(first["image_path"]) != pixels(cli(*command, "--seed", 8).json["image_path"])).any()


def test_several_pictures_come_as_a_list_and_are_copied_where_asked(cli: Cli, workspace: Path, tmp_path: Path):
    """One seed after the other; --out makes its folder; the copies carry the recipe."""
    said = cli(
        "generate", "a ball", "--count", 2, "--seed", 5, "--aspect", "3:2", "--out", tmp_path / "new", "--json", *FAST
    )
    assert [(picture["seed"], picture["width"], picture["height"]) for picture in said.json] == [
        (5, 320, 208),
        (6, 320, 208),
    ]
    for picture in said.json:
        copy = tmp_path / "new" / f"{picture['id']}.png"
        assert read_recipe(copy.read_bytes())["seed"] == picture["seed"]


def test_without_json_a_block_tells_what_was_made_and_notes_go_to_stderr(cli: Cli, tmp_path: Path):
    """The file to open, and the numbers to make it again; a drawn seed too. What had no effect is said."""
    said = cli("generate", "a ball", "--out", tmp_path / "ball.png", "--negative", "blurry", *FAST)
    path, facts = said.out.splitlines()
    seed = read_recipe((tmp_path / "ball.png").read_bytes())["seed"]
    assert Path(path).read_bytes() == (tmp_path / "ball.png").read_bytes()
    assert f"seed {seed} · 256×256 · 2 steps" in facts
    assert "knows no negative prompt" in said.err


def test_settings_among_the_words_are_named_as_options_and_not_taken(cli: Cli):
    """stderr says which options they would be; the row has the words that the writer was given. Seed -1 draws one."""
    typed = "(best quality:1.2), a red ball, <lora:x:1> --ar 3:2 --no cats\nSteps: 9, Seed: 5"
    said = cli("generate", typed, "--seed", -1, "--json", *FAST)
    picture = said.json
    assert (picture["width"], picture["height"]) == (256, 256)
    assert picture["seed"] >= 0
    assert said.err.splitlines() == [
        "Weights and brackets are left out, and their words stay: (best quality:1.2).",
        "Left out, as FIBO does not read it: <lora:x:1>.",
        "--seed 5 was found in the words: it is left out, and --seed -1 counts.",
        "--aspect 3:2 was found in the words: give it as an option.",
        "--steps 9 was found in the words: it is left out, and --steps 2 counts.",
        "--negative cats was found in the words: give it as an option.",
    ]
    assert cli("history", "show", picture["id"], "--json").json["words"] == "best quality, a red ball"
    written = cli("prompt", typed)
    assert (
        "Left out of the words: seed 5, shape 3:2, 9 steps, negative prompt “cats”. Nothing is painted here."
        in written.err
    )
    assert "lora" not in written.out


def test_a_prompt_given_as_json_is_painted_as_it_is(cli: Cli, workspace: Path, tmp_path: Path):
    """From a file and from stdin; no writer is asked, and unknown keys stay in the row."""
    document = {"short_description": "a blue box", "mood": "mine"}
    file = tmp_path / "prompt.json"
    file.write_text(json.dumps(document))
    from_file = cli("generate", "--from-json", file, "--seed", 3, "--json", *FAST).json
    from_stdin = cli("generate", "--from-json", "-", "--seed", 3, "--json", *FAST, stdin=json.dumps(document)).json
    for picture in (from_file, from_stdin):
        assert (picture["structured_prompt"], picture["writer"]) == (document, "hand")
    assert (pixels(from_file["image_path"]) == pixels(from_stdin["image_path"])).all()


def test_a_picture_is_refined_with_its_own_seed_and_settings(cli: Cli, workspace: Path, tmp_path: Path):
    """By id, by its PNG, by its sidecar: a child with the changed prompt; options given win. A prompt alone has no
    seed to keep and no parent."""
    source = cli("generate", "a red ball", "--seed", 11, "--aspect", "2:3", "--json", *FAST).json
    png = Path(source["image_path"])
    children = [
        cli("refine", start, "make the ball green", "--json").json
        for start in (source["id"], png, png.with_suffix(".json"))
    ]
    with opened(workspace) as (_, history):
        for child in children:
            stored = history.get(child["id"])
            assert (stored.parent_id, stored.request.seed, stored.request.num_inference_steps) == (source["id"], 11, 2)
            assert (stored.request.width, stored.request.height) == (source["width"], source["height"])
            assert "green" in child["structured_prompt"]["objects"][0]["shape_and_color"]
        other = cli("refine", source["id"], "make the ball green", "--seed", 12, "--json", *FAST).json
        assert history.get(other["id"]).request.seed == 12

        prompt = tmp_path / "prompt.json"
        prompt.write_text(json.dumps(source["structured_prompt"]))
        alone = cli("refine", prompt, "make the ball green", "--json", *FAST).json
        assert history.get(alone["id"]).parent_id is None


def test_a_picture_inspires_another_and_is_kept_with_it(cli: Cli, workspace: Path, tmp_path: Path):
    """A file of the user's, and one of the history, which becomes the parent."""
    Image.new("RGB", (60, 40), "navy").save(tmp_path / "sea.jpg")
    first = cli("inspire", tmp_path / "sea.jpg", "at night", "--json", *FAST).json
    second = cli("inspire", first["id"], "--json", *FAST).json
    with opened(workspace) as (_, history):
        assert Image.open(history.source_file(first["id"])).size == (60, 40)
        assert (history.get(first["id"]).mode, history.get(first["id"]).words) == ("inspire", "at night")
        assert history.get(second["id"]).parent_id == first["id"]


def test_several_pictures_inspire_one_and_the_hint_stands_last_or_in_an_option(
    cli: Cli, workspace: Path, tmp_path: Path
):
    """What is a file is a picture; the words after them are the hint, as they were with one picture."""
    for name in ("sea", "sun"):
        Image.new("RGB", (60, 40) if name == "sea" else (40, 60), {"sea": "navy", "sun": "gold"}[name]).save(
            tmp_path / f"{name}.png"
        )
    pictures = (tmp_path / "sea.png", tmp_path / "sun.png")
    for hint in (("at night",), ("--hint", "at night")):
        said = cli("inspire", *pictures, *hint, *FAST)
        assert "those of all 2 pictures" in said.err
    with opened(workspace) as (_, history):
        both = history.page(HistoryQuery()).items
        assert [picture.words for picture in both] == ["at night"] * 2
        assert Image.open(history.source_file(both[0].id)).size == (60, 40)
        (other,) = both[0].other_sources
        assert Image.open(workspace / other).size == (40, 60)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sea.png", "sea.png"), "Picture 2 is the same as picture 1"),
        (("sea.png", "sun.pgn.png"), "sun.pgn.png"),
        (("sea.png", "at night", "sea.png"), "'at night' is neither a file nor a picture's id. Put the hint last"),
        (("sea.png", "at night", "--hint", "by day"), "'at night' is neither a file nor a picture's id, and --hint"),
    ],
)
def test_what_is_neither_picture_nor_hint_is_said(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], sentence: str):
    Image.new("RGB", (60, 40), "navy").save(tmp_path / "sea.png")
    said = cli("inspire", *(tmp_path / each if each.endswith(".png") else each for each in arguments), *FAST)
    assert said.code == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_json_is_taken_as_people_have_it_and_stderr_says_what_was_done(cli: Cli, tmp_path: Path):
    """In an answer, in words, in another program's picture; what stands beside it is offered, never taken."""
    caption = {"short_description": "a blue box"}
    answer, picture = tmp_path / "answer.txt", tmp_path / "other.png"
    answer.write_text(f"Here you are:\n```json\n{json.dumps({'prompt': caption, 'seed': 7})[:-1]},}}\n```")
    texts = PngInfo()
    texts.add_text("Comment", json.dumps({"prompt": json.dumps(caption), "seed": 7}))
    Image.new("RGB", (64, 64)).save(picture, pnginfo=texts)
    for given in (("--from-json", answer), ("--from-json", picture), (json.dumps([caption]),)):
        said = cli("generate", *given, "--seed", 3, "--json", *FAST)
        assert (said.json["structured_prompt"], said.json["seed"], said.json["writer"]) == (caption, 3, "hand")
        assert "The caption was taken from" in said.err
        assert ("Found beside the prompt and not used: seed 7." in said.err) == (len(given) == 2)


def test_a_record_of_the_studios_gives_its_prompt_alone(cli: Cli, workspace: Path, tmp_path: Path):
    """A sidecar, what the history shows and what a painting printed: the prompt, and a seed of one's own."""
    painted = cli("generate", "a red ball", "--seed", 41, "--json", *FAST)
    printed = tmp_path / "printed.json"
    printed.write_text(painted.out)
    shown = tmp_path / "shown.json"
    shown.write_text(cli("history", "show", painted.json["id"], "--json").out)
    for file in (printed, shown, Path(painted.json["image_path"]).with_suffix(".json"), painted.json["image_path"]):
        said = cli("prompt", "--canonical", file)
        assert said.out == StructuredPrompt.from_dict(painted.json["structured_prompt"]).canonical() + "\n"
        assert "seed 41" in said.err


def test_a_prompt_is_written_without_a_workspace(cli: Cli, workspace: Path):
    """Readable, or on one line; nothing is painted, and no database is made."""
    readable, line = cli("prompt", "a red ball"), cli("prompt", "a red ball", "--json")
    assert readable.json == line.json
    assert len(line.out.splitlines()) == 1
    assert readable.json["objects"][0]["shape_and_color"] == "round, red"
    assert not (workspace / "studio.db").exists()


def test_canonical_prints_the_exact_text_the_model_is_given(cli: Cli, tmp_path: Path, monkeypatch):
    """From a file or stdin, whatever the environment's settings are worth."""
    text = '{"objects": [{"description": "é", "x": ""}], "short_description": "a", "note": 1}'
    expected = (
        '{"short_description":"a","objects":[{"description":"\\u00e9"}],'
        '"aesthetics":{"preference_score":"very high","aesthetic_score":"very high"}}\n'
    )
    (tmp_path / "prompt.json").write_text(text)
    monkeypatch.setenv("STUDIO_PORT", "none")
    for said in (cli("prompt", "--canonical", "-", stdin=text), cli("prompt", "--canonical", tmp_path / "prompt.json")):
        assert (said.code, said.out, said.err) == (0, expected, "")


def test_words_may_come_on_stdin(cli: Cli):
    assert cli("prompt", "-", stdin="a red ball\n").json == cli("prompt", "a red ball").json


@pytest.fixture(scope="module")
def huge() -> bytes:
    """A PNG of two hundred megapixels."""
    file = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ('generate ""', 2, "Say in a few words"),
        (f"generate ball --out {'n' * 300}.png", 2, "--out is 'nnn"),
        (f"generate ball --sheet {'n' * 300}.png", 2, "--sheet is 'nnn"),
        ("generate ball --vary writer=offline|gpt", 2, "no prompt writer called 'gpt'"),
        ("generate -", 2, "100,000 characters"),
        ("generate", 2, "one of the two"),
        ("generate ball --from-json -", 2, "one of the two"),
        ("generate ball --seed -2", 2, "The seed is -2"),
        ("generate ball --seed 18446744073709551616", 2, "The seed is 18446744073709551616"),
        ("generate ball --seed abc", 2, "'abc'"),
        ("generate ball --count 0", 2, "number of pictures is 0"),
        ("generate ball --steps 0", 2, "number of steps is 0"),
        ("generate ball --guidance nan", 2, "guidance is nan"),
        ("generate ball --aspect 17:17", 2, "no shape '17:17'"),
        ("generate ball --model sdxl", 2, "no model called 'sdxl'"),
        ('generate ball --model ""', 2, "no model called ''"),
        ("generate ball --model fibo", 1, "models download fibo"),
        ("generate ball --model fibo-edit", 2, "FIBO Edit only edits pictures that are there"),
        ("generate --from-json long.json", 2, "tokens and the model reads 3,000"),
        ("generate ball --model fibo --aspect 3:2-small", 1, "models download fibo"),
        ("generate ball --writer nobody", 2, "no prompt writer called 'nobody'"),
        ("generate ball --out x.jpg", 2, "PNG"),
        ("generate ball --count 2 --out x.png", 2, "Name a folder"),
        ("generate ball --out /proc/x/y", 2, "cannot be made"),
        ("generate --from-json missing.json", 2, "No such file"),
        ("generate --from-json words.txt", 2, "not JSON"),
        ("generate --from-json list.json", 2, "a JSON object"),
        ("generate --from-json latin.json", 2, "UTF-8"),
        ("generate --from-json empty.json", 2, "Write at least a short description"),
        ("generate --from-json other.json", 2, 'background_setting "a meadow"'),
        ("generate --from-json two.jsonl", 2, "2 different captions"),
        ("prompt --canonical empty.json", 2, "Write at least a short description"),
        ("refine other.json green", 2, "None of FIBO's ten keys"),
        ("refine 01ARZ3NDEKTSV4RRFFQ69G5FAV green", 1, "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("refine missing.png green", 2, "a picture's id"),
        ("refine plain.png green", 2, "carries no structured prompt"),
        ("refine words.txt green", 2, "not JSON"),
        ("refine a1111.png green", 2, "made by A1111 (seed 1234567890, 512×512, 20 steps) from words"),
        ("generate --from-json a1111.png", 2, "'a red ball and a blue box on grass, masterpiece'"),
        ("generate --from-json plain.png", 2, "carries no structured prompt"),
        ("inspire missing.png", 2, "missing.png"),
        ("inspire cut.png", 2, "cut short"),
        ("inspire drawing.png", 2, "no picture that can be read"),
        ("inspire huge.png", 2, "megapixels"),
        ("history show ../../etc/passwd", 1, "../../etc/passwd"),
        ("history list --cursor x", 2, "'x'"),
        ("history list --limit 0", 2, "--limit"),
        ("history list --mode painted", 2, "'painted'"),
        ("models download mini", 1, "comes with the program"),
        ("models check nobody", 2, "no model called 'nobody'"),
        ("generate ball --bogus", 2, "--bogus"),
        ("paint ball", 2, "paint"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr(
    cli: Cli, tmp_path: Path, huge: bytes, monkeypatch, command, code, sentence
):
    """The code says who is to blame, with --json too; stdout stays empty, and no file is made where one stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("a red ball")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "empty.json").write_text('{"short_description": "", "objects": []}')
    (tmp_path / "other.json").write_text('{"environment": "a meadow", "render": {"samples": 10}}')
    (tmp_path / "long.json").write_text('{"short_description": "' + "ball " * 5_000 + '"}')
    (tmp_path / "two.jsonl").write_text('{"short_description": "a"}\n{"short_description": "b"}')
    (tmp_path / "a1111.png").write_bytes(A1111)
    (tmp_path / "latin.json").write_bytes(b'{"short_description": "\xe9"}')
    (tmp_path / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (64, 64)).save(tmp_path / "plain.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "plain.png").read_bytes()[:60])
    (tmp_path / "huge.png").write_bytes(huge)
    for more in ([], ["--json"]):
        said = cli(*shlex.split(command), *more, stdin="x" * 100_000)
        assert (said.code, said.out) == (code, "")
        assert sentence in said.err
        assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("STUDIO_PORT", "none"), ("FIBO_MODEL", "sdxl"), ("IDLE_STOP_MINUTES", "soon")]
)
def test_a_wrong_environment_is_misuse_and_named(cli: Cli, monkeypatch, name, value):
    """The variable and its value, before anything starts."""
    monkeypatch.setenv(name, value)
    for command in (["serve"], ["generate", "a ball"], ["doctor", "--json"]):
        said = cli(*command)
        assert (said.code, said.out) == (2, "")
        assert name in said.err
        assert value in said.err


def test_serving_on_a_taken_port_fails_in_one_sentence(cli: Cli, monkeypatch):
    """Before Streamlit is started, which would say it in its own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("STUDIO_PORT", str(taken.getsockname()[1]))
        said = cli("serve")
    assert (said.code, said.out) == (1, "")
    assert "STUDIO_PORT" in said.err


def test_a_damaged_database_fails_in_one_sentence(cli: Cli, workspace: Path):
    workspace.mkdir()
    (workspace / "studio.db").write_bytes(b"no database" * 1000)
    said = cli("history", "list")
    assert (said.code, said.out) == (1, "")
    assert "history rebuild" in said.err


def test_ctrl_c_cancels_between_steps_and_stores_nothing(workspace: Path):
    """On a terminal the line tells the step; Ctrl+C then ends it with 130 and one sentence."""
    ours, theirs = pty.openpty()
    process = start_cli("generate", "a ball", "--steps", 200, workspace=workspace, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"step 2 of 200" not in seen:
        seen += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    while b"Cancelled" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert (process.returncode, out) == (130, "")
    with opened(workspace) as (_, history):
        assert history.page(HistoryQuery()).items == ()
    assert list(workspace.rglob("*.png")) == []


def a_third_picture_that_cannot_be(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """The real engine, but for what ``happens`` before it paints a third picture."""
    real, calls = FiboEngine.render_together, itertools.count(1)

    def render(self: FiboEngine, *arguments: Any, **more: Any) -> list[RenderedImage]:
        if next(calls) == 3:
            happens()
        return real(self, *arguments, **more)

    monkeypatch.setattr(FiboEngine, "render_together", render)


def out_of_memory() -> None:
    raise OutOfMemory("The memory did not suffice.")


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("happens", "code", "sentence"),
    [(out_of_memory, 1, "The memory did not suffice.\n"), (ctrl_c, 130, "Cancelled.\n")],
)
@pytest.mark.parametrize("command", ["generate", "refine", "inspire"])
def test_a_batch_that_fails_at_its_third_picture_reports_the_two_it_finished(
    cli: Cli, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    store: Callable[..., Generation], command: str, happens: Callable[[], None], code: int, sentence: str,
):  # fmt: skip
    """As a list, copied where asked, and then the one sentence."""
    source = store("a red ball")
    asked = {"generate": ["a ball"], "refine": [source.id, "make the ball green"], "inspire": [source.id]}[command]
    a_third_picture_that_cannot_be(monkeypatch, happens)
    copies = tmp_path / "copies"
    said = cli(command, *asked, "--count", 4, "--seed", 5, "--out", copies, "--json", *FAST)
    assert (said.code, said.err) == (code, sentence)
    assert [picture["seed"] for picture in said.json] == [5, 6]
    assert {file.stem for file in copies.iterdir()} == {picture["id"] for picture in said.json}


def test_a_failed_batch_tells_in_text_too_what_it_finished(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """A block for each; nothing at all where the first picture failed."""
    a_third_picture_that_cannot_be(monkeypatch, out_of_memory)
    said = cli("generate", "a ball", "--count", 4, "--seed", 5, *FAST)
    assert (said.code, said.err) == (1, "The memory did not suffice.\n")
    assert [line.split(" · ")[0].strip() for line in said.out.splitlines()[1::2]] == ["seed 5", "seed 6"]
    monkeypatch.setattr(FiboEngine, "render_together", lambda *_, **__: out_of_memory())
    said = cli("generate", "a ball", "--count", 4, "--json", *FAST)
    assert (said.code, said.out, said.err) == (1, "", "The memory did not suffice.\n")


def test_a_reader_that_has_enough_is_no_error(workspace: Path):
    """`fibo-studio … | head`: no trace when the pipe is closed."""
    process = start_cli("--version", workspace=workspace)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1


def test_commands_that_paint_nothing_load_no_model_library(workspace: Path):
    """In a fresh process: writing, listing and helping stay quick."""
    code = """if True:
        import sys
        from studio.cli.main import main
        for line in sys.argv[1:]:
            sys.argv = ["fibo-studio", *line.split()]
            try: main()
            except SystemExit as ended: assert not ended.code, ended.code
        print(sorted({"torch", "diffusers", "transformers", "streamlit", "huggingface_hub"} & sys.modules.keys()))
    """
    lines = ("prompt ball", "history list", "models list", "doctor --help", "prompt --help")
    done = subprocess.run(
        [sys.executable, "-c", code, *lines],
        cwd=CHECKOUT,
        env=os.environ | {"WORKSPACE_DIR": str(workspace)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_canonical_text_is_that_of_the_library(cli: Cli):
    """On a real caption of some length."""
    caption = (CHECKOUT / "tests" / "golden" / "complete.json").read_text()
    assert cli("prompt", "--canonical", "-", stdin=caption).out == StructuredPrompt.parse(caption).canonical() + "\n"


def test_each_writer_can_be_named_and_says_what_it_lacks(cli: Cli):
    """An unknown one is misuse (2); one that is not set up is a failure (1) with the way out."""
    assert cli("prompt", "a red ball", "--writer", "offline").code == 0
    for writer, lacks in (
        ("gemini", "GOOGLE_API_KEY is not set"),
        ("llm", "LLM_BASE_URL is not set"),
        ("local", "needs a CUDA GPU"),
    ):
        for command in (("prompt", "a red ball"), ("generate", "a red ball")):
            said = cli(*command, "--writer", writer)
            assert (said.code, said.out) == (1, "")
            assert lacks in said.err
    unknown = cli("prompt", "a red ball", "--writer", "gpt")
    assert (unknown.code, unknown.out) == (2, "")
    assert "auto, gemini, llm, local, offline" in unknown.err


def test_a_prompt_of_geminis_is_painted_with_its_model_and_tokens(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """In the result and in the history; what a passed-over writer had to say stands on stderr."""
    monkeypatch.setenv("GOOGLE_API_KEY", "-".join(["not", "a", "real", "key"]))
    with loopback_gemini() as gemini:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        gemini.will(answer({"short_description": "A red ball."}, tokens=(521, 250, 41)))
        painted = cli("generate", "a red ball", "--json", *FAST)
        gemini.will(error(503, "UNAVAILABLE", "The model is overloaded."))
        fallen = cli("prompt", "a red ball")
    usage = {"input_tokens": 521, "output_tokens": 291}
    assert (painted.json["writer"], painted.json["writer_model"], painted.json["usage"]) == (
        "gemini", "gemini-3.5-flash-lite", usage,
    )  # fmt: skip
    assert cli("history", "show", painted.json["id"], "--json").json["usage"] == usage
    assert "521 read, 291 written" in cli("history", "show", painted.json["id"]).out
    assert (fallen.code, "Gemini has trouble of its own" in fallen.err) == (0, True)
    assert "red" in json.dumps(fallen.json)


def test_a_prompt_of_any_models_names_it(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """By the writer's name alone, and with "auto" where Gemini has no key; a picture keeps both names."""
    with loopback_llm.loopback_llm() as llm:
        llm.will(loopback_llm.stream({"short_description": "A red ball."}, tokens=(521, 291)))
        monkeypatch.setenv("LLM_BASE_URL", llm.url)
        monkeypatch.setenv("LLM_MODEL", "qwen3:8b")
        painted = cli("generate", "a red ball", "--json", *FAST)
        named = cli("generate", "a red ball", "--writer", "llm", *FAST)
    assert (painted.json["writer"], painted.json["writer_model"]) == ("llm", "qwen3:8b")
    assert "prompt by llm (qwen3:8b), 812 tokens" in named.out


def test_a_service_that_says_in_a_moment_again_and_again_is_waited_for_by_the_clock(capsys: pytest.CaptureFixture[str]):
    """Two seconds and a bit of patience: what asking took between the waits counts too."""
    progress = PaintingProgress(StatusLine(), CancelFlag())
    assert progress.on_over_quota("Gemini is over its quota", 0.0, 2.2)
    time.sleep(0.4)
    assert not progress.on_over_quota("Gemini is over its quota", 0.0, 2.2)
    assert capsys.readouterr().err == "Gemini is over its quota; asking again in 1 s\n"


def test_a_quota_is_waited_for_and_ctrl_c_ends_the_wait(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    """stderr says how long; nobody has to wait that long to get out."""
    with loopback_gemini() as gemini:
        gemini.will(error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_info("50s")))
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        monkeypatch.setenv("GOOGLE_API_KEY", "-".join(["not", "a", "real", "key"]))
        waiting = start_cli("prompt", "a red ball", workspace=workspace)
        said = waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=60)
    assert said.strip() == "Gemini is over its quota; asking again in 50 s"
    assert (waiting.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_several_seeds_are_painted_in_one_pass_where_that_is_asked_for(cli: Cli):
    painted = cli("generate", "a red ball", "--seed", 7, "--count", 3, "--steps", 2, "--together", "--json").json
    shown = [cli("history", "show", each["id"], "--json").json for each in painted]
    assert [(each["seed"], each["precision"]) for each in shown] == [
        (7, "float32, together"), (8, "float32, together"), (9, "float32, together"),
    ]  # fmt: skip


def test_a_model_of_ones_own_paints_with_a_lora_and_again(cli: Cli, workspace: Path, tmp_path: Path):
    """A folder is added, a file put into adapters/, and the recipe says which both were."""
    import diffusers

    from tests.engine.test_adapters import lora_of, write_lora

    folder = shutil.copytree(MINI_WEIGHTS, tmp_path / "mine")
    assert cli("models", "add", "mine", str(folder), "--side", "64", "--steps", "2").code == 0
    transformer = diffusers.BriaFiboTransformer2DModel.from_pretrained(MINI_WEIGHTS / "transformer")
    write_lora(workspace / "adapters" / "sepia.safetensors", lora_of(transformer))
    prompt = tmp_path / "prompt.json"
    prompt.write_text('{"short_description": "a red ball"}')
    order = ("generate", "--from-json", prompt, "--model", "mine", "--seed", 7, "--negative", "{}", "--json")
    plain, worn = cli(*order).json, cli(*order, "--adapter", "sepia:0.5").json
    assert worn["model"] == "mine"
    (adapter,) = cli("history", "show", worn["id"], "--json").json["adapters"]
    assert adapter.startswith("sepia@")
    assert (pixels(plain["image_path"]) != pixels(worn["image_path"])).any()
    assert cli(*order, "--adapter", "nobody").code == 2
    assert cli("models", "remove", "mine").code == 0
    register(())
