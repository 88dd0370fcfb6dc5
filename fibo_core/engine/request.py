"""GenerationRequest: all that determines a picture, checked and frozen, with the hash that names its recipe.

The limits are those of FIBO's pipeline; a model's own sizes and defaults stand in the catalogue
(`models/catalogue.py`).
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any, Self

from fibo_core.engine.edits import Edit
from fibo_core.errors import RequestError
from fibo_core.limits import SEED_MAX, SIZE_MULTIPLE, check_guidance, check_seed, check_size, check_steps
from fibo_core.models.families import FIBO1, Family
from fibo_core.prompts.captions import CAPTION_RULES, EDIT_RULES
from fibo_core.prompts.structured_prompt import StructuredPrompt

TILED, TOGETHER = "tiled", "together"
APPROXIMATIONS = (
    "fp8",
    "int8",
    "nf4",
    TILED,
    TOGETHER,
)  #: of a precision, what is part of a recipe; the rest is the machine's
EXTRAS_VERSION = 1  #: of what a recipe's hash holds beside its ten first parts
DRAW = -1  #: a seed that stands for one to be drawn, as it does in other programs


@dataclass(frozen=True)
class GenerationRequest:
    """One picture to paint. Sizes in pixels, any of them (`canvas`); ``negative_prompt`` is the one the model is really
    given.

    ``revision`` names the exact weights (for a folder, the hash of them). Raises RequestError when a value is
    outside its limits. ``family`` is that of the model, so that the recipe of one that has gone is known too. With an
    ``edit`` it is painted out of another picture. ``approximation`` is what was given up for memory or time and changes
    pixels: "nf4", "nf4, tiled", "together" (with others, in one pass); it is known once the picture is painted
    (`painted_in`).
    """

    prompt: StructuredPrompt
    negative_prompt: str
    seed: int
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    model: str
    revision: str
    adapters: tuple[str, ...] = ()
    family: str = FIBO1.name
    edit: Edit | None = None
    approximation: str = ""

    def __post_init__(self) -> None:
        if self.family not in CAPTION_RULES:
            raise RequestError(
                f"The recipe is for a model of the family {self.family!r:.40}, and {' and '.join(CAPTION_RULES)} are "
                "known here. Update the studio."
            )
        if self.edit is not None and self.edit.way == "own" and self.family not in EDIT_RULES:
            raise RequestError(f"A model of the family {self.family} has no edit of its own. Leave the way out.")
        check_seed(self.seed)
        check_size(self.width, self.height)
        check_steps(self.num_inference_steps)
        check_guidance(self.guidance_scale)

    @property
    def caption(self) -> str:
        """The exact text that the model reads of the prompt and, in its own edit, of the instruction."""
        if self.edit is not None and self.edit.way == "own":
            return EDIT_RULES[self.family](self.prompt, self.edit.instruction, 1 + len(self.edit.references))
        return CAPTION_RULES[self.family](self.prompt)

    @property
    def canvas(self) -> tuple[int, int]:
        """The size that is painted: each side up to the next multiple of 16. What is beyond the picture's own, to the
        right and below, is cut off."""
        width, height = (-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in (self.width, self.height))
        return width, height

    @property
    def on_canvas(self) -> Self:
        """The request for all that is painted, before it is cut."""
        width, height = self.canvas
        return replace(self, width=width, height=height)

    @property
    def recipe_hash(self) -> str:
        """SHA-256 (hex) over everything that determines the pixels; equal hashes mean equal pictures on a device."""
        recipe: list[Any] = [
            self.caption,
            self.negative_prompt,
            self.seed,
            self.width,
            self.height,
            self.num_inference_steps,
            float(self.guidance_scale),
            self.model,
            self.revision,
            list(self.adapters),
        ]
        if extras := self._extras:
            recipe.append({"version": EXTRAS_VERSION, **extras})
        return hashlib.sha256(json.dumps(recipe, separators=(",", ":")).encode()).hexdigest()

    @property
    def _extras(self) -> dict[str, Any]:
        """What is not as it is by default, so that the hashes of recipes without stay."""
        extras: dict[str, Any] = {} if self.edit is None else {"edit": self.edit.recipe}
        extras |= {"approximation": self.approximation} if self.approximation else {}
        return extras if self.canvas == (self.width, self.height) else {**extras, "canvas": list(self.canvas)}

    def painted_in(self, precision: str) -> Self:
        """The recipe of a picture that was painted in ``precision``: "bfloat16" is the machine's, "nf4" is not."""
        parts = (part for part in precision.split(", ") if part in APPROXIMATIONS)
        return replace(self, approximation=", ".join(parts))


def draw_seed() -> int:
    """A fresh seed, small enough to be read aloud (below 2³²)."""
    return secrets.randbelow(2**32)


def draw_seeds(count: int, first: int | None = None) -> tuple[int, ...]:
    """Seeds for ``count`` pictures: ``first`` and the numbers after it; a drawn one, where that is None or DRAW.

    A batch is a list of seeds, so any picture of it can be painted again alone.
    """
    if not 1 <= count <= 64:
        raise RequestError(f"The number of pictures is {count}. Choose 1 to 64.")
    start = draw_seed() if first in (None, DRAW) else first
    check_seed(start)
    return tuple((start + i) % (SEED_MAX + 1) for i in range(count))


def check_tokens(count: int, family: Family) -> None:
    """Raises RequestError when a prompt is longer than the models of a family read."""
    if count > family.tokens_max:
        raise RequestError(
            f"The prompt has {count:,} tokens and the model reads {family.tokens_max:,}: its end would be lost. "
            "Shorten the descriptions."
        )
