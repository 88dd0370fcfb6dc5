"""The form of an answer as Gemini is told it, derived from `caption_schema`: there is no second list of keys."""

from typing import Any

from fibo_core.prompts.caption_schema import json_schema
from fibo_core.prompts.structured_prompt import SCORES

#: Every key is required of Gemini, and most may be null; these may not, as FIBO's own captions always have them.
ALWAYS_SAID = ("relative_size", "shape_and_color", "style_medium", "artistic_style")

#: The form of an answer that is values for one place, and no prompt.
VALUES_SCHEMA: dict[str, Any] = {
    "type": "OBJECT",
    "properties": {"values": {"type": "ARRAY", "items": {"type": "STRING"}}},
    "required": ["values"],
}


def response_schema(*, refining: bool = False) -> dict[str, Any]:
    """The form of an answer in Gemini's schema language, derived from `caption_schema`, without the two scores.

    All keys are required, so that none is forgotten; null says "not here", and in a refinement may stand anywhere,
    because what a prompt lacks shall not be made up. Limits on lists are left out: they make the schema harder to
    serve, and the instructions name them.
    """
    schema = json_schema()
    return _translated(schema, schema["$defs"], refining)


def _translated(node: dict[str, Any], defs: dict[str, Any], refining: bool) -> dict[str, Any]:
    options = node.get("anyOf", [node])
    kinds = [option for option in options if option.get("type") != "null"]
    kind = kinds[0]
    if "$ref" in kind:
        kind = defs[kind["$ref"].rpartition("/")[2]]
    schema: dict[str, Any] = {"type": kind["type"].upper()}
    if len(kinds) < len(options):
        schema["nullable"] = True
    if description := node.get("description") or kind.get("description"):
        schema["description"] = description
    if "items" in kind:
        schema["items"] = _translated(kind["items"], defs, refining)
        schema["items"].pop("nullable", None)
    if "properties" in kind:
        parts = {k: _translated(part, defs, refining) for k, part in kind["properties"].items() if k not in SCORES}
        for key, part in parts.items():
            if refining:
                part["nullable"] = True
            elif key in ALWAYS_SAID:
                part.pop("nullable", None)
        schema |= {"properties": parts, "required": list(parts), "propertyOrdering": list(parts)}
    return schema
