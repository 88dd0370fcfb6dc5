"""Pictures sent to come in: received, started, watched and ended."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from fibo_core.errors import FiboError, InputError
from fibo_core.store.disk import disk_errors
from fibo_core.work.imports import Import, Imports
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.web.api.models import ImportFileGiven, ImportGiven, ImportList
from studio.web.api.requests import BoundedRequest, BoundedRoute, answered, in_thread, json_answer
from studio.web.uploads import keep_body, keep_form

FIELD = "files"  #: of a form

router = APIRouter(tags=["In and out"], route_class=BoundedRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TAKEN: dict[str, Any] = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/json": {"schema": {"type": "object", "description": "{}: files are to follow"}},
        }
    }
}


@router.post(
    "/imports",
    summary="Bring pictures in",
    status_code=202,
    response_model=ImportGiven,
    openapi_extra=_TAKEN,
    responses={201: {"model": ImportGiven, "description": "It waits for files"}},
)
async def begin_import(request: Request) -> Response:
    """A form with zips and pictures in `files` begins at once. Without a body, or with `{}` as JSON, the import waits
    for files, which may then come in pieces, and for its start."""
    assert isinstance(request, BoundedRequest)
    if not request.is_form:
        if (await request.body()).strip() not in (b"", b"{}"):
            raise InputError("An import has no settings. Send a form with files, or {} and the files after it.")
        return await answered(lambda: import_given(_imports().open()), 201)
    size = request.headers.get("content-length", "")
    it = await in_thread(lambda: _opened(int(size) if size.isdecimal() else 0))

    def begun() -> ImportGiven:
        imports = _imports()
        imports.received(it.id)
        return import_given(imports.start(it.id))

    try:
        with disk_errors("The file", get_shell().settings.workspace_dir):
            count = await keep_form(request, FIELD, lambda name: _imports().receive(it.id, name))
        if not count:
            raise InputError(f"The form has no file in its field {FIELD}. Send one there.")
        return await answered(begun, 202)
    except BaseException:
        await in_thread(lambda: _imports().cancel(it.id))
        raise


@router.get("/imports", summary="What came in, and what is coming", response_model=ImportList)
async def list_imports() -> Response:
    """Newest first."""
    return await answered(lambda: ImportList(items=[import_given(it) for it in _imports().all()]))


@router.get("/imports/{id}", summary="How an import stands", response_model=ImportGiven)
async def get_import(id: str) -> Response:
    return await answered(lambda: import_given(_imports().get(id)))


@router.put(
    "/imports/{id}/files",
    summary="Send a file, or more of it",
    response_model=ImportGiven,
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}},
)
async def send_file(
    id: str,
    request: Request,
    name: Annotated[
        str, Query(min_length=1, max_length=1000, description="What it is called; one of that name goes on")
    ],
    offset: Annotated[int, Query(ge=0, description="How much of it was sent before; 0 begins it anew")] = 0,
    content_length: Annotated[int | None, Header()] = None,
) -> Response:
    """Where `offset` is not what is here, the answer (409) says how much is."""
    await in_thread(lambda: _imports().check_room(content_length or 0))
    try:
        with disk_errors("The file", get_shell().settings.workspace_dir):
            await keep_body(request, lambda: _imports().receive(id, name, offset))
    finally:
        await in_thread(lambda: _noted(id))
    return await answered(lambda: import_given(_imports().get(id)))


@router.post("/imports/{id}/start", summary="Have what was sent taken in", status_code=202, response_model=ImportGiven)
async def start_import(id: str) -> Response:
    """Again for one that failed: it goes on where it was."""
    given = await in_thread(lambda: import_given(_imports().start(id)))
    return json_answer(given, 202)


@router.delete("/imports/{id}", summary="End an import", status_code=204, response_class=Response)
async def cancel_import(id: str) -> Response:
    """What came in stays."""
    await in_thread(lambda: _imports().cancel(id))
    return Response(status_code=204)


def import_given(it: Import) -> ImportGiven:
    report = it.report
    return ImportGiven(
        id=it.id,
        state=it.state,
        ended=it.ended,
        title=it.title,
        files=[ImportFileGiven(name=each.name, bytes=each.bytes) for each in it.files[:100]],
        file_count=len(it.files),
        total=report.total,
        done=report.done,
        fraction=it.fraction,
        added=report.added,
        already_here=report.already_here,
        in_trash=report.in_trash,
        mended=report.mended,
        labelled=report.labelled,
        collections=report.collections,
        left_out=report.left_out,
        reasons=report.reasons,
        generation_ids=report.added_ids,
        error=it.error,
        created_at=it.created_at,
        finished_at=it.finished_at,
    )


def _imports() -> Imports:
    return get_runtime().imports


def _opened(size: int) -> Import:
    """Raises WorkspaceUnwritable where so much more has no room."""
    imports = _imports()
    imports.check_room(size)
    return imports.open()


def _noted(id: str) -> None:
    try:
        _imports().received(id)
    except FiboError:  # it was ended meanwhile, or never was: the answer says so
        return
