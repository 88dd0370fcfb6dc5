"""What is idle between two pictures: of one order, painted and saved in turn, and of two jobs at once.

    PYTHONPATH=. python scripts/bench/overlap.py [PICTURES] [SIDE]

On mini, two steps at SIDE² pixels (1024), so that decoding and saving are a large part. Idle is from the end of one
picture's painting to the beginning of the next one's: what could be won if nothing waited for a file.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from fibo_core.engine.fibo import FiboEngine
from fibo_core.store.history import History
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt
from scripts.bench.overhead import PROMPT, warm_studio


def main() -> None:
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    painted, saved = timed(FiboEngine, "_paint"), timed(History, "add")
    for way, counts in (("one order", [pictures]), ("an order each, two at once", [1] * pictures)):
        with tempfile.TemporaryDirectory() as folder, warm_studio("mini", Path(folder), workers=2) as studio:
            held: Any = studio.engine._held
            decoded = timed(held.pipe.vae, "decode")
            studio.paint(previews=False)
            for spans in (painted, saved, decoded):
                spans.clear()
            started = time.perf_counter()
            placed = [
                studio.desk.place(
                    Order(
                        kind="generate", written=WrittenPrompt(PROMPT), seed=seed, count=count, model="mini",
                        size=(side, side), steps=2,
                    )
                ).id
                for seed, count in enumerate(counts)
            ]  # fmt: skip
            assert sum(len(studio.desk.wait(id).generation_ids) for id in placed) == pictures
            whole = time.perf_counter() - started
        idle = statistics.median(later[0] - earlier[1] for earlier, later in pairwise(sorted(painted)))
        print(f"{way}: {pictures} pictures in {whole:.2f} s, {1000 * idle:.0f} ms idle between two")
        print(f"  painting {lasts(painted):.2f} s, of that decoding {lasts(decoded):.2f}; saving {lasts(saved):.2f} s")


def timed(owner: Any, name: str) -> list[tuple[float, float]]:
    """Beginning and end of each call from now on."""
    spans: list[tuple[float, float]] = []
    own: Callable[..., Any] = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return own(*args, **kwargs)
        finally:
            spans.append((started, time.perf_counter()))

    setattr(owner, name, call)
    return spans


def lasts(spans: list[tuple[float, float]]) -> float:
    return statistics.median(end - start for start, end in spans)


if __name__ == "__main__":
    main()
