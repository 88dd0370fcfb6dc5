"""The six pages, and the ways from one to another."""

from pathlib import Path
from typing import NoReturn

import streamlit as st

from fibo_core.store.generation import Mode

PAGES = Path(__file__).resolve().parents[2] / "pages"

GENERATE, REFINE, INSPIRE = PAGES / "generate.py", PAGES / "refine.py", PAGES / "inspire.py"
EDIT = PAGES / "edit.py"
HISTORY, SYSTEM = PAGES / "history.py", PAGES / "system.py"

#: Where the batches of each kind are followed.
PAGE_OF: dict[Mode, Path] = {"generate": GENERATE, "refine": REFINE, "inspire": INSPIRE, "edit": EDIT}


def all_pages() -> list[st.Page]:
    return [
        st.Page(
            GENERATE, title="Generate", icon=":material/brush:", default=True,
            help="From a few words, or from JSON, to a picture.",
        ),
        st.Page(
            REFINE, title="Refine", icon=":material/tune:",
            help="Change one thing in a picture's prompt and paint it again with the same seed.",
        ),
        st.Page(
            INSPIRE, title="Inspire", icon=":material/lightbulb:",
            help="From a picture to a prompt that describes it.",
        ),
        st.Page(
            EDIT, title="Edit", icon=":material/ink_highlighter:",
            help="Mark a part of a picture and repaint it: outside the mark every pixel stays.",
        ),
        st.Page(
            HISTORY, title="History", icon=":material/photo_library:",
            help="Every picture painted here, with its whole recipe.",
        ),
        st.Page(
            SYSTEM, title="System", icon=":material/monitor_heart:",
            help="What is loaded, where data lies, what is missing and how to get it.",
        ),
    ]  # fmt: skip


def go_to(page: Path, **query: str) -> NoReturn:
    """Leaves this run for another page."""
    st.switch_page(str(page), query_params=query)
