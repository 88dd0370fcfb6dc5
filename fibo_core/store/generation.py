"""Generation: one stored picture and its recipe, as the store hands it out and as it lies in the files.

The row, the text inside the PNG and the sidecar beside it each hold :meth:`Generation.to_record`, so each of
them alone can rebuild the request and the row.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fibo_core.engine.imported import ImportedRequest
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import PictureError
from fibo_core.limits import SEED_MAX
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.edit_record import edit_from_record, edit_to_record
from fibo_core.writers import Usage

Mode = Literal["generate", "refine", "inspire", "edit"]
MODES: tuple[Mode, ...] = ("generate", "refine", "inspire", "edit")
#: How a picture came; no order is "imported".
StoredMode = Literal["generate", "refine", "inspire", "edit", "imported"]
STORED_MODES: tuple[StoredMode, ...] = (*MODES, "imported")

RATINGS = range(6)  #: 0 is none

OUTPUTS = "outputs"
RECORD_FORMAT = "fibo-studio/1"
_RECORDS = re.compile(r"fibo-studio/\d+")


def place_of(id: str, created_at: datetime) -> str:
    """Where a picture is stored, relative to the workspace."""
    return f"{OUTPUTS}/{created_at:%Y/%m/%d}/{id}.png"


@dataclass(frozen=True)
class Generation:
    """One stored picture. Paths are relative to the workspace; ``created_at`` is UTC, aware.

    ``words`` is what the user typed: the idea, the instruction, or the hint. ``writer`` is who wrote the
    prompt ("offline", "hand", …), ``writer_model`` with which model ("" where it has none), and ``usage`` what that
    took; ``edited`` says that the user changed it afterwards. ``source_path`` is the picture an inspiration started
    from, the main one; ``other_sources`` are the others where they were several, as they are kept. Deleted pictures
    keep their files; ``deleted_at`` says when.

    A picture of another program is "imported": its request is an `ImportedRequest`, ``words`` are what it was made from
    there, and ``versions`` tell the ``program``, the ``file`` it came in and, where it is known, the ``seed``.
    """

    id: str  #: a ULID
    created_at: datetime
    mode: StoredMode
    words: str
    request: GenerationRequest
    writer: str
    edited: bool
    image_path: str
    duration_s: float
    device: str
    precision: str
    versions: Mapping[str, str]
    parent_id: str | None = None
    source_path: str | None = None
    other_sources: tuple[str, ...] = ()
    writer_model: str = ""
    usage: Usage | None = None
    favorite: bool = False
    rating: int = 0  #: 0 (none) to 5
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()  #: names, without those that are kept searches
    deleted_at: datetime | None = None

    @property
    def repeatable(self) -> bool:
        """Whether the recipe can be painted again; that of another program's picture cannot."""
        return self.mode != "imported"

    @property
    def seed_known(self) -> bool:
        """Whether the seed is one that something said; else it is 0, and means nothing."""
        return self.repeatable or "seed" in self.versions

    @property
    def prompt(self) -> StructuredPrompt:
        return self.request.prompt

    @property
    def recipe_hash(self) -> str:
        return self.request.recipe_hash

    def to_record(self) -> dict[str, Any]:
        """Everything but the labels and ``deleted_at``, as JSON-ready values; what sidecar and PNG hold."""
        request = self.request
        return {
            "format": RECORD_FORMAT,
            "id": self.id,
            "created_at": self.created_at.isoformat(),
            "mode": self.mode,
            "words": self.words,
            "structured_prompt": request.prompt.document,
            "negative_prompt": request.negative_prompt,
            "seed": request.seed,
            "width": request.width,
            "height": request.height,
            **({} if request.canvas == (request.width, request.height) else {"canvas": list(request.canvas)}),
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            "model": request.model,
            "revision": request.revision,
            "adapters": list(request.adapters),
            "family": request.family,
            "edit": edit_to_record(request.edit),
            "recipe_hash": request.recipe_hash,
            "writer": self.writer,
            "edited": self.edited,
            "writer_model": self.writer_model,
            "usage": None if self.usage is None else asdict(self.usage),
            "parent_id": self.parent_id,
            "image_path": self.image_path,
            "source_path": self.source_path,
            "other_sources": list(self.other_sources),
            "duration_s": self.duration_s,
            "device": self.device,
            "precision": self.precision,
            "versions": dict(self.versions),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Generation":
        """The Generation of a record, the one gate for what comes out of files and rows.

        Raises PictureError for one that is not of this format, not complete, or holds a value that no record of ours
        has; PromptError or RequestError for one whose recipe is not valid.
        """
        form = record.get("format")
        if isinstance(form, str) and _RECORDS.fullmatch(form) and form != RECORD_FORMAT:
            raise PictureError(
                f"This recipe was made by a newer version of FIBO Studio ({form!r:.40}; {RECORD_FORMAT!r} is "
                "understood). Update the studio to read it."
            )
        if form != RECORD_FORMAT:
            raise PictureError(f"This recipe's format is {form!r:.60}; {RECORD_FORMAT!r} is understood.")
        _check_parts(record)
        try:
            created_at = datetime.fromisoformat(record["created_at"]).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise _damaged("created_at", record["created_at"]) from exc
        if created_at < _EPOCH:
            raise _damaged("created_at", record["created_at"])
        usage = record.get("usage")
        request_of = ImportedRequest if record["mode"] == "imported" else GenerationRequest
        return cls(
            id=record["id"],
            created_at=created_at,
            mode=record["mode"],
            words=record["words"],
            request=request_of(
                prompt=StructuredPrompt.from_dict(record["structured_prompt"]),
                negative_prompt=record["negative_prompt"],
                seed=record["seed"],
                width=record["width"],
                height=record["height"],
                num_inference_steps=record["num_inference_steps"],
                guidance_scale=record["guidance_scale"],
                model=record["model"],
                revision=record["revision"],
                adapters=tuple(record["adapters"]),
                family=record.get("family", GenerationRequest.family),
                edit=edit_from_record(record.get("edit")),
            ).painted_in(record["precision"]),
            writer=record["writer"],
            edited=record["edited"],
            image_path=record["image_path"],
            duration_s=float(record["duration_s"]),
            device=record["device"],
            precision=record["precision"],
            versions=dict(record["versions"]),
            parent_id=record["parent_id"],
            source_path=record["source_path"],
            other_sources=tuple(record.get("other_sources", ())),  # absent from older records, as the next two are
            writer_model=record.get("writer_model", ""),
            usage=None if usage is None else Usage(usage["input_tokens"], usage["output_tokens"]),
        )


def _is_text(value: Any) -> bool:
    """What a user or a writer typed: any text."""
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    """What the program wrote: text that UTF-8, and so the database, can hold."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SEED_MAX


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_usage(value: Any) -> bool:
    """Tokens read and written, as whole numbers."""
    return isinstance(value, dict) and all(_is_whole(value.get(name)) for name in ("input_tokens", "output_tokens"))


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What each part of a record may be, but for the prompt, which checks itself.
_PARTS: Mapping[str, Callable[[Any], bool]] = {
    "id": _is_name,
    "created_at": _is_name,
    "mode": lambda value: value in STORED_MODES,
    "words": _is_text,
    "structured_prompt": lambda value: isinstance(value, dict),
    "negative_prompt": _is_text,
    "seed": _is_whole,
    "width": _is_whole,
    "height": _is_whole,
    "num_inference_steps": _is_whole,
    "guidance_scale": _is_number,
    "model": _is_text,
    "revision": _is_name,
    "adapters": lambda value: isinstance(value, list) and all(map(_is_name, value)),
    "writer": _is_name,
    "edited": lambda value: isinstance(value, bool),
    "parent_id": _or_none(_is_name),
    "image_path": _is_name,
    "source_path": _or_none(_is_name),
    "duration_s": _is_number,
    "device": _is_name,
    "precision": _is_name,
    "versions": lambda value: isinstance(value, dict) and all(map(_is_name, value.values())),
}
#: Absent from older records.
_LATER_PARTS: Mapping[str, Callable[[Any], bool]] = {
    "writer_model": _is_text,
    "usage": _or_none(_is_usage),
    "family": _is_name,
    "other_sources": lambda value: isinstance(value, list) and all(map(_is_name, value)),
}


def _check_parts(record: Mapping[str, Any]) -> None:
    """Raises PictureError for a part that is missing or of a type no record of ours has: someone else changed it."""
    for name in _PARTS:
        if name not in record:
            raise PictureError(f"This recipe has no {name!r}.")
    for name, is_valid in {**_PARTS, **_LATER_PARTS}.items():
        if name in record and not is_valid(record[name]):
            raise _damaged(name, record[name])


def _damaged(name: str, value: Any) -> PictureError:
    return PictureError(f"This recipe is damaged: {name} is {value!r:.60}.")
