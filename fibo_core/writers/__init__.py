"""Prompt writers: words or a picture in, a StructuredPrompt out (the field says "VLM").

A writer is anything that implements :class:`PromptWriter`: `gemini.py` asks a service, `llm.py` any model of another,
`local.py` a model on this machine's GPU, `offline.py` needs nothing but rules. `chain.py` decides which of them is
asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fibo_core.cancel import CancelFlag
from fibo_core.prompts.structured_prompt import StructuredPrompt

if TYPE_CHECKING:
    from PIL import Image

#: Who "wrote" a prompt that a user typed or pasted.
BY_HAND = "hand"


def writer_name(name: str, model: str = "") -> str:
    """A writer's name inside a sentence: "Gemini", "local"; of any model's, with that model: "llm (qwen3:8b)"."""
    if name == "llm" and model:
        return f"{name} ({model})"
    return "Gemini" if name == "gemini" else name


def writer_title(name: str, model: str = "") -> str:
    """The same where a line begins: "Gemini", "Local", "LLM (qwen3:8b)"."""
    name = writer_name(name, model)
    return f"LLM{name.removeprefix('llm')}" if name.startswith("llm") else f"{name[:1].upper()}{name[1:]}"


#: Is told how many tokens were written so far.
OnTokens = Callable[[int], None]


@dataclass(frozen=True)
class Usage:
    """How many tokens a writer read and wrote, in all of the calls that one prompt took."""

    input_tokens: int
    output_tokens: int

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class WrittenPrompt:
    """A StructuredPrompt and where it comes from.

    ``writer`` is a writer's name or :data:`BY_HAND`, ``model`` its model's id ("" where it has none); ``edited`` says
    that a user changed what the writer gave; ``notes`` are sentences for the user, such as words the writer did not
    understand; ``passed_over`` has one sentence for each writer that was asked before and did not answer;
    ``offered`` is the writer's whole answer to an instruction where ``prompt`` has only some of its changes.
    """

    prompt: StructuredPrompt
    writer: str = BY_HAND
    edited: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)
    model: str = ""
    usage: Usage | None = None
    passed_over: tuple[str, ...] = field(default=(), compare=False)
    offered: StructuredPrompt | None = field(default=None, compare=False)


@dataclass(frozen=True)
class SuggestedValues:
    """Values for one place of a prompt, by the writer of that name, with a sentence for each that did not answer."""

    values: tuple[str, ...]
    writer: str
    passed_over: tuple[str, ...] = ()


class PromptWriter(Protocol):
    """Writes structured prompts. Each call may take a while; ``cancel`` is checked where it can be.

    The same call with the same ``seed`` gives the same prompt where the writer can do that. Each call raises
    WriterUnavailable when the writer cannot answer now, WriterAnswerError when what it answered is no prompt,
    PromptRefused when its service does not allow the words or the picture, and InputError for words it cannot take.
    """

    name: str
    #: One line about itself for the page: "written by rules, offline".
    about: str

    def expand(
        self,
        words: str,
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A complete prompt from a short idea."""
        ...

    def refine(
        self,
        prompt: StructuredPrompt,
        instruction: str,
        *,
        picture: "Image.Image | None" = None,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """The prompt changed as the instruction says, and nowhere else; ``picture`` is what it painted last."""
        ...

    def inspire(
        self,
        pictures: "Sequence[Image.Image]",
        hint: str = "",
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A prompt that describes the picture, bent by the hint where one is given.

        Of several, at most GIVEN_MAX, it is the prompt of one new picture with what they have in common; the first is
        the main one. A writer that looks at one alone takes that, and says so in a note.
        """
        ...

    def suggest_values(
        self,
        prompt: StructuredPrompt,
        path: str,
        wish: str,
        count: int,
        *,
        without: Sequence[str] = (),
        cancel: CancelFlag | None = None,
    ) -> tuple[str, ...]:
        """At most ``count`` values for one place of the prompt, as the wish has them ("six kinds of light"; may be
        empty): neither what stands there now nor one of ``without``."""
        ...
