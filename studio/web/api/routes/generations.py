"""Stored pictures: listed, looked at, starred, deleted and brought back."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from fibo_core.store.generation import StoredMode
from fibo_core.store.history import HistoryQuery
from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.label_convert import generation_change
from studio.web.api.models import GenerationChange, GenerationGiven, GenerationList
from studio.web.api.pages import PageQuery
from studio.web.api.requests import BoundedRoute, answered, in_thread

router = APIRouter(tags=["Pictures"], route_class=BoundedRoute)


def _no_number(value: object) -> object:
    """What a moment is read from: pydantic would take a number for seconds since 1970."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise PydanticCustomError("datetime_parsing", "no moment")
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]


class GenerationsQuery(PageQuery):
    """Which pictures, in which order."""

    q: str = Field("", description="Each of these words begins a word of what was typed or of the prompt")
    mode: StoredMode | None = None
    model: str | None = None
    favorite: bool = Field(False, description="Only those with a star")
    deleted: bool = Field(False, description="Those that were deleted instead")
    since: Moment | None = Field(None, description="Painted then or later; without an offset it is UTC")
    until: Moment | None = Field(None, description="Painted before")
    order: Literal["newest", "oldest"] = "newest"

    def query(self) -> HistoryQuery:
        return HistoryQuery(
            text=self.q,
            mode=self.mode,
            model=self.model,
            favorite=self.favorite,
            since=_aware(self.since),
            until=_aware(self.until),
            newest_first=self.order == "newest",
            deleted=self.deleted,
        )


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


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
