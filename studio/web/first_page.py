"""What a browser needs before any page of ours can be drawn, which is all Streamlit's: its document and its scripts,
sent here so that a page is soon there on a slow network too.

Streamlit's client looks for its server below the page's own path first (two answers of 404 on every page but one), and
opens its socket only after an answer: the document tells it where the server is. Scripts it sends unpacked, since it
would pack them anew for each request: here each is packed when it is first asked for, and kept.
"""

import gzip
import importlib.util
import json
import re
from functools import cache
from pathlib import Path

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.web.assets import FOLDER, script_address

KEPT_FOR_A_YEAR = "public, max-age=31536000, immutable"  # its name is its content, and anybody has it with Streamlit
_SCRIPT = re.compile(r"/static/(js|css)/[\w-][\w.-]*")
#: What every page draws with, in Streamlit's manifest: asked for at once, not when the first run of the page names it.
DRAWN_WITH = (
    *("elements/Html/Html", "elements/PageLink/PageLink", "widgets/BidiComponent/BidiComponent"),
    *("widgets/Button/Button", "widgets/Selectbox/Selectbox", "widgets/TextArea/TextArea"),
    "widgets/TextInput/TextInput",
)
_OWN = {"/history": ("history",)}  #: folders of our scripts that one page begins with; the stage's every page has
_TYPES = {"js": "text/javascript", "css": "text/css"}

#: What Streamlit's client reads at its start. A page around ours may steer it only if it is our own.
_WHERE = (
    "window.__streamlit={BACKEND_BASE_URL:location.origin+'/',"
    "HOST_CONFIG:{allowedOrigins:[location.origin],useExternalAuthToken:false}}"
)
#: The room is dark before Streamlit's scripts have come, and a line says what is coming.
_LOOK = (
    "html{background:#121214;color-scheme:dark}"
    "#root>p{margin:40vh 0 0;text-align:center;font:15px sans-serif;color:#8c8c94}"
)


def document(request: Request) -> Response:
    """Of any page; asked for anew each time, since it names the scripts of the version that runs."""
    return HTMLResponse(document_text(request.url.path), headers={"Cache-Control": "no-cache"})


@cache
def document_text(path: str = "/") -> str:
    """Streamlit's document with what we add to it: its scripts are the same for every page."""
    text = (_streamlit() / "index.html").read_text(encoding="utf-8")
    early = [f"/{each}" for each in scripts_drawn_with() if each not in text]
    for folder in ("stage", *_OWN.get(path, ())):
        early += [script_address(folder, each.name) for each in sorted((FOLDER / folder).glob("*.js"))]
    links = "".join(f'<link rel="modulepreload" href="{each}">' for each in early)
    text = re.sub(r"<title>.*?</title>", "<title>FIBO Studio</title>", text)
    text = text.replace('as="font"', 'as="font" fetchpriority="low"')  # the scripts first
    text = text.replace('<div id="root"></div>', '<div id="root"><p>FIBO Studio is coming …</p></div>')
    return text.replace("</head>", f"<style>{_LOOK}</style><script>{_WHERE}</script>{links}</head>")


def scripts_drawn_with() -> list[str]:
    """The files of `DRAWN_WITH` and what they import, as addresses without the first stroke."""
    manifest = json.loads((_streamlit() / "manifest.json").read_text(encoding="utf-8"))

    found: list[str] = []
    wanted = [f"../lib/src/components/{each}.tsx" for each in DRAWN_WITH]
    while wanted:
        entry = manifest.get(wanted.pop(0))
        if entry is not None and entry["file"] not in found:
            found.append(entry["file"])
            wanted += entry.get("imports", ())
    return found


class PackedScripts:
    """Middleware at the level of ASGI, within the gate. What is no script of Streamlit's, or is not wanted packed,
    passes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _packed(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)


async def _packed(scope: Scope) -> Response | None:
    asked = _SCRIPT.fullmatch(scope["path"])
    if asked is None or scope["method"] != "GET" or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
        return None
    try:
        content = await to_thread.run_sync(_pack, scope["path"].removeprefix("/"))
    except FileNotFoundError:
        return None
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Cache-Control": KEPT_FOR_A_YEAR}
    return Response(content, media_type=_TYPES[asked[1]], headers=headers)


@cache
def _pack(name: str) -> bytes:
    return gzip.compress((_streamlit() / name).read_bytes(), mtime=0)


def _streamlit() -> Path:
    """The folder of what Streamlit sends to browsers; without importing it."""
    spec = importlib.util.find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"
