"""LoRA: on and off without a trace, and nothing that does not fit is ever given to the model."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fibo_core.engine.adapters import Adapter, check_fits, check_is_lora, read_asked
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import EngineError, RequestError
from fibo_core.models.catalogue import CATALOGUE, MINI_WEIGHTS
from fibo_core.prompts.structured_prompt import StructuredPrompt

BALL = StructuredPrompt.from_dict({"short_description": "a red ball"})
LAYER = "transformer_blocks.0.attn.to_q"


def write_lora(file: Path, tensors: dict[str, Any]) -> Path:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(file))
    return file


def lora_of(model: Any, rank: int = 2, seed: int = 0) -> dict[str, Any]:
    """Random weights for some of a transformer's layers, as diffusers saves them."""
    import torch

    torch.manual_seed(seed)
    tensors = {}
    for name, layer in model.named_modules():
        if name.endswith((".to_q", ".to_v", "attention.to_out.0")) and hasattr(layer, "in_features"):
            tensors[f"transformer.{name}.lora_A.weight"] = torch.randn(rank, layer.in_features)
            tensors[f"transformer.{name}.lora_B.weight"] = torch.randn(layer.out_features, rank)
    return tensors


def write_lora_of_mini(file: Path, *, seed: int = 0) -> Path:
    from fibo_core.engine.loading import libraries

    _, _, diffusers = libraries()
    transformer = diffusers.BriaFiboTransformer2DModel.from_pretrained(MINI_WEIGHTS / "transformer")
    return write_lora(file, lora_of(transformer, seed=seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters of mini's."""
    adapters = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("sepia", "ink")):
        write_lora_of_mini(adapters / f"{name}.safetensors", seed=seed)
    return adapters


@pytest.fixture(scope="module")
def engine(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FiboEngine:
    return FiboEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"), adapters=folder)


def request(engine: FiboEngine, *asked: str) -> GenerationRequest:
    settings = RenderSettings.of(CATALOGUE["mini"], size=(64, 64), num_inference_steps=2, adapters=asked)
    return settings.request(BALL, 7, engine.revision("mini"), engine.adapters("mini", asked))


def pixels(engine: FiboEngine, *asked: str) -> Any:
    return np.asarray(engine.render(request(engine, *asked)).image, dtype=int)


def test_a_lora_changes_the_picture_and_comes_off_without_a_trace(engine: FiboEngine) -> None:
    before = pixels(engine)
    assert (pixels(engine, "sepia") != before).any()
    assert (pixels(engine) == before).all()


def test_the_strength_is_the_requests_own(engine: FiboEngine) -> None:
    """Nothing of the request before is left: 0 is the model itself, and 1 is 1 again after 0.5."""
    base, whole = pixels(engine), pixels(engine, "sepia")
    half = pixels(engine, "sepia:0.5")
    assert (half != whole).any()
    assert (pixels(engine, "sepia") == whole).all()
    assert (pixels(engine, "sepia:0") == base).all()


def test_several_count_together_and_in_turn(engine: FiboEngine) -> None:
    alone = pixels(engine, "ink")
    both = pixels(engine, "sepia:0.5", "ink:0.5")
    assert (both != alone).any()
    assert (pixels(engine, "ink") == alone).all()


def test_a_recipe_holds_which_file_it_was_and_how_strong(engine: FiboEngine, folder: Path) -> None:
    """Another strength is another recipe; another file of the same name is refused."""
    with_it = request(engine, "sepia:0.5")
    (adapter,) = map(Adapter.of_recipe, with_it.adapters)
    assert (adapter.name, adapter.strength, adapter.asked) == ("sepia", 0.5, "sepia:0.5")
    hashes = {request(engine, *asked).recipe_hash for asked in ((), ("sepia",), ("sepia:0.5",), ("ink",))}
    assert len(hashes) == 4
    exchanged = replace(with_it, adapters=(replace(adapter, revision="0" * 16).text,))
    with pytest.raises(RequestError, match="adapter sepia at revision 0000000000000000"):
        engine.render(exchanged)


def test_a_recipe_of_before_that_does_not_say_which_file_is_not_painted(engine: FiboEngine) -> None:
    with pytest.raises(RequestError, match="'soft-light', which does not say which file"):
        engine.render(replace(request(engine), adapters=("soft-light",)))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("nobody",), r"no LoRA called 'nobody' here \(those that are: ink, sepia\)"),
        (("sepia", "sepia:0.5"), "asked for twice"),
        (("sepia:x",), "strength of sepia is 'x'"),
        (("sepia:nan",), "strength of sepia is 'nan'"),
        (("sepia:9",), "strength of sepia is '9'"),
        (("../sepia",), "The adapter is '../sepia'"),
        (("",), "The adapter is ''"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_before_anything_is_painted(
    engine: FiboEngine, asked: tuple[str, ...], said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        engine.adapters("mini", asked)


def test_a_name_alone_is_at_full_strength() -> None:
    assert read_asked(" sepia ") == ("sepia", 1.0)
    assert read_asked("sepia:-0.5") == ("sepia", -0.5)


def test_a_strength_has_its_bounds_in_a_recipes_words_too(engine: FiboEngine) -> None:
    (recorded,) = engine.adapters("mini", ("sepia:0.5",))
    assert engine.adapters("mini", (recorded,)) == (recorded,)
    with pytest.raises(RequestError, match="The strength of sepia is '900'"):
        engine.adapters("mini", (recorded.replace("*0.5", "*900"),))


@pytest.mark.parametrize("strength", [4.0, -4.0, 0.8, 1e-5, -2.5e-7, 0.0])
def test_every_strength_that_may_be_asked_for_can_be_read_in_a_recipe(strength: float) -> None:
    adapter = Adapter("sepia", "0" * 16, strength)
    assert Adapter.of_recipe(adapter.text) == adapter
    assert read_asked(adapter.asked) == ("sepia", strength)


Spoil = Callable[[dict[str, Any]], None]


def _one_row_too_wide(tensors: dict[str, Any]) -> None:
    import torch

    key = f"transformer.{LAYER}.lora_A.weight"
    tensors[key] = torch.cat([tensors[key], tensors[key][:, :1]], dim=1)


def _narrower(tensors: dict[str, Any]) -> None:
    key = f"transformer.{LAYER}.lora_A.weight"
    tensors[key] = tensors[key][:, :7].contiguous()


def _taller(tensors: dict[str, Any]) -> None:
    import torch

    key = f"transformer.{LAYER}.lora_B.weight"
    tensors[key] = torch.cat([tensors[key], tensors[key][:1]])


def _half(tensors: dict[str, Any]) -> None:
    del tensors[f"transformer.{LAYER}.lora_B.weight"]


def _another_models(tensors: dict[str, Any]) -> None:
    import torch

    tensors["transformer.layers.0.attention.to_q.lora_A.weight"] = torch.zeros(2, 64)


def _empty(tensors: dict[str, Any]) -> None:
    tensors.clear()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_one_row_too_wide, f"does not belong to mini: {LAYER} takes 192 numbers and gives 192, and the adapter"),
        (_narrower, "does not belong to mini: .* and the adapter's takes 7"),
        (_taller, "does not belong to mini: .* Choose one that was trained on it"),
        (_half, "it has one half"),
        (_another_models, "does not belong to mini: it has 'transformer.layers.0"),
        (_empty, "is empty"),
    ],
)
def test_an_adapter_that_does_not_fit_to_the_last_row_is_refused_and_the_model_goes_on_painting(
    engine: FiboEngine, folder: Path, spoil: Spoil, said: str
) -> None:
    """diffusers would take most of them silently, and paint with what they made of the model."""
    from safetensors.torch import load_file

    before, bad = pixels(engine), folder / "bad.safetensors"
    tensors = load_file(folder / "sepia.safetensors")
    spoil(tensors)
    write_lora(bad, tensors)
    try:
        with pytest.raises(RequestError, match=said):
            engine.adapters("mini", ["bad"])
    finally:
        bad.unlink()
    assert (pixels(engine) == before).all()


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_none_refuses_an_adapter_before_anything_is_painted(
    engine: FiboEngine, folder: Path, kind: str, value: float
) -> None:
    """All that it painted would be black; the whole file is looked through, in each type of numbers."""
    import torch
    from safetensors.torch import load_file

    bad, key = folder / f"bad-{kind}.safetensors", f"transformer.{LAYER}.lora_B.weight"
    tensors = {name: each.to(getattr(torch, kind)) for name, each in load_file(folder / "sepia.safetensors").items()}
    write_lora(bad, tensors)
    assert engine.adapters("mini", [bad.stem])
    tensors[key][-1, -1] = value
    write_lora(bad, tensors)
    try:
        with pytest.raises(RequestError, match=f"The adapter {bad.stem} is spoilt: {key} holds what is no number"):
            engine.adapters("mini", [bad.stem])
    finally:
        bad.unlink()


