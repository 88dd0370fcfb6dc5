"""The engine in a process of its own: the studio's side of it.

What spoils a process (a fault of the GPU, a library that crashes, memory that the kernel takes back) costs the picture
that was being painted, which is tried once more in a fresh process, and never the studio. Questions that read files are
answered here; loading and painting are asked for by messages over a socket pair, and `child.py` carries them out.
"""

import itertools
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fibo_core
from fibo_core.cancel import CancelFlag
from fibo_core.engine import PAINTER, EngineStatus, RenderedImage, StepObserver, placement
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import SharedDevice
from fibo_core.engine.repaint import Pictures, no_pictures
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, DeviceFailed, FiboError, Stopped
from fibo_core.models import device
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, find_model
from fibo_core.models.plans import GB
from fibo_core.models.weights import weights_folder
from fibo_core.variables import VARIABLES

log = logging.getLogger(__name__)

LOOK_S = 0.1  #: between two looks at the cancel flag
PATIENCE_S = 60.0  #: after a cancel, before a process that goes on working is ended
SILENCE_S = 10.0  #: after a cancel, before one that says nothing at all any more is
QUICK_S = 20.0  #: for an answer that waits for no painting
#: What the engine's process does not need to know.
SECRETS = (*(each.name for each in VARIABLES if each.secret is not None), "RUNPOD_API_KEY", "HUGGING_FACE_HUB_TOKEN")


class _Ended(Exception):
    """The process has ended; ``str`` is how."""


