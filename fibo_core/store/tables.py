"""The tables, as SQLModel maps them, and the way between a row and the frozen value handed out.

`table=True` models do not validate: rows are built from values that have been checked already.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Text, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import PictureError
from fibo_core.store.edit_record import edit_to_record
from fibo_core.store.generation import RATINGS, RECORD_FORMAT, Generation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, UTC out: SQLite itself forgets the time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class TypedText(TypeDecorator[str]):
    """Text that comes from outside; a lone half of a surrogate pair, which UTF-8 cannot hold, becomes "?"."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "replace").decode()


class GenerationTable(SQLModel, table=True):
    """One picture. ``seq`` is its creation in microseconds since 1970 (or the next one free): the gallery's
    order, a keyset for pages, a range for dates, and the row number that orders the search index."""

    __tablename__ = "generation"

    seq: int = Field(primary_key=True)
    id: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    mode: str
    seed: int = Field(index=True, sa_type=BigInteger)
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    model: str = Field(sa_type=TypedText)
    revision: str
    adapters: str = Field(sa_type=Text)  # JSON list
    recipe_hash: str = Field(index=True)
    writer: str
    edited: bool
    parent_id: str | None = Field(default=None, index=True)  # no foreign key: a parent may be in another workspace
    image_path: str
    source_path: str | None = None
    other_sources: str = Field(default="[]", sa_type=Text, sa_column_kwargs={"server_default": "[]"})  # JSON list
    file_bytes: int = Field(sa_type=BigInteger)  # of the picture and the files beside it
    duration_s: float
    device: str
    precision: str
    versions: str = Field(sa_type=Text)  # JSON object
    favorite: bool = False
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    # The long texts last: what filters ask for is then read without them.
    words: str = Field(sa_type=TypedText)
    structured_prompt: str = Field(sa_type=Text)  # JSON as typed; a JSON column would lose the order elsewhere
    negative_prompt: str = Field(sa_type=TypedText)

    # Since migration 0002: SQLite adds columns at the end.
    writer_model: str = Field(default="", sa_type=TypedText, sa_column_kwargs={"server_default": ""})
    input_tokens: int | None = None
    output_tokens: int | None = None
    # Since migration 0007.
    rating: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    label_dirty: bool = Field(default=False, sa_column_kwargs={"server_default": "0"})  # files not yet told
    # Since migration 0008.
    family: str = Field(default=GenerationRequest.family, sa_column_kwargs={"server_default": GenerationRequest.family})
    # Since migration 0011.
    file_sha256: str = Field(default="", sa_column_kwargs={"server_default": ""})  # of the PNG; "" where unknown

    # Since migration 0014.
    edit: str = Field(default="null", sa_type=Text, sa_column_kwargs={"server_default": "null"})  # JSON

    # SQLite appends seq to each, so a filtered page is read in order, without a sort.
    __table_args__ = (
        Index("ix_generation_mode", "mode", sqlite_where=text("deleted_at IS NULL")),
        Index("ix_generation_model", "model", sqlite_where=text("deleted_at IS NULL")),
        Index("ix_generation_favorite", "favorite", sqlite_where=text("deleted_at IS NULL AND favorite = 1")),
        Index("ix_generation_rating", "rating", sqlite_where=text("deleted_at IS NULL AND rating > 0")),
        Index("ix_generation_label_dirty", "seq", sqlite_where=text("label_dirty = 1")),
        Index("ix_generation_deleted", "seq", sqlite_where=text("deleted_at IS NOT NULL")),
        Index("ix_generation_file_bytes", "file_bytes", "deleted_at"),  # holds all that sums of sizes read
    )


class TagTable(SQLModel, table=True):
    """A tag of a picture: its ``name`` as typed, and ``folded``, by which names are compared. Since migration 0007."""

    __tablename__ = "tag"

    folded: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, index=True)
    name: str = Field(sa_type=Text)

    __table_args__ = ({"sqlite_with_rowid": False},)


class CollectionTable(SQLModel, table=True):
    """A collection; with a ``query`` a kept search, whose members are what it finds. Since migration 0007."""

    __tablename__ = "collection"

    id: str = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    folded: str = Field(unique=True, sa_type=Text)
    query: str | None = Field(default=None, sa_type=TypedText)
    created_at: datetime = Field(sa_type=UtcDateTime)


class MemberTable(SQLModel, table=True):
    """A picture that is in a collection. Since migration 0007."""

    __tablename__ = "collection_member"

    collection_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, index=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


class CollectionsUnwrittenTable(SQLModel, table=True):
    """One row while `collections.json` is behind the table. Since migration 0007."""

    __tablename__ = "collections_unwritten"

    mark: int = Field(primary_key=True)


