"""Labels: what somebody says of a picture (star, rating, tags, collections, whether it is deleted), as frozen values.

A change says what becomes of them; what it did to one picture is kept as its undoing, which leaves alone what has been
changed otherwise since. Nothing here touches a row or a file.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fibo_core.errors import InputError
from fibo_core.store.generation import RATINGS

NAME_MAX = 100  #: characters of a tag or of a collection's name
NAMES_MAX = 100  #: tags, or collections, of one change

#: How a change of many pictures stands.
ChangeProgress = Literal["running", "done", "cancelled", "interrupted", "failed", "undoing", "undone"]

#: Overrides and isolates of the direction of writing; left-to-right and right-to-left marks harm nobody.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Labels:
    """What is said of one picture: ``tags`` as typed by what they are compared by, ``members`` the ids of the
    collections it is in, ``deleted_at`` as the row has it."""

    favorite: bool = False
    rating: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    deleted_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelChange:
    """What becomes of pictures' labels; what is not given stays.

    ``tags`` and ``collections`` are all that a picture is to have; the others add to what it has, and take away.
    Collections are named, or given by id; one that there is not is made. ``deleted`` takes pictures out of the gallery
    or brings them back.
    """

    favorite: bool | None = None
    rating: int | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    collections: tuple[str, ...] | None = None
    add_to: tuple[str, ...] = ()
    remove_from: tuple[str, ...] = ()
    deleted: bool | None = None

    def checked(self) -> "LabelChange":
        """The change with its names as they are kept. Raises InputError for what cannot be, and where nothing is to
        be changed."""
        if self.rating is not None and self.rating not in RATINGS:
            raise InputError(f"The rating is {self.rating}. Choose 0 (none) to {RATINGS[-1]}.")
        for names in (self.tags or (), self.add_tags, self.remove_tags, self.collections or (), self.add_to):
            if len(names) > NAMES_MAX:
                raise InputError(
                    f"{len(names):,} names are given, and a change takes {NAMES_MAX}. Change fewer at once."
                )
        change = replace(
            self,
            tags=None if self.tags is None else _each(tag_name, self.tags),
            add_tags=_each(tag_name, self.add_tags),
            remove_tags=_each(tag_name, self.remove_tags),
            collections=None if self.collections is None else _each(collection_name, self.collections),
            add_to=_each(collection_name, self.add_to),
            remove_from=_each(collection_name, self.remove_from),
        )
        if change == LabelChange():
            raise InputError("Nothing is to be changed. Give a star, a rating, a tag, or a collection.")
        for what, added, taken in (("tag", change.add_tags, change.remove_tags),
                                   ("collection", change.add_to, change.remove_from)):  # fmt: skip
            if both := set(map(folded, added)) & set(map(folded, taken)):
                raise InputError(
                    f"The {what} {min(both)!r} is both to be added and to be taken away. Say one of the two."
                )
        return change


@dataclass(frozen=True)
class Resolved:
    """A change whose collections are ids: what is done to each picture."""

    favorite: bool | None
    rating: int | None
    tags: Mapping[str, str] | None
    add_tags: Mapping[str, str]
    remove_tags: frozenset[str]
    members: frozenset[str] | None
    add_to: frozenset[str]
    remove_from: frozenset[str]
    deleted: bool | None
    moment: str  #: when it was begun, as rows hold it

    def applied(self, labels: Labels) -> Labels:
        """What a picture's labels become. A tag that it has in another spelling stays as it is."""
        tags = labels.tags if self.tags is None else self.tags
        tags = {key: labels.tags.get(key, name) for key, name in tags.items()}
        tags = {key: name for key, name in tags.items() if key not in self.remove_tags}
        tags |= {key: name for key, name in self.add_tags.items() if key not in tags}
        members = labels.members if self.members is None else self.members
        deleted_at = labels.deleted_at
        if self.deleted is not None:
            deleted_at = (deleted_at or self.moment) if self.deleted else None
        return Labels(
            favorite=labels.favorite if self.favorite is None else self.favorite,
            rating=labels.rating if self.rating is None else self.rating,
            tags=tags,
            members=(members - self.remove_from) | self.add_to,
            deleted_at=deleted_at,
        )


def undoing(before: Labels, after: Labels) -> dict[str, Any]:
    """What was done to one picture, as JSON-ready values; `undone` takes it back."""
    was: dict[str, Any] = {}
    for name in ("favorite", "rating", "deleted_at"):
        if getattr(before, name) != getattr(after, name):
            was[name] = [getattr(before, name), getattr(after, name)]
    if added := [key for key in after.tags if key not in before.tags]:
        was["tags_added"] = added
    if taken := {key: name for key, name in before.tags.items() if key not in after.tags}:
        was["tags_taken"] = taken
    if joined := sorted(after.members - before.members):
        was["joined"] = joined
    if left := sorted(before.members - after.members):
        was["left"] = left
    return was


def undone(labels: Labels, was: Mapping[str, Any]) -> Labels:
    """The labels without what was done, where nobody has changed it otherwise since."""
    values = {
        name: was[name][0]
        for name in ("favorite", "rating", "deleted_at")
        if name in was and getattr(labels, name) == was[name][1]
    }
    tags = {key: name for key, name in labels.tags.items() if key not in was.get("tags_added", ())}
    tags |= {key: name for key, name in was.get("tags_taken", {}).items() if key not in tags}
    members = (labels.members - set(was.get("joined", ()))) | set(was.get("left", ()))
    return replace(labels, tags=tags, members=members, **values)


def folded(name: str) -> str:
    """What names are compared by: "Fox" and "fox" are the same tag."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def tag_name(name: str) -> str:
    """A tag as it is kept. Raises InputError for what can be none."""
    return _name(name, "tag")


def collection_name(name: str) -> str:
    """A collection's name as it is kept. Raises InputError for what can be none."""
    return _name(name, "collection's name")


def by_folded(names: Iterable[str]) -> dict[str, str]:
    """Names by what they are compared by, the first spelling of each."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(folded(name), name)
    return found


def _name(name: str, what: str) -> str:
    name = unicodedata.normalize("NFC", " ".join(name.split(" "))).strip()
    if len(name) > NAME_MAX:
        raise InputError(f"The {what} {name[:20] + '…'!r} has {len(name):,} characters. It may have {NAME_MAX}.")
    kinds = {unicodedata.category(character) for character in name}
    if kinds & {"Cc", "Cs", "Zl", "Zp"} or _BIDI.search(name):
        raise InputError(f"The {what} {name!r:.60} holds a line break or a control character. Leave it out.")
    if '"' in name:
        raise InputError(f"The {what} {name!r:.60} holds a quotation mark, so no search could name it. Leave it out.")
    if not any(kind[0] not in "CZM" for kind in kinds):
        raise InputError(f"The {what} is empty. Give it a letter, a digit or a sign.")
    return " ".join(name.split())


def _each(kept: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(by_folded(kept(name) for name in names).values())
