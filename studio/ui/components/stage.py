"""The stage: where a page shows its picture, while it is painted and afterwards.

It follows its batch by itself (`GET /desk.json`) and tells Python only what its user did, and once that the batch has
ended; so a page calls it in every run with the same key, and is not run again for progress.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from fibo_core.store.generation import Generation, Mode
from fibo_core.store.inputs import INPUTS
from fibo_core.work.desk import Batch
from studio.runtime import get_runtime
from studio.ui.components import asset, loader
from studio.ui.components.result import image_url
from studio.ui.marks import Outline
from studio.ui.words import title_of

_STAGE = st.components.v2.component(
    "fibo_stage",
    html=asset("stage.html"),
    css=asset("stage.css"),
    js=loader("stage", "stage.js"),
)


@dataclass(frozen=True)
class Brush:
    """What can be marked: ``picture``, on the page that does ``mode``.

    ``mark`` is the name (the SHA-256) of the mark that is kept of it; where Python has set another, ``revision`` is
    another too. ``on_mark`` hears of every mark: the picture's id, and the name, "" where nothing is marked.
    """

    picture: Generation
    mode: Mode
    on_mark: Callable[[str, str], None]
    mark: str = ""
    revision: int = 0
    outlines: Sequence[Outline] = ()
    hint: str = ""


@dataclass(frozen=True)
class StageEvent:
    """``chosen``: the picture ``id`` was opened; ``grid``: its user went back to the whole batch ``id``; ``ended``: the
    batch ``id`` that was running in the last run has ended."""

    kind: Literal["chosen", "grid", "ended"]
    id: str


def stage(
    *,
    key: str,
    batch: Batch | None = None,
    picture: Generation | None = None,
    before: Generation | str | None = None,
    beneath: Generation | None = None,
    neighbours: Sequence[Generation] = (),
    shape: tuple[int, int] = (1024, 1024),
    brush: Brush | None = None,
) -> StageEvent | None:
    """Shows ``picture`` alone where it is given, else what ``batch`` is painting or has painted: several as a grid.

    Without ``picture``, the finished picture that stood on the stage stays beneath until the first preview covers it,
    and comes back where the batch ends without any. A picture of the batch leads back to its grid. ``before``, a
    picture or the address of one, is what hold and compare show beside it; ``beneath``, else ``before``, is what lies
    beneath where no finished picture stood. Arrow keys and a swipe lead through the batch, or through
    ``neighbours`` where the picture is one of them. ``shape`` is reserved where there is nothing to show at all. With
    ``brush`` its picture can be marked wherever it is the one that is shown.
    """

    def marked() -> None:
        if brush is not None and (said := st.session_state[key].get("marked")) is not None:
            brush.on_mark(str(said["picture"]), str(said["name"]))

    result = _STAGE(
        key=key,
        data={
            "batch": None if batch is None or not batch.pictures else _batch(batch),
            "picture": None if picture is None else _picture(picture),
            "before": _any(before),
            "beneath": _any(beneath or before),
            "neighbours": [_picture(each) for each in neighbours],
            "shape": list(shape),
            "brush": None if brush is None else _brush(brush),
        },
        on_chosen_change=_nothing,
        on_ended_change=_nothing,
        on_marked_change=marked,
    )
    if result.chosen is not None:
        kind, id = result.chosen["kind"], str(result.chosen["id"])
        return StageEvent("grid" if kind == "grid" else "chosen", id)
    return None if result.ended is None else StageEvent("ended", str(result.ended))


def _batch(batch: Batch) -> dict[str, Any]:
    """What does not change while it is painted; ``attempt`` grows when something is tried again, ``deleted`` are those
    of its pictures that are not to be shown any more. Outside ``mask`` the picture before stays, and is seen there from
    the beginning."""
    settings = batch.cells[0].job.task.painting.settings
    history = get_runtime().tools.history
    return {
        "id": batch.id,
        "going": not batch.ended,
        "attempt": len(batch.jobs),
        "pictures": batch.pictures,
        "deleted": history.deleted_among(batch.generation_ids),
        "width": settings.width,
        "height": settings.height,
        "mask": f"/{INPUTS}/{batch.order.mask}.png" if batch.order.mask else None,
    }


def _picture(generation: Generation) -> dict[str, Any]:
    request = generation.request
    return {
        "id": generation.id,
        "src": image_url(generation.id),
        "alt": title_of(generation),
        "width": request.width,
        "height": request.height,
    }


def _brush(brush: Brush) -> dict[str, Any]:
    request = brush.picture.request
    return {
        "mode": brush.mode,
        "picture": brush.picture.id,
        "width": request.width,
        "height": request.height,
        "mark": f"/{INPUTS}/{brush.mark}.png" if brush.mark else None,
        "revision": brush.revision,
        "outlines": [
            {"label": each.label, "shapes": [list(shape) for shape in each.shapes]} for each in brush.outlines
        ],
        "hint": brush.hint,
    }


def _any(picture: Generation | str | None) -> dict[str, Any] | None:
    if isinstance(picture, Generation):
        return _picture(picture)
    return {"src": picture, "alt": "The given picture"} if picture else None


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
