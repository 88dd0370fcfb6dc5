"""Studio: what a program can ask of a studio that runs."""

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import quote

from fibo_core.models.added import SIDE
from fibo_core.prompts.axes import Value
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import StoredMode
from studio.client.batches import Batch
from studio.client.errors import StudioError
from studio.client.in_and_out import Tell, save_export, send_import
from studio.client.labels import LabelOptions, LabelsChanged, sent
from studio.client.line import API, Line
from studio.client.pictures import Picture, PicturePage, page_of
from studio.web.api.label_models import ChangeGiven, CollectionGiven, CollectionList, TagGiven, TagList
from studio.web.api.models import (
    AdapterGiven,
    AdapterList,
    AdapterRemoved,
    BackupGiven,
    BatchGiven,
    BatchList,
    BatchSummary,
    CountGiven,
    EstimateGiven,
    ExportGiven,
    FacetsGiven,
    GenerationList,
    ImportGiven,
    MaskGiven,
    ModelGiven,
    ModelList,
    PurgeGiven,
    StorageGiven,
    ValuesGiven,
)
from studio.web.api.related_models import ComparisonGiven, LineageGiven

LOCAL = "http://127.0.0.1:7860"
LOAD_S = 900.0  #: for a model to be loaded
PURGE_LOOK_S = 0.5  #: between two looks how far a purge is
PAGE = 100  #: items that one question brings

Prompt = StructuredPrompt | Mapping[str, Any]
Given = Picture | Path | bytes | str  #: a picture that an inspiration starts from


class OrderOptions(TypedDict, total=False):
    """What any order may say; what is left out is the model's default, or drawn."""

    writer: str | None
    model: str | None
    aspect: str | None
    width: int | None
    height: int | None
    steps: int | None
    guidance: float | None
    negative_prompt: str | None
    adapters: Sequence[str] | None  #: LoRAs: "sepia", "sepia:0.8"; [] is none, None those of the source
    together: bool  #: several seeds in one pass: faster on a GPU, and pixels may differ a little from alone
    seed: int | None
    count: int
    vary: Mapping[str, str | Sequence[Value]]  #: what varies: a list, or as it is typed, ``{"seed": "1..4"}``
    confirmed: bool  #: allows more than 64 pictures
    paint: bool  #: False: the prompt is written, and nothing painted
    collection: str | None  #: that the pictures go into


