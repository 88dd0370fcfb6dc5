"""Marks: which part of a picture is to be repainted, by the brush or by an object's name."""

from dataclasses import dataclass

import numpy as np

from fibo_core.engine.masks import WHITE_FROM, place_of_object
from fibo_core.errors import InputError
from fibo_core.prompts.edits import items
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.inputs import Inputs, open_input
from studio.ui.state import PageState, Refused

MARKS_MAX = 50  #: pictures whose marks are remembered
NAME_CHARS = 40
LOST = "?"  #: the name of a mark that a browser could not send

#: The places of an object: ellipses by their middle and their whole width and height, as shares of the picture's.
Shapes = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Outline:
    """An object that can be marked by its name."""

    label: str
    shapes: Shapes


def mark_of(state: PageState) -> str:
    """What is marked of the source, as the name of a kept input; "" for nothing."""
    return state.marks.get(state.source_id or "", "")


def take_mark(state: PageState, picture_id: str, name: str) -> None:
    """What has been marked of a picture; "" for nothing."""
    others = {id: mark for id, mark in state.marks.items() if id != picture_id}
    state.refused = Refused()  # it was said of another mark
    state.marks = dict([*others.items(), *([(picture_id, name)] if name else [])][-MARKS_MAX:])


def check_mark(inputs: Inputs, mark: str) -> None:
    """Raises InputError for a mark that leaves nothing of its picture, in the words of the page."""
    if mark and bool(np.all(np.asarray(open_input(inputs.path(mark)).convert("L")) >= WHITE_FROM)):
        raise InputError(
            "All of the picture is marked, so nothing of it would stay. Take some of the mark away with Erase, or "
            "press Clear: without a mark the picture is varied."
        )


def outlines(source: StructuredPrompt, draft: StructuredPrompt, size: tuple[int, int]) -> list[Outline]:
    """The objects that can be marked by their names: where each is, and where the draft moves it."""
    found = []
    for index in range(max(len(items(source, "objects")), len(items(draft, "objects")))):
        paths = [(prompt, f"objects[{index}]") for prompt in (source, draft) if index < len(items(prompt, "objects"))]
        shapes: Shapes = tuple(dict.fromkeys(place_of_object(prompt, path, size) for prompt, path in paths))
        found.append(Outline(_name(paths[-1][0], index), shapes))
    return found


def _name(prompt: StructuredPrompt, index: int) -> str:
    """ "Object 2: a blue box"."""
    words = prompt.get(f"objects[{index}].description")
    short = " ".join(words.split()) if isinstance(words, str) else ""
    short = short if len(short) <= NAME_CHARS else f"{short[: NAME_CHARS - 1].rstrip(' ,.')}…"
    return f"Object {index + 1}: {short}" if short else f"Object {index + 1}"
