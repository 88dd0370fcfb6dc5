"""The product in three functions: generate, refine and inspire.

Each writes a structured prompt (unless one is given), paints it once for every seed, and stores each picture with
its recipe as soon as it is done. They know no queue and no page: an Observer is told what happens and a CancelFlag
ends the work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import Engine, StepEvent
from fibo_core.request import check_tokens
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.store.images import open_picture
from fibo_core.tasks import GenerateTask, InspireTask, RefineTask, Task
from fibo_core.writers import PromptWriter, WrittenPrompt, pick_writer


class Observer(Protocol):
    """Is told what happens, in order, in the thread that works; must return quickly."""

    wants_previews: bool  #: whether somebody looks at the pictures of `on_step`, which take a little time

    def on_writing(self, writer: str) -> None: ...
    def on_written(self, written: WrittenPrompt) -> None: ...
    def on_painting(self, index: int, total: int) -> None: ...
    def on_step(self, event: StepEvent) -> None: ...
    def on_stored(self, generation: Generation) -> None: ...


@dataclass(frozen=True)
class Tools:
    """What the workflows work with."""

    writers: Mapping[str, PromptWriter]
    engine: Engine
    history: History


def generate(tools: Tools, task: GenerateTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """Pictures of what the words say."""
    written = task.written
    if written is None:
        writer = pick_writer(tools.writers, task.writer)
        observer.on_writing(writer.name)
        written = writer.expand(task.words, cancel=cancel)
    observer.on_written(written)
    return _paint(tools, task, written, observer, cancel)


def refine(tools: Tools, task: RefineTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """New pictures of the source's prompt, changed as the instruction says."""
    written = task.written
    if written is None:
        writer = pick_writer(tools.writers, task.writer)
        observer.on_writing(writer.name)
        written = writer.refine(task.source, task.words, cancel=cancel)
    observer.on_written(written)
    return _paint(tools, task, written, observer, cancel, parent_id=task.source_id)


def inspire(tools: Tools, task: InspireTask, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """Pictures of what a writer sees in the given one, which is kept beside them."""
    picture = open_picture(tools.history.absolute(task.picture))
    written = task.written
    if written is None:
        writer = pick_writer(tools.writers, task.writer)
        observer.on_writing(writer.name)
        written = writer.inspire(picture, task.words, cancel=cancel)
    observer.on_written(written)
    return _paint(tools, task, written, observer, cancel, parent_id=task.source_id, source=picture)


def run(tools: Tools, task: Task, observer: Observer, cancel: CancelFlag) -> list[Generation]:
    """The workflow of a task."""
    if isinstance(task, GenerateTask):
        return generate(tools, task, observer, cancel)
    if isinstance(task, RefineTask):
        return refine(tools, task, observer, cancel)
    return inspire(tools, task, observer, cancel)


def _paint(
    tools: Tools,
    task: Task,
    written: WrittenPrompt,
    observer: Observer,
    cancel: CancelFlag,
    *,
    parent_id: str | None = None,
    source: Image.Image | None = None,
) -> list[Generation]:
    """One stored picture for every seed; those already stored stay when a later one fails or is cancelled."""
    seeds, settings = task.painting.seeds, task.painting.settings
    if not seeds:
        return []
    revision = tools.engine.revision(settings.model)
    check_tokens(tools.engine.count_tokens(settings.model, written.prompt.canonical()))
    generations = []
    for index, seed in enumerate(seeds):
        observer.on_painting(index, len(seeds))
        request = settings.request(written.prompt, seed, revision)
        rendered = tools.engine.render(request, observer.on_step, cancel, previews=observer.wants_previews)
        generation = tools.history.add(
            rendered,
            request,
            mode=task.mode,
            words=task.words,
            writer=written.writer,
            edited=written.edited,
            parent_id=parent_id,
            source=source,
        )
        observer.on_stored(generation)
        generations.append(generation)
    return generations
