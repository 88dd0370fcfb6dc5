"""The options that painting commands share, and how such a command runs: settings in, stored pictures out."""

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fibo_core.engine.request import GenerationRequest, draw_seeds
from fibo_core.errors import InputError, StoreError
from fibo_core.models.catalogue import ModelSpec, RenderSettings, find_model
from fibo_core.settings import Settings
from studio.cli.output import (
    PaintingProgress,
    StatusLine,
    print_json,
    print_text,
    result_block,
    result_record,
)
from studio.cli.setup import ended_by_ctrl_c

if TYPE_CHECKING:
    from fibo_core.store.generation import Generation
    from fibo_core.work.tasks import Painting, Task
    from fibo_core.work.workflows import Tools


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text[:40]!r} is no whole number.") from exc


Seed = Annotated[
    int | None,
    typer.Option(
        parser=_whole, metavar="NUMBER", help="The same seed and prompt give the same picture; drawn if not given."
    ),
]
Count = Annotated[int, typer.Option(help="How many pictures; each gets the next seed.")]
Aspect = Annotated[str | None, typer.Option(help="The picture's shape, such as 3:2 or 3:2-small.", show_default="1:1")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps.", show_default="the model's own")]
Guidance = Annotated[
    float | None, typer.Option(help="How closely to follow the prompt.", show_default="the model's own")
]
Negative = Annotated[str, typer.Option(help="What to keep away from.", show_default="the model's own")]
Model = Annotated[str | None, typer.Option(help="A name from `models list`.", show_default="FIBO_MODEL")]
Writer = Annotated[
    str, typer.Option(metavar="NAME", help="gemini, local or offline; auto asks those set up, in that order.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Copy the pictures to this folder, or one to this .png.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Painter:
    """A painting command's options, checked as far as they can be before anything is loaded or written.

    Raises InputError for a model, shape, seed, count or --out that cannot be.
    """

    settings: Settings
    seed: int | None
    count: int
    aspect: str | None
    steps: int | None
    guidance: float | None
    negative: str
    model: str | None
    out: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        if self.out is not None:
            _make_out(self.out, self.count)

    @property
    def spec(self) -> ModelSpec:
        from fibo_core.engine.placement import default_model

        if self.model is not None:
            return find_model(self.model)
        return default_model(self.settings.fibo_model, self.settings.hub_cache)

    def painting(self, like: GenerationRequest | None = None) -> "Painting":
        """How to paint: the model's defaults or what ``like`` was painted with, and what was asked for over it."""
        from fibo_core.work.tasks import Painting

        spec = self.spec
        base = RenderSettings.of(spec) if like is None else RenderSettings.like(like, spec)
        width, height = (base.width, base.height) if self.aspect is None else spec.size(self.aspect)
        render = replace(
            base,
            width=width,
            height=height,
            num_inference_steps=base.num_inference_steps if self.steps is None else self.steps,
            guidance_scale=base.guidance_scale if self.guidance is None else self.guidance,
            negative_prompt=self.negative or base.negative_prompt,
        )
        first = self.seed if self.seed is not None or like is None else like.seed
        return Painting(render, draw_seeds(self.count, first))

    def run(self, tools: "Tools", task: "Task") -> None:
        """Paints, stores and prints; what was finished before a failure or Ctrl+C is printed and copied too.

        Raises Cancelled after Ctrl+C, and whatever the workflow does.
        """
        from fibo_core.work import workflows

        line = StatusLine()
        with ended_by_ctrl_c() as cancel:
            progress = PaintingProgress(line, cancel)
            try:
                workflows.run(tools, task, progress, cancel)
            finally:
                line.clear()
                self._deliver(progress.stored)
        if not self.as_json:
            for note in (*progress.notes, *self._notes()):
                print(note, file=sys.stderr)

    def _deliver(self, pictures: list["Generation"]) -> None:
        workspace = self.settings.workspace_dir
        if not self.as_json:
            for picture in pictures:
                print_text(result_block(picture, workspace))
        elif pictures:
            records = [result_record(picture, workspace) for picture in pictures]
            print_json(records[0] if self.count == 1 else records)
        if self.out is not None:
            for picture in pictures:
                _copy(workspace / picture.image_path, self.out)

    def _notes(self) -> tuple[str, ...]:
        spec = self.spec
        if not self.negative or spec.fixed_negative is None:
            return ()
        return (f"{spec.title} knows no negative prompt: --negative was left out.",)


def _make_out(out: Path, count: int) -> None:
    """Makes the folder that pictures are to be copied to, before any is painted."""
    is_file = out.suffix.lower() == ".png" and not out.is_dir()
    if is_file and count > 1:
        raise InputError(f"--out names one file, {out}, and {count} pictures are asked for. Name a folder.")
    if not is_file and out.suffix and not out.is_dir():
        raise InputError(f"--out is {out}, and pictures are PNG files. Name a .png file or a folder.")
    folder = out.parent if is_file else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(f"--out: the folder {folder} cannot be made ({exc.strerror}). Name another one.") from exc


def _copy(picture: Path, out: Path) -> None:
    try:
        shutil.copyfile(picture, out / picture.name if out.is_dir() else out)
    except OSError as exc:
        raise StoreError(
            f"The picture is stored as {picture}; it could not be copied to {out} ({exc.strerror})."
        ) from exc
