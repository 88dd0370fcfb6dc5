"""Which status an error of ours has, and the one sentence for a request that is not as the document says."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from fibo_core.errors import (
    BatchDamaged,
    BatchNotFound,
    CollectionNotFound,
    FiboError,
    GenerationNotFound,
    ImportNotFound,
    InputError,
    InputGone,
    JobDamaged,
    JobError,
    JobNotFound,
    ModelMissing,
    QueueFull,
    QueueTaken,
    UndoGone,
)
from fibo_core.prompts.json_paths import excerpt, format_path
from studio.web.problems import problem

log = logging.getLogger(__name__)

#: The first class that an error belongs to counts; whatever stands in none of these is not available now.
STATUSES: tuple[tuple[type[FiboError], int], ...] = (
    (InputError, 422),
    (GenerationNotFound, 404),
    (CollectionNotFound, 404),
    (UndoGone, 404),
    (JobNotFound, 404),
    (BatchNotFound, 404),
    (ImportNotFound, 404),
    (InputGone, 409),
    (ModelMissing, 409),
    (QueueFull, 429),
    (QueueTaken, 503),
    (JobDamaged, 503),
    (BatchDamaged, 503),
    (JobError, 409),  # a key used again, a batch with nothing to try again
    (FiboError, 503),  # store, engine, writers
)
NO_ADDRESS = "There is no such address in the API. All are listed at /api/v1/docs."
FULL_RETRY_S = 30  #: when to send an order again that the queue did not take


class Refused(HTTPException):
    """Leaves the reading of a request with a sentence and its status."""


def status_of(error: FiboError) -> int:
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def answer_errors(app: FastAPI) -> None:
    """Makes every error that leaves an endpoint of ``app`` a problem in JSON."""
    app.add_exception_handler(FiboError, _ours)
    app.add_exception_handler(RequestValidationError, _unlike_the_document)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, FiboError)
    status = status_of(exc)
    if status == 503:
        log.warning("%s %s: %s", request.method, request.url.path, exc, exc_info=exc if exc.__cause__ else None)
    return problem(status, str(exc), {"Retry-After": str(FULL_RETRY_S)} if status == 429 else None)


async def _unlike_the_document(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    return problem(422, sentence(exc.errors()))


async def _of_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    headers = dict(exc.headers or {})
    if isinstance(exc, Refused):
        return problem(exc.status_code, exc.detail, headers)
    if exc.status_code == 404:
        return problem(404, NO_ADDRESS, headers)
    if exc.status_code == 405:
        allowed = _methods(request)
        return problem(405, f"{request.method} is not understood here. Use {allowed}.", {"Allow": allowed})
    said = str(exc.detail).rstrip(".")
    return problem(422, f"The request could not be read ({said}). Send it as the docs say.", headers)


def _methods(request: Request) -> str:
    """Those that the address has, "GET, DELETE"; the framework names those of one endpoint alone."""
    address = request.url.path.removeprefix(request.scope["root_path"])
    for path, item in request.app.openapi()["paths"].items():
        if compile_path(path)[0].fullmatch(address):
            return ", ".join(method.upper() for method in item)
    return "GET"  # of the description itself


async def _unforeseen(request: Request, exc: Exception) -> Response:
    # the server logs it in full
    return problem(
        500, "Something went wrong that the studio did not foresee. The log has the details; report it with them."
    )


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong first with a request, where, and what to do."""
    error = errors[0]
    kind, where = error["type"], _place(error["loc"])
    if kind == "extra_forbidden":
        return f"{where} is not known here. Leave it out; the docs list what is taken."
    if kind == "missing":
        return f"{where} is missing. Give it."
    if kind == "too_long":
        return f"{where} has more than the {error['ctx']['max_length']:,} values that are taken. Take values away."
    if kind == "literal_error":
        return f"{where} is {excerpt(error['input'])}. Choose {error['ctx']['expected'].replace(chr(39), '')}."
    wanted = _WANTED.get(kind.partition("_")[0], "something else")
    return f"{where} is {excerpt(error['input'])}. Send {wanted} there."


_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "dict": "an object",
    "model": "an object",
    "list": "a list",
    "datetime": "a moment such as 2026-12-01T09:30:00Z",
}


#: What pydantic names the kinds of a union by, where it tells what is wrong with each.
_KINDS = {"str", "int", "float", "text", "list"}


def _place(loc: Sequence[str | int]) -> str:
    """Where in the request."""
    where, *path = loc
    steps = tuple(step for step in path if step not in _KINDS)
    return format_path(steps) if steps else {"body": "The body", "query": "The question"}.get(str(where), str(where))
