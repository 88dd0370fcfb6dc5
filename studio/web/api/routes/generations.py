"""Stored pictures: listed, looked at, starred, deleted and brought back."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.filters import GalleryQuery
from studio.web.api.label_convert import generation_change
from studio.web.api.models import GenerationChange, GenerationGiven, GenerationList
from studio.web.api.pages import PageQuery
from studio.web.api.requests import BoundedRoute, answered, in_thread

router = APIRouter(tags=["Pictures"], route_class=BoundedRoute)


class GenerationsQuery(GalleryQuery, PageQuery):
    """Which pictures, in which order."""


@router.get("/generations", summary="Search the stored pictures", response_model=GenerationList)
async def list_generations(asked: Annotated[GenerationsQuery, Query()]) -> Response:
    """Page after page without gaps or repeats, whatever is painted or deleted meanwhile."""

    def given() -> GenerationList:
        limit = asked.checked_limit
        return convert.generation_list(
            get_runtime().tools.history.page(asked.query(), cursor=asked.cursor, limit=limit)
        )

    return await answered(given)


@router.get("/generations/{id}", summary="A picture and its recipe", response_model=GenerationGiven)
async def get_generation(id: str) -> Response:
    return await answered(lambda: convert.generation_given(get_runtime().tools.history.get(id)))


@router.patch(
    "/generations/{id}", summary="Change a picture's star, rating, tags or collections", response_model=GenerationGiven
)
async def change_generation(id: str, taken: GenerationChange) -> Response:
    """What is left out stays; `tags` and `collections` are all that the picture is to have."""

    def given() -> GenerationGiven:
        history = get_runtime().tools.history
        history.labels.replace(id, generation_change(taken))
        return convert.generation_given(history.get(id))

    return await answered(given)


@router.delete("/generations/{id}", summary="Delete a picture", status_code=204, response_class=Response)
async def delete_generation(id: str) -> Response:
    """It can be brought back; deleting it again changes nothing."""

    def delete() -> Response:
        history = get_runtime().tools.history
        if not history.delete([id]):
            history.get(id, deleted_too=True)
        return Response(status_code=204)

    return await in_thread(delete)


@router.post("/generations/{id}/restore", summary="Bring a deleted picture back", response_model=GenerationGiven)
async def restore_generation(id: str) -> Response:
    def given() -> GenerationGiven:
        history = get_runtime().tools.history
        history.restore([id])
        return convert.generation_given(history.get(id))

    return await answered(given)
