"""Where a refinement starts: a picture of the History, a file the studio wrote, or a pasted prompt."""

import streamlit as st

from fibo_core.errors import PictureError
from fibo_core.prompts.mend import Mended, mend, mend_texts
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import read_recipe, read_texts
from fibo_core.work.runtime import Runtime
from studio.ui.components.gallery import Tile, gallery
from studio.ui.components.result import picture_strip, thumb_url
from studio.ui.session import errors_shown, find_picture, refine_from
from studio.ui.state import PageState
from studio.ui.words import title_of

CHAIN_MAX = 12  #: more ancestors than this are a matter for History


def choose_source(runtime: Runtime, state: PageState) -> None:
    """Three ways to a source; sets it and runs the page again."""
    latest = runtime.tools.history.page(HistoryQuery(), limit=24).items
    if latest:
        st.subheader("From History", anchor=False)
        opened = picture_strip(latest, key="refine_history", current=None)
        chosen = find_picture(runtime, opened)
        if chosen is not None:
            refine_from(state, chosen)
            st.rerun()

    file_column, paste_column = st.columns(2, gap="large")
    with file_column:
        st.subheader("From a file", anchor=False)
        upload = st.file_uploader(
            "A PNG or JSON written by the studio, or any file that holds a prompt's JSON",
            type=["png", "json", "jsonl", "txt"],
            key="refine_upload",
        )
        if upload is not None:
            with errors_shown():
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
    mended = mend_texts(read_texts(data)) if data.startswith(b"\x89PNG") else mend(data)
    if mended is None:
        raise PictureError("This PNG carries no structured prompt. Take it to Inspire, which describes any picture.")
    refine_mended(state, mended)


def refine_mended(state: PageState, mended: Mended) -> None:
    """Takes a prompt that was pasted or dropped as the source."""
    state.forget()
    state.source, state.source_mended = mended.prompt, mended


def ancestor_row(runtime: Runtime, state: PageState, generation: Generation) -> None:
    """The pictures this one descends from, oldest first, and itself, each with the words it came from."""
    chain = [*runtime.tools.history.ancestors(generation.id), generation][-CHAIN_MAX:]
    cards = [Tile(each.id, thumb_url(each.id), each.words or title_of(each), each.favorite) for each in chain]
    opened, _ = gallery(cards, key="refine_ancestors", size="small", labels=len(chain) > 1, current=generation.id)
    chosen = find_picture(runtime, opened)
    if chosen is not None and chosen.id != generation.id:
        refine_from(state, chosen)
        st.query_params.pop("job", None)
        st.rerun()
