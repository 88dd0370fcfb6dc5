"""What is being worked on right now: the strip on every page, and the picture as it appears."""

import base64
from datetime import UTC, datetime

import streamlit as st

from fibo_core.work.jobs import Job, JobQueue
from fibo_core.writers import writer_name
from studio.ui.components.picture import picture
from studio.ui.session import errors_shown, watch
from studio.ui.state import PageState
from studio.ui.words import duration, plain

POLL_S = 1.0
OFFLINE = "offline"
MAY_ASK_ANOTHER = ("WriterUnavailable", "WriterAnswerError")  #: a refused prompt is refused


def job_strip(jobs: JobQueue) -> None:
    """A line for each job that has not ended: what it does, how long it will take, Cancel.

    Polls while there is one. When a job has something new to show (a prompt, a picture, its end), the whole page
    is run again, once.
    """
    active = jobs.active()
    st.session_state["strip_seen"] = _signature(active)  # what this run of the page shows
    if active:
        _live_strip(jobs)


@st.fragment(run_every=POLL_S)
@errors_shown()
def _live_strip(jobs: JobQueue) -> None:
    active = jobs.active()
    if _signature(active) != st.session_state["strip_seen"]:
        st.rerun()
    for job in active:
        which = f"{plain(job.title)} · " if len(active) > 1 else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"strip_{job.id}"):
            st.progress(_fraction(job), text=which + describe(job))
            if job.state == "waiting" and st.button(
                "Ask offline instead", key=f"offline_{job.id}", icon=":material/bolt:", type="tertiary"
            ):
                jobs.ask_instead(job.id, OFFLINE)
            if st.button("Cancel", key=f"cancel_{job.id}", icon=":material/close:", type="tertiary"):
                jobs.cancel(job.id)


def _signature(active: list[Job]) -> tuple[object, ...]:
    """What of the running jobs a page shows beyond the strip itself."""
    return tuple((job.id, job.state, job.written is not None, len(job.generation_ids)) for job in active)


def describe(job: Job) -> str:
    """What a job is doing: "Picture 2 of 4, step 12 of 20, about 4 s left"."""
    progress = job.progress
    if job.state == "waiting" and job.wait_until is not None:
        left_s = max(1, round((job.wait_until - datetime.now(UTC)).total_seconds()))
        return f"{job.error}; asking again in {duration(left_s) if left_s >= 90 else f'{left_s} s'}"
    if job.state in ("queued", "waiting"):
        return "Waiting in the queue"
    if progress.stage == "writing":
        tokens = f", {progress.tokens:,} tokens" if progress.tokens else ""
        return f"Writing with {writer_name(progress.writer)}{tokens}"
    if progress.stage == "starting":
        return "Starting"
    which = f"Picture {progress.picture} of {progress.pictures}, " if progress.pictures > 1 else ""
    if progress.step is None:
        return f"{which}getting ready to paint" if which else "Getting ready to paint"
    step = progress.step
    text = f"{which}step {step.step} of {step.total}, about {duration(step.remaining_s)} left"
    return text[0].upper() + text[1:]


def _fraction(job: Job) -> float:
    progress = job.progress
    if not progress.pictures:
        return 0.0
    step = 0.0 if progress.step is None else progress.step.step / progress.step.total
    return min(1.0, (progress.picture - 1 + step) / progress.pictures)


@st.fragment(run_every=POLL_S)
@errors_shown()
def live_picture(jobs: JobQueue, job_id: str) -> None:
    """The picture of a running job as it grows clearer; a resting place of its shape before the first step."""
    job = jobs.get(job_id)
    settings = job.task.painting.settings
    step = job.progress.step
    if step is None or step.preview is None:
        st.skeleton(height=320)
        st.caption(describe(job))
        return
    preview = "data:image/jpeg;base64," + base64.b64encode(step.preview).decode()
    picture(preview, alt="The picture so far", width=settings.width, height=settings.height, key="live_picture")
    st.caption(describe(job))


def show_outcome(jobs: JobQueue, state: PageState, job: Job | None) -> None:
    """Says why the page's job failed, was cancelled or interrupted, with a button to try again; else nothing."""
    if job is None or not job.retryable:
        return
    if job.state == "cancelled":
        st.caption(":material/block: Cancelled. Your words and JSON are as you left them.")
    elif job.state == "interrupted":
        st.warning(plain(job.error or "Interrupted when the studio stopped."), icon=":material/power_off:")
    else:
        st.error(plain(job.error or "The job failed."), icon=":material/error:")
    with st.container(horizontal=True, gap="small"), errors_shown():
        if st.button("Try again", key=f"retry_{job.id}", icon=":material/refresh:"):
            watch(state, jobs.retry(job.id), instead_of=job.id)
        if (
            job.error_kind in MAY_ASK_ANOTHER
            and job.task.writer != OFFLINE
            and st.button("Ask offline instead", key=f"retry_offline_{job.id}", icon=":material/bolt:")
        ):
            watch(state, jobs.retry(job.id, writer=OFFLINE), instead_of=job.id)
        if job.answer and st.button(
            "Open what it said in the editor", key=f"answer_{job.id}", icon=":material/edit_note:",
            help="The writer's answer as it came, to be mended by hand",
        ):  # fmt: skip
            state.begin(job.answer)
            st.rerun()
