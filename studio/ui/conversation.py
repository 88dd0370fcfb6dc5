"""Refine as a conversation: what the source is, what a press asks for, and what becomes of the words and the seed.
Edit follows its source in the same way.

The page's address names the source (``?picture=``), so a reload, the browser's Back and a link have it too: whoever
takes another picture as the source puts it there and runs the page again. Once a batch has ended in a picture, that is
the source of the next instruction.
"""

from dataclasses import replace

import streamlit as st

from fibo_core.engine.request import DRAW
from fibo_core.errors import InputError, PromptError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.change_words import short_name
from fibo_core.prompts.locks import still_locked
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.idempotency import OnceKey
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.loras import wears_the_sources, with_loras
from studio.ui.session import find_picture, pictures_of, place_once, read_order, written_of
from studio.ui.state import PageState, Refused, field_key, field_value, joined
from studio.ui.viewing import ADDRESS


def follow_source(runtime: Runtime, state: PageState, batch: Batch | None, mode: Mode = "refine") -> None:
    """Brings the source up to date, before any widget is drawn: the result of the batch that has just ended, or the
    picture that the address names. Raises GenerationNotFound and GenerationDamaged for one that cannot be had; the
    page keeps its source then."""
    named, before = st.query_params.get(ADDRESS), state.source_id
    if state.source is None:  # a draft of before whose picture has no prompt
        named, before = named or state.source_id, None
        state.source_id = None
    _take_result(runtime, state, batch, mode)
    if named is not None and named not in (before, state.source_id):
        _name_in_address(state)
        take_source(state, runtime.tools.history.get(named), mode)
    _name_in_address(state)
    _open_draft(runtime, state)


def has_left_batch(state: PageState) -> bool:
    """Whether the page has left the batch that its address names beside the source, as after the browser's Back."""
    return state.source_id is not None and state.batch_id is None and st.query_params.get(ADDRESS) == state.source_id


def go_on_from(picture_id: str) -> None:
    """Takes a picture as the source: the page, run again, finds it in its address."""
    st.query_params.from_dict({ADDRESS: picture_id})  # at once: each change is a step of the browser's Back
    st.rerun()


def another_source(state: PageState) -> None:
    """Back to the choice of a source."""
    state.forget()
    st.query_params.clear()


def take_source(state: PageState, picture: Generation, mode: Mode = "refine") -> None:
    """Makes a picture the source: its prompt stands in the editor, its seed in the form unless another was typed.

    Words in the form stay; so do locks on what is the same in its prompt. Changes made by hand have their way back.
    """
    locked = still_locked(state.source, picture.prompt, state.locked) if state.source is not None else ()
    _take_seed(state, picture, mode)
    if not is_changed(state):
        state.draft = None  # nothing that anybody would want back
    state.forget()
    state.source, state.source_request, state.source_id = picture.prompt, picture.request, picture.id
    state.locked = locked


def _take_result(runtime: Runtime, state: PageState, batch: Batch | None, mode: Mode) -> None:
    """Once the page's batch has ended in a picture, that is the source of the next instruction; of a grid its user
    takes one."""
    if batch is None or not batch.ended or state.stepped == batch.id or batch.pictures > 1:
        return
    painted = pictures_of(runtime, batch)
    if not painted or state.source is None:
        return
    picture, state.stepped, state.refused, state.said = painted[-1], batch.id, Refused(), ""
    state.locked = still_locked(state.source, picture.prompt, state.locked)
    _take_seed(state, picture, mode)
    state.source, state.source_request, state.source_id = picture.prompt, picture.request, picture.id
    state.source_mended = None
    _name_in_address(state)
    if batch.order.written is not None:  # it was reviewed: what was left out of it is not offered again
        state.base = None
        if state.draft is not None and not is_changed(state):
            state.draft = replace(state.draft, written=replace(written_of(picture), edited=False), words="")


def _take_seed(state: PageState, picture: Generation, mode: Mode) -> None:
    """The picture's seed goes into the form, unless there is one that somebody typed."""
    former = None if state.source_request is None else str(state.source_request.seed)
    if former is None or field_value(mode, "seed", former) == former:
        st.session_state[field_key(mode, "seed")] = str(picture.request.seed)
    if former is None:
        st.session_state[field_key(mode, "seed_locked")] = True


def _name_in_address(state: PageState) -> None:
    if state.source_id is None:
        st.query_params.pop(ADDRESS, None)
    elif st.query_params.get(ADDRESS) != state.source_id:
        st.query_params[ADDRESS] = state.source_id


