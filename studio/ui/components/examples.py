"""A dozen ideas to begin with, each with the picture that mini paints of it (made by `scripts/make_examples.py`)."""

import json
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from studio.ui.components.gallery import Tile, gallery

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


def example_cards(*, key: str) -> Example | None:
    """The examples as cards; returns the one just clicked."""
    st.caption("Nothing painted yet in this visit. Begin with one of these, or with your own words.")
    cards = [Tile(each.name, f"/img/examples/{each.name}.webp", each.words) for each in examples()]
    opened, _ = gallery(cards, key=key, size="small", labels=True)
    return next((each for each in examples() if each.name == opened), None)
