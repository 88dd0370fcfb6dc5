"""A batch of several pictures as what it is, a grid: made longer, saved as one picture."""

import streamlit as st

from fibo_core.store.generation import Mode
from fibo_core.work.desk import Batch
from studio.ui.components.vary import open_vary


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
