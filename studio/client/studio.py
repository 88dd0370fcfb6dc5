"""Studio: what a program can ask of a studio that runs."""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
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
from studio.client.line import API, Line
from studio.client.pictures import Picture, PicturePage, page_of
from studio.web.api.models import BatchGiven, BatchList, BatchSummary, GenerationList, ModelGiven, ModelList

LOCAL = "http://127.0.0.1:7860"
LOAD_S = 900.0  #: for a model to be loaded
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
    seed: int | None
    count: int
    vary: Mapping[str, str | Sequence[Value]]  #: what varies: a list, or as it is typed, ``{"seed": "1..4"}``
    confirmed: bool  #: allows more than 64 pictures
    paint: bool  #: False: the prompt is written, and nothing painted


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
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> PicturePage:
        """At most ``limit`` (1 to 100) of them, after those of an earlier page's ``next_cursor``."""
        asked = _given(
            q=words or None, mode=mode, model=model, favorite=favorite or None, deleted=deleted or None,
            since=since and since.isoformat(), until=until and until.isoformat(), order=order,
            cursor=cursor, limit=limit,
        )  # fmt: skip
        return page_of(self.line.get(GenerationList, "/generations", params=asked), self.line)

    def delete(self, id: str) -> None:
        """Takes a picture out of the gallery; `restore` brings it back."""
        Picture(_segment(id), self.line).delete()

    def restore(self, id: str) -> Picture:
        return Picture(_segment(id), self.line).restore()

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


def _segment(id: str) -> str:
    """An id as part of an address. Raises StudioError for what can be none."""
    if not re.fullmatch("[0-9A-Za-z-]{1,64}", id):
        raise StudioError(f"Nothing has the id {id[:40]!r}. An id is 26 letters and digits.", 404)
    return id


def _new_key() -> str:
    return secrets.token_urlsafe(24)
