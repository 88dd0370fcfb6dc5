"""What is being painted, on every page: a line for each running batch in a place of its own, whether there are any or
not; its end in the title of the tab and, where that was allowed, in a notification.

The component follows the desk by itself (`studio/web/following.py`) and cancels over the studio's API: no page is run
for progress. It is run again, once, when a running batch has something new for it: a prompt, a picture, its end.
"""

from collections.abc import Sequence

import streamlit as st

from fibo_core.models.catalogue import CATALOGUE
from fibo_core.store.generation import Mode
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from studio.ui.components import asset, loader
from studio.ui.navigation import PAGE_OF, go_to
from studio.ui.state import page_state
from studio.ui.viewing import back_to_draft, leave_view

_QUEUE = st.components.v2.component(
    "fibo_queue_bar",
    html=asset("queue_bar.html"),
    css=asset("queue_bar.css"),
    js=loader("stage", "queue_bar.js"),
)


def queue_bar(runtime: Runtime) -> None:
    """Draws the bar. A line that was pressed leads to the page of its batch, and to its pictures there."""
    result = _QUEUE(
        key="queue_bar",
        data={
            "seen": seen(runtime.desk.active()),
            "model": runtime.tools.engine.status().model,
            "models": {name: spec.title for name, spec in CATALOGUE.items()},
            "paths": {kind: "/" if kind == "generate" else f"/{kind}" for kind in PAGE_OF},
        },
        on_changed_change=lambda: None,
        on_opened_change=lambda: None,
    )
    if result.opened is not None:
        open_batch(result.opened["id"], result.opened["kind"])


def seen(active: Sequence[Batch]) -> str:
    """What a run of a page shows of the running batches; the component runs it again once that has changed."""
    return " ".join(
        f"{batch.id}:{batch.state}:{sum(job.written is not None for job in batch.jobs)}:{len(batch.generation_ids)}"
        for batch in active
    )


def open_batch(batch_id: str, kind: Mode) -> None:
    """Goes to the page of that kind, which follows this batch from now on."""
    state = page_state(kind)
    if state.batch_id == batch_id:
        back_to_draft(state, kind)
    else:
        leave_view(state)
        state.batch_id = None  # the page takes what its address says
    go_to(PAGE_OF[kind], batch=batch_id)
