"""Previews: what a half-painted picture looks like, for next to nothing.

A linear map takes each latent to 2×2 pixels. It is fitted, once for each model loaded, to a few pictures drawn
here and sent through the model's own VAE: any VAE gets one, and none has to be shipped.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CELL = 2  #: pixels along each side of what one latent becomes
LONGEST = 256  #: longest side of a preview, in pixels
LATENT_STRIDE = 16  #: pixels along each side of what one latent stands for
LESSONS, LESSON_SIDE = 4, 256


class LatentPreview:
    """Turns latents into small JPEGs. Made by :meth:`fit`."""

    def __init__(self, weights: Any) -> None:
        self._weights = weights  # (C+1, CELL·CELL·3), float32 on the CPU; the last row is the bias

    @classmethod
    def fit(cls, vae: Any, device: str) -> "LatentPreview":
        """Least squares from the VAE's normalised latents to the pixels they stand for.

        ``device`` is where the VAE works, which is not where it lies when parts take turns on a GPU.
        """
        import torch

        pictures = torch.from_numpy(_training_pictures()).permute(0, 3, 1, 2) / 127.5 - 1  # (B, 3, H, W)
        with torch.no_grad():
            encoded = vae.encode(pictures.unsqueeze(2).to(device, vae.dtype)).latent_dist.mode()
        latents = encoded[:, :, 0].float().cpu().permute(0, 2, 3, 1)  # (B, h, w, C)
        latents = (latents - torch.tensor(vae.config.latents_mean)) / torch.tensor(vae.config.latents_std)
        small = torch.nn.functional.avg_pool2d(pictures, LATENT_STRIDE // CELL)  # (B, 3, h·CELL, w·CELL)
        b, h, w, c = latents.shape
        cells = small.reshape(b, 3, h, CELL, w, CELL).permute(0, 2, 4, 3, 5, 1).reshape(b * h * w, -1)
        known = torch.cat([latents.reshape(b * h * w, c), torch.ones(b * h * w, 1)], dim=1)
        return cls(torch.linalg.lstsq(known, cells).solution)

    def jpeg(self, latents: Any, width: int, height: int) -> bytes:
        """The JPEG of packed latents (1, H/16·W/16, C) of a picture of ``width`` × ``height`` pixels."""
        h, w = height // LATENT_STRIDE, width // LATENT_STRIDE
        flat = latents[0].detach().float().cpu()
        cells = flat @ self._weights[:-1] + self._weights[-1]  # (h·w, CELL·CELL·3)
        pixels = cells.reshape(h, w, CELL, CELL, 3).permute(0, 2, 1, 3, 4).reshape(h * CELL, w * CELL, 3)
        image = Image.fromarray(((pixels.clamp(-1, 1) + 1) * 127.5).byte().numpy())
        scale = LONGEST / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        file = io.BytesIO()
        image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=80)
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
