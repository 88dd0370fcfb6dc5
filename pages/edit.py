"""Edit: mark a part of a picture and repaint that alone; the result is the source of the next edit."""

from functools import partial

import streamlit as st

from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import InputError
from fibo_core.prompts.words import read_words
from fibo_core.store.history import HistoryQuery
from fibo_core.work.edit_ways import not_local
from studio.runtime import get_runtime
from studio.ui.components.changes import what_changed
from studio.ui.components.edit_form import hints, in_page_words, own_edit_fields, source_gone, strength_field
from studio.ui.components.form import model_field, seed_field, source_loras_field, writer_field
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.outcome import show_outcome
from studio.ui.components.press_bar import Press, PressButton, press_bar
from studio.ui.components.refinement import asks_first, show_refusal
from studio.ui.components.result import facts, picture_actions, picture_strip
from studio.ui.components.source_stage import source_stage
from studio.ui.components.stage import Brush
from studio.ui.components.thread import steps_to, thread
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.unfit import show_unfit
from studio.ui.components.vary import open_vary, vary_button
from studio.ui.components.workbench import folded_on_phone, workbench
from studio.ui.conversation import another_source, example_of, go_on_from, has_left_batch
from studio.ui.deleting import delete_picture, deleted_line
from studio.ui.editing import (
    draft_or_source,
    edit_order,
    edits_by_instruction,
    find_change,
    follow_edit,
    follow_finding,
    left_behind_of,
    model_of_edit,
    place_edit,
    said_by_now,
    settle_strength,
    why_not_edited,
)
from studio.ui.marks import LOST, mark_of, outlines, take_mark
from studio.ui.navigation import HISTORY, go_to
from studio.ui.session import (
    carry_out,
    errors_shown,
    find_picture,
    follow_batch,
    start_inspire,
    start_refine,
)
from studio.ui.state import field_key, page_state
from studio.ui.words import plain, showable

MARK_IT = "Paint over what is to change"

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("edit")
sync_draft(state, key="edit")
batch = None if has_left_batch(state) else follow_batch(runtime, state, "edit")
finding = None
with errors_shown():
    follow_edit(runtime, state, batch)
    finding = follow_finding(runtime, state)
batch = batch if state.batch_id is not None else None  # another source has nothing to do with it
with st.container():
    if (brought_back := deleted_line(runtime, state, "edit")) is not None:
        go_on_from(brought_back.id)
newest = history.page(HistoryQuery(), limit=24)
latest, further = newest.items, newest.next_cursor

if state.source is None or state.draft is None:
    st.caption("Choose the picture that is to be edited.")
    if not latest:
        st.caption("Nothing is painted yet. Paint a picture on Generate, or bring one into History.")
    elif (opened := picture_strip(latest, key="edit_history", current=None)) is not None:
        go_on_from(opened)
    elif further is not None and st.button(
        "Older ones in History", key="edit_older", type="tertiary", icon=":material/photo_library:",
        help="Each picture there leads to Edit",
    ):  # fmt: skip
        go_to(HISTORY)
    st.stop()

source = find_picture(runtime, state.source_id)
if source is not None and (unfit := why_not_edited(source)):
    show_unfit(runtime, state, "edit", source, batch, unfit, ("refine", "inspire"))
    st.stop()
spec = model_of_edit(runtime, source)
parent = find_picture(runtime, None if source is None else source.parent_id)


def carry(press: Press) -> None:
    """What a press asks for: of the words, the JSON and the mark as they stood at that moment."""
    state.take_typed(press.text, press.revision)
    state.finding = None
    if press.mark == LOST:
        raise InputError("The mark has not reached the studio, so nothing was painted. Press again.")
    if press.mark is not None and state.source_id is not None:
        take_mark(state, state.source_id, press.mark)
    said = read_words(words if press.words is None else press.words).words
    order = edit_order(state, source, said, spec, takes=press.action == "paint")
    if press.action == "find" and source is not None:
        find_change(runtime, state, order, source, spec)
    else:
        place_edit(runtime, state, order)


form, result = workbench()

with form:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption("Edit this picture")
        if st.button("Another picture", type="tertiary", icon=":material/swap_horiz:"):
            another_source(state)
            st.rerun()
    steps, onward = steps_to(history, source) if source is not None else ([], [])
    taken = thread(steps, onward=onward, key="edit_thread")
    if taken.picture not in (None, state.source_id):
        go_on_from(str(taken.picture))

    mark = mark_of(state)
    words = st.text_input(
        "What should change?",
        key=field_key("edit", "words"),
        persist_state="session",
        placeholder=showable(example_of(state.source)),
    )
    words = (words or "").strip()
    said_by_now(state, words)
    own = edits_by_instruction(spec)
    primary = "Edit by instruction" if own else "Repaint the marked part" if mark else "Paint a variation"
    presses = press_bar(
        "edit",
        [
            PressButton("paint", primary),
            PressButton(
                "find", "Mark what changes", "Paints the change once as it comes, and marks where it differs: look at "
                "the mark, then repaint",
            ),
        ],
    )  # fmt: skip
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        show_typed_words(words, spec)
    settle_strength(state)
    hints(state, words, marked=bool(mark), own=own)
    if not own:
        strength_field(marked=bool(mark))
    own_edit_fields(runtime, state, spec)
    carry_out(state, presses, carry)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="edit_settings"):
        with st.container(width=140):
            writer_field("edit", runtime.tools.writers)
        seed_field("edit")
        with st.container(width=180):
            model_field("edit", runtime, spec)
    source_loras_field(state, "edit", spec, runtime)
    vary_button(state, "edit", spec)
    with folded_on_phone("Prompt", key="edit_prompt"):
        show_model_limits(spec, state.draft)
        json_editor(
            state,
            key="edit",
            spec=spec,
            count_tokens=partial(engine.count_tokens, spec.name),
            on_line=partial(open_vary, "edit"),
        )

    with st.container(key="edit_outcome"):  # last, and always in sight: what is said moves nothing
        asked = None if source is None else asks_first(runtime, state, batch, said=False)
        if source is None:
            source_gone(runtime, state)
        else:
            show_refusal(runtime, state, asked, "edit")
        if source is not None and asked is None and not state.refused.sentences:
            show_outcome(runtime.desk, state, batch if finding is None else finding)


with result:
    brush = None
    if source is not None:
        size = (source.request.width, source.request.height)
        objects = outlines(state.source, draft_or_source(state), size)
        brush = Brush(source, "edit", partial(take_mark, state), mark, state.mark_revision, objects, MARK_IT)
    at_work = finding if finding is not None and not finding.ended else batch
    if source_stage(state, "edit", source, parent, at_work, brush=brush) and source is not None:
        st.caption(facts(source))
        if lost := left_behind_of(runtime, source):
            st.caption(f":material/info: {lost}")
        if parent is not None:
            marked = isinstance(source.request, GenerationRequest) and source.request.edit is not None
            if marked and source.request.edit.mask and (said := not_local(parent.prompt, source.prompt)):
                st.caption(f":material/info: {plain(in_page_words(said))}")
            what_changed(parent, source, key="edit_made")
        action = picture_actions(runtime, source, key="edit", offered=("refine", "inspire", "delete"))
        with errors_shown():
            if action == "refine":
                start_refine(source)
            elif action == "inspire":
                start_inspire(runtime, source)
            elif action == "delete":
                delete_picture(runtime, state, "edit", source)
                if parent is not None:
                    go_on_from(parent.id)
                another_source(state)
                st.rerun()
