"""Reading a request within bounds: how large, how deep, how slow. What is beyond is refused before it is parsed."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fibo_core.limits import BYTES_MAX
from studio.web.api.errors import Refused

T = TypeVar("T")

JSON_BYTES = 1_500_000  #: a prompt has at most 500,000, and an order may bring two
FILE_BYTES = BYTES_MAX + 100_000  #: with what stands around it
BODY_S = 30.0  #: for a JSON body to arrive
FILE_S = 300.0  #: for a picture
DRAINED_BYTES, DRAINED_S = 64 * 2**20, 10.0  #: of a body that is refused, so that its sender comes to read why
THREADS = 8  #: for the API's own work: pages, pictures and /health have others

_threads: CapacityLimiter | None = None


async def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns, done in one of the API's threads."""
    global _threads
    if _threads is None:
        _threads = CapacityLimiter(THREADS)
    return await to_thread.run_sync(work, limiter=_threads)


async def answered(work: Callable[[], BaseModel], status: int = 200) -> Response:
    """The answer with what ``work`` returns as JSON; both are done in a thread, since a batch may be large."""

    def done() -> Response:
        return json_answer(work(), status)

    return await in_thread(done)


def json_answer(model: BaseModel, status: int = 200) -> Response:
    return Response(as_json(model), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def as_json(model: BaseModel, *, exclude_unset: bool = False) -> str:
    """The model as JSON in ASCII: texts may hold half a surrogate pair, which UTF-8, and so pydantic's own, cannot."""
    return json.dumps(model.model_dump(mode="json", exclude_unset=exclude_unset))


class BoundedRequest(Request):
    """A request whose body is read within bounds."""

    @property
    def bounds(self) -> tuple[int, float]:
        """How many bytes the body may have, and how many seconds it may take."""
        return (FILE_BYTES, FILE_S) if self.is_form else (JSON_BYTES, BODY_S)

    @property
    def is_form(self) -> bool:
        return self._kind == "multipart/form-data"

    @property
    def is_json(self) -> bool:
        return self._kind == "application/json" or (
            self._kind.startswith("application/") and self._kind.endswith("+json")
        )

    @property
    def _kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Raises Refused for a body that is larger, or comes slower, than it may."""
        most, seconds = self.bounds
        parts = super().stream()
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            if "expect" not in self.headers:  # who waits for our word has sent nothing yet
                await _drain(parts)
            raise _too_large(most)
        got, until = 0, time.monotonic() + seconds
        while True:
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    part = await anext(parts, None)
            except TimeoutError:
                raise Refused(
                    408, f"The request did not arrive within {seconds:g} s. Send it again.", {"Connection": "close"}
                ) from None
            if part is None:
                return
            got += len(part)
            if got > most:
                await _drain(parts)
                raise _too_large(most)
            yield part

    async def body(self) -> bytes:
        """The whole body. Raises Refused for one that is not sent as JSON."""
        body = await super().body()
        if body and not self.is_json:
            kind = self.headers.get("content-type", "")
            raise Refused(415, f"The body's Content-Type is {kind!r:.60}. Send JSON, as application/json.")
        return body

    async def json(self) -> Any:
        """The body as JSON. Raises Refused for what is none, and for what is nested too deep."""
        return parse_json(await self.body())


class BoundedRoute(APIRoute):
    """A route of the API, which reads its requests so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handle(BoundedRequest(request.scope, request.receive))

        return bounded


async def _drain(parts: AsyncGenerator[bytes, None]) -> None:
    """Lets go by what is still sent, within bounds: most programs read no answer before they have sent all."""
    got = 0
    try:
        async with asyncio.timeout(DRAINED_S):
            async for part in parts:
                got += len(part)
                if got > DRAINED_BYTES:
                    return
    except (TimeoutError, ClientDisconnect):
        return


def parse_json(text: bytes | str) -> Any:
    """Raises Refused."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Refused(422, "The JSON is nested too deep. A prompt needs a few levels.") from None
    except json.JSONDecodeError as exc:
        raise Refused(422, f"That is not JSON: {exc.msg} in line {exc.lineno}, column {exc.colno}.") from exc
    except ValueError as exc:  # bytes that are no UTF-8, a number of thousands of digits
        raise Refused(422, "That is not JSON: it is no UTF-8 text, or holds a number without end.") from exc


def _too_large(most: int) -> Refused:
    return Refused(413, f"The request is larger than {most:,} bytes. Send less.", {"Connection": "close"})
