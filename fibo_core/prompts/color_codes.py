"""Colour codes in the words, `#ff0000`, `rgb(0, 0, 255)`, `hsl(120, 100%, 50%)`, as the nearest colour's name: painters
were taught names.

Nearness is in OKLab (Björn Ottosson, 2020), lightness counting less, as shading changes it first.
"""

import colorsys
import re
from functools import cache

LIGHTNESS_WEIGHT = 0.4
NAMES = {
    "red": "ff0000 8a0000 ff4a4a d02020",
    "orange": "ff8000 ff6000 ffa500",
    "coral": "ff7f50 ffb080",
    "gold": "d4a017 ffd700",
    "yellow": "ffff00 f0e040",
    "lime green": "80ff00 50ff50",
    "green": "00ff00 008000 30a040",
    "dark green": "004000 1f4a2a",
    "olive green": "808000 6b6b2a",
    "mint green": "c8ffb8 98ffcc",
    "turquoise": "00f4c4 40e0d0 008080",
    "cyan": "00ffff",
    "sky blue": "0090ff 87ceeb d0f0ff",
    "blue": "0000ff 0000a0 4080ff 385a8a 4848b0",
    "navy blue": "000050 101840",
    "violet": "8000ff 7040c0",
    "purple": "800080 400050 c000ff",
    "magenta": "ff00ff ff0080 c01080",
    "pink": "ffc0cb ff69b4 ffd0dc b07080",
    "brown": "502800 a85020 8b4513",
    "beige": "f5f0dc d8c8a0",
    "black": "000000 101010",
    "gray": "808080 404040 c0c0c0",
    "white": "ffffff f4f4f4",
}

_HEX = r"#(?P<hex>[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?![\w-])"
_NUMBER = r"-?\d{1,3}(?:\.\d{1,4})?(?:%|deg)?"
_CALL = rf"\b(?P<space>rgb|hsl)a?\(\s*(?P<numbers>{_NUMBER}(?:\s{{0,4}}[,/\s]\s{{0,4}}{_NUMBER}){{2,3}})\s*\)"
CODE = re.compile(rf"{_HEX}|{_CALL}", re.IGNORECASE)


def name_color_code(match: re.Match[str]) -> str | None:
    """The name of the colour that a match of `CODE` stands for; None where it is none: "#bad", rgb(0, 0, 300)."""
    rgb = _of_hex(match["hex"]) if match["hex"] else _of_call(match)
    return None if rgb is None else nearest_color(*rgb)


def nearest_color(red: int, green: int, blue: int) -> str:
    """The name of the colour, of those in `NAMES`, that is nearest to one of 0 to 255 each."""
    lightness, a, b = _oklab(red, green, blue)
    return min(
        _known(), key=lambda it: (LIGHTNESS_WEIGHT * (it[1] - lightness)) ** 2 + (it[2] - a) ** 2 + (it[3] - b) ** 2
    )[0]


def _of_hex(digits: str) -> tuple[int, int, int] | None:
    if len(digits) == 3:
        if not (re.search("[0-9]", digits) and re.search("[a-f]", digits, re.IGNORECASE)) and len(set(digits)) > 1:
            return None  # "#123", "#bad": a number, a tag
        digits = "".join(digit * 2 for digit in digits)
    elif digits.isalpha() and digits[::2] != digits[1::2]:
        return None  # "#facade"
    red, green, blue = bytes.fromhex(digits[:6])
    return red, green, blue


def _of_call(match: re.Match[str]) -> tuple[int, int, int] | None:
    one, two, three, *_ = re.findall(r"(-?[\d.]+)(%?)", match["numbers"])  # a fourth is how opaque it is
    if match["space"].lower() == "hsl":
        hue, saturation, lightness = (float(number) for number, _ in (one, two, three))
        shares = list(colorsys.hls_to_rgb(hue / 360 % 1, lightness / 100, saturation / 100))
    else:
        shares = [float(number) / (100 if sign else 255) for number, sign in (one, two, three)]
    if not all(0 <= share <= 1 for share in shares):
        return None
    red, green, blue = (round(share * 255) for share in shares)
    return red, green, blue


@cache
def _known() -> tuple[tuple[str, float, float, float], ...]:
    return tuple((name, *_oklab(*bytes.fromhex(code))) for name, codes in NAMES.items() for code in codes.split())


def _oklab(red: int, green: int, blue: int) -> tuple[float, float, float]:
    r, g, b = (v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in (red, green, blue))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
