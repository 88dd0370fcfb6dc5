"""From a folder of weights to a pipeline that can paint: placed, quiet, tried again where that can help.

Everything the libraries raise on the way is translated here.
"""

import errno
import gc
import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine.families import pipeline_of
from fibo_core.engine.holding import quantization_of, settle
from fibo_core.engine.placement import Occupied, Placement, choose
from fibo_core.errors import EngineError, ModelLoadFailed, OutOfMemory, Stopped
from fibo_core.models import device, memory
from fibo_core.models.catalogue import ModelSpec
from fibo_core.models.plans import ANY, Wish

log = logging.getLogger(__name__)

#: Held while weights are read: transformers and diffusers change torch for the whole process meanwhile (what a new
#: tensor is made of), so that two loads at once leave tensors without data. Whoever has it waits for nothing else.
READING = threading.Lock()

COMPILER = "inductor"  #: torch's name of what compiles blocks

WAITS_S = (1.0, 4.0, 12.0)  #: before each new try

#: Faults of a disk, a network volume or a busy machine that may be gone a moment later.
_PASSING = ("EIO", "EAGAIN", "EBUSY", "EINTR", "ESTALE", "ETIMEDOUT", "ENFILE", "EMFILE")
PASSING_FAULTS = frozenset(getattr(errno, name) for name in _PASSING)


def load_pipeline(
    spec: ModelSpec,
    folder: Path,
    cancel: CancelFlag,
    arrival: Callable[[], AbstractContextManager[None]],
    wish: Wish = ANY,
) -> tuple[Placement, Any]:
    """The pipeline of the weights in a folder, ready to paint, and where it was placed, of what ``wish`` allows.

    It comes onto the device inside ``arrival``. Tries again where a little time may mend a failure. Raises
    ModelLoadFailed, OutOfMemory, or a Stopped error when ``cancel`` says so between two tries.
    """
    waits_s = iter(WAITS_S)
    while True:
        try:
            return _open(spec, folder, arrival, wish)
        except Stopped:
            raise
        except Exception as error:
            memory.release_tensors(error)
            memory.release_memory()
            failure = _load_failure(spec, folder, error)
            wait_s = next(waits_s, None)
            if wait_s is None or not _is_transient(error):
                raise failure from error
            log.warning("%s Trying again in %g s.", failure, wait_s)
        _pause(wait_s, cancel)


@lru_cache(maxsize=1)
def libraries() -> tuple[Any, Any, Any]:
    """torch, transformers and diffusers, imported when first needed, quiet, and out of others' way."""
    # Read when torch is imported. Waiting threads that spin would starve whoever shares the cores: on two busy ones
    # a render of mini took ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Sums of Intel's library came out in another order with one thread than with two: a pixel in 60,000 differed by 1.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    import torch

    _leave_out_a_torchvision_that_does_not_fit()
    import diffusers
    import transformers
    from diffusers.utils import logging as diffusers_logging

    transformers.logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    torch.set_num_threads(min(torch.get_num_threads(), device.usable_cores()))
    # These imports leave 400,000 objects that live as long as the process. To look through them each time that Python
    # collects garbage would take 0.3 s and hold up the painting.
    gc.collect()
    gc.freeze()
    return torch, transformers, diffusers


def _leave_out_a_torchvision_that_does_not_fit() -> None:
    """Nothing here needs torchvision, but transformers imports one that is there, and fails with it.

    One made for another torch says "operator torchvision::nms does not exist".
    """
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # whatever a library of another build stumbles over
        sys.modules["torchvision"] = None  # type: ignore[assignment]  # from now on it counts as not installed
        log.warning("torchvision does not fit the installed torch (%s) and is left out.", str(error).split("\n")[0])


def _open(
    spec: ModelSpec, folder: Path, arrival: Callable[[], AbstractContextManager[None]], wish: Wish
) -> tuple[Placement, Any]:
    """Reads the weights into memory and puts them where they run. Whatever the libraries raise comes out."""
    torch, transformers, diffusers = libraries()
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # importing a pipeline warns that torchvision, unused here, is absent
    getattr(diffusers, spec.family.pipeline)
    transformers.logging.set_verbosity(verbosity)
    torch.backends.cudnn.deterministic = True  # the same request paints the same pixels
    with arrival(), READING:
        return _read_pipeline(spec, folder, wish)


def _read_pipeline(spec: ModelSpec, folder: Path, wish: Wish) -> tuple[Placement, Any]:
    import torch

    started = time.monotonic()
    place = choose(spec, folder, wish=wish)
    how = {"dtype": getattr(torch, place.dtype), "local_files_only": True, "use_safetensors": True}
    pipe = pipeline_of(spec.family).read(folder, how, quantization_of(place))
    pipe.set_progress_bar_config(disable=True)
    settle(pipe, place)
    log.info("%s loaded in %.1f s (%s, %s).", spec.title, time.monotonic() - started, place.where, place.how)
    return place, pipe


def compile_blocks(pipe: Any) -> None:
    """Has torch compile the transformer's repeated blocks, once for all of a kind, when they are first called.

    What does not compile, such as where there is no compiler, is called as it is, and torch's log says so.
    """
    import torch

    torch._dynamo.config.suppress_errors = True
    pipe.transformer.compile_repeated_blocks(backend=COMPILER)


def _load_failure(spec: ModelSpec, folder: Path, error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    if memory.is_out_of_memory(error):
        return OutOfMemory(
            f"The memory did not suffice to load {spec.title}. Close other programs, or choose a smaller one."
        )
    way = "Remove that folder, and download them again." if spec.repo else "Restore that folder from the repository."
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(". ")
    return ModelLoadFailed(
        f"The weights of {spec.title} in {folder} do not load: {reason}. {way}",
        remedy=f"download {spec.name}" if spec.repo else "",
    )


def _is_transient(error: BaseException) -> bool:
    """Whether a little time may mend a failed load; a missing or damaged file stays so."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Occupied) or memory.is_out_of_memory(cause):
            return True
        if isinstance(cause, OSError) and cause.errno in PASSING_FAULTS:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _pause(seconds: float, cancel: CancelFlag) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        cancel.check()
        time.sleep(min(0.1, left))
