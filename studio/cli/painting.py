"""The options that painting commands share, and how such a command runs: settings in, stored pictures out."""

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fibo_core.errors import InputError, StoreError
from fibo_core.limits import UNCONFIRMED_MAX
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.models.device import default_model
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
    from fibo_core.work.orders import Order
    from fibo_core.work.workflows import Tools


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text[:40]!r} is no whole number.") from exc


Seed = Annotated[
    int | None,
    typer.Option(
        parser=_whole,
        metavar="NUMBER",
        help="The same seed and prompt give the same picture; drawn if -1 or not given.",
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
    str, typer.Option(metavar="NAME", help="gemini, llm, local or offline; auto asks those set up, in that order.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Copy the pictures to this folder, or one to this .png.")
]
_VARIES = (
    "What varies, one picture for each value: 'lighting.conditions=golden hour|night', 'seed=1..4', "
    "'steps=10,20,..,50', {settings} or writer. Up to three times."
)
Vary = Annotated[list[str] | None, typer.Option(metavar="PATH=VALUES", help=_VARIES.format(settings="guidance, model"))]
VaryEdit = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", metavar="PATH=VALUES", help=f"{_VARIES.format(settings='guidance')} An edit's model cannot vary."
    ),
]
Confirmed = Annotated[bool, typer.Option("--yes", help=f"Paint more than {UNCONFIRMED_MAX} pictures.")]
Sheet = Annotated[
    Path | None, typer.Option(metavar="FILE.png", help="Put all pictures on one sheet, their values at the edges.")
]
Collection = Annotated[
    str | None, typer.Option(metavar="NAME", help="Put the pictures into this collection, which is made if need be.")
]
Adapters = Annotated[
    list[str] | None,
    typer.Option(
        "--adapter",
        metavar="NAME[:STRENGTH]",
        help='A LoRA of the workspace\'s adapters folder, such as sepia:0.8; "" for none, where the source has some.',
    ),
]
Together = Annotated[
    bool,
    typer.Option(
        "--together",
        help="Paint several seeds in one pass: faster on a GPU, and pixels may differ a little from alone.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Options:
    """A painting command's options, as they were given."""

    seed: int | None
    count: int
    aspect: str | None
    steps: int | None
    guidance: float | None
    negative: str
    model: str | None
    writer: str
    vary: list[str]
    confirmed: bool
    sheet: Path | None
    out: Path | None
    as_json: bool
    collection: str | None = None
    adapter: list[str] | None = None
    together: bool = False

    def order(self, **start: Any) -> "Order":
        """The order of these options and of what the command starts from. Raises AxisError."""
        from fibo_core.prompts.axes import read_axis
        from fibo_core.work.orders import Order

        return Order(
            seed=self.seed,
            count=self.count,
            aspect=self.aspect,
            steps=self.steps,
            guidance=self.guidance,
            negative_prompt=self.negative or None,
            model=self.model,
            writer=self.writer,
            axes=tuple(read_axis(text) for text in self.vary),
            collection=self.collection,
            adapters=None if self.adapter is None else tuple(self.adapter) if self.adapter != [""] else (),
            together=self.together,
            confirmed=self.confirmed,
            **start,
        )

    def spec(self, settings: Settings) -> ModelSpec:
        """The model that paints."""
        if self.model is not None:
            return find_model(self.model)
        return default_model(settings.fibo_model, settings.hub_cache)

    def paint(self, settings: Settings, tools: "Tools", order: "Order") -> None:
        """Paints what an order comes to, here and now, stores and prints it; what was finished before a failure or
        Ctrl+C is printed and copied too, and a picture that fails leaves the others.

        Raises InputError or ModelMissing for what cannot be, before anything is loaded or written; Cancelled after
        Ctrl+C; the first failure's error.
        """
        from fibo_core.work.orders import plan
        from studio.cli.run_plan import PlanRun

        for note in self.words_left_out(order.words, self.spec(settings)):
            print(note, file=sys.stderr)
        planned = plan(order, default_model=self.spec(settings).name)
        for model in {job.task.painting.settings.model for job in planned.jobs}:
            tools.engine.revision(model)
            tools.engine.adapters(model, order.adapters or ())
        for writer in {job.task.writer for job in planned.jobs}:
            tools.writers.check(writer)
        if order.collection is not None:
            tools.history.labels.collections.target(order.collection)
        self.check_files(len(planned.cells))
        line = StatusLine()
        with ended_by_ctrl_c() as cancel:
            progress = PaintingProgress(line, cancel)
            run = PlanRun(tools, planned, progress)
            try:
                run.work_off(cancel)
            finally:
                line.clear()
                self.deliver(
                    progress.stored,
                    lambda picture: str(settings.workspace_dir / picture.image_path),
                    lambda picture, out: _copy(settings.workspace_dir / picture.image_path, out),
                    several=len(planned.cells) > 1,
                )
                if order.collection is not None:
                    tools.history.labels.write_files()  # which has collections.json written
                if self.sheet is not None and progress.stored:
                    run.save_sheet(self.sheet, order, settings.workspace_dir)
        if not self.as_json:
            for note in (*progress.notes, *self.left_out(self.spec(settings))):
                print(note, file=sys.stderr)
        if run.failed:
            missing = len(planned.cells) - len(progress.stored)
            if len(planned.jobs) > 1:
                print(f"{missing} of {len(planned.cells)} pictures were not painted.", file=sys.stderr)
            raise next(iter(run.failed.values()))

    def check_files(self, pictures: int) -> None:
        """Makes the folder of --out. Raises InputError where it, or --sheet, cannot be written."""
        if self.out is not None:
            _make_out(self.out, pictures)
        if self.sheet is not None:
            _check_sheet(self.sheet)

    def deliver(
        self,
        pictures: Sequence["Generation"],
        place: Callable[["Generation"], str],
        copy: Callable[["Generation", Path], None],
        *,
        several: bool,
    ) -> None:
        """Prints what was painted, and copies it where asked; ``place`` says where a picture lies."""
        if not self.as_json:
            for picture in pictures:
                print_text(result_block(picture, place(picture)))
        elif pictures:
            records = [result_record(picture, place(picture)) for picture in pictures]
            print_json(records if several else records[0])
        if self.out is not None:
            for picture in pictures:
                copy(picture, self.out)

    def words_left_out(self, words: str, spec: ModelSpec) -> tuple[str, ...]:
        """What of the words no writer is given, and the options for the settings that were found among them."""
        from fibo_core.prompts.mend.recipe import recipe_of
        from fibo_core.prompts.words import read_words

        typed = read_words(words)
        if (found := typed.recipe) is None:
            return typed.notes
        shape = recipe_of(found).shape
        aspect = None if shape is None else spec.nearest_aspect(*shape)
        options = {
            "--seed": (found.seed, self.seed),
            "--aspect": (aspect, self.aspect),
            "--steps": (found.steps, self.steps),
            "--negative": (shlex.quote(found.negative_words) if found.negative_words else None, self.negative or None),
        }
        sentences = (
            f"{name} {value} was found in the words: "
            + ("give it as an option." if given is None else f"it is left out, and {name} {given} counts.")
            for name, (value, given) in options.items()
            if value is not None
        )
        return (*typed.notes, *sentences)

    def left_out(self, spec: ModelSpec) -> tuple[str, ...]:
        """What was asked for and has no effect."""
        if not self.negative or spec.fixed_negative is None:
            return ()
        return (f"{spec.title} knows no negative prompt: --negative was left out.",)


def _is_dir(path: Path, option: str) -> bool:
    """Raises InputError for a name that no file can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise InputError(
            f"{option} is {str(path)[:60]!r}, which cannot be a file ({reason}). Name another one."
        ) from exc


def _check_sheet(file: Path) -> None:
    if file.suffix.lower() != ".png" or _is_dir(file, "--sheet"):
        raise InputError(f"--sheet is {file}, and a contact sheet is a PNG file. Name a .png file.")
    if not _is_dir(file.absolute().parent, "--sheet"):
        raise InputError(f"--sheet: the folder {file.parent} is not there. Make it, or name another one.")


def _make_out(out: Path, count: int) -> None:
    """Makes the folder that pictures are to be copied to, before any is painted."""
    is_dir = _is_dir(out, "--out")
    is_file = out.suffix.lower() == ".png" and not is_dir
    if is_file and count > 1:
        raise InputError(f"--out names one file, {out}, and {count} pictures are asked for. Name a folder.")
    if not is_file and out.suffix and not is_dir:
        raise InputError(f"--out is {out}, and pictures are PNG files. Name a .png file or a folder.")
    folder = out.parent if is_file else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(f"--out: the folder {folder} cannot be made ({exc.strerror}). Name another one.") from exc


def copied_to(out: Path, name: str) -> Path:
    """The file that --out means for a picture of this name."""
    return out / name if out.is_dir() else out


def _copy(picture: Path, out: Path) -> None:
    try:
        shutil.copyfile(picture, copied_to(out, picture.name))
    except OSError as exc:
        raise StoreError(
            f"The picture is stored as {picture}; it could not be copied to {out} ({exc.strerror})."
        ) from exc
