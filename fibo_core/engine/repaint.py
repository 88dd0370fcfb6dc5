"""Repaint: a request with an edit, while it is painted: where painting begins, what is held, and what is put back.

Works with every family's pipeline as it is: noise and latents are given and taken in its own shape, its scheduler is
lent one that begins later, and what lies outside the mask is the source's own pixels in the end.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from fibo_core.engine.canvas import continued, on_white
from fibo_core.engine.edits import check_reference
from fibo_core.engine.families import FamilyPipeline
from fibo_core.engine.masks import cells, composed, moved_outside, read_mask
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import EngineError, InputGone, RequestError

Pictures = Callable[[str], Image.Image]  #: a picture by the SHA-256 of its bytes; raises InputGone


def no_pictures(name: str) -> Image.Image:
    """Of an engine that was given none to look in."""
    raise InputGone(f"The picture {name[:12]!r} is not here. Give it again.")


@dataclass(frozen=True)
class Given:
    """The pictures of an edit, checked. Source and mask are as large as what is painted: where that is larger than
    the picture, its last columns and rows go on."""

    source: Image.Image
    mask: Image.Image | None
    references: tuple[Image.Image, ...]
    is_own: bool  #: whether the model's own edit is shown them

    @property
    def mask_shown(self) -> Image.Image | None:
        """The mask, where the model's own edit takes one: beside references it is for the composite alone."""
        return None if self.references else self.mask

    @classmethod
    def of(cls, request: GenerationRequest, pictures: Pictures) -> "Given | None":
        """None for a request without an edit. Raises InputGone, PictureError, and RequestError for another size."""
        if (edit := request.edit) is None:
            return None
        source = on_white(pictures(edit.source))
        size = (request.width, request.height)
        if source.size != size:
            raise RequestError(
                f"The picture that is edited has {source.width}×{source.height} pixels, and the request "
                f"{request.width}×{request.height}. An edit has the size of its picture: leave the size out."
            )
        mask = None if edit.mask is None else read_mask(pictures(edit.mask), size)
        references = tuple(on_white(pictures(name)) for name in edit.references)
        for number, reference in enumerate(references, 1):
            check_reference(number, reference.size)
        source, mask = continued(source, request.canvas), None if mask is None else continued(mask, request.canvas)
        return cls(source, mask, references, is_own=edit.way == "own")


class Repaint:
    """One edit on a pipeline. ``latents`` are what painting begins with, ``skip`` the steps that are left out."""

    def __init__(
        self, request: GenerationRequest, given: Given, family: FamilyPipeline, pipe: Any, noise: Any, device: str
    ) -> None:
        """``noise`` is the seed's, in the pipeline's shape; ``device`` where the VAE works."""
        assert request.edit is not None
        self._request, self._edit, self._given = request, request.edit, given
        self._family, self._pipe, self._noise = family, pipe, noise
        self.latents, self.skip, self._tail = noise, 0, None
        self._source: Any = None
        late = self._edit.start_sigma < 1
        if late or self._edit.way == "hold":
            self._source = _encoded(given.source, family, pipe, device)
        if late:
            sigmas = _sigmas(request, family, pipe)
            self.skip = min(int((sigmas[:-1] > self._edit.start_sigma + 1e-6).sum()), len(sigmas) - 2)
            planned = float(sigmas[self.skip])
            sigma = min(planned, self._edit.start_sigma)  # of few steps even the last may begin with more noise
            self.latents = (1 - sigma) * self._source + sigma * noise
            self._tail = _tail_class().from_config(pipe.scheduler.config)
            self._tail.begin_at(self.skip, planned, sigma)
        if self._edit.way == "hold":
            assert given.mask is not None
            touched = cells(given.mask, family.stride).astype(np.float32)[None, :, :, None]
            self._touched = family.from_grid(_tensor(touched))

    @property
    def steps(self) -> int:
        """How many are painted."""
        return self._request.num_inference_steps - self.skip

    def schedule(self) -> AbstractContextManager[None]:
        """The pipeline with the scheduler that this edit needs, and its own again afterwards."""
        return nullcontext() if self._tail is None else _lent(self._pipe, self._tail)

    def held(self, latents: Any, sigma: float) -> Any:
        """The latents after a step that came to ``sigma``, with the source's own where the mask touches nothing."""
        if self._edit.way != "hold":
            return latents
        after = (1 - sigma) * self._source + sigma * self._noise
        touched = self._touched.to(latents.device)
        kept = after.to(latents.device)
        return (touched * latents.float() + (1 - touched) * kept).to(latents.dtype)

    def previewed(self, small: Image.Image) -> Image.Image:
        """A small picture of how it looks so far, with the source where the mask is black."""
        if self._given.mask is None:
            return small
        source, mask = self._given.source.resize(small.size), self._given.mask.resize(small.size)
        return Image.composite(small, source, mask)

    def finished(self, painted: Image.Image) -> tuple[Image.Image, float]:
        """The picture, cut to its own size, with the source's pixels outside the mask, and which share of them had
        moved before."""
        if self._given.mask is None:
            return painted, 0.0
        source, mask = (each.crop((0, 0, *painted.size)) for each in (self._given.source, self._given.mask))
        return composed(source, painted, mask, self._edit.feather), moved_outside(source, painted, mask)


