"""How the studio says things: durations, sizes, dates in the reader's own time zone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from fibo_core.durations import duration as duration
from fibo_core.durations import wait as wait
from fibo_core.store.generation import Generation


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown, so that it stands there as it is: no pictures, no links, no bold."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|:$~&])", r"\\\1", text).replace("\n", "  \n")


def size(count: float) -> str:
    """Bytes as "22.5 GB" (powers of ten)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def moment(when: datetime) -> str:
    """ "23 Nov 2026, 16:20" where the reader is."""
    zone = st.context.timezone
    return f"{when.astimezone(ZoneInfo(zone) if zone else None):%-d %b %Y, %H:%M}"


def title_of(generation: Generation) -> str:
    """What a picture is called: the words it came from, or its prompt's short description."""
    text = generation.words if generation.mode == "generate" else ""
    text = " ".join((text or str(generation.prompt.get("short_description") or "") or "Untitled").split())
    return text if len(text) <= 80 else text[:79] + "…"
