"""`GET /desk.json`: what the pages' components follow by themselves, so that no page is run again to show progress.

Lean and asked often: the running batches in short and, of the batch that is asked for, every cell. However many tabs
ask, the desk is read a few times a second.
"""

import hashlib
import json
import threading
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fibo_core.errors import FiboError
from fibo_core.work.desk import Batch, Cell, Desk
from studio.runtime import get_runtime
from studio.ui.words import describe
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
    try:
        desk = get_runtime().desk
        running = _running.read(desk)
        found = {each.id: each for each in running}
        others = {*asked.getlist("also")[:ALSO_MAX], *asked.getlist("batch")[:1]} - found.keys()
        if others:
            found |= desk.several(others)
        told = {
            "running": [_short(each, desk) for each in running],
            "ended": [_short(found[id], desk) for id in asked.getlist("also") if id in found and found[id].ended],
            "batch": None if (batch := found.get(asked.get("batch", ""))) is None else _whole(batch, desk),
        }
    except FiboError as exc:
        return problem(503, str(exc))
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if request.headers.get("if-none-match", "").removeprefix("W/") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


class _Running:
    """The batches that have not ended, as they were a moment ago at most."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._until = 0.0
        self._of: Desk | None = None
        self._lock = threading.Lock()

    def read(self, desk: Desk) -> list[Batch]:
        with self._lock:
            if time.monotonic() >= self._until or desk is not self._of:
                began = time.monotonic()
                self._batches, self._of = desk.active(), desk
                took = time.monotonic() - began
                self._until = time.monotonic() + max(LOOK_S, SHARE * took)
            return self._batches


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


def _whole(batch: Batch, desk: Desk) -> dict[str, Any]:
    return _short(batch, desk) | {
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in batch.order.axes],
        "cells": [_cell(cell) for cell in batch.cells if cell.seed is not None],
    }


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
