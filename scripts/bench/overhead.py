"""How much the studio's whole path (job, steps, file, row) costs over the bare pipeline call, on the same weights.

    PYTHONPATH=. python scripts/bench/overhead.py [ROUNDS]

Measured in turn in one run on mini: bare, studio without previews, studio with previews, and round again; each
figure is the ratio of medians. A machine that does other work at the same time makes them meaningless.
"""

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.families import FIBO1
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

SETTINGS = RenderSettings.of(CATALOGUE["mini"])
WORDS = "a red ball on the left and a blue box on the right, at night"


class WithoutPreviews:
    """An observer that passes everything on, and says that nobody looks at previews."""

    wants_previews = False

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    prompt = OfflineWriter().expand(WORDS).prompt
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        database = Database(workspace / "studio.db")
        database.migrate()
        engine = FiboEngine("mini", hub_cache=workspace / "hub")
        tools = Tools(Writers(()), engine, History(workspace, database))
        seen = {"previews": True}

        def run(task: Task, observer: Observer, cancel: CancelFlag) -> object:
            return workflows.run(tools, task, observer if seen["previews"] else WithoutPreviews(observer), cancel)

        queue = JobQueue(JobStore(database), run, lock_file=workspace / "queue.lock", max_workers=1, timeout_s=600)
        desk = Desk(BatchStore(database), queue, tools, max_queued=9)
        queue.start()
        engine.load("mini")

        def studio(previews: bool) -> None:
            seen["previews"] = previews
            batch = desk.wait(desk.place(Order(kind="generate", written=WrittenPrompt(prompt), seed=7)).id)
            assert batch.state == "done", batch.current.error

        paths = {
            "bare pipeline": partial(bare, engine, prompt.canonical()),
            "studio, previews off": partial(studio, False),
            "studio, previews on": partial(studio, True),
        }
        for paint in paths.values():  # warm up: imports, caches, the preview's fit
            paint()
        times: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(rounds):
            for name, paint in paths.items():
                started = time.perf_counter()
                paint()
                times[name].append(time.perf_counter() - started)
        queue.stop()
        database.close()

    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:22} {median:6.3f} s   {median / medians['bare pipeline']:5.3f}")


def bare(engine: FiboEngine, text: str) -> None:
    """What a script of diffusers' own would do with the pipeline that the engine holds."""
    import torch

    held = engine._held
    assert held is not None
    held.pipe(
        prompt=text,
        negative_prompt="{}",
        width=SETTINGS.width,
        height=SETTINGS.height,
        num_inference_steps=SETTINGS.num_inference_steps,
        guidance_scale=SETTINGS.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(7),
        max_sequence_length=FIBO1.tokens_max,
    )


if __name__ == "__main__":
    main()
