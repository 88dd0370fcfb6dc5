"""Where a refinement starts and goes on: a picture of the History, a file, a pasted prompt, the newest result.

The page's address names the source (``?picture=``), so a reload, the browser's Back and a link have it too: whoever
takes another picture as the source puts it there and runs the page again.
"""

from dataclasses import replace

import streamlit as st

from fibo_core.errors import PictureError, PromptError
from fibo_core.prompts.foreign import ForeignRecipe, foreign_recipe
from fibo_core.prompts.locks import still_locked
from fibo_core.prompts.mend import Mended, holds_caption, mend, mend_texts
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import read_recipe
from fibo_core.store.picture_texts import read_texts
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from studio.ui.components.result import picture_strip
from studio.ui.session import errors_shown, find_picture, pictures_of, refine_from, use_words, written_of
from studio.ui.state import PageState, Refused, field_key, field_value, fill_field
from studio.ui.words import plain

WORDS_SHOWN = 400  #: of another program's
PICTURE = "picture"  #: the address's name for the source


def choose_source(runtime: Runtime, state: PageState) -> None:
    """Three ways to a source; sets it and runs the page again."""
    latest = runtime.tools.history.page(HistoryQuery(), limit=24).items
    if latest:
        st.subheader("From History", anchor=False)
        opened = picture_strip(latest, key="refine_history", current=None)
        if opened is not None:
            go_on_from(opened)

    file_column, paste_column = st.columns(2, gap="large")
    with file_column:
        st.subheader("From a file", anchor=False)
        upload = st.file_uploader(
            "A PNG or JSON written by the studio, any file that holds a prompt's JSON, or another program's picture",
            type=["png", "jpg", "jpeg", "webp", "avif", "json", "jsonl", "txt"],
            key="refine_upload",
        )
        if upload is not None:
            with errors_shown():
                if (found := words_in(upload.getvalue())) is not None:
                    offer_words(runtime, found)
                else:
                    refine_from_file(runtime, state, upload.getvalue())
                    st.rerun()
    with paste_column:
        st.subheader("From JSON", anchor=False)
        with st.form("refine_paste", border=False):
            text = st.text_area(
                "A structured prompt, or something that holds one",
                key="refine_pasted",
                height=120,
                placeholder='{"short_description": …}',
            )
            pasted = st.form_submit_button("Use this prompt")
        if pasted:
            with errors_shown():
                refine_mended(state, mend(text or ""))
                st.rerun()


def words_in(data: bytes) -> ForeignRecipe | None:
    """What another program painted a picture from; None where that is no prose, or there is a recipe of ours."""
    found = foreign_recipe(read_texts(data)) if read_recipe(data) is None else None
    return None if found is None or found.words.startswith("{") or holds_caption(found.words) else found


def offer_words(runtime: Runtime, found: ForeignRecipe) -> None:
    """Shows another program's words and settings, and takes them to Generate where the user wants them."""
    short = found.words if len(found.words) <= WORDS_SHOWN else found.words[: WORDS_SHOWN - 1] + "…"
    with st.container(border=True):
        st.markdown(plain(f"This picture was made by {found.program} with the words “{short}”."))
        if found.settings():
            st.caption(plain(found.settings()))
        if st.button("Use them on Generate", key="refine_use_words", icon=":material/brush:"):
            use_words(runtime, found)


def refine_from_file(runtime: Runtime, state: PageState, data: bytes) -> None:
    """Takes the source from a file's recipe, or a prompt from anywhere in it. Raises an InputError without one."""
    record = read_recipe(data)
    if (
        record is not None
        and str(record.get("format", "")).startswith("fibo-studio/")
        and "structured_prompt" in record
    ):
        generation = Generation.from_record(record)
        refine_from(state, generation)
        if find_picture(runtime, generation.id) is None:
            state.source_id = None  # a row never points at a picture that is not here
        return
    is_picture = data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"\0\0\0"))
    mended = mend_texts(read_texts(data)) if is_picture else mend(data)
    if mended is None:
        raise PictureError(
            "This picture carries no structured prompt. Take it to Inspire, which describes any picture."
        )
    refine_mended(state, mended)


def refine_mended(state: PageState, mended: Mended) -> None:
    """Takes a prompt that was pasted or dropped as the source."""
    state.forget()
    state.source, state.source_mended = mended.prompt, mended


