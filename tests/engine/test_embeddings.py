"""Prompt embeddings kept over the seeds of one prompt: the encoder is asked once, and no pixel knows."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.engine import embeddings
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, OutOfMemory
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.families import FIBO2
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.tiny import make_tiny_fibo2

BALL = StructuredPrompt.from_dict({"short_description": "a red ball"})
BOX = StructuredPrompt.from_dict({"short_description": "a blue box"})
SIGN = BALL.set("text_render", [{"text": "OPEN"}])
MODELS = {"mini": CATALOGUE["mini"]}


@pytest.fixture(scope="module", params=["fibo1", "fibo2"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiboEngine]:
    """One of each family, called "tiny"; negative prompts are the user's own in both."""
    model = replace(CATALOGUE["mini"], name="tiny", fixed_negative=None)
    if request.param == "fibo2":
        model = replace(model, family=FIBO2, folder=make_tiny_fibo2(tmp_path_factory.mktemp("tiny2")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", {"tiny": model})
        engine = FiboEngine("tiny", hub_cache=tmp_path_factory.mktemp("hub"))
        engine.load("tiny")
        yield engine


def a_request(
    engine: FiboEngine, prompt: StructuredPrompt = BALL, seed: int = 7, guidance: float = 3.0, negative: str = "fog"
) -> GenerationRequest:
    from fibo_core.models.catalogue import find_model

    settings = RenderSettings.of(
        find_model("tiny"), size=(64, 64), num_inference_steps=2, guidance_scale=guidance, negative_prompt=negative
    )
    return settings.request(prompt, seed, engine.revision("tiny"))


def as_if_first(engine: FiboEngine, request: GenerationRequest) -> Any:
    """The picture of a pipeline that keeps nothing."""
    held: Any = engine._held
    image = held.pipe(
        prompt=request.caption, negative_prompt=request.negative_prompt, width=64, height=64, num_inference_steps=2,
        guidance_scale=request.guidance_scale, latents=held.family.noise(request, held.pipe),
        **held.family.arguments(request),
    ).images[0]  # fmt: skip
    return np.asarray(image)


def pixels(engine: FiboEngine, request: GenerationRequest) -> Any:
    return np.asarray(engine.render(request).image)


@contextmanager
def encodings(engine: FiboEngine) -> Iterator[list[int]]:
    """One entry for each time that the text encoder is asked."""
    asked: list[int] = []
    held: Any = engine._held
    hook = held.pipe.text_encoder.register_forward_pre_hook(lambda *_: asked.append(1))
    try:
        yield asked
    finally:
        hook.remove()


@pytest.mark.parametrize("prompt", [BALL, SIGN], ids=["a ball", "a text to draw"])
def test_the_seeds_of_one_prompt_ask_the_encoder_once_and_paint_the_same_pixels(
    engine: FiboEngine, prompt: StructuredPrompt
) -> None:
    """FIBO 2 draws texts as pictures for its encoder; these are known again too."""
    engine.unload()
    engine.load("tiny")
    wanted = {seed: as_if_first(engine, a_request(engine, prompt, seed)) for seed in (7, 8, 9)}
    with encodings(engine) as asked:
        first = pixels(engine, a_request(engine, prompt, 7))
        once = len(asked)
        assert once > 0
        assert all((pixels(engine, a_request(engine, prompt, seed)) == wanted[seed]).all() for seed in (8, 9, 7))
        assert len(asked) == once
    assert (first == wanted[7]).all()
    assert (wanted[7] != wanted[8]).any()


@pytest.mark.parametrize(
    "other",
    [{"prompt": BOX}, {"negative": "rain"}, {"guidance": 1.0}, {"prompt": SIGN}],
    ids=["prompt", "negative prompt", "no guidance", "a text to draw"],
)
def test_another_prompt_is_read_anew(engine: FiboEngine, other: dict[str, Any]) -> None:
    pixels(engine, a_request(engine))
    asked_for = a_request(engine, **other)
    assert (pixels(engine, asked_for) == as_if_first(engine, asked_for)).all()


def test_another_strength_of_guidance_needs_no_other_embeddings(engine: FiboEngine) -> None:
    pixels(engine, a_request(engine))
    stronger = a_request(engine, guidance=4.0)
    with encodings(engine) as asked:
        painted = pixels(engine, stronger)
        assert asked == []
    assert (painted == as_if_first(engine, stronger)).all()


def test_a_handful_is_kept_and_the_last_used_stays(engine: FiboEngine) -> None:
    held: Any = engine._held
    for number in range(embeddings.KEPT_MAX + 2):
        pixels(engine, a_request(engine, BALL.set("short_description", f"{number} balls")))
        pixels(engine, a_request(engine))
    assert 0 < len(held.embeddings) <= embeddings.KEPT_MAX
    with encodings(engine) as asked:
        pixels(engine, a_request(engine))
        assert asked == []


def test_what_is_too_large_is_not_kept(engine: FiboEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    held: Any = engine._held
    monkeypatch.setattr(embeddings, "KEPT_BYTES_MAX", 10)
    pixels(engine, a_request(engine, BOX, 7, 2.0, "snow"))
    assert len(held.embeddings) == 0


def test_a_cancel_leaves_the_pipelines_own_encoder(engine: FiboEngine) -> None:
    cancel, held = CancelFlag(), engine._held
    assert held is not None
    with pytest.raises(Cancelled):
        engine.render(a_request(engine), lambda event: cancel.cancel(), cancel)
    assert "encode_prompt" not in vars(held.pipe)
    assert (pixels(engine, a_request(engine)) == as_if_first(engine, a_request(engine))).all()


def test_memory_that_runs_out_takes_them_along(engine: FiboEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    held: Any = engine._held
    pixels(engine, a_request(engine))
    assert len(held.embeddings) > 0

    def no_more(*_: Any) -> None:
        raise MemoryError

    hook = held.pipe.transformer.register_forward_pre_hook(no_more)
    try:
        with pytest.raises(OutOfMemory):
            engine.render(a_request(engine))
    finally:
        hook.remove()
    assert len(held.embeddings) == 0


def test_they_are_freed_with_the_model(engine: FiboEngine, tmp_path: Path) -> None:
    pixels(engine, a_request(engine))
    held: Any = engine._held
    kept, pipe = weakref.ref(held.embeddings), weakref.ref(held.pipe)
    del held
    engine.unload()
    gc.collect()
    assert kept() is None
    assert pipe() is None
