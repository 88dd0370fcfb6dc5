"""How the time of a review grows with its prompts: n objects against 2n, in one run.

    PYTHONPATH=. python scripts/bench/review.py [ROUNDS]

Each line is one question about two prompts, at two sizes: milliseconds, the best of some rounds, and their ratio, which
is 2 where the time grows as the prompt does. The largest size is the most objects a prompt may have.
"""

import sys
import time
from collections.abc import Callable

from fibo_core.prompts.caption_schema import MAX_ITEMS
from fibo_core.prompts.locks import restore_locked
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.review import review

INSTRUCTION = "make all things green"


def things(count: int, kind: str) -> list[dict[str, str]]:
    return [
        {"description": f"a red {kind} {n}", "location": "left", "shape_and_color": f"round, red {n}", "texture": kind}
        for n in range(count)
    ]


def prompts(count: int) -> tuple[StructuredPrompt, StructuredPrompt]:
    """A prompt, and another one in which one object in twenty is the same, and the first is taken out."""
    before, after = things(count, "thing"), things(count, "other")
    after[::20] = before[::20]
    return StructuredPrompt.from_dict({"objects": before}), StructuredPrompt.from_dict({"objects": after[1:]})


def restore(before: StructuredPrompt, after: StructuredPrompt) -> object:
    return restore_locked(before, after, ["objects[3].description", f"objects[{len(after.get('objects'))}]"])


QUESTIONS: dict[str, Callable[[StructuredPrompt, StructuredPrompt], object]] = {
    "diff": diff,
    "restore_locked": restore,
    "review": lambda before, after: review(before, after, after, INSTRUCTION),
}


def milliseconds(ask: Callable[[StructuredPrompt, StructuredPrompt], object], count: int, rounds: int) -> float:
    before, after = prompts(count)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        ask(before, after)
        times.append(time.perf_counter() - started)
    return 1_000 * min(times)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for count in (70, 155, MAX_ITEMS // 4, MAX_ITEMS // 2):
        for name, ask in QUESTIONS.items():
            one, two = (milliseconds(ask, size, rounds) for size in (count, 2 * count))
            print(f"{name:<15} {count:>4} {one:8.1f} ms   {2 * count:>4} {two:8.1f} ms   ratio {two / one:.1f}")


if __name__ == "__main__":
    main()
