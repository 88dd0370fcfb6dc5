"""The API as an ASGI application, mounted by `studio/web/routes.py` at `/api/v1`."""

from fastapi import FastAPI

from studio.web.api.errors import answer_errors
from studio.web.api.openapi import describe
from studio.web.api.routes import batches, documents, generations, models, orders


def api() -> FastAPI:
    """A new application; what it holds of batches that are followed is the process's."""
    app = FastAPI(
        title="FIBO Studio",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for subject in (orders, batches, generations, models, documents):
        app.include_router(subject.router)
    answer_errors(app)
    describe(app)
    return app
