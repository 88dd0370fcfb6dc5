"""Tasks: what one job does, as frozen values that survive a restart as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from fibo_core.engine.edits import FEATHER, Way
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import NewerVersion
from fibo_core.prompts.axes import Axis, Value, axis_from_record, axis_to_record
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import MODES, Mode
from fibo_core.writers import Usage, WrittenPrompt

T = TypeVar("T")


VERSION = 2  #: of a task as JSON; the first version's rows have none, and 1 knows one picture of an inspiration

#: How the job that works a task off may stand.
JobState = Literal["queued", "waiting", "running", "done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True)
class Painting:
    """How a written prompt becomes pictures: one for every seed. No seeds: the prompt only.

    ``values`` are laid over the prompt at their JSON paths. A prompt that is written for others to paint must have the
    paths of ``checked``, and is written with ``writer_seed``. The pictures go into ``collection``. With ``reuse`` a
    picture of the very same recipe that is stored already is taken, and not painted again. With ``together`` several
    are painted in one pass where memory allows.
    """

    settings: RenderSettings
    seeds: tuple[int, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    checked: tuple[Axis, ...] = ()
    writer_seed: int | None = None
    collection: str | None = None
    reuse: bool = False
    together: bool = False


@dataclass(frozen=True)
class GenerateTask:
    """Words to pictures. With ``written`` given, the writer is not asked.

    With ``again_of`` it is that picture's stored recipe that is painted, whatever else stands here, and compared with
    the picture; with ``keep`` the new one goes into the gallery too.
    """

    mode: ClassVar[Mode] = "generate"

    words: str
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    again_of: str | None = None
    keep: bool = False


@dataclass(frozen=True)
class RefineTask:
    """A prompt and an instruction to a changed prompt, to pictures. ``source_id`` is the picture it came from.

    ``with_picture``: the writer may look at that picture. ``locked`` are JSON paths of the source that stay as they
    are, whatever the writer makes of them. ``only_asked`` takes of the writer's changes those that the instruction
    asked for, and keeps the rest as offers. ``must_change``: what the writer leaves as it was is not painted again.
    """

    mode: ClassVar[Mode] = "refine"

    words: str
    source: StructuredPrompt
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    source_id: str | None = None
    with_picture: bool = False
    locked: tuple[str, ...] = ()
    only_asked: bool = False
    must_change: bool = False


@dataclass(frozen=True)
class InspireTask:
    """Pictures (and a hint) to a prompt, to pictures.

    ``pictures`` are files that stay until the job has ended, absolute or relative to the workspace, the main one first.
    """

    mode: ClassVar[Mode] = "inspire"

    words: str
    pictures: tuple[Path, ...]
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    source_id: str | None = None


@dataclass(frozen=True)
class EditTask:
    """A stored picture and a changed prompt, or words that change its prompt, to pictures painted out of it.

    ``picture`` is its SHA-256 among the inputs, as ``mask`` and ``references`` are; ``source`` is its prompt,
    ``source_seed`` the seed that it was painted with, None where nobody knows. With ``mask_of`` "edit" the mask is made
    of what the plain picture of the new prompt changes. ``way`` None is the studio's to choose.
    """

    mode: ClassVar[Mode] = "edit"

    words: str
    source: StructuredPrompt
    painting: Painting
    picture: str
    writer: str = "auto"
    written: WrittenPrompt | None = None
    source_id: str | None = None
    source_seed: int | None = None
    mask: str | None = None
    mask_of: str | None = None
    references: tuple[str, ...] = ()
    strength: float = 1.0
    way: Way | None = None
    feather: int = FEATHER


Task = GenerateTask | RefineTask | InspireTask | EditTask


def task_to_json(task: Task) -> str:
    """The task as JSON text; :func:`task_from_json` gives it back, from older versions' rows too."""
    painting = task.painting
    record: dict[str, Any] = {
        "version": VERSION,
        "mode": task.mode,
        "words": task.words,
        "writer": task.writer,
        "written": None if task.written is None else written_to_record(task.written),
        "settings": asdict(painting.settings),
        "seeds": list(painting.seeds),
        "values": [list(pair) for pair in painting.values],
        "checked": [axis_to_record(axis) for axis in painting.checked],
        "writer_seed": painting.writer_seed,
        "collection": painting.collection,
        "reuse": painting.reuse,
        "together": painting.together,
    }
    if isinstance(task, RefineTask):
        record |= {"source": task.source.document, "source_id": task.source_id}
        record |= {"with_picture": task.with_picture, "locked": list(task.locked), "only_asked": task.only_asked}
        record["must_change"] = task.must_change
    elif isinstance(task, EditTask):
        record |= {"source": task.source.document, "source_id": task.source_id, "source_seed": task.source_seed}
        record |= {"picture": task.picture, "mask": task.mask, "mask_of": task.mask_of}
        record |= {"references": list(task.references), "strength": task.strength}
        record |= {"way": task.way, "feather": task.feather}
    elif isinstance(task, InspireTask):
        record |= {"pictures": [str(picture) for picture in task.pictures], "source_id": task.source_id}
    elif task.again_of is not None:
        record |= {"again_of": task.again_of, "keep": task.keep}
    return json.dumps(record)


