"""The contact sheet of a batch over HTTP: its grid as one picture, as the command line's `--sheet` makes it."""

import io

import anyio
from starlette.requests import Request
from starlette.responses import Response

from fibo_core.errors import BatchNotFound, FiboError
from fibo_core.work.batch_sheet import batch_sheet
from studio.runtime import get_runtime
from studio.web.problems import problem

#: Sheets that are made at a time: one takes up to 240 MB.
_AT_ONCE = anyio.CapacityLimiter(1)


async def sheet(request: Request) -> Response:
    """The sheet of the batch as it stands now; made in a thread, one after another. ``?download=1`` gives it a name."""
    batch_id = request.path_params["batch"]
    try:
        png = await anyio.to_thread.run_sync(_png, batch_id, limiter=_AT_ONCE)
    except BatchNotFound as exc:
        return problem(404, str(exc))
    except FiboError as exc:
        return problem(503, str(exc))
    headers = {"Cache-Control": "no-store"}  # a batch goes on, and may be extended
    if request.query_params.get("download"):
        headers["Content-Disposition"] = f'attachment; filename="fibo-grid-{batch_id[-6:].lower()}.png"'
    return Response(png, media_type="image/png", headers=headers)


def _png(batch_id: str) -> bytes:
    runtime = get_runtime()
    file = io.BytesIO()
    batch_sheet(runtime.desk.get(batch_id), runtime.tools.history).save(file, "PNG")
    return file.getvalue()
