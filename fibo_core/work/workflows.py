"""The product in five functions: generate, refine, inspire, edit and, for a stored picture, again.

Each writes a structured prompt (unless one is given), paints it once for every seed, and stores each picture with
its recipe as soon as it is done. They know no queue and no page: an Observer is told what happens and a CancelFlag
ends the work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile
from pathlib import Path
from typing import Protocol, cast

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import Engine, RenderedImage, StepEvent
from fibo_core.engine.request import GenerationRequest, check_tokens
from fibo_core.errors import GenerationNotFound, NothingChanged, PictureError, StoreError
from fibo_core.models.catalogue import find_model
from fibo_core.prompts.axes import check_paths, with_values
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.history import History
from fibo_core.store.images import open_picture, png_bytes
from fibo_core.store.inputs import Inputs, open_input
from fibo_core.store.set_aside import set_aside
from fibo_core.work.again import AgainReport, report_again, request_again
from fibo_core.work.edit_ways import Render, left_behind, not_local, paint_edit
from fibo_core.work.tasks import EditTask, GenerateTask, InspireTask, RefineTask, Task
from fibo_core.writers import PromptWriter, WrittenPrompt
from fibo_core.writers.chain import Ask, Waiter, Writers
from fibo_core.writers.edit_words import for_writers
from fibo_core.writers.review import kept_by_locks, reviewed

WRITER_SEED = 0  #: where nothing is painted, so that none was drawn


class Observer(Waiter, Protocol):
    """Is told what happens, in order, in the thread that works; must return quickly."""

    wants_previews: bool  #: whether somebody looks at the pictures of `on_step`, which take a little time

    def on_tokens(self, count: int) -> None: ...
    def on_written(self, written: WrittenPrompt) -> None: ...
    def on_painting(self, index: int, total: int) -> None: ...
    def on_step(self, event: StepEvent) -> None: ...
    def on_stored(self, generation: Generation) -> None: ...
    def on_compared(self, report: AgainReport) -> None: ...


@dataclass(frozen=True)
class Tools:
    """What the workflows work with."""

    writers: Writers
    engine: Engine
    history: History

    @cached_property
    def inputs(self) -> Inputs:
        """What orders bring, kept in the history's workspace."""
        return Inputs(self.history.absolute(Path()))


def generate(tools: Tools, task: GenerateTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """Pictures of what the words say."""
    seed, on_tokens = _writer_seed(task), observer.on_tokens
    written = _write(
        tools, task, observer, lambda it: it.expand(task.words, cancel=cancel, seed=seed, on_tokens=on_tokens)
    )
    return _paint(tools, task, written, observer, cancel)


def refine(tools: Tools, task: RefineTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """New pictures of the source's prompt, changed as the instruction says, but for what is locked in it.

    Raises NothingChanged where the task must change the prompt, and the writer did not.
    """
    seed, on_tokens = _writer_seed(task), observer.on_tokens
    picture, kept = None, ""
    if task.with_picture and task.source_id is not None and task.written is None:
        picture = open_picture(tools.history.image_file(task.source_id))

    def ask(writer: PromptWriter) -> WrittenPrompt:
        answer = writer.refine(task.source, task.words, picture=picture, cancel=cancel, seed=seed, on_tokens=on_tokens)
        nonlocal kept
        kept = kept_by_locks(task.source, answer.prompt, task.words, task.locked)
        return reviewed(task.source, answer, task.words, locked=task.locked, narrow=task.only_asked)

    written = _write(tools, task, observer, ask)
    if task.must_change and task.written is None and task.painting.seeds and not diff(task.source, written.prompt):
        if kept:
            raise NothingChanged(f"Nothing would change: {kept[0].lower()}{kept[1:]}")
        raise NothingChanged(
            "Nothing would change: the prompt may say so already. Say it in other words, or paint it again as it is."
        )
    return _paint(tools, task, written, observer, cancel, parent_id=task.source_id)


def inspire(tools: Tools, task: InspireTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """Pictures of what a writer sees in the given ones; the main one is kept beside them."""
    pictures = [open_input(tools.history.absolute(picture)) for picture in task.pictures]
    seed, on_tokens = _writer_seed(task), observer.on_tokens

    def ask(writer: PromptWriter) -> WrittenPrompt:
        return writer.inspire(pictures, task.words, cancel=cancel, seed=seed, on_tokens=on_tokens)

    written = _write(tools, task, observer, ask)
    others = [str(tools.history.relative(tools.history.absolute(picture))) for picture in task.pictures[1:]]
    return _paint(
        *(tools, task, written, observer, cancel), parent_id=task.source_id, source=pictures[0], other_sources=others
    )


def edit(tools: Tools, task: EditTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """Pictures painted out of a stored one: only behind a mask, or from a part of its noise on.

    Outside a mask every pixel is the stored picture's.
    """
    seed, on_tokens = _writer_seed(task), observer.on_tokens

    def ask(writer: PromptWriter) -> WrittenPrompt:
        words = for_writers(task.words)
        answer = writer.refine(task.source, words, cancel=cancel, seed=seed, on_tokens=on_tokens)
        return reviewed(task.source, answer, words, locked=(), narrow=False)

    masked = task.mask is not None or task.mask_of is not None
    lost = _left_behind(tools, task)
    written = _write(
        *(tools, task, observer, ask), note=lambda it: f"{not_local(task.source, it) if masked else ''} {lost}".strip()
    )
    return _paint(
        *(tools, task, written, observer, cancel),
        parent_id=task.source_id,
        paint=lambda request, render: paint_edit(task, request, render, tools.inputs),
    )


def again(
    tools: Tools, picture_id: str, observer: Observer, cancel: CancelFlag, *, keep: bool = False
) -> list[Generation]:
    """A stored picture's recipe painted once more, and compared with it; the new one is stored where it is to be kept.

    Raises GenerationNotFound, GenerationDamaged, and InputError for a recipe that cannot be painted.
    """
    picture = tools.history.get(picture_id, deleted_too=True)
    request = request_again(picture, tools.engine)
    check_tokens(tools.engine.count_tokens(request.model, request.caption), find_model(request.model).family)
    observer.on_painting(0, 1)
    rendered = tools.engine.render(request, observer.on_step, cancel, previews=observer.wants_previews)
    report, kept = report_again(tools.history, picture, request, rendered), []
    if keep:
        source = tools.history.source_file(picture_id)
        generation = tools.history.add(
            rendered,
            request,
            mode=cast(Mode, picture.mode),  # what was imported is refused before
            words=picture.words,
            writer=picture.writer,
            edited=picture.edited,
            writer_model=picture.writer_model,
            usage=picture.usage,
            parent_id=picture.id,
            source=None if source is None else open_picture(source),
            other_sources=picture.other_sources,
        )
        observer.on_stored(generation)
        report, kept = replace(report, generation_id=generation.id), [generation]
    elif not report.same:
        report = replace(report, aside=set_aside(tools.history.cache_dir, png_bytes(rendered.image)))
    observer.on_compared(report)
    return kept


def run(tools: Tools, task: Task, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """The workflow of a task."""
    if isinstance(task, GenerateTask) and task.again_of is not None:
        return again(tools, task.again_of, observer, cancel, keep=task.keep)
    if isinstance(task, GenerateTask):
        return generate(tools, task, observer, cancel)
    if isinstance(task, RefineTask):
        return refine(tools, task, observer, cancel)
    if isinstance(task, EditTask):
        return edit(tools, task, observer, cancel)
    return inspire(tools, task, observer, cancel)


def _write(
    tools: Tools,
    task: Task,
    observer: Observer,
    ask: Ask,
    note: Callable[[StructuredPrompt], str] = lambda prompt: "",
) -> WrittenPrompt:
    """The prompt that the task brings, or what a writer answers, with the task's own values laid over it; with what
    ``note`` says of it."""
    written = tools.writers.write(task.writer, ask, observer) if task.written is None else task.written
    check_paths(written.prompt, task.painting.checked)
    if task.painting.values:
        written = replace(written, prompt=with_values(written.prompt, dict(task.painting.values)), edited=True)
    if (said := note(written.prompt)) and said not in written.notes:
        written = replace(written, notes=(*written.notes, said))
    observer.on_written(written)
    return written


def _writer_seed(task: Task) -> int:
    """The seed a writer is given, so that the same task is answered the same; the services' seeds have 31 bits."""
    painting = task.painting
    seed = painting.seeds[0] if painting.seeds else painting.writer_seed
    return WRITER_SEED if seed is None else seed % 2**31


def _paint(
    tools: Tools,
    task: Task,
    written: WrittenPrompt,
    observer: Observer,
    cancel: CancelFlag,
    *,
    parent_id: str | None = None,
    source: Image.Image | None = None,
    other_sources: Sequence[str] = (),
    paint: Callable[[GenerationRequest, Render], tuple[RenderedImage, GenerationRequest]] | None = None,
) -> list[Generation]:
    """One stored picture for every seed; those already stored stay when a later one fails or is cancelled.

    ``paint`` makes more of a plain request than rendering it, and tells what it came to.
    """
    seeds, settings = task.painting.seeds, task.painting.settings
    if not seeds:
        return []
    tools.history.check_place()
    revision = tools.engine.revision(settings.model)
    adapters = tools.engine.adapters(settings.model, settings.adapters)
    family = find_model(settings.model).family
    check_tokens(tools.engine.count_tokens(settings.model, family.caption(written.prompt)), family)
    waiting = [settings.request(written.prompt, seed, revision, adapters) for seed in seeds]
    reuse = task.painting.reuse and paint is None
    generations: list[Generation] = []
    while waiting:
        observer.on_painting(len(seeds) - len(waiting), len(seeds))
        if reuse and (stored := _stored(tools.history, waiting[0])) is not None:
            observer.on_stored(stored)
            generations.append(stored)
            del waiting[0]
            continue
        on_step, previews = observer.on_step, observer.wants_previews
        if paint is not None:
            render = partial(tools.engine.render, on_step=on_step, cancel=cancel, previews=previews)
            painted = [paint(waiting[0], render)]
        else:
            asked = waiting if task.painting.together else waiting[:1]
            if reuse:
                asked = list(takewhile(lambda request: _stored(tools.history, request) is None, asked))
            pictures = tools.engine.render_together(asked, on_step, cancel, previews=previews)
            painted = list(zip(pictures, asked, strict=False))  # those that one pass had memory for
        del waiting[: len(painted)]
        for rendered, request in painted:
            if rendered.note:
                observer.on_written(replace(written, notes=(*written.notes, rendered.note)))
            generation = tools.history.add(
                rendered,
                request,
                mode=task.mode,
                words=task.words,
                writer=written.writer,
                edited=written.edited,
                writer_model=written.model,
                usage=written.usage,
                parent_id=parent_id,
                source=source,
                other_sources=other_sources,
                collection=task.painting.collection,
            )
            observer.on_stored(generation)
            generations.append(generation)
    return generations


def _left_behind(tools: Tools, task: EditTask) -> str:
    """What of the stored picture its edit has not, as a sentence; "" where nobody can look any more."""
    try:
        return "" if task.source_id is None else left_behind(tools.history.image_file(task.source_id))
    except (GenerationNotFound, PictureError):
        return ""


def _stored(history: History, request: GenerationRequest) -> Generation | None:
    """The picture of this very recipe that is there already, with its file."""
    stored = history.of_recipe(request.recipe_hash)
    try:
        return stored if stored is not None and history.image_file(stored.id) else None
    except StoreError:
        return None
