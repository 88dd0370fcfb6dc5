"""Two pictures pixel by pixel: whether they are the same and, if not, how much differs, by how much, and where."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_DOWN, _ACROSS = ("top", "", "bottom"), ("left", "", "right")
SPREAD = 0.5  #: of what differs: where no ninth of the picture has more of it, it is said to be spread


@dataclass(frozen=True)
class Difference:
    """``share`` of the pixels differ (0 to 1), by ``mean`` of 255 on average over all pixels and channels, ``most`` at
    most. ``box`` holds all of them: left, top, right and bottom in pixels; ``where`` says it in words."""

    share: float
    mean: float
    most: int
    box: tuple[int, int, int, int] | None
    where: str

    @property
    def is_none(self) -> bool:
        return self.most == 0


def difference(one: "Image.Image", other: "Image.Image") -> Difference:
    """How much two RGB pictures of one size differ. Raises ValueError for two sizes."""
    from PIL import ImageChops

    if one.size != other.size:
        raise ValueError(f"{one.size} is not {other.size}")
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    histogram, pixels = apart.histogram(), one.width * one.height
    levels = [sum(histogram[channel * 256 + level] for channel in range(3)) for level in range(256)]
    most = max(level for level in range(256) if levels[level])
    red, green, blue = apart.split()
    anywhere = ImageChops.lighter(ImageChops.lighter(red, green), blue).point([0] + [255] * 255)
    return Difference(
        share=anywhere.histogram()[255] / pixels,
        mean=sum(level * count for level, count in enumerate(levels)) / (3 * pixels),
        most=most,
        box=anywhere.getbbox(),
        where=_where(anywhere) if most else "",
    )


def _where(differing: "Image.Image") -> str:
    """ "at the top left", "spread over the picture": by the ninth of it in which most of what differs lies."""
    width, height = differing.size
    counts = {}
    for row in range(3):
        for column in range(3):
            ninth = (column * width // 3, row * height // 3, (column + 1) * width // 3, (row + 1) * height // 3)
            counts[row, column] = differing.crop(ninth).histogram()[255]
    (row, column), count = max(counts.items(), key=lambda each: each[1])
    if count < SPREAD * sum(counts.values()):
        return "spread over the picture"
    if row == column == 1:
        return "in the middle"
    named = [name for name in (_DOWN[row], _ACROSS[column]) if name]
    return f"at the {' '.join(named)}"