class ProcessEngine:
    """The Engine whose model lives in a process of its own, started when it is first needed.

    ``options`` are FiboEngine's own, but for the device, which is shared here, and the pictures, which are found here.
    """

    def __init__(
        self,
        default_model: str,
        *,
        device: SharedDevice | None = None,
        pictures: Pictures = no_pictures,
        **options: Any,
    ) -> None:
        self._files = FiboEngine(default_model, **options)  # answers what is asked of files, and never loads
        self._options = options
        self._pictures = pictures
        self._device = device or SharedDevice()
        self._device.memory = self._memory
        self._lock = threading.Lock()
        self._last = self._files.status()  #: of a model that was held, or was to be
        self._child: _Child | None = None
        self._closed = False
        self._unload_asked = threading.Event()

    def status(self) -> EngineStatus:
        child = self._child
        status = None if child is None or child.ended else child.status
        if status is None or status.state == "unloaded":  # a fresh process does not know which model was in use
            gpu = device.has_cuda_gpu()
            return replace(
                self._last, state="unloaded", device="", gpu_available=gpu, vram_used_gb=0.0, error="", unloading=False
            )
        return status

    def _note(self, status: EngineStatus) -> None:
        if status.state != "unloaded":
            self._last = status

    def load(self, model: str) -> None:
        spec, cancel = find_model(model), CancelFlag()
        with self._turn(cancel):
            self._carry_out(spec, cancel, None, "load", spec.name)

    def unload(self) -> None:
        """Ends the process too, which has memory of its own; the next job starts another."""
        self._unload_asked.set()
        if not self._end_if_idle():
            self._ask("unload")

    def close(self) -> None:
        self._closed = True
        if self._child is not None:
            self._child.end()

    def move_out(self) -> bool:
        """Takes the model off the GPU; False while it loads or paints."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if moved := self._ask("move_out"):
                self._device.release_share(self)
            return moved
        finally:
            self._lock.release()

    def revision(self, model: str) -> str:
        return self._files.revision(model)

    def adapters(self, model: str, asked: Sequence[str]) -> tuple[str, ...]:
        return self._files.adapters(model, asked)

    def count_tokens(self, model: str, text: str) -> int:
        return self._files.count_tokens(model, text)

    def render(
        self,
        request: GenerationRequest,
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> RenderedImage:
        return self.render_together((request,), on_step, cancel, previews=previews)[0]

    def render_together(
        self,
        requests: Sequence[GenerationRequest],
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> list[RenderedImage]:
        cancel, spec = cancel or CancelFlag(), find_model(requests[0].model)
        with self._turn(cancel):
            cancel.check()
            how = "render", tuple(requests), previews and on_step is not None
            rendered: list[RenderedImage] = self._carry_out(spec, cancel, on_step, *how)
            return rendered

    @contextmanager
    def _turn(self, cancel: CancelFlag) -> Iterator[None]:
        """The lock, to load or paint; an unload that was asked for meanwhile is done afterwards."""
        try:
            with cancel.turn(self._lock):
                yield
        finally:
            self._end_if_idle()

    def _end_if_idle(self) -> bool:
        """Ends the process where an unload is asked for; False while it loads or paints."""
        while self._unload_asked.is_set():
            if not self._lock.acquire(blocking=False):
                return False
            try:
                if self._child is not None:
                    self._child.end()
                self._device.release_share(self)
                self._unload_asked.clear()
            finally:
                self._lock.release()
        return True

    # Below, but for the answers, the caller has the lock.

    def _carry_out(self, spec: ModelSpec, cancel: CancelFlag, on_step: StepObserver | None, *what: Any) -> Any:
        """What the process answers; where it ends on the way, a fresh one is asked once more."""
        try:
            return self._asked(spec, cancel, on_step, *what)
        except _Ended as error:
            log.error("The engine's process ended (%s). A fresh one is started.", error)
        try:
            answer = self._asked(spec, cancel, on_step, *what)
        except _Ended as error:
            raise DeviceFailed(
                f"The engine's process ended while it worked ({error}), and so did a fresh one. The next job starts "
                "another; the log may say why. If it comes again, choose a smaller picture or another machine."
            ) from error
        if what[0] == "render":
            note = "The engine's process ended while it painted: this picture was painted by a fresh one."
            return [replace(each, note=" ".join(filter(None, (each.note, note)))) for each in answer]
        return answer

    def _asked(self, spec: ModelSpec, cancel: CancelFlag, on_step: StepObserver | None, *what: Any) -> Any:
        folder = weights_folder(spec, self._options["hub_cache"])
        child = self._running()
        with self._share(spec, folder, cancel), child.call(*what, _added()) as (number, answers):
            return self._follow(child, number, answers, on_step, cancel)

    def _follow(
        self,
        child: "_Child",
        number: int,
        answers: "queue.Queue[Any]",
        on_step: StepObserver | None,
        cancel: CancelFlag,
    ) -> Any:
        """Passes on what the process tells until it has answered; a cancel is passed on to it."""
        stopped: BaseException | None = None
        since = 0.0
        while True:
            if stopped is None:
                try:
                    cancel.check()
                except Stopped as error:
                    stopped, since = error, time.monotonic()
                    child.tell("cancel", number)
            elif time.monotonic() - since > PATIENCE_S or time.monotonic() - max(since, child.heard_at) > SILENCE_S:
                child.kill()
            try:
                kind, value = answers.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if kind == "step" and on_step is not None and stopped is None:
                try:
                    on_step(value)
                except BaseException as error:  # whoever watches may end the work, as in one process
                    stopped, since = error, time.monotonic()
                    child.tell("cancel", number)
            elif kind == "picture":
                child.tell("picture", self._picture(value))
            elif kind == "done":
                return value
            elif kind in ("failed", "ended"):
                if stopped is not None and (kind == "ended" or isinstance(value, Cancelled)):
                    raise stopped
                if isinstance(value, DeviceFailed):  # the process ends by itself
                    child.end()
                    raise _Ended(str(value))
                raise value

    def _picture(self, name: str) -> Any:
        try:
            return self._pictures(name)
        except FiboError as error:
            return error

    def _running(self) -> "_Child":
        if self._closed:
            raise DeviceFailed("The engine was closed. Start the studio again.")
        if self._child is None or self._child.ended:
            self._device.release_share(self)  # what the one before had is free
            last = self._last
            model = last.model_for("generate") if last.model in CATALOGUE else last.painter
            self._child = _Child(model if model in CATALOGUE else PAINTER, self._options, self._note)
        return self._child

    @contextmanager
    def _share(self, spec: ModelSpec, folder: Path, cancel: CancelFlag) -> Iterator[None]:
        """The device's memory for the model, as long as it is held."""
        status = self.status()
        if self._device.has(self) and (status.state, status.model) != ("ready", spec.name):
            self._device.release_share(self)  # the one held stays until the next has come, and beyond where it does not
        if not self._device.has(self):
            needed = placement.painter_bytes(spec, folder, self._device.memory(), *self._wish)
            with self._device.arrival(self, needed, cancel):
                pass
        try:
            yield
        finally:
            if self.status().state != "ready":
                self._device.release_share(self)

    @property
    def _wish(self) -> tuple[Any, ...]:
        return (self._options["wish"],) if "wish" in self._options else ()

    def _ask(self, what: str) -> bool:
        """An answer that waits for no painting; True where there is no process."""
        child = self._child
        if child is None or child.ended:
            return True
        try:
            with child.call(what) as (_, answers):
                kind, value = answers.get(timeout=QUICK_S)
        except (queue.Empty, _Ended):
            return child.ended
        return bool(value) if kind == "done" else True

    def _memory(self) -> float:
        """Bytes of the GPU that the studio's processes have or may take, asked without torch."""
        if not device.has_cuda_gpu() or (free_gb := device.gpu_free_gb()) is None:
            return float("inf")
        writer = placement.held_memory() if "torch" in sys.modules else 0.0
        return (free_gb + self.status().vram_used_gb) * GB + writer


