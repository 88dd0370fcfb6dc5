"""Labels of many pictures at once, their undoing, tags and collections."""

import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from fibo_core.errors import FiboError, InputError
from fibo_core.store.label_store import ChangeRun, LabelStore
from studio.runtime import get_runtime
from studio.web.api import label_convert as convert
from studio.web.api.label_models import (
    ChangeGiven,
    CollectionChange,
    CollectionGiven,
    CollectionList,
    CollectionTaken,
    LabelsTaken,
    TagList,
    UndoTaken,
)
from studio.web.api.requests import BoundedRoute, answered, in_thread, json_answer

router = APIRouter(tags=["Labels"], route_class=BoundedRoute)

ANSWER_S = 2.0  #: that a change may take before it is answered as running
_CHANGE: dict[str, Any] = {
    "response_model": ChangeGiven,
    "responses": {202: {"model": ChangeGiven, "description": "It goes on: ask at GET /labels/{undo}"}},
}


@router.post("/labels", summary="Change the labels of many pictures", **_CHANGE)
async def change_labels(taken: LabelsTaken) -> Response:
    """Of those named in `ids`, or of every picture that a search finds. A change that takes longer than two seconds is
    answered with 202 and goes on, a hundred pictures at a time, whoever listens."""

    def begin(labels: LabelStore) -> ChangeRun:
        change = convert.label_change(taken.change)
        return labels.begin(change, ids=taken.ids, query=convert.labels_query(taken))

    return await _worked(begin)


@router.post("/labels/undo", summary="Take a change of labels back", **_CHANGE)
async def undo_labels(taken: UndoTaken) -> Response:
    """What was changed otherwise since stays. A change can be undone once, for two days, also after a restart."""
    return await _worked(lambda labels: labels.begin_undo(taken.undo))


@router.get("/labels/{undo}", summary="How far a change of labels has come", response_model=ChangeGiven)
async def get_change(undo: str) -> Response:
    return await answered(lambda: convert.change_given(_labels().state(undo)))


@router.delete("/labels/{undo}", summary="Cancel a change of labels", response_model=ChangeGiven)
async def cancel_change(undo: str) -> Response:
    """It ends after the piece that it is at; what was done can be undone."""
    return await answered(lambda: convert.change_given(_labels().cancel(undo)))


@router.get("/tags", summary="The tags of the pictures", response_model=TagList)
async def list_tags() -> Response:
    return await answered(lambda: convert.tag_list(_labels().collections.tags()))


@router.get("/collections", summary="The collections and kept searches", response_model=CollectionList)
async def list_collections() -> Response:
    return await answered(lambda: convert.collection_list(_labels().collections.all()))


@router.post(
    "/collections", summary="Make a collection, or keep a search", status_code=201, response_model=CollectionGiven
)
async def add_collection(taken: CollectionTaken) -> Response:
    def given() -> CollectionGiven:
        labels = _labels()
        made = labels.collections.add(taken.name, taken.query)
        labels.changed.set()
        return convert.collection_given(made)

    return await answered(given, 201)


@router.patch(
    "/collections/{id}", summary="Rename a collection, or keep another search", response_model=CollectionGiven
)
async def change_collection(id: str, taken: CollectionChange) -> Response:
    def given() -> CollectionGiven:
        if taken.name is None and taken.query is None:
            raise InputError("Nothing is to be changed. Give a name, or a query.")
        labels = _labels()
        changed = labels.collections.change(id, name=taken.name, query=taken.query)
        labels.changed.set()
        return convert.collection_given(changed)

    return await answered(given)


@router.delete("/collections/{id}", summary="Remove a collection; its pictures stay", **_CHANGE)
async def remove_collection(id: str) -> Response:
    """It can be undone as a change of labels can."""
    return await _worked(lambda labels: labels.remove_collection(id))


def _labels() -> LabelStore:
    return get_runtime().tools.history.labels


async def _worked(begin: Callable[[LabelStore], ChangeRun]) -> Response:
    """The change's answer once it is done, or that it goes on."""

    def work() -> Response:
        labels = _labels()
        run = begin(labels)
        failed: list[FiboError] = []

        def run_to_the_end() -> None:
            try:
                run.work()
            except FiboError as exc:  # its state says so too, to whoever asks later
                failed.append(exc)

        thread = threading.Thread(target=run_to_the_end, name="studio-label-change", daemon=True)
        thread.start()
        thread.join(ANSWER_S)
        if failed:
            raise failed[0]
        state = labels.state(run.token)
        return json_answer(convert.change_given(state), 200 if state.ended else 202)

    return await in_thread(work)
