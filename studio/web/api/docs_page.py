"""The OpenAPI document as one page of plain HTML: no script, nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .5rem; }
details { border-top: 1px solid #8886; padding: .5rem 0; }
summary { cursor: pointer; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; border-top: 1px solid #8883; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
.quiet { opacity: .7; }
"""


_FILE = {"type": "a file"}  # what has no schema


def page(document: Mapping[str, Any]) -> str:
    info = document["info"]
    about = "".join(f"<p>{escape(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}: API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><body>'
        f"<h1>{escape(info['title'])}: API</h1>{about}"
        f"<p>All addresses begin with <code>{escape(document['servers'][0]['url'])}</code>. "
        'For programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(_operations(document))}<h2>What goes in and out</h2>{''.join(_schemas(document))}</body></html>"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    tag = ""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag)}</h2>"
            yield (
                f'<details id="{escape(operation["operationId"])}">'
                f'<summary><span class="method">{method.upper()}</span>'
                f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
                f"<p>{escape(operation.get('description', ''))}</p>{_parameters(operation)}{_body(operation)}"
                f"{_answers(operation)}</details>"
            )


def _parameters(operation: Mapping[str, Any]) -> str:
    given = operation.get("parameters", ())
    rows = [(each["name"], each["in"], _kind(each["schema"]), each.get("description", "")) for each in given]
    return _table(("Parameter", "in", "", ""), rows) if rows else ""


def _body(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    kinds = ", ".join(f"{escape(media)}: {_kind(each['schema'])}" for media, each in content.items())
    return f"<p>Body: {kinds}</p>" if kinds else ""


def _answers(operation: Mapping[str, Any]) -> str:
    rows = [
        (
            status,
            "",
            ", ".join(
                _kind(each.get("schema") or each.get("itemSchema") or _FILE)
                for each in answer.get("content", {}).values()
            ),
            answer["description"],
        )
        for status, answer in operation["responses"].items()
    ]
    return _table(("Answer", "", "", ""), rows)


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        required = schema.get("required", ())
        rows = [
            (key, "required" if key in required else "", _kind(each), each.get("description", ""))
            for key, each in schema.get("properties", {}).items()
        ]
        example = schema.get("example")
        shown = f"<pre>{escape(json.dumps(example, indent=2))}</pre>" if example is not None else ""
        about = escape(schema.get("description", ""))
        yield (
            f'<details id="{escape(name)}">'
            f'<summary><code>{escape(name)}</code> <span class="quiet">{about}</span></summary>'
            f"{shown}{_table(('Field', '', '', ''), rows)}</details>"
        )


def _kind(schema: Mapping[str, Any]) -> str:
    """What a schema takes in a few words, as HTML, with links to what has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = escape(str(schema.get("type", "anything")))
    bounds = (schema.get("minimum"), schema.get("maximum"))
    return kind if bounds == (None, None) else f"{kind}, {bounds[0]} to {bounds[1]}"


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str, str]]) -> str:
    """The third cell of a row is HTML already."""
    heads = "".join(f"<th>{each}</th>" for each in head)
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(where)}</td><td>{kind}</td><td>{escape(about)}</td></tr>"
        for name, where, kind, about in rows
    )
    return f"<table><tr>{heads}</tr>{cells}</table>"
