"""What Edit's form says and asks beside the words: how much a variation may change, and what a mark can do."""

import streamlit as st

from studio.ui.editing import DEFAULT_STRENGTH, STRENGTHS, changes_more, strength_label
from studio.ui.state import PageState, field_key

OF_WHOLE = {"background_setting": "the background", "lighting": "the light", "style_medium": "the medium"}


def hints(state: PageState, *, marked: bool) -> None:
    """What stays, and what the mark must cover; beforehand, and quietly."""
    if not marked:
        st.caption(
            "Nothing is marked: all of the picture varies. Paint over a part of it, and outside that every pixel stays."
        )
        return
    st.caption("Outside the mark every pixel stays. The mark must cover the old thing and the new one.")
    if more := [OF_WHOLE[name] for name in changes_more(state)]:
        st.caption(
            f":material/info: Your change is to {' and '.join(more)}, which belongs to the whole picture: the marked "
            "part may not fit the rest."
        )


def strength_field(*, marked: bool) -> None:
    """How much of the picture a variation keeps; behind a mark the part is painted whole."""
    if marked:
        return
    key = field_key("edit", "strength")
    if st.session_state.get(key) not in STRENGTHS:
        st.session_state[key] = DEFAULT_STRENGTH
    st.select_slider(
        "How much", STRENGTHS, format_func=strength_label, key=key, persist_state="session",
        help="Restyle keeps things and colours, and changes light and style. Recolour changes colours and things where "
        "they stand. Redraw keeps next to nothing but the seed. The number is the noise that painting begins with.",
    )  # fmt: skip
