"""Generate: from a few words, or from JSON, to pictures."""

from functools import partial

import streamlit as st

from fibo_core.engine.models import find_model
from fibo_core.errors import InputError
from fibo_core.store.history import HistoryQuery
from fibo_core.tasks import GenerateTask, Painting
from studio.components.examples import example_cards
from studio.components.form import (
    count_field,
    more_settings,
    read_painting,
    seed_field,
    shape_field,
    writer_field,
)
from studio.components.job_panel import live_picture, say_how_it_ended
from studio.components.json_editor import json_editor, take_edits
from studio.components.result import picture_actions, picture_strip, show_picture
from studio.runtime import get_runtime
from studio.session import (
    attach_job,
    errors_shown,
    new_seed,
    pictures_of,
    prompt_to_paint,
    shown_picture,
    start_inspire,
    start_refine,
    submit,
    written_of,
)
from studio.state import field_key, field_value, fill_field, page_state
from studio.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("generate")
take_edits(state, key="generate")
spec = find_model(engine.status().model)
job = attach_job(runtime, state, "generate")
working = job is not None and not job.ended

form, result = st.columns([5, 6], gap="large")

with form:
    words = st.text_area(
        "What should it show?",
        key=field_key("generate", "words"),
        persist_state="session",
        placeholder="a red ball on the left and a blue star on the right",
        height=90,
    )
    words = (words or "").strip()
    writer, shape, count = st.columns([3, 4, 5])
    with writer:
        writer_field("generate", runtime.tools.writers)
    with shape:
        shape_field("generate", spec)
    with count:
        count_field("generate")
    seed_field("generate")
    more_settings("generate", spec)

    from_json = state.draft is not None and state.draft.is_users
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

    if words.startswith("{") and (generate or write_only):  # JSON pasted where the words go
        state.begin(words)
        fill_field("generate", "words", "")
        st.rerun()
    with st.container(), errors_shown():  # always there, so that an error does not move the editor below it
        if generate or write_only:
            painting = read_painting("generate", spec)
            written = None if write_only else prompt_to_paint(state, words)
            if written is None and not words:
                raise InputError("Say in a few words what the picture should show, or start from JSON.")
            if write_only:
                painting = Painting(painting.settings)
            writer_name = field_value("generate", "writer", "auto")
            submit(runtime, state, GenerateTask(words, painting, writer_name, written))

    if state.draft is not None:
        st.subheader("Prompt", anchor=False)
        json_editor(state, key="generate", count_tokens=partial(engine.count_tokens, spec.name))
        if from_json and words and state.draft.words not in ("", words):
            st.caption("The words have changed since this JSON was written. “Write the prompt only” writes it anew.")
        for note in state.draft.notes:
            st.caption(f":material/info: {plain(note)}")
    elif working:
        st.subheader("Prompt", anchor=False)
        st.skeleton(height=240)

with result:
    painted = pictures_of(runtime, job)
    shown = shown_picture(runtime, state)
    with st.container():
        if state.shown_id is None:
            say_how_it_ended(runtime.jobs, state, job)
        if job is not None and working and state.shown_id is None and job.task.painting.seeds:
            live_picture(runtime.jobs, job.id)
        elif shown is not None:
            show_picture(shown, key="generate")
            action = picture_actions(runtime, shown, key="generate")
            with errors_shown():
                if action == "refine":
                    start_refine(shown)
                elif action == "inspire":
                    start_inspire(runtime, shown)
                elif action == "new_seed":
                    painting = new_seed("generate", shown, spec)
                    submit(runtime, state, GenerateTask(shown.words, painting, written=written_of(shown)))
        else:
            example = example_cards(key="examples")
            if example is not None:
                fill_field("generate", "words", example.words)
                fill_field("generate", "seed", str(example.seed))
                st.rerun()

    if len(painted) > 1 or (working and painted):
        st.caption(f"This batch, {len(painted)} of {len(job.task.painting.seeds) if job else 0}")
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
