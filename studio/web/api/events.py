"""Following batches: one loop reads those that anybody follows, a few times a second, and all streams hear of it.

So fifty open streams cost one reading and no thread. What happened once (a prompt written, a picture stored, the end)
is numbered, and told again from where a client left off (`Last-Event-ID`); progress is told as it is.
"""

import asyncio
import json
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel

from fibo_core.errors import FiboError
from fibo_core.work.desk import Batch, Desk
from studio.runtime import get_runtime
from studio.web.api.convert import batch_summary, image_address, progress_given, thumbnail_address, written_given

log = logging.getLogger(__name__)

LOOK_S = 0.2  #: between two readings
SHARE = 4.0  #: of that time which a reading took, and which is waited at least: it takes a fifth of one thread at most
COMMENT_S = 15.0  #: of silence, after which a comment says that the line is alive
STREAM_S = 600.0  #: that one stream lasts; its client comes again, and has to show its key again
REMEMBERED = 64  #: batches that nobody follows just now, whose numbers are known


@dataclass(frozen=True)
class Event:
    """Something that happened once. ``data`` is JSON."""

    name: str
    data: str


@dataclass
class Followed:
    """A batch that somebody follows, or did a moment ago."""

    batch_id: str
    token: str = field(default_factory=lambda: secrets.token_hex(4))
    followers: int = 0
    events: list[Event] = field(default_factory=list)
    progress: str = ""  #: JSON
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)  #: set, and replaced, when anything of this changes
    _told: set[str] = field(default_factory=set)  #: jobs whose prompt, and pictures, that stand in ``events``

    def take(self, batch: Batch, desk: Desk) -> bool:
        """Adds what has happened since the last reading; whether anything is new."""
        before = (len(self.events), self.progress, self.ended)
        for job in batch.jobs:
            if job.written is not None and job.id not in self._told:
                self._told.add(job.id)
                written = _plain(written_given(job.written))
                self._add("written", {"job_id": job.id, **written})
        for cell in batch.cells:
            id = cell.generation_id
            if id is not None and id not in self._told:
                self._told.add(id)
                place = {"job_id": cell.job.id, "generation_id": id, "seed": cell.seed, "place": dict(cell.place)}
                self._add("picture", {**place, "image": image_address(id), "thumbnail": thumbnail_address(id)})
        summary = batch_summary(batch)
        current = batch.current
        self.progress = json.dumps(
            _plain(summary)
            | {
                "job_id": current.id,
                "job_state": current.state,
                "wait_until": None if current.wait_until is None else current.wait_until.isoformat(),
                "remaining_s": desk.remaining_s(batch) if summary.state == "running" else None,
                "progress": _plain(progress_given(current.progress)) if current.state == "running" else None,
            }
        )
        if batch.ended and not self.ended:
            self._add("end", _plain(summary))
        self.ended = batch.ended
        return before != (len(self.events), self.progress, self.ended)

    def place_after(self, last_id: str) -> int:
        """How many events a client has heard, by the id of the last one; 0 for an id that is not known any more."""
        token, _, number = last_id.partition("-")
        known = token == self.token and number.isdecimal() and int(number) <= len(self.events)
        return int(number) if known else 0

    def id_of(self, number: int) -> str:
        return f"{self.token}-{number}"

    def is_over(self, number: int) -> bool:
        """Whether something was tried again after this end."""
        return number < len(self.events) - 1 or not self.ended

    def _add(self, name: str, data: dict[str, object]) -> None:
        self.events.append(Event(name, json.dumps(data)))


class Hub:
    """Knows what is followed, and reads it. For one event loop."""

    def __init__(self) -> None:
        self._followed: OrderedDict[str, Followed] = OrderedDict()
        self._reading: asyncio.Task[None] | None = None
        self._thread = CapacityLimiter(1)

    @asynccontextmanager
    async def following(self, batch_id: str) -> AsyncIterator[Followed]:
        """The batch, read once already. Raises BatchNotFound and BatchDamaged."""
        followed = self._followed.setdefault(batch_id, Followed(batch_id))
        followed.followers += 1
        try:
            if await to_thread.run_sync(self._read_one, followed, limiter=self._thread):
                _tell(followed)
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_on(), name="api-hub")
            yield followed
        finally:
            followed.followers -= 1
            self._followed.move_to_end(batch_id)
            self._forget()

    async def wait_ended(self, batch_id: str, seconds: float) -> None:
        """Returns once the batch has ended, or after ``seconds``. Raises BatchNotFound and BatchDamaged."""
        async with self.following(batch_id) as followed:
            try:
                async with asyncio.timeout(seconds):
                    while not followed.ended:
                        await followed.news.wait()
            except TimeoutError:
                return

    def has_told(self, batch_id: str, last_id: str) -> bool:
        """Whether a client with this id has heard all that had happened when the batch was read last."""
        followed = self._followed.get(batch_id)
        return followed is not None and followed.ended and followed.place_after(last_id) == len(followed.events)

    async def stream(self, batch_id: str, last_id: str) -> AsyncIterator[str]:
        """A batch's events as a text/event-stream: progress whenever it changes, the rest once, until it ends.

        Raises BatchNotFound and BatchDamaged.
        """
        until, said = time.monotonic() + STREAM_S, ""
        async with self.following(batch_id) as followed:
            place = followed.place_after(last_id)
            while True:
                news = followed.news
                while place < len(followed.events):
                    event, place = followed.events[place], place + 1
                    if event.name == "end":
                        if followed.is_over(place - 1):
                            continue
                        said = followed.progress
                        yield f"event: progress\ndata: {said}\n\n"
                    yield f"id: {followed.id_of(place)}\nevent: {event.name}\ndata: {event.data}\n\n"
                if followed.ended or time.monotonic() > until:
                    return
                if followed.progress != said:
                    said = followed.progress
                    yield f"event: progress\ndata: {said}\n\n"
                try:
                    async with asyncio.timeout(COMMENT_S):
                        await news.wait()
                except TimeoutError:
                    yield ": still here\n\n"

    async def _read_on(self) -> None:
        """Reads what is followed for as long as anything is."""
        try:
            while wanted := [each for each in self._followed.values() if each.followers and not each.ended]:
                began = time.monotonic()
                try:
                    for followed in await to_thread.run_sync(self._read, wanted, limiter=self._thread):
                        _tell(followed)
                except FiboError as exc:  # tried again
                    log.warning("Batches that are followed cannot be read: %s", exc)
                await asyncio.sleep(max(LOOK_S, SHARE * (time.monotonic() - began)))
        finally:
            self._reading = None

    def _read(self, wanted: list[Followed]) -> list[Followed]:
        desk = get_runtime().desk
        batches = desk.several([each.batch_id for each in wanted])
        return [each for each in wanted if each.batch_id in batches and each.take(batches[each.batch_id], desk)]

    def _read_one(self, followed: Followed) -> bool:
        desk = get_runtime().desk
        return followed.take(desk.get(followed.batch_id), desk)

    def _forget(self) -> None:
        idle = [id for id, each in self._followed.items() if not each.followers]
        for id in idle[: max(0, len(idle) - REMEMBERED)]:
            del self._followed[id]


hub = Hub()


def _tell(followed: Followed) -> None:
    followed.news, news = asyncio.Event(), followed.news
    news.set()


def _plain(model: BaseModel) -> dict[str, object]:
    return model.model_dump(mode="json")
