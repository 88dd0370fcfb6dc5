"""Errors over HTTP, as RFC 9457 has them: one sentence, the same that a page shows."""

import json
from collections.abc import Mapping

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Not understood",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not a method of this address",
    408: "Too slow",
    409: "Not possible as things are",
    413: "Too large",
    415: "Not a kind that is read here",
    422: "Cannot be used",
    429: "Too many",
    500: "Something went wrong",
    503: "Not available now",
}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as RFC 9457 has it, in ASCII: a sentence may quote half a surrogate pair."""
    told = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail}
    return Response(
        json.dumps(told, separators=(",", ":")),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )
