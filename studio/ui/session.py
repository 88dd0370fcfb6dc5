"""What pages do with jobs and pictures: submit, find one's job again, begin a refinement or an inspiration."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import streamlit as st

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import draw_seed
from fibo_core.errors import (
    FiboError,
    GenerationDamaged,
    GenerationNotFound,
    InputError,
    JobDamaged,
    JobNotFound,
)
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.wildcards import deal, read_wildcards
from fibo_core.store.generation import Generation, Mode
from fibo_core.work.jobs import Job
from fibo_core.work.runtime import Runtime
from fibo_core.work.tasks import GenerateTask, InspireTask, Painting, RefineTask, Task
from fibo_core.writers import WrittenPrompt
from studio.remedies import with_button
from studio.ui.navigation import GENERATE, INSPIRE, REFINE, go_to
from studio.ui.state import Field, PageState, field_key, fill_field, page_state
from studio.ui.words import plain


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an error of ours as one calm sentence; a bug goes on."""
    try:
        yield
    except FiboError as exc:
        st.error(plain(with_button(exc)), icon=":material/error:")


def follow_batch(runtime: Runtime, state: PageState) -> list[Job]:
    """The jobs of the page's batch as they are now; the one that paints, or comes next, becomes the page's own."""
    jobs = []
    for job_id in state.batch:
        with suppress(JobNotFound, JobDamaged):
            jobs.append(runtime.jobs.get(job_id))
    going = [job for job in jobs if not job.ended]
    painting = [job for job in going if job.progress.step is not None]
    state.job_id = next((job.id for job in [*painting, *going]), state.job_id)
    return jobs


def attach_job(runtime: Runtime, state: PageState, mode: Mode) -> Job | None:
    """The page's job as it is now; after a reload, the one its address names. Takes over the prompt it has written."""
    named = st.query_params.get("job")
    if state.job_id is None and named is None:
        return None
    try:
        job = runtime.jobs.get(state.job_id or named or "")
    except (JobNotFound, JobDamaged) as exc:
        state.job_id = None
        st.query_params.pop("job", None)
        if isinstance(exc, JobDamaged):
            st.warning(plain(str(exc)), icon=":material/broken_image:")
        return None
    if job.mode != mode:
        return None
    if state.job_id is None:
        _restore(runtime, state, job)
    written = job.written or job.task.written
    if written is not None and state.taken_from != job.id:
        # Once its user has changed the prompt of a batch, the batch's next one does not take its place.
        if not (state.taken_from in state.batch and state.draft is not None and state.draft.is_users):
            state.show(written, job.task.words)
            state.base = job.task.source if isinstance(job.task, RefineTask) else None
        state.taken_from = job.id
    if job.ended and state.ended_job != job.id:
        state.ended_job, state.shown_id = job.id, None  # its picture, or why there is none, is what is shown now
    if job.generation_ids:
        state.last_id = job.generation_ids[-1]
    st.query_params["job"] = job.id
    return job


def _restore(runtime: Runtime, state: PageState, job: Job) -> None:
    """A new browser session goes on where another one submitted the job: its form, its source."""
    state.job_id = job.id
    task, settings, seeds = job.task, job.task.painting.settings, job.task.painting.seeds
    spec = find_model(settings.model)
    fields: dict[Field, object] = {
        "words": (isinstance(task, GenerateTask) and task.pattern) or task.words,
        "writer": task.writer,
        "aspect": spec.nearest_aspect(settings.width, settings.height),
        "steps": settings.num_inference_steps,
        "guidance": settings.guidance_scale,
        "negative": settings.negative_prompt,
    }
    if seeds:
        fields |= {"seed": str(seeds[0]), "count": len(seeds)}
    for field, value in fields.items():
        st.session_state[field_key(job.mode, field)] = value
    if isinstance(task, RefineTask):
        source = find_picture(runtime, task.source_id)
        state.source, state.source_id = source.prompt if source else task.source, task.source_id
        state.locked = task.locked
        st.session_state[field_key("refine", "only_asked")] = task.only_asked
        st.session_state[field_key("refine", "with_picture")] = task.with_picture
        state.source_request = source.request if source else None
    elif isinstance(task, InspireTask):
        state.picture, state.source_id = runtime.tools.history.absolute(task.picture), task.source_id


