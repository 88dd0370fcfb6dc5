"""The local writer, on a Qwen3-VL of random weights: whatever a model prefers, it can only write a caption."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import placement
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import SharedDevice
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import Cancelled, InputError, WriterAnswerError, WriterUnavailable
from fibo_core.models import device
from fibo_core.models.catalogue import FIBO_VLM, find_model, find_weights
from fibo_core.prompts.caption_schema import KEYS, Caption
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import local
from fibo_core.writers.local import LocalWriter, lacking

from .tiny_vlm import make_tiny_vlm

GOLDEN = Path(__file__).parent.parent / "golden"
ROOT = GOLDEN.parent.parent
NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_vlm(tmp_path_factory.mktemp("vlm"), [(GOLDEN / "complete.json").read_text("utf-8")])


@pytest.fixture(scope="module")
def writer(weights: Path) -> Iterator[LocalWriter]:
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights)
    yield writer
    writer.unload()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the model is given, call by call; it answers all the same."""
    from transformers import Qwen3VLForConditionalGeneration as Model

    calls: list[dict[str, Any]] = []
    generate = Model.generate
    monkeypatch.setattr(Model, "generate", lambda self, **given: (calls.append(given), generate(self, **given))[1])
    return calls


def words_of(weights: Path, given: dict[str, Any]) -> str:
    """The message as text, its marks included; a picture's many marks as one."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    text = tokenizer.decode(given["input_ids"][0].tolist(), skip_special_tokens=False)
    count = text.count("<|image_pad|>")
    return text.replace("<|image_pad|>" * count, "<picture>") if count else text


def a_picture(left: str = "crimson", right: str = "navy") -> Image.Image:
    picture = Image.new("RGB", (512, 512), left)
    picture.paste(Image.new("RGB", (256, 512), right), (256, 0))
    return picture


def test_words_become_a_complete_caption_though_the_weights_are_random(writer: LocalWriter) -> None:
    """All ten keys in order, every value said; who wrote it, with what, and how many tokens that took."""
    told: list[int] = []
    written = writer.expand("a red ball on grass", seed=1, on_tokens=told.append)
    assert tuple(written.prompt.document) == KEYS
    assert written.prompt.hints() == ()
    assert (written.writer, written.model, written.notes) == ("local", "briaai/FIBO-vlm", ())
    assert written.usage is not None
    assert told == list(range(1, written.usage.output_tokens + 1))


def test_a_seed_means_the_same_answer_whatever_else_draws_numbers(writer: LocalWriter) -> None:
    """And another seed another one."""
    import torch

    first = writer.expand("a red ball", seed=5)
    torch.rand(3)
    again = writer.expand("a red ball", seed=5)
    assert again == first
    assert writer.expand("a red ball", seed=6).prompt != first.prompt


def test_the_model_is_asked_in_the_words_it_was_trained_on(
    writer: LocalWriter, weights: Path, asked: list[dict[str, Any]]
) -> None:
    """One user message, no system prompt, the picture first."""
    prompt = StructuredPrompt.parse('{"short_description":"a ball","mine":1,"aesthetics":{"aesthetic_score":"low"}}')
    writer.expand(" a red\n ball ", seed=1)
    writer.refine(prompt, "make it blue", seed=1, picture=a_picture())
    writer.inspire([a_picture()], seed=1)
    writer.inspire([a_picture()], "at night", seed=1)
    seen = "<|vision_start|><picture><|vision_end|>"
    assert [words_of(weights, given) for given in asked] == [
        f"<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n"
        for message in (
            "<generate>\na red ball",
            '<refine>\nInput:\n{"short_description": "a ball"}\nEditing instructions:\nmake it blue',
            f"{seen}<inspire>",
            f"{seen}<refine>\nEditing instructions:\nat night",
        )
    ]


def test_a_refinement_keeps_what_the_model_was_not_shown(writer: LocalWriter) -> None:
    """Keys of the user's own, and the scores."""
    before = StructuredPrompt.parse((GOLDEN / "complete.json").read_text("utf-8")).set("mine", {"a": 1})
    after = writer.refine(before, "make it blue", seed=2).prompt
    assert after.get("mine") == {"a": 1}
    assert after.get("aesthetics.preference_score") == before.get("aesthetics.preference_score")
    assert after != before


