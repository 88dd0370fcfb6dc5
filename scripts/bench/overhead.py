"""How much the studio's whole path (job, steps, file, row) costs over the bare pipeline call, on the same weights.

    PYTHONPATH=. python scripts/bench/overhead.py [ROUNDS] [mini|fibo2]…

Both families unless one is named: mini, and a FIBO 2 of random weights, larger than that of the tests (it paints noise,
in honest time). Measured in turn in one run: bare, studio without previews, studio with previews, and round again; each
figure is the ratio of medians, of seconds on the clock and of seconds of the processor. Then what one preview costs
beside one step. A machine that does other work at the same time makes those on the clock meaningless.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent, steps
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.preview import LatentPreview
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, find_model, register
from fibo_core.models.families import FIBO2
from fibo_core.store.batch_store import BatchStore
from fibo_core.store.database import Database
from fibo_core.store.history import History
from fibo_core.store.job_store import JobStore
from fibo_core.work import workflows
from fibo_core.work.desk import Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.orders import Order
from fibo_core.work.tasks import Task
from fibo_core.work.workflows import Observer, Tools
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.chain import Writers
from fibo_core.writers.offline import OfflineWriter

WORDS = "a red ball on the left and a blue box on the right, at night"
PROMPT = OfflineWriter().expand(WORDS).prompt
SEED = 7


class Watching:
    """An observer that passes everything on, says whether somebody looks at previews, and notes the first step."""

    def __init__(self, observer: Observer, studio: "WarmStudio") -> None:
        self._observer, self._studio = observer, studio
        self.wants_previews = studio.previews

    def on_step(self, event: StepEvent) -> None:
        if event.step == 1:
            self._studio.first_step = time.perf_counter(), time.process_time()
        self._observer.on_step(event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)


@dataclass
class WarmStudio:
    """The desk of a studio that has its model in memory, without pages."""

    engine: FiboEngine
    desk: Desk = field(init=False)
    previews: bool = True
    first_step: tuple[float, float] = (0.0, 0.0)  #: when it was done: on the clock, and the processor's seconds so far

    def paint(self, *, previews: bool = True) -> None:
        """One picture, from the press to its row."""
        self.previews = previews
        model = self.engine.status().model
        order = Order(kind="generate", written=WrittenPrompt(PROMPT), seed=SEED, model=model)
        batch = self.desk.wait(self.desk.place(order).id)
        assert batch.state == "done", batch.current.error

    def request(self) -> GenerationRequest:
        model = self.engine.status().model
        return RenderSettings.of(find_model(model)).request(PROMPT, SEED, self.engine.revision(model))


@contextmanager
def warm_studio(model: str, workspace: Path, *, workers: int = 1) -> Iterator[WarmStudio]:
    database = Database(workspace / "studio.db")
    database.migrate()
    studio = WarmStudio(FiboEngine(model, hub_cache=workspace / "hub"))
    tools = Tools(Writers(()), studio.engine, History(workspace, database))

    def run(task: Task, observer: Observer, cancel: CancelFlag) -> object:
        return workflows.run(tools, task, Watching(observer, studio), cancel)

    queue = JobQueue(JobStore(database), run, lock_file=workspace / "queue.lock", max_workers=workers, timeout_s=600)
    studio.desk = Desk(BatchStore(database), queue, tools, max_queued=99)
    queue.start()
    try:
        studio.engine.load(model)
        yield studio
    finally:
        queue.stop()
        database.close()


def bare(studio: WarmStudio, on_first_step: Callable[[], None] = lambda: None) -> None:
    """What a script of diffusers' own would do with the pipeline that the engine holds."""
    held, request = studio.engine._held, studio.request()
    assert held is not None

    def note(pipe: Any, index: int, timestep: Any, tensors: Any) -> dict[str, Any]:
        if index == 0:
            on_first_step()
        return {}

    held.pipe(
        prompt=request.caption,
        negative_prompt=request.negative_prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        latents=held.family.noise(request, held.pipe),
        callback_on_step_end=note,
        **held.family.arguments(request),
    )


