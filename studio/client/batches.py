"""Batches: orders that a studio has taken, as they were when they were last asked for."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from fibo_core.prompts.axes import Value
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.tasks import JobState
from studio.client.errors import BatchFailed
from studio.client.line import API, Line
from studio.client.pictures import Picture
from studio.web.api.models import AgainGiven, BatchGiven

LONG_POLL_S = 20.0  #: of one question; the studio answers earlier where the batch ends
AGAIN_S = (0.2, 0.5, 1.0, 2.0, 4.0)  #: between tries to take up a stream that broke


@dataclass(frozen=True)
class Event:
    """What happened to a batch: ``progress``, ``written`` (a prompt), ``picture`` (one is stored), ``end``."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """An order taken. ``given`` has its jobs and cells; nothing here changes: each method returns the batch anew."""

    given: BatchGiven
    line: Line = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.given.id

    @property
    def state(self) -> JobState:
        return self.given.state

    @property
    def ended(self) -> bool:
        return self.given.ended

    @property
    def error(self) -> str | None:
        """What a job of it that failed, or waits, says."""
        return self.given.error

    @property
    def pictures(self) -> list[Picture]:
        """Those stored so far, in the order of the order's cells."""
        ids = [cell.generation_id for cell in self.given.cells]
        return [Picture(id, self.line) for id in ids if id is not None]

    @property
    def again(self) -> AgainGiven | None:
        """What came of painting a stored picture once more, where it was that and has come to its end."""
        return next((job.again for job in reversed(self.given.jobs) if job.again is not None), None)

    @property
    def prompts(self) -> list[StructuredPrompt]:
        """What was written so far, a prompt for each job."""
        written = [job.written for job in self.given.jobs if job.written is not None]
        return [StructuredPrompt.from_dict(each.structured_prompt) for each in written]

    def wait(self, timeout_s: float | None = None) -> "Batch":
        """The batch once it has ended, or as it is after ``timeout_s``.

        Raises BatchFailed where it ended without all of its pictures, and StudioError.
        """
        batch, until = self, None if timeout_s is None else time.monotonic() + timeout_s
        while not batch.ended and (until is None or time.monotonic() < until):
            left = LONG_POLL_S if until is None else max(0.0, until - time.monotonic())
            batch = self.refresh(wait_s=min(LONG_POLL_S, left))
        return batch.checked()

    def checked(self) -> "Batch":
        """This batch. Raises BatchFailed where it has ended without all of its pictures."""
        if self.ended and self.state != "done":
            raise BatchFailed(self.error or f"The batch ended {self.state}, without all of its pictures.", self)
        return self

    def refresh(self, wait_s: float = 0.0) -> "Batch":
        """The batch as it is now, or once it has ended within ``wait_s``. Raises StudioError."""
        return self._answer(self.line.get(BatchGiven, f"/batches/{self.id}", params={"wait": round(wait_s, 3)}))

    def cancel(self) -> "Batch":
        """Ends what has not ended: at once where it waits, at its next step where it runs. Raises StudioError."""
        return self._answer(self.line.read(BatchGiven, self.line.ask("DELETE", f"{API}/batches/{self.id}")))

    def retry(self, writer: str | None = None) -> "Batch":
        """Tries again what a batch that has ended did not get to. Raises StudioError where that is nothing."""
        return self._answer(self.line.send(BatchGiven, "POST", f"/batches/{self.id}/retry", {"writer": writer}))

    def extend(self, name: str, values: Sequence[Value] | str, *, confirmed: bool = False) -> "Batch":
        """Gives one of its axes more values, as a list or as they are typed; only what is new is painted.

        Raises StudioError.
        """
        more = {"name": name, "values": values if isinstance(values, str) else list(values), "confirmed": confirmed}
        return self._answer(self.line.send(BatchGiven, "POST", f"/batches/{self.id}/extend", more))

    def follow(self) -> Iterator[Event]:
        """What happens until the batch ends, beginning with what has happened; a line that breaks is taken up again.

        Raises StudioError.
        """
        heard, again = "", iter(AGAIN_S)
        while True:
            try:
                with self.line.stream(f"/batches/{self.id}/events", {"Last-Event-ID": heard}) as events:
                    got = False
                    for event in events:
                        got, heard, again = True, event.id or heard, iter(AGAIN_S)
                        yield Event(event.event, json.loads(event.data))
                        if event.event == "end":
                            return
                if not got:
                    return  # all was told before
            except httpx2.RequestError as exc:
                if (pause := next(again, None)) is None:
                    raise self.line.unreachable(exc) from exc
                time.sleep(pause)

    def _answer(self, given: BatchGiven) -> "Batch":
        return Batch(given, self.line)
