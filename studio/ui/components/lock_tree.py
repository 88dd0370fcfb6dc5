"""The prompt as a tree with a lock at every part: what a writer must leave as it is."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.change_words import shown
from fibo_core.prompts.json_paths import Step, format_path, leaves, read
from fibo_core.prompts.parts import PARTS
from fibo_core.prompts.structured_prompt import StructuredPrompt
from studio.ui.components import asset

_TREE = st.components.v2.component(
    "fibo_lock_tree",
    html="<div class='tree'></div>\n",
    css=asset("lock_tree.css"),
    js=asset("lock_tree.js"),
)

Place = tuple[Step, ...]


def lock_tree(
    prompt: StructuredPrompt,
    locked: Sequence[str],
    *,
    of: StructuredPrompt,
    key: str,
    on_change: Callable[[tuple[str, ...]], None],
    revision: int = 0,
) -> None:
    """Shows the tree of ``prompt``; ``on_change`` is told the paths that are locked, before the next run begins.

    ``of`` is what the user refines, of which ``prompt`` may be a later state: another one has a tree of its own, which
    begins with ``locked``, as another ``revision`` has.
    """
    name = f"{key}_{zlib.crc32(of.to_json(None).encode()):08x}_{revision}"

    def tell() -> None:
        on_change(tuple(st.session_state[name]["locked"]))

    _TREE(key=name, data={"groups": groups(prompt), "locked": list(locked)}, on_locked_change=tell)


def groups(prompt: StructuredPrompt) -> list[dict[str, Any]]:
    """The parts of a prompt, each object and text apart, with their fields; then keys that FIBO does not know."""
    document = prompt.document
    found: list[dict[str, Any]] = []

    def add(label: str, *roots: Place, hint: str = "") -> None:
        roots = tuple(root for root in roots if root and root[0] in document)
        fields = [leaf for root in roots for leaf in leaves(read(document, root), root)]
        if fields:
            found.append(
                {
                    "label": label,
                    "hint": hint,
                    "paths": [format_path(root) for root in roots],
                    "fields": [_field(document, leaf, roots) for leaf in fields],
                }
            )

    for part in PARTS:
        if part.item:
            (key,) = part.keys
            items = document.get(key)
            for number, item in enumerate(items if isinstance(items, list) else []):
                named = (item.get("description") or item.get("text") or "") if isinstance(item, dict) else ""
                add(f"{part.item.capitalize()} {number + 1}", (key, number), hint=str(named))
        else:
            add(part.title, *((key,) for key in part.keys))
    for key in document:
        if key not in KEYS:
            add(key, (key,))
    return found


def _field(document: dict[str, Any], leaf: Place, roots: Sequence[Place]) -> dict[str, Any]:
    inside = leaf[1:] if leaf in roots or leaf[0] not in ("objects", "text_render") else leaf[2:]
    label = format_path(inside or leaf)
    return {"path": format_path(leaf), "label": label.replace("_", " "), "value": shown(read(document, leaf))}
