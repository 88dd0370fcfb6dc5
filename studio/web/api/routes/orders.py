"""Orders: words, a picture's prompt or a picture in, a batch out, at once (202)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from fibo_core.errors import InputError
from fibo_core.limits import GIVEN_MAX
from fibo_core.store.idempotency import OnceKey
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order, check_number
from fibo_core.work.runtime import Runtime
from studio.runtime import get_runtime
from studio.web.api import convert
from studio.web.api.errors import Refused, sentence
from studio.web.api.events import hub
from studio.web.api.idempotency import KEY_MAX, once_key
from studio.web.api.models import (
    BatchGiven,
    EditOrder,
    GenerationOrder,
    InspirationOrder,
    MaskGiven,
    MaskTaken,
    PromptOrder,
    RefinementOrder,
)
from studio.web.api.requests import BoundedRequest, BoundedRoute, answered, in_thread, json_answer, parse_json
from studio.web.api.waiting import Wait, wait_s

T = TypeVar("T", bound=BaseModel)

router = APIRouter(tags=["Orders"], route_class=BoundedRoute)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A name of yours for this order: sent again with it, the order gives the first batch, for a day",
        json_schema_extra={"minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$"},
    ),
]
PARTS_MAX = 2 * GIVEN_MAX  #: of a form, so that a few pictures too many are said as such
_TAKEN: dict[str, Any] = {"response_model": BatchGiven, "status_code": 202}


@router.post("/generations", summary="Paint what some words, or a structured prompt, say", **_TAKEN)
async def generate(taken: GenerationOrder, key: Key = None) -> Response:
    """Answers with the batch at once; follow it at its events."""
    once = once_key(key, "generations", taken)
    return await _placed(once, lambda runtime: convert.generation_order(taken, runtime))


@router.post("/refinements", summary="Paint a changed prompt", **_TAKEN)
async def refine(taken: RefinementOrder, key: Key = None) -> Response:
    """A picture (`generation_id`) or a prompt (`source`), and in `words` what should change. From a picture, seed and
    settings stay unless others are given."""
    once = once_key(key, "refinements", taken)
    return await _placed(once, lambda runtime: convert.refinement_order(taken, runtime))


_INSPIRATION = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/InspirationOrder"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["picture"],
                "properties": {
                    "picture": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": GIVEN_MAX,
                        "items": {"type": "string", "format": "binary"},
                        "description": "Files (PNG, JPEG, WebP, …) or, as text, ids of pictures; the main one first",
                    },
                    "order": {"type": "string", "description": "The rest of the order as JSON", "default": "{}"},
                },
            }
        },
    },
}


@router.post(
    "/inspirations",
    summary="Paint from a prompt that describes pictures",
    openapi_extra={"requestBody": _INSPIRATION},
    **_TAKEN,
)
async def inspire(request: Request, key: Key = None) -> Response:
    """The pictures are of the history (JSON with `generation_id`, or several in `generation_ids`), or files: a form
    with one `picture` or more, and in `order` the rest as JSON. Several make one prompt, and the first is the main
    one."""
    assert isinstance(request, BoundedRequest)
    taken, sent = await _inspiration(request)
    once = once_key(key, "inspirations", taken, sent)
    return await _placed(once, lambda runtime: convert.inspiration_order(taken, runtime, sent))


_EDIT = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/EditOrder"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["order"],
                "properties": {
                    "mask": {
                        "type": "string",
                        "format": "binary",
                        "description": "White where the picture is painted anew, black where it stays; of its size",
                    },
                    "reference": {
                        "type": "array",
                        "maxItems": GIVEN_MAX,
                        "items": {"type": "string", "format": "binary"},
                        "description": "Pictures that the model looks at beside it; files or, as text, ids",
                    },
                    "order": {"type": "string", "description": "The rest of the order as JSON"},
                },
            }
        },
    },
}


@router.post("/edits", summary="Paint a part of a picture anew", openapi_extra={"requestBody": _EDIT}, **_TAKEN)
async def edit(request: Request, key: Key = None) -> Response:
    """A changed prompt (`structured_prompt`) or an instruction (`words`) for a stored picture. Behind a mask only what
    is white is painted anew, and every other pixel stays, bit for bit; the mask is a file of a form with the rest in
    its `order`, or is named, or made. Without one `strength` says how much of the picture goes."""
    assert isinstance(request, BoundedRequest)
    taken, mask, references = await _edit(request)
    once = once_key(key, "edits", taken, [*([] if mask is None else [mask]), *references])
    return await _placed(once, lambda runtime: convert.edit_order(taken, runtime, mask, references))


@router.post("/edits/masks", summary="Make a mask of an object's place, or of what two pictures differ in")
async def make_mask(taken: MaskTaken) -> MaskGiven:
    """It is kept by its content, and can be looked at before an order names it."""
    return await in_thread(lambda: convert.mask_given(taken, get_runtime()))


@router.post(
    "/structured-prompts",
    summary="Write a structured prompt, and paint nothing",
    responses={200: {"model": BatchGiven, "description": "With `wait`: the prompt is written"}},
    **_TAKEN,
)
async def write_prompt(
    taken: PromptOrder,
    wait: Wait = 0.0,
    key: Key = None,
) -> Response:
    """The prompt stands in the batch's job once it is written; with `wait` it is waited for that long."""
    seconds, once = wait_s(wait), once_key(key, "structured-prompts", taken)
    if not seconds:
        return await _placed(once, lambda runtime: convert.prompt_order(taken))
    batch = await in_thread(lambda: _place(get_runtime(), once, lambda runtime: convert.prompt_order(taken)))
    await hub.wait_ended(batch.id, seconds)

    def given() -> Response:
        desk = get_runtime().desk
        now = desk.get(batch.id)
        return json_answer(convert.batch_given(now, desk), 200 if now.ended else 202)

    return await in_thread(given)


