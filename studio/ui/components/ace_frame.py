"""Ace as the package streamlit-ace brings it, in a frame of its own: what STUDIO_EDITOR=streamlit-ace chooses.

It keeps its text as long as its key stays, so another text needs another editor.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit_ace import st_ace

from studio.ui.components.ace_editor import Mark

DELAY_S = 0.3  #: Ace sends what is typed 200 ms after the last key


def framed_editor(
    text: str,
    *,
    key: str,
    revision: int = 0,
    height: int = 360,
    readonly: bool = False,
    marks: Sequence[Mark] = (),
) -> None:
    """Ace in its frame; ``text`` is heeded by an editor just built, ignored by one that is being typed into."""
    st_ace(
        value=text,
        language="json",
        theme="tomorrow_night",
        height=height,
        font_size=13,
        tab_size=2,
        wrap=True,
        readonly=readonly,
        auto_update=True,
        annotations=[
            {"row": mark.row, "column": mark.column, "type": mark.kind, "text": mark.text} for mark in marks
        ] or None,
        key=f"{key}_{revision}",
    )  # fmt: skip


def framed_text(key: str, revision: int) -> str | None:
    """What has been typed into the editor of this key and revision; None where nothing was."""
    typed = st.session_state.get(f"{key}_{revision}")
    return typed if isinstance(typed, str) else None
