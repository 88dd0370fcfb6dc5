"""Why a batch has not painted what was asked for, and the ways on from there."""

from collections.abc import Sequence

import streamlit as st

from fibo_core.errors import ModelMissing
from fibo_core.work.desk import Batch, Desk
from fibo_core.work.jobs import Job
from studio.remedies import with_button
from studio.ui.session import errors_shown
from studio.ui.state import PageState
from studio.ui.words import plain

OFFLINE = "offline"
MAY_ASK_ANOTHER = ("WriterUnavailable", "WriterAnswerError")  #: a refused prompt is refused


def show_outcome(desk: Desk, state: PageState, batch: Batch | None) -> None:
    """Says why parts of the page's batch failed, were cancelled or interrupted, with a button to try them again."""
    if batch is None:
        return
    if batch.again is not None:
        st.caption(f":material/replay: Painted again, to be compared. {plain(batch.again.sentence)}")
    ended_badly = batch.unfinished
    several = len(batch.jobs) > 1
    for job in _one_of_each_reason(ended_badly):
        if several and job.task.words:
            st.caption(plain(f"“{job.title}”"))
        if job.state == "cancelled":
            st.caption(f":material/block: Cancelled. {_kept(batch)}Your words and JSON are as you left them.")
        elif job.state == "interrupted":
            st.warning(plain(job.error or "Interrupted when the studio stopped."), icon=":material/power_off:")
        else:
            st.error(plain(_why(job)), icon=":material/error:")
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


def _kept(batch: Batch) -> str:
    """What a cancelled batch has painted before."""
    painted, pictures = len(batch.generation_ids), batch.pictures
    if not painted:
        return ""
    return f"{painted} of its {pictures} pictures {'is' if painted == 1 else 'are'} painted and kept. "


def _why(job: Job) -> str:
    """Why a job failed, and where the pages have a button for it."""
    sentence = job.error or "The job failed."
    if job.error_kind == ModelMissing.__name__:
        return with_button(ModelMissing(sentence, remedy=f"download {job.task.painting.settings.model}"))
    return sentence


def _one_of_each_reason(jobs: Sequence[Job]) -> list[Job]:
    """The first of those that ended with the same words."""
    return list({(job.state, job.error): job for job in reversed(jobs)}.values())[::-1]
