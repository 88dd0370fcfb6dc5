"""Changes of a prompt, a line for every JSON path: what it was, what it is; in a review a tick to take or leave it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fibo_core.prompts.structured_prompt import MISSING, Change
from fibo_core.writers.review import Origin, Review
from studio.ui.components import asset

_CHANGES = st.components.v2.component(
    "fibo_changes",
    html="<div class='changes'></div>\n",
    css=asset("changes.css"),
    js=asset("changes.js"),
)

#: The parts of a review in their order: what each is called where a writer answered, and whose it is.
GROUPS: tuple[tuple[Origin, str], ...] = (
    ("asked", "As you asked"),
    ("offered", "Offered besides"),
    ("you", "By your hand"),
)


@dataclass(frozen=True)
class Turned:
    """The rows a user has just ticked or unticked."""

    ids: frozenset[str]
    take: bool


def changes(rows: Sequence[Change], *, key: str) -> None:
    """Shows the changes, oldest value first; says so where there are none."""
    if not rows:
        st.caption("Nothing differs.")
        return
    group = {"title": "", "rows": [{"id": str(number), **_data(row)} for number, row in enumerate(rows)]}
    _CHANGES(key=key, data={"groups": [group], "ticks": False}, on_turned_change=_nothing)


def review_changes(seen: Review, *, key: str) -> Turned | None:
    """Shows the rows of a review with a tick each; what the user has just turned over, or None."""
    if not seen.rows:
        st.caption("Nothing differs.")
        return None
    groups = []
    for origin, title in GROUPS:
        rows = [row for row in seen.rows if row.origin == origin]
        if rows:
            data = [{"id": row.id, "taken": row.taken, **_data(row.change)} for row in rows]
            groups.append({"title": f"{title} ({len(rows)})", "rows": data})
    turned = _CHANGES(key=key, data={"groups": groups, "ticks": True}, on_turned_change=_nothing).turned
    return None if turned is None else Turned(frozenset(turned["ids"]), bool(turned["take"]))


def count_line(seen: Review, locked: int) -> str:
    """ "3 fields changed as asked, 5 more offered, 12 locked"; without a writer's answer "3 changed, 20 kept"."""
    yours = seen.count("you")
    if seen.answer is None:
        return ", ".join([f"{yours} changed", f"{seen.kept()} kept", *([f"{locked} locked"] if locked else [])])
    asked, offered = seen.count("asked"), seen.count("offered")
    parts = [f"{asked} field{'' if asked == 1 else 's'} changed as asked", f"{offered} more offered"]
    if yours:
        parts.append(f"{yours} by your hand")
    return ", ".join([*parts, f"{locked} locked"])


def _data(change: Change) -> dict[str, Any]:
    before, after = (None if value is MISSING else shown(value) for value in (change.before, change.after))
    return {"path": change.path, "before": before, "after": after}


def shown(value: Any) -> str:
    """A value as its reader knows it from the editor."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
