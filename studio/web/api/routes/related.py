"""Pictures and one another: the tree of one, several compared, and one painted again."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from fibo_core.work.again import why_not_again
from fibo_core.work.comparison import compare
from studio.report import policy, report
from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.idempotency import once_key
from studio.web.api.models import BatchGiven
from studio.web.api.related import comparison_given, lineage_given
from studio.web.api.related_models import AgainStanding, AgainTaken, ComparisonGiven, LineageGiven
from studio.web.api.requests import BoundedRoute, answered, in_thread
from studio.web.api.routes.orders import Key

router = APIRouter(tags=["Pictures"], route_class=BoundedRoute)


@router.get("/generations/{id}/lineage", summary="The tree a picture belongs to", response_model=LineageGiven)
async def get_lineage(id: str) -> Response:
    """From the first picture it comes from to all that were made from that; what was deleted stays a gap where a
    picture hangs on it. At most 500 pictures, and `notes` say so."""
    return await answered(lambda: lineage_given(get_runtime().tools.history.lineage(id)))


@router.get(
    "/generations/{id}/report.html",
    summary="The tree as one HTML file",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def get_report(id: str) -> Response:
    """Pictures, what was said, what changed and all recipes; it loads nothing and runs no script."""
    pieces = await in_thread(lambda: report(get_runtime().tools.history, id))
    headers = {
        "Content-Security-Policy": f"{policy()}; sandbox; frame-ancestors 'self'",
        "Content-Disposition": f'attachment; filename="fibo-report-{id[-6:].lower()}.html"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_encoded(pieces), media_type="text/html; charset=utf-8", headers=headers)


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    return (piece.encode("utf-8") for piece in pieces)


@router.get("/comparisons", summary="Two to nine pictures compared", response_model=ComparisonGiven)
async def get_comparison(
    ids: Annotated[str, Query(description="Ids of pictures, with commas between them")],
    whole: Annotated[bool, Query(description="With what is the same in all of them, too")] = False,
) -> Response:
    """Their JSON by path and their parameters, only what differs; words marked that the first has otherwise."""
    wanted = [id.strip() for id in ids.split(",")]
    return await answered(lambda: comparison_given(compare(get_runtime().tools.history, wanted, whole=whole)))


@router.get("/generations/{id}/again", summary="Whether a picture can be painted again", response_model=AgainStanding)
async def get_again(id: str) -> Response:
    """And what came of it the last time that it was."""

    def given() -> AgainStanding:
        runtime = get_runtime()
        picture = runtime.tools.history.get(id, deleted_too=True)
        batch = runtime.desk.again_of_picture(id)
        return AgainStanding(
            why=why_not_again(picture, runtime.tools.engine),
            batch=None if batch is None else convert.batch_given(batch, runtime.desk),
        )

    return await answered(given)


@router.post("/generations/{id}/again", summary="Paint a picture again", response_model=BatchGiven, status_code=202)
async def paint_again(id: str, taken: AgainTaken | None = None, key: Key = None) -> Response:
    """Its stored recipe, on the weights that are here now. When the batch has ended, its job's `again` says whether
    both pictures are the same and, if not, by how much and what has changed since."""
    taken = taken or AgainTaken(keep=False)
    once = once_key(key, f"generations/{id}/again", taken)

    def given() -> BatchGiven:
        desk = get_runtime().desk
        first = None if once is None else desk.placed(once)
        return convert.batch_given(first or desk.again(id, keep=taken.keep, once=once), desk)

    return await answered(given, 202)