def _open_draft(runtime: Runtime, state: PageState) -> None:
    """Puts the source's prompt into the editor where nothing is there: what is locked and changed stands in sight."""
    if state.source is None or state.draft is not None:
        return
    picture = find_picture(runtime, state.source_id)
    if picture is not None:
        state.show(replace(written_of(picture), prompt=state.source, edited=False))
    else:
        state.begin(state.source.to_json())


def is_changed(state: PageState) -> bool:
    """Whether the draft says something else than the source, or nothing that can be read."""
    if state.draft is None or state.source is None:
        return False
    try:
        return bool(diff(state.source, StructuredPrompt.parse(state.draft.text)))
    except PromptError:
        return True


def discard(runtime: Runtime, state: PageState) -> None:
    """Puts the source's own prompt back into the editor, and the words of what is discarded into an empty field."""
    draft = state.draft
    assert draft is not None
    if draft.words:
        state.returned, state.returned_as = joined(state.returned, draft.words), None
    state.draft, state.base, state.said, state.batch_id = None, None, "", None
    st.query_params.pop("batch", None)
    if draft.is_users:
        state.previous = draft
    _open_draft(runtime, state)


def instruction_base(state: PageState) -> StructuredPrompt:
    """What an instruction changes: the prompt as it stands in the editor, where that is valid, else the source."""
    assert state.source is not None
    try:
        return state.source if state.draft is None else state.draft.parsed().prompt
    except PromptError:
        return state.source


def refine_order(state: PageState, picture: Generation | None, words: str, spec: ModelSpec, *, paint: bool) -> Order:
    """What the form, the words and the editor ask for: the writer carries the words out on the prompt in the editor,
    or that prompt is painted as it stands. ``picture`` is the source, where it is a picture.

    Raises InputError where neither says what should change, PromptError for a text in the editor that is no prompt.
    """
    assert state.source is not None
    order = read_order("refine", settings=state.source_request is None)
    if state.source_request is not None:
        if not field_value("refine", "seed_locked", True):
            order = replace(order, seed=DRAW)
        order = with_loras(order, state, "refine", spec).painted_like(state.source_request, spec)
    order = replace(order, source=state.source, source_id=state.source_id, locked=state.locked, paint=paint)
    new_words = bool(words) and (state.draft is None or words != state.draft.words or not is_changed(state))
    if new_words:
        return replace(
            order,
            words=words,
            source=instruction_base(state),
            with_picture=picture is not None and field_value("refine", "with_picture", False),
            only_asked=field_value("refine", "only_asked", True),
            must_change=True,
        )
    if not paint or state.draft is None:
        raise InputError("Say what should change, or edit the JSON.")
    if picture is not None and not is_changed(state):
        return replace(order, written=written_of(picture))
    return replace(order, words=all_words(state), written=state.draft.parsed(), source=state.base or state.source)


def has_sources_seed(state: PageState) -> bool:
    """Whether the next picture begins with the seed of the source."""
    request = state.source_request
    seed, locked = field_value("refine", "seed"), field_value("refine", "seed_locked", True)
    return request is not None and locked and seed in (None, "", str(request.seed))


def place_step(runtime: Runtime, state: PageState, order: Order, once: OnceKey | None = None) -> None:
    """Places an order, unless the source, or another picture that is stored, is what it would paint: then the page
    asks first. With ``once`` that was placed before, its batch is followed. Raises an InputError, QueueFull or
    StoreError."""
    said = "" if order.source == state.source else all_words(state)
    if _paints_the_source(state, order):
        state.refused = Refused(order=order, generation_id=state.source_id)
        return
    place_once(runtime, state, order, once)
    if order.written is None:
        state.said = said


def _paints_the_source(state: PageState, order: Order) -> bool:
    """Whether the order has the source's own prompt, seed and settings."""
    request = state.source_request
    if request is None or order.written is None or not order.paint:
        return False
    settings = (order.seed, order.size, order.steps, order.guidance)
    same = (request.seed, (request.width, request.height), request.num_inference_steps, request.guidance_scale)
    return settings == same and order.written.prompt == request.prompt and wears_the_sources(order, state)


def all_words(state: PageState) -> str:
    """The instructions that the draft carries out, oldest first."""
    words = "" if state.draft is None else state.draft.words
    return joined(state.said, words)


def example_of(prompt: StructuredPrompt) -> str:
    """An instruction that fits this prompt, to be shown where one is to be typed."""
    name = short_name(prompt)
    return f"make {name} larger" if name else "at night"
