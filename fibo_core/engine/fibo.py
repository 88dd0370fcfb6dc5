"""FiboEngine: paints requests with a pipeline of diffusers, of any family, loaded once and when first needed.

One lock covers loading and painting, because a pipeline keeps a call's state on itself and on its scheduler;
whoever waits for it waits cancellably. Questions are answered without the lock and without torch.
"""

import importlib.metadata
import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fibo_core
from fibo_core.cancel import CancelFlag
from fibo_core.engine import PAINTER, EngineStatus, RenderedImage, StepObserver, placement
from fibo_core.engine.adapters import Adapter, check_fits, recorded_file, resolve
from fibo_core.engine.edits import check_can_edit
from fibo_core.engine.embeddings import KeptEmbeddings
from fibo_core.engine.families import FamilyPipeline, pipeline_of
from fibo_core.engine.holding import decode_by_tiles, resettle
from fibo_core.engine.loading import compile_blocks, load_pipeline
from fibo_core.engine.placement import Placement, SharedDevice, next_below
from fibo_core.engine.repaint import Given, Pictures, Repaint, no_pictures
from fibo_core.engine.request import TILED, TOGETHER, GenerationRequest, check_tokens
from fibo_core.engine.steps import StepCallback
from fibo_core.engine.wearing import put_on, set_strengths
from fibo_core.errors import DeviceFailed, EngineError, OutOfMemory, RequestError, Stopped
from fibo_core.models import device, memory
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.models.plans import ANY, GB, Wish
from fibo_core.models.weights import check_complete, revision_of, weight_bytes, weights_folder

if TYPE_CHECKING:
    from fibo_core.engine.preview import LatentPreview


log = logging.getLogger(__name__)

TILE_PX = 256  #: of a side: a smaller picture is one tile


@dataclass
class _Held:
    """The model in memory. ``preview`` is fitted when the first preview is wanted."""

    spec: ModelSpec
    revision: str
    folder: Path
    placement: Placement
    pipe: Any
    preview: "LatentPreview | None" = None
    worn: tuple[str, ...] = ()  #: the adapters that are in the pipeline, by name and revision
    embeddings: KeptEmbeddings = field(default_factory=KeptEmbeddings)

    @property
    def family(self) -> FamilyPipeline:
        return pipeline_of(self.spec.family)


