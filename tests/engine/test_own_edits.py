"""The families' own edits through the one engine: a picture, an instruction, a mask or references, and what is kept."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.edits import Edit
from fibo_core.engine.embeddings import KeptEmbeddings
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.repaint import Given
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, FiboError, RequestError
from fibo_core.models.catalogue import CATALOGUE, ModelSpec
from fibo_core.models.families import FIBO2, FIBO_EDIT
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.tiny import make_tiny_fibo2, make_tiny_fibo_edit

BALL = StructuredPrompt.from_dict({"short_description": "a red ball", "text_render": [{"text": "OPEN"}]})
SIZE = (96, 64)
STEPS = 3
SOURCE, MASK, FIRST, SECOND, NARROW, NARROWER = (digit * 64 for digit in "123456")


def noise(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 255, (size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def mask() -> Image.Image:
    picture = Image.new("L", SIZE)
    ImageDraw.Draw(picture).ellipse((20, 10, 70, 50), fill=255)
    return picture


PICTURES = {SOURCE: noise(1), MASK: mask(), FIRST: noise(2, (48, 80)), SECOND: noise(3)}
PICTURES |= {NARROW: Image.new("RGB", (2, 200), "red"), NARROWER: Image.new("RGB", (7, 3000), "red")}


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    folders = {"tiny2": make_tiny_fibo2, "tiny-edit": make_tiny_fibo_edit}
    families = {"tiny2": FIBO2, "tiny-edit": FIBO_EDIT}
    return {
        name: replace(
            CATALOGUE["mini"], name=name, title=name, family=families[name], fixed_negative=None, sizes={"3:2": SIZE},
            num_inference_steps=STEPS, folder=make(tmp_path_factory.mktemp(name)),
        )
        for name, make in folders.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def engine(specs: dict[str, ModelSpec], tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", {"mini": CATALOGUE["mini"], **specs})
        yield FiboEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"), pictures=PICTURES.__getitem__)


@pytest.fixture(params=["tiny2", "tiny-edit"])
def spec(request: pytest.FixtureRequest, specs: dict[str, ModelSpec]) -> ModelSpec:
    return specs[request.param]


def an_edit(engine: FiboEngine, spec: ModelSpec, seed: int = 7, **given: Any) -> GenerationRequest:
    settings = RenderSettings.of(spec, aspect="3:2", guidance_scale=3.0)
    edit = Edit(**{"source": SOURCE, "way": "own", "instruction": "make the ball blue", **given})
    return replace(settings.request(BALL, seed, engine.revision(spec.name)), edit=edit)


def pixels(image: Image.Image) -> Any:
    return np.asarray(image.convert("RGB"), dtype=int)


def test_the_same_edit_paints_the_same_pixels_and_all_that_it_is_given_counts(
    engine: FiboEngine, spec: ModelSpec
) -> None:
    """The picture, the instruction, the mask, the seed: each of them changes what comes out."""
    painted = engine.render(an_edit(engine, spec)).image
    assert painted.size == SIZE
    assert (pixels(engine.render(an_edit(engine, spec)).image) == pixels(painted)).all()
    for other in ({"seed": 8}, {"instruction": "remove the ball"}, {"source": SECOND}, {"mask": MASK}):
        assert (pixels(engine.render(an_edit(engine, spec, **other)).image) != pixels(painted)).any(), other


@pytest.mark.parametrize("references", [(), (FIRST,)], ids=["alone", "beside a reference"])
def test_outside_the_mask_no_pixel_changes(engine: FiboEngine, spec: ModelSpec, references: tuple[str, ...]) -> None:
    """The pipelines themselves keep nothing there; beside references they are not even told of the mask."""
    rendered = engine.render(an_edit(engine, spec, mask=MASK, references=references))
    changed = (pixels(rendered.image) != pixels(PICTURES[SOURCE])).any(axis=2)
    white = pixels(PICTURES[MASK])[..., 0] == 255
    assert changed[~white].sum() == 0
    assert changed[white].mean() > 0.5
    assert rendered.moved_outside > 0.5  # before it was put back


def test_fibo_2_looks_at_several_pictures_no_larger_than_the_painted_one(
    engine: FiboEngine, specs: dict[str, ModelSpec]
) -> None:
    """A megapixel for each would make a small picture beside a small reference wait for nothing."""
    request = an_edit(engine, specs["tiny2"], references=(FIRST, SECOND))
    engine.load("tiny2")
    held: Any = engine._held
    own, seen = held.pipe.vae.encode, []

    def look(pixels: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(pixels.shape[-2] * pixels.shape[-1])
        return own(pixels, *arguments, **named)

    held.pipe.vae.encode = look
    try:
        engine.render(request)
    finally:
        del held.pipe.vae.encode
    assert len(seen) == 3
    assert max(seen) <= 1.15 * SIZE[0] * SIZE[1]


def test_a_reference_is_looked_at_up_to_a_hundred_times_as_long_as_wide_and_refused_beyond(
    engine: FiboEngine, spec: ModelSpec
) -> None:
    """Before anything is painted: the reader's own refusal is a trace."""
    assert engine.render(an_edit(engine, spec, references=(NARROW,))).image.size == SIZE
    with pytest.raises(RequestError, match="Reference 2 is 7×3000 pixels, too narrow to be looked at"):
        engine.render(an_edit(engine, spec, references=(FIRST, NARROWER)))


