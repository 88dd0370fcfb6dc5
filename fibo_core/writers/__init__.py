"""Prompt writers: words or a picture in, a StructuredPrompt out (the field says "VLM").

A writer is anything that implements :class:`PromptWriter`; `offline.py` needs nothing but rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.errors import InputError
from fibo_core.prompt import StructuredPrompt

#: Who "wrote" a prompt that a user typed or pasted.
BY_HAND = "hand"


@dataclass(frozen=True)
class WrittenPrompt:
    """A StructuredPrompt and where it comes from.

    ``writer`` is a writer's name or :data:`BY_HAND`; ``edited`` says that a user changed what the writer gave;
    ``notes`` are sentences for the user, such as words the writer did not understand.
    """

    prompt: StructuredPrompt
    writer: str = BY_HAND
    edited: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)


class PromptWriter(Protocol):
    """Writes structured prompts. Each call may take a while; ``cancel`` is checked where it can be."""

    name: str
    #: One line about itself for the page: "written by rules, offline".
    about: str

    def expand(self, words: str, *, cancel: CancelFlag | None = None) -> WrittenPrompt:
        """A complete prompt from a short idea."""
        ...

    def refine(self, prompt: StructuredPrompt, instruction: str, *, cancel: CancelFlag | None = None) -> WrittenPrompt:
        """The prompt changed as the instruction says, and nowhere else."""
        ...

    def inspire(self, picture: Image.Image, hint: str = "", *, cancel: CancelFlag | None = None) -> WrittenPrompt:
        """A prompt that describes the picture, bent by the hint where one is given."""
        ...


def pick_writer(writers: Mapping[str, PromptWriter], name: str) -> PromptWriter:
    """The writer called ``name``; "auto" is the first of them, the best that is configured.

    Raises InputError for a name that is not there.
    """
    if name == "auto":
        return next(iter(writers.values()))
    if name not in writers:
        raise InputError(f"There is no prompt writer called {name!r}. Choose auto, {', '.join(writers)}.")
    return writers[name]
