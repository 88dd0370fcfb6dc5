"""Tasks: what one press of a button asks for, as frozen values that survive a restart as JSON."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import MODES, Mode
from fibo_core.writers import Usage, WrittenPrompt

T = TypeVar("T")


@dataclass(frozen=True)
class Painting:
    """How a written prompt becomes pictures: one for every seed. No seeds: the prompt only."""

    settings: RenderSettings
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class GenerateTask:
    """Words to pictures. With ``written`` given, the writer is not asked.

    ``pattern`` is what the user typed, where the words are one choice of its wildcards.
    """

    mode: ClassVar[Mode] = "generate"

    words: str
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    pattern: str = ""


@dataclass(frozen=True)
class RefineTask:
    """A prompt and an instruction to a changed prompt, to pictures. ``source_id`` is the picture it came from.

    ``with_picture``: the writer may look at that picture. ``locked`` are JSON paths of the source that stay as they
    are, whatever the writer makes of them. ``only_asked`` takes of the writer's changes those that the instruction
    asked for, and keeps the rest as offers.
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


@dataclass(frozen=True)
class InspireTask:
    """A picture (and a hint) to a prompt, to pictures.

    ``picture`` is a file that stays until the job has ended: absolute, or relative to the workspace.
    """

    mode: ClassVar[Mode] = "inspire"

    words: str
    picture: Path
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    source_id: str | None = None


Task = GenerateTask | RefineTask | InspireTask


def task_to_json(task: Task) -> str:
    """The task as JSON text; :func:`task_from_json` gives it back, from older versions' rows too."""
    record: dict[str, Any] = {
        "mode": task.mode,
        "words": task.words,
        "writer": task.writer,
        "written": None if task.written is None else written_to_record(task.written),
        "settings": asdict(task.painting.settings),
        "seeds": list(task.painting.seeds),
    }
    if isinstance(task, GenerateTask):
        record |= {"pattern": task.pattern}
    elif isinstance(task, RefineTask):
        record |= {"source": task.source.document, "source_id": task.source_id}
        record |= {"with_picture": task.with_picture, "locked": list(task.locked), "only_asked": task.only_asked}
    elif isinstance(task, InspireTask):
        record |= {"picture": str(task.picture), "source_id": task.source_id}
    return json.dumps(record)


def task_from_json(text: str) -> Task:
    """The task of a row; parts that this version does not know are left out.

    Raises InputError, ValueError, TypeError, KeyError or RecursionError for what is no task.
    """
    record = json.loads(text)
    if record["mode"] not in MODES:
        raise ValueError(f"mode is {record['mode']!r}")
    painting = Painting(_known(RenderSettings, record["settings"]), tuple(record["seeds"]))
    words, writer = record["words"], record["writer"]
    written = None if record["written"] is None else written_from_record(record["written"])
    if record["mode"] == "refine":
        source = StructuredPrompt.from_dict(record["source"])
        return RefineTask(
            *(words, source, painting, writer, written, record["source_id"]),
            with_picture=record.get("with_picture", False),
            locked=tuple(record.get("locked", ())),
            only_asked=record.get("only_asked", False),
        )
    if record["mode"] == "inspire":
        return InspireTask(words, Path(record["picture"]), painting, writer, written, record["source_id"])
    return GenerateTask(words, painting, writer, written, record.get("pattern", ""))


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


def _known(kind: type[T], record: dict[str, Any]) -> T:
    """A value of a dataclass from those of ``record`` that it knows: a newer version may have written more."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in record.items() if name in names})
