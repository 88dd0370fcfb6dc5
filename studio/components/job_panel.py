"""What is being worked on right now: the strip on every page, and the picture as it appears."""

import base64

import streamlit as st

from fibo_core.jobs import Job, JobQueue
from studio.components.picture import picture
from studio.session import errors_shown, watch
from studio.state import PageState
from studio.words import duration, plain

POLL_S = 1.0


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
    if jobs.trouble is not None:
        st.warning(plain(jobs.trouble), icon=":material/warning:")
    for job in active:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"strip_{job.id}"):
            st.progress(_fraction(job), text=describe(job))
            if st.button("Cancel", key=f"cancel_{job.id}", icon=":material/close:", type="tertiary"):
                jobs.cancel(job.id)


def _signature(active: list[Job]) -> tuple[object, ...]:
    """What of the running jobs a page shows beyond the strip itself."""
    return tuple((job.id, job.state, job.written is not None, len(job.generation_ids)) for job in active)


def describe(job: Job) -> str:
    """What a job is doing: "Picture 2 of 4, step 12 of 20, about 4 s left"."""
    progress = job.progress
    if job.state in ("queued", "waiting"):
        return "Waiting in the queue"
    if progress.stage == "writing":
        return f"{progress.writer.capitalize()} is writing the prompt"
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


def say_how_it_ended(jobs: JobQueue, state: PageState, job: Job | None) -> None:
    """Says why the page's job failed, was cancelled or interrupted, with a button to try again; else nothing."""
    if job is None or not job.retryable:
        return
    if job.state == "cancelled":
        st.caption(":material/block: Cancelled. Your words and JSON are as you left them.")
    elif job.state == "interrupted":
        st.warning(plain(job.error or "Interrupted when the studio stopped."), icon=":material/power_off:")
    else:
        st.error(plain(job.error or "The job failed."), icon=":material/error:")
    if st.button("Try again", key=f"{job.mode}_retry", icon=":material/refresh:"):
        with errors_shown():
            watch(state, jobs.retry(job.id))