class FiboEngine:
    """The Engine over diffusers. Holds one model; never downloads.

    A seed is drawn as float32 noise on the CPU and then cast, so that it means the same on every device and
    in every precision. ``device`` is shared with the local writer; ``adapters`` is the folder of the LoRAs,
    ``pictures`` finds those of an edit, and ``wish`` is how models are to be held. ``compiled`` models' repeated blocks
    are compiled: faster, other roundings.
    """

    def __init__(
        self,
        default_model: str,
        *,
        hub_cache: Path,
        device: SharedDevice | None = None,
        adapters: Path | None = None,
        compiled: bool = False,
        pictures: Pictures = no_pictures,
        wish: Wish = ANY,
    ) -> None:
        self._compiled = compiled
        self._hub_cache = hub_cache
        self._wish = wish
        self._adapters = adapters or hub_cache / "adapters"
        self._pictures = pictures
        self._device = device or SharedDevice()
        self._lock = threading.Lock()
        self._unload_asked = threading.Event()
        self._held: _Held | None = None
        self._status = EngineStatus("unloaded", find_model(default_model).name, "", False, 0.0)
        self._painter = PAINTER
        self._remember(find_model(default_model))

    def status(self) -> EngineStatus:
        status = replace(self._status, unloading=self._unload_asked.is_set(), painter=self._painter)
        if status.device.startswith("cuda"):
            vram = sys.modules["torch"].cuda.memory_reserved() / GB
            return replace(status, gpu_available=True, vram_used_gb=round(vram, 2))
        return replace(status, gpu_available=not status.device and device.has_cuda_gpu())

    def load(self, model: str) -> None:
        spec = find_model(model)
        cancel = CancelFlag()
        with self._turn(cancel):
            self._hold(spec, cancel)

    def unload(self) -> None:
        self._unload_asked.set()
        self._unload_if_idle()

    def close(self) -> None:
        """The model's memory goes with the process."""

    def move_out(self) -> bool:
        """Takes the model off the GPU, into main memory where there is room; the next render brings it back.

        False while it loads or paints.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._clear_device()
            return True
        finally:
            self._lock.release()
            self._unload_if_idle()

    def revision(self, model: str) -> str:
        spec = find_model(model)
        return revision_of(spec, weights_folder(spec, self._hub_cache))

    def adapters(self, model: str, asked: Sequence[str]) -> tuple[str, ...]:
        if not asked:
            return ()
        spec = find_model(model)
        return resolve(asked, self._adapters, spec, self._hub_cache)

    def count_tokens(self, model: str, text: str) -> int:
        spec = find_model(model)
        return pipeline_of(spec.family).count_tokens(weights_folder(spec, self._hub_cache), text)

    def render(
        self,
        request: GenerationRequest,
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> RenderedImage:
        """Paints ``request``; the Engine protocol says what this promises.

        Raises RequestError, too, when the request names other weights than are here, adapters, or a negative
        prompt that the model does not know.
        """
        return self.render_together((request,), on_step, cancel, previews=previews)[0]

    def render_together(
        self,
        requests: Sequence[GenerationRequest],
        on_step: StepObserver | None = None,
        cancel: CancelFlag | None = None,
        *,
        previews: bool = True,
    ) -> list[RenderedImage]:
        cancel, request = cancel or CancelFlag(), requests[0]
        spec = find_model(request.model)
        self._check(spec, request)
        given = Given.of(request, self._pictures)
        with self._turn(cancel):
            cancel.check()
            held = self._hold(spec, cancel)
            if request.revision != held.revision:
                raise RequestError(
                    f"The recipe is for {spec.title} at revision {request.revision}, and {held.revision} is "
                    "here. Start from its prompt and seed instead: the picture will differ."
                )
            if held.placement.device == "cpu":
                placement.check_main_memory(spec, request.width, request.height)
            several = requests[: placement.at_once(held.placement, spec, request.width, request.height)]
            cancel.check()
            encoder_stays = held.placement.device == "cuda" and not held.placement.offload
            with nullcontext() if encoder_stays else held.embeddings.lent(held.pipe):
                return self._paint_within_memory(held, several, given, on_step, cancel, previews)

    def _check(self, spec: ModelSpec, request: GenerationRequest) -> None:
        for adapter in map(Adapter.of_recipe, request.adapters):
            self._adapter_file(adapter, spec)
        if request.family != spec.family.name:
            raise RequestError(
                f"The recipe is for a model of the family {request.family}, and {spec.title} is one of "
                f"{spec.family.name}. Start from its prompt and seed instead: the picture will differ."
            )
        if request.edit is None:
            spec.check_can("generate")
        else:
            check_can_edit(spec, request.edit.way, len(request.edit.references))
        for text in (request.caption, request.negative_prompt):
            check_tokens(self.count_tokens(spec.name, text), spec.family)
        if spec.fixed_negative is not None and request.negative_prompt != spec.fixed_negative:
            raise RequestError(
                f"{spec.title} knows no negative prompt but {spec.fixed_negative!r}, and this one is "
                f"{request.negative_prompt!r}. Leave it out."
            )

    def _adapter_file(self, adapter: Adapter, spec: ModelSpec) -> Path:
        """The file of a recipe's adapter, which fits the model. Raises RequestError."""
        file = recorded_file(self._adapters, adapter)
        check_fits(file, spec, self._hub_cache)
        return file

    @contextmanager
    def _turn(self, cancel: CancelFlag) -> Iterator[None]:
        """The lock, to load or paint; an unload that is asked for meanwhile is done before anybody else has it."""
        try:
            with cancel.turn(self._lock):
                try:
                    yield
                finally:
                    self._unload_where_asked()
        finally:
            self._unload_if_idle()

    def _unload_if_idle(self) -> None:
        """Unloads where that is asked for and nobody has the lock; whoever has it calls this once it is free again."""
        while self._unload_asked.is_set() and self._lock.acquire(blocking=False):
            try:
                self._unload_where_asked()
            finally:
                self._lock.release()

    # Below, the caller has the lock.

    def _unload_where_asked(self) -> None:
        if self._unload_asked.is_set():
            self._drop()
            self._status = EngineStatus("unloaded", self._status.model, "", False, 0.0)
            self._unload_asked.clear()

    def _hold(self, spec: ModelSpec, cancel: CancelFlag) -> _Held:
        """The model in memory, loaded if it is not, or if its weights have changed on disk."""
        try:
            folder = weights_folder(spec, self._hub_cache)
        except EngineError as error:
            if self._held is None:
                self._status = replace(self._status, state="failed", model=spec.name, error=str(error))
            raise
        revision = revision_of(spec, folder)
        held = self._held
        if held is not None and (held.spec, held.revision) == (spec, revision):
            if not self._device.has(self):
                self._move_in(held, cancel)
            return held
        self._check_complete(spec, folder)
        before = None if held is None else held.spec
        del held  # which would keep its memory from the one to come
        self._drop()
        self._status = EngineStatus("loading", spec.name, "", False, 0.0)
        try:
            place, pipe = load_pipeline(spec, folder, cancel, partial(self._arrival, spec, folder, cancel), self._wish)
        except EngineError as error:
            self._status = replace(self._status, state="failed", error=str(error))
            if before not in (None, spec):
                self._put_back(before)
            raise
        except BaseException:
            self._status = replace(self._status, state="unloaded")
            raise
        if self._compiled:
            compile_blocks(pipe)
        self._held = _Held(spec, revision, folder, place, pipe)
        self._status = replace(self._status, state="ready", device=place.where)
        self._remember(spec)
        return self._held

    def _remember(self, spec: ModelSpec) -> None:
        """Which model paints from a prompt, should the next one only edit."""
        if spec.can("generate"):
            self._painter = spec.name

    def _check_complete(self, spec: ModelSpec, folder: Path) -> None:
        """Raises ModelLoadFailed for files that cannot be loaded, while the model before still has its place."""
        try:
            check_complete(spec, folder)
        except EngineError as error:
            if self._held is None:
                self._status = replace(self._status, state="failed", model=spec.name, error=str(error))
            raise

    def _put_back(self, spec: ModelSpec) -> None:
        """Takes up the model that had to make room for one that does not load; it goes on painting."""
        failed = self._status
        try:
            self._hold(spec, CancelFlag())
        except EngineError as error:
            log.error("%s cannot be taken back either: %s", spec.title, error)
            self._status = failed

    def _arrival(self, spec: ModelSpec, folder: Path, cancel: CancelFlag) -> AbstractContextManager[None]:
        needed = placement.painter_bytes(spec, folder, self._device.memory(), self._wish)
        return self._device.arrival(self, needed, cancel)

    def _move_in(self, held: _Held, cancel: CancelFlag) -> None:
        """Onto the device again, after it had to leave."""
        with (
            self._let_go_where_it_fails(
                f"The memory of {held.placement.device_text} did not suffice to take {held.spec.title} back. Try "
                "again; if that does not help, end other programs that use the GPU."
            ),
            self._arrival(held.spec, held.folder, cancel),
        ):
            if not held.placement.offload:
                held.pipe.to(held.placement.device)

    @contextmanager
    def _let_go_where_it_fails(self, no_memory: str) -> Iterator[None]:
        """Inside, the model is moved; where that fails it is let go, for the next picture to load it. ``no_memory`` is
        said where the memory did not suffice."""
        try:
            yield
        except Stopped:
            raise
        except Exception as error:
            memory.release_tensors(error)
            self._drop()
            self._status = replace(self._status, state="unloaded", device="")
            if not memory.is_out_of_memory(error):
                raise
            raise OutOfMemory(no_memory) from error

    def _clear_device(self) -> None:
        """Nothing of the model stays on the device, and its share is free."""
        held = self._held
        if held is None or held.placement.offload:  # part by part, nothing stays there between two pictures
            self._device.release_share(self)
        elif placement.waits_in_main_memory(sum(weight_bytes(held.folder, held.spec.layout).values())):
            held.pipe.to("cpu")
            memory.release_memory()
            self._device.release_share(self)
        else:
            self._drop()
            self._status = replace(self._status, state="unloaded", device="")

    def _drop(self) -> None:
        if self._held is not None:
            self._held = None
            memory.release_memory()
        self._device.release_share(self)

    def _wear(self, held: _Held, adapters: tuple[Adapter, ...]) -> None:
        """Has the model paint with these adapters, and with no other."""
        worn = tuple(adapter.name + adapter.revision for adapter in adapters)
        if held.worn != worn:
            held.worn = ()
            put_on(held.pipe, held.placement, [self._adapter_file(adapter, held.spec) for adapter in adapters])
            held.worn = worn
        if adapters:
            set_strengths(held.pipe, [adapter.strength for adapter in adapters])

    def _paint_within_memory(
        self, held: _Held, requests: Sequence[GenerationRequest], *how: Any
    ) -> list[RenderedImage]:
        """Once more where memory runs out: fewer pictures in one pass, or less of the model on the device; it is held
        so from then on."""
        request, below = requests[0], None
        try:
            return self._paint(held, requests, *how)
        except OutOfMemory as error:
            if len(requests) == 1:
                below = next_below(held.placement, self._wish)
                if below is None or (below.tiled and max(request.width, request.height) <= TILE_PX):
                    raise
            in_words = "fewer pictures in one pass" if below is None else below.in_words
            log.warning("%s It is tried once more: %s.", error, in_words)
        if below is None:
            held.placement = replace(held.placement, batch=max(1, held.placement.batch // 2))
            rendered = self._paint_within_memory(held, requests[: len(requests) // 2], *how)
            note = (
                f"The memory of {held.placement.device_text} did not suffice for {len(requests)} pictures in one pass: "
                "they were fewer."
            )
            return [replace(each, note=each.note or note) for each in rendered]
        self._resettle(held, below)
        rendered = self._paint(held, requests, *how)
        note = f"The memory of {below.device_text} did not suffice at first: it was {below.in_words}."
        return [replace(each, note=note) for each in rendered]

    def _resettle(self, held: _Held, place: Placement) -> None:
        """Holds the model as ``place`` says."""
        with self._let_go_where_it_fails(
            f"The memory of {place.device_text} did not suffice for {held.spec.title}, even {place.in_words}. Try "
            "again; if that does not help, end other programs, or choose a smaller model."
        ):
            resettle(held.pipe, held.placement, place)
        held.placement = place
        self._status = replace(self._status, device=place.where)

    def _paint(
        self,
        held: _Held,
        requests: Sequence[GenerationRequest],
        given: Given | None,
        on_step: StepObserver | None,
        cancel: CancelFlag,
        previews: bool,
    ) -> list[RenderedImage]:
        """One pass: the pictures of requests that differ in nothing but their seeds."""
        request, count = requests[0], len(requests)
        try:
            if previews and on_step is not None and held.preview is None:
                from fibo_core.engine.preview import LatentPreview

                held.preview = LatentPreview.fit(held.family, held.pipe, held.placement.device)
                held.pipe.maybe_free_model_hooks()
            preview = held.preview if previews else None
            self._wear(held, tuple(map(Adapter.of_recipe, request.adapters)))
            wanted, request = (request.width, request.height), request.on_canvas
            check_tokens(held.family.tokens_read(request, held.pipe, given), held.spec.family)
            tiled = held.placement.tiled or TILED in request.approximation
            place = replace(held.placement, tiled=tiled and max(request.width, request.height) > TILE_PX)
            decode_by_tiles(held.pipe, place.tiled)
            noise = _stacked([held.family.noise(each.on_canvas, held.pipe) for each in requests])
            started = time.monotonic()
            repaint = None
            if given is not None:
                repaint = Repaint(request, given, held.family, held.pipe, noise, held.placement.device)
                noise = repaint.latents
            arguments = {"prompt": request.caption, **held.family.arguments(request)}
            if given is not None and given.is_own:
                arguments |= held.family.edit_arguments(request, given, held.pipe)
            if count > 1:
                arguments["num_images_per_prompt"] = count
            with nullcontext() if repaint is None else repaint.schedule():
                images = held.pipe(
                    negative_prompt=request.negative_prompt,
                    width=request.width,
                    height=request.height,
                    num_inference_steps=request.num_inference_steps,
                    guidance_scale=request.guidance_scale,
                    latents=noise,
                    callback_on_step_end=StepCallback(request, noise, on_step, cancel, preview, started, repaint),
                    **arguments,
                ).images
            cut = [image.crop((0, 0, *wanted)) for image in images]
            finished = [(image, 0.0) if repaint is None else repaint.finished(image) for image in cut]
        except BaseException as error:
            memory.release_tensors(error)
            held.pipe.maybe_free_model_hooks()  # else offloaded parts would stay on the GPU
            if memory.is_spoiled(error):
                failure = self._spoiled(held, error)
                raise failure from error
            if not memory.is_out_of_memory(error):
                raise
            memory.release_memory()
            smaller = held.spec.smaller_shape(request.width, request.height)
            raise OutOfMemory(
                f"The memory did not suffice for {f'{count} times ' if count > 1 else ''}{request.width}×"
                f"{request.height} pixels with "
                f"{held.spec.title} on {held.placement.device_text}. It has been freed: "
                f"{f'choose the shape {smaller}, ' if smaller else ''}shorten the prompt, or close other programs."
            ) from error
        duration_s = (time.monotonic() - started) / count
        return [
            RenderedImage(
                image=image,
                duration_s=duration_s,
                device=held.placement.where,
                precision=place.how if count == 1 else f"{place.how}, {TOGETHER}",
                versions=_versions(self._compiled),
                skipped=0 if repaint is None else repaint.skip,
                moved_outside=moved,
            )
            for image, moved in finished
        ]

    def _spoiled(self, held: _Held, error: BaseException) -> DeviceFailed:
        """The model is of no use any more, nor is the GPU to this process."""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(". ")
        self._held = None
        self._device.release_share(self)
        failure = DeviceFailed(
            f"{held.placement.device_text} failed while it painted ({reason}). This process cannot use it any more: "
            "restart the studio. With FIBO_ENGINE set to process only the engine is restarted, by itself."
        )
        self._status = replace(self._status, state="failed", error=str(failure))
        return failure


def _stacked(noises: list[Any]) -> Any:
    """The noise of each picture of a pass, one after another along the first axis."""
    return sys.modules["torch"].cat(noises)


@lru_cache(maxsize=2)
def _versions(compiled: bool) -> dict[str, str]:
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "diffusers", "transformers")}
    libraries["torch"] += ", compiled blocks" if compiled else ""
    return {**libraries, "fibo-studio": fibo_core.__version__}
