"""The difference between two prompts, a line for every JSON path: what it was, what it is."""

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from fibo_core.prompt import MISSING, Change, StructuredPrompt
from studio.components import asset

_CHANGES = st.components.v2.component(
    "fibo_changes",
    html="<dl></dl>\n",
    css=asset("changes.css"),
    js=asset("changes.js"),
)


def changes(rows: Sequence[Change], *, key: str) -> None:
    """Shows the changes, oldest value first; says so where there are none."""
    if not rows:
        st.caption("Nothing differs.")
        return
    data = [{"path": row.path, "before": _text(row.before), "after": _text(row.after)} for row in rows]
    _CHANGES(key=key, data={"rows": data})


def untouched(before: StructuredPrompt, rows: Sequence[Change]) -> list[str]:
    """The paths of ``before`` that no change touches."""
    changed = [row.path for row in rows if row.before is not MISSING]
    within = tuple(f"{path}{step}" for path in changed for step in (".", "["))
    return [path for path in before.paths() if path not in changed and not path.startswith(within)]


def _text(value: Any) -> str | None:
    """A value as its reader knows it from the editor; None where there is none."""
    if value is MISSING:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
