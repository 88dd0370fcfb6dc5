"""Edit: how a picture is painted out of another one, as a frozen value of its recipe.

Pictures are named by the SHA-256 of their bytes; whoever paints is told how to find them.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from fibo_core.errors import RequestError
from fibo_core.limits import GIVEN_MAX
from fibo_core.models.catalogue import ModelSpec

#: ``vary`` starts from the picture; ``paste`` puts the plain picture of the new prompt in through the mask; ``hold``
#: keeps what lies outside the mask at each step too; ``own`` is the family's own edit.
Way = Literal["vary", "paste", "hold", "own"]
WAYS: tuple[Way, ...] = ("vary", "paste", "hold", "own")
FEATHER = 4  #: px, from the mask's edge inwards
FEATHER_MAX = 64
STEEPEST = 100  #: a reference's long side over its short one; the format that Qwen3-VL reads refuses 200
NO_INSTRUCTION = (
    "A model's own edit goes by an instruction, and there is none. Say what should change, or edit the JSON."
)
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Edit:
    """One picture out of another: ``source``, behind the ``mask`` where there is one (white is painted anew).

    ``start_sigma`` is the level of noise that painting begins at: 1 keeps nothing of the source, 0.2 nearly all.
    ``skip`` steps are left out by that; it follows from the rest, and stands here to be read. ``feather`` is the width,
    in pixels, of the edge that blends, inside the mask. ``instruction`` and ``references`` are for the way ``own``.
    """

    source: str
    mask: str | None = None
    references: tuple[str, ...] = ()
    way: Way = "paste"
    start_sigma: float = 1.0
    skip: int = 0
    feather: int = FEATHER
    instruction: str = ""

    def __post_init__(self) -> None:
        for name in self.pictures:
            if not _SHA256.fullmatch(name):
                raise RequestError(
                    f"The edit names a picture {name!r:.80}, which is no SHA-256. Give the picture anew."
                )
        check_way(self.way)
        check_strength(self.start_sigma)
        check_feather(self.feather)
        check_references(len(self.references))
        if self.mask is None and self.way in ("paste", "hold"):
            raise RequestError(f"The way {self.way} puts a part into the picture, and there is no mask. Give one.")
        if self.way == "own" and not self.instruction.strip():
            raise RequestError(NO_INSTRUCTION)

    @property
    def pictures(self) -> tuple[str, ...]:
        """All the pictures that it needs."""
        return (self.source, *(() if self.mask is None else (self.mask,)), *self.references)

    @property
    def recipe(self) -> dict[str, Any]:
        """What of it determines the pixels, as JSON-ready values."""
        return {
            "source": self.source,
            "mask": self.mask,
            "references": list(self.references),
            "way": self.way,
            "start_sigma": float(self.start_sigma),
            "feather": self.feather,
            "instruction": self.instruction,
        }


def known_way(way: str | None) -> Way | None:
    """The way of that name; None for none. Raises RequestError."""
    if way is not None:
        check_way(way)
    return cast(Way | None, way)


def check_way(way: str) -> None:
    if way not in WAYS:
        raise RequestError(f"The way of editing is {way!r:.40}. Choose {', '.join(WAYS[:-1])} or {WAYS[-1]}.")


def check_strength(sigma: float) -> None:
    """Raises RequestError unless painting can begin at this level of noise."""
    if not 0 < sigma <= 1:
        raise RequestError(f"The strength is {sigma:g}. Choose more than 0, which keeps nearly all, up to 1.")


def check_feather(px: int) -> None:
    if not 0 <= px <= FEATHER_MAX:
        raise RequestError(f"The feather is {px} pixels. Choose 0 to {FEATHER_MAX}.")


def check_references(count: int) -> None:
    """Raises RequestError for more references than a model looks at."""
    if count > GIVEN_MAX:
        raise RequestError(f"{count} references are given, and at most {GIVEN_MAX} are looked at. Leave some out.")


def check_reference(number: int, size: tuple[int, int]) -> None:
    """Raises RequestError for one that is too narrow to be looked at."""
    width, height = size
    if max(size) > STEEPEST * min(size):
        raise RequestError(
            f"Reference {number} is {width}×{height} pixels, too narrow to be looked at. Crop it: its long side may be "
            f"{STEEPEST} times the short one."
        )


def check_can_edit(spec: ModelSpec, way: str, references: int) -> None:
    """Raises RequestError for a way of editing that a model has not, and for references that it does not look at."""
    if way == "own" and "edit" not in spec.abilities:
        raise RequestError(f"{spec.title} has no edit of its own. Leave the way out, or choose another model.")
    if way != "own" and "repaint" not in spec.abilities:
        raise RequestError(f"{spec.title} edits by an instruction alone, and the way is {way}. Leave the way out.")
    if references and "references" not in spec.abilities:
        raise RequestError(f"{spec.title} looks at no references. Leave them out, or choose another model.")
    if references and way != "own":
        raise RequestError(f"References are for a model's own edit, and the way is {way}. Leave one of the two out.")
