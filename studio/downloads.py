"""Weights being fetched in the background, for every session of the process to watch."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from fibo_core.cancel import CancelFlag
from fibo_core.engine import Engine
from fibo_core.engine.download import DownloadEvent, download
from fibo_core.engine.models import CATALOGUE, ModelSpec
from fibo_core.engine.weights import downloaded
from fibo_core.errors import Cancelled, FiboError
from fibo_core.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Fetch:
    """One download: how far it is, or the sentence it ended with."""

    cancel: CancelFlag = field(default_factory=CancelFlag)
    event: DownloadEvent | None = None
    error: str = ""
    running: bool = True


class Downloads:
    """At most one download a model; a cancelled or failed one can be started again and goes on where it stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetches: dict[str, Fetch] = {}

    @staticmethod
    @st.cache_resource(show_spinner=False)
    def of_process() -> "Downloads":
        return Downloads()

    @property
    def any_running(self) -> bool:
        return any(fetch.running for fetch in list(self._fetches.values()))

    def get(self, model: str) -> Fetch | None:
        return self._fetches.get(model)

    def start(self, spec: ModelSpec, settings: Settings, then: Callable[[], None] | None = None) -> None:
        """Begins a download unless it is running; ``then`` is called once the weights are here."""
        with self._lock:
            current = self._fetches.get(spec.name)
            if current is not None and current.running:
                return
            fetch = self._fetches[spec.name] = Fetch()
        threading.Thread(
            target=_run, args=(fetch, spec, settings, then), name=f"download-{spec.name}", daemon=True
        ).start()


def fetch_weights_on_a_pod(settings: Settings, engine: Engine) -> None:
    """Begins to fetch FIBO's weights where a pod has a token and no weights yet.

    With FIBO_MODEL=auto mini paints meanwhile, and System offers FIBO when it is there; where FIBO alone was asked for,
    it is loaded then.
    """
    fibo = CATALOGUE["fibo"]
    wanted = settings.on_pod and settings.hf_token is not None and settings.fibo_model in ("auto", fibo.name)
    if wanted and downloaded(fibo, settings.hub_cache) is None:
        log.info("Fetching the weights of %s in the background; System shows how far they are.", fibo.title)
        then = partial(engine.load, fibo.name) if settings.fibo_model == fibo.name else None
        Downloads.of_process().start(fibo, settings, then)


def _run(fetch: Fetch, spec: ModelSpec, settings: Settings, then: Callable[[], None] | None) -> None:
    def on_progress(event: DownloadEvent) -> None:
        fetch.event = event

    try:
        download(spec, settings.hub_cache, settings.hf_token, on_progress, fetch.cancel)
        if then is not None:
            then()
    except Cancelled:
        log.info("Download of %s cancelled; what arrived is kept.", spec.name)
    except FiboError as exc:
        log.warning("Download of %s ended: %s", spec.name, exc)
        fetch.error = str(exc)
    except Exception as exc:  # a bug, which must not vanish with this thread
        log.exception("Download of %s ended on an error nobody foresaw.", spec.name)
        fetch.error = (
            f"The download ended on an error nobody foresaw ({type(exc).__name__}). The log has it; start it again."
        )
    finally:
        fetch.running = False