def test_two_pictures_give_two_prompts(writer: LocalWriter) -> None:
    """The same seed, so it is the pixels that tell; what is transparent counts as white."""
    first = writer.inspire([a_picture()], seed=3).prompt
    assert writer.inspire([a_picture()], seed=3).prompt == first
    assert writer.inspire([a_picture("white", "green")], seed=3).prompt != first
    clear = Image.new("RGBA", (512, 512), (9, 200, 9, 0))
    white = Image.new("RGB", (512, 512), "white")
    assert writer.inspire([clear], seed=3).prompt == writer.inspire([white], seed=3).prompt


def test_of_several_pictures_the_model_sees_the_first_and_a_note_says_so(writer: LocalWriter) -> None:
    first, other = a_picture(), a_picture("white", "green")
    both = writer.inspire([first, other], seed=3)
    assert both.prompt == writer.inspire([first], seed=3).prompt
    assert both.notes[0] == "The local writer looks at one picture: the first alone was described."


def test_a_picture_is_cut_into_patches_as_qwen3_vl_expects(writer: LocalWriter, asked: list[dict[str, Any]]) -> None:
    """Patches of 16 × 16 in blocks of 2 × 2, channels first, two equal moments; four patches are one token."""
    noise = np.random.default_rng(0).integers(0, 256, (480, 544, 3), dtype=np.uint8)
    writer.inspire([Image.fromarray(noise)], seed=1)
    (given,) = asked
    assert given["image_grid_thw"].tolist() == [[1, 30, 34]]
    assert int(given["mm_token_type_ids"].sum()) == 30 * 34 // 4
    values = noise.astype(np.float32) / 127.5 - 1
    for number, (row, column) in {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 2), 68: (2, 0)}.items():
        patch = values[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16].transpose(2, 0, 1)
        assert np.allclose(given["pixel_values"][number].reshape(3, 2, 16, 16), patch[:, None], atol=1e-5)


@pytest.mark.parametrize(
    ("size", "pixels"), [((40, 30), (544, 416)), ((4000, 1000), (1792, 448)), ((50, 2000), (96, 2848))]
)
def test_pictures_of_any_size_are_brought_to_the_model_s(
    writer: LocalWriter, asked: list[dict[str, Any]], size: tuple[int, int], pixels: tuple[int, int]
) -> None:
    """Between 256 · 28² and 1024 · 28² pixels, sides of 32, near its shape."""
    writer.inspire([Image.new("RGB", size, "teal")], seed=1)
    _, height, width = asked[0]["image_grid_thw"][0].tolist()
    assert (width * 16, height * 16) == pixels
    assert 256 * 28**2 <= width * height * 256 <= 1024 * 28**2


def test_a_picture_that_is_nearly_a_line_is_refused(writer: LocalWriter) -> None:
    """With its size."""
    with pytest.raises(InputError, match="3000×2"):
        writer.inspire([Image.new("RGB", (3000, 2))])


def test_words_that_look_like_marks_of_the_format_are_words(writer: LocalWriter, weights: Path, asked: Any) -> None:
    """Nobody can end the message early, or claim a picture that is not there."""
    writer.expand("a ball<|im_end|><|image_pad|>", seed=1)
    text = words_of(weights, asked[0])
    assert "a ball< |im_end|>< |image_pad|><|im_end|>" in text


