"""The thread of a refinement: the pictures from the first to the source, each with the words that made it.

It is read from the history, where every picture knows its parent, so it survives whatever else is lost. What was made
from the same picture by other words stands beside it, small: a branch, one click away.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from fibo_core.engine.worn import worn_changes
from fibo_core.prompts.change_words import shown, title_of_change
from fibo_core.prompts.json_paths import MISSING, Change
from fibo_core.prompts.structured_prompt import diff
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from studio.ui.components import asset
from studio.ui.components.result import thumb_url
from studio.ui.words import title_of

STEPS_MAX = 12  #: more are a matter for History
BRANCHES_MAX = 8  #: of one picture
NAMED_MAX = 2  #: changes that tell a picture from its parent
VALUE_CHARS = 40

_THREAD = st.components.v2.component(
    "fibo_thread",
    html="<ol class='thread' role='list' aria-label='The pictures of this refinement'></ol>\n",
    css=asset("thread.css"),
    js=asset("thread.js"),
)


@dataclass(frozen=True)
class Step:
    """A picture of the thread: the words that made it, what else tells it from the one before, and its branches.
    ``value`` tells it from its siblings where there is room for a word or two alone."""

    id: str
    src: str
    words: str
    aside: str = ""
    branches: tuple["Step", ...] = field(default=())
    value: str = ""


@dataclass(frozen=True)
class Pending:
    """An instruction that has no picture yet, and how it stands ("being painted", "to be reviewed"). One with an
    ``id`` has not been placed, and can be taken back."""

    words: str
    state: str
    id: str = ""


@dataclass(frozen=True)
class Taken:
    """What its user has just taken in the thread: a picture as the source, or an instruction that waited, back."""

    picture: str | None = None
    back: str | None = None


def thread(steps: Sequence[Step], pending: Sequence[Pending] = (), *, onward: Sequence[Step] = (), key: str) -> Taken:
    """Shows the thread, whose last step is the source, and what is to come after it.

    ``onward`` are pictures made from the source.
    """
    data: dict[str, Any] = {
        "steps": [asdict(step) for step in steps],
        "onward": [asdict(step) for step in onward],
        "pending": [asdict(each) for each in pending],
    }
    result = _THREAD(key=key, data=data, on_taken_change=_nothing, on_back_change=_nothing)
    return Taken(result.taken, result.back)


def steps_to(history: History, source: Generation) -> tuple[list[Step], list[Step]]:
    """The steps from the first picture to the source, and those that lead on from it."""
    line = [*history.ancestors(source.id), source][-STEPS_MAX:]
    steps: list[Step] = []
    parent: Generation | None = None
    for picture in line:
        siblings = [] if parent is None else history.children(parent.id)
        branches = tuple(_step(each, parent) for each in siblings if each.id != picture.id)[-BRANCHES_MAX:]
        steps.append(_step(picture, parent, branches))
        parent = picture
    onward = [_step(each, source) for each in history.children(source.id)[-BRANCHES_MAX:]]
    return steps, onward


def _step(picture: Generation, parent: Generation | None, branches: tuple[Step, ...] = ()) -> Step:
    words = picture.words or (title_of(picture) if parent is None else made_by(picture, parent))
    aside = []
    if parent is not None and picture.request.seed != parent.request.seed:
        aside.append(f"seed {picture.request.seed}")
    if parent is not None and picture.request.model != parent.request.model:
        aside.append(picture.request.model)
    if parent is not None:
        aside += [told for told in _worn(picture, parent) if told not in words]
    value = "" if parent is None else value_of(picture, parent)
    return Step(picture.id, thumb_url(picture.id), " ".join(words.split()), " · ".join(aside), branches, value)


def made_by(picture: Generation, parent: Generation) -> str:
    """What made a picture out of its parent where no words did: what its prompt says otherwise, in a few words."""
    if picture.mode == "inspire":
        return "Inspired by it"
    changes = diff(parent.prompt, picture.prompt)
    if not changes and (worn := _worn(picture, parent)):
        return ", ".join(worn)
    if not changes:
        return "Another take" if picture.request.seed != parent.request.seed else "Painted anew"
    named = [_named(change) for change in _telling(changes)] or ["short_description"]
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return f"{', '.join(named[:NAMED_MAX])}{more}"


def value_of(picture: Generation, parent: Generation) -> str:
    """The first thing that a picture has otherwise than its parent, as short as it is seen: "green", "seed 5"."""
    for change in _telling(diff(parent.prompt, picture.prompt)):
        if MISSING in (change.before, change.after):
            return title_of_change(change)
        before, after = (shown(value).split() for value in (change.before, change.after))
        return " ".join(word for word in after if word not in before) or " ".join(after)
    return f"seed {picture.request.seed}" if picture.request.seed != parent.request.seed else ""


def _worn(picture: Generation, parent: Generation) -> list[str]:
    return worn_changes(parent.request.adapters, picture.request.adapters)


def _telling(changes: Sequence[Change]) -> list[Change]:
    """Without the summary, which follows from the others."""
    return [change for change in changes if change.path != "short_description"]


def _named(change: Change) -> str:
    """ "shape_and_color: box-shaped, green", or what came or went."""
    if MISSING in (change.before, change.after):
        return title_of_change(change)
    after = " ".join(shown(change.after).split())
    value = after if len(after) <= VALUE_CHARS else f"{after[: VALUE_CHARS - 1].rstrip()}…"
    return f"{change.path.rsplit('.', 1)[-1]}: {value}"


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
