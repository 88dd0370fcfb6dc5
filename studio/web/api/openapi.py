"""The OpenAPI document: what FastAPI reads from the endpoints, with the refusals and the keys as they really are."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import fibo_core
from studio.web.api.models import InspirationOrder, Problem
from studio.web.problems import MEDIA_TYPE, TITLES

PREFIX = "/api/v1"
_METHODS = ("get", "post", "put", "patch", "delete")
#: What any request may be answered, and what those may that have a body, or name something by its id.
_ALWAYS, _WITH_BODY, _WITH_ID = (401, 403, 404, 422, 429, 500, 503), (408, 409, 413, 415), (409,)
_ABOUT = """The desk of FIBO Studio for programs: what a page can do, an address here does, with the same sentences.

An order is answered at once (202) with its batch. Follow the batch at its events, or ask for it with `wait`; its cells
name the pictures as they are stored, and `/img/{id}.png` has them. Errors are problems in JSON (RFC 9457)."""


def describe(app: FastAPI) -> None:
    """Makes ``app.openapi()`` give the document."""
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(_document(app))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's own documentation has it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=fibo_core.__version__,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": PREFIX}],
    )
    parts = document["components"]
    for model in (Problem, InspirationOrder):
        parts["schemas"] |= _schemas(model)
    for gone in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(gone, None)
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "STUDIO_API_KEY, or the studio's password"}
    }
    document["security"] = [{"key": []}, {}]  # where there is no login, nothing is asked
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                statuses = {*_ALWAYS, *(_WITH_BODY if "requestBody" in item[method] else ())}
                statuses |= {*(_WITH_ID if "{id}" in path else ())}
                responses = item[method]["responses"]
                responses |= {str(status): _refusal(status) for status in sorted(statuses)}
    return document


def _refusal(status: int) -> dict[str, Any]:
    return {
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _schemas(model: Any) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), model.__name__: schema}