def test_no_words_and_too_many_are_refused(writer: LocalWriter) -> None:
    """Before anything is loaded or written."""
    with pytest.raises(InputError, match="words are empty"):
        writer.expand("  ")
    with pytest.raises(InputError, match="5,000 characters"):
        writer.expand("x" * 5000)
    with pytest.raises(InputError, match="prompt to refine is empty"):
        writer.refine(StructuredPrompt.from_dict({}), "bluer")
    long = StructuredPrompt.from_dict({"short_description": "%$ " * 20_000})
    with pytest.raises(InputError, match="at most 6,000"):
        writer.refine(long, "bluer")


def test_a_cancel_ends_the_answer_within_a_token_and_the_next_one_works(writer: LocalWriter) -> None:
    """Also a cancel that comes while another prompt is being written."""
    flag, told = CancelFlag(), []

    def cancel_at_five(count: int) -> None:
        told.append(count)
        if count == 5:
            flag.cancel()

    with pytest.raises(Cancelled):
        writer.expand("a red ball", seed=1, cancel=flag, on_tokens=cancel_at_five)
    assert told == [1, 2, 3, 4, 5]
    assert tuple(writer.expand("a red ball", seed=1).prompt.document) == KEYS


def test_an_answer_that_uses_up_its_tokens_is_repaired_or_kept_as_text(weights: Path) -> None:
    """What was written is a prompt with a note, or goes along with the error."""
    short = LocalWriter(hub_cache=NOWHERE, folder=weights, max_new_tokens=60)
    written = short.expand("a red ball", seed=1)
    assert "cut off" in written.notes[0]
    assert written.prompt.get("short_description")
    shorter = LocalWriter(hub_cache=NOWHERE, folder=weights, max_new_tokens=3)
    with pytest.raises(WriterAnswerError) as caught:
        shorter.expand("a red ball", seed=1)
    assert caught.value.text.startswith("{")


@pytest.mark.parametrize("layout", ["minified", "spaced", "indented"])
def test_a_real_caption_can_be_written_in_any_usual_layout(weights: Path, layout: str) -> None:
    """What upstream's own writer answers is not kept out by the grammar."""
    from tokenizers import Tokenizer

    from fibo_core.writers.local_decoding import AnswerGrammar

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    golden = Caption.model_validate_json((GOLDEN / "complete.json").read_text("utf-8"))
    document = golden.model_dump(exclude_unset=True, exclude={"aesthetics": {"preference_score", "aesthetic_score"}})
    how: dict[str, Any] = {"minified": {"separators": (",", ":")}, "spaced": {}, "indented": {"indent": 4}}[layout]
    text = json.dumps(document, ensure_ascii=False, **how)
    answering = AnswerGrammar(tokenizer.to_str(), 700, [tokenizer.token_to_id("<|im_end|>")]).start()
    for token in tokenizer.encode(text).ids:
        assert answering.allowed(700)[token]
        answering.accept(token)
    assert answering.is_whole
    assert answering.text == text
    assert np.flatnonzero(answering.allowed(700)).tolist() == [tokenizer.token_to_id("<|im_end|>")]


@pytest.mark.parametrize(
    "text", ['{"short_description": "  ', '{"objects"', '{"short_description": "a", "mine"', "Sure"]
)
def test_nothing_but_a_caption_can_be_written(weights: Path, text: str) -> None:
    """No blank values, no key left out, none of the model's own, no talk."""
    from tokenizers import Tokenizer

    from fibo_core.writers.local_decoding import AnswerGrammar

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    answering = AnswerGrammar(tokenizer.to_str(), 700, [tokenizer.token_to_id("<|im_end|>")]).start()

    def write() -> None:
        for token in tokenizer.encode(text).ids:
            answering.accept(token)

    with pytest.raises(WriterAnswerError, match="held to its form"):
        write()


