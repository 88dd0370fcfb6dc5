"""What can be done with several pictures at once, and the way back from a deletion."""

import io
import zipfile
from collections.abc import Sequence

import streamlit as st

from fibo_core.errors import FiboError
from fibo_core.store.history import History
from fibo_core.store.picture_rows import not_read
from fibo_core.store.rows import DamagedRow
from fibo_core.work.runtime import Runtime
from studio.remedies import rebuild_command
from studio.ui.session import errors_shown
from studio.ui.state import HistoryState
from studio.ui.words import plain


def selection_bar(runtime: Runtime, state: HistoryState, total: int) -> None:
    """How many pictures there are, and the buttons for those ticked."""
    history, ids = runtime.tools.history, sorted(state.selected)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="history_selection"):
        st.caption(f"{total:,} picture{'s' if total != 1 else ''}" + (f" · {len(ids)} selected" if ids else ""))
        if not ids:
            return
        if st.button("Favourite", key="selected_favorite", icon=":material/star:"):
            with errors_shown():
                for generation_id in ids:
                    history.set_favorite(generation_id, True)
                st.rerun()
        st.download_button(
            "Download", lambda: zip_of(history, ids), file_name="fibo-pictures.zip", mime="application/zip",
            key="selected_zip", icon=":material/download:", on_click="ignore", help="A zip of pictures and recipes",
        )  # fmt: skip
        if st.button("Delete", key="selected_delete", icon=":material/delete:"):
            delete(runtime, state, ids)
        if st.button("Select none", key="selected_none", type="tertiary"):
            state.select_none()
            st.rerun()


def damaged_line(runtime: Runtime, state: HistoryState, damaged: Sequence[DamagedRow]) -> None:
    """Names the rows of this page that cannot be read, with a way to delete them."""
    if not damaged:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="history_damaged"):
        said = f"{not_read(damaged)} {rebuild_command()}"
        st.caption(f":material/warning: {plain(said)}", width="content")
        label = "Delete it" if len(damaged) == 1 else "Delete them"
        if st.button(label, key="damaged_delete", type="tertiary", icon=":material/delete:"):
            delete(runtime, state, [row.id for row in damaged])


def delete(runtime: Runtime, state: HistoryState, ids: list[str]) -> None:
    """Takes the pictures out of the gallery; Undo brings them back. Runs the page again."""
    state.deleted = tuple(runtime.tools.history.delete(ids))
    state.select_none()
    st.query_params.pop("picture", None)
    st.rerun()


def undo_bar(runtime: Runtime, state: HistoryState) -> None:
    """ "Deleted. Undo", until the next deletion or until it is used."""
    if not state.deleted:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="history_undo"):
        count = len(state.deleted)
        st.caption("Deleted." if count == 1 else f"{count} pictures deleted.", width="content")
        if st.button("Undo", key="undo_delete", type="tertiary", icon=":material/undo:"):
            runtime.tools.history.restore(state.deleted)
            state.deleted = ()
            st.rerun()


def zip_of(history: History, ids: list[str]) -> bytes:
    """A zip of each picture and its sidecar, and of a list of what is gone, where something is."""
    buffer, gone = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for generation_id in ids:
            for find in (history.image_file, history.sidecar_file):
                try:
                    file = find(generation_id)
                    archive.write(file, file.name)
                except (FiboError, FileNotFoundError) as exc:
                    gone.append(str(exc))
        if gone:
            archive.writestr("not-here.txt", "\n".join(gone))
    return buffer.getvalue()
