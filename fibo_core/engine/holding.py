"""A pipeline held as a Placement says: rounded as it is read, whole, part by part or piece by piece; decoded by tiles.

All by diffusers' own means. What rounds weights is built here from the studio's own words, and only here.
"""

import importlib
from typing import Any

from fibo_core.engine.placement import Placement


def quantization_of(place: Placement) -> Any:
    """What diffusers is given to round the transformer's weights as it reads them; None where it does not."""
    if place.precision not in ("int8", "nf4"):
        return None
    import torch
    from diffusers import PipelineQuantizationConfig

    if place.precision == "int8":
        from diffusers import TorchAoConfig

        int8 = importlib.import_module("torchao.quantization").Int8WeightOnlyConfig()
        return PipelineQuantizationConfig(quant_mapping={"transformer": TorchAoConfig(int8)})
    from diffusers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, place.dtype)
    )
    return PipelineQuantizationConfig(quant_mapping={"transformer": config})


def settle(pipe: Any, place: Placement) -> None:
    """Holds a pipeline that was just read as ``place`` says."""
    import torch

    if place.precision == "fp8":
        compute = getattr(torch, place.dtype)
        pipe.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=compute)
    hold(pipe, place)


def resettle(pipe: Any, before: Placement, place: Placement) -> None:
    """Holds a pipeline as ``place`` says, in the precision of ``before``; its weights are not read again."""
    if place.hold != before.hold:
        pipe.remove_all_hooks()
        hold(pipe, place)


def decode_by_tiles(pipe: Any, tiled: bool) -> None:
    """How the next picture is decoded: tile by tile, or at once."""
    if tiled:
        pipe.vae.enable_tiling()
    else:
        pipe.vae.disable_tiling()


def hold(pipe: Any, place: Placement) -> None:
    """Puts the pipeline's weights where ``place`` has them."""
    import torch

    if place.hold == "card":
        pipe.to(place.device)
    elif place.hold == "parts":
        pipe.enable_model_cpu_offload(device=place.device)
    else:
        pipe.to("cpu")
        pipe.enable_group_offload(
            torch.device(place.device), offload_type="leaf_level", use_stream=place.device == "cuda"
        )
