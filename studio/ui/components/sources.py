"""Where a refinement starts: a picture of the History, a file the studio wrote, or a pasted prompt."""

import streamlit as st

from fibo_core.errors import PictureError
from fibo_core.prompts.foreign import ForeignRecipe, foreign_recipe
from fibo_core.prompts.mend import Mended, holds_caption, mend, mend_texts
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import read_recipe
from fibo_core.store.picture_texts import read_texts
from fibo_core.work.runtime import Runtime
from studio.ui.components.result import picture_strip
from studio.ui.conversation import go_on_from
from studio.ui.session import begin_from, errors_shown, find_picture, use_words
from studio.ui.state import PageState
from studio.ui.words import plain

WORDS_SHOWN = 400  #: of another program's


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
        begin_from(state, "refine", generation)
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
