"""Whether the very picture that an order asks for is stored already, or is about to be painted.

A recipe decides every pixel of a picture, so an order whose recipe is stored would paint a second file of the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fibo_core.engine import Engine
from fibo_core.engine.request import DRAW, GenerationRequest
from fibo_core.prompts.axes import with_values
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.work.batches import Batch
from fibo_core.work.jobs import Job
from fibo_core.work.orders import Order, plan
from fibo_core.work.tasks import EditTask, Task
from fibo_core.writers import WrittenPrompt


@dataclass(frozen=True)
class OnePicture:
    """An order of one picture whose seed is known: its task and its seed."""

    task: Task
    seed: int

    @classmethod
    def of(cls, order: Order, *, default_model: str) -> "OnePicture | None":
        """None for an order of several pictures, or of a seed that is still to be drawn. An edit is made ready before.
        Raises InputError for what cannot be."""
        if not order.paint or order.seed is None or order.seed == DRAW:
            return None
        planned = plan(order, default_model=default_model)
        if len(planned.cells) != 1 or planned.cells[0].seed is None:
            return None
        return cls(planned.jobs[planned.cells[0].job].task, planned.cells[0].seed)

    def request(self, engine: Engine) -> GenerationRequest | None:
        """Its recipe; None as long as its prompt is not written."""
        prompt, settings = _prompt(self.task, None), self.task.painting.settings
        if prompt is None:
            return None
        adapters = engine.adapters(settings.model, settings.adapters)
        return settings.request(prompt, self.seed, engine.revision(settings.model), adapters)

    def of_edits(self, pictures: Iterable[Generation], engine: Engine) -> Generation | None:
        """The newest of these pictures that this edit would paint once more; None where none is, or as long as its
        prompt is not written. Which way the studio chooses is known afterwards: it would choose the same again."""
        task, plain = self.task, self.request(engine)
        if not isinstance(task, EditTask) or plain is None or task.mask_of is not None:
            return None
        asked = _begins_with(task)
        for picture in sorted(pictures, key=lambda each: each.id, reverse=True):
            if not isinstance(picture.request, GenerationRequest) or (edit := picture.request.edit) is None:
                continue
            made = (edit.source, edit.mask, None, edit.references, edit.start_sigma, edit.feather)
            same = made == asked and task.way in (None, edit.way) and not edit.instruction
            if same and replace(picture.request, edit=None).recipe_hash == plain.recipe_hash:
                return picture
        return None

    def being_painted(self, batches: Iterable[Batch]) -> Batch | None:
        """The first of these batches with a job that paints it, or that will; None where none does."""
        return next((batch for batch in batches if any(self._is_of(job) for job in batch.jobs)), None)

    def _is_of(self, job: Job) -> bool:
        painting = job.task.painting
        if job.ended or self.seed not in painting.seeds[len(job.generation_ids) :]:
            return False
        if painting.together and len(painting.seeds) > 1:
            return False  # its pixels may be others by a little
        if painting.settings != self.task.painting.settings or _begins_with(job.task) != _begins_with(self.task):
            return False
        if isinstance(job.task, EditTask) and isinstance(self.task, EditTask) and job.task.way != self.task.way:
            return False
        prompt = _prompt(self.task, None)
        if prompt is None:
            return job.task.written is None and _only(job.task, self.seed) == _only(self.task, self.seed)
        painted = _prompt(job.task, job.written)
        return painted is not None and painted.canonical() == prompt.canonical()


def _prompt(task: Task, written: WrittenPrompt | None) -> StructuredPrompt | None:
    """What a task paints: what was written for it, or its own prompt with its values laid over it."""
    if written is not None:
        return written.prompt
    return None if task.written is None else with_values(task.written.prompt, dict(task.painting.values))


def _begins_with(task: Task) -> tuple[object, ...]:
    """What an edit is painted out of; nothing for whatever begins with noise alone."""
    if not isinstance(task, EditTask):
        return ()
    return (task.picture, task.mask, task.mask_of, task.references, task.strength, task.feather)


def _only(task: Task, seed: int) -> Task:
    """A task of one of its seeds, wherever its picture goes."""
    return replace(task, painting=replace(task.painting, seeds=(seed,), collection=None))
