"""Ways to hold a model, on the embedded one: the same pixels however much of it is on the device; and memory that runs
out while it paints. What only a GPU can show is in tests/gpu."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fibo_core.engine import fibo, loading
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.holding import decode_by_tiles, quantization_of, resettle
from fibo_core.engine.placement import Placement
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import DeviceFailed, OutOfMemory
from fibo_core.models import memory
from fibo_core.models.catalogue import find_model
from fibo_core.models.plans import LIBRARIES, libraries_here
from tests.engine.test_fibo_engine import SCENE, a_request, pixels

CPU = Placement("cpu", "cpu", "float32")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FiboEngine]:
    """One of the test's own, whose way to hold a model may be changed."""
    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    yield engine
    engine.unload()


def larger(engine: FiboEngine) -> GenerationRequest:
    """Of more than one tile."""
    settings = RenderSettings.of(find_model("mini"), size=(336, 192), num_inference_steps=2)
    return settings.request(SCENE, 7, engine.revision("mini"))


def test_part_by_part_and_piece_by_piece_paint_the_same_pixels_as_the_whole(engine: FiboEngine) -> None:
    """And so does the whole again; the weights are read once."""
    request, pipe = a_request(engine), engine._held.pipe
    whole, before = pixels(engine, request), CPU
    for hold in ("parts", "pieces", "card"):
        place = replace(CPU, hold=hold)
        resettle(pipe, before, place)
        engine._held.placement, before = place, place
        rendered = engine.render(request)
        assert np.array_equal(whole, np.asarray(rendered.image)), hold
        assert rendered.device == {"parts": "cpu, part by part", "pieces": "cpu, piece by piece"}.get(hold, "cpu")
    assert engine._held.pipe is pipe


def test_fp8_stores_the_transformer_in_eight_bits_and_paints_nearly_the_same(
    engine: FiboEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By diffusers' own casting, which needs no library; the picture says so, and its recipe is another."""
    import torch

    request = a_request(engine)
    exact = pixels(engine, request).astype(int)
    engine.unload()
    monkeypatch.setattr(loading, "choose", lambda *_, **__: replace(CPU, precision="fp8"))
    rendered = engine.render(request)
    weights = list(engine._held.pipe.transformer.parameters())
    stored = [weight for weight in weights if weight.dtype == torch.float8_e4m3fn]
    assert len(stored) > len(weights) // 3
    assert 0 < np.abs(exact - np.asarray(rendered.image).astype(int)).mean() < 60
    assert rendered.precision == "fp8"
    assert request.painted_in("fp8").recipe_hash != request.recipe_hash


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "fp8"])
def test_what_is_not_rounded_as_it_is_read_needs_no_library(precision: str) -> None:
    """diffusers is given nothing."""
    assert quantization_of(replace(CPU, precision=precision)) is None


def test_the_libraries_that_round_are_no_part_of_the_studio() -> None:
    """So that no plan counts on them where they are not."""
    assert libraries_here() <= set(LIBRARIES)


# Memory that runs out


def an_allocation_too_large(*_: object) -> None:
    """Refused by the system itself, with torch's own error."""
    import torch

    torch.empty(1 << 55, dtype=torch.uint8)


@pytest.fixture
def starve(engine: FiboEngine) -> Iterator[Callable[..., list[int]]]:
    """Has the first ``times`` calls of a part of the pipeline ask for more memory than there is."""
    hooks = []

    def add(part: str, times: int) -> list[int]:
        calls: list[int] = []

        def hook(*_: object) -> None:
            calls.append(1)
            if len(calls) <= times:
                an_allocation_too_large()

        module = getattr(engine._held.pipe, part)
        module = getattr(module, "decoder", module)
        hooks.append(module.register_forward_pre_hook(hook))
        return calls

    yield add
    for hook in hooks:
        hook.remove()


