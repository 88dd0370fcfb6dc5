"""Refine: change one thing in a picture's prompt, see the difference, paint it again with the same seed."""

from dataclasses import replace
from functools import partial

import streamlit as st

from studio.runtime import get_runtime
from studio.ui.components.form import model_of_form, more_settings, seed_field, shape_field, writer_field
from studio.ui.components.job_panel import live_picture, show_outcome
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.lock_tree import lock_tree
from studio.ui.components.mending import say_what_was_done
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.picture import compare
from studio.ui.components.refinement import instruction_base, review_of, review_switches
from studio.ui.components.result import (
    facts,
    image_url,
    picture_actions,
    show_picture,
)
from studio.ui.components.sources import ancestor_row, choose_source
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
    read_order,
    refine_from,
    start_inspire,
)
from studio.ui.state import field_key, field_value, page_state

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("refine")
sync_draft(state, key="refine")
batch = follow_batch(runtime, state, "refine")
working = batch is not None and not batch.ended
spec = model_of_form("refine", runtime)

if state.source is None:
    st.caption("Choose what to refine: a picture painted here, a PNG or JSON of the studio's, or a prompt of yours.")
    choose_source(runtime, state)
    st.stop()

source_picture = find_picture(runtime, state.source_id)
base = instruction_base(state)


def refine(*, paint: bool, reviewed: bool) -> None:
    """Places what the form says: the draft as it was reviewed, or the instruction to the writer."""
    written = state.draft.parsed() if reviewed and state.draft is not None else None
    order = read_order("refine", settings=state.source_request is None)
    if state.source_request is not None:
        order = order.painted_like(state.source_request, spec)
    order = replace(
        order,
        words=words if written is None else state.draft.words,
        written=written,
        source=base if written is None else state.base or state.source,
        source_id=state.source_id,
        with_picture=source_picture is not None and field_value("refine", "with_picture", False),
        locked=state.locked,
        only_asked=field_value("refine", "only_asked", True),
        paint=paint,
    )
    place(runtime, state, order)


form, result = workbench()

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"From {facts(source_picture)}" if source_picture else "From a prompt of yours")
        if st.button("Another source", type="tertiary", icon=":material/swap_horiz:"):
            forget_batch(state)
            st.rerun()
    if source_picture is not None:
        ancestor_row(runtime, state, source_picture)
    elif state.source_mended is not None:
        say_what_was_done(state.source_mended, "refine", spec)

    words = st.text_input(
        "What should change?",
        key=field_key("refine", "words"),
        persist_state="session",
        placeholder="make the ball green",
    )
    words = (words or "").strip()
    with st.expander("Keep as it is", type="compact", icon=":material/lock:"):
        st.caption(
            "What you tick is put back after the writer has answered, whatever it said. Your own edits are free."
        )
        state.locked = lock_tree(base, state.locked, of=state.source, key="refine_locks")
    review_switches(state, picture=source_picture is not None)
    writer, seed = st.columns([3, 5])
    with writer:
        writer_field("refine", runtime.tools.writers)
    with seed:
        seed_field("refine")
    if state.source_request is None:
        shape_field("refine", spec)
        more_settings("refine", spec, runtime)

    same_seed = state.source_request is not None and field_value("refine", "seed") == str(state.source_request.seed)
    paint_label = "Paint with the same seed" if same_seed else "Paint"
    with st.container(horizontal=True, gap="small"):
        paint = st.button(
            paint_label,
            type="primary",
            icon=":material/brush:",
            shortcut="Ctrl+Enter",
            disabled=working,
        )
        show_changes = st.button("Show the changes", disabled=working)
    st.caption("A refinement paints a new picture from the changed prompt. With the same seed it stays close.")

    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        typed = show_typed_words(words, spec)
    with st.container(), errors_shown():  # always there, so that an error does not move the editor below it
        if paint or show_changes:
            known = state.draft is not None and typed.words in ("", state.draft.words)
            refine(paint=paint, reviewed=paint and known)
    with st.container():  # under the buttons: on a phone, what stands below the editor is out of sight
        show_outcome(runtime.desk, state, batch)

    if state.draft is None:
        if working:
            st.skeleton(height=240)
        elif st.button("Edit the JSON by hand", type="tertiary", icon=":material/data_object:"):
            state.begin(state.source.to_json())
            st.rerun()
    else:
        show_model_limits(spec, state.draft)
        json_editor(state, key="refine", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))

with result:
    painted = pictures_of(runtime, batch)
    after = painted[-1] if painted else None
    before_painting = st.container()  # what is reviewed stands first until it is painted
    if batch is not None and working and batch.pictures:
        live_picture(runtime.desk, batch.id)
    elif after is not None and source_picture is not None:
        same_size = (after.request.width, after.request.height) == (
            source_picture.request.width,
            source_picture.request.height,
        )
        view = st.segmented_control(
            "View", ["Slider", "Side by side"], default="Slider", required=True, label_visibility="collapsed",
            key="refine_view", persist_state="session",
        )  # fmt: skip
        if view == "Slider" and same_size:
            compare(
                image_url(source_picture.id), image_url(after.id), alt="The picture",
                width=after.request.width, height=after.request.height, key="refine_compare",
            )  # fmt: skip
            st.caption(facts(after))
        else:
            one, two = st.columns(2)
            with one:
                show_picture(source_picture, key="refine_before")
            with two:
                show_picture(after, key="refine_after")
    elif after is not None:
        show_picture(after, key="refine_after")
    elif source_picture is not None:
        show_picture(source_picture, key="refine_source")

    if after is not None and not working:
        action = picture_actions(runtime, after, key="refine")
        with errors_shown():
            if action == "refine":
                forget_batch(state)
                refine_from(state, after)
                st.rerun()
            elif action == "inspire":
                start_inspire(runtime, after)
            elif action == "new_seed":
                order = new_seed("refine", after, spec)
                place(runtime, state, replace(order, source=state.source, source_id=state.source_id))

    with st.container() if after is not None or working else before_painting:
        if state.draft is not None:
            accepted = review_of(state, base, paint_label=paint_label, working=working)
            with errors_shown():
                if accepted:
                    refine(paint=True, reviewed=True)
