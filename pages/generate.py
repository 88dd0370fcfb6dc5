"""Generate: from a few words, or from JSON, to pictures."""

from functools import partial

import streamlit as st

from fibo_core.prompts.mend import holds_caption
from fibo_core.prompts.wildcards import looks_like_json
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.ui.components.below_stage import below_stage
from studio.ui.components.examples import example_cards, take_example
from studio.ui.components.form import lock_seed_for_edits, model_of_form, settings_row
from studio.ui.components.grid import grid_actions
from studio.ui.components.json_editor import json_editor, sync_draft
from studio.ui.components.model_limits import show_model_limits
from studio.ui.components.outcome import show_outcome
from studio.ui.components.press_bar import Press, PressButton, press_bar
from studio.ui.components.refused import show_refused
from studio.ui.components.result import picture_strip
from studio.ui.components.stage import stage
from studio.ui.components.two_prompts import two_writers, two_writers_button, two_writers_open
from studio.ui.components.typed_words import show_typed_words
from studio.ui.components.vary import open_vary, vary_button
from studio.ui.components.viewing import batch_line, viewing_line
from studio.ui.components.wildcards import show_wildcards
from studio.ui.components.workbench import folded_on_phone, workbench
from studio.ui.deleting import deleted_line
from studio.ui.session import (
    carry_out,
    find_picture,
    follow_batch,
    generate_order,
    picture_before,
    pictures_of,
    place_once,
    shown_picture,
)
from studio.ui.state import deleted_on, field_key, field_value, fill_field, page_state
from studio.ui.viewing import back_to_draft, view_address, view_picture
from studio.ui.words import plain

runtime = get_runtime()
history, engine = runtime.tools.history, runtime.tools.engine
state = page_state("generate")
sync_draft(state, key="generate")
batch = follow_batch(runtime, state, "generate")
working = batch is not None and not batch.ended
spec = model_of_form("generate", runtime)
view_address(runtime, state, "generate", spec)
lock_seed_for_edits(state, "generate")

if two_writers_open():
    two_writers(runtime, state, spec)
    st.stop()


def is_json(text: str) -> bool:
    return looks_like_json(text) or holds_caption(text)


def take_json_from_words(text: str) -> None:
    """JSON pasted where the words go becomes the prompt, mended."""
    state.paste(text)
    fill_field("generate", "words", "")


def carry(press: Press) -> None:
    """What a press asks for: of the words and the JSON as they stood at that moment."""
    state.take_typed(press.text, press.revision)
    text = (words if press.words is None else press.words).strip()
    if text and text == state.pasted:
        return  # it has just gone into the editor, and has not been looked at
    if is_json(text):
        take_json_from_words(text)
    else:
        place_once(runtime, state, generate_order(state, text, paint=press.action == "paint"))


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
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        paint = "Generate from this JSON" if from_json else "Generate"
        presses = press_bar(
            "generate",
            [PressButton("paint", paint), PressButton("write", "Prompt only", "Writes the prompt and paints nothing")],
        )
        if state.draft is None and st.button(
            "Start from JSON", key="generate_from_json", type="tertiary", icon=":material/data_object:"
        ):
            state.begin('{\n  "short_description": ""\n}')
            st.rerun()
        two_writers_button(runtime.tools.writers)
        vary_button(state, "generate", spec)
    with folded_on_phone("Settings", key="generate_settings"):
        settings_row("generate", spec, runtime)
    with st.container():  # under the buttons: it comes when the words lose the focus, and must move none of them
        typed = show_typed_words(words, spec, offer=True)
        wildcards = show_wildcards(typed.words, from_json=from_json)
        own_json = state.draft is not None and state.draft.is_users and state.draft.words != typed.words
        if own_json and words and not wildcards.found:
            st.caption(
                ":material/info: The JSON below is yours and is painted as it is: these words wait. “Prompt only” "
                "writes it anew from them."
            )

    carry_out(state, presses, carry)
    if is_json(words):
        take_json_from_words(words)
        st.rerun()
    if state.draft is not None:
        show_model_limits(spec, state.draft)
        with folded_on_phone("Prompt", key="generate_prompt", opened=from_json):
            json_editor(
                state,
                key="generate",
                spec=spec,
                count_tokens=partial(engine.count_tokens, spec.name),
                on_line=partial(open_vary, "generate"),
            )
            for note in state.draft.notes:
                st.caption(f":material/info: {plain(note)}")
    elif working:
        st.subheader("Prompt", anchor=False)
        st.skeleton(height=240)

    with st.container(key="generate_outcome"):  # last, and always in sight: what is said moves nothing
        show_refused(runtime, state, "generate", spec)
        if state.shown_id is None:
            show_outcome(runtime.desk, state, batch)

with result:
    painted = pictures_of(runtime, batch)
    viewed, shown = find_picture(runtime, state.shown_id), shown_picture(runtime, state, painted)
    painting = batch if batch is not None and batch.pictures else None
    latest = history.page(HistoryQuery(), limit=12).items
    chosen = None
    with st.container(key="generate_stage_place"):  # always: a phone has it above the form before anything is painted
        own = painting is not None and shown is not None and shown.id in painting.generation_ids
        to_come = working and viewed is None and not own  # what is shown is beneath what is being painted
        event = stage(
            key="generate_stage",
            batch=painting,
            picture=shown if painting is None else viewed,
            before=None if to_come else picture_before(runtime, state, shown, painting),
            beneath=None if own or (painting is None and shown is None) else shown or next(iter(latest), None),
            neighbours=latest,
            shape=spec.shapes[field_value("generate", "aspect", next(iter(spec.shapes)))],
        )
        if event is not None:
            if event.kind == "chosen":
                chosen = event.id
            elif event.kind == "grid":
                back_to_draft(state, "generate")
                st.rerun()
            else:
                st.rerun()
    with st.container():
        if painting is not None and (viewed is None or viewed.id in painting.generation_ids):
            grid_actions("generate", painting)
    with st.container():
        if painting is not None and painting.pictures > 1 and viewed is None:  # none of the grid is chosen
            if painted and not working:
                st.caption("Open a picture to see what made it, and to go on from it.")
                batch_line(state, "generate", painting, painted)
            viewing_line(state, "generate", None)
        elif shown is not None and (viewed is not None or not working):
            below_stage(runtime, state, "generate", shown, spec)
        elif painting is None and shown is None and deleted_on("generate") is None:
            example = example_cards(key="examples")
            if example is not None:
                take_example(example)
                st.rerun()

    with st.container():
        if (back := deleted_line(runtime, state, "generate")) is not None:
            if back.viewed and (picture := find_picture(runtime, back.id)) is not None:
                view_picture(state, "generate", picture, spec)
            st.rerun()
    if latest:
        st.caption("Last painted")
        chosen = picture_strip(latest, key="generate_latest", current=shown.id if shown else None) or chosen
    picture = find_picture(runtime, chosen)
    if picture is not None:
        view_picture(state, "generate", picture, spec)
        st.rerun()
