"""Says that the page shows an earlier picture, or that its prompt has changed since, with the way back."""

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from studio.ui.state import PageState, field_value
from studio.ui.viewing import back_to_draft, differs


def viewing_line(state: PageState, mode: Mode, shown: Generation) -> None:
    """One line under the stage, whose place is always there."""
    seed = field_value(mode, "seed") if field_value(mode, "seed_locked", False) else None
    changed = differs(state, shown, seed)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{mode}_viewing"):
        if state.kept is not None:
            more = "; its prompt has been changed here" if changed else ""
            st.caption(f":material/visibility: Viewing an earlier picture{more}.", width="content")
            if st.button("Back to my draft", key=f"{mode}_back_to_draft", type="tertiary", icon=":material/undo:"):
                back_to_draft(state, mode)
                st.rerun()
        elif changed:
            st.caption(":material/edit: Painted before your last changes.", width="content")
