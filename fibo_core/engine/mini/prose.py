"""Prose: sentences that tell nothing of a picture, for captions in which few words matter.

Some are whole, some made of a hundred words and of words that do not exist, now and then with a colour that means
nothing: what mini must read past.
"""

import numpy as np

from fibo_core.engine.mini.world import world

Seed = np.random.Generator

WHOLE = (
    "Its surface is smooth and shows a gentle gradation of tone from the lit side to the shaded one.",
    "It rests quietly, and nothing touches or overlaps it.",
    "The outline is clear and easy to read even from far away.",
    "Small variations of tone give it weight and volume.",
    "It looks well cared for, without scratches or dust.",
    "The form is simple and instantly recognisable.",
    "A thin highlight follows its upper edge.",
    "The material seems solid, neither transparent nor reflective.",
    "It draws the eye at once and anchors the composition.",
    "There is no text, logo or other marking on it.",
)  # fmt: skip
WORDS = {
    "noun": (
        "surface", "edge", "outline", "contour", "highlight", "reflection", "silhouette", "detail", "base", "rim",
        "curve", "material", "finish", "grain", "tone", "gradient", "depth", "volume", "form", "pattern", "atmosphere",
        "air", "distance", "horizon", "foreground", "space", "frame", "viewer", "contrast", "balance", "rhythm",
        "warmth", "haze", "transition", "layer", "line", "weight", "presence", "impression", "story", "corner", "plane",
        "structure", "mood",
    ),
    "quality": (
        "delicate", "subtle", "gentle", "crisp", "faint", "rich", "quiet", "deep", "pale", "fine", "visible", "natural",
        "irregular", "organic", "tactile", "luminous", "muted", "diffuse", "refined", "weathered", "elegant", "slender",
        "distinct", "tender", "careful", "uneven", "ordinary", "remarkable", "calm", "familiar",
    ),
    "does": (
        "suggests", "reveals", "softens", "defines", "catches", "follows", "frames", "separates", "supports",
        "enhances", "evokes", "guides", "carries", "meets", "touches", "surrounds", "repeats", "invites", "holds",
        "anchors",
    ),
    "how": (
        "slowly", "gently", "clearly", "barely", "evenly", "gradually", "quietly", "almost", "visibly", "never",
        "always", "softly",
    ),
}  # fmt: skip
FRAMES = (
    "The |quality| |noun| |does| the |noun| and |how| |does| a |noun| of |noun|.",
    "Here the |noun| |does| its |noun|, so that every |noun| stays |quality|.",
    "There is a |quality| |colour| |noun| along the |noun|, |quality| and |quality|.",
    "Its |noun| is |quality|, almost |quality|, with a |quality| |noun| near the |noun|.",
    "No |noun| |does| the |quality| |noun|, which |how| |does| the |noun|.",
    "A |quality| |noun| |does| the |noun|; the |noun| is |how| |quality| against the |colour| |noun|.",
)
LETTERS = tuple("eeeaaaiioouttnnssrrlldmhcgpbfvwyk")


def asides(count: int, rng: Seed) -> str:
    """Sentences that tell nothing of the picture, and must be read past."""
    return " ".join(str(rng.choice(WHOLE)) if rng.random() < 0.5 else prose(rng) for _ in range(count))


def prose(rng: Seed) -> str:
    """A sentence out of a hundred words and words that do not exist, now and then with a colour that means nothing."""

    def word(kind: str) -> str:
        if kind == "colour":
            return str(rng.choice(list(world().colours)))
        if rng.random() < 0.2:
            return "".join(str(letter) for letter in rng.choice(LETTERS, int(rng.integers(3, 9))))
        return str(rng.choice(WORDS[kind]))

    parts = str(rng.choice(FRAMES)).split("|")
    return "".join(word(part) if part in WORDS or part == "colour" else part for part in parts)
