"""Pictures as a grid of thumbnails: a click opens one, a tick selects it. One component, whatever their number."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import streamlit as st

from studio.ui.components import asset

_GALLERY = st.components.v2.component(
    "fibo_gallery",
    html="<div class='grid' role='list'></div>\n",
    css=asset("gallery.css"),
    js=asset("gallery.js"),
)


@dataclass(frozen=True)
class Tile:
    """One thumbnail. ``src`` is an address of ours; ``label`` is read aloud and shown on hover or below."""

    id: str
    src: str
    label: str
    favorite: bool = False


def gallery(
    tiles: Iterable[Tile],
    *,
    key: str,
    size: Literal["small", "medium"] = "medium",
    labels: bool = False,
    selectable: bool = False,
    current: str | None = None,
) -> tuple[str | None, frozenset[str]]:
    """Shows the tiles; returns the id just opened (or None) and the selected ids.

    ``current`` is marked as the one being looked at. With ``selectable``, each tile carries a tick; the ticks last as
    long as the key.
    """
    rows = [asdict(tile) for tile in tiles]
    result = _GALLERY(
        key=key,
        data={
            "tiles": rows,
            "size": size,
            "labels": labels,
            "selectable": selectable,
            "current": current,
        },
        on_opened_change=_nothing,
        on_selected_change=_nothing,
    )
    known = {row["id"] for row in rows}
    return result.opened, frozenset(result.selected or ()) & known


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
