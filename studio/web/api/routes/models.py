"""What paints and who writes here."""

from fastapi import APIRouter, Response

from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.models import ModelList
from studio.web.api.requests import BoundedRoute, answered

router = APIRouter(tags=["Models"], route_class=BoundedRoute)


@router.get("/models", summary="What can paint here", response_model=ModelList)
async def list_models() -> Response:
    return await answered(lambda: convert.model_list(get_runtime()))
