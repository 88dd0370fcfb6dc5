"""A few pictures as a strip or grid of thumbnails, of which a click opens one. One component, whatever their number."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

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
    labels: bool = False,
    current: str | None = None,
) -> str | None:
    """Shows the tiles; returns the id just opened, or None. ``current`` is marked as the one being looked at."""
    data = {"tiles": [asdict(tile) for tile in tiles], "labels": labels, "current": current}
    opened: str | None = _GALLERY(key=key, data=data, on_opened_change=_nothing).opened
    return opened


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
