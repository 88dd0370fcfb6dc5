"""The stage of Refine and Edit: the source, or what is painted from it; a picture that is opened is the next source."""

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from studio.ui.components.given_pictures import address_of
from studio.ui.components.grid import grid_actions
from studio.ui.components.stage import Brush, stage
from studio.ui.conversation import go_on_from
from studio.ui.state import PageState


def source_stage(
    state: PageState,
    mode: Mode,
    source: Generation | None,
    parent: Generation | None,
    batch: Batch | None,
    *,
    brush: Brush | None = None,
) -> bool:
    """Shows ``batch`` while it is painted, as a grid, or where the source is one of its pictures; else the source.

    Compared with ``parent``, the source's, or with the source while something is painted from it. True where the
    source stands there by itself, so that its page can go on with what is to be said of it.
    """
    grid, going = batch is not None and batch.pictures > 1, batch is not None and not batch.ended
    shown = batch if batch is not None and batch.pictures else None
    if shown is not None and not (going or grid or state.source_id in shown.generation_ids):
        shown = None
    if source is not None or shown is not None:
        given = None if shown is None or not shown.order.pictures else address_of(shown.order.pictures[0])
        seen = stage(
            key=f"{mode}_stage",
            batch=shown,
            picture=source if shown is None else None,
            before=(source or given) if going else parent,
            brush=brush,
        )
        if seen is not None and seen.kind == "ended":
            st.rerun()
        if seen is not None and seen.kind == "chosen":
            go_on_from(seen.id)
    if batch is not None and grid:
        with st.container():
            grid_actions(mode, batch)
            if batch.generation_ids and not going:
                st.caption("Open a picture to go on from it.")
    return source is not None and not grid and not going
