"""`/inputs`: pictures that a page is given, by a drop, from the clipboard, from a folder or a camera.

What is sent is kept by content at once (`store/inputs.py`) and answered with its name; the page tells Python that name.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from fibo_core.engine.canvas import on_white
from fibo_core.errors import FiboError
from fibo_core.limits import BYTES_MAX
from fibo_core.store.images import is_animated, open_picture
from studio.runtime import get_runtime
from studio.web.api.errors import Refused, status_of
from studio.web.api.requests import FILE_S, BoundedRequest, in_thread
from studio.web.problems import problem

SMALL_SIDE = 320  #: px, twice what is shown: screens have two pixels for one
KEPT_FOR_A_YEAR = "private, max-age=31536000, immutable"  # its name is its content
MOVES = "This picture moves: its first frame is taken."


class PictureRequest(BoundedRequest):
    """A request whose body is one picture."""

    @property
    def bounds(self) -> tuple[int, float]:
        return BYTES_MAX, FILE_S


async def keep(request: Request) -> Response:
    """`POST /inputs`: keeps the picture that is the body. Answers with its path in the workspace, and with a note where
    something is to be said of it."""
    try:
        content = b"".join([part async for part in PictureRequest(request.scope, request.receive).stream()])
    except Refused as exc:
        return problem(exc.status_code, str(exc.detail), exc.headers)

    def kept() -> Response:
        try:
            runtime = get_runtime()
            path = runtime.inputs.path(runtime.inputs.keep(content))
            note = MOVES if is_animated(content) else ""
            return JSONResponse({"picture": str(runtime.tools.history.relative(path)), "note": note})
        except FiboError as exc:
            return problem(status_of(exc), str(exc))

    return await in_thread(kept)


def whole(request: Request) -> Response:
    """`GET /inputs/{sha256}.png`: the picture as it is kept."""
    try:
        path = _path(request)
    except FiboError as exc:
        return problem(404, str(exc))
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": KEPT_FOR_A_YEAR})


def small(request: Request) -> Response:
    """`GET /inputs/small/{sha256}.webp`: the same, small."""
    try:
        picture = on_white(open_picture(_path(request), SMALL_SIDE))
    except FiboError as exc:
        return problem(404, str(exc))
    buffer = BytesIO()
    picture.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    picture.save(buffer, "WEBP", quality=85)
    return Response(buffer.getvalue(), media_type="image/webp", headers={"Cache-Control": KEPT_FOR_A_YEAR})


def _path(request: Request) -> Path:
    """Raises InputGone."""
    return get_runtime().inputs.path(str(request.path_params["sha256"]))
