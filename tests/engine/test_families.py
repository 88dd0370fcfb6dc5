"""Every family through the one engine: same seed, same picture; previews, cancelling, and limits of its own."""

import io
import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, ModelLoadFailed, RequestError
from fibo_core.models.catalogue import CATALOGUE, ModelSpec
from fibo_core.models.families import FIBO2, NULL_CAPTION
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.tiny import make_tiny_fibo2

BALL = StructuredPrompt.from_dict({"short_description": "a red ball", "lighting": {"conditions": "noon"}})
TINY2: ModelSpec = replace(
    CATALOGUE["mini"], name="tiny2", title="tiny2", family=FIBO2, fixed_negative=None, sizes={"3:2": (96, 64)},
    num_inference_steps=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_fibo2(tmp_path_factory.mktemp("tiny2"))


@pytest.fixture(scope="module")
def engine(tiny2_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    models = {"mini": CATALOGUE["mini"], "tiny2": replace(TINY2, folder=tiny2_folder)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", models)
        yield FiboEngine("tiny2", hub_cache=tmp_path_factory.mktemp("hub"))


def request(engine: FiboEngine, prompt: StructuredPrompt = BALL, seed: int = 7, **asked: Any) -> GenerationRequest:
    settings = RenderSettings.of(TINY2, aspect="3:2", guidance_scale=3.0, **asked)
    return settings.request(prompt, seed, engine.revision("tiny2"))


def pixels(image: Image.Image) -> Any:
    return np.asarray(image, dtype=int)


def test_a_fibo_2_folder_paints_the_same_picture_for_the_same_seed_and_another_for_another(engine: FiboEngine) -> None:
    """Noise in its own shape, no argument that it does not know."""
    first, again = (engine.render(request(engine)).image for _ in range(2))
    other = engine.render(request(engine, seed=8)).image
    assert first.size == (96, 64)
    assert (pixels(first) == pixels(again)).all()
    assert (pixels(first) != pixels(other)).any()


def test_the_engine_adds_nothing_to_fibo_2s_own_pipeline(engine: FiboEngine) -> None:
    """Its default negative prompt is the caption of empty values, which the recipe holds as it was read."""
    import torch

    painted = engine.render(request(engine)).image
    noise = torch.randn((1, 32, 8, 12), generator=torch.Generator("cpu").manual_seed(7))
    held: Any = engine._held
    bare = held.pipe(
        json.dumps(BALL.document), width=96, height=64, num_inference_steps=3, guidance_scale=3.0, latents=noise
    ).images[0]
    assert (pixels(painted) == pixels(bare)).all()
    assert request(engine).negative_prompt == NULL_CAPTION


def test_every_step_of_fibo_2_is_told_with_a_preview_of_the_pictures_shape(engine: FiboEngine) -> None:
    events: list[StepEvent] = []
    engine.render(request(engine), events.append)
    assert [(event.step, event.total) for event in events] == [(1, 3), (2, 3), (3, 3)]
    assert Image.open(io.BytesIO(events[-1].preview or b"")).size == (256, 171)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("name", ["mini", "tiny2"])
def test_a_cancel_at_any_step_of_any_family_leaves_the_next_picture_as_it_would_have_been(
    engine: FiboEngine, name: str, step: int
) -> None:
    """At the last one all is painted, and it comes too late."""
    spec = {"mini": CATALOGUE["mini"], "tiny2": TINY2}[name]
    settings = RenderSettings.of(spec, aspect="3:2", num_inference_steps=3)
    ordered = settings.request(BALL, 7, engine.revision(name))
    whole, cancel, told = engine.render(ordered).image, CancelFlag(), []

    def on_step(event: StepEvent) -> None:
        told.append(event.step)
        if event.step == step:
            cancel.cancel()

    with pytest.raises(Cancelled) if step < 3 else nullcontext():
        engine.render(ordered, on_step, cancel)
    assert told == list(range(1, step + 1))
    assert (pixels(engine.render(ordered).image) == pixels(whole)).all()


def test_the_texts_that_fibo_2_is_shown_as_pictures_count_against_its_limit(engine: FiboEngine) -> None:
    """It would cut the prompt's end without a word."""
    texts = [{"text": f"line {number}"} for number in range(80)]
    prompt = BALL.set("text_render", texts)
    assert engine.count_tokens("tiny2", FIBO2.caption(prompt)) < FIBO2.tokens_max
    with pytest.raises(RequestError, match=r"has [\d,]+ tokens and the model reads 4,096"):
        engine.render(request(engine, prompt))


@pytest.mark.parametrize(("name", "most"), [("mini", "3,000"), ("tiny2", "4,096")])
def test_a_prompt_of_five_thousand_tokens_is_refused_before_its_model_is_loaded(
    engine: FiboEngine, name: str, most: str
) -> None:
    """The other one goes on painting."""
    other = {"mini": "tiny2", "tiny2": "mini"}[name]
    engine.load(other)
    long = BALL.set("short_description", "ball " * 5_000)
    spec = {"mini": CATALOGUE["mini"], "tiny2": TINY2}[name]
    with pytest.raises(RequestError, match=rf"has [\d,]+ tokens and the model reads {most}: its end would be lost"):
        engine.render(RenderSettings.of(spec, aspect="3:2").request(long, 7, engine.revision(name)))
    assert (engine.status().state, engine.status().model) == ("ready", other)


@pytest.mark.parametrize("spec", [CATALOGUE["mini"], TINY2], ids=["mini", "tiny2"])
def test_a_size_no_multiple_of_16_is_cut_from_one_that_is(spec: ModelSpec, engine: FiboEngine) -> None:
    """The models paint multiples of 16: what is more than was asked for, to the right and below, is cut off."""
    whole, cut = (
        engine.render(
            RenderSettings.of(spec, size=size, num_inference_steps=1).request(BALL, 7, engine.revision(spec.name))
        )
        for size in ((112, 80), (100, 70))
    )
    assert cut.image.size == (100, 70)
    assert (pixels(cut.image) == pixels(whole.image)[:70, :100]).all()


def test_weights_of_fibo_2_cut_short_leave_the_model_before_painting(
    engine: FiboEngine, tiny2_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of them, in one sentence that names the file."""
    cut = Path(shutil.copytree(tiny2_folder, tmp_path / "cut"))
    models = {"mini": CATALOGUE["mini"], "cut": replace(TINY2, name="cut", title="cut", folder=cut)}
    monkeypatch.setattr("fibo_core.models.catalogue.CATALOGUE", models)
    engine.load("mini")
    held = engine._held
    for part in ("transformer", "text_encoder", "vae"):
        file = next((cut / part).glob("*.safetensors"))
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ModelLoadFailed, match=rf"weights of cut in .* are damaged: {part}/.*Bring that file again"):
            engine.load("cut")
        file.write_bytes(whole)
    assert engine._held is held
    engine.load("cut")
    assert engine.status().model == "cut"


def test_a_text_is_drawn_for_fibo_2_and_changes_the_picture(engine: FiboEngine) -> None:
    signs = [BALL.set("text_render", [{"text": text}]) for text in ("OPEN", "SHUT")]
    first, second = (engine.render(request(engine, sign)).image for sign in signs)
    assert (pixels(first) != pixels(second)).any()


def test_a_recipe_of_another_family_is_refused_before_anything_is_loaded(engine: FiboEngine) -> None:
    foreign = replace(request(engine), family="fibo1")
    with pytest.raises(RequestError, match="family fibo1, and tiny2 is one of fibo2"):
        engine.render(foreign)


def test_two_families_in_turn_paint_what_each_paints_alone(engine: FiboEngine) -> None:
    """One is dropped for the other, and comes back as it was."""
    before = engine.render(request(engine)).image
    mini = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=1).request(BALL, 7, engine.revision("mini"))
    engine.render(mini)
    assert (pixels(engine.render(request(engine)).image) == pixels(before)).all()
