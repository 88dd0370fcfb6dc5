"""The families of models: what is true of every model of one kind of pipeline, as data.

How a family is loaded and painted with stands in `engine/families.py`, its caption rule in `prompts/captions.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.captions import CAPTION_RULES, EDIT_RULES
from fibo_core.prompts.structured_prompt import StructuredPrompt

#: From a prompt alone; by noise of our own making, a picture's part or all of it; by an instruction beside a picture;
#: by further pictures beside that; with adapters.
Ability = Literal["generate", "repaint", "edit", "references", "lora"]
#: One of which a model must have for an order of each kind.
NEEDED: Mapping[str, frozenset[Ability]] = {
    "generate": frozenset({"generate"}),
    "refine": frozenset({"generate"}),
    "inspire": frozenset({"generate"}),
    "edit": frozenset({"repaint", "edit"}),
}

#: What FIBO 1's own command line sends as the negative prompt of a photograph whose user gave none.
PHOTOGRAPH_NEGATIVE = "{'style_medium':'digital illustration','artistic_style':'non-realistic'}"
PHOTOGRAPH_MEDIA = frozenset({"photograph", "photography", "photo"})
_TEXTS = ("short_description", "background_setting", "style_medium", "context", "artistic_style")
#: The caption with every value empty that FIBO 2 was trained with for guidance (BriaFibo2Pipeline).
NULL_CAPTION = json.dumps(
    {key: "" if key in _TEXTS else [] if key == "objects" else {} for key in KEYS if key != "text_render"},
    separators=(",", ":"),
)


@dataclass(frozen=True)
class Layout:
    """Which files of a model's folder the program reads; the rest of a repository (other formats, samples) stays there.

    ``fetched`` are patterns, ``needed`` the files that must be there, ``weighed`` the folders that hold weights.
    """

    fetched: tuple[str, ...]
    needed: tuple[str, ...]
    weighed: tuple[str, ...]


def _pipeline(texts: str) -> Layout:
    """What diffusers reads of a pipeline whose tokenizer lies in the folder ``texts``."""
    return Layout(
        fetched=("model_index.json", "scheduler/*", "text_encoder/*", f"{texts}/*", "transformer/*", "vae/*"),
        needed=("model_index.json", "scheduler/scheduler_config.json", f"{texts}/tokenizer.json"),
        weighed=("text_encoder", "transformer", "vae"),
    )


@dataclass(frozen=True)
class Family:
    """One kind of pipeline. ``pipeline`` is diffusers' class, as a folder's model_index.json names it.

    ``tokens_max`` tokens are read; diffusers cuts what is longer without a word. Steps and guidance are for a model of
    which nothing else is known.
    """

    name: str
    title: str
    pipeline: str
    tokens_max: int
    layout: Layout
    abilities: frozenset[Ability]
    num_inference_steps: int = 50
    guidance_scale: float = 5.0

    def caption(self, prompt: StructuredPrompt) -> str:
        """The exact text that a model of this family is given."""
        return CAPTION_RULES[self.name](prompt)

    def edit_text(self, prompt: StructuredPrompt, instruction: str, pictures: int) -> str:
        """The exact text that a model of this family reads when it edits by instruction, shown so many pictures."""
        return EDIT_RULES[self.name](prompt, instruction, pictures)

    def default_negative(self, prompt: StructuredPrompt) -> str:
        """The negative prompt where the user gave none."""
        return _DEFAULT_NEGATIVES[self.name](prompt)


def _photographs_are_not_drawn(prompt: StructuredPrompt) -> str:
    medium = prompt.get("style_medium", None)
    is_photograph = isinstance(medium, str) and medium.lower() in PHOTOGRAPH_MEDIA
    return PHOTOGRAPH_NEGATIVE if is_photograph else ""


_DEFAULT_NEGATIVES = {
    "fibo1": _photographs_are_not_drawn,
    "fibo2": lambda prompt: NULL_CAPTION,
    "fibo-edit": lambda prompt: "",
}

FIBO1 = Family(
    name="fibo1",
    title="FIBO 1",
    pipeline="BriaFiboPipeline",
    tokens_max=3000,  # max_sequence_length
    layout=_pipeline("tokenizer"),
    abilities=frozenset({"generate", "repaint", "lora"}),
)
FIBO2 = Family(
    name="fibo2",
    title="FIBO 2",
    pipeline="BriaFibo2Pipeline",
    tokens_max=4096,  # tokenizer_max_length, the marks of the chat and the pictures of texts among them
    layout=_pipeline("processor"),
    abilities=frozenset({"generate", "repaint", "edit", "references", "lora"}),
)
FIBO_EDIT = Family(
    name="fibo-edit",
    title="FIBO Edit",
    pipeline="BriaFiboEditPipeline",  # without a picture it runs, but wants an instruction: no model to generate with
    tokens_max=3000,  # max_sequence_length
    layout=_pipeline("tokenizer"),
    abilities=frozenset({"edit", "references", "lora"}),
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in (FIBO1, FIBO2, FIBO_EDIT)}
