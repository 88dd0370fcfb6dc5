"""Deleting the picture on a page's stage, with a way back that stands until something else is done there."""

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.work.runtime import Runtime
from studio.ui.session import FROM_A_PICTURE, errors_shown, find_picture, go_to_batch, leave_batch
from studio.ui.state import Deleted, PageState, deleted_on, forget_deleted, keep_deleted
from studio.ui.viewing import back_to_draft


def delete_picture(runtime: Runtime, state: PageState, mode: Mode, picture: Generation) -> None:
    """Takes a picture out of the gallery and off the stage; a grid that it is of stays. Run the page again afterwards.

    Raises a StoreError.
    """
    runtime.tools.history.delete([picture.id])
    keep_deleted(mode, Deleted(picture.id, state.batch_id, state.shown_id == picture.id))
    if state.shown_id == picture.id:
        back_to_draft(state, mode)
    if state.last_id == picture.id:
        state.last_id = None
    batch = None if state.batch_id is None else runtime.desk.several([state.batch_id]).get(state.batch_id)
    if batch is not None and batch.ended and not any(find_picture(runtime, id) for id in batch.generation_ids):
        leave_batch(state)


def deleted_line(runtime: Runtime, state: PageState, mode: Mode) -> Deleted | None:
    """One line with the way back; what was brought back just now. Run the page again then."""
    if (deleted := deleted_on(mode)) is None:
        return None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{mode}_deleted"):
        st.caption(":material/delete: Deleted. It lies in the trash of History.", width="content")
        if st.button("Undo", key=f"{mode}_undo_delete", type="tertiary", icon=":material/undo:"):
            with errors_shown():
                runtime.tools.history.restore([deleted.id])
                forget_deleted(mode)
                if mode not in FROM_A_PICTURE and state.batch_id is None and deleted.batch_id is not None:
                    go_to_batch(state, deleted.batch_id)
                return deleted
    return None
