"""The colours of pictures as swatches: a click copies one, its name goes into the hint by another."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from studio.ui.components import asset

_PALETTE = st.components.v2.component(
    "fibo_palette",
    html='<div class="palette" role="group" aria-label="Colours of the pictures"></div>'
    '<p class="says" role="status"></p>',
    css=asset("palette.css"),
    js=asset("palette.js"),
)


def show_palette(pictures: Sequence[Image.Image], *, names: tuple[str, ...], add: Callable[[str], None]) -> None:
    """The main colours of all pictures (``names`` tell them from others); ``add`` is given the name of a chosen one."""
    swatches = _swatches(names, pictures)

    def chosen() -> None:
        number = st.session_state["palette"]["added"]["swatch"]
        if number in range(len(swatches)):
            add(swatches[number]["name"])

    if swatches:
        _PALETTE(key="palette", data={"swatches": swatches}, on_added_change=chosen)


@st.cache_data(max_entries=32, show_spinner=False)
def _swatches(names: tuple[str, ...], _pictures: Sequence[Image.Image]) -> list[dict[str, Any]]:
    from fibo_core.writers.palette import palette

    return [{"hex": each.hex, "name": each.name, "share": round(each.share, 3)} for each in palette(_pictures)]
