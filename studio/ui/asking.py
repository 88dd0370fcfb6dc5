"""A question to a writer that goes on while its page is drawn: a thread that is left once nobody waits."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from fibo_core.cancel import CancelFlag

Answer = TypeVar("Answer")


class Asking(Generic[Answer]):
    """Begins at once. Kept in a browser session, whose page looks at it until it is ``done``."""

    def __init__(self, ask: Callable[[CancelFlag], Answer]) -> None:
        self._ask, self._flag = ask, CancelFlag()
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="asking", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is answered within so long."""
        self._thread.join(timeout_s)
        return self.done

    def stop(self) -> None:
        """Gives the question up; whatever is answered is not looked at."""
        self._flag.cancel()

    def answer(self) -> Answer:
        """What came of it, once it is done. Raises what the question raised."""
        assert self.done
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._answer = self._ask(self._flag)
        except BaseException as exc:  # for whoever looks at the answer
            self._error = exc