class UndoTable(SQLModel, table=True):
    """A change of labels that can be undone, and how far it has come. Since migration 0007."""

    __tablename__ = "label_undo"

    token: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    state: str
    change: str = Field(sa_type=Text)  # JSON
    total: int
    done: int
    changed: int
    collections: str = Field(sa_type=Text)  # JSON list: those that the change removed


class UndoPictureTable(SQLModel, table=True):
    """What a change made of one picture's labels, and what they were. Since migration 0007."""

    __tablename__ = "label_undo_picture"

    token: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    was: str = Field(sa_type=Text)  # JSON

    __table_args__ = ({"sqlite_with_rowid": False},)


class SearchWordTable(SQLModel, table=True):
    """A word of the search index (`index_words.py`). Since migration 0009, as the next ones."""

    __tablename__ = "search_word"

    word: str = Field(primary_key=True, sa_type=Text)

    __table_args__ = ({"sqlite_with_rowid": False},)


class SearchDueTable(SQLModel, table=True):
    """A picture that the search index has not been given yet (`search_index.py`)."""

    __tablename__ = "search_due"

    seq: int = Field(primary_key=True)


class SearchGoneTable(SQLModel, table=True):
    """What the row of a picture held that is gone, and is in the search index still."""

    __tablename__ = "search_gone"

    number: int = Field(primary_key=True)
    seq: int = Field(index=True)
    words: str | None = Field(sa_type=Text)
    structured_prompt: str | None = Field(sa_type=Text)
    mode: str | None = Field(sa_type=Text)
    model: str | None = Field(sa_type=Text)
    writer: str | None = Field(sa_type=Text)
    writer_model: str | None = Field(sa_type=Text)
    edited: str | None = Field(sa_type=Text)
    parent_id: str | None = Field(sa_type=Text)
    source_path: str | None = Field(sa_type=Text)
    other_sources: str | None = Field(sa_type=Text)


class FacetsTable(SQLModel, table=True):
    """What a gallery can be narrowed by to have this picture: a JSON list of "key:value"."""

    __tablename__ = "generation_facets"

    seq: int = Field(primary_key=True)
    names: str = Field(sa_type=Text)


class FacetCountTable(SQLModel, table=True):
    """How many pictures of the gallery have a "key:value". Triggers keep it."""

    __tablename__ = "facet_count"

    name: str = Field(primary_key=True, sa_type=Text)
    pictures: int

    __table_args__ = ({"sqlite_with_rowid": False},)


class GalleryTotalTable(SQLModel, table=True):
    """How many pictures are in the gallery, and how many ``deleted``, with their bytes. Triggers keep it."""

    __tablename__ = "gallery_total"

    deleted: bool = Field(primary_key=True)
    pictures: int
    bytes: int = Field(sa_type=BigInteger)


class StorageTable(SQLModel, table=True):
    """What the pictures of one month and model take; the database's own triggers keep it true. Since migration 0011."""

    __tablename__ = "storage_use"

    month: str = Field(primary_key=True, sa_type=Text)  # "2026-11", UTC
    model: str = Field(primary_key=True, sa_type=Text)
    deleted: bool = Field(primary_key=True)
    pictures: int
    bytes: int = Field(sa_type=BigInteger)

    __table_args__ = ({"sqlite_with_rowid": False},)


class BatchTable(SQLModel, table=True):
    """One order taken; ``seq`` is the order in which they came."""

    __tablename__ = "batch"

    seq: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True, sa_type=TypedText)
    owner: str = Field(sa_type=TypedText)
    title: str = Field(sa_type=TypedText)
    kind: str
    order_json: str = Field(sa_type=Text)
    inputs: str = Field(sa_type=Text)  # JSON list of paths in the workspace
    created_at: datetime = Field(sa_type=UtcDateTime)


class CellTable(SQLModel, table=True):
    """One picture of a batch, made or to come, or one prompt of a batch that paints none; ``seq`` is their order."""

    __tablename__ = "cell"

    seq: int | None = Field(default=None, primary_key=True)
    batch_id: str = Field(index=True, sa_type=TypedText)
    place: str = Field(sa_type=Text)  # JSON object: where it stands on the axes
    seed: int | None = Field(default=None, sa_type=BigInteger)
    job_id: str = Field(sa_type=TypedText)


class BatchPictureTable(SQLModel, table=True):
    """Which batch a stored picture was painted in. Since migration 0012."""

    __tablename__ = "batch_picture"
    __table_args__ = ({"sqlite_with_rowid": False},)

    generation_id: str = Field(primary_key=True, sa_type=TypedText)
    batch_id: str = Field(index=True, sa_type=TypedText)


class IdempotencyTable(SQLModel, table=True):
    """Which batch a sender's own key stands for. Since migration 0004."""

    __tablename__ = "idempotency"

    key: str = Field(primary_key=True, sa_type=TypedText)
    fingerprint: str
    batch_id: str = Field(sa_type=TypedText)
    created_at: datetime = Field(sa_type=UtcDateTime)


