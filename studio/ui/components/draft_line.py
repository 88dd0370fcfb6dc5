"""What a page has of its draft: a listener that keeps what is typed, and a line with the way back to a draft that the
page does not show.
"""

import streamlit as st

from fibo_core.store.generation import MODES
from fibo_core.work.runtime import Runtime
from studio.ui.components import asset
from studio.ui.drafts import bring_draft_back, drop_draft, trouble, words_aside
from studio.ui.words import plain

SHOWN_CHARS = 60

_LISTENER = st.components.v2.component("fibo_drafts", html="<i hidden></i>", js=asset("drafts.js"))


def draft_line(runtime: Runtime, page: str) -> None:
    """Takes no place where there is nothing to say."""
    aside = words_aside(page)
    with st.container(key="draft_line", gap=None):
        st.html("<style>.st-key-draft_line:not(:has(button, [data-testid=stAlert])) { display: none }</style>")
        _LISTENER(key="draft_listener", data={"modes": list(MODES)})
        if sentence := trouble():
            st.warning(plain(f"What you type here is not kept for a reload. {sentence}"), icon=":material/save:")
        if not aside:
            return
        words = " ".join(aside[-1].split())
        if len(words) > SHOWN_CHARS:
            words = words[: SHOWN_CHARS - 1] + "…"
        draft = f"“{plain(words)}” is kept" if words else "is kept"
        if len(aside) > 1:
            draft += f", and {len(aside) - 1} more"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f":material/edit_note: This page shows something else than your draft. Your draft {draft}.",
                width="content",
            )
            st.button(
                "Bring my draft back", key="draft_back", type="tertiary", icon=":material/undo:",
                on_click=bring_draft_back, args=(runtime, page),
            )  # fmt: skip
            st.button(
                "Drop it", key="draft_drop", type="tertiary", icon=":material/close:", on_click=drop_draft, args=(page,)
            )
