"""What a gallery's search finds before its pictures are asked for: how many, by what to narrow, what may be meant."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from fibo_core.store.history import COUNT_MAX, HistoryQuery
from studio.runtime import get_runtime
from studio.web.api.filters import GalleryQuery
from studio.web.api.models import (
    ChipGiven,
    CountGiven,
    FacetGiven,
    FacetsGiven,
    FacetValueGiven,
    SuggestionGiven,
    SuggestionList,
)
from studio.web.api.requests import BoundedRoute, answered

router = APIRouter(tags=["Pictures"], route_class=BoundedRoute)


class SuggestionsQuery(BaseModel):
    """A search that is being typed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field("", description="What has been typed")
    at: int | None = Field(None, description="Where the cursor stands, in characters; its end where that is not said")


@router.get("/generations/count", summary="How many pictures a search finds", response_model=CountGiven)
async def count_generations(asked: Annotated[GalleryQuery, Query()]) -> Response:
    """Counted up to 10,000; `more` says that there are more. `chips` are what was understood of the search, `problems`
    what was not."""
    return await answered(lambda: _count(asked.query()))


@router.get("/generations/facets", summary="What a search can be narrowed by", response_model=FacetsGiven)
async def list_facets(asked: Annotated[GalleryQuery, Query()]) -> Response:
    """Time of day, medium, things, colours, models, collections and tags, with counts; `term` is what is added to the
    search. Of a search the first 5,000 pictures are counted; `partial` says that there are more."""

    def given() -> FacetsGiven:
        found = get_runtime().tools.history.facets(asked.query())
        facets = [
            FacetGiven(
                key=each.key,
                label=each.label,
                values=[FacetValueGiven(value=it.value, term=it.term, pictures=it.pictures) for it in each.values],
            )
            for each in found.facets
        ]
        return FacetsGiven(facets=facets, partial=found.partial)

    return await answered(given)


@router.get("/generations/suggestions", summary="What may be meant while typing", response_model=SuggestionList)
async def list_suggestions(asked: Annotated[SuggestionsQuery, Query()]) -> Response:
    """Each `text` may stand in the place of what is between `start` and `end`."""

    def given() -> SuggestionList:
        found = get_runtime().tools.history.suggest(asked.q, asked.at)
        items = [SuggestionGiven(text=it.text, start=it.start, end=it.end, pictures=it.pictures) for it in found]
        return SuggestionList(items=items)

    return await answered(given)


def _count(query: HistoryQuery) -> CountGiven:
    history = get_runtime().tools.history
    count, understood = history.count(query), history.understood(query)
    return CountGiven(
        count=min(count, COUNT_MAX),
        more=count > COUNT_MAX,
        chips=[
            ChipGiven(label=chip.label, start=chip.start, end=chip.end, excluded=chip.excluded)
            for chip in understood.chips
        ],
        problems=understood.problems,
        unsearched=history.unsearched(),
    )
