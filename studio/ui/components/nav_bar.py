"""The way from page to page: a row at the top of a window, a bar of icons at the bottom of a phone.

Its places are links, so that one opens in another tab; a plain click goes by Streamlit, which keeps the session.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from studio.ui.components import asset

_NAV = st.components.v2.component(
    "fibo_nav_bar",
    html="<nav aria-label='Pages'></nav>\n",
    css=asset("nav_bar.css"),
    js=asset("nav_bar.js"),
)


def nav_bar(pages: Sequence[StreamlitPage], current: StreamlitPage) -> StreamlitPage | None:
    """Draws the bar with ``current`` marked; the page that was just chosen."""
    places = [{"path": f"/{page.url_path}", "title": page.title, "icon": _glyph(page.icon)} for page in pages]
    result = _NAV(
        key="nav_bar",
        data={"places": places, "current": f"/{current.url_path}"},
        on_chosen_change=lambda: None,
    )
    return next((page for page in pages if f"/{page.url_path}" == result.chosen), None)


def _glyph(icon: str) -> str:
    """Its name in Streamlit's font of icons: "brush" of ":material/brush:"."""
    return icon.removeprefix(":material/").removesuffix(":")