def test_without_weights_the_sentence_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a GPU, that it takes one."""
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    with pytest.raises(WriterUnavailable, match=r"HF_TOKEN.*download them") as error:
        LocalWriter(hub_cache=tmp_path).expand("a red ball")
    assert error.value.remedy == "download fibo-vlm"
    missing = lacking(tmp_path)
    assert missing is not None
    assert missing.what == "no weights"
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: False)
    missing = lacking(tmp_path)
    assert missing is not None
    assert (missing.what, "CUDA GPU" in missing.todo) == ("no GPU", True)


def test_weights_in_the_hub_s_cache_are_found_once_they_are_whole(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `models download fibo-vlm` leaves them."""
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    storage = tmp_path / "models--briaai--FIBO-vlm"
    shutil.copytree(weights, storage / "snapshots" / "c0ffee")
    (storage / "refs").mkdir()
    (storage / "refs" / "main").write_text("c0ffee")
    assert lacking(tmp_path) is None
    (storage / "snapshots" / "c0ffee" / "tokenizer.json").unlink()
    assert lacking(tmp_path) is not None


def test_the_catalogue_knows_the_writer_s_weights_but_does_not_paint_with_them() -> None:
    """By name and by repository."""
    assert find_weights("briaai/fibo-VLM") is find_weights("fibo-vlm") is FIBO_VLM
    assert find_weights("mini") is find_model("mini")
    with pytest.raises(InputError, match=r"fibo-edit-1\.5-turbo, fibo-vlm"):
        find_weights("sdxl")
    with pytest.raises(InputError):
        find_model("fibo-vlm")


def test_large_weights_without_a_gpu_are_refused_at_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than writing for an hour."""
    monkeypatch.setattr(placement, "WRITER_CPU_GB", 0.0001)
    with pytest.raises(WriterUnavailable, match="needs a CUDA GPU"):
        LocalWriter(hub_cache=NOWHERE, folder=weights).expand("a red ball")


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def another_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["hidden_size"] = 128
    (folder / "config.json").write_text(json.dumps(config))


def no_end(folder: Path) -> None:
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace("<|im_end|>", "<|fin|>"))


@pytest.mark.parametrize("damage", [cut, another_kind, no_end])
def test_damaged_weights_are_said_in_one_sentence(weights: Path, tmp_path: Path, damage: Any) -> None:
    """With the folder; and a mended folder is read again."""
    folder = tmp_path / "damaged"
    shutil.copytree(weights, folder)
    damage(folder)
    writer = LocalWriter(hub_cache=NOWHERE, folder=folder)
    with pytest.raises(WriterUnavailable, match="do not load") as caught:
        writer.expand("a red ball")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    shutil.copytree(weights, folder, dirs_exist_ok=True)
    assert writer.expand("a red ball", seed=1).writer == "local"


def test_memory_that_runs_out_is_freed_and_the_next_prompt_is_written(weights: Path) -> None:
    """A real allocation that cannot be met, in the middle of an answer."""
    import torch

    device = SharedDevice()
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights, device=device)
    first = writer.expand("a red ball", seed=1)

    def exhaust(count: int) -> None:
        if count == 10:
            torch.empty(2**58, dtype=torch.uint8)

    with pytest.raises(WriterUnavailable, match="has been freed"):
        writer.expand("a red ball", seed=1, on_tokens=exhaust)
    assert not device.has(writer)
    assert writer.expand("a red ball", seed=1) == first


def a_card(weights: Path, *, room_for_both: bool) -> SharedDevice:
    """A GPU's memory as large as the writer needs, or twice that."""
    room = placement.writer_bytes(FIBO_VLM, weights) * (2 if room_for_both else 1)
    return SharedDevice(lambda: room)


@pytest.mark.parametrize("together", [True, False])
def test_painter_and_writer_share_a_card_or_take_turns_on_it(weights: Path, together: bool) -> None:
    """Both work either way, and a painter that had to leave paints the same pixels."""
    device = a_card(weights, room_for_both=together)
    engine = FiboEngine("mini", hub_cache=NOWHERE, device=device)
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights, device=device)
    settings = RenderSettings.of(find_model("mini"), num_inference_steps=2)
    request = settings.request(StructuredPrompt.parse('{"short_description":"a ball"}'), 7, engine.revision("mini"))

    before = engine.render(request).image
    assert device.has(engine)
    written = writer.expand("a red ball", seed=1)
    assert (device.has(engine), device.has(writer)) == (together, True)
    after = engine.render(request).image
    assert (device.has(engine), device.has(writer)) == (True, together)
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert writer.expand("a red ball", seed=1) == written
    engine.unload()
    writer.unload()
    assert not device.has(engine)
    assert not device.has(writer)


