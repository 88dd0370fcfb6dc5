"""Weights being fetched in the background, for every session of the process to watch."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, FiboError
from fibo_core.models import plans
from fibo_core.models.catalogue import CATALOGUE, WeightsSpec, find_weights
from fibo_core.models.device import lacks_for
from fibo_core.models.download import DownloadEvent, download
from fibo_core.models.weights import downloaded
from fibo_core.work.runtime import Runtime
from studio.pod.model_in_use import ModelInUse

log = logging.getLogger(__name__)

STILL_S = 120.0  #: a download that has brought nothing for so long is no work that keeps a pod awake


@dataclass
class Fetch:
    """One download: how far it is, or the sentence it ended with."""

    spec: WeightsSpec
    cancel: CancelFlag = field(default_factory=CancelFlag)
    event: DownloadEvent | None = None
    error: str = ""
    running: bool = True
    moved_at: float = field(default_factory=time.monotonic)  #: when something came last

    def tell(self, event: DownloadEvent) -> None:
        if self.event is None or event.done_bytes > self.event.done_bytes:
            self.moved_at = time.monotonic()
        self.event = event

    @property
    def percent(self) -> int | None:
        """How much is here; None until the size is known."""
        if self.event is None or not self.event.total_bytes:
            return None
        return int(100 * self.event.done_bytes / self.event.total_bytes)


class Downloads:
    """At most one download a model; a cancelled or failed one can be started again and goes on where it stopped."""

    def __init__(self, model_in_use: ModelInUse) -> None:
        self._model_in_use = model_in_use
        self._lock = threading.Lock()
        self._fetches: dict[str, Fetch] = {}

    @property
    def any_moving(self) -> bool:
        """Whether something comes. A hub that has been away for hours need not be waited for by a pod that costs."""
        return any(fetch.running and time.monotonic() - fetch.moved_at < STILL_S for fetch in self._all())

    @property
    def going_or_failed(self) -> list[Fetch]:
        """What a user should know of: those that run, then those that ended with an error."""
        fetches = self._all()
        return [*(each for each in fetches if each.running), *(each for each in fetches if each.error)]

    def get(self, model: str) -> Fetch | None:
        return self._fetches.get(model)

    def start(self, spec: WeightsSpec, runtime: Runtime, then: Callable[[], None] = lambda: None) -> None:
        """Begins a download unless it is running; ``then`` is called once the weights are here.

        A model that paints is taken into use afterwards, where nobody has chosen another one.
        """
        with self._lock:
            current = self._fetches.get(spec.name)
            if current is not None and current.running:
                return
            fetch = self._fetches[spec.name] = Fetch(spec)
        work = (fetch, runtime, then, self._model_in_use)
        threading.Thread(target=_run, args=work, name=f"download-{spec.name}", daemon=True).start()

    def _all(self) -> list[Fetch]:
        return list(self._fetches.values())


def fetch_weights_on_a_pod(downloads: Downloads, runtime: Runtime) -> None:
    """Begins to fetch what a pod with a token lacks: FIBO's weights, then the local writer's where it is to write.

    With FIBO_MODEL=auto what does not fit the machine is not fetched, and the log says so.
    """
    settings, fibo = runtime.settings, CATALOGUE["fibo"]
    if not settings.on_pod:
        return
    if settings.fibo_model == "auto" and (lack := lacks_for(fibo)):
        log.warning("%s %s paints, and %s is not fetched.", lack, CATALOGUE["mini"].title, fibo.title)
    names = plans.weights_a_pod_fetches(
        settings.fibo_model,
        settings.fibo_writer,
        has_token=settings.hf_token is not None,
        has_key=settings.google_api_key is not None or bool(settings.llm_base_url and settings.llm_model),
        fits=not lacks_for(fibo),
    )
    missing = [spec for spec in map(find_weights, names) if downloaded(spec, settings.hub_cache) is None]
    _fetch_in_turn(downloads, missing, runtime)


def _fetch_in_turn(downloads: Downloads, specs: Sequence[WeightsSpec], runtime: Runtime) -> None:
    if specs:
        log.info("Fetching the weights of %s in the background; every page shows how far they are.", specs[0].title)
        downloads.start(specs[0], runtime, partial(_fetch_in_turn, downloads, specs[1:], runtime))


def _run(fetch: Fetch, runtime: Runtime, then: Callable[[], None], model_in_use: ModelInUse) -> None:
    spec, settings = fetch.spec, runtime.settings
    try:
        download(spec, settings.hub_cache, settings.hf_token, fetch.tell, fetch.cancel)
    except Cancelled:
        log.info("Download of %s cancelled; what arrived is kept.", spec.name)
        return
    except FiboError as exc:
        log.warning("Download of %s ended: %s", spec.name, exc)
        fetch.error = str(exc)
        return
    except Exception as exc:  # a bug, which must not vanish with this thread
        log.exception("Download of %s ended on an error nobody foresaw.", spec.name)
        fetch.error = (
            f"The download ended on an error nobody foresaw ({type(exc).__name__}). The log has it; start it again."
        )
        return
    finally:
        fetch.running = False
    then()
    model_in_use.take_over(runtime, spec.name)
