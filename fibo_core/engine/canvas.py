"""The canvas of an edit: its pictures made opaque, and continued to a size that can be painted."""

import numpy as np
from PIL import Image


def on_white(picture: Image.Image) -> Image.Image:
    """An RGB copy, white where the picture is transparent."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def continued(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture in the upper left of one of this size; its last column and row go on to the edges."""
    if picture.size == size:
        return picture
    values = np.asarray(picture)
    right, below = (wanted - own for wanted, own in zip(size, picture.size, strict=True))
    return Image.fromarray(np.pad(values, ((0, below), (0, right), *[(0, 0)] * (values.ndim - 2)), mode="edge"))
