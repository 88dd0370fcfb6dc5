"""The row of search and filters above the gallery."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import streamlit as st

from fibo_core.store.generation import MODES
from fibo_core.store.history import HistoryQuery

HISTORY_PAGE_SIZE = 48

KEYS = ("history_text", "history_mode", "history_model", "history_favorite", "history_since", "history_until")


def read_query(models: Sequence[str]) -> HistoryQuery:
    """Draws the fields and returns what they ask for. Any change goes back to the first page."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="history_filters"):
        text = st.text_input(
            "Search", key="history_text", persist_state="session", type="search", on_change=_first_page,
            placeholder="words of the prompt", width=260,
        )  # fmt: skip
        mode = st.selectbox(
            "Made by", [None, *MODES], key="history_mode", persist_state="session", on_change=_first_page,
            format_func=lambda mode: "Any page" if mode is None else mode.capitalize(), width=140,
        )  # fmt: skip
        model = st.selectbox(
            "Model", [None, *models], key="history_model", persist_state="session", on_change=_first_page,
            format_func=lambda model: "Any model" if model is None else model, width=140,
        )  # fmt: skip
        order = st.selectbox(
            "Order", ["Newest first", "Oldest first"], key="history_order", persist_state="session",
            on_change=_first_page, width=150,
        )  # fmt: skip
        with st.popover("Date", icon=":material/calendar_month:"):
            since = st.date_input("From", None, key="history_since", persist_state="session", on_change=_first_page)
            until = st.date_input("To", None, key="history_until", persist_state="session", on_change=_first_page)
        favorite = st.toggle(
            "Favourites", key="history_favorite", persist_state="session", on_change=_first_page
        )  # fmt: skip
    return HistoryQuery(
        text=(text or "").strip(),
        mode=mode,
        model=model,
        favorite=bool(favorite),
        since=_start_of(since),
        until=_end_of(until),
        newest_first=order == "Newest first",
    )


def clear_filters() -> None:
    """A callback: every filter back to nothing."""
    for key in KEYS:
        st.session_state.pop(key, None)
    _first_page()


def _first_page() -> None:
    st.session_state["history_page"] = 1


def _zone() -> ZoneInfo | None:
    return ZoneInfo(st.context.timezone) if st.context.timezone else None


def _start_of(day: object) -> datetime | None:
    if not isinstance(day, date):
        return None
    return datetime.combine(day, time.min, _zone()).astimezone(UTC)


def _end_of(day: object) -> datetime | None:
    if not isinstance(day, date):
        return None
    return datetime.combine(day, time.max, _zone()).astimezone(UTC)
