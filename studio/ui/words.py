"""How the studio says things: durations, sizes, dates in the reader's own time zone."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from fibo_core.durations import duration as duration
from fibo_core.durations import wait as wait
from fibo_core.store.generation import Generation
from fibo_core.work.desk import Batch, Desk
from fibo_core.writers import writer_name


def showable(text: str) -> str:
    """``text`` as a browser can be sent it, for widgets and whatever reads no Markdown: half a surrogate pair, which
    JSON may hold and UTF-8 cannot, is shown as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown, so that it stands there as it is: no pictures, no links, no bold."""
    text = showable(text)
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
    """What a picture is called: the words it came from, its prompt's short description, or the file it came in as."""
    text = generation.words if generation.mode == "generate" else ""
    text = text or str(generation.prompt.get("short_description") or "") or generation.versions.get("file", "")
    text = " ".join((text or "Untitled").split())
    return text if len(text) <= 80 else text[:79] + "…"


def describe(desk: Desk, batch: Batch) -> str:
    """What a batch is doing, the time first since a narrow place cuts off the rest: "2/4 · 14 s left · step 12 of 20".

    The time is for all that is left of it.
    """
    job = batch.current
    progress = job.progress
    if job.state == "waiting" and job.wait_until is not None:
        return f"{job.error}; asking again in {wait((job.wait_until - datetime.now(UTC)).total_seconds())}"
    painted, pictures = len(batch.generation_ids), batch.pictures
    if job.state in ("queued", "waiting"):
        return f"{painted} of {pictures} pictures, waiting in the queue" if painted else "Waiting in the queue"
    if progress.stage == "writing":
        tokens = f", {progress.tokens:,} tokens" if progress.tokens else ""
        return f"Writing with {writer_name(progress.writer)}{tokens}"
    if progress.stage == "starting":
        return "Starting"
    which = [f"{painted + 1}/{pictures}"] if pictures > 1 else []
    if progress.step is None:
        return " · ".join([*which, "getting ready to paint"] if which else ["Getting ready to paint"])
    step, left = progress.step, desk.remaining_s(batch)
    time = [] if left is None else [f"{wait(left)} left"]
    return " · ".join([*which, *time, f"step {step.step} of {step.total}"])
