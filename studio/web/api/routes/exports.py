"""Zips of pictures: asked for, fetched by a link, watched and ended."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from fibo_core.errors import InputError
from fibo_core.store.exporting import Export
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.web.api.errors import Refused
from studio.web.api.models import ExportGiven, ExportTaken
from studio.web.api.requests import BoundedRoute, answered, in_thread
from studio.web.exports import KEPT_S, Ticket, tickets

KIND = "application/octet-stream"  #: of a zip: what generators of clients understand, and browsers save
IDS_MAX = 50_000  #: of one selection

router = APIRouter(tags=["In and out"], route_class=BoundedRoute)

_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {KIND: {"schema": {"type": "string", "format": "binary"}}},
        "description": "The zip, while it is made",
    }
}


class ExportQuery(BaseModel):
    """Which pictures; nothing said means all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field("", description="A search, as for the list of pictures")
    ids: list[str] = Field([], description="Pictures by their ids, instead of a search")
    deleted: bool = Field(False, description="Those that were deleted instead")


@router.post("/exports", summary="Ask for a zip of pictures", status_code=201, response_model=ExportGiven)
async def order_export(taken: ExportTaken) -> Response:
    """Of those with `ids`, of those that `q` finds, or of all. `address` is a link that a browser can save, for an
    hour; nothing is made before it is fetched."""
    ids = None if taken.ids is None else list(taken.ids)
    return await answered(lambda: export_given(tickets.add(_export(ids, taken.q, taken.deleted))), 201)


@router.get("/exports", summary="A zip of pictures at once", response_class=StreamingResponse, responses=_ZIP)
async def export_now(asked: Annotated[ExportQuery, Query()]) -> Response:
    """As `POST /exports` and its address in one step, for a few `ids` or a search."""
    ticket = await in_thread(lambda: tickets.add(_export(asked.ids or None, asked.q, asked.deleted)))
    return _sent(tickets.begin(ticket.id))


@router.get("/exports/{id}", summary="How far an export is", response_model=ExportGiven)
async def get_export(id: str) -> Response:
    return await answered(lambda: export_given(tickets.get(id)))


@router.delete("/exports/{id}", summary="End an export", status_code=204, response_class=Response)
async def cancel_export(id: str) -> Response:
    """Whoever fetches it is left with a zip that is cut short."""
    tickets.get(id).cancel()
    return Response(status_code=204)


@router.get("/exports/{id}/pictures.zip", summary="Fetch an export", response_class=StreamingResponse, responses=_ZIP)
async def fetch_export(id: str) -> Response:
    """Content-Length stands there where it can be known; else `bytes` of the export is about what comes."""
    return _sent(tickets.begin(id))


def export_given(ticket: Ticket) -> ExportGiven:
    export = ticket.export
    return ExportGiven(
        id=ticket.id,
        state=ticket.state,
        pictures=export.pictures,
        bytes=export.bytes,
        length=export.length,
        written_pictures=export.written_pictures,
        written_bytes=export.written_bytes,
        missing=export.missing,
        error=ticket.error,
        address=f"/api/v1/exports/{ticket.id}/pictures.zip",
        file_name=export.file_name,
        expires_at=datetime.now(UTC) + timedelta(seconds=KEPT_S),
    )


def _export(ids: list[str] | None, q: str, deleted: bool) -> Export:
    """Raises InputError for a question that cannot be, and Refused where nothing is found."""
    if ids is not None and q:
        raise InputError("ids and q are both given. Name pictures or search for them: leave out one of them.")
    if ids is not None and len(ids) > IDS_MAX:
        raise InputError(f"{len(ids):,} ids are given, and at most {IDS_MAX:,} are taken. Use a search instead.")
    export = Export(get_runtime().tools.history, ids=ids, query=HistoryQuery(text=q, deleted=deleted))
    if not export.pictures:
        raise Refused(404, "There is no such picture, so nothing can be exported. Change the search or the selection.")
    return export


def _sent(ticket: Ticket) -> Response:
    export = ticket.export
    headers = {
        "Content-Disposition": f'attachment; filename="{export.file_name}"',
        "Cache-Control": "no-store",
        "Content-Encoding": "identity",  # else it is packed once more on its way, and its length is lost
        "X-Fibo-Export": ticket.id,
    }
    if export.length is not None:
        headers["Content-Length"] = str(export.length)
    return StreamingResponse(_watched(ticket), media_type=KIND, headers=headers)


async def _watched(ticket: Ticket) -> AsyncIterator[bytes]:
    """Whoever fetches a zip for hours uses the studio all that time."""
    activity = get_shell().activity
    async for part in ticket.parts():
        activity.mark_used()
        yield part
