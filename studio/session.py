"""What pages do with jobs and pictures: submit, find one's job again, begin a refinement or an inspiration."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from fibo_core.engine.models import ModelSpec, RenderSettings
from fibo_core.errors import FiboError, GenerationNotFound, InputError, JobNotFound
from fibo_core.jobs import Job
from fibo_core.request import draw_seed
from fibo_core.runtime import Runtime
from fibo_core.store.generation import Generation, Mode
from fibo_core.tasks import GenerateTask, Painting, RefineTask, Task
from fibo_core.writers import WrittenPrompt
from studio.navigation import GENERATE, INSPIRE, REFINE, go_to
from studio.state import PageState, fill_field, page_state
from studio.words import plain


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an error of ours as one calm sentence; a bug goes on."""
    try:
        yield
    except FiboError as exc:
        st.error(plain(str(exc)), icon=":material/error:")


def attach_job(runtime: Runtime, state: PageState, mode: Mode) -> Job | None:
    """The page's job as it is now; after a reload, the one its address names. Takes over the prompt it has written."""
    named = st.query_params.get("job")
    if state.job_id is None and named is None:
        return None
    try:
        job = runtime.jobs.get(state.job_id or named or "")
    except JobNotFound:
        state.job_id = None
        st.query_params.pop("job", None)
        return None
    if job.mode != mode:
        return None
    if state.job_id is None:
        _restore(state, job)
    if job.written is not None and state.taken_from != job.id:
        state.show(job.written, job.task.words)
        state.taken_from = job.id
    st.query_params["job"] = job.id
    return job


def _restore(state: PageState, job: Job) -> None:
    """A new browser session goes on where another one submitted the job."""
    state.job_id = job.id
    settings, seeds = job.task.painting.settings, job.task.painting.seeds
    st.session_state[f"{job.mode}_words"] = job.task.words
    st.session_state[f"{job.mode}_steps"] = settings.num_inference_steps
    st.session_state[f"{job.mode}_guidance"] = settings.guidance_scale
    if seeds:
        st.session_state[f"{job.mode}_seed"] = str(seeds[0])
    if isinstance(job.task, RefineTask):
        state.source, state.source_id = job.task.source, job.task.source_id
    elif not isinstance(job.task, GenerateTask):
        state.picture, state.source_id = job.task.picture, job.task.source_id


def prompt_to_paint(state: PageState, words: str) -> WrittenPrompt | None:
    """The prompt in the editor when that is what must be painted; None when the writer must be asked.

    It is the user's own JSON, or what the writer gave for these very words. Raises PromptError when it is none.
    """
    draft = state.draft
    if draft is None or not (draft.is_users or draft.words == words):
        return None
    return draft.parsed()


def submit(runtime: Runtime, state: PageState, task: Task) -> None:
    """Submits the task and runs the page again, watching it. Raises QueueFull or a StoreError."""
    job = runtime.jobs.submit(task)
    watch(state, job)


def watch(state: PageState, job: Job) -> None:
    """Makes ``job`` the page's own and runs the page again."""
    state.job_id, state.shown_id = job.id, None
    if job.task.written is not None:
        state.taken_from = job.id  # its prompt came from the editor, and is not put back into it
    st.query_params["job"] = job.id
    st.rerun()


def pictures_of(runtime: Runtime, job: Job | None) -> list[Generation]:
    """The pictures a job has stored so far, without those deleted since."""
    pictures = []
    for generation_id in job.generation_ids if job is not None else ():
        picture = find_picture(runtime, generation_id)
        if picture is not None:
            pictures.append(picture)
    return pictures


def find_picture(runtime: Runtime, generation_id: str | None) -> Generation | None:
    """The picture, or None when there is none of this id (any more)."""
    if generation_id is None:
        return None
    try:
        return runtime.tools.history.get(generation_id)
    except GenerationNotFound:
        return None


def written_of(generation: Generation) -> WrittenPrompt:
    """A stored picture's prompt with its author."""
    return WrittenPrompt(generation.prompt, generation.writer, generation.edited)


def paint_with_new_seed(runtime: Runtime, state: PageState, generation: Generation, spec: ModelSpec) -> None:
    """The same prompt once more with a drawn seed, which the form then shows."""
    seed = draw_seed()
    fill_field("generate", "seed", str(seed))
    written = written_of(generation)
    painting = Painting(RenderSettings.like(generation.request, spec), (seed,))
    submit(runtime, state, GenerateTask(generation.words, painting, written=written))


def start_refine(generation: Generation) -> None:
    """Goes to Refine with this picture as the source."""
    refine_from(page_state("refine"), generation)
    go_to(REFINE)


def refine_from(state: PageState, generation: Generation) -> None:
    state.forget()
    state.source, state.source_request, state.source_id = generation.prompt, generation.request, generation.id
    fill_field("refine", "seed", str(generation.request.seed))
    fill_field("refine", "words", "")


def start_inspire(runtime: Runtime, generation: Generation) -> None:
    """Goes to Inspire with this picture as the source."""
    state = page_state("inspire")
    state.forget()
    state.picture, state.source_id = runtime.tools.history.image_file(generation.id), generation.id
    fill_field("inspire", "words", "")
    go_to(INSPIRE)


def start_generate(generation: Generation, spec: ModelSpec, *, settings: bool) -> None:
    """Goes to Generate with this picture's prompt in the editor and, with ``settings``, all of its recipe."""
    request = generation.request
    page_state("generate").show(written_of(generation), generation.words)
    page_state("generate").shown_id = generation.id
    page_state("generate").job_id = None
    fill_field("generate", "words", generation.words if generation.mode == "generate" else "")
    if settings:
        like = RenderSettings.like(request, spec)
        fill_field("generate", "seed", str(request.seed))
        fill_field("generate", "count", 1)
        fill_field("generate", "steps", like.num_inference_steps)
        fill_field("generate", "guidance", like.guidance_scale)
        fill_field("generate", "aspect", spec.nearest_aspect(like.width, like.height))
    go_to(GENERATE)


def use_seed(generation: Generation) -> None:
    """Goes to Generate with this picture's seed in the form."""
    fill_field("generate", "seed", str(generation.request.seed))
    go_to(GENERATE)


def read_seed(text: str | None) -> int:
    """The seed a user typed; a drawn one for an empty field. Raises InputError for what is no whole number."""
    text = (text or "").strip()
    if not text:
        return draw_seed()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 30):
        raise InputError(f"The seed is {text[:30]!r}. Type a whole number, or leave it empty to draw one.")
    return int(text)
