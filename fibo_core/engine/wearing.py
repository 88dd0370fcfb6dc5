"""Adapters on a loaded pipeline, however it is held: on, and off again without a trace. They are never fused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fibo_core.engine.holding import hold
from fibo_core.engine.placement import Placement


def put_on(pipe: Any, place: Placement, files: Sequence[Path]) -> None:
    """Has the pipeline wear these adapters, and no others."""
    with _let_go(pipe, place):
        if pipe.get_list_adapters():
            pipe.unload_lora_weights()
        for number, file in enumerate(files):
            pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=_name(number))
            if place.precision == "fp8":
                _as_computed(pipe.transformer, place, file, _name(number))


def set_strengths(pipe: Any, strengths: Sequence[float]) -> None:
    """How strong each of the adapters that were put on is, from now on."""
    pipe.set_adapters([_name(number) for number in range(len(strengths))], list(strengths))


def _name(number: int) -> str:
    return f"adapter{number}"


@contextmanager
def _let_go(pipe: Any, place: Placement) -> Iterator[None]:
    """Inside, layers may be added. Of a pipeline that is held part by part diffusers would do that by itself, and then
    hold it on a device of its own choice."""
    if place.hold != "parts":
        yield
        return
    pipe.remove_all_hooks()
    try:
        yield
    finally:
        hold(pipe, place)


def _as_computed(transformer: Any, place: Placement, file: Path, name: str) -> None:
    """The adapter's numbers as its file has them. They were rounded to eight bits like the layers that they belong to,
    which are computed in more; nothing would do that for the adapter's, and eight bits cannot be reckoned with."""
    import torch
    from safetensors.torch import load_file

    for key, tensor in load_file(file).items():
        layer, half, _ = key.removeprefix("transformer.").rsplit(".", 2)
        weight = getattr(transformer.get_submodule(layer), half)[name].weight
        weight.data = tensor.to(weight.device, getattr(torch, place.dtype))
