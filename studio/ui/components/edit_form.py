"""What Edit's form says and asks beside the words: how much a variation may change, and what a mark can do."""

import re

import streamlit as st

from fibo_core.errors import InputError
from fibo_core.limits import GIVEN_MAX
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.picture_names import picture_name
from fibo_core.work.edit_ways import not_local
from fibo_core.work.runtime import Runtime
from studio.ui.editing import DEFAULT_STRENGTH, KEEPS_BELOW, STRENGTHS, meant, strength_label
from studio.ui.marks import mark_of
from studio.ui.session import errors_shown
from studio.ui.state import PageState, Refused, field_key, field_value
from studio.ui.words import plain

REFERENCES = "edit_references"  #: where Streamlit holds the files that were given


def hints(state: PageState, words: str, *, marked: bool, own: bool) -> None:
    """What stays, and what the mark must cover; beforehand, and quietly."""
    if not marked:
        what = "the model decides what changes" if own else "all of the picture varies, without words from another seed"
        little = not own and field_value("edit", "strength", DEFAULT_STRENGTH) < KEEPS_BELOW
        stays = " This little may leave a colour or a thing as it is, whatever is asked for." if little else ""
        st.caption(f"Nothing is marked: {what}. Paint over a part of it, and outside that every pixel stays.{stays}")
        return
    found = "This is what the change would alter: look at the mark, paint or erase, then repaint. "
    covers = "The mark must cover the old thing and the new one."
    st.caption(f"{found if mark_of(state) == state.found_mark else ''}Outside the mark every pixel stays. {covers}")
    assert state.source is not None
    if said := not_local(state.source, meant(state, words)):
        st.caption(f":material/info: {plain(in_page_words(said))}")


def in_page_words(sentence: str) -> str:
    """A sentence of the library's on a mask, which the page calls a mark."""
    return re.sub(r"\bmask\b", "mark", sentence)


def source_gone(runtime: Runtime, state: PageState) -> None:
    """Where the picture that is edited was deleted meanwhile: once, and the way back."""
    assert state.source_id is not None
    st.warning(
        "The picture that this edit begins with was deleted. Bring it back, or choose another: your words and JSON "
        "stay.",
        icon=":material/broken_image:",
    )
    with errors_shown():
        if st.button("Bring it back", key="edit_restore", icon=":material/restore_from_trash:"):
            state.refused = Refused()
            if not runtime.tools.history.restore([state.source_id]):
                raise InputError("The picture is not in the trash any more. Choose another one.")
            st.rerun()


def strength_field(*, marked: bool) -> None:
    """How much of the picture a variation keeps; behind a mark the part is painted whole, and the field keeps its
    place."""
    key = field_key("edit", "strength")
    st.select_slider(
        "How much", STRENGTHS, format_func=strength_label, key=key, persist_state="session", disabled=marked,
        help="Restyle changes light and style, and may leave colours and things as they are: the less, the surer. "
        "Recolour changes colours and things where they stand. Redraw keeps next to nothing but the seed. The number "
        "is the noise that painting begins with. Each picture begins with the usual again.",
    )  # fmt: skip


def own_edit_fields(runtime: Runtime, state: PageState, spec: ModelSpec) -> None:
    """Where the model edits by itself: whether it does, and the references that it looks at."""
    if {"edit", "repaint"} <= spec.abilities:
        st.session_state.setdefault(field_key("edit", "own"), True)
        st.toggle(
            f"{spec.title} edits by instruction", key=field_key("edit", "own"), persist_state="session",
            help="On: the model is shown the picture and told what to do. Off: the changed prompt is painted.",
        )  # fmt: skip
    if "references" in spec.abilities:
        _references(runtime, state)


def _references(runtime: Runtime, state: PageState) -> None:
    """Up to four pictures beside the one that is edited, by the names that an instruction calls them by."""

    def given() -> None:
        with errors_shown():
            for each in st.session_state[REFERENCES] or ():
                if (name := runtime.inputs.keep(each.getvalue())) not in state.references:
                    state.references = (*state.references, name)

    with st.expander(f"References ({len(state.references)})" if state.references else "References", type="compact"):
        st.file_uploader(
            f"Up to {GIVEN_MAX} pictures that the instruction may name: “the hat of {picture_name(2)}”",
            type=["png", "jpg", "jpeg", "webp", "avif"], accept_multiple_files=True, key=REFERENCES, on_change=given,
        )  # fmt: skip
        for number, name in enumerate(state.references, 2):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with errors_shown():
                    st.image(str(runtime.inputs.path(name)), width=64)
                st.code(picture_name(number), language=None)
                if st.button("Take it away", key=f"edit_reference_{name}", type="tertiary", icon=":material/close:"):
                    state.references = tuple(each for each in state.references if each != name)
                    st.rerun()