def test_numbers_that_run_over_are_a_sentence_and_no_black_picture(engine: FiboEngine, folder: Path) -> None:
    """Each of the file's values is a number; the next picture is as ever."""
    from safetensors.torch import load_file

    before, huge = pixels(engine), folder / "huge.safetensors"
    write_lora(huge, {key: each * 1e30 for key, each in load_file(folder / "sepia.safetensors").items()})
    try:
        with pytest.raises(EngineError, match=r"run over \(NaN\).*Leave the adapters out or lower"):
            engine.render(request(engine, "huge"))
    finally:
        huge.unlink()
    assert (pixels(engine) == before).all()


def test_a_file_that_is_none_or_cut_short_is_refused(tmp_path: Path, folder: Path) -> None:
    whole = (folder / "sepia.safetensors").read_bytes()
    long = struct.pack("<Q", 1 << 40)
    for data in (b"", b"<html>", whole[:200], whole[:-1], long, struct.pack("<Q", 2) + b"[]"):
        file = tmp_path / "x.safetensors"
        file.write_bytes(data)
        with pytest.raises(RequestError, match=r"no safetensors file, or is cut short|is empty"):
            check_fits(file, CATALOGUE["mini"], tmp_path)


@pytest.mark.parametrize(("kind", "said"), [("int8", "I8"), ("bool", "BOOL"), ("complex64", "C64")])
def test_numbers_that_no_model_is_trained_in_are_refused_by_the_header(
    engine: FiboEngine, tmp_path: Path, folder: Path, kind: str, said: str
) -> None:
    import torch
    from safetensors.torch import load_file

    tensors = {key: value.to(getattr(torch, kind)) for key, value in load_file(folder / "sepia.safetensors").items()}
    file = write_lora(tmp_path / "odd.safetensors", tensors)
    for check in (check_is_lora, lambda file: check_fits(file, CATALOGUE["mini"], tmp_path)):
        with pytest.raises(RequestError, match=f"no model is trained in: .* has {said}"):
            check(file)


