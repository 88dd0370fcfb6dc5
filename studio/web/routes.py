"""What the server answers beside Streamlit: its health, the pictures, what components load, and the API.

A function that asks the database is synchronous here, so Starlette runs it in a thread of its own pool and never on the
event loop.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

import fibo_core
from fibo_core.errors import FiboError, GenerationNotFound
from fibo_core.settings import Settings
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.store.set_aside import aside_file
from fibo_core.work.runtime import Runtime
from studio.pod.doctor import LOW_DISK_BYTES
from studio.pod.downloads import Fetch
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.navigation import PAGES
from studio.ui.words import title_of
from studio.web import gallery, inputs
from studio.web.api.app import api
from studio.web.assets import script
from studio.web.drafts import keep_typed
from studio.web.editor_words import words
from studio.web.first_page import document
from studio.web.following import desk
from studio.web.previews import Previews
from studio.web.problems import problem
from studio.web.sheets import sheet

#: The pictures of the example cards, which come with the program.
EXAMPLES = Path(__file__).parents[1] / "examples"

#: A picture never changes under its id, and is its owner's.
KEPT_FOR_A_YEAR = "private, max-age=31536000, immutable"

#: /health where there is no runtime to ask.
_NOTHING_KNOWN = {
    "status": "unhealthy",
    "model_loaded": False,
    "gpu_available": False,
    "vram_used_gb": 0.0,
    "model": "",
}
WRITE_CHECK_S = 10.0  #: however often /health is asked, it writes no more often


def routes() -> list[BaseRoute]:
    """Ours win over Streamlit's; whatever else lies under /img is not found, where Streamlit would answer a page."""
    return [
        Route("/health", health),
        Route("/desk.json", desk),
        Route("/gallery/tiles.json", gallery.tiles),
        Route("/gallery/newer.json", gallery.newer),
        Route("/assets/words/{version}/prompt.json", words),
        Route("/inputs", inputs.keep, methods=["POST"]),
        Route("/inputs/small/{sha256}.webp", inputs.small),
        Route("/inputs/{sha256}.png", inputs.whole),
        Route("/assets/{folder}/{version}/{name}", script),
        Route("/", document, middleware=[Middleware(GZipMiddleware)]),  # Streamlit packs every page but its first
        Route("/generate", _to_first_page),
        *(Route(f"/{page.stem}", document) for page in sorted(PAGES.glob("*.py")) if page.stem != "generate"),
        Route("/drafts", keep_typed, methods=["POST"]),
        Route(
            "/img/thumb/{id}.webp", _file("image/webp", History.thumbnail_file, deleted_too=True)
        ),  # the trash shows them
        Route("/img/source/{id}.png", _file("image/png", History.source_file)),
        Route("/img/sheet/{batch}.png", sheet),
        Route("/img/again/{name}.png", _aside),
        Route("/img/{id}.png", _file("image/png", History.image_file)),
        Route("/img/{id}.json", _file("application/json", History.sidecar_file)),
        Route("/img/preview/{name}.jpg", _preview),
        Mount("/img/examples", StaticFiles(directory=EXAMPLES)),
        Route("/img/{rest:path}", _unknown),
        Mount("/api/v1", api()),
        Route("/api", _no_api),
        Route("/api/{rest:path}", _no_api),
    ]


def health(request: Request) -> JSONResponse:
    """How the studio is. 503 only when it is unhealthy: nothing can be stored, or no model can be had."""
    try:
        runtime = get_runtime()
        runtime.database.check_writable(every_s=WRITE_CHECK_S)
        state = _state(runtime)
    except FiboError as exc:
        state = {**_NOTHING_KNOWN, "error": str(exc)}
    return JSONResponse(
        {**state, "version": fibo_core.__version__},
        status_code=503 if state["status"] == "unhealthy" else 200,
        headers={"Cache-Control": "no-store"},
    )


