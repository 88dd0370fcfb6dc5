"""Orders: words, a picture's prompt or a picture in, a batch out, at once (202)."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

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
from studio.web.api.models import BatchGiven, GenerationOrder, InspirationOrder, PromptOrder, RefinementOrder
from studio.web.api.requests import BoundedRequest, BoundedRoute, answered, in_thread, json_answer, parse_json
from studio.web.api.waiting import Wait, wait_s

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
        return _validated(await request.json()), []
    if not request.is_form:
        raise Refused(
            415, "An inspiration is JSON, or a form with a file. Send application/json or multipart/form-data."
        )
    async with request.form(max_files=PARTS_MAX, max_fields=PARTS_MAX, max_part_size=1_000_000) as form:
        if unknown := set(form) - {"picture", "order"}:
            raise InputError(f"The form's field {min(unknown)!r:.60} is not known here. Send picture and order.")
        pictures, orders = form.getlist("picture"), form.getlist("order")
        check_number(len(pictures))
        if not pictures:
            raise InputError("The form has no file in its field picture. Send one there.")
        if len(orders) > 1:
            raise InputError(f"The form has {len(orders)} fields order. Send one, with all of the order as JSON.")
        order = orders[0] if orders else "{}"
        if not isinstance(order, str):
            raise InputError("The form's field order is a file. Send its JSON as text.")
        sent = [await each.read() if isinstance(each, UploadFile) else each for each in pictures]
        return _validated(parse_json(order)), sent


def _validated(document: Any) -> InspirationOrder:
    try:
        return InspirationOrder.model_validate(document)
    except ValidationError as exc:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        raise Refused(422, sentence(errors)) from exc