def go_on_from(picture_id: str) -> None:
    """Takes a picture as the source: the page, run again, finds it in its address."""
    st.query_params.from_dict({PICTURE: picture_id})  # at once: each change is a step of the browser's Back
    st.rerun()


def is_looked_back_at(state: PageState) -> bool:
    """Whether the page has left the batch that its address names beside the source, as after the browser's Back."""
    return state.source_id is not None and state.batch_id is None and st.query_params.get(PICTURE) == state.source_id


def follow_source(runtime: Runtime, state: PageState, batch: Batch | None) -> None:
    """Brings the source up to date, before any widget is drawn: the result of the batch that has just ended, or the
    picture that the address names. Raises GenerationNotFound and GenerationDamaged for one that cannot be had; the
    page keeps its source then."""
    named, before = st.query_params.get(PICTURE), state.source_id
    _take_result(runtime, state, batch)
    if named is not None and named not in (before, state.source_id):
        _name_in_address(state)
        take_source(state, runtime.tools.history.get(named))
    _name_in_address(state)
    _open_draft(runtime, state)


def take_source(state: PageState, picture: Generation) -> None:
    """Makes a picture the source: its prompt stands in the editor, its seed in the form unless another was typed.

    Words in the form stay; so do locks on what is the same in its prompt. Changes made by hand have their way back.
    """
    locked = still_locked(state.source, picture.prompt, state.locked) if state.source is not None else ()
    _take_seed(state, picture)
    if not is_changed(state):
        state.draft = None  # nothing that anybody would want back
    state.forget()
    state.source, state.source_request, state.source_id = picture.prompt, picture.request, picture.id
    state.locked = locked


def another_source(state: PageState) -> None:
    """Back to the choice of a source."""
    state.forget()
    st.query_params.clear()


def is_changed(state: PageState) -> bool:
    """Whether the draft says something else than the source, or nothing that can be read."""
    if state.draft is None or state.source is None:
        return False
    try:
        return bool(diff(state.source, StructuredPrompt.parse(state.draft.text)))
    except PromptError:
        return True


def discard(runtime: Runtime, state: PageState) -> None:
    """Puts the source's own prompt back into the editor, and the words of what is discarded into an empty form."""
    draft = state.draft
    assert draft is not None
    if draft.words and not field_value("refine", "words"):
        fill_field("refine", "words", draft.words)
    state.draft, state.base, state.said, state.batch_id = None, None, "", None
    st.query_params.pop("batch", None)
    if draft.is_users:
        state.previous = draft
    _open_draft(runtime, state)


def _take_result(runtime: Runtime, state: PageState, batch: Batch | None) -> None:
    """Once the page's batch has ended in a picture, that is the source of the next instruction."""
    if batch is None or not batch.ended or state.stepped == batch.id:
        return
    painted = pictures_of(runtime, batch)
    if not painted or state.source is None:
        return
    picture, state.stepped, state.refused, state.said = painted[-1], batch.id, Refused(), ""
    state.locked = still_locked(state.source, picture.prompt, state.locked)
    _take_seed(state, picture)
    state.source, state.source_request, state.source_id = picture.prompt, picture.request, picture.id
    state.source_mended = None
    _name_in_address(state)
    if batch.order.written is not None:  # it was reviewed: what was left out of it is not offered again
        state.base = None
        if state.draft is not None and not is_changed(state):
            state.draft = replace(state.draft, written=replace(written_of(picture), edited=False), words="")


def _take_seed(state: PageState, picture: Generation) -> None:
    """The picture's seed goes into the form, unless there is one that somebody typed."""
    former = None if state.source_request is None else str(state.source_request.seed)
    if former is None or field_value("refine", "seed", former) == former:
        st.session_state[field_key("refine", "seed")] = str(picture.request.seed)
    if former is None:
        st.session_state[field_key("refine", "seed_locked")] = True


def _name_in_address(state: PageState) -> None:
    if state.source_id is None:
        st.query_params.pop(PICTURE, None)
    elif st.query_params.get(PICTURE) != state.source_id:
        st.query_params[PICTURE] = state.source_id


def _open_draft(runtime: Runtime, state: PageState) -> None:
    """Puts the source's prompt into the editor where nothing is there: what is locked and changed stands in sight."""
    if state.source is None or state.draft is not None:
        return
    picture = find_picture(runtime, state.source_id)
    if picture is not None:
        state.show(replace(written_of(picture), prompt=state.source, edited=False))
    else:
        state.begin(state.source.to_json())
