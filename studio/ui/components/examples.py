"""A dozen ideas to begin with, each with the picture that mini paints of it (made by `scripts/make_examples.py`)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from studio.ui.components.gallery import Tile, gallery
from studio.ui.state import Field, field_value, fill_field
from studio.ui.words import plain

FIELDS: tuple[Field, ...] = ("words", "seed", "seed_locked", "locked_for")
REPLACED = "words_before_example"  #: what the user had, in the session
FOLDER = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """``name`` is the picture's file name without its ending."""

    name: str
    words: str
    seed: int


@st.cache_data(show_spinner=False)
def examples() -> list[Example]:
    rows = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    return [Example(**row) for row in rows]


def take_example(example: Example) -> None:
    """Fills Generate's form with an example at the next run; words of the user's own have their way back."""
    replaced: dict[Field, Any] = {field: field_value("generate", field) for field in FIELDS}
    words = str(replaced["words"] or "").strip()
    if words and words not in {each.words for each in examples()}:
        st.session_state[REPLACED] = replaced
    values = (example.words, str(example.seed), True, example.words)
    for field, value in zip(FIELDS, values, strict=True):
        fill_field("generate", field, value)


def _undo() -> None:
    for field, value in st.session_state.pop(REPLACED).items():
        fill_field("generate", field, value)


def example_cards(*, key: str) -> Example | None:
    """The examples as cards; returns the one just clicked."""
    if REPLACED in st.session_state:
        words = plain(" ".join(st.session_state[REPLACED]["words"].split())[:60])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"The example has taken the place of your words, “{words}”.", width="content")
            st.button("Undo", key=f"{key}_undo", type="tertiary", icon=":material/undo:", on_click=_undo)
    st.caption("Nothing painted yet in this visit. Begin with one of these, or with your own words.")
    cards = [Tile(each.name, f"/img/examples/{each.name}.webp", each.words) for each in examples()]
    opened = gallery(cards, key=key, labels=True)
    return next((each for each in examples() if each.name == opened), None)
