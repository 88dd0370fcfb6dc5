"""Batches and their jobs: how they stand, what happens to them, and ending them."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.events import hub
from studio.web.api.models import BatchChange, BatchGiven, BatchList, ExtensionTaken, JobGiven, RetryTaken
from studio.web.api.pages import PageQuery
from studio.web.api.requests import BoundedRoute, answered, in_thread
from studio.web.api.waiting import Wait, wait_s

router = APIRouter(tags=["Batches"], route_class=BoundedRoute)


@router.get("/batches", summary="What was ordered, newest first", response_model=BatchList)
async def list_batches(asked: Annotated[PageQuery, Query()]) -> Response:
    return await answered(lambda: convert.batch_list(get_runtime().desk.page(asked.cursor, asked.checked_limit)))


@router.get("/batches/{id}", summary="How a batch stands", response_model=BatchGiven)
async def get_batch(id: str, wait: Wait = 0.0) -> Response:
    """With `wait` the answer comes when the batch has ended, or after so many seconds."""
    if seconds := wait_s(wait):
        await hub.wait_ended(id, seconds)
    return await answered(lambda: _batch(id))


@router.delete("/batches/{id}", summary="Cancel a batch", response_model=BatchGiven)
async def cancel_batch(id: str) -> Response:
    """What waits ends at once, what runs at its next step; pictures that are stored stay."""

    def given() -> BatchGiven:
        desk = get_runtime().desk
        return convert.batch_given(desk.cancel(id), desk)

    return await answered(given)


@router.patch("/batches/{id}", summary="Ask another writer", response_model=BatchGiven)
async def change_batch(id: str, taken: BatchChange) -> Response:
    """Jobs whose writing has not begun, or that wait for a quota, go to that writer at once."""

    def given() -> BatchGiven:
        desk = get_runtime().desk
        return convert.batch_given(desk.ask_instead(id, taken.writer), desk)

    return await answered(given)


@router.post(
    "/batches/{id}/retry", summary="Try again what a batch did not get to", response_model=BatchGiven, status_code=202
)
async def retry_batch(id: str, taken: RetryTaken | None = None) -> Response:
    """With the prompts that are written and the seeds that are not painted; 409 where there is nothing to try again."""

    def given() -> BatchGiven:
        desk = get_runtime().desk
        return convert.batch_given(desk.retry(id, writer=None if taken is None else taken.writer), desk)

    return await answered(given, 202)


@router.post(
    "/batches/{id}/extend", summary="Give an axis of a batch more values", response_model=BatchGiven, status_code=202
)
async def extend_batch(id: str, taken: ExtensionTaken) -> Response:
    """Only the pictures that come to the grid are painted, with the batch's own seeds and the prompt that it has; 409
    where that was never written."""

    def given() -> BatchGiven:
        desk = get_runtime().desk
        return convert.batch_given(desk.extend(id, taken.name, taken.values, confirmed=taken.confirmed), desk)

    return await answered(given, 202)


EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", "written", "picture", "end"]},
        "id": {"type": "string", "description": "For Last-Event-ID; progress has none"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events `progress`, `written`, `picture` and `end`, each with JSON",
        "content": {"text/event-stream": {"itemSchema": EVENT}},
    },
    204: {"description": "Everything up to Last-Event-ID was told, and the batch has ended: do not come again"},
}


@router.get("/batches/{id}/events", summary="Follow a batch", responses=_STREAM, response_class=StreamingResponse)
async def follow_batch(
    id: str,
    last_event_id: Annotated[str, Header(description="The last id that was heard; what came after it is told")] = "",
) -> Response:
    """Server-sent events. `progress` is told as it changes; `written` (a prompt), `picture` (one is stored) and `end`
    have ids, and are told again after a broken line from where `Last-Event-ID` says. A comment comes every 15 s of
    silence. The stream ends with the batch, or after ten minutes: then come again."""
    batch = await in_thread(lambda: get_runtime().desk.get(id))
    if batch.ended and hub.has_told(id, last_event_id):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(hub.stream(id, last_event_id), media_type="text/event-stream", headers=headers)


@router.get("/jobs/{id}", summary="How a job stands", response_model=JobGiven)
async def get_job(id: str) -> Response:
    return await answered(lambda: convert.job_given(get_runtime().desk.job(id)))


@router.delete("/jobs/{id}", summary="Cancel a job", response_model=JobGiven)
async def cancel_job(id: str) -> Response:
    """At once where it waits, at its next step where it runs; other jobs of its batch go on."""
    return await answered(lambda: convert.job_given(get_runtime().desk.cancel_job(id)))


def _batch(id: str) -> BatchGiven:
    desk = get_runtime().desk
    return convert.batch_given(desk.get(id), desk)