def _state(runtime: Runtime) -> dict[str, Any]:
    engine = runtime.tools.engine.status()
    downloads, in_use = get_shell().downloads, get_shell().model_in_use
    fetch = downloads.get(engine.model)
    failed = "loading" if fetch is not None and fetch.running else "unhealthy"
    state = {
        "status": {"ready": "healthy", "failed": failed}.get(engine.state, "loading"),
        "model_loaded": engine.state == "ready",
        "gpu_available": engine.gpu_available,
        "vram_used_gb": engine.vram_used_gb,
        "model": engine.model,
        "queue": runtime.jobs.counts(),
    }
    if fetches := downloads.going_or_failed:
        state["download"] = _download(fetches[0])
    if amiss := runtime.jobs.trouble or runtime.tools.history.trouble():
        state |= {"status": "unhealthy", "error": amiss}
    elif engine.error:
        state["error"] = engine.error
    elif engine.state == "ready" and (trouble := in_use.failure_to_report(engine.model)):
        state |= {"status": "degraded", "error": trouble}
    elif engine.state == "ready" and (warning := _disk_warning(runtime.settings)):
        state |= {"status": "degraded", "error": warning}
    return state


def _download(fetch: Fetch) -> dict[str, Any]:
    event = fetch.event
    return {
        "model": fetch.spec.name,
        "percent": fetch.percent,
        "eta_s": None if event is None or event.remaining_s is None else round(event.remaining_s),
        "wait_s": None if event is None or event.wait_s is None else round(event.wait_s),
        "error": fetch.error or ("" if event is None else event.reason),
    }


def _disk_warning(settings: Settings) -> str:
    free = shutil.disk_usage(settings.workspace_dir).free
    if free >= LOW_DISK_BYTES:
        return ""
    return (
        f"Only {free / 1e6:.0f} MB are free in {settings.workspace_dir}. Free some space before pictures are refused."
    )


def _to_first_page(request: Request) -> RedirectResponse:
    """Streamlit serves its default page at the root only."""
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


def _file(
    media_type: str, find: Callable[[History, str], Path | None], *, deleted_too: bool = False
) -> Callable[[Request], Response]:
    """The endpoint for one kind of a picture's files; ``?download=1`` gives it a name to be saved under."""

    def endpoint(request: Request) -> Response:
        id = request.path_params["id"]
        try:
            history = get_runtime().tools.history
            generation = history.get(id, deleted_too=deleted_too)
            path = find(history, id)
            status = path.stat() if path is not None else None
        except (GenerationNotFound, FileNotFoundError) as exc:
            return problem(404, str(exc))
        except FiboError as exc:
            return problem(503, str(exc))
        if path is None or status is None:
            return problem(404, f"Picture {id} was not made from another one.")
        response = FileResponse(
            path,
            media_type=media_type,
            headers={"Cache-Control": KEPT_FOR_A_YEAR},
            stat_result=status,
            filename=_file_name(generation, path.suffix) if request.query_params.get("download") else None,
        )
        return NotModifiedResponse(response.headers) if _is_known(response, request.headers) else response

    return endpoint


def _aside(request: Request) -> Response:
    """A picture that was painted again to be compared, as long as it lies aside."""
    try:
        path = aside_file(get_runtime().tools.history.cache_dir, request.path_params["name"])
        return FileResponse(path, media_type="image/png", headers={"Cache-Control": KEPT_FOR_A_YEAR})
    except GenerationNotFound as exc:
        return problem(404, str(exc))
    except FiboError as exc:
        return problem(503, str(exc))


async def _preview(request: Request) -> Response:
    """A half-painted picture, as long as it is remembered."""
    jpeg = Previews.of_process().get(request.path_params["name"])
    if jpeg is None:
        return problem(404, "That preview is gone: the picture has gone on. Ask for the newest one.")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": KEPT_FOR_A_YEAR})


def _unknown(request: Request) -> Response:
    return problem(404, "There is no such picture. Pictures are at /img/{id}.png and /img/thumb/{id}.webp.")


def _no_api(request: Request) -> Response:
    return problem(404, "There is no such API. Addresses begin with /api/v1/ and are listed at /api/v1/docs.")


def _is_known(response: Response, asked: Headers) -> bool:
    """Whether the browser has this very file already (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]
    return response.headers["etag"] in tags or tags == ["*"]


def _file_name(generation: Generation, suffix: str) -> str:
    words = re.findall(r"\w+", title_of(generation).lower())[:6]
    return "-".join(["fibo", str(generation.request.seed), *words])[:80] + suffix
