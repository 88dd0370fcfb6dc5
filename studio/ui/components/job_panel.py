"""What is being worked on right now: the strip on every page, and the picture as it appears."""

import base64
from collections.abc import Sequence

import streamlit as st

from fibo_core.models.catalogue import find_model
from fibo_core.work.desk import Batch, Desk
from fibo_core.work.jobs import Job
from fibo_core.work.runtime import Runtime
from studio.ui.components.picture import picture
from studio.ui.session import errors_shown
from studio.ui.state import PageState
from studio.ui.words import describe, plain

POLL_S = 1.0
OFFLINE = "offline"
MAY_ASK_ANOTHER = ("WriterUnavailable", "WriterAnswerError")  #: a refused prompt is refused


def job_strip(runtime: Runtime) -> None:
    """A line for each batch that has not ended: what it does, how long it will take, Cancel.

    Polls while there is one. When a batch has something new to show (a prompt, a picture, its end), the whole page
    is run again, once.
    """
    active = runtime.desk.active()
    st.session_state["strip_seen"] = _signature(active)  # what this run of the page shows
    if active:
        _live_strip(runtime)


@st.fragment(run_every=POLL_S)
@errors_shown()
def _live_strip(runtime: Runtime) -> None:
    desk, active = runtime.desk, runtime.desk.active()
    if _signature(active) != st.session_state["strip_seen"]:
        st.rerun()
    in_use = runtime.tools.engine.status().model
    for batch in active:
        which = f"{plain(batch.title)} · " if len(active) > 1 else ""
        model = batch.current.task.painting.settings.model
        by = f", by {find_model(model).title}" if batch.pictures and model != in_use else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"strip_{batch.id}"):
            st.progress(batch.fraction, text=which + describe(desk, batch) + by)
            if batch.state == "waiting" and st.button(
                "Ask offline instead", key=f"offline_{batch.id}", icon=":material/bolt:", type="tertiary"
            ):
                desk.ask_instead(batch.id, OFFLINE)
            if st.button("Cancel", key=f"cancel_{batch.id}", icon=":material/close:", type="tertiary"):
                desk.cancel(batch.id)


def _signature(active: list[Batch]) -> tuple[object, ...]:
    """What of the running batches a page shows beyond the strip itself."""
    return tuple(
        (batch.id, batch.state, sum(job.written is not None for job in batch.jobs), len(batch.generation_ids))
        for batch in active
    )


@st.fragment(run_every=POLL_S)
@errors_shown()
def live_picture(desk: Desk, batch_id: str) -> None:
    """The picture of a running batch as it grows clearer; a resting place of its shape before the first step."""
    batch = desk.get(batch_id)
    settings, step = batch.current.task.painting.settings, batch.current.progress.step
    if step is None or step.preview is None:
        st.skeleton(height=320)
        st.caption(describe(desk, batch))
        return
    preview = "data:image/jpeg;base64," + base64.b64encode(step.preview).decode()
    picture(preview, alt="The picture so far", width=settings.width, height=settings.height, key="live_picture")
    st.caption(describe(desk, batch))


def show_outcome(desk: Desk, state: PageState, batch: Batch | None) -> None:
    """Says why parts of the page's batch failed, were cancelled or interrupted, with a button to try them again."""
    if batch is None:
        return
    ended_badly = batch.unfinished
    several = len(batch.jobs) > 1
    for job in _one_of_each_reason(ended_badly):
        if several and job.task.words:
            st.caption(plain(f"“{job.title}”"))
        if job.state == "cancelled":
            st.caption(":material/block: Cancelled. Your words and JSON are as you left them.")
        elif job.state == "interrupted":
            st.warning(plain(job.error or "Interrupted when the studio stopped."), icon=":material/power_off:")
        else:
            st.error(plain(job.error or "The job failed."), icon=":material/error:")
    if not batch.retryable:
        return
    answer = next((job.answer for job in ended_badly if job.answer), None)
    with st.container(horizontal=True, gap="small"), errors_shown():
        if st.button("Try again", key=f"retry_{batch.id}", icon=":material/refresh:"):
            desk.retry(batch.id)
            st.rerun()
        if any(job.error_kind in MAY_ASK_ANOTHER and job.task.writer != OFFLINE for job in ended_badly) and st.button(
            "Ask offline instead", key=f"retry_offline_{batch.id}", icon=":material/bolt:"
        ):
            desk.retry(batch.id, writer=OFFLINE)
            st.rerun()
        if answer and st.button(
            "Open what it said in the editor", key=f"answer_{batch.id}", icon=":material/edit_note:",
            help="The writer's answer as it came, to be mended by hand",
        ):  # fmt: skip
            state.begin(answer)
            st.rerun()


def _one_of_each_reason(jobs: Sequence[Job]) -> list[Job]:
    """The first of those that ended with the same words."""
    return list({(job.state, job.error): job for job in reversed(jobs)}.values())[::-1]