async def _placed(once: OnceKey | None, order: Callable[[Runtime], Order]) -> Response:
    def given() -> BatchGiven:
        runtime = get_runtime()
        return convert.batch_given(_place(runtime, once, order), runtime.desk)

    return await answered(given, 202)


def _place(runtime: Runtime, once: OnceKey | None, order: Callable[[Runtime], Order]) -> Batch:
    """The order's batch, or the first one where its key has come before: what it starts from may be gone by now."""
    first = None if once is None else runtime.desk.placed(once)
    return first or runtime.desk.place(order(runtime), once=once)


async def _inspiration(request: BoundedRequest) -> tuple[InspirationOrder, list[bytes | str]]:
    """The order, and the files and ids that came with it in a form. Raises Refused and InputError."""
    if request.is_json:
        return _validated(InspirationOrder, await request.json()), []
    if not request.is_form:
        raise Refused(
            415, "An inspiration is JSON, or a form with a file. Send application/json or multipart/form-data."
        )
    async with _form(request) as form:
        if unknown := set(form) - {"picture", "order"}:
            raise InputError(f"The form's field {min(unknown)!r:.60} is not known here. Send picture and order.")
        pictures = form.getlist("picture")
        check_number(len(pictures))
        if not pictures:
            raise InputError("The form has no file in its field picture. Send one there.")
        return _validated(InspirationOrder, _order_of(form)), [await _part(each) for each in pictures]


async def _edit(request: BoundedRequest) -> tuple[EditOrder, bytes | str | None, list[bytes | str]]:
    """The order, and the mask and the references that came with it in a form. Raises Refused and InputError."""
    if request.is_json:
        return _validated(EditOrder, await request.json()), None, []
    if not request.is_form:
        raise Refused(415, "An edit is JSON, or a form with a mask. Send application/json or multipart/form-data.")
    async with _form(request) as form:
        if unknown := set(form) - {"mask", "reference", "order"}:
            raise InputError(
                f"The form's field {min(unknown)!r:.60} is not known here. Send mask, reference and order."
            )
        masks = form.getlist("mask")
        if len(masks) > 1:
            raise InputError(f"The form has {len(masks)} fields mask. Send one; further pictures are references.")
        mask = await _part(masks[0]) if masks else None
        references = [await _part(each) for each in form.getlist("reference")]
        return _validated(EditOrder, _order_of(form)), mask, references


def _form(request: BoundedRequest) -> AbstractAsyncContextManager[FormData]:
    return request.form(max_files=PARTS_MAX, max_fields=PARTS_MAX, max_part_size=1_000_000)


async def _part(value: UploadFile | str) -> bytes | str:
    return value if isinstance(value, str) else await value.read()


def _order_of(form: FormData) -> Any:
    """The rest of an order in a form. Raises InputError."""
    orders = form.getlist("order")
    if len(orders) > 1:
        raise InputError(f"The form has {len(orders)} fields order. Send one, with all of the order as JSON.")
    order = orders[0] if orders else "{}"
    if not isinstance(order, str):
        raise InputError("The form's field order is a file. Send its JSON as text.")
    return parse_json(order)


def _validated(kind: type[T], document: Any) -> T:
    try:
        return kind.model_validate(document)
    except ValidationError as exc:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        raise Refused(422, sentence(errors)) from exc
