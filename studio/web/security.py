"""What a browser is told, and what is believed of it: headers of every answer, where a request comes from, where a
login may lead."""

import base64
import hashlib
import importlib.util
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.web.first_page import document_text

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",  # no other pod's page shows our pictures with its visitor's cookie
    "X-Frame-Options": "SAMEORIGIN",  # the JSON editor is a frame of our own
    "Referrer-Policy": "same-origin",
}
#: Streamlit makes styles as it goes, and loads the scripts of Components v2 from `blob:`, as Ace does its worker.
_POLICY = (
    "default-src 'self'; script-src 'self' blob: {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")
#: Names under which a browser on this machine, or at the end of an ssh tunnel, knows it.
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCAL_TARGET = re.compile(r"/[A-Za-z0-9._~/-]*(\?[!-\[\]-~]*)?")


class SecurityHeaders:
    """Middleware at the level of ASGI, so that it costs a stream of bytes nothing. ``own_hosts`` as for the gate."""

    def __init__(self, app: ASGIApp, own_hosts: Collection[str] = ()) -> None:
        self._app = app
        self._own_hosts = frozenset(own_hosts)
        self._scripts = " ".join(f"'{hash}'" for hash in inline_scripts())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Content-Security-Policy", self._policy(Headers(scope=scope)))
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)

    def _policy(self, asked: Headers) -> str:
        """What a page may load: what comes from here. An answer that has a stricter policy of its own keeps that."""
        host = asked.get("host", "")
        hosts = sorted({*self._own_hosts, *([host] if _HOST.fullmatch(host) else [])})
        sockets = " ".join(f"ws://{each} wss://{each}" for each in hosts)  # not every browser's 'self' means them too
        return _POLICY.format(scripts=self._scripts, sockets=sockets)


def inline_scripts() -> Iterator[str]:
    """The hashes of the scripts that stand in the document of our pages and of streamlit-ace's frame themselves."""
    spec = importlib.util.find_spec("streamlit_ace")
    assert spec is not None
    assert spec.origin is not None
    frame = Path(spec.origin).parent / "frontend/build/index.html"
    for text in (document_text(), frame.read_text(encoding="utf-8")):
        for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
            yield f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def is_foreign(headers: Headers, own_hosts: Collection[str] = ()) -> bool:
    """Whether another site's page makes this request in its visitor's name; a program names no site, and is not.

    A browser says so itself (Sec-Fetch-Site) or names the page's origin, which must be the host that was asked or one
    of ``own_hosts``. Another pod's page counts as foreign, though its address ends like ours.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin is None or site == "same-origin":
        return False
    try:
        named = urlsplit(origin).netloc.lower()
    except ValueError:
        return True
    return not named or named not in {headers.get("host", "").lower(), *own_hosts}


def is_loopback_host(headers: Headers) -> bool:
    """Whether the browser knows us by a name of this machine's, and not by one that somebody pointed here."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def local_target(target: str) -> str:
    """``target`` where it is a plain path of ours, with or without a question; else the first page."""
    path = target.partition("?")[0]
    plain = len(target) <= 2000 and _LOCAL_TARGET.fullmatch(target) and "//" not in path and "/." not in path
    return target if plain and path not in ("/login", "/logout") else "/"
