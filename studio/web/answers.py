"""JSON that an open page asks for again and again: what it has already is not sent twice."""

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response


def tagged(request: Request, value: Any) -> Response:
    """``value`` as JSON with a tag of its content; 304 where the browser has just that."""
    body = json.dumps(value, separators=(",", ":")).encode()  # ASCII: a text may hold half a surrogate pair
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if request.headers.get("if-none-match", "").removeprefix("W/") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
