"""The tiles of History, page after page by key, with only what a tile needs.

The gallery asks for them itself, so that no page of Streamlit is run again while somebody scrolls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fibo_core.errors import FiboError, GenerationDamaged, GenerationNotFound, InputError
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.rows import DamagedRow
from fibo_core.store.tables import microseconds
from studio.runtime import get_runtime
from studio.ui.words import title_of
from studio.web.answers import tagged
from studio.web.api.filters import zone_of
from studio.web.problems import problem

PAGE, PAGE_MAX = 120, 500
NEWER_MAX = 100  #: new pictures that are counted
DAMAGED_MAX = 20  #: rows that cannot be read before the newest that can


def tiles(request: Request) -> Response:
    """Tiles in the gallery's order: the first; with ``back`` the last; those after ``cursor``, with ``back`` before it;
    or those around the picture ``at``.

    ``next`` and ``previous`` are the cursors of what follows and what goes before, null where nothing does.
    """
    asked = request.query_params
    try:
        history, query, limit = get_runtime().tools.history, query_of(request), _limit(asked.get("limit"))
        if (at := asked.get("at")) and (place := _place(history, at)) is not None:
            step = 1 if query.newest_first else -1
            before = _read(history, query, str(place), limit // 2, back=True)
            found = before + _read(history, query, str(place + step), limit)
        else:
            found = _read(history, query, asked.get("cursor"), limit, back="back" in asked)
        batches = get_runtime().desk.batches_of_pictures([each.id for each in found.items])
        return tagged(request, found.told(batches))
    except InputError as exc:
        return problem(422, str(exc))
    except FiboError as exc:
        return problem(503, str(exc))


def newer(request: Request) -> Response:
    """How many pictures of a query are newer than its ``cursor``, and the cursor of the next question. Asked by every
    open gallery, again and again."""
    cursor = request.query_params.get("cursor")
    try:
        history, query = get_runtime().tools.history, query_of(request)
        if cursor is None:
            newest = history.page(replace(query, newest_first=True), limit=DAMAGED_MAX).items
            return tagged(request, {"count": 0, "cursor": str(_place_of(newest[0]) if newest else 0)})
        found = history.page(replace(query, newest_first=False), cursor=cursor, limit=NEWER_MAX).items
    except InputError as exc:
        return problem(422, str(exc))
    except FiboError as exc:
        return problem(503, str(exc))
    return tagged(request, {"count": len(found), "cursor": cursor})


def query_of(request: Request) -> HistoryQuery:
    """What the gallery shows, by the names that its page's address has for it. Raises InputError for a zone that is
    none."""
    asked = request.query_params
    return HistoryQuery(
        text=asked.get("q", ""),
        newest_first=asked.get("order") != "oldest",
        deleted="trash" in asked,
        zone=zone_of(asked.get("zone", "UTC")),
    )


@dataclass(frozen=True)
class _Tiles:
    """A piece of the gallery, and the cursors at its ends."""

    items: tuple[Generation, ...]
    damaged: tuple[DamagedRow, ...]
    previous: str | None
    next: str | None

    def __add__(self, after: "_Tiles") -> "_Tiles":
        return _Tiles(self.items + after.items, self.damaged + after.damaged, self.previous, after.next)

    def told(self, batches: Mapping[str, str]) -> dict[str, Any]:
        """``batches`` are those of pictures that were painted with others, by the pictures' ids."""
        return {
            "tiles": [_tile(each, batches.get(each.id)) for each in self.items],
            "damaged": [each.id for each in self.damaged],
            "previous": self.previous,
            "next": self.next,
        }


def _read(history: History, query: HistoryQuery, cursor: str | None, limit: int, *, back: bool = False) -> _Tiles:
    """The tiles after a cursor, or with ``back`` those just before it; without one the first, or the last."""
    if not back:
        page = history.page(query, cursor=cursor, limit=limit)
        return _Tiles(page.items, page.damaged, cursor, page.next_cursor)
    page = history.page(replace(query, newest_first=not query.newest_first), cursor=cursor, limit=limit)
    return _Tiles(page.items[::-1], page.damaged[::-1], page.next_cursor, cursor)


def _tile(picture: Generation, batch: str | None) -> dict[str, Any]:
    request = picture.request
    return {
        "id": picture.id,
        "place": _place_of(picture),  # the moment it was made, in microseconds: a cursor too
        "label": title_of(picture),
        "seed": str(request.seed),  # JavaScript's numbers end before a seed's do
        "width": request.width,
        "height": request.height,
        "favorite": picture.favorite,
        "rating": picture.rating,
        "batch": batch,
    }


def _place(history: History, id: str) -> int | None:
    """Where a picture stands in the gallery, a deleted one too; None where none of this id can be read."""
    try:
        return _place_of(history.get(id, deleted_too=True))
    except (GenerationNotFound, GenerationDamaged):
        return None


def _place_of(picture: Generation) -> int:
    return microseconds(picture.created_at)


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGE_MAX):
        raise InputError(f"The limit is {text[:20]!r}. Ask for 1 to {PAGE_MAX} tiles.")
    return int(text)
