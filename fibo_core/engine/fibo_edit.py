"""FIBO Edit: diffusers' BriaFiboEditPipeline, FIBO 1's parts shown one to five pictures and told what to change."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fibo_core.engine.fibo1 import Fibo1Pipeline
from fibo_core.engine.request import GenerationRequest

if TYPE_CHECKING:
    from fibo_core.engine.repaint import Given


class FiboEditPipeline(Fibo1Pipeline):
    """Noise, latents and tokens are FIBO 1's; the pictures lie beside the noise, each on a plane of its own."""

    def read(self, folder: Path, how: Mapping[str, Any], quantization: Any = None) -> Any:
        from diffusers import BriaFiboEditPipeline

        return self.read_as(BriaFiboEditPipeline, folder, how, quantization)

    def edit_arguments(self, request: GenerationRequest, given: "Given", pipe: Any) -> dict[str, Any]:
        return {"image": [given.source, *given.references], "mask": given.mask_shown}


PIPELINE = FiboEditPipeline()
