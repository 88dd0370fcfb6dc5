"""Which browser a draft belongs to, by a cookie that opens nothing; and `POST /drafts`, for what is typed into a page
and not committed yet.
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fibo_core.errors import DraftTooLarge, FiboError
from fibo_core.store.drafts import DraftStore
from fibo_core.store.generation import MODES
from studio.runtime import get_runtime
from studio.web.gate import HOST_PREFIX, cookie_name, cookies, is_https
from studio.web.problems import problem

COOKIE = "fibo-studio-drafts"
LASTS_S = 365 * 86_400
BODY_BYTES_MAX = 65_536  #: a browser sends no more while its page goes away

_NAME = re.compile(r"[A-Za-z0-9_-]{32}")


class DraftCookie:
    """Middleware behind the gate: names each browser that opens a page, once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _opens_a_page(scope) or browser_of(HTTPConnection(scope)) is not None:
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message).append("Set-Cookie", _new_cookie(HTTPConnection(scope)))
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def browser_of(asked: HTTPConnection) -> str | None:
    """The name of the browser that asks; None where it has none yet."""
    return next((each for each in cookies(asked, COOKIE) if _NAME.fullmatch(each)), None)


def browser_among(given: Mapping[str, str]) -> str | None:
    """The same, from a session's cookies."""
    named = (given.get(name, "") for name in (HOST_PREFIX + COOKIE, COOKIE))
    return next((each for each in named if _NAME.fullmatch(each)), None)


async def keep_typed(request: Request) -> Response:
    """Keeps what stands in a page's fields, sent as it is typed: `page`, the `picture` that was shown there, `words`,
    and the JSON editor's `text` with the `revision` that it was typed over."""
    browser = browser_of(request)
    if browser is None:
        return problem(409, "This browser has opened no page here yet, so there is no draft of it. Open one first.")
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return problem(413, f"What is typed is kept up to {BODY_BYTES_MAX:,} bytes. Send less.")
    except ClientDisconnect:
        return Response(status_code=204)
    typed = _typed(body)
    if typed is None:
        return problem(422, "That is no draft of a page. Send its page and words as JSON.")
    page = typed.pop("page")
    try:
        await run_in_threadpool(
            lambda: DraftStore(get_runtime().settings.workspace_dir).keep_typed(browser, page, typed)
        )
    except DraftTooLarge as exc:
        return problem(413, str(exc))
    except FiboError as exc:
        return problem(503, str(exc))
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _typed(body: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("page") not in MODES:
        return None
    kinds = {"page": str, "words": str, "text": str, "revision": int, "picture": str}
    return {name: record[name] for name, kind in kinds.items() if isinstance(record.get(name), kind)}


def _opens_a_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return "text/html" in HTTPConnection(scope).headers.get("accept", "")


def _new_cookie(asked: HTTPConnection) -> str:
    answer = Response()
    answer.set_cookie(
        cookie_name(asked, COOKIE), secrets.token_urlsafe(24), LASTS_S,
        secure=is_https(asked), httponly=True, samesite="lax",
    )  # fmt: skip
    return answer.headers["set-cookie"]