def test_a_picture_whose_memory_runs_out_is_painted_tile_by_tile_and_says_so(engine: FiboEngine, starve) -> None:
    """Its recipe holds it, those after it are painted at once so, and a small one is as it ever was."""
    request = larger(engine)
    small, whole = pixels(engine, a_request(engine)), engine.render(request)
    calls = starve("vae", 1)
    rendered = engine.render(request)
    assert len(calls) > 2, "it was decoded again, by tiles"
    assert rendered.note == (
        "The memory of cpu did not suffice at first: it was decoded tile by tile, which changes some pixels a little."
    )
    assert (whole.precision, rendered.precision) == ("float32", "float32, tiled")
    recipe = request.painted_in(rendered.precision)
    assert (recipe.approximation, recipe.recipe_hash != request.recipe_hash) == ("tiled", True)
    later = engine.render(request)
    assert (later.note, later.precision) == ("", "float32, tiled")
    assert np.array_equal(np.asarray(later.image), np.asarray(rendered.image))
    assert np.array_equal(small, pixels(engine, a_request(engine)))
    assert engine.render(a_request(engine)).precision == "float32"
    assert (engine.status().state, engine.status().error) == ("ready", "")


def test_a_recipe_painted_by_tiles_is_painted_by_tiles_again(engine: FiboEngine) -> None:
    """Also where memory is enough, so that its pixels are the same; the next recipe's are not touched."""
    request = larger(engine)
    whole = pixels(engine, request)
    decode_by_tiles(engine._held.pipe, True)
    tiled = engine.render(replace(request, approximation="tiled"))
    assert tiled.precision == "float32, tiled"
    assert np.array_equal(whole, pixels(engine, request))


def test_a_model_that_ran_out_of_memory_whole_goes_on_part_by_part(
    engine: FiboEngine, starve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card: the same pixels, the next plan, a note, and the next job is begun so at once."""
    request = a_request(engine)
    whole = pixels(engine, request)
    monkeypatch.setattr(fibo, "next_below", lambda place, wish: replace(place, hold="parts"))
    starve("transformer", 1)
    rendered = engine.render(request)
    assert rendered.note == "The memory of cpu did not suffice at first: it was part by part."
    assert (rendered.device, rendered.precision) == ("cpu, part by part", "float32")
    assert np.array_equal(whole, np.asarray(rendered.image))
    assert request.painted_in(rendered.precision).recipe_hash == request.recipe_hash
    assert engine.status().device == "cpu, part by part"
    assert engine.render(request).note == ""


def test_what_fails_twice_is_one_sentence_and_the_next_job_works(engine: FiboEngine, starve) -> None:
    """Tried once more, not for ever; nothing is left of it."""
    request = larger(engine)
    calls = starve("transformer", 2)
    with pytest.raises(OutOfMemory, match="The memory did not suffice for 336×192"):
        engine.render(request)
    assert len(calls) == 2
    assert engine.render(request).image.size == (336, 192)


def test_a_model_that_cannot_be_held_with_less_either_is_let_go_and_loaded_anew(
    engine: FiboEngine, starve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is as at the start: the next job loads it."""
    request = larger(engine)
    monkeypatch.setattr(fibo, "resettle", an_allocation_too_large)
    starve("transformer", 1)
    with pytest.raises(OutOfMemory, match="even decoded tile by tile"):
        engine.render(request)
    assert (engine.status().state, engine._held) == ("unloaded", None)
    assert engine.render(request).precision == "float32"


def test_a_gpu_that_fails_is_said_and_its_model_let_go(engine: FiboEngine) -> None:
    """Everything that this process would ask of it fails from now on."""

    def fault(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA")

    engine._held.pipe.transformer.register_forward_pre_hook(fault)
    with pytest.raises(DeviceFailed, match=r"\(CUDA error: an illegal memory access was encountered\).*restart"):
        engine.render(a_request(engine))
    assert engine.status().state == "failed"
    assert engine.status().error.startswith("cpu failed while it painted")


@pytest.mark.parametrize(
    ("error", "spoiled"),
    [
        (RuntimeError("CUDA error: device-side assert triggered"), True),
        (RuntimeError("cuBLAS error: CUBLAS_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), False),
        (RuntimeError("CUDA error: out of memory"), False),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), False),
        (ValueError("CUDA error"), False),
    ],
)
def test_a_fault_that_spoils_the_process_is_told_from_memory_that_ran_out(error: Exception, spoiled: bool) -> None:
    """The one needs a fresh process, the other less of the model on the card."""
    assert memory.is_spoiled(error) == spoiled


def test_how_it_is_held_is_logged_when_it_is_loaded(engine: FiboEngine, caplog: pytest.LogCaptureFixture) -> None:
    """With device and precision."""
    with caplog.at_level("INFO", logger=loading.__name__):
        engine.unload()
        engine.load("mini")
    assert "(cpu, float32)" in caplog.text
