"""Generation: one stored picture and its recipe, as the store hands it out and as it lies in the files.

The row, the text inside the PNG and the sidecar beside it each hold :meth:`Generation.to_record`, so each of
them alone can rebuild the request and the row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fibo_core.errors import PictureError
from fibo_core.prompt import StructuredPrompt
from fibo_core.request import GenerationRequest
from fibo_core.writers import Usage

Mode = Literal["generate", "refine", "inspire"]
MODES: tuple[Mode, ...] = ("generate", "refine", "inspire")

RECORD_FORMAT = "fibo-studio/1"


@dataclass(frozen=True)
class Generation:
    """One stored picture. Paths are relative to the workspace; ``created_at`` is UTC, aware.

    ``words`` is what the user typed: the idea, the instruction, or the hint. ``writer`` is who wrote the
    prompt ("offline", "hand", …), ``writer_model`` with which model ("" where it has none), and ``usage`` what that
    took; ``edited`` says that the user changed it afterwards. ``source_path`` is the picture an inspiration started
    from. Deleted pictures keep their files; ``deleted_at`` says when.
    """

    id: str  #: a ULID
    created_at: datetime
    mode: Mode
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
    writer_model: str = ""
    usage: Usage | None = None
    favorite: bool = False
    deleted_at: datetime | None = None

    @property
    def prompt(self) -> StructuredPrompt:
        return self.request.prompt

    @property
    def recipe_hash(self) -> str:
        return self.request.recipe_hash

    def to_record(self) -> dict[str, Any]:
        """Everything but ``favorite`` and ``deleted_at``, as JSON-ready values; what sidecar and PNG hold."""
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
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            "model": request.model,
            "revision": request.revision,
            "adapters": list(request.adapters),
            "recipe_hash": request.recipe_hash,
            "writer": self.writer,
            "edited": self.edited,
            "writer_model": self.writer_model,
            "usage": None if self.usage is None else asdict(self.usage),
            "parent_id": self.parent_id,
            "image_path": self.image_path,
            "source_path": self.source_path,
            "duration_s": self.duration_s,
            "device": self.device,
            "precision": self.precision,
            "versions": dict(self.versions),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Generation":
        """The Generation of a record. Raises PictureError for one that is not of this format or not complete,
        PromptError or RequestError for one whose recipe is not valid."""
        if record.get("format") != RECORD_FORMAT:
            raise PictureError(f"This recipe's format is {record.get('format')!r}; {RECORD_FORMAT!r} is understood.")
        try:
            _check_types(record)
            return cls(
                id=record["id"],
                created_at=datetime.fromisoformat(record["created_at"]).astimezone(UTC),
                mode=record["mode"],
                words=record["words"],
                request=GenerationRequest(
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
                ),
                writer=record["writer"],
                edited=record["edited"],
                image_path=record["image_path"],
                duration_s=record["duration_s"],
                device=record["device"],
                precision=record["precision"],
                versions=dict(record["versions"]),
                parent_id=record["parent_id"],
                source_path=record["source_path"],
                writer_model=record.get("writer_model", ""),  # absent from the records of the first version
                usage=_usage(record.get("usage")),
            )
        except KeyError as exc:
            raise PictureError(f"This recipe has no {exc}.") from exc
        except (TypeError, ValueError, OverflowError) as exc:
            raise PictureError(f"This recipe is damaged: {exc}.") from exc


def _usage(record: Mapping[str, Any] | None) -> Usage | None:
    if record is None:
        return None
    return Usage(input_tokens=int(record["input_tokens"]), output_tokens=int(record["output_tokens"]))


_TEXTS = (
    "id", "created_at", "words", "negative_prompt", "model", "revision", "writer", "image_path", "device", "precision",
)  # fmt: skip
_NUMBERS = ("seed", "width", "height", "num_inference_steps")


def _check_types(record: Mapping[str, Any]) -> None:
    """Raises TypeError for a value that no record of ours has; such a file was made or changed by someone else."""
    for names, kind in ((_TEXTS, str), (_NUMBERS, int)):
        for name in names:
            if not isinstance(record[name], kind):
                raise TypeError(f"{name} is {record[name]!r}")
    if not isinstance(record.get("writer_model", ""), str):
        raise TypeError(f"writer_model is {record['writer_model']!r}")
    if record["mode"] not in MODES:
        raise TypeError(f"mode is {record['mode']!r}")