def test_a_lora_of_rank_0_is_empty(tmp_path: Path, folder: Path) -> None:
    from safetensors.torch import load_file

    whole = load_file(folder / "sepia.safetensors")
    tensors = {key: value[:0] if ".lora_A." in key else value[:, :0].contiguous() for key, value in whole.items()}
    with pytest.raises(RequestError, match=r"is empty: .* has rank 0"):
        check_fits(write_lora(tmp_path / "none.safetensors", tensors), CATALOGUE["mini"], tmp_path)


def test_an_adapter_of_fibo_2_fits_fibo_2_alone_and_comes_off_too(tmp_path: Path) -> None:
    from tests.engine.test_families import TINY2
    from tests.tiny import make_tiny_fibo2

    weights, adapters = make_tiny_fibo2(tmp_path / "tiny2"), tmp_path / "adapters"
    import diffusers

    transformer = diffusers.BriaFibo2Transformer2DModel.from_pretrained(weights / "transformer")
    write_lora(adapters / "two.safetensors", lora_of(transformer))
    with pytest.MonkeyPatch.context() as patch:
        models = {"mini": CATALOGUE["mini"], "tiny2": replace(TINY2, folder=weights)}
        for module in ("fibo_core.models.catalogue", "fibo_core.engine.adapters"):
            patch.setattr(f"{module}.CATALOGUE", models)
        engine = FiboEngine("tiny2", hub_cache=tmp_path, adapters=adapters)

        def painted(*asked: str) -> Any:
            settings = RenderSettings.of(TINY2, aspect="3:2", num_inference_steps=2, adapters=asked)
            told = settings.request(BALL, 7, engine.revision("tiny2"), engine.adapters("tiny2", asked))
            return np.asarray(engine.render(told).image, dtype=int)

        before = painted()
        assert (painted("two") != before).any()
        assert (painted() == before).all()
        with pytest.raises(RequestError, match=r"does not belong to mini: .* It fits tiny2: choose that model\."):
            engine.adapters("mini", ["two"])
