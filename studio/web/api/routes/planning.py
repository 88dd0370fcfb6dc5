"""Before an order: what it would come to, and values that a place of a prompt can have."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from fibo_core.errors import InputError, WriterUnavailable
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers.values import known_values, stands_at
from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.models import EstimateGiven, EstimateTaken, Taken, ValuesGiven
from studio.web.api.requests import BoundedRoute, answered

router = APIRouter(tags=["Orders"], route_class=BoundedRoute)


class ValuesQuery(Taken):
    """Which place, and what is wished for."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)

    path: str = Field(description="A place of a prompt, such as lighting.conditions or objects[0].location")
    q: str = Field("", description="A wish, such as six kinds of light")
    writer: str = Field("", description="Who is asked, such as auto; empty: the vocabulary alone")
    generation_id: str | None = Field(None, description="The picture whose prompt a writer is told of")


@router.post("/estimates", summary="What an order would come to", response_model=EstimateGiven)
async def estimate(taken: EstimateTaken) -> Response:
    """Nothing is placed. What would refuse the order as things are stands in `refusals`; one that can never be is
    refused here too."""

    def given() -> EstimateGiven:
        runtime = get_runtime()
        estimate, refusals = runtime.desk.would_come_to(_order(taken, runtime))
        return EstimateGiven(pictures=estimate.pictures, painting_s=estimate.painting_s, refusals=list(refusals))

    return await answered(given)


@router.get("/values", summary="Values that a place of a prompt can have", response_model=ValuesGiven)
async def values(asked: Annotated[ValuesQuery, Query()]) -> Response:
    """Of the studio's vocabulary, those that answer `q` first; with `writer` a writer is asked, which may take a
    while."""

    def given() -> ValuesGiven:
        tools = get_runtime().tools
        prompt = (
            StructuredPrompt.from_dict({})
            if asked.generation_id is None
            else tools.history.get(asked.generation_id).prompt
        )
        if not asked.writer:
            known = known_values(asked.path, asked.q, now=stands_at(prompt, asked.path))
            return ValuesGiven(path=asked.path, values=list(known), writer="offline", passed_over=[])
        try:
            found = tools.writers.suggest_values(asked.writer, prompt, asked.path, asked.q)
        except WriterUnavailable as exc:
            return ValuesGiven(path=asked.path, values=[], writer="", passed_over=[str(exc)])
        return ValuesGiven(
            path=asked.path, values=list(found.values), writer=found.writer, passed_over=list(found.passed_over)
        )

    return await answered(given)


def _order(taken: EstimateTaken, runtime: Runtime) -> Order:
    orders = (taken.generation, taken.refinement, taken.inspiration, taken.edit)
    given = [each for each in orders if each is not None]
    if len(given) != 1:
        raise InputError(
            f"There are {len(given)} orders to estimate. Send one: generation, refinement, inspiration or edit."
        )
    if taken.generation is not None:
        return convert.generation_order(taken.generation, runtime)
    if taken.refinement is not None:
        return convert.refinement_order(taken.refinement, runtime)
    if taken.edit is not None:
        return convert.edit_order(taken.edit, runtime)
    assert taken.inspiration is not None
    return convert.inspiration_order(taken.inspiration, runtime)
