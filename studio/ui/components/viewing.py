"""Says that the page shows an earlier picture, or that its prompt has changed since, with the way back."""

from collections.abc import Sequence

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from studio.ui.state import PageState, field_value
from studio.ui.viewing import back_to_draft, batch_differs, differs

_CHANGED = ":material/edit: Painted before your last changes."


def batch_line(state: PageState, mode: Mode, batch: Batch, painted: Sequence[Generation]) -> None:
    """Says under a grid that it was painted from another prompt than the editor's, or from other seeds than the one
    held."""
    if batch_differs(state, batch, painted, _held_seed(mode)):
        st.caption(_CHANGED)


def _held_seed(mode: Mode) -> str | None:
    return field_value(mode, "seed") if field_value(mode, "seed_locked", False) else None


def viewing_line(state: PageState, mode: Mode, shown: Generation | None) -> None:
    """One line under the stage, whose place is always there; ``shown`` is None where a grid is shown as a whole."""
    changed = shown is not None and differs(state, shown, _held_seed(mode))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{mode}_viewing"):
        if state.kept is not None:
            more = "; its prompt has been changed here" if changed else ""
            what = "another batch" if shown is None else "an earlier picture"
            st.caption(f":material/visibility: Viewing {what}{more}.", width="content")
            if st.button("Back to my draft", key=f"{mode}_back_to_draft", type="tertiary", icon=":material/undo:"):
                back_to_draft(state, mode)
                st.rerun()
        elif changed:
            st.caption(_CHANGED, width="content")
