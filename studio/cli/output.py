"""What a command prints: results on stdout, everything else on stderr."""

import json
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fibo_core.cancel import CancelFlag
from fibo_core.durations import wait
from fibo_core.engine import StepEvent
from fibo_core.writers import WrittenPrompt, writer_name

if TYPE_CHECKING:
    from fibo_core.store.generation import Generation
    from fibo_core.work.again import AgainReport


def print_text(text: str) -> None:
    print(text, flush=True)


def print_json(value: object) -> None:
    print_text(json.dumps(value, indent=2))


def complain(message: str, status: int) -> int:
    """One line on stderr; returns the exit code for it."""
    print(" ".join(message.split()), file=sys.stderr)
    return status


def result_record(generation: "Generation", image: str) -> dict[str, Any]:
    """What ``generate --json`` says of a picture; ``image`` is where it lies."""
    request = generation.request
    return {
        "id": generation.id,
        "image_path": image,
        "seed": request.seed,
        "structured_prompt": request.prompt.document,
        "width": request.width,
        "height": request.height,
        "model": request.model,
        "writer": generation.writer,
        "duration_s": round(generation.duration_s, 3),
        "writer_model": generation.writer_model,
        "usage": None if generation.usage is None else asdict(generation.usage),
    }


def whole_record(generation: "Generation", image: str) -> dict[str, Any]:
    """Everything the history knows of a picture, with the keys of ``result_record`` among it."""
    labels = {
        "favorite": generation.favorite,
        "rating": generation.rating,
        "tags": list(generation.tags),
        "collections": list(generation.collections),
    }
    return {**generation.to_record(), **result_record(generation, image), **labels}


def result_block(generation: "Generation", image: str) -> str:
    """A picture's file and the numbers that made it, on two lines."""
    request = generation.request
    if not generation.repeatable:
        seed = f"seed {generation.versions['seed']} · " if generation.seed_known else ""
        program = generation.versions.get("program", "") or "another program"
        return f"{image}\n  {seed}{request.width}×{request.height} · imported from {program} · {generation.id}"
    author = f"{generation.writer}, edited" if generation.edited else generation.writer
    if generation.writer_model:
        author += f" ({generation.writer_model})"
    if generation.usage is not None:
        author += f", {generation.usage.total:,} tokens"
    return (
        f"{image}\n"
        f"  seed {request.seed} · {request.width}×{request.height} · {request.num_inference_steps} steps · "
        f"{generation.duration_s:.1f} s · {request.model} · prompt by {author} · {generation.id}"
    )


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need; on a terminal, a line that would wrap ends in an ellipsis."""
    lines = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        print_text(text if room is None or len(text) <= room else text[: room - 1] + "…")


class StatusLine:
    """One line on stderr that rewrites itself; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._shown:
            room = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{text[:room]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        self.show("")


class PaintingProgress:
    """The Observer of a command: what is done on the status line, and what is stored already.

    A writer over its quota is waited for, until ``cancel`` ends that.
    """

    wants_previews = False

    def __init__(self, line: StatusLine, cancel: CancelFlag) -> None:
        self._line = line
        self._cancel = cancel
        self._over_quota_since: float | None = None
        self._writer = ""
        self._index, self._total = 0, 1
        self.notes: dict[str, None] = {}  # each once, in order
        self.written: WrittenPrompt | None = None
        self.stored: list[Generation] = []
        self.again: AgainReport | None = None

    def on_writing(self, writer: str) -> None:
        self._writer = writer_name(writer)
        self._line.show(f"Writing with {self._writer}")

    def on_tokens(self, count: int) -> None:
        self._line.show(f"Writing with {self._writer}, {count:,} tokens")

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        wait_s = max(1.0, retry_after_s)
        now = time.monotonic()
        since = self._over_quota_since = now if self._over_quota_since is None else self._over_quota_since
        if now - since + wait_s > patience_s:
            return False
        self._line.clear()
        print(f"{reason}; asking again in {wait(wait_s)}", file=sys.stderr)
        self._cancel.wait(wait_s)
        return True

    def on_written(self, written: WrittenPrompt) -> None:
        self.written = written
        self._over_quota_since = None
        self.notes |= dict.fromkeys((*written.passed_over, *written.notes))

    def on_painting(self, index: int, total: int) -> None:
        self._index, self._total = index, total
        self._line.show(f"{self._which(1)}getting ready to paint")

    def on_step(self, event: StepEvent) -> None:
        self._line.show(
            f"{self._which(event.pictures)}step {event.step} of {event.total}, about {wait(event.remaining_s)} left"
        )

    def _which(self, count: int) -> str:
        """Which of several pictures are painted now, ``count`` of them in one pass."""
        if self._total == 1:
            return ""
        first, last = self._index + 1, self._index + count
        return f"Picture {first} of {self._total}: " if count == 1 else f"Pictures {first} to {last} of {self._total}: "

    def on_stored(self, generation: "Generation") -> None:
        self.stored.append(generation)

    def on_compared(self, report: "AgainReport") -> None:
        self.again = report
