"""What of the words no writer is given, said under them; the settings among them, offered to the form."""

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.words import TypedWords, read_words
from studio.ui.session import fill_settings
from studio.ui.state import fill_field
from studio.ui.words import plain


def show_typed_words(words: str, spec: ModelSpec, *, offer: bool = False) -> TypedWords:
    """Reads the words and says what is left out of them; silent where nothing is. With ``offer`` a press of "Use these
    settings" fills Generate's form, and takes the settings out of the words."""
    typed = read_words(words)
    for note in typed.notes:
        st.caption(f":material/info: {plain(note)}")
    if typed.recipe is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            negative = typed.recipe.negative_words and spec.fixed_negative is not None
            unread = f" {spec.title} knows no negative prompt." if negative else ""
            found = f"Left out of the words: {typed.settings}.{unread}"
            st.caption(f":material/tune: {plain(found)}", width="content")
            if offer and st.button(
                "Use these settings", key="generate_use_settings", type="tertiary", icon=":material/input:"
            ):
                fill_settings(spec, typed.recipe)
                fill_field("generate", "words", typed.words)
                st.rerun()
    return typed
