"""The words that the JSON editor offers: the keys of each part of a prompt, and a few good values for each field.

They lie at an address that names their content, as the editor's scripts do, so that a browser asks for them once.
"""

import hashlib
import json
from functools import cache

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from fibo_core.prompts.caption_schema import SHAPES, Caption
from fibo_core.prompts.mend.names import wanted
from fibo_core.prompts.vocabulary import field_spec
from studio.web.assets import KEPT_FOR_A_YEAR

_HOLDS = {str: "text", int: "number"}


@cache
def words_address() -> str:
    return f"/assets/words/{hashlib.sha256(editor_words()).hexdigest()[:16]}/prompt.json"


def words(request: Request) -> Response:
    """The words, today's whatever version was asked for."""
    current = request.url.path == words_address()
    headers = {"Cache-Control": KEPT_FOR_A_YEAR if current else "no-store"}
    return Response(editor_words(), media_type="application/json", headers=headers)


@cache
def editor_words() -> bytes:
    """JSON: ``keys`` of a part by its name ("" for the prompt itself), ``values`` by field ("objects.location")."""
    shapes: dict[str, type[BaseModel]] = {"": Caption, **SHAPES}
    keys = {part: [_key(name, shape) for name in shape.model_fields] for part, shape in shapes.items()}
    names = [f"{part}.{key['name']}".lstrip(".") for part, of_part in keys.items() for key in of_part]
    values = {name: field_spec(name).suggestions for name in names if field_spec(name).suggestions}
    return json.dumps({"keys": keys, "values": values}, ensure_ascii=False).encode()


def _key(name: str, shape: type[BaseModel]) -> dict[str, str]:
    """The key, and what it holds: text, number, list or object."""
    holds = wanted(shape.model_fields[name].annotation)
    return {"name": name, "holds": _HOLDS.get(holds, "object") if isinstance(holds, type) else "list"}
