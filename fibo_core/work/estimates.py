"""How long painting takes on this machine, by what each model took for its newest pictures: of orders that are not
placed yet, and of batches that are being worked on. The one place for this arithmetic.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.store.history import History
from fibo_core.work.jobs import Job
from fibo_core.work.tasks import Task


@dataclass(frozen=True)
class Estimate:
    """What an order comes to: how many ``pictures``, and about how long painting them takes; None where nothing tells.

    What waits in the queue before it, the writing and the loading of a model are not counted.
    """

    pictures: int
    painting_s: float | None


class Pace:
    """Looks each model up once; for one answer, not to be kept."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: dict[str, float | None] = {}

    def estimate(self, tasks: Iterable[Task]) -> Estimate:
        """Of tasks none of which has begun."""
        pictures, total = 0, 0.0
        unknown = False
        for task in tasks:
            count = len(task.painting.seeds)
            each = self._picture_s(task.painting.settings) if count else 0.0
            pictures, total, unknown = pictures + count, total + count * (each or 0.0), unknown or each is None
        return Estimate(pictures, None if unknown else total)

    def remaining_s(self, jobs: Iterable[Job]) -> float | None:
        """Of what these jobs have not painted yet; None where nothing tells."""
        total = 0.0
        for job in jobs:
            settings, left = job.task.painting.settings, len(job.task.painting.seeds) - len(job.generation_ids)
            if job.ended or left == 0:
                continue
            step, each = job.progress.step, self._picture_s(settings)
            if step is not None:
                each = each if each is not None else step.elapsed_s + step.remaining_s
                total, left = total + step.remaining_s, max(0, left - step.pictures)
            if each is None:
                return None
            total += each * left
        return total

    def _picture_s(self, settings: RenderSettings) -> float | None:
        if settings.model not in self._known:
            self._known[settings.model] = self._history.pace(settings.model)
        known = self._known[settings.model]
        return None if known is None else known * settings.num_inference_steps * settings.width * settings.height
