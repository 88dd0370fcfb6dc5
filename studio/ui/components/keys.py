"""The keys that every page knows: `/` searches History, `?` shows all of them."""

import streamlit as st

from studio.ui.components import asset
from studio.ui.navigation import HISTORY

#: What is shown for `?`: keys, and what they do.
KEYS = (
    ("Ctrl + Enter", "Paint, wherever the cursor is"),
    ("/", "Search the pictures in History"),
    ("← →", "The picture before and after, where one is open"),
    ("Enter", "On the stage: full size and back, or opens a picture of the grid"),
    ("Space", "On the stage, as long as it is held: what was there before"),
    ("B  E  [  ]", "On Edit: the brush, the eraser, thinner and thicker; Ctrl + Z takes a stroke back"),
    ("Esc", "Close what lies over the page; leave the JSON editor, whose Tab indents"),
    ("?", "These keys"),
)

_KEYS = st.components.v2.component(
    "fibo_keys",
    html=asset("keys.html"),
    css=asset("keys.css"),
    js=asset("keys.js"),
)


def keys() -> None:
    """Listens for the keys, and draws the button that shows them."""
    result = _KEYS(
        key="page_keys",
        data={"keys": [list(each) for each in KEYS]},
        on_search_change=lambda: None,
        width="content",
    )
    if result.search:
        st.switch_page(str(HISTORY))