def prompt_to_paint(state: PageState, words: str) -> WrittenPrompt | None:
    """The prompt in the editor when that is what must be painted; None when the writer must be asked.

    It is the user's own JSON, or what the writer gave for these very words. Raises PromptError when it is none.
    """
    draft = state.draft
    if draft is None or not (draft.is_users or words in ("", draft.words)):
        return None
    return draft.parsed()


def generate_tasks(state: PageState, words: str, painting: Painting, writer: str, *, paint: bool) -> list[GenerateTask]:
    """One task for each distinct text that the words stand for, with its share of the seeds.

    One in all where the user's own JSON is painted, whatever the words say; with ``paint`` False one that only writes
    the first text's prompt. Raises InputError where there are neither words nor a prompt.
    """
    draft, found = state.draft, read_wildcards(words).found
    if paint and draft is not None and draft.is_users:
        return [GenerateTask(draft.words if found else words, painting, writer, draft.parsed())]
    tasks = []
    for text, seeds in deal(words, painting.seeds):
        written = prompt_to_paint(state, text) if paint else None
        if written is None and not text:
            raise InputError("Say in a few words what the picture should show, or start from JSON.")
        tasks.append(GenerateTask(text, Painting(painting.settings, seeds), writer, written, words if found else ""))
    return tasks if paint else [replace(tasks[0], painting=Painting(painting.settings))]


def submit(runtime: Runtime, state: PageState, *tasks: Task) -> None:
    """Submits the tasks, all or none, and runs the page again, watching them. Raises QueueFull or a StoreError."""
    jobs = runtime.jobs.submit_all(tasks)
    state.batch = tuple(job.id for job in jobs)
    watch(state, jobs[0])


def watch(state: PageState, job: Job, *, instead_of: str | None = None) -> None:
    """Makes ``job`` the page's own and runs the page again; in a batch it takes the place of the one it retries."""
    if instead_of in state.batch:
        state.batch = tuple(job.id if each == instead_of else each for each in state.batch)
    elif job.id not in state.batch:
        state.batch = (job.id,)
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
    """The picture, or None when there is none of this id (any more), or none that can be read."""
    if generation_id is None:
        return None
    try:
        return runtime.tools.history.get(generation_id)
    except (GenerationNotFound, GenerationDamaged):
        return None


def shown_picture(runtime: Runtime, state: PageState) -> Generation | None:
    """The picture to show large: the one the user chose, else the one painted last."""
    return find_picture(runtime, state.shown_id) or find_picture(runtime, state.last_id)


def written_of(generation: Generation) -> WrittenPrompt:
    """A stored picture's prompt with its author."""
    return WrittenPrompt(
        generation.prompt,
        generation.writer,
        generation.edited,
        model=generation.writer_model,
        usage=generation.usage,
    )


def new_seed(mode: Mode, generation: Generation, spec: ModelSpec) -> Painting:
    """The picture's settings with a drawn seed, which the page's form shows at its next run."""
    seed = draw_seed()
    fill_field(mode, "seed", str(seed))
    return Painting(RenderSettings.like(generation.request, spec), (seed,))


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
    """Goes to Inspire with this picture as the source. Raises GenerationNotFound where its file is gone."""
    state, spec = page_state("inspire"), find_model(runtime.tools.engine.status().model)
    picture = runtime.tools.history.image_file(generation.id)
    state.forget()
    state.picture, state.source_id = picture, generation.id
    fill_field("inspire", "words", "")
    fill_field("inspire", "aspect", spec.nearest_aspect(generation.request.width, generation.request.height))
    go_to(INSPIRE)


def start_generate(generation: Generation, spec: ModelSpec, *, settings: bool) -> None:
    """Goes to Generate with this picture's prompt in the editor and, with ``settings``, all of its recipe.

    Raises RequestError for settings that cannot be painted with.
    """
    request, state = generation.request, page_state("generate")
    like = RenderSettings.like(request, spec) if settings else None
    words = generation.words if generation.mode == "generate" else ""
    state.show(written_of(generation), words)
    state.shown_id, state.job_id, state.batch = generation.id, None, ()
    fill_field("generate", "words", words)
    if like is not None:
        fill_field("generate", "seed", str(request.seed))
        fill_field("generate", "count", 1)
        fill_field("generate", "steps", like.num_inference_steps)
        fill_field("generate", "guidance", like.guidance_scale)
        fill_field("generate", "negative", like.negative_prompt)
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
