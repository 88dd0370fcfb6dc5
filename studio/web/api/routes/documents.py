"""The API's own description: for programs, and as a page that asks nobody else for anything."""

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from studio.web.api.docs_page import POLICY, page
from studio.web.api.requests import BoundedRoute, in_thread

router = APIRouter(include_in_schema=False, route_class=BoundedRoute)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JSONResponse(await in_thread(request.app.openapi), headers={"Cache-Control": "no-store"})


@router.get("/docs")
async def docs(request: Request) -> Response:
    text = await in_thread(lambda: page(request.app.openapi()))
    return HTMLResponse(text, headers={"Cache-Control": "no-store", "Content-Security-Policy": POLICY})
