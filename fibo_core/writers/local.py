"""The prompt writer on this machine: Bria's FIBO-vlm, a Qwen3-VL model, held to FIBO's schema while it writes.

It is loaded when first asked, shares the GPU with the painter (`engine/placement.py`), and never downloads.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import placement
from fibo_core.engine.loading import libraries
from fibo_core.engine.placement import Placement, SharedDevice
from fibo_core.errors import EngineError, InputError, Stopped, WriterAnswerError, WriterUnavailable
from fibo_core.models import device, memory
from fibo_core.models.catalogue import FIBO_VLM, WeightsSpec
from fibo_core.models.weights import downloaded, revision_of, weight_bytes
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import OnTokens, Usage, WrittenPrompt
from fibo_core.writers.chain import Missing
from fibo_core.writers.pictures import only_the_first
from fibo_core.writers.refining import carried_over, shown
from fibo_core.writers.repair import Repaired, repair
from fibo_core.writers.values import stands_at

if TYPE_CHECKING:
    from fibo_core.writers.local_model import LocalModel

log = logging.getLogger(__name__)

MAX_NEW_TOKENS = 4096  #: as upstream; a long prompt has 1,050
MORE_TRIES = 2  #: for values that were there already
MAX_WORDS_CHARS = 4_000  #: of words, instruction or hint


def lacking(hub_cache: Path) -> Missing | None:
    """What the local writer lacks on this machine, None where it is ready: a CUDA GPU, or its weights. Quick."""
    if not device.has_cuda_gpu():
        return Missing(
            "no GPU",
            f"The local writer needs a CUDA GPU for {FIBO_VLM.title}, and there is none. Choose another writer.",
        )
    if downloaded(FIBO_VLM, hub_cache) is None:
        if lack := device.lacks_for(FIBO_VLM):
            return Missing("too small a GPU", f"{lack} Choose another writer.")
        return Missing("no weights", _no_weights(hub_cache), FIBO_VLM)
    return None


def _no_weights(hub_cache: Path) -> str:
    return (
        f"The weights of {FIBO_VLM.title} are not on this machine (looked in {hub_cache}). Accept the terms at "
        f"huggingface.co/{FIBO_VLM.repo}, set HF_TOKEN, and download them."
    )


@dataclass
class _Held:
    """The model in memory, of the device or, while another one works there, main memory."""

    revision: str
    weights_bytes: float
    placement: Placement
    model: "LocalModel"


class LocalWriter:
    """Implements PromptWriter by a model on this machine; one prompt is written at a time, a second caller waits.

    ``folder`` holds the weights where they are not in the hub's cache; weights of less than a gigabyte run without
    a GPU, too.
    """

    name = "local"
    about = f"{FIBO_VLM.title}, a model on this machine's GPU"

    def __init__(
        self,
        *,
        hub_cache: Path,
        device: SharedDevice | None = None,
        folder: Path | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> None:
        self._hub_cache, self._folder, self._max_new_tokens = hub_cache, folder, max_new_tokens
        self._device = device or SharedDevice()
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def expand(
        self,
        words: str,
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        task = f"<generate>\n{_checked(words, 'The words are')}"
        return self._write(task, None, cancel, seed, on_tokens)

    def refine(
        self,
        prompt: StructuredPrompt,
        instruction: str,
        *,
        picture: Image.Image | None = None,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """The prompt rewritten by the instruction.

        The model takes either a prompt or a picture to change. It is given the prompt, which says more, and the
        picture only where the prompt is empty.
        """
        instruction = _checked(instruction, "The instruction is")
        before = shown(prompt)
        if not before.document:
            if picture is None:
                raise InputError("The prompt to refine is empty. Write one first, or give a picture.")
            return self.inspire([picture], instruction, cancel=cancel, seed=seed, on_tokens=on_tokens)
        document = json.dumps(before.document, ensure_ascii=False)
        task = f"<refine>\nInput:\n{document}\nEditing instructions:\n{instruction}"
        return self._write(task, None, cancel, seed, on_tokens, lambda repaired: carried_over(prompt, repaired))

    def inspire(
        self,
        pictures: Sequence[Image.Image],
        hint: str = "",
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A prompt that describes the picture; with a hint the model edits what it sees by it, in one answer.

        The model was taught to look at one picture: of several it is given the first, and a note says so.
        """
        task = f"<refine>\nEditing instructions:\n{_checked(hint, 'The hint is')}" if hint.strip() else "<inspire>"
        written = self._write(task, pictures[0], cancel, seed, on_tokens)
        return (
            written
            if len(pictures) == 1
            else replace(written, notes=(only_the_first("The local writer"), *written.notes))
        )

    def suggest_values(
        self,
        prompt: StructuredPrompt,
        path: str,
        wish: str,
        count: int,
        *,
        without: Sequence[str] = (),
        cancel: CancelFlag | None = None,
    ) -> tuple[str, ...]:
        """One after another: the model was taught to change whole prompts only, so each takes as long as one."""
        there = [stands_at(prompt, path), *without]
        found: list[str] = []
        for seed in range(count + MORE_TRIES):
            others = "; ".join(filter(None, [*there, *found]))
            instruction = f"Change {path} and nothing else: {wish or 'another one'}, but none of these: {others}"
            value = stands_at(self.refine(prompt, instruction, cancel=cancel, seed=seed).prompt, path)
            if value and value not in there and value not in found:
                found.append(value)
            if len(found) == count:
                break
        if not found:
            raise WriterAnswerError(f"The local writer found no other values for {path}. Write them by hand.", "")
        return tuple(found)

    def unload(self) -> None:
        """Frees the model's memory, once it has finished what it writes."""
        with self._lock:
            self._drop()

    def move_out(self) -> bool:
        """Takes the model off the GPU, into main memory where there is room; False while it loads or writes."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._held is not None and placement.waits_in_main_memory(self._held.weights_bytes):
                self._held.model.move("cpu")
                memory.release_memory()
                self._device.release_share(self)
            else:
                self._drop()
            return True
        finally:
            self._lock.release()

    def _write(
        self,
        task: str,
        picture: Image.Image | None,
        cancel: CancelFlag | None,
        seed: int | None,
        on_tokens: OnTokens | None,
        finish: Callable[[Repaired], Repaired] = lambda repaired: repaired,
    ) -> WrittenPrompt:
        cancel = cancel or CancelFlag()
        seed = secrets.randbits(63) if seed is None else seed
        with cancel.turn(self._lock):
            cancel.check()
            held = self._hold(cancel)
            try:
                answer = held.model.answer(
                    task,
                    picture,
                    seed=seed,
                    max_new_tokens=self._max_new_tokens,
                    cancel=cancel,
                    on_tokens=on_tokens,
                )
            except BaseException as error:
                memory.release_tensors(error)
                if not memory.is_out_of_memory(error):
                    raise
                self._drop()
                raise WriterUnavailable(
                    f"The memory of {held.placement.device_text} did not suffice for {FIBO_VLM.title} to write. It has "
                    "been freed: try again, or choose another writer."
                ) from error
        repaired = finish(repair(answer.text))
        return WrittenPrompt(
            repaired.prompt,
            self.name,
            notes=repaired.notes,
            model=FIBO_VLM.repo or FIBO_VLM.name,
            usage=Usage(answer.input_tokens, answer.output_tokens),
        )

    # Below, the caller has the lock.

    def _hold(self, cancel: CancelFlag) -> _Held:
        """The model on its device, loaded if it is not in memory or if its weights have changed on disk."""
        folder = self._folder or downloaded(FIBO_VLM, self._hub_cache)
        if folder is None:
            raise WriterUnavailable(_no_weights(self._hub_cache), remedy=f"download {FIBO_VLM.name}")
        spec = FIBO_VLM if self._folder is None else replace(FIBO_VLM, repo=None, folder=folder)
        try:
            revision = revision_of(spec, folder)
            if self._held is not None and self._held.revision != revision:
                self._drop()
            if self._held is not None and self._device.has(self):
                return self._held
            libraries()
            with self._device.arrival(self, placement.writer_bytes(spec, folder), cancel):
                if self._held is not None:
                    self._held.model.move(self._held.placement.device)
                else:
                    self._held = self._load(spec, folder, revision)
            return self._held
        except Stopped:
            raise
        except Exception as error:
            memory.release_tensors(error)
            self._drop()
            if not isinstance(error, EngineError):  # another writer may answer, so the log keeps the trace
                log.warning("%s does not load.", FIBO_VLM.title, exc_info=error)
            raise _unavailable(folder, error, by_hand=self._folder is not None) from error

    def _load(self, spec: WeightsSpec, folder: Path, revision: str) -> _Held:
        from fibo_core.writers.local_model import LocalModel

        started = time.monotonic()
        place = placement.choose_for_writer(spec, folder)
        model = LocalModel.load(folder, place)
        log.info("%s loaded in %.1f s (%s).", spec.title, time.monotonic() - started, place.device_text)
        return _Held(revision, sum(weight_bytes(folder, spec.layout).values()), place, model)

    def _drop(self) -> None:
        if self._held is not None:
            self._held = None
            memory.release_memory()
        self._device.release_share(self)


def _unavailable(folder: Path, error: Exception, *, by_hand: bool) -> WriterUnavailable:
    """Why the model is not in memory, in a sentence with the way out."""
    if isinstance(error, EngineError):
        return WriterUnavailable(str(error))
    if memory.is_out_of_memory(error):
        return WriterUnavailable(
            f"The memory did not suffice to load {FIBO_VLM.title}. End other programs that use it, or choose another "
            "writer."
        )
    way = "Fetch them again." if by_hand else "Remove that folder, and download them again."
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(". ")
    return WriterUnavailable(
        f"The weights of {FIBO_VLM.title} in {folder} do not load: {reason}. {way}",
        remedy="" if by_hand else f"download {FIBO_VLM.name}",
    )


def _checked(text: str, what: str) -> str:
    """The text with its whitespace made single. Raises InputError where it is empty or too long."""
    text = " ".join(text.split())
    if not text:
        raise InputError(f'{what} empty. Say it in some words, such as "a red ball on the left".')
    if len(text) > MAX_WORDS_CHARS:
        raise InputError(
            f"{what} {len(text):,} characters long, and at most {MAX_WORDS_CHARS:,} are read. Say it shorter."
        )
    return text
