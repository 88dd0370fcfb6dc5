"""Inspire: from pictures to a prompt that describes them, and from there to new pictures."""

from dataclasses import replace
from functools import partial

import streamlit as st

from fibo_core.limits import GIVEN_MAX
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
from studio.ui.components.given_pictures import address_of, begin_with, given_pictures
from studio.ui.components.job_panel import show_outcome
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.observations import show_observations
from studio.ui.components.result import facts, picture_actions, picture_strip
from studio.ui.components.stage import stage
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.workbench import workbench
from studio.ui.session import (
    errors_shown,
    find_picture,
    follow_batch,
    new_seed,
    pictures_of,
    place,
    prompt_to_paint,
    read_order,
    shown_picture,
    start_inspire,
    start_refine,
)
from studio.ui.state import field_key, field_value, fill_field, page_state
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("inspire")
sync_draft(state, key="inspire")
batch = follow_batch(runtime, state, "inspire")
working = batch is not None and not batch.ended
spec = model_of_form("inspire", runtime)
own_json = state.draft is not None and state.draft.is_users

form, result = workbench()

with form:
    given_pictures(runtime, state)
    words = st.text_input(
        "A hint (optional)",
        key=field_key("inspire", "words"),
        persist_state="session",
        placeholder="at night",
    )
    words = (words or "").strip()
    with st.container(horizontal=True, gap="small"):
        describe = st.button(
            "Describe",
            type="primary",
            icon=":material/visibility:",
            shortcut="Ctrl+Enter",
            disabled=working,
            help="Writes the prompt and paints nothing",
        )
        paint = st.button("Paint this JSON" if own_json else "Paint", icon=":material/brush:", disabled=working)
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        show_typed_words(words, spec)
    writer, shape, count = st.columns([3, 4, 5])
    with writer:
        writer_field("inspire", runtime.tools.writers)
    with shape:
        shape_field("inspire", spec)
    with count:
        count_field("inspire")
    seed_field("inspire")
    more_settings("inspire", spec, runtime)

    if holds_caption(words) and (paint or describe):  # JSON pasted where the hint goes
        state.paste(words)
        fill_field("inspire", "words", "")
        st.rerun()
    with st.container(), errors_shown():
        if paint or describe:
            start = replace(read_order("inspire"), pictures=state.pictures, source_id=state.source_id)
            written = None if describe else prompt_to_paint(state, words)[0]
            place(runtime, state, replace(start, words=words, written=written, paint=paint))
    with st.container():  # whatever stands here, the editor below stays where it is
        if state.shown_id is None:
            show_outcome(runtime.desk, state, batch)

    if state.draft is not None:
        show_observations(state.draft)
        show_model_limits(spec, state.draft)
        json_editor(state, key="inspire", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
        for note in state.draft.notes:
            st.caption(f":material/info: {plain(note)}")
    elif working:
        st.skeleton(height=240)
    elif state.pictures:
        st.caption("“Describe” writes a prompt from what you gave. You can change it before anything is painted.")

with result:
    painted = pictures_of(runtime, batch)
    shown = shown_picture(runtime, state, painted)
    chosen = find_picture(runtime, state.shown_id)
    painted_batch = batch if batch is not None and batch.pictures else None
    if state.pictures or painted_batch is not None:
        event = stage(
            key="inspire_stage",
            batch=painted_batch,
            picture=chosen if painted_batch is not None else shown,
            before=address_of(state.pictures[0]) if state.pictures else None,
            shape=spec.shapes[field_value("inspire", "aspect", next(iter(spec.shapes)))],
        )
        if event is not None:
            state.shown_id = event.id if event.kind == "chosen" else None
            st.rerun()
        if shown is not None and not (working and chosen is None):
            st.caption(facts(shown))
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

    latest = history.page(HistoryQuery(), limit=24).items if len(state.pictures) < GIVEN_MAX else ()
    if latest:
        st.caption("Add one of yours" if state.pictures else "Or begin with one of yours")
        picked = find_picture(runtime, picture_strip(latest, key="inspire_history", current=None))
        if picked is not None:
            with errors_shown():
                path = str(history.relative(history.image_file(picked.id)))
                begin_with(runtime, state, (*(each for each in state.pictures if each != path), path))
                st.rerun()
