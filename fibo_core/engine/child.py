"""The engine in a process of its own: that process. Started by `process.py`, with the number of its socket.

One thread loads and paints, one takes messages, one tells how the engine stands and that it lives. When the studio has
gone, however it ended, the socket closes, and this process ends with it.
"""

import logging
import os
import queue
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine import EngineStatus
from fibo_core.engine.fibo import FiboEngine
from fibo_core.errors import DeviceFailed, FiboError
from fibo_core.models.catalogue import register

TOLD_S = 0.2  #: between two looks at how the engine stands
SPOILED_EXIT = 3


class Child:
    """Carries out what the studio asks for. Whatever cannot be sent is said as text."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._guard = threading.Lock()
        model, options, added, level = connection.recv()
        register(added)
        logging.basicConfig(level=level, handlers=[_ToStudio(self)], force=True)
        logging.getLogger("fibo_core").setLevel(level)
        self._engine = FiboEngine(model, pictures=self._picture, **options)
        self._work: queue.Queue[tuple[int, str, tuple[Any, ...]]] = queue.Queue()
        self._flags: dict[int, CancelFlag] = {}
        self._pictures: queue.Queue[Any] = queue.Queue()
        self._told: EngineStatus | None = None
        self._at_work = 0

    def run(self) -> None:
        for task in (self._listen, self._tell_always):
            threading.Thread(target=task, daemon=True).start()
        while True:
            number, what, arguments = self._work.get()
            self._at_work = number
            try:
                value = self._carry_out(number, what, *arguments)
            except BaseException as error:
                self._fail(number, error)
            else:
                self._tell_status()
                self.send("done", number, value)
            self._flags.pop(number, None)

    def send(self, *message: Any) -> None:
        with self._guard:
            self._connection.send(message)

    def _carry_out(self, number: int, what: str, *arguments: Any) -> Any:
        if what == "load":
            model, added = arguments
            register(added)
            return self._engine.load(model)
        requests, previews, added = arguments
        register(added)
        return self._engine.render_together(
            requests, lambda event: self.send("step", number, event), self._flags[number], previews=previews
        )

    def _fail(self, number: int, error: BaseException) -> None:
        self._tell_status()
        if not isinstance(error, FiboError):
            said = "".join(traceback.format_exception(error))
            error = MemoryError(said) if isinstance(error, MemoryError) else RuntimeError(said)
        error.__cause__ = error.__context__ = None
        self.send("failed", number, error)
        if isinstance(error, DeviceFailed):
            os._exit(SPOILED_EXIT)

    def _listen(self) -> None:
        while True:
            try:
                kind, *message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)  # the studio has gone
            if kind == "cancel":
                if (flag := self._flags.get(message[0])) is not None:
                    flag.cancel()
            elif kind == "picture":
                self._pictures.put(message[0])
            else:
                number, what, *arguments = message
                if what in ("unload", "move_out"):  # these wait for nothing
                    value = getattr(self._engine, what)()
                    self._tell_status()
                    self.send("done", number, value is not False)
                else:
                    self._flags[number] = CancelFlag()
                    self._work.put((number, what, tuple(arguments)))

    def _picture(self, name: str) -> Any:
        """A picture of an edit, which the studio finds."""
        self.send("picture", self._at_work, name)
        found = self._pictures.get()
        if isinstance(found, FiboError):
            raise found
        return found

    def _tell_status(self) -> None:
        status = self._engine.status()
        if status != self._told:
            self._told = status
            self.send("status", status)

    def _tell_always(self) -> None:
        while True:
            self._tell_status()
            self.send("alive")
            time.sleep(TOLD_S)


class _ToStudio(logging.Handler):
    """Lines of the log, written by the studio, which knows what is secret."""

    def __init__(self, child: Child) -> None:
        super().__init__()
        self._child = child

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info))
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        try:
            self._child.send("log", record)
        except OSError:
            self.handleError(record)


if __name__ == "__main__":
    Child(Connection(int(sys.argv[1]))).run()
