"""What the model in use was never shown, said under the prompt that asks for it."""

import streamlit as st

from fibo_core.engine.mini.limits import learned, not_trained_on
from fibo_core.engine.models import ModelSpec
from fibo_core.errors import PromptError
from fibo_core.prompt import StructuredPrompt
from studio.state import Draft
from studio.words import plain


def say_what_is_beyond(spec: ModelSpec, draft: Draft) -> None:
    """Names what mini cannot paint of a draft, and what it can. Says nothing of other models, or of broken JSON."""
    if spec.name != "mini":
        return
    try:
        unknown = not_trained_on(StructuredPrompt.parse(draft.text))
    except PromptError:  # the editor says what is wrong
        return
    if unknown:
        *others, last = learned("things")
        st.caption(
            f":material/info: mini was not trained on: {plain(', '.join(unknown))}. It paints something else in their "
            f"place. It knows {', '.join(others)} and {last}."
        )
