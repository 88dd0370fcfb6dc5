"""Changes of a prompt, a line for every JSON path, the words that differ marked; in a review a tick for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fibo_core.engine.worn import worn_changes
from fibo_core.prompts.change_words import changes_line, marked_words, title_of_change
from fibo_core.prompts.structured_prompt import Change, diff
from fibo_core.store.generation import Generation
from fibo_core.writers.review import Origin, Review
from studio.ui.components import asset
from studio.ui.words import plain

_CHANGES = st.components.v2.component(
    "fibo_changes",
    html="<div class='changes'></div>\n",
    css=asset("changes.css"),
    js=asset("changes.js"),
)

OPEN_CHANGES = 3  #: that many are shown at once; more are one press away
#: The parts of a review in their order: what each is called where a writer answered, and whose it is.
GROUPS: tuple[tuple[Origin, str], ...] = (
    ("asked", "As you asked"),
    ("offered", "Offered besides"),
    ("you", "By your hand, or before"),
)


@dataclass(frozen=True)
class Turned:
    """The rows a user has just ticked or unticked."""

    ids: frozenset[str]
    take: bool


def what_changed(before: Generation, after: Generation, *, key: str) -> None:
    """Tells in a line what a picture has otherwise than the one before, and shows what its prompt has: few changes at
    once, more where it is opened."""
    made, worn = diff(before.prompt, after.prompt), worn_changes(before.request.adapters, after.request.adapters)
    if worn and not made:
        st.caption(plain("; ".join(worn)))
        return
    with st.expander(
        "; ".join((changes_line(made), *map(plain, worn))), expanded=len(made) <= OPEN_CHANGES, type="compact"
    ):
        changes(made, key=key)


def changes(rows: Sequence[Change], *, key: str) -> None:
    """Shows the changes; says so where there are none."""
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
    """ "3 changes: 2 of 2 asked for, 1 of 5 offered, 12 locked": those that the draft has, so it follows the ticks."""
    taken = [row for row in seen.rows if row.taken]
    counted = f"{len(taken)} change{'' if len(taken) == 1 else 's'}"
    kept = [f"{locked} locked"] if locked else []
    if seen.answer is None:
        return ", ".join([counted, f"{seen.kept()} kept", *kept])
    parts = []
    for origin, name in (("asked", "asked for"), ("offered", "offered")):
        if rows := [row for row in seen.rows if row.origin == origin]:
            parts.append(f"{sum(row.taken for row in rows)} of {len(rows)} {name}")
    if yours := seen.count("you"):
        parts.append(f"{yours} by your hand, or before")
    return f"{counted}: {', '.join([*parts, *kept])}" if parts else ", ".join([counted, *kept])


def _data(change: Change) -> dict[str, Any]:
    words = [{"side": stretch.side, "text": stretch.text} for stretch in marked_words(change.before, change.after)]
    return {"title": title_of_change(change), "words": words}


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
