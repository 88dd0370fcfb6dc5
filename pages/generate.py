"""Generate: from a few words, or from JSON, to pictures."""

from functools import partial

import streamlit as st

from fibo_core.prompts.mend import holds_caption
from fibo_core.prompts.wildcards import looks_like_json
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.ui.components.examples import example_cards
from studio.ui.components.form import (
    count_field,
    model_of_form,
    more_settings,
    seed_field,
    shape_field,
    writer_field,
)
from studio.ui.components.job_panel import show_outcome
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.result import facts, picture_actions, picture_strip
from studio.ui.components.stage import stage
from studio.ui.components.two_prompts import two_writers, two_writers_button, two_writers_open
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.wildcards import show_wildcards
from studio.ui.components.workbench import workbench
from studio.ui.session import (
    errors_shown,
    find_picture,
    follow_batch,
    generate_order,
    new_seed,
    pictures_of,
    place,
    shown_picture,
    start_inspire,
    start_refine,
)
from studio.ui.state import field_key, fill_field, page_state
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("generate")
sync_draft(state, key="generate")
batch = follow_batch(runtime, state, "generate")
working = batch is not None and not batch.ended
spec = model_of_form("generate", runtime)

if two_writers_open():
    two_writers(runtime, state, spec)
    st.stop()

form, result = workbench()

with form:
    words = st.text_area(
        "What should it show?",
        key=field_key("generate", "words"),
        persist_state="session",
        placeholder="a red ball on the left and a blue star on the right",
        height=90,
    )
    words = (words or "").strip()
    from_json = state.draft is not None and state.draft.is_users
    writer, shape, count = st.columns([3, 4, 5])
    with writer:
        writer_field("generate", runtime.tools.writers)
    with shape:
        shape_field("generate", spec)
    with count:
        count_field("generate")
    seed_field("generate")
    more_settings("generate", spec, runtime)

    with st.container(horizontal=True, gap="small"):
        generate = st.button(
            "Generate from this JSON" if from_json else "Generate",
            type="primary",
            icon=":material/brush:",
            shortcut="Ctrl+Enter",
            disabled=working,
        )
        write_only = st.button("Write the prompt only", disabled=working)
        if state.draft is None and st.button("Start from JSON", type="tertiary", icon=":material/data_object:"):
            state.begin('{\n  "short_description": ""\n}')
            st.rerun()
        two_writers_button(disabled=working)
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        typed = show_typed_words(words, spec, offer=True)
        wildcards = show_wildcards(typed.words, from_json=from_json)

    if (looks_like_json(words) or holds_caption(words)) and (generate or write_only):  # JSON pasted where the words go
        state.paste(words)
        fill_field("generate", "words", "")
        st.rerun()
    with st.container(), errors_shown():  # always there, so that an error does not move the editor below it
        if generate or write_only:
            place(runtime, state, generate_order(state, words, paint=generate))
    with st.container():  # under the buttons: on a phone, what stands below the editor is out of sight
        if state.shown_id is None:
            show_outcome(runtime.desk, state, batch)

    if state.draft is not None:
        show_model_limits(spec, state.draft)
        json_editor(state, key="generate", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
        if from_json and words and not wildcards.found and state.draft.words != typed.words:
            st.caption(
                ":material/info: This JSON is yours and is painted as it is: the words above wait. “Write the prompt "
                "only” writes it anew from them."
            )
        for note in state.draft.notes:
            st.caption(f":material/info: {plain(note)}")
    elif working:
        st.subheader("Prompt", anchor=False)
        st.skeleton(height=240)

with result:
    painted = pictures_of(runtime, batch)
    shown = shown_picture(runtime, state, painted)
    with st.container():
        chosen = find_picture(runtime, state.shown_id)
        painted_batch = batch if batch is not None and batch.pictures else None
        if painted_batch is not None or shown is not None:
            own = painted_batch is not None and shown is not None and shown.id in painted_batch.generation_ids
            event = stage(
                key="generate_stage",
                batch=painted_batch,
                picture=chosen if painted_batch is not None else shown,
                before=None if own else shown,
            )
            if event is not None:
                state.shown_id = event.id if event.kind == "chosen" else None
                st.rerun()
        if shown is not None and not (working and chosen is None):
            st.caption(facts(shown))
            action = picture_actions(runtime, shown, key="generate")
            with errors_shown():
                if action == "refine":
                    start_refine(shown)
                elif action == "inspire":
                    start_inspire(runtime, shown)
                elif action == "new_seed":
                    place(runtime, state, new_seed("generate", shown, spec))
        elif painted_batch is None:
            example = example_cards(key="examples")
            if example is not None:
                fill_field("generate", "words", example.words)
                fill_field("generate", "seed", str(example.seed))
                st.rerun()

    if batch is not None and (len(painted) > 1 or (working and painted)):
        st.caption(f"This batch, {len(painted)} of {batch.pictures}")
        opened = picture_strip(painted, key="generate_batch", current=shown.id if shown else None)
        if opened is not None:
            state.shown_id = opened
            st.rerun()
    latest = history.page(HistoryQuery(), limit=12).items
    if latest:
        st.caption("Last painted")
        opened = picture_strip(latest, key="generate_latest", current=shown.id if shown else None)
        if opened is not None:
            state.shown_id = opened
            st.rerun()
