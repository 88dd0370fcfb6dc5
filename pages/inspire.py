"""Inspire: from a picture to a prompt that describes it, and from there to pictures."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from fibo_core.prompts.mend import holds_caption
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.ui.components.form import (
    count_field,
    model_of_form,
    more_settings,
    seed_field,
    shape_field,
    writer_field,
)
from studio.ui.components.job_panel import live_picture, show_outcome
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.observations import show_observations
from studio.ui.components.picture import PICTURE_ENDINGS, given_picture
from studio.ui.components.result import picture_actions, picture_strip, show_picture
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.workbench import workbench
from studio.ui.session import (
    errors_shown,
    find_picture,
    follow_batch,
    forget_batch,
    new_seed,
    pictures_of,
    place,
    prompt_to_paint,
    read_order,
    shown_picture,
    start_inspire,
    start_refine,
)
from studio.ui.state import field_key, fill_field, page_state
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("inspire")
sync_draft(state, key="inspire")
batch = follow_batch(runtime, state, "inspire")
working = batch is not None and not batch.ended
spec = model_of_form("inspire", runtime)

if not state.pictures:
    st.caption("Give it a picture: it is described as a prompt, which you can change and paint.")
    upload = st.file_uploader("A picture", type=PICTURE_ENDINGS, key="inspire_upload")
    if upload is not None:
        with errors_shown():
            path = runtime.inputs.path(runtime.inputs.keep(upload.getvalue()))
            state.pictures = (str(history.relative(path)),)
            fill_field("inspire", "aspect", spec.nearest_aspect(*given_picture(path).size))
            st.rerun()
    latest = history.page(HistoryQuery(), limit=24).items
    if latest:
        st.subheader("From History", anchor=False)
        chosen = find_picture(runtime, picture_strip(latest, key="inspire_history", current=None))
        if chosen is not None:
            start_inspire(runtime, chosen)
    st.stop()

form, result = workbench()

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption("The picture to begin with")
        if st.button("Another picture", type="tertiary", icon=":material/swap_horiz:"):
            forget_batch(state)
            st.rerun()
    with errors_shown():
        st.image(given_picture(history.absolute(Path(state.pictures[0]))), width=260, alt="The picture to begin with")

    words = st.text_input(
        "A hint (optional)",
        key=field_key("inspire", "words"),
        persist_state="session",
        placeholder="at night",
    )
    words = (words or "").strip()
    writer, shape, count = st.columns([3, 4, 5])
    with writer:
        writer_field("inspire", runtime.tools.writers)
    with shape:
        shape_field("inspire", spec)
    with count:
        count_field("inspire")
    seed_field("inspire")
    more_settings("inspire", spec, runtime)

    with st.container(horizontal=True, gap="small"):
        paint = st.button(
            "Paint this JSON" if state.draft is not None and state.draft.is_users else "Paint it",
            type="primary",
            icon=":material/brush:",
            shortcut="Ctrl+Enter",
            disabled=working,
        )
        describe = st.button("Describe it", disabled=working, help="Writes the prompt and paints nothing")

    if holds_caption(words) and (paint or describe):  # JSON pasted where the hint goes
        state.paste(words)
        fill_field("inspire", "words", "")
        st.rerun()
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        show_typed_words(words, spec)
    with st.container(), errors_shown():
        if paint or describe:
            start = replace(read_order("inspire"), pictures=state.pictures, source_id=state.source_id)
            written = None if describe else prompt_to_paint(state, words)[0]
            place(runtime, state, replace(start, words=words, written=written, paint=paint))

with result:
    painted = pictures_of(runtime, batch)
    shown = shown_picture(runtime, state, painted)
    with st.container():  # whatever stands here, the editor below stays where it is
        show_outcome(runtime.desk, state, batch)
        if batch is not None and working and batch.pictures:
            live_picture(runtime.desk, batch.id)
        elif shown is not None:
            show_picture(shown, key="inspire")
            action = picture_actions(runtime, shown, key="inspire")
            with errors_shown():
                if action == "refine":
                    start_refine(shown)
                elif action == "inspire":
                    start_inspire(runtime, shown)
                elif action == "new_seed":
                    order = new_seed("inspire", shown, spec)
                    place(runtime, state, replace(order, pictures=state.pictures, source_id=state.source_id))
        if len(painted) > 1:
            opened = picture_strip(painted, key="inspire_batch", current=shown.id if shown else None)
            if opened is not None:
                state.shown_id = opened
                st.rerun()

    if state.draft is not None:
        show_observations(state.draft)
        show_model_limits(spec, state.draft)
        json_editor(state, key="inspire", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
        for note in state.draft.notes:
            st.caption(f":material/info: {plain(note)}")
    elif working:
        st.skeleton(height=240)
    else:
        st.caption("“Describe it” writes a prompt from the picture. You can change it before anything is painted.")