def _encoded(picture: Image.Image, family: FamilyPipeline, pipe: Any, device: str) -> Any:
    """A picture as the latents of painting, float32, on the CPU, in the pipeline's shape."""
    import torch

    pixels = _tensor(np.asarray(picture, dtype=np.float32)[None]).permute(0, 3, 1, 2) / 127.5 - 1  # (1, 3, H, W)
    with torch.no_grad():
        grid = family.encode(pipe, pixels, device)  # (1, H/stride, W/stride, C)
    pipe.maybe_free_model_hooks()
    return family.from_grid(grid)


def _tensor(values: Any) -> Any:
    import torch

    return torch.from_numpy(values)


def _sigmas(request: GenerationRequest, family: FamilyPipeline, pipe: Any) -> Any:
    """The levels of noise as the pipeline will have them for this request, 0 at the end."""
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    steps, config = request.num_inference_steps, scheduler.config
    length = family.picture_tokens(request, pipe)
    mu = calculate_shift(
        length, config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift
    )
    scheduler.set_timesteps(steps, sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    return scheduler.sigmas


@contextmanager
def _lent(pipe: Any, scheduler: Any) -> Any:
    own, pipe.scheduler = pipe.scheduler, scheduler
    try:
        yield
    finally:
        pipe.scheduler = own


@cache
def _tail_class() -> Any:
    """A scheduler that leaves out the first steps. The pipelines' own `timesteps` would not do: the model would be
    told other levels of noise than those that its picture has."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    class Tail(FlowMatchEulerDiscreteScheduler):
        timesteps: Any
        sigmas: Any

        def begin_at(self, skip: int, planned: float, sigma: float) -> None:
            """After ``skip`` steps, where the schedule has the noise ``planned``; with no more of it than ``sigma``."""
            self._skip, self._planned, self._sigma = skip, planned, sigma

        # diffusers looks for these names before it hands them over
        def set_timesteps(
            self,
            num_inference_steps: Any = None,
            device: Any = None,
            sigmas: Any = None,
            mu: Any = None,
            timesteps: Any = None,
        ) -> None:
            super().set_timesteps(num_inference_steps, device=device, sigmas=sigmas, mu=mu, timesteps=timesteps)
            self.timesteps, self.sigmas = self.timesteps[self._skip :], self.sigmas[self._skip :]
            if abs(float(self.sigmas[0]) - self._planned) > 1e-6:
                raise EngineError(
                    f"The pipeline begins at noise {float(self.sigmas[0]):.4f}, and the picture was prepared for "
                    f"{self._planned:.4f}. This model cannot begin later: leave the strength out."
                )
            if self._sigma < self._planned:
                self.timesteps, self.sigmas = self.timesteps.clone(), self.sigmas.clone()
                self.sigmas[0] = self._sigma
                self.timesteps[0] = self._sigma * self.config.num_train_timesteps

    return Tail
