"""Names of seen colours: the nearest one of the lexicon, as people would name it.

Nearness is in OKLab (Björn Ottosson, 2020), where the hue of a vivid blue stays blue, as in CIELAB it does not; shading
changes lightness first, so lightness counts less. The lexicon's colours are what a painter is told; people give the
same names to colours far from these (every blue of a screen is no cobalt), and those stand here as further examples.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.seeing import to_lab

Floats = NDArray[np.float64]

LIGHTNESS_WEIGHT = 0.4
EXAMPLES = {
    "red": "ff0000 8a0000 ff4a4a",
    "orange": "ff8000 ff6000 c85800",
    "coral": "ffb080",
    "yellow": "ffff00",
    "green": "00ff00 008000 80ff00",
    "lime": "50ffa0",
    "forest": "004000",
    "mint": "c8ffb8",
    "turquoise": "00f4c4",
    "cyan": "00ffff",
    "sky_blue": "0090ff d0f0ff",
    "blue": "0000ff 0000a0 4080ff 385a8a 4848b0",
    "navy": "000050",
    "violet": "8000ff",
    "purple": "800080 400050 c000ff",
    "magenta": "ff00ff ff0080",
    "rose": "ffd0dc b07080",
    "brown": "502800 a85020",
    "black": "000000",
    "white": "ffffff",
}
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65, as in `seeing.to_lab`
_CONES = np.array(
    [[0.8189330, 0.0329845, 0.0482003], [0.3618667, 0.9293119, 0.2643663], [-0.1288598, 0.0361456, 0.6338517]]
)
_TO_OKLAB = np.array(
    [[0.2104543, 1.9779985, 0.0259040], [0.7936178, -2.4285922, 0.7827718], [-0.0040720, 0.4505937, -0.8086758]]
)


def color_name(lab: Sequence[float], lexicon: Lexicon, plain: bool = False) -> str:
    """How a CIELAB colour is called; with ``plain`` its family ("blue" for navy)."""
    keys, known = _examples(lexicon)
    differences = (oklab(np.asarray(lab, dtype=np.float64)) - known) * np.array([LIGHTNESS_WEIGHT, 1.0, 1.0])
    color = lexicon.tables.colors[keys[int((differences**2).sum(axis=-1).argmin())]]
    return lexicon.tables.colors[color.family].say if plain and color.family else color.say


def oklab(lab: Floats) -> Floats:
    """CIELAB (D65) in the last axis as OKLab."""
    y = (lab[..., 0] + 16) / 116
    root = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(root**3 > 0.008856, root**3, (root - 16 / 116) / 7.787) * _WHITE
    return np.cbrt(xyz @ _CONES) @ _TO_OKLAB


@cache
def _examples(lexicon: Lexicon) -> tuple[tuple[str, ...], Floats]:
    colors = lexicon.tables.colors
    pairs = [(key, color.rgb.lstrip("#")) for key, color in colors.items()]
    pairs += [(key, rgb) for key, examples in EXAMPLES.items() if key in colors for rgb in examples.split()]
    rgb = np.array([list(bytes.fromhex(text)) for _, text in pairs], dtype=np.float64)
    return tuple(key for key, _ in pairs), oklab(to_lab(rgb))
