"""Several seeds in one pass, on both families: each one's picture but for a rounding, and as many as memory allows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import Placement, at_once
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled
from fibo_core.models import device
from fibo_core.models.catalogue import CATALOGUE, find_model
from fibo_core.models.families import FIBO2
from fibo_core.models.plans import BATCH_MAX, GB
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.tiny import make_tiny_fibo2

BALL = StructuredPrompt.from_dict({"short_description": "a red ball"})
SEEDS = range(7, 12)


@pytest.fixture(scope="module", params=["fibo1", "fibo2"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiboEngine]:
    """One of each family, called "tiny"."""
    model = replace(CATALOGUE["mini"], name="tiny", fixed_negative=None)
    if request.param == "fibo2":
        model = replace(model, family=FIBO2, folder=make_tiny_fibo2(tmp_path_factory.mktemp("tiny2")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", {"tiny": model})
        engine = FiboEngine("tiny", hub_cache=tmp_path_factory.mktemp("hub"))
        engine.load("tiny")
        yield engine


def some_requests(engine: FiboEngine) -> list[GenerationRequest]:
    """Of five seeds."""
    settings = RenderSettings.of(find_model("tiny"), size=(96, 64), num_inference_steps=3, negative_prompt="fog")
    return [settings.request(BALL, seed, engine.revision("tiny")) for seed in SEEDS]


def memory_for(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So much main memory that ``count`` pictures of `some_requests` fit beside the model."""
    each = 2 * find_model("tiny").working_gb * GB * 96 * 64 / device.MEGAPIXEL
    monkeypatch.setattr(device, "available_memory", lambda: count * each * 1.01)


def test_the_seeds_of_one_pass_have_the_pictures_of_each_alone_to_one_of_255(engine: FiboEngine) -> None:
    """Never silently: the precision says so, and the recipe is another."""
    requests = some_requests(engine)
    alone = [np.asarray(engine.render(request).image, int) for request in requests]
    painted = engine.render_together(requests)
    assert len(painted) == BATCH_MAX
    for request, picture, expected in zip(requests, painted, alone, strict=False):
        assert np.abs(np.asarray(picture.image, int) - expected).max() <= 1
        assert picture.precision == "float32, together"
        recipe = request.painted_in(picture.precision)
        assert (recipe.approximation, recipe.recipe_hash != request.recipe_hash) == ("together", True)
    assert np.abs(alone[0] - alone[1]).max() > 1, "another seed is another picture"


def test_each_pass_takes_what_memory_allows_and_the_last_one_alone_is_as_ever(
    engine: FiboEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = some_requests(engine)
    last = engine.render(requests[-1])
    memory_for(2, monkeypatch)
    assert len(engine.render_together(requests)) == 2
    (painted,) = engine.render_together(requests[-1:])
    assert painted.precision == "float32"
    assert painted.image.tobytes() == last.image.tobytes()


def test_steps_are_told_of_the_whole_pass_and_the_preview_is_the_first_pictures(engine: FiboEngine) -> None:
    requests, alone, events = some_requests(engine), [], []
    engine.render(requests[0], alone.append)
    engine.render_together(requests, events.append)
    assert [(event.step, event.total, event.pictures) for event in events] == [(1, 3, 4), (2, 3, 4), (3, 3, 4)]
    assert events[-1].preview is not None
    assert len(events[-1].preview) == pytest.approx(len(alone[-1].preview), rel=0.05)


def test_a_cancel_at_a_step_ends_the_pass_and_the_next_one_is_right(engine: FiboEngine) -> None:
    requests = some_requests(engine)
    expected = [each.image.tobytes() for each in engine.render_together(requests)]
    for step in (1, 2):
        flag = CancelFlag()

        def cancel(event: StepEvent, at: int = step, flag: CancelFlag = flag) -> None:
            if event.step == at:
                flag.cancel()

        with pytest.raises(Cancelled):
            engine.render_together(requests, cancel, flag)
    assert [each.image.tobytes() for each in engine.render_together(requests)] == expected


def test_a_pass_whose_memory_runs_out_is_halved_until_it_fits_and_says_so(engine: FiboEngine) -> None:
    """Before less of the model is held on the device: four, two, and one where even two are too many."""
    import torch

    requests, pictures = some_requests(engine), []

    def ask_for_too_much(_: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        latents = keywords.get("hidden_states", arguments[0] if arguments else None)
        latents = latents[0] if isinstance(latents, list) else latents
        pictures.append(len(latents))
        if len(pictures) <= 2:
            torch.empty(1 << 55, dtype=torch.uint8)

    hook = engine._held.pipe.transformer.register_forward_pre_hook(ask_for_too_much, with_kwargs=True)
    try:
        (painted,) = engine.render_together(requests)
    finally:
        hook.remove()
    assert pictures[0] > pictures[1] > pictures[2]
    assert painted.note == "The memory of cpu did not suffice for 2 pictures in one pass: they were fewer."
    assert painted.precision == "float32"
    assert painted.image.tobytes() == engine.render(requests[0]).image.tobytes()


@given(
    st.integers(1, BATCH_MAX),
    st.sampled_from([(512, 512), (1024, 1024), (1344, 768), (2048, 2048)]),
)
def test_on_a_card_a_pass_never_has_more_pixels_than_there_is_memory_for(batch: int, size: tuple[int, int]) -> None:
    """But for one picture, which is tried all the same."""
    place = Placement("cuda", "cuda: a card", "bfloat16", batch=batch)
    count = at_once(place, CATALOGUE["fibo"], *size)
    assert 1 <= count <= BATCH_MAX
    assert count == 1 or count * size[0] * size[1] <= batch * device.MEGAPIXEL
