"""What the API takes and gives of labels and collections, as it stands in the OpenAPI document."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from fibo_core.store.generation import RATINGS, StoredMode
from fibo_core.store.labels import NAMES_MAX, ChangeProgress
from studio.web.api.models import Given, Taken

_ID = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"
_TOKEN = "01M8CZ5D9S3J1V0W6N8T4R2Y7B"
IDS_MAX = 10_000  #: pictures named one by one; a search changes any number


def _names(description: str) -> Any:
    return Field([], description=description, json_schema_extra={"maxItems": NAMES_MAX})


class LabelChangeTaken(Taken):
    """What becomes of pictures' labels; what is left out stays."""

    favorite: bool | None = None
    rating: Annotated[int | None, Field(json_schema_extra={"minimum": 0, "maximum": RATINGS[-1]})] = Field(
        None, description="0 is none"
    )
    tags: list[str] | None = Field(None, description="All that each picture is to have")
    add_tags: list[str] = _names("Beside those there are")
    remove_tags: list[str] = _names("Written in any case")
    collections: list[str] | None = Field(None, description="All that each picture is to be in, by name or id")
    add_to: list[str] = _names("Collections, by name or id; made where none has that name")
    remove_from: list[str] = _names("Collections, by name or id")
    deleted: bool | None = Field(None, description="True takes out of the gallery, false brings back")


class LabelsTaken(Taken):
    """Pictures, named (`ids`) or searched (`q` and the rest, as of GET /generations), and what becomes of their
    labels."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"ids": [_ID], "change": {"favorite": True, "add_tags": ["red fox"]}}}
    )

    change: LabelChangeTaken
    ids: Annotated[list[str], Field(max_length=IDS_MAX)] | None = None
    q: str | None = Field(None, description='Every picture that this search finds; "" is all of them')
    mode: StoredMode | None = None
    model: str | None = None
    favorite: bool = Field(False, description="Only those with a star")
    deleted: bool = Field(False, description="Those that were deleted instead")


class UndoTaken(Taken):
    """Which change is taken back."""

    model_config = ConfigDict(json_schema_extra={"example": {"undo": _TOKEN}})

    undo: str = Field(description="What the change's answer has under `undo`")


class ChangeGiven(Given):
    """A change of labels, and how far it has come."""

    undo: str = Field(description="Takes it back, for two days", examples=[_TOKEN])
    state: ChangeProgress
    total: int = Field(description="Pictures that it is about")
    done: int = Field(description="Those that it has come to")
    changed: int = Field(description="Those of them that were not so already")
    missing: Sequence[str] = Field((), description="Ids that no picture has")
    error: str | None = Field(None, description="Why it failed, one sentence")


class TagGiven(Given):
    """A tag, and how many pictures in the gallery have it."""

    name: str
    pictures: int


class TagList(Given):
    """The tags, by name."""

    items: Sequence[TagGiven]


class CollectionGiven(Given):
    """A collection of pictures, or a kept search."""

    id: str = Field(examples=[_TOKEN])
    name: str
    query: str | None = Field(description="Of a kept search: what it searches for")
    created_at: datetime
    pictures: int | None = Field(description="In the gallery; null of a kept search")


class CollectionList(Given):
    """The collections, by name."""

    items: Sequence[CollectionGiven]


class CollectionTaken(Taken):
    """A new collection or, with a query, a kept search."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Foxes at night", "query": "fox night"}})

    name: str
    query: str | None = None


class CollectionChange(Taken):
    """Another name, or another query of a kept search."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Foxes"}})

    name: str | None = None
    query: str | None = None
