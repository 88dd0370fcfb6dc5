"""The gate: every page, picture, upload, component and socket asks for a login first, and for the right origin.

It stands in front of Streamlit's routes and ours, at the level of ASGI, since middleware of a higher level does not see
sockets. Open are `/health`, Streamlit's own, and `/login`; a path must be written exactly so. Without a login (a studio
that only its own machine reaches) what remains is: no other site's page may act in its visitor's name.
"""

import asyncio
import hmac
import html
import ipaddress
import logging
import string
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote

from pydantic import SecretStr
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.pod.idle import Activity
from studio.web.attempts import Attempts
from studio.web.passwords import KNOWN_S, SESSION_S, Login, Session
from studio.web.problems import problem
from studio.web.security import is_foreign, is_loopback_host, local_target

log = logging.getLogger(__name__)

OPEN = frozenset({"/health", "/_stcore/health"})
FOLLOWED = frozenset(
    {"/desk.json", "/gallery/newer.json"}
)  #: what open pages ask for by themselves: nobody has done anything
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = "fibo-studio"
BROWSER_COOKIE = "fibo-studio-browser"  #: outlives the login: its browser is not held to what strangers guess
HOST_PREFIX = "__Host-"  #: by https, of both: a name that browsers let only this very host set
FORM_BYTES = 10_000
FORM_S = 20.0  #: for a login's form to arrive
ENDED = 1008  #: to an open socket whose session is over (RFC 6455: policy)

_PAGE = string.Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