def task_from_json(text: str) -> Task:
    """The task of a row, of the first version's too.

    Raises NewerVersion for one that a newer version has written; InputError, ValueError, TypeError, KeyError or
    RecursionError for what is no task.
    """
    record = json.loads(text)
    check_version(record, VERSION, "task")
    if record["mode"] not in MODES:
        raise ValueError(f"mode is {record['mode']!r}")
    painting = Painting(
        _settings_from_record(record["settings"]),
        tuple(record["seeds"]),
        tuple((path, value) for path, value in record.get("values", ())),
        tuple(axis_from_record(axis) for axis in record.get("checked", ())),
        record.get("writer_seed"),
        record.get("collection"),
        bool(record.get("reuse", False)),
        bool(record.get("together", False)),
    )
    words, writer = record["words"], record["writer"]
    written = None if record["written"] is None else written_from_record(record["written"])
    if record["mode"] == "refine":
        source = StructuredPrompt.from_dict(record["source"])
        return RefineTask(
            *(words, source, painting, writer, written, record["source_id"]),
            with_picture=record.get("with_picture", False),
            locked=tuple(record.get("locked", ())),
            only_asked=record.get("only_asked", False),
            must_change=record.get("must_change", False),
        )
    if record["mode"] == "edit":
        return EditTask(
            *(words, StructuredPrompt.from_dict(record["source"]), painting, record["picture"], writer, written),
            source_id=record["source_id"],
            source_seed=record["source_seed"],
            mask=record["mask"],
            mask_of=record["mask_of"],
            references=tuple(record["references"]),
            strength=record["strength"],
            way=record["way"],
            feather=record["feather"],
        )
    if record["mode"] == "inspire":
        pictures = tuple(Path(picture) for picture in given_pictures(record))
        return InspireTask(words, pictures, painting, writer, written, record["source_id"])
    again_of, keep = record.get("again_of"), record.get("keep", False)
    if not (again_of is None or isinstance(again_of, str)) or not isinstance(keep, bool):
        raise ValueError(f"again_of is {again_of!r:.60}, keep {keep!r:.60}")
    return GenerateTask(words, painting, writer, written, again_of, keep)


def given_pictures(record: Mapping[str, Any]) -> list[str]:
    """The pictures of a stored order or task: version 1 has one, or none, under "picture"."""
    if "pictures" in record:
        return list(record["pictures"])
    return [] if record.get("picture") is None else [record["picture"]]


def check_version(record: Mapping[str, Any], known: int, what: str) -> None:
    """Raises NewerVersion where a stored value is of a version after ``known``."""
    version = record.get("version", 1)
    if not isinstance(version, int) or version > known:
        raise NewerVersion(
            f"This {what} was made by a newer version of FIBO Studio ({version!r:.20}; {known} is understood). "
            "Update the studio to see it."
        )


def written_to_record(written: WrittenPrompt) -> dict[str, Any]:
    """A written prompt as JSON-ready values."""
    return {
        "structured_prompt": written.prompt.document,
        "writer": written.writer,
        "edited": written.edited,
        "notes": list(written.notes),
        "model": written.model,
        "usage": None if written.usage is None else asdict(written.usage),
        "passed_over": list(written.passed_over),
        "offered": None if written.offered is None else written.offered.document,
    }


def written_from_record(record: dict[str, Any]) -> WrittenPrompt:
    return WrittenPrompt(
        prompt=StructuredPrompt.from_dict(record["structured_prompt"]),
        writer=record["writer"],
        edited=record["edited"],
        notes=tuple(record["notes"]),
        model=record.get("model", ""),
        usage=None if record.get("usage") is None else _known(Usage, record["usage"]),
        passed_over=tuple(record.get("passed_over", ())),
        offered=None if record.get("offered") is None else StructuredPrompt.from_dict(record["offered"]),
    )


def _settings_from_record(record: dict[str, Any]) -> RenderSettings:
    return _known(RenderSettings, {**record, "adapters": tuple(record.get("adapters", ()))})


def _known(kind: type[T], record: dict[str, Any]) -> T:
    """A value of a dataclass from those of ``record`` that it knows: a newer version may have written more."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in record.items() if name in names})
