"""What the JSON editor loads in the browser: Ace as its makers build it, our part of it, and the words it offers.

All of it lies under an address that names its content, so that a browser asks for it once. `studio/web/routes.py`
serves it.
"""

import hashlib
import json
from functools import lru_cache

from pydantic import BaseModel

from fibo_core.prompts.caption_schema import SHAPES, Caption
from fibo_core.prompts.mend.names import wanted
from fibo_core.prompts.vocabulary import field_spec
from studio.ui.components import ASSETS

ACE_VERSION = "1.45.2"
#: By its name in the browser; Ace's own files are never changed here.
FILES = {path.name: path for folder in ("ace", "editor") for path in (ASSETS / folder).glob("*.*s")}
WORDS = "words.json"

_HOLDS = {str: "text", int: "number"}


@lru_cache
def editor_address() -> str:
    """The folder of the editor's files, as a browser asks for it: another one whenever one of them has changed."""
    digest = hashlib.sha256(editor_words())
    for name in sorted(FILES):
        digest.update(FILES[name].read_bytes())
    return f"/assets/ace/{ACE_VERSION}-{digest.hexdigest()[:12]}"


@lru_cache
def editor_words() -> bytes:
    """JSON of the keys of each part of a prompt, and of a few good values for each field ("objects.location")."""
    shapes: dict[str, type[BaseModel]] = {"": Caption, **SHAPES}
    keys = {part: [_key(name, shape) for name in shape.model_fields] for part, shape in shapes.items()}
    names = [f"{part}.{key['name']}".lstrip(".") for part, of_part in keys.items() for key in of_part]
    values = {name: field_spec(name).suggestions for name in names if field_spec(name).suggestions}
    return json.dumps({"keys": keys, "values": values}, ensure_ascii=False).encode()


def _key(name: str, shape: type[BaseModel]) -> dict[str, str]:
    holds = wanted(shape.model_fields[name].annotation)
    return {"name": name, "holds": _HOLDS.get(holds, "object") if isinstance(holds, type) else "list"}
