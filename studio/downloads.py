"""Weights being fetched in the background, for every session of the process to watch."""

import logging
import threading
from dataclasses import dataclass, field

import streamlit as st

from fibo_core.cancel import CancelFlag
from fibo_core.engine.download import DownloadEvent, download
from fibo_core.engine.models import CATALOGUE, ModelSpec
from fibo_core.engine.weights import downloaded
from fibo_core.errors import FiboError
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

    def get(self, model: str) -> Fetch | None:
        return self._fetches.get(model)

    def start(self, spec: ModelSpec, settings: Settings) -> None:
        with self._lock:
            current = self._fetches.get(spec.name)
            if current is not None and current.running:
                return
            fetch = self._fetches[spec.name] = Fetch()
        threading.Thread(target=_run, args=(fetch, spec, settings), name=f"download-{spec.name}", daemon=True).start()


def fetch_weights_on_a_pod(settings: Settings) -> None:
    """Begins to fetch FIBO's weights where a pod has a token and no weights yet; mini paints meanwhile."""
    fibo = CATALOGUE["fibo"]
    wanted = settings.on_pod and settings.hf_token is not None and settings.fibo_model in ("auto", fibo.name)
    if wanted and downloaded(fibo, settings.hub_cache) is None:
        log.info("Fetching the weights of %s in the background; System shows how far they are.", fibo.title)
        Downloads.of_process().start(fibo, settings)


def _run(fetch: Fetch, spec: ModelSpec, settings: Settings) -> None:
    def on_progress(event: DownloadEvent) -> None:
        fetch.event = event

    try:
        download(spec, settings.hub_cache, settings.hf_token, on_progress, fetch.cancel)
    except FiboError as exc:
        log.warning("Download of %s ended: %s", spec.name, exc)
        fetch.error = str(exc)
    finally:
        fetch.running = False
