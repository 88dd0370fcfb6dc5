"""Refine: a conversation with one picture. Say what should change; the result is the source of the next words."""

from dataclasses import replace
from functools import partial

import streamlit as st

from fibo_core.prompts.change_words import changes_line
from fibo_core.prompts.structured_prompt import diff
from fibo_core.work.orders import Order
from studio.runtime import get_runtime
from studio.ui.components.changes import changes
from studio.ui.components.form import model_of_form, more_settings, seed_field, shape_field, writer_field
from studio.ui.components.job_panel import show_outcome
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.lock_tree import lock_tree
from studio.ui.components.mending import say_what_was_done
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.refinement import (
    NOTHING_CHANGED,
    all_words,
    changes_nothing,
    follow_words,
    instruction_base,
    pending,
    refine_order,
    review_of,
    review_switches,
)
from studio.ui.components.result import facts, picture_actions
from studio.ui.components.sources import another_source, choose_source, discard, follow_source, go_on_from, is_changed
from studio.ui.components.stage import stage
from studio.ui.components.thread import steps_to, thread
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.workbench import folded_on_phone, workbench
from studio.ui.session import errors_shown, find_picture, follow_batch, new_seed, place, start_inspire
from studio.ui.state import field_key, field_value, page_state
from studio.ui.words import plain

OPEN_CHANGES = 3  #: that many are shown at once; more are one press away

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("refine")
sync_draft(state, key="refine")
batch = follow_batch(runtime, state, "refine")
with errors_shown():
    follow_source(runtime, state, batch)
batch = batch if state.batch_id is not None else None  # another source has nothing to do with it
follow_words(state, batch)
working = batch is not None and not batch.ended
spec = model_of_form("refine", runtime)

if state.source is None or state.draft is None:
    st.caption("Choose what to refine: a picture painted here, a PNG or JSON of the studio's, or a prompt of yours.")
    choose_source(runtime, state)
    st.stop()

source = find_picture(runtime, state.source_id)
parent = find_picture(runtime, None if source is None else source.parent_id)
painting = batch is not None and working and batch.order.paint
reviewing = is_changed(state) and not painting


def carry_out(order: Order) -> None:
    """Places the order; one that would change nothing waits for a yes."""
    state.asks = order if changes_nothing(state, order) else None
    if state.asks is None:
        state.said = "" if order.written is not None or order.source == state.source else all_words(state)
        place(runtime, state, order)


form, result = workbench()

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption("From a picture" if source else "From a prompt of yours")
        if st.button("Another source", type="tertiary", icon=":material/swap_horiz:"):
            another_source(state)
            st.rerun()
    steps, onward = steps_to(history, source) if source is not None else ([], [])
    taken = thread(steps, pending(state, batch), onward=onward, key="refine_thread")
    if taken is not None and taken != state.source_id:
        go_on_from(taken)
    if source is None and state.source_mended is not None:
        say_what_was_done(state.source_mended, "refine", spec)

    words = st.text_input(
        "What should change next?" if parent is not None else "What should change?",
        key=field_key("refine", "words"),
        persist_state="session",
        placeholder="make the ball green",
    )
    words = (words or "").strip()
    same_seed = state.source_request is not None and field_value("refine", "seed") == str(state.source_request.seed)
    paint_label = "Paint with the same seed" if same_seed else "Paint"
    with st.container(horizontal=True, gap="small"):
        paint = st.button(
            "Paint these changes" if reviewing and not words else paint_label,
            key="refine_paint",
            type="primary",
            icon=":material/brush:",
            shortcut="Ctrl+Enter",
        )
        show_changes = st.button("Show the changes", key="refine_show")
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        typed = show_typed_words(words, spec)
    with st.container(), errors_shown():  # always there, so that an error does not move the editor below it
        if paint or show_changes:
            carry_out(refine_order(state, source, typed.words, spec, paint=paint))
        if state.asks is not None and (reviewing or words):
            state.asks = None  # there is something to change by now
        if state.asks is not None:
            st.info(
                "Nothing would change. Say what should change, edit the prompt, or choose another seed.",
                icon=":material/help:",
            )
            if st.button("Paint again anyway", key="refine_again"):
                order, state.asks = state.asks, None
                place(runtime, state, order)
        elif batch is not None and batch.current.error_kind == NOTHING_CHANGED and not batch.generation_ids:
            st.info(plain(batch.current.error or ""), icon=":material/help:")
            if st.button("Paint again anyway", key="refine_again"):
                place(runtime, state, replace(batch.order, written=batch.current.written))
        else:
            show_outcome(runtime.desk, state, batch)

    base = instruction_base(state)
    with st.container():
        if not painting and review_of(state, base):
            discard(runtime, state)
            st.rerun()

    review_switches(state, picture=source is not None)
    writer, seed = st.columns([3, 5])
    with writer:
        writer_field("refine", runtime.tools.writers)
    with seed:
        seed_field("refine")
    if state.source_request is None:
        shape_field("refine", spec)
        more_settings("refine", spec, runtime)
    with folded_on_phone("Prompt", key="refine_prompt"):
        show_model_limits(spec, state.draft)
        json_editor(state, key="refine", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
        with st.expander("Keep as it is", type="compact", icon=":material/lock:"):
            st.caption(
                "What you tick is put back after the writer has answered, whatever it said. Your own edits are free."
            )
            state.locked = lock_tree(base, state.locked, of=state.source, key="refine_locks")

with result:
    at_work = batch is not None and bool(batch.pictures) and (working or state.source_id in batch.generation_ids)
    if source is not None or at_work:
        seen = stage(
            key="refine_stage",
            batch=batch if at_work else None,
            picture=None if at_work else source,
            before=source if working else parent,
        )
        if seen is not None and seen.kind == "ended":
            st.rerun()
    if source is not None and not working:
        st.caption(facts(source))
        if parent is not None:
            made = diff(parent.prompt, source.prompt)
            with st.expander(changes_line(made), expanded=len(made) <= OPEN_CHANGES, type="compact"):
                changes(made, key="refine_made")
        action = picture_actions(runtime, source, key="refine", offered=("inspire", "new_seed"))
        with errors_shown():
            if action == "inspire":
                start_inspire(runtime, source)
            elif action == "new_seed":
                order, root = new_seed("refine", source, spec), parent or source
                place(runtime, state, replace(order, source=root.prompt, source_id=root.id))
