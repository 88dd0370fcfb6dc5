"""`GET /desk.json`: what the pages' components follow by themselves, so that no page is run again to show progress.

Lean and asked often: the running batches in short and, of the batch that is asked for, every cell. However many tabs
ask, the desk is read a few times a second.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fibo_core.errors import FiboError
from fibo_core.prompts.axes import axis_to_record
from fibo_core.work.desk import Batch, Cell, Desk
from studio.runtime import get_runtime
from studio.ui.words import describe
from studio.web.answers import tagged
from studio.web.api.convert import image_address, thumbnail_address
from studio.web.previews import Previews
from studio.web.problems import problem

LOOK_S = 0.1  #: for which one reading of the running batches answers all who ask
SHARE = 4.0  #: of the time that a reading took, and for which it answers at least: a fifth of one thread at most
ALSO_MAX = 40  #: batches told in short beside the running ones


def desk(request: Request) -> Response:
    """The running batches in short; of ``?batch=`` all cells; of each ``?also=`` that has ended, how it ended.

    Starlette runs it in a thread, so the event loop waits for no database.
    """
    asked = request.query_params
    whole, also = asked.get("batch", ""), asked.getlist("also")[:ALSO_MAX]
    try:
        desk = get_runtime().desk
        found = dict(_running.read(desk))
        running = list(found.values())
        for batch in desk.several({whole, *also} - found.keys()).values():
            found[batch.id] = _Told(batch, _short(batch, desk))
        told = {
            "running": [each.short for each in running],
            "ended": [found[id].short for id in also if id in found and found[id].batch.ended],
            "batch": _whole(found[whole], running) if whole in found else None,
        }
    except FiboError as exc:
        return problem(503, str(exc))
    return tagged(request, told)


@dataclass(frozen=True)
class _Told:
    """A batch as it was read, and its line."""

    batch: Batch
    short: dict[str, Any]


class _Running:
    """The batches that have not ended, as they were a moment ago at most."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}
        self._until = 0.0
        self._of: Desk | None = None
        self._lock = threading.Lock()

    def read(self, desk: Desk) -> dict[str, _Told]:
        """By their ids, oldest first."""
        with self._lock:
            if (began := time.monotonic()) >= self._until or desk is not self._of:
                self._told = {batch.id: _Told(batch, _short(batch, desk)) for batch in desk.active()}
                self._of = desk
                took = time.monotonic() - began
                self._until = time.monotonic() + max(LOOK_S, SHARE * took)
            return self._told


_running = _Running()


def _short(batch: Batch, desk: Desk) -> dict[str, Any]:
    """A line of the queue. ``written`` counts its prompts, ``waits`` says that a writer is over its quota."""
    left = desk.remaining_s(batch)
    return {
        "id": batch.id,
        "kind": batch.kind,
        "title": batch.title,
        "state": batch.state,
        "ended": batch.ended,
        "does": "" if batch.ended else describe(desk, batch),
        "model": batch.current.task.painting.settings.model if batch.pictures else "",
        "fraction": round(batch.fraction, 3),
        "painted": len(batch.generation_ids),
        "pictures": batch.pictures,
        "written": sum(job.written is not None for job in batch.jobs),
        "remaining_s": None if left is None else round(left),
        "waits": batch.state == "waiting",
    }


def _whole(told: _Told, running: Sequence[_Told]) -> dict[str, Any]:
    """Every cell and, while none has begun, what is painted ``ahead`` of them."""
    return told.short | {
        "ahead": None if _has_begun(told.batch) else _ahead(told.batch, running),
        "axes": [axis_to_record(axis) for axis in told.batch.order.axes],
        "cells": [_cell(cell) for cell in told.batch.cells if cell.seed is not None],
    }


def _has_begun(batch: Batch) -> bool:
    """Whether any of its pictures is painted, or being painted."""
    return batch.ended or bool(batch.generation_ids) or any(job.progress.step is not None for job in batch.jobs)


def _ahead(waiting: Batch, running: Sequence[_Told]) -> dict[str, Any] | None:
    """How the picture looks that is painted before a batch's, or the last of those; None where there is nothing to
    see."""
    others = (each.batch for each in running if each.batch.id != waiting.id)
    batch = next((each for each in others if each.state == "running" and _has_begun(each)), None)
    cells = [] if batch is None else [_cell(cell) for cell in batch.cells if cell.seed is not None]
    seen = [cell["preview"] for cell in cells if cell.get("preview")] or [
        cell["src"] for cell in cells if "src" in cell
    ]
    return {"src": seen[-1], "title": batch.title} if batch is not None and seen else None


def _cell(cell: Cell) -> dict[str, Any]:
    """One picture to come: ``state`` is that of its job, but "queued" while the job paints another one."""
    settings, id = cell.job.task.painting.settings, cell.generation_id
    told: dict[str, Any] = {
        "state": cell.state,
        "seed": str(cell.seed),  # JavaScript's numbers end before a seed's do
        "place": dict(cell.place),
        "width": settings.width,
        "height": settings.height,
    }
    if id is not None:
        return told | {"id": id, "src": image_address(id), "thumb": thumbnail_address(id)}
    if cell.state != "running":
        return told
    progress, seeds = cell.job.progress, cell.job.task.painting.seeds
    if progress.stage != "painting" or seeds[progress.picture - 1 : progress.picture] != (cell.seed,):
        return told | {"state": "queued"}
    if (step := progress.step) is None:
        return told
    preview = None if step.preview is None else Previews.of_process().address(step.preview)
    return told | {"fraction": round(step.step / step.total, 3), "preview": preview}
