"""What the engine asks of a family of models: everything in which their pipelines differ.

Each family has a module that implements the protocol; the engine finds it by the family's name.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from fibo_core.engine.request import GenerationRequest
from fibo_core.models.families import Family

if TYPE_CHECKING:
    from fibo_core.engine.repaint import Given


class FamilyPipeline(Protocol):
    """One family's pipeline: read from a folder, given its noise and arguments, and its latents understood."""

    stride: int  #: pixels along each side of what one latent stands for

    def read(self, folder: Path, how: Mapping[str, Any], quantization: Any = None) -> Any:
        """The pipeline of a folder; ``how`` goes to every `from_pretrained`, ``quantization`` is diffusers' own value
        for the parts that are rounded. What the libraries raise comes out."""
        ...

    def noise(self, request: GenerationRequest, pipe: Any) -> Any:
        """The seed's noise in the pipeline's own shape, float32, on the CPU."""
        ...

    def arguments(self, request: GenerationRequest) -> dict[str, Any]:
        """What the pipeline's call takes beside what every family's does."""
        ...

    def edit_arguments(self, request: GenerationRequest, given: "Given", pipe: Any) -> dict[str, Any]:
        """What its call takes besides where it edits by instruction, of a family that can: the pictures, and the prompt
        where that is not the text which is read. The mask goes along where the picture is the only one."""
        ...

    def count_tokens(self, folder: Path, text: str) -> int:
        """Tokens of ``text`` as the model reads it; asked without the pipeline and without torch."""
        ...

    def tokens_read(self, request: GenerationRequest, pipe: Any, given: "Given | None") -> int:
        """Tokens of the whole prompt, with pictures and what the pipeline adds; 0 where `count_tokens` says it all."""
        ...

    def encode(self, pipe: Any, pictures: Any, device: str) -> Any:
        """Pictures (B, 3, H, W) in −1 … 1 as the latents of painting: (B, H/stride, W/stride, C), float32, CPU."""
        ...

    def grid(self, latents: Any, width: int, height: int) -> Any:
        """The latents of a callback as (H/stride, W/stride, C), float32, CPU."""
        ...

    def from_grid(self, grid: Any) -> Any:
        """What stands in cells, (1, H/stride, W/stride, C), in the shape of the pipeline's latents."""
        ...

    def picture_tokens(self, request: GenerationRequest, pipe: Any) -> int:
        """By how many tokens the transformer sees the picture; the schedule is shifted by that."""
        ...


@cache
def pipeline_of(family: Family) -> FamilyPipeline:
    """The family's own module, imported when it is first asked for."""
    return cast(FamilyPipeline, importlib.import_module(f"fibo_core.engine.{family.name.replace('-', '_')}").PIPELINE)