class Gate:
    """ASGI middleware. ``own_hosts`` are names that a proxy shows us under; with ``behind_cloudflare`` the visitor's
    address is what Cloudflare says, which sets that header whatever the visitor sent. ``start_token`` is a key too, for
    this start, from this machine."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        login: Login | None,
        activity: Activity,
        attempts: Attempts | None = None,
        own_hosts: Collection[str] = (),
        behind_cloudflare: bool = False,
        start_token: SecretStr | None = None,
    ) -> None:
        self._app = app
        self._login = login
        self._activity = activity
        self._attempts = attempts or Attempts()
        self._own_hosts = frozenset(own_hosts)
        self._behind_cloudflare = behind_cloudflare
        self._start_token = start_token
        self._sockets: dict[str, set[asyncio.Event]] = {}  #: by session: set when it is logged out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = await self._answer(Request(scope, receive))
            await (answer or self._app)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(HTTPConnection(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What to answer a request instead of passing it on; None where it may pass."""
        path = _exact_path(request.scope)
        if path in OPEN:
            return None
        if request.method not in SAFE_METHODS and is_foreign(request.headers, self._own_hosts):
            return problem(403, "Another site's page may not do that here. Open the studio itself.")
        if self._login is None:
            if not is_loopback_host(request.headers):
                return problem(403, _SET_A_PASSWORD)
        elif path == "/login":
            return await self._log_in(self._login, request)
        elif path == "/logout":
            return self._log_out(self._login, request)
        elif (refused := self._refusal(self._login, request)) is not None:
            return refused
        if path not in FOLLOWED:
            self._activity.mark_used()
        return None

    def _refusal(self, login: Login, request: Request) -> Response | None:
        """Why a request may not pass; None where its cookie or its key is good."""
        if self._session(login, request) is not None:
            return None
        given = _bearer(request)
        if given is not None:
            if self._is_start_token(request, given):
                return None
            wait_s = self._try(login, request, given, login.is_key)
            if wait_s is None:
                return None
            if wait_s:
                return problem(429, _too_many(wait_s), {"Retry-After": str(_whole(wait_s))})
        elif request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            target = local_target(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
            return _go(f"/login?next={quote(target, safe='/')}" if target != "/" else "/login")
        if request.url.path.startswith("/_stcore/"):  # what a page that has lost its socket shows its user
            return JSONResponse("Reload this page to log in again.", 401, {"Cache-Control": "no-store"})
        detail = "Log in at /login, or send the password or STUDIO_API_KEY as Authorization: Bearer."
        return problem(401, detail, {"WWW-Authenticate": "Bearer"})

    def _is_start_token(self, asked: HTTPConnection, given: bytes) -> bool:
        """Whether that is what the lease holds, sent by a program on this machine."""
        peer = asked.client.host if asked.client else ""
        if self._start_token is None or not (_is_loopback(peer) and _is_loopback(self._address(asked))):
            return False
        return hmac.compare_digest(given, self._start_token.get_secret_value().encode())

    def _session(self, login: Login, asked: HTTPConnection) -> Session | None:
        """The session of a request's cookie."""
        return next(filter(None, map(login.session_of, cookies(asked, COOKIE))), None)

    def _try(
        self, login: Login, asked: HTTPConnection, given: bytes, is_right: Callable[[bytes], bool]
    ) -> float | None:
        """None where that is what opens the door; else how long to wait before the next try, 0 where not at all.

        During a wait nothing is looked at: the right password is refused as the wrong ones are.
        """
        if not given:
            return 0.0  # that is no guess
        who = self._guesser(login, asked)
        if wait_s := self._attempts.wait_s(who):
            return wait_s
        if is_right(given):
            self._attempts.known(who)
            return None
        self._attempts.failed(who)
        log.warning("A wrong password was given, from %s.", self._address(asked) or "an unknown address")
        return 0.0

    def _guesser(self, login: Login, asked: HTTPConnection) -> str:
        """Whose attempts these are: a browser's that has logged in before, wherever it is now; else an address's."""
        browser = next(filter(None, map(login.browser_of, cookies(asked, BROWSER_COOKIE))), None)
        if browser is None:
            return self._address(asked)
        who = f"browser {browser}"
        self._attempts.known(who)
        return who

    def _address(self, asked: HTTPConnection) -> str:
        """Where a request comes from. The server itself believes X-Forwarded-For of a proxy on this machine alone."""
        if self._behind_cloudflare:
            try:
                return str(ipaddress.ip_address(asked.headers.get("cf-connecting-ip", "")))
            except ValueError:
                pass  # not through Cloudflare: the peer counts
        return asked.client.host if asked.client else ""

    async def _log_in(self, login: Login, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            target = local_target(request.query_params.get("next", "/"))
            return _page(target) if self._session(login, request) is None else _go(target)
        if request.method != "POST":
            return problem(405, "Log in with POST.", {"Allow": "GET, HEAD, POST"})
        try:
            async with asyncio.timeout(FORM_S):
                form = await _read_form(request)
        except TimeoutError:
            detail = f"The login's form did not arrive within {FORM_S:g} s. Send it again."
            return problem(408, detail, {"Connection": "close"})
        if form is None:
            return problem(413, f"A login is a form of at most {FORM_BYTES:,} bytes.")
        target = local_target(form.get("next", "/"))
        given = form.get("password", "").strip().encode("utf-8", "surrogateescape")
        wait_s = self._try(login, request, given, login.is_password)
        if wait_s is None:
            answer = _go(target)
            for name, cookie, lasts_s in (
                (BROWSER_COOKIE, login.know_browser(), KNOWN_S),
                (COOKIE, login.begin()[1], SESSION_S),
            ):
                answer.set_cookie(
                    cookie_name(request, name), cookie, int(lasts_s),
                    secure=is_https(request), httponly=True, samesite="lax",
                )  # fmt: skip
            return answer
        if wait_s:
            return _page(target, _too_many(wait_s), 429, {"Retry-After": str(_whole(wait_s))})
        return _page(target, "That is not the password.", 401)

    def _log_out(self, login: Login, request: Request) -> Response:
        """Ends the session for good, with the sockets that it opened: a page in another tab stops being fed."""
        if request.method != "POST":
            return problem(405, "Log out with POST.", {"Allow": "POST"})
        if (session := self._session(login, request)) is not None:
            login.end(session)
            for ended in self._sockets.get(session.id, ()):
                ended.set()
        answer = _go("/login")
        answer.delete_cookie(cookie_name(request, COOKIE), secure=is_https(request), httponly=True, samesite="lax")
        return answer

    async def _connect(self, asked: HTTPConnection, receive: Receive, send: Send) -> None:
        """Passes a socket on, or refuses it before it is accepted, which its client sees as a 403."""
        login, session = self._login, None
        welcome = not is_foreign(asked.headers, self._own_hosts)
        if login is None:
            welcome = welcome and is_loopback_host(asked.headers)
        elif welcome:
            session = self._session(login, asked)
            given = _bearer(asked)
            welcome = session is not None or (
                given is not None and self._try(login, asked, given, login.is_key) is None
            )
        if not welcome:
            await send({"type": "websocket.close", "code": ENDED})
            return
        with self._activity.browser():
            if login is None or session is None:
                await self._app(asked.scope, receive, send)
            else:
                with self._watched(session) as ended:
                    await _until(self._app, asked.scope, receive, send, ended, login.left_s(session))

    @contextmanager
    def _watched(self, session: Session) -> Iterator[asyncio.Event]:
        ended = asyncio.Event()
        self._sockets.setdefault(session.id, set()).add(ended)
        try:
            yield ended
        finally:
            self._sockets[session.id].discard(ended)
            if not self._sockets[session.id]:
                del self._sockets[session.id]


async def _until(app: ASGIApp, scope: Scope, receive: Receive, send: Send, ended: asyncio.Event, left_s: float) -> None:
    """Runs a socket's application until it ends by itself, or its session does."""
    over = asyncio.ensure_future(asyncio.wait_for(ended.wait(), left_s))
    over.add_done_callback(lambda task: task.cancelled() or task.exception())  # time being up is no error

    async def receive_until() -> Message:
        heard = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({heard, over}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                return heard.result()
        finally:
            heard.cancel()
        await send({"type": "websocket.close", "code": ENDED})
        return {"type": "websocket.disconnect", "code": ENDED}

    async def send_until(message: Message) -> None:
        if not over.done():
            await send(message)

    try:
        await app(scope, receive_until, send_until)
    finally:
        over.cancel()


def _exact_path(scope: Scope) -> str:
    """The path, if it came as it is to be read; "" where something in it was encoded."""
    path = str(scope["path"])
    return path if scope.get("raw_path", path.encode()) == path.encode() else ""


def _bearer(asked: HTTPConnection) -> bytes | None:
    kind, _, given = asked.headers.get("authorization", "").partition(" ")
    return given.strip().encode("latin-1") if kind.lower() == "bearer" else None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_https(asked: HTTPConnection) -> bool:
    """Whether the browser came by https, also where a proxy ended it. Lied to, we would harm the liar only."""
    download_text = asked.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (download_text, asked.scope.get("scheme")) or asked.scope.get("scheme") == "wss"


def cookie_name(asked: HTTPConnection, name: str) -> str:
    return HOST_PREFIX + name if is_https(asked) else name


def cookies(asked: HTTPConnection, wanted: str) -> Iterator[str]:
    """What a request's cookies of that name hold. A sibling's site may have put another one beside ours."""
    for header in asked.headers.getlist("cookie"):
        for each in header.split(";"):
            name, _, value = each.strip().partition("=")
            if name == cookie_name(asked, wanted):
                yield value


async def _read_form(request: Request) -> dict[str, str] | None:
    """The form's fields, the first of each name; None where there is more than a login can be."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES:
                return None
        fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, errors="surrogateescape", max_num_fields=10)
    except (ClientDisconnect, ValueError):
        return None
    return {name: values[0] for name, values in fields.items()}


def _page(target: str, trouble: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    said = f'<p class="trouble" role="alert">{html.escape(trouble)}</p>' if trouble else ""
    text = _PAGE.substitute(next=html.escape(target), trouble=said)
    return HTMLResponse(text, status, {**_PAGE_HEADERS, **(headers or {})})


def _go(target: str) -> RedirectResponse:
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _too_many(wait_s: float) -> str:
    seconds = _whole(wait_s)
    wait = f"{seconds} s" if seconds < 90 else f"{-(-seconds // 60)} minutes"
    return f"Too many wrong passwords. Try again in {wait}."


def _whole(wait_s: float) -> int:
    return int(wait_s) + 1


_SET_A_PASSWORD = (
    "The studio is for this machine alone, and was asked for by another name. Set STUDIO_PASSWORD to open it to others."
)
