"""Previews: what a half-painted picture looks like, for next to nothing.

A linear map takes each latent to one pixel for every 8 × 8 of the picture's. It is fitted, once for each model loaded,
to a few pictures drawn here and sent through the model's own VAE: any VAE gets one, and none has to be shipped.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fibo_core.engine.families import FamilyPipeline

SHOWN_STRIDE = 8  #: pixels of the picture along each side of one of the preview's
LONGEST = 256  #: longest side of a preview, in pixels
LESSONS, LESSON_SIDE = 4, 256

Finished = Callable[[Image.Image], Image.Image]


class LatentPreview:
    """Turns latents into small JPEGs. Made by :meth:`fit`."""

    def __init__(self, family: FamilyPipeline, weights: Any) -> None:
        self._family = family
        self._weights = weights  # (C+1, cell·cell·3), float32 on the CPU; the last row is the bias

    @classmethod
    def fit(cls, family: FamilyPipeline, pipe: Any, device: str) -> "LatentPreview":
        """Least squares from the latents of painting to the pixels they stand for.

        ``device`` is where the VAE works, which is not where it lies when parts take turns on a GPU.
        """
        import torch

        cell = family.stride // SHOWN_STRIDE
        pictures = torch.from_numpy(_training_pictures()).permute(0, 3, 1, 2) / 127.5 - 1  # (B, 3, H, W)
        with torch.no_grad():
            latents = family.encode(pipe, pictures, device)
        small = torch.nn.functional.avg_pool2d(pictures, SHOWN_STRIDE)  # (B, 3, h·cell, w·cell)
        b, h, w, c = latents.shape
        cells = small.reshape(b, 3, h, cell, w, cell).permute(0, 2, 4, 3, 5, 1).reshape(b * h * w, -1)
        known = torch.cat([latents.reshape(b * h * w, c), torch.ones(b * h * w, 1)], dim=1)
        return cls(family, torch.linalg.lstsq(known, cells).solution)

    def jpeg(self, latents: Any, width: int, height: int, finished: Finished | None = None) -> bytes:
        """The JPEG of a callback's latents, of a picture of ``width`` × ``height`` pixels; ``finished`` makes of the
        small picture what is shown."""
        grid = self._family.grid(latents, width, height)  # (h, w, C)
        cell = self._family.stride // SHOWN_STRIDE
        h, w, c = grid.shape
        cells = grid.reshape(h * w, c) @ self._weights[:-1] + self._weights[-1]  # (h·w, cell·cell·3)
        pixels = cells.reshape(h, w, cell, cell, 3).permute(0, 2, 1, 3, 4).reshape(h * cell, w * cell, 3)
        image = Image.fromarray(((pixels.clamp(-1, 1) + 1) * 127.5).byte().numpy())
        scale = LONGEST / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        file = io.BytesIO()
        shown = image.resize(size, Image.Resampling.BICUBIC)
        (shown if finished is None else finished(shown)).save(file, "JPEG", quality=80)
        return file.getvalue()


def _training_pictures() -> NDArray[np.float32]:
    """The pictures to learn from, always the same: soft colours, discs and boxes. (B, H, W, 3), 0 to 255."""
    rng = np.random.default_rng(0)
    side = LESSON_SIDE
    pictures = []
    for _ in range(LESSONS):
        colours = rng.integers(24, 232, (4, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(picture)
        for shape in (draw.ellipse, draw.rectangle) * 3:
            x, y = (int(value) for value in rng.integers(0, side, 2))
            radius = int(rng.integers(side // 16, side // 4))
            red, green, blue = (int(value) for value in rng.integers(24, 232, 3))
            shape((x - radius, y - radius, x + radius, y + radius), fill=(red, green, blue))
        pictures.append(np.asarray(picture, dtype=np.float32))
    return np.stack(pictures)
