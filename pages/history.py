"""History: every picture painted here; one of them large, with its whole recipe and the ways on from it."""

from fibo_core.errors import FiboError
from fibo_core.models.catalogue import find_model
from studio.remedies import with_button
from studio.runtime import get_runtime
from studio.ui.components.history_view import history_view
from studio.ui.components.storage_card import storage_trouble
from studio.ui.state import history_state
from studio.ui.ways import take

runtime = get_runtime()
state = history_state()

if (way := state.taken()) is not None:
    try:
        take(runtime, way, find_model(runtime.tools.engine.status().model))
    except FiboError as exc:
        state.say(with_button(exc))

storage_trouble(runtime)
history_view(state, key="history_gallery")