def _added() -> tuple[ModelSpec, ...]:
    """The user's own models, which another process does not know."""
    return tuple(spec for spec in CATALOGUE.values() if spec.added)


class _Child:
    """One process and the messages to and from it. ``status`` is what it told last, ``heard_at`` when it was last
    heard, on the monotonic clock."""

    def __init__(self, model: str, options: dict[str, Any], note: Callable[[EngineStatus], None]) -> None:
        self._note = note
        ours, theirs = socket.socketpair()
        self.status: EngineStatus | None = None
        self.heard_at = time.monotonic()
        self._calls: dict[int, queue.Queue[Any]] = {}
        self._numbers = itertools.count()
        self._guard = threading.Lock()  # of the calls, and of what is sent
        self._over = False
        environ = {name: value for name, value in os.environ.items() if name not in SECRETS}
        paths = [str(Path(fibo_core.__file__).parent.parent), environ.get("PYTHONPATH", "")]
        environ |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fibo_core.engine.child", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the studio's own is what a command prints
            start_new_session=True,  # Ctrl+C is the studio's, which ends its processes itself
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        self.tell(model, options, _added(), logging.getLogger("fibo_core").getEffectiveLevel())
        self._listener = threading.Thread(target=self._listen, name="engine-messages", daemon=True)
        self._listener.start()

    @property
    def ended(self) -> bool:
        return self._over

    @contextmanager
    def call(self, *what: Any) -> "Iterator[tuple[int, queue.Queue[Any]]]":
        """The number of a call and the queue of its answers."""
        number, answers = next(self._numbers), queue.Queue[Any]()
        with self._guard:
            if self._over:
                raise _Ended(self._how())
            self._calls[number] = answers
        self.tell("call", number, *what)
        try:
            yield number, answers
        finally:
            with self._guard:
                self._calls.pop(number, None)

    def tell(self, *message: Any) -> None:
        """Sends a message; to a process that has ended, none."""
        try:
            with self._guard:
                self._connection.send(message)
        except OSError:
            pass  # `_listen` notices

    def kill(self) -> None:
        """Ends it at once; whoever waits for an answer is told."""
        self._process.kill()

    def end(self) -> None:
        """Ends it, and waits until it has gone."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listener.join()

    def _listen(self) -> None:
        try:
            while True:
                self._take(*self._connection.recv())
        except (EOFError, OSError):
            pass
        except Exception:  # a message that cannot be read: nothing more can be believed of it
            log.exception("The engine's process sent what is no message.")
            self._process.kill()
        self._process.wait()
        with self._guard:
            self._over = True
            calls = list(self._calls.values())
            self._connection.close()
        for answers in calls:
            answers.put(("ended", _Ended(self._how())))

    def _take(self, kind: str, *value: Any) -> None:
        self.heard_at = time.monotonic()
        if kind == "alive":
            return
        if kind == "status":
            (self.status,) = value
            self._note(*value)
        elif kind == "log":
            (record,) = value
            if (logger := logging.getLogger(record.name)).isEnabledFor(record.levelno):
                logger.handle(record)
        else:
            number, what = value
            with self._guard:
                answers = self._calls.get(number)
            if answers is not None:
                answers.put((kind, what))

    def _how(self) -> str:
        code = self._process.returncode
        return f"exit {code}" if code is None or code >= 0 else f"signal {signal.Signals(-code).name}"
