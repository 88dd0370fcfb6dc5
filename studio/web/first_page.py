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
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.web.assets import FOLDER, script_address

KEPT_FOR_A_YEAR = "public, max-age=31536000, immutable"  # its name is its content, and anybody has it with Streamlit
_TAKEN = re.compile(r"q=(1(\.0{0,3})?|0\.(?!0*$)\d{1,3})")  #: a weight of Accept-Encoding above nought
#: What every page draws with, in Streamlit's manifest: asked for at once, not when the first run of the page names it.
DRAWN_WITH = (
    *("elements/Html/Html", "elements/PageLink/PageLink", "widgets/BidiComponent/BidiComponent"),
    *("widgets/Button/Button", "widgets/Selectbox/Selectbox", "widgets/TextArea/TextArea"),
    "widgets/TextInput/TextInput",
)
_OWN = {"/history": ("history",)}  #: folders of our scripts that one page begins with; the stage's every page has
_TYPES = {"js": "text/javascript", "css": "text/css"}  #: of the folders with scripts

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
    """Middleware at the level of ASGI, within the gate: answers Streamlit's scripts, and tells whatever answers the
    rest plainly whether gzip is taken, since Starlette and Streamlit only look for the word."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        if scope["type"] == "http":
            headers = MutableHeaders(raw=list(scope["headers"]))
            packed = takes_gzip(",".join(headers.getlist("accept-encoding")))
            headers["accept-encoding"] = "gzip" if packed else "identity"
            scope = {**scope, "headers": headers.raw}
            if scope["method"] in ("GET", "HEAD") and (file := _scripts().get(scope["path"])):
                app = await _script(file, packed)
        await app(scope, receive, send)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding does: by gzip's own name, else by the star that stands for all that have none there
    (RFC 9110, 12.5.3). A weight that is none takes nothing."""
    weights = {}
    for each in accepted.lower().split(","):
        coding, _, weight = (part.strip() for part in each.partition(";"))
        weights[coding] = weight or "q=1"
    return _TAKEN.fullmatch(weights.get("gzip", weights.get("*", ""))) is not None


async def _script(file: Path, packed: bool) -> Response:
    headers = {"Vary": "Accept-Encoding", "Cache-Control": KEPT_FOR_A_YEAR}
    media_type = _TYPES[file.parent.name]
    if not packed:
        return FileResponse(file, headers=headers, media_type=media_type)
    content = await to_thread.run_sync(_pack, file)
    return Response(content, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)


@cache
def _scripts() -> dict[str, Path]:
    """All that is ever packed and kept, by its address."""
    folders = [_streamlit() / "static" / kind for kind in _TYPES]
    return {f"/static/{each.parent.name}/{each.name}": each for folder in folders for each in folder.iterdir()}


@cache
def _pack(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)


def _streamlit() -> Path:
    """The folder of what Streamlit sends to browsers; without importing it."""
    spec = importlib.util.find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"
