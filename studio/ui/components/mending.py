"""What was done for JSON that was pasted, dropped or mended, and the settings found beside it, which are offered."""

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.mend import Mended
from fibo_core.store.generation import Mode
from studio.ui.session import fill_settings
from studio.ui.words import plain


def say_what_was_done(mended: Mended, mode: Mode, spec: ModelSpec) -> None:
    """The notes, and a button that fills the page's form with the settings found; it is gone once the form has them."""
    for note in mended.notes:
        st.caption(f":material/healing: {plain(note)}")
    if mended.recipe:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/tune: {plain(f'Found beside it: {mended.recipe}.')}")
            st.button(
                "Use these settings", key=f"{mode}_use_found", type="tertiary", icon=":material/input:",
                help="Fills the form with those that this model takes",
                on_click=fill_settings, args=(mode, spec, mended.recipe),
            )  # fmt: skip
