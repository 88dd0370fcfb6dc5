"""The form of an answer as a service that speaks OpenAI's chat completions is told it: as JSON Schema and in words.

Both are derived from `gemini_schema`, and so from `caption_schema`: there is no second list of keys.
"""

import json
from typing import Any

from fibo_core.writers.gemini_schema import VALUES_SCHEMA, response_schema

#: What stands in the form where an answer has its summary: a model that gives it back has not filled it in.
PLACEHOLDER = response_schema()["properties"]["short_description"]["description"]


def answer_schema(*, refining: bool = False) -> dict[str, Any]:
    """JSON Schema of an answer, as strict as OpenAI wants it: no reference, no key beyond the required ones."""
    return _standard(response_schema(refining=refining))


def values_schema() -> dict[str, Any]:
    """JSON Schema of an answer that is values for one place, and no prompt."""
    return _standard(VALUES_SCHEMA)


def form_in_words(*, refining: bool = False) -> str:
    """The form as an example whose values say what stands there.

    Most servers on one's own machine hold a model to a schema without showing it to the model; some do not even
    hold it to it.
    """
    example = json.dumps(_example(response_schema(refining=refining)), ensure_ascii=False)
    return f"The form of your answer, with what each value says in its place; write all keys, in this order:\n{example}"


def _standard(node: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": node["type"].lower()}
    if "description" in node:
        schema["description"] = node["description"]
    if "items" in node:
        schema["items"] = _standard(node["items"])
    if "properties" in node:
        schema["properties"] = {key: _standard(part) for key, part in node["properties"].items()}
        schema |= {"required": node["required"], "additionalProperties": False}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") else schema


def _example(node: dict[str, Any]) -> Any:
    if "properties" in node:
        return {key: _example(part) for key, part in node["properties"].items()}
    if "items" in node:
        return [_example(node["items"])]
    kind = "a whole number: " if node["type"] == "INTEGER" else ""
    return f"{kind}{node.get('description', '')}{' Or null.' if node.get('nullable') else ''}"
