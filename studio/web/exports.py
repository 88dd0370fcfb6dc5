"""Zips that were asked for and are fetched by a link, within an hour; how far it is can be asked meanwhile."""

import threading
import time
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from typing import Literal

from ulid import ULID

from fibo_core.errors import FiboError
from fibo_core.store.exporting import Export
from studio.web.api.errors import Refused
from studio.web.api.requests import in_thread

ExportState = Literal["ready", "running", "done", "failed", "cancelled"]

KEPT_S = 3600.0  #: after it was asked for, or has ended
KEPT_MAX = 64
PART = 256 << 10  #: bytes handed to the network at once


@dataclass
class Ticket:
    """One zip: asked for, being sent, sent."""

    export: Export
    id: str = field(default_factory=lambda: str(ULID()))
    state: ExportState = "ready"
    error: str | None = None
    touched_at: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    def cancel(self) -> None:
        """Ends it; whoever fetches it is left with a zip that is cut short."""
        self.cancelled.set()
        if not self.ended:
            self.state = "cancelled"

    async def parts(self) -> AsyncIterator[bytes]:
        """The zip for the network: no thread waits for a slow reader, and closing ends it."""
        pieces = self._joined()
        try:
            while (part := await in_thread(lambda: next(pieces, None))) is not None:
                yield part
            self.state = "done"
        except FiboError as exc:
            self.state, self.error = "failed", str(exc)
            raise
        finally:
            if not self.ended:
                self.state = "cancelled"
            self.touched_at = time.monotonic()
            pieces.close()

    def _joined(self) -> Generator[bytes, None, None]:
        """Small pieces together: each costs a change of threads."""
        held, size = [], 0
        for piece in self.export.parts():
            held.append(piece)
            size += len(piece)
            if size >= PART:
                yield b"".join(held)
                held, size = [], 0
            if self.cancelled.is_set():
                raise FiboError("The export was cancelled.")
        if held:
            yield b"".join(held)


class Tickets:
    """Those of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: dict[str, Ticket] = {}

    def add(self, export: Export) -> Ticket:
        ticket = Ticket(export)
        with self._lock:
            before = time.monotonic() - KEPT_S
            kept = [it for it in self._tickets.values() if it.state == "running" or it.touched_at > before]
            waiting = [it for it in kept if it.state != "running"]
            gone = {it.id for it in waiting[: max(len(kept) - KEPT_MAX + 1, 0)]}
            self._tickets = {it.id: it for it in [*kept, ticket] if it.id not in gone}
        return ticket

    def get(self, id: str) -> Ticket:
        """Raises Refused."""
        ticket = self._tickets.get(id)
        if ticket is None:
            raise Refused(404, f"No export has the id {id[:40]!r}; they are kept for an hour. Ask for another one.")
        return ticket

    def begin(self, id: str) -> Ticket:
        """The same, to be sent now; one that was sent before is made anew. Raises Refused."""
        ticket = self.get(id)
        with self._lock:
            if ticket.state == "running":
                raise Refused(409, "This export is being fetched already. Wait for that, or ask for another one.")
            ticket.state, ticket.error, ticket.touched_at = "running", None, time.monotonic()
            ticket.cancelled.clear()
            ticket.export.rewind()
        return ticket


tickets = Tickets()
