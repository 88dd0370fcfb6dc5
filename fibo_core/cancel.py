"""One flag that ends one piece of work: by its user, by its deadline, or because the process ends.

Work asks the flag between its steps; nobody is interrupted in the middle of one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fibo_core.errors import Cancelled, Interrupted, Stopped, TimedOut


class CancelFlag:
    """Set from any thread; :meth:`check` raises in the thread that works.

    ``timeout_s`` is counted from :meth:`start_clock`, so that time spent in a queue does not count.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self._timeout_s = timeout_s
        self._deadline: float | None = None
        self._reason: Stopped | None = None
        self._event = threading.Event()

    def start_clock(self) -> None:
        if self._timeout_s is not None:
            self._deadline = time.monotonic() + self._timeout_s

    @contextmanager
    def clock_stopped(self) -> Iterator[None]:
        """Time spent inside does not count: the work waits for its turn, however long."""
        began, deadline = time.monotonic(), self._deadline
        self._deadline = None
        try:
            yield
        finally:
            if deadline is not None:
                self._deadline = deadline + time.monotonic() - began

    @contextmanager
    def turn(self, lock: threading.Lock) -> Iterator[None]:
        """Holds ``lock`` inside, once it is free; the wait does not count, and ends when the work must end."""
        with self.clock_stopped():
            while not lock.acquire(timeout=0.1):
                self.check()
        try:
            yield
        finally:
            lock.release()

    def cancel(self) -> None:
        """Ends the work because a user asked for it."""
        self._set(Cancelled("Cancelled."))

    def interrupt(self) -> None:
        """Ends the work because the process is about to end."""
        self._set(Interrupted("Interrupted when the studio stopped. It can be tried again."))

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises Cancelled, Interrupted or TimedOut when the work must end, else returns at once."""
        if self._reason is not None:
            raise self._reason
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimedOut(
                f"The job ran longer than {self._timeout_s:g} s and was ended. "
                "Ask for fewer pictures or steps, or raise JOB_TIMEOUT_S."
            )

    def wait(self, seconds: float) -> None:
        """Sleeps so long, or until the work must end. Raises as :meth:`check` does."""
        self._event.wait(seconds)
        self.check()

    def _set(self, reason: Stopped) -> None:
        if self._reason is None:
            self._reason = reason
        self._event.set()
