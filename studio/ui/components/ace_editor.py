"""Ace as a component of ours: a text as it is typed comes back, and another one from Python takes its place unrebuilt.

Each text has a revision. What was typed at an older one is not heeded, so that a replaced text never comes back.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import streamlit as st

from studio.ui.components import asset
from studio.web.assets import script_address
from studio.web.editor_words import words_address

_ACE = st.components.v2.component(
    "fibo_ace_editor",
    html="<div class='fibo-editor'></div>",
    js=asset("editor/loader.js"),
    isolate_styles=False,  # a text area of the page's own: keys typed into it are no shortcuts of anybody's
)


@dataclass(frozen=True)
class Mark:
    """What is to be said of a line, at ``row`` and ``column`` from 0."""

    row: int
    column: int
    kind: Literal["error", "warning"]
    text: str


@dataclass(frozen=True)
class Typed:
    """What stands in the editor now; ``pasted`` is what was just pasted into it, "" where nothing was, and ``before``
    what stood there until then."""

    text: str
    pasted: str = ""
    before: str = ""


def ace_editor(
    text: str,
    *,
    key: str,
    label: str,
    revision: int = 0,
    name: str = "",
    height: int = 360,
    readonly: bool = False,
    marks: Sequence[Mark] = (),
    locked: Sequence[int] | None = None,
    on_lock: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Ace with ``text`` in it, which counts where the editor does not show this ``revision`` yet.

    As ``name`` it is known to other parts of the page: `window.fibo.editors[name].text()` is what it shows.

    ``locked`` are the rows with a lock beside them; None leaves those that are there, for a text that is no JSON now.
    ``on_lock`` is told the path of a line whose lock was pressed, ``on_line`` that of the field at the cursor, once
    "Vary this" is pressed there.
    """

    def carry_out() -> None:
        done = st.session_state.get(f"{key}_done", 0)
        for asked in st.session_state[key].get("asked") or ():
            told = {"lock": on_lock, "line": on_line}[asked["kind"]]
            if asked["number"] > done and told is not None:
                told(asked["path"])
                st.session_state[f"{key}_done"] = done = asked["number"]

    _ACE(
        key=key,
        data={
            "editor": script_address("editor", "editor.js"),
            "ace": script_address("ace", "ace.js"),
            "words": words_address(),
            "text": text,
            "revision": revision,
            "name": name,
            "label": label,
            "height": height,
            "readonly": readonly,
            "marks": [asdict(mark) for mark in marks],
            "locked": None if locked is None else list(locked),
            "locks": on_lock is not None,
            "lines": on_line is not None,
            "done": st.session_state.get(f"{key}_done", 0),
        },
        on_typed_change=_nothing,
        on_asked_change=carry_out,
    )


def typed_text(key: str, revision: int) -> Typed | None:
    """What has been typed into the editor of this key at this revision; None where nothing was."""
    typed = (st.session_state.get(key) or {}).get("typed")
    if not typed or typed["revision"] != revision:
        return None
    pasted = typed["pasted"] or {"text": "", "before": ""}
    return Typed(typed["text"], pasted["text"], pasted["before"])


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
