"""The API as an ASGI application, mounted by `studio/web/routes.py` at `/api/v1`."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.web.api.errors import NO_ADDRESS, answer_errors
from studio.web.api.openapi import describe
from studio.web.api.routes import (
    batches,
    documents,
    exports,
    generations,
    imports,
    labels,
    models,
    orders,
    planning,
    related,
    searches,
    storage,
)
from studio.web.problems import problem


def api() -> FastAPI:
    """A new application; what it holds of batches that are followed is the process's."""
    app = FastAPI(
        title="FIBO Studio",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # what a generated client calls it
    )
    for subject in (
        orders,
        planning,
        batches,
        searches,
        generations,
        labels,
        related,
        exports,
        imports,
        storage,
        models,
        documents,
    ):
        app.include_router(subject.router)
    answer_errors(app)
    describe(app)
    return app


class PlainAddresses:
    """Middleware in front of Streamlit's and of Starlette's, which would answer an address of the API that holds a line
    break or a NUL, or leads upwards, in words of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if path.startswith("/api/") and ("\\" in path or not path.isprintable() or ".." in path.split("/")):
            await problem(404, NO_ADDRESS)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
