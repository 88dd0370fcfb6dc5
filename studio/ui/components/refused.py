"""Why the last presses placed no order, once, where the eye is; or that their picture exists, or is on its way."""

from dataclasses import replace

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.store.generation import Mode
from fibo_core.work.runtime import Runtime
from studio.ui.components.json_editor import show_refusals
from studio.ui.session import errors_shown, find_picture, go_to_batch, place
from studio.ui.state import PageState, Refused
from studio.ui.viewing import view_picture

EXISTS = "This picture exists: the same prompt, seed and settings were painted before."
ON_ITS_WAY = "This picture is on its way: the same prompt, seed and settings are in the queue already."


def show_refused(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec) -> None:
    """What stands until the next press."""
    show_refusals(state, mode)
    refused, existing = state.refused, find_picture(runtime, state.refused.generation_id)
    if refused.batch_id is not None and refused.batch_id not in {batch.id for batch in runtime.desk.active()}:
        state.refused = replace(refused, order=None, batch_id=None)  # it is there, or it never will be
        return
    if refused.order is None or (existing is None and refused.batch_id is None):
        return
    st.info(ON_ITS_WAY if existing is None else EXISTS, icon=":material/photo:")
    with st.container(horizontal=True, gap="small"):
        if st.button("Show it", key=f"{mode}_show_existing", icon=":material/visibility:"):
            state.refused = Refused()
            if existing is not None:
                view_picture(state, mode, existing, spec)
            elif refused.batch_id is not None:
                go_to_batch(state, refused.batch_id)
            st.rerun()
        if st.button("Paint again anyway", key=f"{mode}_paint_again", type="tertiary", icon=":material/brush:"):
            state.refused = Refused()
            with errors_shown():
                place(runtime, state, refused.order)
