"""Text on a contact sheet: in a font that has all its letters, on as many lines as fit, "…" where more would come."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

#: Looked for on this machine, in this order; Pillow's own font, which has little more than ASCII, comes after them.
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "arial.ttf")
LONGEST = 400  #: letters of one text that are looked at

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Text:
    """Lines that fit, made by `fitted`. Sizes in pixels."""

    lines: tuple[str, ...]
    font: Font
    size: int

    @property
    def width(self) -> int:
        return max((int(self.font.getlength(line)) + 1 for line in self.lines), default=0)

    @property
    def height(self) -> int:
        return len(self.lines) * line_height(self.size)

    def draw(self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], colour: str, centred_in: int = 0) -> None:
        """Puts the lines at their left upper corner, each centred in so many pixels where that is not 0."""
        left, y = corner
        for line in self.lines:
            indent = (centred_in - self.font.getlength(line)) / 2 if centred_in else 0
            draw.text((left + indent, y + self.size), line, colour, self.font, anchor="ls")
            y += line_height(self.size)


def line_height(size: int) -> int:
    """Of a line of letters of this size, the same for every font."""
    return size + size // 3


def fitted(text: str, instead: str, size: int, width: int, lines: int) -> Text:
    """``text`` on at most ``lines`` lines of at most ``width`` pixels.

    Where no font here has its letters, accents are left out and other signs are "?"; where that leaves no letter,
    ``instead`` is said.
    """
    rest, font = _legible(" ".join(text[:LONGEST].split()), instead, size)
    found: list[str] = []
    while rest and len(found) < lines:
        fits = _fitting(rest, font, width)
        if fits < len(rest) and len(found) == lines - 1:
            found.append(rest[: _fitting(rest, font, width - font.getlength("…"))].rstrip() + "…")
            break
        if fits < len(rest) and (blank := rest.rfind(" ", 0, fits + 1)) > 0:
            fits = blank
        fits = max(fits, 1)
        found.append(rest[:fits].rstrip())
        rest = rest[fits:].lstrip()
    return Text(tuple(found), font, size)


def _fitting(text: str, font: Font, width: float) -> int:
    """How many letters from the first are no wider than ``width``."""
    if font.getlength(text) <= width:
        return len(text)
    low, high = 0, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= width else (low, middle - 1)
    return low


def _legible(text: str, instead: str, size: int) -> tuple[str, Font]:
    bare = "".join(map(_without_accent, text))
    said = bare if any(map(str.isalnum, bare)) else instead
    for name in _fonts_here():
        if all(_has(name, letter) for letter in set(text)):
            return text, _font(name, size)
    return said, _font("", size)


def _without_accent(letter: str) -> str:
    """The letter in ASCII; "?" for one that is none, and nothing for an accent that stands alone."""
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return bare or ("" if unicodedata.combining(letter) else "?")


@lru_cache
def _font(name: str, size: int) -> Font:
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _has(name: str, letter: str) -> bool:
    """Whether a font draws this letter otherwise than one that no font has."""
    font = _font(name, 16)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask("\U0010fffe"))


@lru_cache
def _fonts_here() -> tuple[str, ...]:
    """Those of FONTS that are on this machine, and "" for Pillow's own."""
    here = []
    for name in FONTS:
        try:
            ImageFont.truetype(name, 16)
        except OSError:  # Pillow's word for a font that is not there
            continue
        here.append(name)
    return (*here, "")
