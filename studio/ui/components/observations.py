"""What a writer saw in a picture, in one glance: palette, light, layout."""

import streamlit as st

from fibo_core.errors import PromptError
from studio.ui.state import Draft
from studio.ui.words import plain

SEEN = (
    ("Palette", "aesthetics.color_scheme"),
    ("Light", "lighting.conditions"),
    ("Layout", "aesthetics.composition"),
)


def show_observations(draft: Draft) -> None:
    """Names palette, light and layout of the draft's prompt; nothing while its JSON is not valid."""
    try:
        prompt = draft.parsed().prompt
    except PromptError:
        return
    seen = [f"{label}: {plain(str(value))}" for label, path in SEEN if (value := prompt.get(path))]
    if seen:
        st.caption(" · ".join(seen))
