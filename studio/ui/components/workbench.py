"""The two columns of a page that paints: the form, and its result, which stays in sight at any length of the form.

On a phone they stand below each other, the picture first, and what `folded_on_phone` holds opens by a press. Style
alone does it (`assets/workbench.css`), so that turning a phone, or another width, asks Python for nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.ui.components import asset

_FOLD = st.components.v2.component(
    "fibo_fold",
    html="<button type='button' aria-expanded='false'>"
    "<span class='arrow' aria-hidden='true'></span><span></span></button>",
    css=asset("fold.css"),
    js=asset("fold.js"),
)


def workbench() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The page's columns: ``form, result = workbench()``."""
    with st.container(key="workbench"):
        form, result = st.columns([5, 6], gap="large")
    return form, result


@contextmanager
def folded_on_phone(label: str, *, key: str, opened: bool = False) -> Iterator[None]:
    """Holds a part of the form that a phone shows once it is opened, or already ``opened`` until its user has chosen;
    a desktop shows it as it is."""
    with st.container(key=f"folded_{key}"):
        _FOLD(key=f"fold_{key}", data={"label": label, "opened": opened})
        yield
