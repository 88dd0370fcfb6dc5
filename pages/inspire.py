"""Inspire: from a picture to a prompt that describes it, and from there to pictures."""

from functools import partial

import streamlit as st

from fibo_core.models.catalogue import find_model
from fibo_core.prompts.mend import holds_caption
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import open_picture
from fibo_core.store.uploads import keep_upload
from fibo_core.work.tasks import InspireTask, Painting
from studio.runtime import get_runtime
from studio.ui.components.beyond import say_what_is_beyond
from studio.ui.components.form import (
    count_field,
    more_settings,
    read_painting,
    seed_field,
    shape_field,
    writer_field,
)
from studio.ui.components.job_panel import live_picture, say_how_it_ended
from studio.ui.components.json_editor import json_editor, take_edits
from studio.ui.components.result import picture_actions, picture_strip, show_picture
from studio.ui.components.seen import what_was_seen
from studio.ui.session import (
    attach_job,
    errors_shown,
    find_picture,
    new_seed,
    pictures_of,
    prompt_to_paint,
    shown_picture,
    start_inspire,
    start_refine,
    submit,
    written_of,
)
from studio.ui.state import field_key, field_value, fill_field, page_state
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("inspire")
take_edits(state, key="inspire")
spec = find_model(engine.status().model)
job = attach_job(runtime, state, "inspire")
working = job is not None and not job.ended

if state.picture is None:
    st.caption("Give it a picture: it is described as a prompt, which you can change and paint.")
    upload = st.file_uploader(
        "A picture (PNG, JPEG or WebP)", type=["png", "jpg", "jpeg", "webp"], key="inspire_upload"
    )
    if upload is not None:
        with errors_shown():
            state.picture = keep_upload(runtime.settings.cache_dir, upload.getvalue())
            fill_field("inspire", "aspect", spec.nearest_aspect(*open_picture(state.picture).size))
            st.rerun()
    latest = history.page(HistoryQuery(), limit=24).items
    if latest:
        st.subheader("From History", anchor=False)
        chosen = find_picture(runtime, picture_strip(latest, key="inspire_history", current=None))
        if chosen is not None:
            start_inspire(runtime, chosen)
    st.stop()

kept = history.relative(state.picture)
form, result = st.columns([5, 6], gap="large")

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption("The picture to begin with")
        if st.button("Another picture", type="tertiary", icon=":material/swap_horiz:"):
            state.forget()
            st.query_params.pop("job", None)
            st.rerun()
    with errors_shown():
        st.image(open_picture(state.picture), width=260, alt="The picture to begin with")

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
    more_settings("inspire", spec)

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
    with st.container(), errors_shown():
        if paint or describe:
            painting = read_painting("inspire", spec)
            written = None if describe else prompt_to_paint(state, words)
            if describe:
                painting = Painting(painting.settings)
            writer_name = field_value("inspire", "writer", "auto")
            task = InspireTask(words, kept, painting, writer_name, written, source_id=state.source_id)
            submit(runtime, state, task)

with result:
    painted = pictures_of(runtime, job)
    shown = shown_picture(runtime, state)
    with st.container():  # whatever stands here, the editor below stays where it is
        say_how_it_ended(runtime.jobs, state, job)
        if job is not None and working and job.task.painting.seeds:
            live_picture(runtime.jobs, job.id)
        elif shown is not None:
            show_picture(shown, key="inspire")
            action = picture_actions(runtime, shown, key="inspire")
            with errors_shown():
                if action == "refine":
                    start_refine(shown)
                elif action == "inspire":
                    start_inspire(runtime, shown)
                elif action == "new_seed":
                    painting, written = new_seed("inspire", shown, spec), written_of(shown)
                    task = InspireTask(shown.words, kept, painting, written=written, source_id=state.source_id)
                    submit(runtime, state, task)
        if len(painted) > 1:
            opened = picture_strip(painted, key="inspire_batch", current=shown.id if shown else None)
            if opened is not None:
                state.shown_id = opened
                st.rerun()

    if state.draft is not None:
        what_was_seen(state.draft)
        say_what_is_beyond(spec, state.draft)
        json_editor(state, key="inspire", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
        for note in state.draft.notes:
            st.caption(f":material/info: {plain(note)}")
    elif working:
        st.skeleton(height=240)
    else:
        st.caption("“Describe it” writes a prompt from the picture. You can change it before anything is painted.")
