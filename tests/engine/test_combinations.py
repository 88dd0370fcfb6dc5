"""What can be set together, together: how a model is held and rounded, compiled blocks, a process of its own, LoRAs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fibo_core.engine import Engine, loading
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import Placement
from fibo_core.engine.process import ProcessEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.engine.test_adapters import write_lora_of_mini

BALL = StructuredPrompt.from_dict({"short_description": "a red ball"})
CPU = Placement("cpu", "cpu", "float32")
Make = Callable[..., FiboEngine]


def painted(engine: Engine, *asked: str) -> Any:
    settings = RenderSettings.of(CATALOGUE["mini"], size=(64, 64), num_inference_steps=2, adapters=asked)
    request = settings.request(BALL, 7, engine.revision("mini"), engine.adapters("mini", asked))
    return np.asarray(engine.render(request).image, dtype=int)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    write_lora_of_mini(folder / "sepia.safetensors")
    return folder


@pytest.fixture(scope="module")
def plain(adapters: Path) -> tuple[Any, Any]:
    """What a model that is held whole and exactly paints, without the LoRA and with it."""
    engine = FiboEngine("mini", hub_cache=adapters, adapters=adapters)
    return painted(engine), painted(engine, "sepia:0.5")


@pytest.fixture
def held(adapters: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """An engine that holds its model in a way of the test's choice."""
    engines = []

    def make(hold: str, precision: str = "float32", *, compiled: bool = False) -> FiboEngine:
        monkeypatch.setattr(loading, "choose", lambda *_, **__: replace(CPU, hold=hold, precision=precision))
        engines.append(FiboEngine("mini", hub_cache=adapters, adapters=adapters, compiled=compiled))
        return engines[-1]

    yield make
    for engine in engines:
        engine.unload()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("hold", ["card", "parts", "pieces"])
def test_a_lora_goes_on_and_off_however_the_model_is_held_and_compiled(
    held: Make, plain: tuple[Any, Any], hold: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the pixels of the whole model, twice."""
    monkeypatch.setattr(loading, "COMPILER", "aot_eager")
    engine = held(hold, compiled=compiled)
    for _ in range(2):
        assert (painted(engine) == plain[0]).all()
        assert (painted(engine, "sepia:0.5") == plain[1]).all()
    assert (painted(engine) == plain[0]).all()


@pytest.mark.parametrize(
    ("precision", "hold"), [("fp8", "card"), ("fp8", "parts"), ("fp8", "pieces"), ("int8", "card"), ("int8", "pieces")]
)
def test_a_lora_goes_on_rounded_weights_and_off_without_a_trace(
    held: Make, plain: tuple[Any, Any], precision: str, hold: str
) -> None:
    """It moves the picture as it moves the exact one, at its own strength; nf4 needs a GPU even to be loaded."""
    if precision == "int8":
        pytest.importorskip("torchao")
    engine = held(hold, precision)
    rounded = painted(engine)
    worn = painted(engine, "sepia:0.5")
    assert (worn != rounded).any()
    assert np.abs(worn - plain[1]).mean() < np.abs(worn - plain[0]).mean()
    assert (painted(engine, "sepia:0") == rounded).all()
    assert (painted(engine, "sepia:0.5") == worn).all()
    assert (painted(engine) == rounded).all()


def test_a_lora_stays_on_a_model_that_is_held_otherwise_in_the_middle_of_its_picture(
    held: Make, plain: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory did not suffice for all of it: part by part it paints the same, and comes off as ever."""
    monkeypatch.setattr("fibo_core.engine.fibo.next_below", lambda place, wish: replace(place, hold="parts"))
    engine = held("card")
    assert (painted(engine, "sepia:0.5") == plain[1]).all()
    transformer = engine._held.pipe.transformer  # type: ignore[union-attr]
    calls: list[int] = []

    def once(*_: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError

    hook = transformer.register_forward_pre_hook(once)
    assert (painted(engine, "sepia:0.5") == plain[1]).all()
    hook.remove()
    assert engine.status().device == "cpu, part by part"
    assert (painted(engine) == plain[0]).all()


def test_a_lora_in_a_process_of_its_own_paints_the_same_pixels(adapters: Path, plain: tuple[Any, Any]) -> None:
    engine = ProcessEngine("mini", hub_cache=adapters, adapters=adapters)
    try:
        assert (painted(engine, "sepia:0.5") == plain[1]).all()
        assert (painted(engine) == plain[0]).all()
    finally:
        engine.close()
