"""The engine on a CUDA GPU, with the embedded weights. Run with: scripts/test.sh -n 0 -m gpu"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fibo_core.engine import StepEvent
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.process import ProcessEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, OutOfMemory
from fibo_core.models.catalogue import MINI_WEIGHTS, find_model
from fibo_core.models.device import has_cuda_gpu, parts_of
from fibo_core.models.plans import CUDA_GB, GB, Machine, Wish, best, plans_of
from fibo_core.prompts.structured_prompt import StructuredPrompt

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not has_cuda_gpu(), reason="this machine has no CUDA GPU")]

SCENE = StructuredPrompt.parse('{"short_description":"a red ball on a green meadow"}')


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiboEngine]:
    engine = FiboEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"))
    yield engine
    engine.unload()


def a_request(engine: FiboEngine, seed: int = 7, steps: int = 8) -> GenerationRequest:
    settings = RenderSettings.of(find_model("mini"), num_inference_steps=steps)
    return settings.request(SCENE, seed, engine.revision("mini"))


def test_mini_paints_in_bfloat16_on_the_gpu(engine: FiboEngine) -> None:
    """The recipe and the status name the card and the precision."""
    events: list[StepEvent] = []
    rendered = engine.render(a_request(engine), events.append)
    assert rendered.image.size == (256, 256)
    assert rendered.device.startswith("cuda: ")
    assert rendered.precision == "bfloat16"
    assert any(event.preview for event in events)
    status = engine.status()
    assert (status.state, status.device, status.gpu_available) == ("ready", rendered.device, True)
    assert status.vram_used_gb > 0


def test_the_same_request_gives_the_same_pixels(engine: FiboEngine) -> None:
    """Also after another picture in between."""
    first = np.asarray(engine.render(a_request(engine)).image)
    engine.render(a_request(engine, seed=8))
    assert np.array_equal(first, np.asarray(engine.render(a_request(engine)).image))


def test_a_seed_means_the_same_scene_as_on_a_cpu(engine: FiboEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise is drawn on the CPU; what is left is bfloat16's rounding."""
    import torch

    on_gpu = np.asarray(engine.render(a_request(engine)).image, dtype=float)
    with monkeypatch.context() as hidden:
        hidden.setattr(torch.cuda, "is_available", lambda: False)
        cpu_engine = FiboEngine("mini", hub_cache=Path("nowhere"))
        on_cpu = np.asarray(cpu_engine.render(a_request(engine)).image, dtype=float)
    other = np.asarray(engine.render(a_request(engine, seed=8)).image, dtype=float)
    assert np.abs(on_gpu - on_cpu).mean() < np.abs(on_gpu - other).mean() / 2


def test_memory_that_runs_out_is_freed_and_the_next_render_works(engine: FiboEngine) -> None:
    """A real allocation that cannot be met, in the middle of a render."""
    import torch

    clean = np.asarray(engine.render(a_request(engine)).image)
    transformer = engine._held.pipe.transformer
    hook = transformer.register_forward_pre_hook(lambda *_: torch.empty(2**46, device="cuda", dtype=torch.uint8))
    try:
        with pytest.raises(OutOfMemory, match="did not suffice"):  # once whole, once part by part
            engine.render(a_request(engine))
    finally:
        hook.remove()
    assert engine.status().device.endswith("part by part")
    assert np.array_equal(clean, np.asarray(engine.render(a_request(engine)).image))


@pytest.mark.parametrize("hold", ["card", "parts"])  # mini is too small for pieces to be a plan
def test_however_it_is_held_the_pixels_are_the_same_and_memory_is_no_more_than_planned(
    engine: FiboEngine, tmp_path: Path, hold: str
) -> None:
    """The plan's figure is for the largest shape and the longest prompt."""
    import torch

    engine.unload()
    whole = FiboEngine("mini", hub_cache=tmp_path).render(a_request(engine))
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    held = FiboEngine("mini", hub_cache=tmp_path, wish=Wish(hold=hold))
    rendered = held.render(a_request(engine))
    assert np.array_equal(np.asarray(whole.image), np.asarray(rendered.image))
    plan = best(plans_of(parts_of(find_model("mini"), MINI_WEIGHTS)), Machine(), Wish(hold=hold))
    assert plan is not None
    assert torch.cuda.max_memory_allocated() - before < (plan.gpu_gb - CUDA_GB) * GB
    held.unload()


def test_an_engine_in_a_process_of_its_own_paints_the_same(engine: FiboEngine, tmp_path: Path) -> None:
    """And leaves the card when it is closed."""
    request = a_request(engine)
    other = ProcessEngine("mini", hub_cache=tmp_path)
    rendered = other.render(request)
    assert np.array_equal(np.asarray(engine.render(request).image), np.asarray(rendered.image))
    assert other.status().vram_used_gb > 0
    other.close()


def test_a_cancel_and_an_unload_leave_no_memory_behind(engine: FiboEngine) -> None:
    """What the model and a cancelled render held is given back."""
    import torch

    from fibo_core.cancel import CancelFlag

    flag = CancelFlag()
    with pytest.raises(Cancelled):
        engine.render(a_request(engine, steps=50), lambda event: flag.cancel(), flag)
    held = torch.cuda.memory_allocated()
    engine.render(a_request(engine))
    assert torch.cuda.memory_allocated() == held
    engine.unload()
    assert torch.cuda.memory_allocated() < held
    assert engine.status().vram_used_gb == 0