def test_the_engine_adds_nothing_to_the_own_edit_of_a_pipeline(engine: FiboEngine, spec: ModelSpec) -> None:
    """The picture is what the bare call paints of the same noise, caption, instruction and picture."""
    import torch

    request = an_edit(engine, spec, references=(FIRST,))
    painted = engine.render(request).image
    held: Any = engine._held
    bare = held.pipe(
        json.dumps(BALL.cleaned() | {"edit_instruction": "make the ball blue"}, separators=(",", ":")),
        image=[PICTURES[SOURCE], PICTURES[FIRST]], negative_prompt=request.negative_prompt, width=96, height=64,
        num_inference_steps=STEPS, guidance_scale=3.0, latents=held.family.noise(request, held.pipe),
    ).images[0]  # fmt: skip
    assert (pixels(painted) == pixels(bare)).all()
    assert isinstance(held.family.noise(request, held.pipe), torch.Tensor)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_cancel_at_any_step_of_an_own_edit_leaves_the_next_as_it_would_have_been(
    engine: FiboEngine, spec: ModelSpec, step: int
) -> None:
    whole, cancel = engine.render(an_edit(engine, spec, mask=MASK)).image, CancelFlag()
    told: list[StepEvent] = []

    def on_step(event: StepEvent) -> None:
        told.append(event)
        if event.step == step:
            cancel.cancel()

    request = an_edit(engine, spec, mask=MASK)
    if step < STEPS:
        with pytest.raises(Cancelled):
            engine.render(request, on_step, cancel)
    else:  # all is painted when it comes
        engine.render(request, on_step, cancel)
    assert [(event.step, event.total) for event in told] == [(n, STEPS) for n in range(1, step + 1)]
    assert all(event.preview for event in told[:1])
    assert (pixels(engine.render(request).image) == pixels(whole)).all()


def test_the_recipe_holds_the_text_that_is_read_and_counts_its_pictures(
    engine: FiboEngine, specs: dict[str, ModelSpec]
) -> None:
    """FIBO 2 as its pipeline writes it; the tokens are those of the input that its text encoder is given."""
    spec = specs["tiny2"]
    request = an_edit(engine, spec, references=(FIRST, SECOND))
    told: Any = []
    engine.load("tiny2")
    held: Any = engine._held
    held.embeddings = KeptEmbeddings()  # else it may not be asked
    own = held.pipe.text_encoder.forward

    def listen(**inputs: Any) -> Any:
        told.append((held.pipe.processor.tokenizer.decode(inputs["input_ids"][0]), inputs["input_ids"].shape[1]))
        return own(**inputs)

    held.pipe.text_encoder.forward = listen
    try:
        engine.render(request)
    finally:
        del held.pipe.text_encoder.forward
    text, count = told[0]
    assert held.family.tokens_read(request, held.pipe, Given.of(request, PICTURES.__getitem__)) == count
    while "<|image_pad|><|image_pad|>" in text:
        text = text.replace("<|image_pad|><|image_pad|>", "<|image_pad|>")
    assert request.caption in text
    assert '"edit_instruction":"make the ball blue"' in text


def test_references_that_leave_no_room_for_the_prompt_are_refused_before_anything_is_painted(
    engine: FiboEngine, specs: dict[str, ModelSpec]
) -> None:
    """Each picture takes some hundred tokens; the pipeline would cut the instruction off without a word."""
    alone, request = (an_edit(engine, specs["tiny2"], references=names) for names in ((), (FIRST, SECOND)))

    def long(request: GenerationRequest, words: int) -> GenerationRequest:
        return replace(request, prompt=BALL.set("short_description", "word " * words))

    none, some = (engine.count_tokens("tiny2", long(request, words).caption) for words in (1, 101))
    words = 100 * (3_900 - none) // (some - none)
    request, alone = long(request, words), long(alone, words)
    assert engine.count_tokens("tiny2", request.caption) < FIBO2.tokens_max
    engine.load("tiny2")
    held: Any = engine._held
    assert held.family.tokens_read(alone, held.pipe, Given.of(alone, PICTURES.__getitem__)) < FIBO2.tokens_max
    with pytest.raises(RequestError, match=r"has [\d,]+ tokens and the model reads 4,096"):
        engine.render(request)


def test_what_a_model_cannot_is_refused_before_it_is_loaded(engine: FiboEngine, specs: dict[str, ModelSpec]) -> None:
    plain = replace(an_edit(engine, specs["tiny-edit"]), edit=None)
    with pytest.raises(FiboError, match="tiny-edit only edits pictures that are there"):
        engine.render(plain)
    with pytest.raises(RequestError, match="edits by an instruction alone, and the way is hold"):
        engine.render(replace(plain, edit=Edit(SOURCE, MASK, way="hold")))
    with pytest.raises(RequestError, match="References are for a model's own edit, and the way is vary"):
        engine.render(an_edit(engine, specs["tiny2"], way="vary", references=(FIRST,)))
    with pytest.raises(RequestError, match="family fibo1 has no edit of its own"):
        replace(an_edit(engine, specs["tiny2"]), family="fibo1")
    with pytest.raises(RequestError, match="goes by an instruction, and there is none"):
        Edit(SOURCE, way="own", instruction=" ")
    with pytest.raises(RequestError, match="5 references are given, and at most 4 are looked at"):
        Edit(SOURCE, way="own", instruction="x", references=(FIRST,) * 5)
