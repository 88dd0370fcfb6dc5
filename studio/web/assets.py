"""Scripts and styles of components that are too large to travel with each of their messages, at addresses that name
their content: a browser asks for each once, and has the new ones after an update.
"""

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from studio.web.problems import problem

KINDS = "*.[jc]s*"
FOLDER = Path(__file__).parents[1] / "ui" / "components" / "assets"
KEPT_FOR_A_YEAR = "private, max-age=31536000, immutable"


@cache
def script_address(folder: str, name: str) -> str:
    """Where a browser finds a script of a component; those beside it are found by their names alone."""
    return f"/assets/{folder}/{_version(folder)}/{name}"


@cache
def _version(folder: str) -> str:
    """Changes with any of the folder's scripts, since they belong together."""
    scripts = sorted((FOLDER / folder).glob(KINDS))
    return hashlib.sha256(b"\0".join(script.read_bytes() for script in scripts)).hexdigest()[:16]


def script(request: Request) -> Response:
    """One of the scripts; an old version's address is given today's, which is not to be kept."""
    folder, name = request.path_params["folder"], request.path_params["name"]
    known = {(each.parent.name, each.name): each for each in FOLDER.glob(f"*/{KINDS}")}
    if (path := known.get((folder, name))) is None:
        return problem(404, "There is no such script.")
    current = request.path_params["version"] == _version(folder)
    headers = {"Cache-Control": KEPT_FOR_A_YEAR if current else "no-store"}
    return Response(
        path.read_bytes(), media_type="text/css" if path.suffix == ".css" else "text/javascript", headers=headers
    )
