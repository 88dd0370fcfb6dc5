"""Below the stage of Generate and Inspire: the picture's facts, what can be done with it, and whose recipe it is."""

from collections.abc import Callable

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.store.generation import Generation, Mode
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.components.result import facts, picture_actions
from studio.ui.components.viewing import viewing_line
from studio.ui.deleting import delete_picture
from studio.ui.session import errors_shown, new_seed, place, start_edit, start_inspire, start_refine
from studio.ui.state import PageState


def below_stage(
    runtime: Runtime,
    state: PageState,
    mode: Mode,
    shown: Generation,
    spec: ModelSpec,
    *,
    begins: Callable[[Order], Order] = lambda order: order,
) -> None:
    """Draws it and does what was pressed. ``begins`` puts into the order of another seed what the page begins with."""
    st.caption(facts(shown))
    action = picture_actions(runtime, shown, key=mode)
    with errors_shown():
        if action == "refine":
            start_refine(shown)
        elif action == "edit":
            start_edit(shown)
        elif action == "inspire":
            start_inspire(runtime, shown)
        elif action == "new_seed":
            place(runtime, state, begins(new_seed(mode, shown, spec)))
        elif action == "delete":
            delete_picture(runtime, state, mode, shown)
            st.rerun()
    viewing_line(state, mode, shown)
