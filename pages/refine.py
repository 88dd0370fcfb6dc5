"""Refine: a conversation with one picture. Say what should change; the result is the source of the next words."""

from dataclasses import replace
from functools import partial

import streamlit as st

from fibo_core.prompts.mend import says_something
from fibo_core.prompts.words import read_words
from studio.runtime import get_runtime
from studio.ui.components.changes import what_changed
from studio.ui.components.form import model_of_form, seed_field, settings_row, source_loras_field, writer_field
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.lock_tree import lock_tree
from studio.ui.components.mending import say_what_was_done
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.outcome import show_outcome
from studio.ui.components.press_bar import Press, PressButton, press_bar, presses_of
from studio.ui.components.refinement import (
    asks_first,
    pending,
    review_of,
    review_switches,
    show_refusal,
    words_left_out,
)
from studio.ui.components.result import facts, picture_actions
from studio.ui.components.source_stage import source_stage
from studio.ui.components.sources import choose_source
from studio.ui.components.thread import steps_to, thread
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.unfit import show_unfit
from studio.ui.components.vary import open_vary, vary_button
from studio.ui.components.workbench import folded_on_phone, workbench
from studio.ui.conversation import (
    another_source,
    discard,
    example_of,
    follow_source,
    go_on_from,
    has_left_batch,
    has_sources_seed,
    instruction_base,
    is_changed,
    refine_order,
)
from studio.ui.deleting import delete_picture, deleted_line
from studio.ui.instructions import carry as carry_instruction
from studio.ui.instructions import follow_instructions, withdraw
from studio.ui.loras import settle_loras
from studio.ui.session import (
    carry_out,
    errors_shown,
    find_picture,
    follow_batch,
    new_seed,
    place,
    start_edit,
    start_inspire,
)
from studio.ui.state import field_key, page_state
from studio.ui.words import showable

NO_PROMPT = "This picture has no prompt: Inspire describes it, Edit changes a part of it."

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("refine")
sync_draft(state, key="refine")
batch = None if has_left_batch(state) else follow_batch(runtime, state, "refine")
with errors_shown():
    follow_source(runtime, state, batch)
batch = batch if state.batch_id is not None else None  # another source has nothing to do with it
follow_instructions(state, batch, presses_of("refine"))
with st.container():
    if (brought_back := deleted_line(runtime, state, "refine")) is not None:
        go_on_from(brought_back.id)
spec = model_of_form("refine", runtime)

if state.source is None or state.draft is None:
    st.caption("Choose what to refine: a picture painted here, a PNG or JSON of the studio's, or a prompt of yours.")
    choose_source(runtime, state)
    st.stop()

source = find_picture(runtime, state.source_id)
parent = find_picture(runtime, None if source is None else source.parent_id)
if source is not None and not says_something(state.source):
    show_unfit(runtime, state, "refine", source, batch, NO_PROMPT, ("inspire", "edit"))
    st.stop()
painting = batch is not None and not batch.ended and batch.order.paint
reviewing = is_changed(state) and not painting


def carry(press: Press) -> None:
    """What a press asks for: of the words and the JSON as they stood at that moment."""
    state.take_typed(press.text, press.revision)
    said = replace(press, words=read_words(words if press.words is None else press.words).words)
    carry_instruction(
        runtime, state, batch, said, lambda words, paint: refine_order(state, source, words, spec, paint=paint)
    )


form, result = workbench()

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption("From a picture" if source else "From a prompt of yours")
        if st.button("Another source", type="tertiary", icon=":material/swap_horiz:"):
            another_source(state)
            st.rerun()
    steps, onward = steps_to(history, source) if source is not None else ([], [])
    taken = thread(steps, pending(state, batch), onward=onward, key="refine_thread")
    if taken.picture not in (None, state.source_id):
        go_on_from(str(taken.picture))
    if taken.back is not None:
        withdraw(state, taken.back)
        st.rerun()
    if source is None and state.source_mended is not None:
        say_what_was_done(state.source_mended, "refine", spec)

    words = st.text_input(
        "What should change?",
        key=field_key("refine", "words"),
        persist_state="session",
        placeholder=showable(example_of(state.source)),
    )
    words = (words or "").strip()
    paint = "Paint with the same seed" if has_sources_seed(state) else "Paint"
    presses = press_bar(
        "refine",
        [
            PressButton("paint", "Paint these changes" if reviewing and not words else paint),
            PressButton("show", "Show the changes", "Writes the changed prompt and paints nothing"),
        ],
        clears=True,
    )
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        show_typed_words(words, spec)
    carry_out(state, presses, carry)
    asked = asks_first(runtime, state, batch, said=bool(words) or reviewing)

    base = instruction_base(state)
    with st.container():
        if not painting and review_of(state, base, notes=asked is None):
            discard(runtime, state)
            st.rerun()

    settle_loras(state, "refine", spec)
    if state.source_request is None:
        settings_row("refine", spec, runtime)
    else:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="refine_settings"):
            with st.container(width=140):
                writer_field("refine", runtime.tools.writers)
            seed_field("refine")
        source_loras_field(state, "refine", spec, runtime)
    review_switches(state, picture=source is not None)
    vary_button(state, "refine", spec)
    with folded_on_phone("Prompt", key="refine_prompt"):
        show_model_limits(spec, state.draft)
        json_editor(
            state,
            key="refine",
            spec=spec,
            count_tokens=partial(engine.count_tokens, spec.name),
            locked=state.locked,
            on_lock=state.toggle_lock,
            on_line=partial(open_vary, "refine"),
        )
        with st.expander("Keep as it is", type="compact", icon=":material/lock:"):
            st.caption(
                "What you tick is put back after the writer has answered, whatever it said. Your own edits are free."
            )
            lock_tree(
                base,
                state.locked,
                of=state.source,
                key="refine_locks",
                on_change=state.lock,
                revision=state.locks_revision,
            )

    with st.container(key="refine_outcome"):  # last, and always in sight: what is said moves nothing
        words_left_out(state, presses)
        show_refusal(runtime, state, asked)
        if asked is None and not state.refused.sentences:
            show_outcome(runtime.desk, state, batch)

with result:
    if source_stage(state, "refine", source, parent, batch) and source is not None:
        st.caption(facts(source))
        if parent is not None:
            what_changed(parent, source, key="refine_made")
        action = picture_actions(runtime, source, key="refine", offered=("edit", "inspire", "new_seed", "delete"))
        with errors_shown():
            if action == "edit":
                start_edit(source)
            elif action == "inspire":
                start_inspire(runtime, source)
            elif action == "new_seed":
                order, root = new_seed("refine", source, spec), parent or source
                place(runtime, state, replace(order, source=root.prompt, source_id=root.id))
            elif action == "delete":
                delete_picture(runtime, state, "refine", source)
                if parent is not None:
                    go_on_from(parent.id)
                another_source(state)
                st.rerun()
