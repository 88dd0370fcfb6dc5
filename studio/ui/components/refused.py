"""Why the last presses placed no order, once, where the eye is; or that their picture exists already."""

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.store.generation import Mode
from fibo_core.work.runtime import Runtime
from studio.ui.components.json_editor import show_refusals
from studio.ui.session import errors_shown, find_picture, place
from studio.ui.state import PageState, Refused
from studio.ui.viewing import view_picture


def show_refused(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec) -> None:
    """What stands until the next press."""
    show_refusals(state, mode)
    order, existing = state.refused.order, find_picture(runtime, state.refused.generation_id)
    if order is None or existing is None:
        return
    st.info("This picture exists: the same prompt, seed and settings were painted before.", icon=":material/photo:")
    with st.container(horizontal=True, gap="small"):
        if st.button("Show it", key=f"{mode}_show_existing", icon=":material/visibility:"):
            state.refused = Refused()
            view_picture(state, mode, existing, spec)
            st.rerun()
        if st.button("Paint again anyway", key=f"{mode}_paint_again", type="tertiary", icon=":material/brush:"):
            state.refused = Refused()
            with errors_shown():
                place(runtime, state, order)
