"""What the model in use was never shown, said above the prompt that asks for it."""

import streamlit as st

from fibo_core.errors import PromptError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.models.mini.limits import learned, not_trained_on
from fibo_core.prompts.structured_prompt import StructuredPrompt
from studio.ui.state import Draft
from studio.ui.words import plain


def show_model_limits(spec: ModelSpec, draft: Draft) -> None:
    """Names what mini cannot paint of a draft, and what it can. Says nothing of other models, or of broken JSON."""
    with st.container():  # always there, so that the editor below it does not move while it is typed into
        unknown = _unknown_to_mini(draft.text) if spec.name == "mini" else ()
        if unknown:
            *others, last = learned("things")
            st.caption(
                f":material/info: mini was not trained on: {plain(', '.join(unknown))}. It paints something else in "
                f"their place. It knows {', '.join(others)} and {last}."
            )


def _unknown_to_mini(text: str) -> tuple[str, ...]:
    try:
        return not_trained_on(StructuredPrompt.parse(text))
    except PromptError:  # the editor says what is wrong
        return ()
