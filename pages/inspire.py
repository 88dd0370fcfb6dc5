"""Inspire: from pictures to a prompt that describes them, and from there to new pictures."""

from dataclasses import replace
from functools import partial

import streamlit as st

from fibo_core.limits import GIVEN_MAX
from fibo_core.prompts.mend import holds_caption
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.ui.components.below_stage import below_stage
from studio.ui.components.form import lock_seed_for_edits, model_of_form, settings_row
from studio.ui.components.given_pictures import address_of, begin_with, given_pictures, take_change
from studio.ui.components.grid import grid_actions
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.observations import show_observations
from studio.ui.components.outcome import show_outcome
from studio.ui.components.press_bar import Press, PressButton, press_bar
from studio.ui.components.refused import show_refused
from studio.ui.components.result import picture_strip
from studio.ui.components.stage import stage
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.vary import vary_button
from studio.ui.components.viewing import viewing_line
from studio.ui.components.workbench import folded_on_phone, workbench
from studio.ui.deleting import deleted_line
from studio.ui.session import (
    carry_out,
    errors_shown,
    find_picture,
    follow_batch,
    pictures_of,
    place_once,
    prompt_to_paint,
    read_order,
    shown_picture,
)
from studio.ui.state import field_key, field_value, fill_field, page_state
from studio.ui.viewing import back_to_draft, view_address, view_picture
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("inspire")
take_change(runtime, state)
sync_draft(state, key="inspire")
batch = follow_batch(runtime, state, "inspire")
working = batch is not None and not batch.ended
spec = model_of_form("inspire", runtime)
view_address(runtime, state, "inspire", spec)
lock_seed_for_edits(state, "inspire")


def carry(press: Press) -> None:
    """What a press asks for: of the hint and the JSON as they stood at that moment."""
    state.take_typed(press.text, press.revision)
    hint = (words if press.words is None else press.words).strip()
    if hint and hint == state.pasted:
        return  # it has just gone into the editor, and has not been looked at
    if holds_caption(hint):
        take_json_from_hint(hint)
        return
    paint = press.action == "paint"
    written = prompt_to_paint(state, hint)[0] if paint else None
    order = replace(read_order("inspire"), pictures=state.pictures, source_id=state.source_id)
    place_once(runtime, state, replace(order, words=hint, written=written, paint=paint))


def take_json_from_hint(text: str) -> None:
    """JSON pasted where the hint goes becomes the prompt, mended."""
    state.paste(text)
    fill_field("inspire", "words", "")


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
    own_json = state.draft is not None and state.draft.is_users
    describe = PressButton("describe", "Describe", "Writes the prompt and paints nothing")
    paint = PressButton("paint", "Paint this JSON" if own_json else "Paint")
    # Ctrl+Enter presses the first: what it shows is painted, and no writer replaces what the user wrote unasked.
    presses = press_bar("inspire", [paint, describe] if own_json else [describe, paint])
    settings_row("inspire", spec, runtime)
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        show_typed_words(words, spec)

    carry_out(state, presses, carry)
    if holds_caption(words):
        take_json_from_hint(words)
        st.rerun()
    if state.draft is not None:
        vary_button(state, "inspire", spec)
        show_observations(state.draft)
        with folded_on_phone("Prompt", key="inspire_prompt"):
            show_model_limits(spec, state.draft)
            json_editor(state, key="inspire", spec=spec, count_tokens=partial(engine.count_tokens, spec.name))
            for note in state.draft.notes:
                st.caption(f":material/info: {plain(note)}")
    elif working:
        st.skeleton(height=240)
    elif state.pictures:
        st.caption("“Describe” writes a prompt from what you gave. You can change it before anything is painted.")

    with st.container(key="inspire_outcome"):  # last, and always in sight: what is said moves nothing
        show_refused(runtime, state, "inspire", spec)
        if state.shown_id is None:
            show_outcome(runtime.desk, state, batch)

with result:
    painted = pictures_of(runtime, batch)
    viewed, shown = find_picture(runtime, state.shown_id), shown_picture(runtime, state, painted)
    painting = batch if batch is not None and batch.pictures else None
    chosen = None
    with st.container():  # a phone has what stands here above the form
        if state.pictures or painting is not None:
            event = stage(
                key="inspire_stage",
                batch=painting,
                picture=shown if painting is None else viewed,
                before=address_of(state.pictures[0]) if state.pictures else None,
                shape=spec.shapes[field_value("inspire", "aspect", next(iter(spec.shapes)))],
            )
            if event is not None:
                if event.kind == "chosen":
                    chosen = event.id
                elif event.kind == "grid":
                    back_to_draft(state, "inspire")
                    st.rerun()
                else:
                    st.rerun()
    grid = painting is not None and painting.pictures > 1 and viewed is None
    with st.container():
        if painting is not None and (viewed is None or viewed.id in painting.generation_ids):
            grid_actions("inspire", painting)
    with st.container():
        if grid:
            if painted and not working:
                st.caption("Open a picture to see what made it, and to go on from it.")
            viewing_line(state, "inspire", None)
        elif shown is not None and (viewed is not None or not working):
            begins = partial(replace, pictures=state.pictures, source_id=state.source_id)
            below_stage(runtime, state, "inspire", shown, spec, begins=begins)
    with st.container():
        if (back := deleted_line(runtime, state, "inspire")) is not None:
            if back.viewed and (picture := find_picture(runtime, back.id)) is not None:
                view_picture(state, "inspire", picture, spec)
            st.rerun()
    picture = find_picture(runtime, chosen)
    if picture is not None:
        view_picture(state, "inspire", picture, spec)
        st.rerun()

    latest = history.page(HistoryQuery(), limit=24).items if len(state.pictures) < GIVEN_MAX else ()
    if latest:
        with st.container(key="inspire_latest"):
            st.caption("Add one of yours" if state.pictures else "Or begin with one of yours")
            picked = find_picture(runtime, picture_strip(latest, key="inspire_history", current=None))
        if picked is not None:
            with errors_shown():
                path = str(history.relative(history.image_file(picked.id)))
                begin_with(runtime, state, (*(each for each in state.pictures if each != path), path))
                st.rerun()
