"""Tasks: what one press of a button asks for, as frozen values that survive a restart as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from fibo_core.engine.models import RenderSettings
from fibo_core.prompt import StructuredPrompt
from fibo_core.store.generation import Mode
from fibo_core.writers import WrittenPrompt


@dataclass(frozen=True)
class Painting:
    """How a written prompt becomes pictures: one for every seed. No seeds: the prompt only."""

    settings: RenderSettings
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class GenerateTask:
    """Words to pictures. With ``written`` given, the writer is not asked."""

    mode: ClassVar[Mode] = "generate"

    words: str
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None


@dataclass(frozen=True)
class RefineTask:
    """A prompt and an instruction to a changed prompt, to pictures. ``source_id`` is the picture it came from."""

    mode: ClassVar[Mode] = "refine"

    words: str
    source: StructuredPrompt
    painting: Painting
    writer: str = "auto"
    written: WrittenPrompt | None = None
    source_id: str | None = None


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
    """The task as JSON text; :func:`task_from_json` gives it back."""
    record: dict[str, Any] = {
        "mode": task.mode,
        "words": task.words,
        "writer": task.writer,
        "written": None if task.written is None else written_to_record(task.written),
        "settings": asdict(task.painting.settings),
        "seeds": list(task.painting.seeds),
    }
    if isinstance(task, RefineTask):
        record |= {"source": task.source.document, "source_id": task.source_id}
    elif isinstance(task, InspireTask):
        record |= {"picture": str(task.picture), "source_id": task.source_id}
    return json.dumps(record)


def task_from_json(text: str) -> Task:
    record = json.loads(text)
    painting = Painting(RenderSettings(**record["settings"]), tuple(record["seeds"]))
    words, writer = record["words"], record["writer"]
    written = None if record["written"] is None else written_from_record(record["written"])
    if record["mode"] == "refine":
        source = StructuredPrompt.from_dict(record["source"])
        return RefineTask(words, source, painting, writer, written, record["source_id"])
    if record["mode"] == "inspire":
        return InspireTask(words, Path(record["picture"]), painting, writer, written, record["source_id"])
    return GenerateTask(words, painting, writer, written)


def written_to_record(written: WrittenPrompt) -> dict[str, Any]:
    """A written prompt as JSON-ready values."""
    return {
        "structured_prompt": written.prompt.document,
        "writer": written.writer,
        "edited": written.edited,
        "notes": list(written.notes),
    }


def written_from_record(record: dict[str, Any]) -> WrittenPrompt:
    return WrittenPrompt(
        prompt=StructuredPrompt.from_dict(record["structured_prompt"]),
        writer=record["writer"],
        edited=record["edited"],
        notes=tuple(record["notes"]),
    )