class JobTable(SQLModel, table=True):
    """One prompt of a batch; ``seq`` is the queue's order."""

    __tablename__ = "job"

    seq: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True, sa_type=TypedText)
    kind: str
    title: str = Field(sa_type=TypedText)
    task: str = Field(sa_type=Text)  # JSON
    state: str = Field(index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = Field(default=None, sa_type=TypedText)
    error_kind: str | None = None
    written: str | None = Field(default=None, sa_type=Text)  # JSON
    generation_ids: str = Field(default="[]", sa_type=Text)  # JSON list
    # Since migration 0002.
    wait_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # of a waiting job
    waited_s: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})  # altogether
    answer: str | None = Field(default=None, sa_type=TypedText)  # what a writer said that is no prompt
    # Since migration 0003.
    batch_id: str = Field(default="", index=True, sa_type=TypedText, sa_column_kwargs={"server_default": ""})
    after_id: str | None = Field(default=None, sa_type=TypedText)  # the job that writes the prompt this one paints
    model: str | None = Field(default=None, sa_type=TypedText)  # None where nothing is painted
    pictures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # that it was asked for
    # Since migration 0010.
    again_of: str | None = Field(default=None, sa_type=TypedText)  # the stored picture that is painted once more
    again: str | None = Field(default=None, sa_type=Text)  # JSON: what came of it

    __table_args__ = (Index("ix_job_again_of", "again_of", sqlite_where=text("again_of IS NOT NULL")),)


def microseconds(moment: datetime) -> int:
    """Whole microseconds from 1970 to an aware ``moment``."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def row_of(generation: Generation, file_bytes: int, file_sha256: str = "") -> GenerationTable:
    request = generation.request
    return GenerationTable(
        seq=microseconds(generation.created_at),
        id=generation.id,
        created_at=generation.created_at,
        mode=generation.mode,
        words=generation.words,
        structured_prompt=request.prompt.to_json(None),
        negative_prompt=request.negative_prompt,
        seed=request.seed,
        width=request.width,
        height=request.height,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        model=request.model,
        revision=request.revision,
        adapters=json.dumps(request.adapters),
        family=request.family,
        edit=json.dumps(edit_to_record(request.edit)),
        recipe_hash=request.recipe_hash,
        writer=generation.writer,
        edited=generation.edited,
        writer_model=generation.writer_model,
        input_tokens=None if generation.usage is None else generation.usage.input_tokens,
        output_tokens=None if generation.usage is None else generation.usage.output_tokens,
        parent_id=generation.parent_id,
        image_path=generation.image_path,
        source_path=generation.source_path,
        other_sources=json.dumps(generation.other_sources),
        file_bytes=file_bytes,
        file_sha256=file_sha256,
        duration_s=generation.duration_s,
        device=generation.device,
        precision=generation.precision,
        versions=json.dumps(dict(generation.versions)),
        favorite=generation.favorite,
        rating=generation.rating,
        deleted_at=generation.deleted_at,
    )


def generation_of(row: GenerationTable) -> Generation:
    """The value of a row. Raises InputError for one that holds what none of ours does."""
    try:
        texts = (row.structured_prompt, row.adapters, row.versions, row.other_sources, row.edit)
        prompt, adapters, versions, other_sources, edit = map(json.loads, texts)
    except (TypeError, ValueError, RecursionError) as exc:
        raise PictureError(
            "This recipe is damaged: its prompt, adapters, versions, sources or edit are no JSON."
        ) from exc
    record = {
        "format": RECORD_FORMAT,
        "id": row.id,
        "created_at": row.created_at.isoformat(),
        "mode": row.mode,
        "words": row.words,
        "structured_prompt": prompt,
        "negative_prompt": row.negative_prompt,
        "seed": row.seed,
        "width": row.width,
        "height": row.height,
        "num_inference_steps": row.num_inference_steps,
        "guidance_scale": row.guidance_scale,
        "model": row.model,
        "revision": row.revision,
        "adapters": adapters,
        "family": row.family,
        "edit": edit,
        "writer": row.writer,
        "edited": row.edited,
        "writer_model": row.writer_model,
        "usage": _usage_of(row),
        "parent_id": row.parent_id,
        "image_path": row.image_path,
        "source_path": row.source_path,
        "other_sources": other_sources,
        "duration_s": row.duration_s,
        "device": row.device,
        "precision": row.precision,
        "versions": versions,
    }
    generation = Generation.from_record(record)
    if row.rating not in RATINGS:
        raise PictureError(f"This recipe is damaged: rating is {row.rating}.")
    return replace(generation, favorite=row.favorite, rating=row.rating, deleted_at=row.deleted_at)


def _usage_of(row: GenerationTable) -> dict[str, int] | None:
    if row.input_tokens is None or row.output_tokens is None:
        return None
    return {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}
