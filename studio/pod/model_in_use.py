"""Which model paints while nobody chooses: what FIBO_MODEL means, as soon as it is here and loads; mini until then."""

import logging
import time

from fibo_core.errors import EngineError, StoreError
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.device import default_model
from fibo_core.work.runtime import Runtime

log = logging.getLogger(__name__)

LOOK_S = 0.5  #: between two looks whether the queue is empty


class ModelInUse:
    """Loads models by themselves, and remembers why that failed and whether a user has chosen meanwhile."""

    def __init__(self) -> None:
        self._chosen = False
        self.awaited: str | None = None  #: a model that is here, and loaded once the queue is empty
        self._failed: tuple[str, str] | None = None  #: a model that did not load, and why

    def load_first(self, runtime: Runtime) -> None:
        """Loads the model to begin with; where that was not asked for by name and does not load, mini.

        Raises ModelMissing, ModelLoadFailed or OutOfMemory where nothing can paint.
        """
        engine, spare = runtime.tools.engine, CATALOGUE["mini"]
        model = engine.status().model
        try:
            engine.load(model)
        except EngineError as exc:
            if runtime.settings.fibo_model != "auto" or model == spare.name:
                raise
            self._note_failure(model, exc)
            engine.load(spare.name)

    def choose(self, runtime: Runtime, model: str) -> None:
        """Loads the model that a user has chosen, which is kept from now on. Raises as ``Engine.load`` does."""
        self._chosen, self._failed = True, None
        runtime.tools.engine.load(model)

    def take_over(self, runtime: Runtime, model: str) -> None:
        """Loads a model that has just arrived, where FIBO_MODEL means it and nobody has chosen another one.

        Waits until no job waits or runs, so that none is held up, and comes again where one came in between: what was
        ordered from the model before is painted by that one.
        """
        if default_model(runtime.settings.fibo_model, runtime.settings.hub_cache).name != model:
            return
        self.awaited = model
        try:
            while not self._chosen:
                if not _is_idle(runtime):
                    time.sleep(LOOK_S)
                elif _paints(runtime, model):
                    return
                else:
                    runtime.tools.engine.load(model)
        except EngineError as exc:
            self._note_failure(model, exc)
        finally:
            self.awaited = None

    def failure_to_report(self, model: str) -> str:
        """Why another one than ``model`` should paint and does not; "" where nothing is amiss."""
        return "" if self._failed is None or self._failed[0] == model else self._failed[1]

    def _note_failure(self, model: str, error: EngineError) -> None:
        sentence = f"{CATALOGUE[model].title} is here and does not load: {error}"
        log.error("%s", sentence, exc_info=error if error.__cause__ else None)
        self._failed = (model, sentence)


def _is_idle(runtime: Runtime) -> bool:
    """Whether no job waits or runs; not where the database does not tell."""
    try:
        return not any(runtime.jobs.counts().values())
    except StoreError:
        return False


def _paints(runtime: Runtime, model: str) -> bool:
    status = runtime.tools.engine.status()
    return (status.model, status.state) == (model, "ready")
