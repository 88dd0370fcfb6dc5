"""A batch of several pictures as what it is, a grid: made longer, saved as one picture, opened again."""

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from studio.ui.components.vary import open_grid, open_vary


def sheet_url(batch_id: str) -> str:
    return f"/img/sheet/{batch_id}.png"


def grid_actions(mode: Mode, batch: Batch) -> None:
    """What can be done with the page's batch as a whole; nothing for a single picture."""
    if batch.pictures < 2:
        return
    with st.container(horizontal=True, gap="small", key=f"{mode}_grid"):
        if batch.order.axes:
            st.button(
                "More values", key=f"{mode}_more_values", icon=":material/add:", type="tertiary",
                help="Paints more values of an axis into this grid", on_click=open_vary, args=(mode, "", batch.id),
            )  # fmt: skip
        if batch.generation_ids:
            st.link_button(
                "Save as one picture", f"{sheet_url(batch.id)}?download=1", icon=":material/grid_on:", type="tertiary",
                help="All pictures of this batch on one sheet, their values at the edges",
            )  # fmt: skip


def open_grid_button(runtime: Runtime, generation: Generation, *, key: str) -> None:
    """For a picture that was painted with others: a button that leads to them."""
    batch = runtime.desk.batch_of_picture(generation.id)
    if batch is None or batch.pictures < 2:
        return
    if st.button(
        "Open its grid",
        key=f"{key}_grid",
        icon=":material/grid_view:",
        help=f"{batch.pictures} pictures",
    ):
        open_grid(batch)
