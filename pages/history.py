"""History: every picture painted here; one of them large, with its whole recipe."""

import streamlit as st

from fibo_core.errors import GenerationDamaged, GenerationNotFound
from fibo_core.models.catalogue import find_model
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.ui.components.gallery import gallery
from studio.ui.components.history_filters import HISTORY_PAGE_SIZE, clear_filters, current_query, filter_row
from studio.ui.components.picture_detail import picture_detail
from studio.ui.components.result import tiles
from studio.ui.components.selection import damaged_line, selection_bar, undo_bar
from studio.ui.components.storage_card import storage_trouble
from studio.ui.navigation import GENERATE, go_to
from studio.ui.state import history_state
from studio.ui.words import plain

runtime = get_runtime()
history = runtime.tools.history
state = history_state()
spec = find_model(runtime.tools.engine.status().model)

opened_id = st.query_params.get("picture")
if opened_id is not None:
    try:
        opened = history.get(opened_id)
    except GenerationDamaged as exc:
        st.warning(plain(str(exc)), icon=":material/broken_image:")
    except GenerationNotFound:
        st.warning("There is no such picture here (any more).", icon=":material/image_not_supported:")
    else:
        picture_detail(runtime, opened, spec)
        st.stop()
    del st.query_params["picture"]

filter_row(history.models())
query = current_query()
total = history.count(query)
undo_bar(runtime, state)
storage_trouble(runtime)
if query.text and (left := history.unsearched()):
    st.caption(
        f":material/hourglass: Older pictures are being read for the search ({left:,} left): until then not all are "
        "found by their words."
    )

if total == 0:
    if query == HistoryQuery(newest_first=query.newest_first):
        st.subheader("Nothing here yet", anchor=False)
        if st.button("Paint your first picture", type="primary", icon=":material/brush:"):
            go_to(GENERATE)
    else:
        looked_for = f" for “{plain(query.text)}”" if query.text else ""
        filtered = query != HistoryQuery(text=query.text, newest_first=query.newest_first)
        st.subheader(f"No picture{looked_for}{' with these filters' if filtered else ''}", anchor=False)
        st.button("Clear the search", icon=":material/filter_list_off:", on_click=clear_filters)
    st.stop()

pages = -(-total // HISTORY_PAGE_SIZE)
number = min(st.session_state.get("history_page", 1), pages)
page = history.page_number(query, number, limit=HISTORY_PAGE_SIZE)
damaged_line(runtime, state, page.damaged)
bar = st.container()  # drawn above the gallery, filled once it is known what is ticked in it
clicked, state.selected = gallery(tiles(page.items), key=f"history_gallery_{number}_{state.revision}", selectable=True)
with bar:
    selection_bar(runtime, state, total)
if clicked is not None:
    st.query_params["picture"] = clicked
    st.rerun()
if pages > 1:
    st.pagination(pages, key="history_page", persist_state="session")
