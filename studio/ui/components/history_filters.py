"""The row of search and filters above the gallery."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from fibo_core.store.generation import STORED_MODES
from fibo_core.store.history import HistoryQuery

HISTORY_PAGE_SIZE = 48
NEWEST_FIRST = "Newest first"

KEYS = ("history_text", "history_mode", "history_model", "history_favorite", "history_since", "history_until")


def filter_row(models: Sequence[str]) -> None:
    """Draws the fields. Any change goes back to the first page."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="history_filters"):
        st.text_input(
            "Search", key="history_text", persist_state="session", type="search", on_change=_first_page,
            placeholder="words of the prompt", width=260,
        )  # fmt: skip
        st.selectbox(
            "Made by", ["", *STORED_MODES], key="history_mode", persist_state="session", on_change=_first_page,
            format_func=lambda mode: mode.capitalize() or "Any page", width=140,
        )  # fmt: skip
        st.selectbox(
            "Model", ["", *models], key="history_model", persist_state="session", on_change=_first_page,
            format_func=lambda model: model or "Any model", width=140,
        )  # fmt: skip
        st.selectbox(
            "Order", [NEWEST_FIRST, "Oldest first"], key="history_order", persist_state="session",
            on_change=_first_page, width=150,
        )  # fmt: skip
        with st.popover("Date", icon=":material/calendar_month:"):
            st.date_input("From", None, key="history_since", persist_state="session", on_change=_first_page)
            st.date_input("To", None, key="history_until", persist_state="session", on_change=_first_page)
        st.toggle("Favourites", key="history_favorite", persist_state="session", on_change=_first_page)


def current_query() -> HistoryQuery:
    """What the fields ask for, whether they are drawn or a picture is open."""
    values = st.session_state
    return HistoryQuery(
        text=(values.get("history_text") or "").strip(),
        mode=values.get("history_mode") or None,
        model=values.get("history_model") or None,
        favorite=bool(values.get("history_favorite")),
        since=_midnight(values.get("history_since")),
        until=_midnight(values.get("history_until"), days_later=1),
        newest_first=values.get("history_order", NEWEST_FIRST) == NEWEST_FIRST,
    )


def clear_filters() -> None:
    """A callback: every filter back to nothing."""
    for key in KEYS:
        st.session_state.pop(key, None)
    _first_page()


def _first_page() -> None:
    st.session_state["history_page"] = 1


def _midnight(day: object, days_later: int = 0) -> datetime | None:
    """The beginning of a day where the reader is, in UTC."""
    if not isinstance(day, date):
        return None
    zone = ZoneInfo(st.context.timezone) if st.context.timezone else None
    return datetime.combine(day + timedelta(days_later), time.min, zone).astimezone(UTC)
