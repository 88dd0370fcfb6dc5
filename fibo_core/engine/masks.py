"""Masks: which part of a picture is painted anew. White is painted, black stays; of the picture's own size.

A mask is read from a picture that somebody gives, made from an object's place in a prompt, or from what an edit has
changed. Nothing here needs torch.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from fibo_core.engine.canvas import on_white
from fibo_core.errors import PictureError, PromptError
from fibo_core.prompts.json_paths import parse_path
from fibo_core.prompts.sketch import read_layout
from fibo_core.prompts.sketch_words import sizes
from fibo_core.prompts.structured_prompt import StructuredPrompt

WHITE_FROM = 128  #: of 255; what lies between is one or the other
GREY = range(32, 224)  #: what an edge that was smoothed has, and a mask has little of
GREY_MAX = 0.1  #: of the pixels
MOVED_BY = 8  #: of 255, from which on a pixel counts as another one
CHANGED_BY = 32  #: of 255, from which on a pixel belongs to a change
PART_MIN = 0.002  #: of the picture; smaller parts of a change are dropped
GROWN_BY = 8  #: px, around a change
#: Of an object's size: words are coarse, and an ellipse must hold a box's corners. In 36 scenes of mini it holds,
#: behind the edge that blends, 99 % of what another colour changes of the object; 1.42 did in 29 of them, and was
#: hardly smaller (14.6 % of the picture for 16.9).
ROOM = 1.55


def read_mask(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A given picture as a mask, black and white alone. What is transparent stays; soft edges are cut in their middle.

    Raises PictureError for one of another size, all black or all white, or grey all over.
    """
    (width, height), (wanted_width, wanted_height) = picture.size, size
    if picture.size != size:
        raise PictureError(
            f"The mask has {width}×{height} pixels, and the picture {wanted_width}×{wanted_height}. "
            "Make it of the picture's own size."
        )
    if picture.has_transparency_data:
        ground = Image.new("RGBA", size, "black")
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    values = np.asarray(picture.convert("L"))
    grey = float(np.mean((values >= GREY.start) & (values < GREY.stop)))
    if grey > GREY_MAX:
        raise PictureError(
            f"The mask is grey in {100 * grey:.0f} % of its pixels: it may be a picture. Give one that is white where "
            "the picture is painted anew, and black where it stays."
        )
    white = values >= WHITE_FROM
    if not white.any():
        raise PictureError(
            "The mask is black everywhere, so nothing would be painted. Mark what is to change in white."
        )
    if white.all():
        raise PictureError(
            "The mask is white everywhere, so nothing would stay. Leave some of the picture black, or refine the "
            "picture without a mask."
        )
    return Image.fromarray(white.astype(np.uint8) * 255)


