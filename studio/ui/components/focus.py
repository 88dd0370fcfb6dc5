"""Where the keyboard's focus is when a page opens, and where it goes when what had it is gone."""

import streamlit as st

from studio.ui.components import asset

#: The field that has the focus when a page opens, by the page's name.
FIRST = {"Generate": ".st-key-generate_words textarea"}
#: Who has the focus next when what is pressed in the first place goes away: the JSON editor, the stage, or a selector.
#: Where nobody is named, it is whatever is nearest.
HEIRS = (
    ("[class*=_mend_it], [class*=st-key-][class*=_take_], .st-key-generate_from_json", "editor"),
    ("[role=dialog] [class*=_paint]", "stage"),
    ("[class*=_to_draft]", "[class*=_words] :is(textarea, input)"),
)

_FOCUS = st.components.v2.component("fibo_focus", html="<i hidden></i>", js=asset("focus.js"))


def focus(page: str) -> None:
    """Listens on every page; takes no place."""
    _FOCUS(key="page_focus", data={"page": page, "first": FIRST.get(page), "heirs": [list(each) for each in HEIRS]})