class Studio:
    """The studio at ``url``; ``key`` is its password or its STUDIO_API_KEY, which those variables may hold too.

    Every method may raise StudioError, with the sentence that a page would show, and Unreachable. An order whose answer
    was lost is sent again and taken once. Close it, or use it in a ``with`` block.
    """

    def __init__(self, url: str = LOCAL, key: str | None = None, *, timeout_s: float = 60.0) -> None:
        self.line = Line(url, key or key_of_environment(), timeout_s)

    def __enter__(self) -> "Studio":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.line.close()

    def check(self, timeout_s: float) -> None:
        """Asks once whether a studio answers and takes the key. Raises StudioError where not, or not in time."""
        answer = self.line.ask("GET", f"{API}/batches", params={"limit": 1}, timeout=timeout_s, repeat=False)
        self.line.read(BatchList, answer)

    # orders

    def generate(
        self, words: str = "", *, structured_prompt: Prompt | None = None, **options: Unpack[OrderOptions]
    ) -> Batch:
        """Paints what some words, or a structured prompt as it is, say."""
        start = {"words": words, "structured_prompt": _document(structured_prompt)}
        return self._order("/generations", start, options)

    def refine(
        self,
        source: Picture | str | Prompt,
        words: str,
        *,
        with_picture: bool = False,
        locked: Sequence[str] = (),
        only_asked: bool = False,
        must_change: bool = False,
        **options: Unpack[OrderOptions],
    ) -> Batch:
        """Paints a changed prompt: of a picture (it, or its id), whose seed and settings stay unless others are given,
        or one given as JSON. ``locked`` are paths that stay as they are; with ``must_change``
        nothing is painted where the writer changes nothing."""
        start: dict[str, Any] = {"words": words, "locked": list(locked)}
        start |= {"with_picture": with_picture, "only_asked": only_asked, "must_change": must_change}
        if isinstance(source, Picture | str):
            start["generation_id"] = source if isinstance(source, str) else source.id
        else:
            start["source"] = _document(source)
        return self._order("/refinements", start, options)

    def inspire(self, picture: Given | Sequence[Given], words: str = "", **options: Unpack[OrderOptions]) -> Batch:
        """Paints from a prompt that describes a picture: a stored one (it, or its id), a file's path, or its bytes.
        Several make one prompt; the first is the main one.

        Raises OSError for a path that cannot be read.
        """
        given: list[Given] = [picture] if isinstance(picture, Given) else list(picture)
        ids = [each if isinstance(each, str) else each.id for each in given if isinstance(each, Picture | str)]
        if len(ids) == len(given):
            start = {"generation_id": ids[0]} if len(ids) == 1 else {"generation_ids": ids}
            return self._order("/inspirations", {"words": words, **start}, options)
        answer = self.line.ask(
            "POST",
            f"{API}/inspirations",
            data={"order": json.dumps(_order_body({"words": words}, options))},
            files=[("picture", _part(each)) for each in given],
            headers={"Idempotency-Key": _new_key()},
        )
        return Batch(self.line.read(BatchGiven, answer), self.line)

    def edit(
        self,
        picture: Picture | str,
        words: str = "",
        *,
        structured_prompt: Prompt | None = None,
        mask: Path | bytes | str | None = None,
        mask_of: str | None = None,
        references: Sequence[Given] = (),
        strength: float | None = None,
        way: str | None = None,
        feather: int | None = None,
        **options: Unpack[OrderOptions],
    ) -> Batch:
        """Paints a part of a stored picture anew: by an instruction, or from a prompt as it is. ``mask`` is a file's
        path, its bytes, or the name of one that is kept there; with ``mask_of`` it is made, of an object's place
        ("objects[1]") or of what the ``edit`` changes. Without a mask ``strength`` (0 to 1) says how much goes.

        Raises OSError for a path that cannot be read.
        """
        start: dict[str, Any] = {"generation_id": _id_of(picture), "words": words, "mask_of": mask_of}
        start |= {"structured_prompt": _document(structured_prompt), "strength": strength}
        start |= {"way": way, "feather": feather}
        if isinstance(mask, str):
            start["mask"] = mask
        files = [("reference", _part(each)) for each in references]
        if isinstance(mask, Path | bytes):
            files.append(("mask", ("mask", mask if isinstance(mask, bytes) else mask.read_bytes())))
        if not files:
            return self._order("/edits", start, options)
        answer = self.line.ask(
            "POST",
            f"{API}/edits",
            data={"order": json.dumps(_order_body(start, options))},
            files=files,
            headers={"Idempotency-Key": _new_key()},
        )
        return Batch(self.line.read(BatchGiven, answer), self.line)

    def mask(
        self,
        picture: Picture | str,
        of: str | None = None,
        *,
        structured_prompt: Prompt | None = None,
        after: Picture | str | None = None,
    ) -> MaskGiven:
        """Makes a mask, of an object of a picture or of what differs from the picture ``after``, to be looked at before
        `edit` is given its name."""
        body = _given(
            generation_id=_id_of(picture),
            of=of,
            structured_prompt=_document(structured_prompt),
            after_id=None if after is None else _id_of(after),
        )
        return self.line.send(MaskGiven, "POST", "/edits/masks", body)

    def prompt(self, words: str, *, writer: str | None = None) -> StructuredPrompt:
        """Writes a structured prompt, and paints nothing. Raises BatchFailed where none was written."""
        return self.write(words, writer=writer).wait().prompts[0]

    def write(self, words: str, *, writer: str | None = None) -> Batch:
        """The same as a batch, which can be followed and cancelled."""
        return self._order("/structured-prompts", {"words": words}, {"writer": writer})

    # batches

    def batch(self, id: str) -> Batch:
        return Batch(self.line.get(BatchGiven, f"/batches/{_segment(id)}"), self.line)

    def batches(self) -> Iterator[BatchSummary]:
        """What was ordered, newest first."""
        cursor: str | None = None
        while True:
            given = self.line.get(BatchList, "/batches", params=_given(limit=PAGE, cursor=cursor))
            yield from given.items
            if (cursor := given.next_cursor) is None:
                return

    # pictures

    def picture(self, id: str) -> Picture:
        """A stored picture; asked for at once, so that an id that nothing has is said here."""
        picture = Picture(_segment(id), self.line)
        _ = picture.generation
        return picture

    def search(
        self,
        words: str = "",
        *,
        mode: StoredMode | None = None,
        model: str | None = None,
        favorite: bool = False,
        deleted: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["newest", "oldest"] = "newest",
    ) -> Iterator[Picture]:
        """All pictures that it finds, fetched a page at a time."""
        cursor: str | None = None
        while True:
            page = self.page(
                words, mode=mode, model=model, favorite=favorite, deleted=deleted, since=since, until=until,
                order=order, cursor=cursor,
            )  # fmt: skip
            yield from page.items
            if (cursor := page.next_cursor) is None:
                return

    def page(
        self,
        words: str = "",
        *,
        mode: StoredMode | None = None,
        model: str | None = None,
        favorite: bool = False,
        deleted: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["newest", "oldest"] = "newest",
        zone: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> PicturePage:
        """At most ``limit`` (1 to 100) of them, after those of an earlier page's ``next_cursor``; ``zone`` is where the
        days of a search begin, a name or an offset."""
        asked = _given(
            q=words or None, mode=mode, model=model, favorite=favorite or None, deleted=deleted or None,
            since=since and since.isoformat(), until=until and until.isoformat(), order=order, zone=zone,
            cursor=cursor, limit=limit,
        )  # fmt: skip
        return page_of(self.line.get(GenerationList, "/generations", params=asked), self.line)

    def count(self, words: str = "", *, deleted: bool = False) -> CountGiven:
        """How many pictures a search finds, up to 10,000, and how it was read."""
        asked = _given(q=words or None, deleted=deleted or None)
        return self.line.get(CountGiven, "/generations/count", params=asked)

    def facets(self, words: str = "", *, deleted: bool = False) -> FacetsGiven:
        """What a search can be narrowed by, with counts."""
        asked = _given(q=words or None, deleted=deleted or None)
        return self.line.get(FacetsGiven, "/generations/facets", params=asked)

    def delete(self, id: str) -> None:
        """Takes a picture out of the gallery; `restore` brings it back."""
        Picture(_segment(id), self.line).delete()

    def restore(self, id: str) -> Picture:
        return Picture(_segment(id), self.line).restore()

    # in and out

    def export(
        self,
        path: str | Path,
        words: str = "",
        *,
        ids: Sequence[str] | None = None,
        tell: Tell = lambda done, total: None,
    ) -> ExportGiven:
        """Saves a zip of the pictures with ``ids``, of those that a search finds, or of all; ``tell`` hears the bytes
        that came and about how many there will be. The file is there when all of it is.

        Raises StudioError, also where the zip was cut short, and OSError.
        """
        return save_export(self.line, Path(path), words, ids, tell)

    def bring_in(
        self, paths: str | Path | Sequence[str | Path], *, tell: Callable[[ImportGiven], None] = lambda given: None
    ) -> ImportGiven:
        """Sends zips and pictures, in pieces, and returns once they are taken in; what could not be is told in
        ``reasons``. ``tell`` hears how far it is, while it is sent too.

        Raises StudioError, also where the import failed, and OSError.
        """
        given = [paths] if isinstance(paths, str | Path) else paths
        return send_import(self.line, [Path(each) for each in given], tell)

    # labels

    def label(
        self,
        pictures: Sequence[Picture | str] | None = None,
        *,
        search: str | None = None,
        **change: Unpack[LabelOptions],
    ) -> LabelsChanged:
        """Changes the labels of pictures (they, or their ids), or of every one that a search finds: `wait` for a large
        one. It can be undone."""
        body: dict[str, Any] = {"change": _given(**change)}
        if pictures is not None:
            body["ids"] = [each if isinstance(each, str) else each.id for each in pictures]
        return sent(self.line, "/labels", body | _given(q=search))

    def undo_labels(self, token: str) -> LabelsChanged:
        """Takes a change of labels back, by what its answer has under ``undo``."""
        return sent(self.line, "/labels/undo", {"undo": token})

    def tags(self) -> Sequence[TagGiven]:
        return self.line.get(TagList, "/tags").items

    def collections(self) -> Sequence[CollectionGiven]:
        return self.line.get(CollectionList, "/collections").items

    def add_collection(self, name: str, query: str | None = None) -> CollectionGiven:
        """Makes a collection or, with a query, keeps a search."""
        return self.line.send(CollectionGiven, "POST", "/collections", _given(name=name, query=query))

    def change_collection(self, id: str, *, name: str | None = None, query: str | None = None) -> CollectionGiven:
        """Gives a collection another name, or a kept search another query."""
        path = f"/collections/{_segment(id)}"
        return self.line.send(CollectionGiven, "PATCH", path, _given(name=name, query=query))

    def remove_collection(self, id: str) -> LabelsChanged:
        """Removes a collection; its pictures stay. It can be undone."""
        answer = self.line.ask("DELETE", f"{API}/collections/{_segment(id)}")
        return LabelsChanged(self.line.read(ChangeGiven, answer), self.line)

    # storage

    def storage(self) -> StorageGiven:
        """What the pictures take there, what the trash would free, and the copies of the database."""
        return self.line.get(StorageGiven, "/storage")

    def trash(self) -> Iterator[Picture]:
        """The deleted pictures, newest first, fetched a page at a time."""
        return self.search(deleted=True)

    def purge(self, ids: Sequence[str]) -> PurgeGiven:
        """Takes deleted pictures' files off the disk, for good; those of ``ids`` that are in the trash."""
        return self._purged({"ids": list(ids)})

    def empty_trash(self) -> PurgeGiven:
        """Purges everything that was deleted, for good; waits until that is done."""
        return self._purged({"all": True})

    def _purged(self, which: Mapping[str, Any]) -> PurgeGiven:
        given = self.line.send(PurgeGiven, "POST", "/trash/purge", which)
        while given.running:
            time.sleep(PURGE_LOOK_S)
            given = self.storage().purge
        if given.error:
            raise StudioError(given.error)
        return given

    def backup(self) -> BackupGiven:
        """Copies the studio's database; SQLite has checked the copy."""
        return self.line.send(BackupGiven, "POST", "/backups", {})

    # pictures and one another

    def again(self, picture: Picture | str, *, keep: bool = False) -> Batch:
        """Paints a stored picture's recipe once more; when the batch has ended, its ``again`` says whether it is the
        same and what has changed since. With ``keep`` the new picture is stored too."""
        body = {"keep": keep}
        path = f"/generations/{_id_of(picture)}/again"
        return Batch(self.line.send(BatchGiven, "POST", path, body, once=_new_key()), self.line)

    def lineage(self, picture: Picture | str) -> LineageGiven:
        """The tree that a picture belongs to."""
        return self.line.get(LineageGiven, f"/generations/{_id_of(picture)}/lineage")

    def compare(self, pictures: Sequence[Picture | str], *, whole: bool = False) -> ComparisonGiven:
        """Two to nine pictures side by side: what differs or, with ``whole``, all."""
        asked = {"ids": ",".join(map(_id_of, pictures)), "whole": whole}
        return self.line.get(ComparisonGiven, "/comparisons", params=asked)

    def report(self, picture: Picture | str) -> bytes:
        """The tree that a picture belongs to as one HTML file, its pictures in it."""
        return self.line.ask("GET", f"{API}/generations/{_id_of(picture)}/report.html").content

    # before an order

    def estimate(
        self, words: str = "", *, structured_prompt: Prompt | None = None, **options: Unpack[OrderOptions]
    ) -> EstimateGiven:
        """What `generate` would come to with the same arguments: pictures, seconds, and why it would be refused."""
        start = {"words": words, "structured_prompt": _document(structured_prompt)}
        return self.line.send(EstimateGiven, "POST", "/estimates", {"generation": _order_body(start, options)})

    def values(
        self, path: str, wish: str = "", *, writer: str = "", picture: Picture | str | None = None
    ) -> ValuesGiven:
        """Values that a place of a prompt can have: the vocabulary's or, with ``writer``, a writer's, who may be told
        of a picture's prompt."""
        generation_id = picture if picture is None or isinstance(picture, str) else picture.id
        asked = _given(path=path, q=wish, writer=writer, generation_id=generation_id)
        return self.line.get(ValuesGiven, "/values", params=asked)

    def models(self) -> ModelList:
        """What can paint there, and who writes."""
        return self.line.get(ModelList, "/models")

    def add_model(
        self, name: str, source: str, *, steps: int = 0, guidance: float = 0.0, side: int = SIDE
    ) -> ModelGiven:
        """Adds a folder there, or a repository, to its catalogue."""
        body = {"name": name, "source": source, "steps": steps, "guidance": guidance, "side": side}
        return self.line.send(ModelGiven, "POST", "/models", body)

    def remove_model(self, name: str) -> None:
        """Takes an added model out of its catalogue; weights and pictures stay."""
        self.line.ask("DELETE", f"{API}/models/{quote(name, safe='')}")

    def adapters(self) -> AdapterList:
        """The LoRAs that are there, and what each fits."""
        return self.line.get(AdapterList, "/adapters")

    def add_adapter(self, name: str, source: str) -> AdapterGiven:
        """Copies a LoRA of that machine, or of a repository, into its workspace."""
        return self.line.send(AdapterGiven, "POST", "/adapters", {"name": name, "source": source})

    def remove_adapter(self, name: str) -> AdapterRemoved:
        """Takes a LoRA out of its workspace; pictures painted with it stay."""
        return self.line.send(AdapterRemoved, "DELETE", f"/adapters/{quote(name, safe='')}", {})

    def load_model(self, name: str) -> ModelGiven:
        """Loads a model, which paints from now on."""
        return self.line.send(ModelGiven, "POST", f"/models/{quote(name, safe='')}/load", {}, timeout=LOAD_S)

    def unload_model(self, name: str) -> ModelGiven:
        """Frees a model's memory."""
        return self.line.send(ModelGiven, "POST", f"/models/{quote(name, safe='')}/unload", {})

    def _order(self, path: str, start: Mapping[str, Any], options: OrderOptions) -> Batch:
        body = _order_body(start, options)
        return Batch(self.line.send(BatchGiven, "POST", path, body, once=_new_key()), self.line)


def key_of_environment() -> str | None:
    """What STUDIO_API_KEY holds, else STUDIO_PASSWORD."""
    return os.environ.get("STUDIO_API_KEY", "").strip() or os.environ.get("STUDIO_PASSWORD", "").strip() or None


def _order_body(start: Mapping[str, Any], options: OrderOptions) -> dict[str, Any]:
    """The order as JSON, without what is not given."""
    body = {**start, **options}
    if vary := body.pop("vary", None):
        body["axes"] = [
            {"name": name, "values": values if isinstance(values, str) else list(values)}
            for name, values in vary.items()
        ]
    return _given(**body)


def _part(picture: Given) -> tuple[str | None, bytes | str]:
    """A picture as part of a form: a file, or an id as text."""
    if isinstance(picture, Picture | str):
        return None, picture if isinstance(picture, str) else picture.id
    return "picture", picture if isinstance(picture, bytes) else picture.read_bytes()


def _document(prompt: Prompt | None) -> dict[str, Any] | None:
    if prompt is None:
        return None
    return dict(prompt.document if isinstance(prompt, StructuredPrompt) else prompt)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _id_of(picture: Picture | str) -> str:
    """Raises StudioError for what can be no id."""
    return _segment(picture if isinstance(picture, str) else picture.id)


def _segment(id: str) -> str:
    """An id as part of an address. Raises StudioError for what can be none."""
    if not re.fullmatch("[0-9A-Za-z-]{1,64}", id):
        raise StudioError(f"Nothing has the id {id[:40]!r}. An id is 26 letters and digits.", 404)
    return id


def _new_key() -> str:
    return secrets.token_urlsafe(24)
