"""A picture that its page can do nothing with: one sentence says why, with the ways that lead on, in place of the
tools."""

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from studio.ui.components.result import Action, facts, picture_actions
from studio.ui.components.source_stage import source_stage
from studio.ui.components.thread import steps_to, thread
from studio.ui.components.workbench import workbench
from studio.ui.conversation import another_source, go_on_from
from studio.ui.deleting import delete_picture
from studio.ui.session import errors_shown, find_picture, start_edit, start_inspire, start_refine
from studio.ui.state import PageState
from studio.ui.words import plain

ICONS: dict[Action, str] = {
    "refine": ":material/tune:",
    "edit": ":material/ink_highlighter:",
    "inspire": ":material/lightbulb:",
}


def show_unfit(
    runtime: Runtime,
    state: PageState,
    mode: Mode,
    source: Generation,
    batch: Batch | None,
    sentence: str,
    ways: tuple[Action, ...],
) -> None:
    """The page with the picture and nothing that could be pressed in vain; words that stood in its field stay."""
    parent = find_picture(runtime, source.parent_id)
    form, result = workbench()
    with form:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption("From a picture" if mode == "refine" else "Edit this picture")
            if st.button("Another picture", type="tertiary", icon=":material/swap_horiz:"):
                another_source(state)
                st.rerun()
        steps, onward = steps_to(runtime.tools.history, source)
        taken = thread(steps, onward=onward, key=f"{mode}_thread")
        if taken.picture not in (None, state.source_id):
            go_on_from(str(taken.picture))
        st.info(plain(sentence), icon=":material/info:")
        action: Action | None = None
        with st.container(horizontal=True, gap="small"):
            for way in ways:
                if st.button(way.capitalize(), key=f"{mode}_to_{way}", icon=ICONS[way]):
                    action = way
    with result:
        source_stage(state, mode, source, parent, batch)
        st.caption(facts(source))
        action = picture_actions(runtime, source, key=mode, offered=("delete",)) or action
    with errors_shown():
        if action == "refine":
            start_refine(source)
        elif action == "edit":
            start_edit(source)
        elif action == "inspire":
            start_inspire(runtime, source)
        elif action == "delete":
            delete_picture(runtime, state, mode, source)
            another_source(state)
            st.rerun()