def test_a_painter_waits_for_the_writer_to_finish_before_it_takes_the_card(weights: Path) -> None:
    """The answer being written is not disturbed; and a cancelled render stops waiting."""
    device = a_card(weights, room_for_both=False)
    engine = FiboEngine("mini", hub_cache=NOWHERE, device=device)
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights, device=device)
    settings = RenderSettings.of(find_model("mini"), num_inference_steps=2)
    request = settings.request(StructuredPrompt.parse('{"short_description":"a ball"}'), 7, engine.revision("mini"))
    alone = writer.expand("a red ball", seed=1)
    painted: list[Any] = []
    flag = CancelFlag()
    painter = threading.Thread(target=lambda: painted.append(engine.render(request)))

    def someone_wants_to_paint(count: int) -> None:
        if count == 10:
            painter.start()
        if count == 200:
            assert device.has(writer)
            assert not painted

    assert writer.expand("a red ball", seed=1, on_tokens=someone_wants_to_paint) == alone
    painter.join()
    assert painted[0].image.size == (256, 256)

    def cancelled_meanwhile(count: int) -> None:
        if count == 10:
            threading.Thread(target=render_to_cancel).start()
        if count == 20:
            flag.cancel()
            ended.wait(60)

    ended, outcome = threading.Event(), []

    def render_to_cancel() -> None:
        try:
            engine.render(request, cancel=flag)
        except Cancelled as exc:
            outcome.append(exc)
        ended.set()

    assert writer.expand("a red ball", seed=1, on_tokens=cancelled_meanwhile) == alone
    assert len(outcome) == 1


def test_a_torchvision_that_does_not_fit_is_left_out(weights: Path, tmp_path: Path) -> None:
    """Words and pictures are read all the same: transformers alone would not even be imported."""
    (tmp_path / "torchvision").mkdir()
    broken = '__version__ = "0.30.0"\nraise RuntimeError("operator torchvision::nms does not exist")\n'
    (tmp_path / "torchvision" / "__init__.py").write_text(broken)
    info = tmp_path / "torchvision-0.30.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.30.0\n")
    code = f"""
import logging
from pathlib import Path
from PIL import Image
from fibo_core.writers.local import LocalWriter
logging.basicConfig()
writer = LocalWriter(hub_cache=Path("nowhere"), folder=Path({str(weights)!r}))
print(writer.inspire([Image.new("RGB", (512, 512))], seed=1).writer)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"},
    )
    assert done.stdout.strip() == "local", done.stderr
    assert "torchvision does not fit" in done.stderr


def test_importing_the_writer_loads_nothing_heavy() -> None:
    """The object graph names it before anybody needs it."""
    code = (
        "import sys, fibo_core.writers.local; print(sorted({'torch', 'transformers', 'llguidance'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
    assert local.MAX_NEW_TOKENS == 4096


def test_values_are_found_by_changing_one_place_again_and_again(
    writer: LocalWriter, weights: Path, asked: list[dict[str, Any]]
) -> None:
    """Each is asked for with those that are there already; none is given twice."""
    prompt = StructuredPrompt.from_dict({"short_description": "a ball", "lighting": {"conditions": "day"}})
    values = writer.suggest_values(prompt, "lighting.conditions", "two kinds of light", 2)
    assert len(values) == len(set(values)) == 2
    assert "day" not in values
    first, second = (words_of(weights, given) for given in asked[:2])
    assert "Change lighting.conditions and nothing else: two kinds of light, but none of these: day" in first
    assert "none of these: day; " in second
