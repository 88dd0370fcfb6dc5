"""The engine: a GenerationRequest in, a picture out, step by step and cancellably.

The protocol and its values stand here and import no torch; `fibo.py` implements it over diffusers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from fibo_core.cancel import CancelFlag
from fibo_core.engine.request import GenerationRequest
from fibo_core.models.catalogue import find_model

if TYPE_CHECKING:
    from PIL import Image

PAINTER = "mini"  #: what paints from a prompt where nothing else has yet: it is always here


@dataclass(frozen=True)
class StepEvent:
    """One step is done: ``step`` of ``total`` (from 1), seconds so far, and how many are left, estimated.

    ``preview`` is a small JPEG (longest side at most 256 px) of the picture as it looks so far, or None. Of several
    ``pictures`` in one pass it is the first.
    """

    step: int
    total: int
    elapsed_s: float
    remaining_s: float
    preview: bytes | None = None
    pictures: int = 1


@dataclass(frozen=True)
class RenderedImage:
    """A finished RGB picture, how long it took (text encoding to decoding, in seconds) and on what.

    Of several in one pass each took its share of the time.
    """

    image: "Image.Image"
    duration_s: float
    device: str  #: "cpu", or "cuda: NVIDIA L40S, part by part"
    precision: str  #: "float32", "bfloat16", "nf4, tiled", "float32, together"
    versions: Mapping[str, str]  #: {"torch": …, "diffusers": …, "transformers": …, "fibo-studio": …}
    skipped: int = 0  #: steps of an edit that began later
    moved_outside: float = 0.0  #: share of the pixels outside an edit's mask that differed before they were put back
    note: str = ""  #: what went otherwise than usual, as a sentence


@dataclass(frozen=True)
class EngineStatus:
    """What the engine holds right now. ``error`` is a sentence when ``state`` is "failed".

    ``unloading``: that is asked for, and done when the picture being painted is finished.
    """

    state: Literal["unloaded", "loading", "ready", "failed"]
    model: str  #: catalogue name of the model held, being loaded, or to be loaded first
    device: str  #: "" until known
    gpu_available: bool
    vram_used_gb: float
    error: str = ""
    unloading: bool = False
    painter: str = PAINTER  #: the last of them that paints from a prompt, where ``model`` only edits

    def model_for(self, kind: str) -> str:
        """The model of an order that names none: the one in use where it works off such orders."""
        return self.model if find_model(self.model).can(kind) else self.painter


StepObserver = Callable[[StepEvent], None]


class Engine(Protocol):
    """Paints requests. One picture is painted at a time; a second caller waits, cancellably.

    The engine holds one model; a request for another one loads that in its place.
    """

    def status(self) -> EngineStatus: ...

    def load(self, model: str) -> None:
        """Loads a model of the catalogue if it is not held already; one that does not load leaves the one before.

        Raises ModelMissing, ModelLoadFailed, OutOfMemory.
        """
        ...

    def unload(self) -> None:
        """Frees the model's memory, at once or when the picture being painted is finished. Never waits for that."""
        ...

    def close(self) -> None:
        """Lets go of what would outlive the process; nothing is painted afterwards."""
        ...

    def revision(self, model: str) -> str:
        """Which weights a model's name means here, without loading them. Raises ModelMissing."""
        ...

    def adapters(self, model: str, asked: Sequence[str]) -> tuple[str, ...]:
        """What a recipe holds of the adapters asked for ("sepia", "sepia:0.8"). Raises RequestError for one that is
        not here or does not fit the model, ModelMissing."""
        ...

    def count_tokens(self, model: str, text: str) -> int:
        """Tokens of ``text`` in the model's own tokenizer. Raises ModelMissing."""
        ...

    def render(
        self,
        request: GenerationRequest,
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> RenderedImage:
        """Paints ``request``. The same request on the same device gives the same pixels.

        Where memory runs out it is tried once more with less of the model on the device; ``note`` says so then.

        Raises a Stopped error when ``cancel`` says so, ModelMissing, ModelLoadFailed, OutOfMemory, DeviceFailed, and
        RequestError when the prompt has more tokens than the model reads.
        """
        ...

    def render_together(
        self,
        requests: Sequence[GenerationRequest],
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> list[RenderedImage]:
        """Paints as many of ``requests``, from the first on, as one pass has memory for; they differ in nothing but
        their seeds, and none is an edit.

        Their pixels differ a little from those of `render`, since sums are taken in another order; the precision says
        "together" then. Raises what `render` does.
        """
        ...