def feathered(mask: Image.Image, px: int) -> Image.Image:
    """How much of the new picture shows: nothing outside the mask, and all of it some pixels inside.

    Where the mask is thinner than that its edge is too, so that each part of it shows.
    """
    if not px:
        return mask
    core, reach = mask.filter(ImageFilter.MinFilter(2 * px + 1)), px + px // 2 + 1
    soft = ImageChops.darker(core.filter(ImageFilter.GaussianBlur(px / 2)), mask)
    beyond = ImageChops.subtract(mask, _grown(core, mask, reach))
    if beyond.getbbox() is None:
        return soft
    return ImageChops.lighter(soft, ImageChops.darker(feathered(mask, px // 2), _grown(beyond, mask, reach)))


def _grown(part: Image.Image, mask: Image.Image, px: int) -> Image.Image:
    """``part`` and what lies within so many pixels of it, on ways inside the mask."""
    for _ in range(px):
        part = ImageChops.darker(part.filter(ImageFilter.MaxFilter(3)), mask)
    return part


def composed(source: Image.Image, painted: Image.Image, mask: Image.Image, feather: int) -> Image.Image:
    """``painted`` inside the mask, and ``source`` outside, bit by bit."""
    return Image.composite(painted, source, feathered(mask, feather))


def moved_outside(source: Image.Image, painted: Image.Image, mask: Image.Image) -> float:
    """Which share of the pixels outside the mask differ by more than MOVED_BY."""
    outside = np.asarray(mask) == 0
    return float(np.mean(_apart(source, painted)[outside] > MOVED_BY))


def cells(mask: Image.Image, stride: int) -> NDArray[np.bool_]:
    """Each cell of ``stride`` pixels that the mask touches: (height/stride, width/stride)."""
    values = np.asarray(mask) > 0
    height, width = values.shape
    touched: NDArray[np.bool_] = np.any(values.reshape(height // stride, stride, width // stride, stride), axis=(1, 3))
    return touched


def mask_of_object(prompt: StructuredPrompt, path: str, size: tuple[int, int]) -> Image.Image:
    """Where the object at ``path`` ("objects[1]") is by its words for place and size. Raises PromptError."""
    x, y, across, down = place_of_object(prompt, path, size)
    width, height = size
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(
        ((x - across / 2) * width, (y - down / 2) * height, (x + across / 2) * width, (y + down / 2) * height), fill=255
    )
    return mask


def object_at(mask: Image.Image, prompt: StructuredPrompt) -> int | None:
    """The number of the object whose middle, by its words, is nearest to that of what the mask has white; None where
    there is none."""
    box, (width, height) = mask.getbbox(), mask.size
    if box is None:
        return None
    x, y = (box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height
    chips = read_layout(prompt, mask.size).chips
    nearest = min(chips, key=lambda each: (each.place.x - x) ** 2 + (each.place.y - y) ** 2, default=None)
    return None if nearest is None else nearest.index


def place_of_object(prompt: StructuredPrompt, path: str, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The same as an ellipse: its middle, and its whole width and height, as shares of the picture's.

    Raises PromptError.
    """
    match parse_path(path):
        case ("objects", int(index), *_):
            pass
        case _:
            raise PromptError(f"{path!r:.60} is no object of the prompt. Name one, such as objects[0].")
    width, height = size
    layout = read_layout(prompt, size)
    chip = next((each for each in layout.chips if each.index == index), None)
    if chip is None:
        raise PromptError(f"{path!r:.60} is not in the prompt: objects holds {len(layout.chips)}, counted from 0.")
    across = ROOM * sizes()[chip.size][0] * (width * height) ** 0.5
    return chip.place.x, chip.place.y, across / width, across / height


def mask_of_change(before: Image.Image, after: Image.Image) -> Image.Image:
    """What differs between two pictures of one size, with a little room around; black where nothing does."""
    changed = Image.fromarray((_apart(before, after) > CHANGED_BY).astype(np.uint8) * 255)
    kept = _large_parts(np.asarray(changed.filter(ImageFilter.MedianFilter(5))) > 0)
    return Image.fromarray(kept.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * GROWN_BY + 1))


def _apart(one: Image.Image, other: Image.Image) -> NDArray[np.uint8]:
    """How far each pixel is from the other picture's, in the channel in which it is farthest."""
    apart = np.asarray(ImageChops.difference(on_white(one), on_white(other)))
    largest: NDArray[np.uint8] = apart.max(axis=2)
    return largest


def _large_parts(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts of at least PART_MIN of the picture."""
    leads: list[int] = []  # a part's number to that of the part that it was joined to
    areas: list[int] = []
    runs: list[list[tuple[int, int, int]]] = []  # of each row: from, to, part

    def first(part: int) -> int:
        while leads[part] != part:
            part = leads[part]
        return part

    above: list[tuple[int, int, int]] = []
    for row in marked:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.view(np.int8), [0]))))
        here = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            part = len(leads)
            leads.append(part)
            areas.append(end - start)
            for other_start, other_end, other in above:
                if other_start < end and start < other_end and (joined := first(other)) != (mine := first(part)):
                    leads[mine] = joined
                    areas[joined] += areas[mine]
            here.append((start, end, part))
        runs.append(here)
        above = here
    large = np.zeros_like(marked)
    for number, here in enumerate(runs):
        for start, end, part in here:
            if areas[first(part)] >= PART_MIN * marked.size:
                large[number, start:end] = True
    return large