def fibo2(folder: Path) -> ModelSpec:
    """A FIBO 2 of random weights in the catalogue, large enough that a step takes about as long as one of mini's."""
    from tests.tiny import make_tiny_fibo2

    mini = CATALOGUE["mini"]
    weights = make_tiny_fibo2(folder / "fibo2", dim=256)
    spec = replace(mini, name="random-fibo2", title="FIBO 2, random", family=FIBO2, folder=weights, fixed_negative=None)
    register([spec])
    return spec


def measure(model: str, workspace: Path, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds on the clock of each way, medians of so many rounds, and of one preview and one step; the same ways'
    seconds of the processor."""
    with warm_studio(model, workspace) as studio:
        paths = {
            "bare pipeline": partial(bare, studio),
            "studio, previews off": partial(studio.paint, previews=False),
            "studio, previews on": studio.paint,
        }
        for paint in paths.values():  # warm up: imports, caches, the preview's fit
            paint()
        clock: dict[str, list[float]] = {name: [] for name in paths}
        processor: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(rounds):
            for name, paint in paths.items():
                started, worked = time.perf_counter(), time.process_time()
                paint()
                clock[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - worked)
        medians = {name: statistics.median(values) for name, values in clock.items()}
        worked_s = {name: statistics.median(values) for name, values in processor.items()}
        return medians | preview_and_step(studio.engine, studio.request()), worked_s


def preview_and_step(engine: FiboEngine, request: GenerationRequest) -> dict[str, float]:
    """Seconds of one preview, latents to JPEG, and of one step without it, medians of a picture with one each step."""
    spent: list[float] = []
    ends: list[float] = []
    own = LatentPreview.jpeg, steps.predicted_latents, steps.PREVIEW_INTERVAL_S

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args)
            finally:
                spent[-1] += time.perf_counter() - started

        return call

    def foresee(*args: Any) -> Any:
        spent.append(0.0)
        return timed(own[1])(*args)

    LatentPreview.jpeg, steps.predicted_latents, steps.PREVIEW_INTERVAL_S = timed(own[0]), foresee, 0.0  # type: ignore
    try:
        engine.render(request, lambda event: ends.append(time.perf_counter()))
    finally:
        LatentPreview.jpeg, steps.predicted_latents, steps.PREVIEW_INTERVAL_S = own  # type: ignore[method-assign]
    preview = statistics.median(spent)
    step = statistics.median(later - earlier for earlier, later in pairwise(ends)) - preview
    return {"a preview": preview, "a step": step}


def tell(model: str, seconds: dict[str, float], worked: dict[str, float]) -> None:
    print(f"{model:24} on the clock       processor")
    for name, of_processor in worked.items():
        on_clock = f"{seconds[name]:6.3f} s  {seconds[name] / seconds['bare pipeline']:5.3f}"
        print(f"  {name:22} {on_clock}  {of_processor:6.3f} s  {of_processor / worked['bare pipeline']:5.3f}")
    share = seconds["a preview"] / seconds["a step"]
    milli = {name: 1000 * seconds[name] for name in ("a preview", "a step")}
    print(f"  a preview {milli['a preview']:.2f} ms, {100 * share:.1f} % of a step of {milli['a step']:.1f} ms")
    print(f"  it is made at most each {steps.PREVIEW_INTERVAL_S:g} s", flush=True)


def main() -> None:
    given = sys.argv[1:]
    rounds = int(given.pop(0)) if given and given[0].isdigit() else 9
    for family in given or ("mini", "fibo2"):
        with tempfile.TemporaryDirectory() as folder:
            model = "mini" if family == "mini" else fibo2(Path(folder)).name
            tell(model, *measure(model, Path(folder), rounds))
    print(f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
