"""Files and rows compared: what lies in `outputs/`, what its files say, and what was found to be amiss.

Nothing here removes a picture or a row. Whoever reads the reports decides.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fibo_core.errors import FiboError, PictureError
from fibo_core.store.generation import Generation
from fibo_core.store.images import png_is_complete, read_recipe

SOURCE_SUFFIX = ".source.png"


@dataclass(frozen=True)
class RebuildReport:
    """``added`` rows (that would be added, in a dry run), pictures ``already_there``, and a sentence for each
    file that could not be read."""

    added: int
    already_there: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class SweepReport:
    """What a start found. ``orphans`` are pictures without a row (paths; `rebuild` adopts them), ``missing``
    the ids of rows whose picture is gone; ``outputs_missing``: there are rows, and not one picture."""

    leftovers_removed: int
    orphans: tuple[str, ...]
    missing: tuple[str, ...]
    outputs_missing: bool


def find_pictures(outputs: Path) -> Iterator[Path]:
    """Every picture below ``outputs``, oldest folder first; sources of inspirations are none."""
    for folder, folders, names in os.walk(outputs):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".png") and not name.endswith(SOURCE_SUFFIX):
                yield Path(folder, name)


def read_generation(image_file: Path, workspace: Path) -> Generation:
    """The Generation that a picture's files describe, its paths being those where the files lie now.

    The sidecar is asked first, then the PNG's text. Raises FiboError when the picture is cut short, or
    neither holds a whole recipe of this very picture.
    """
    try:
        content = image_file.read_bytes()
    except OSError as exc:
        raise PictureError(f"it cannot be read ({exc.strerror})") from exc
    if not png_is_complete(content):
        raise PictureError("it is no PNG, or one that is cut short")
    try:
        generation = _from_recipe(image_file.with_suffix(".json").read_bytes(), image_file.stem)
    except (OSError, FiboError):
        generation = _from_recipe(content, image_file.stem)
    source = image_file.with_name(image_file.stem + SOURCE_SUFFIX)
    return replace(
        generation,
        image_path=image_file.relative_to(workspace).as_posix(),
        source_path=source.relative_to(workspace).as_posix() if source.is_file() else None,
    )


def file_bytes(image_file: Path) -> int:
    """How much a picture and the files beside it take."""
    beside = (
        image_file,
        image_file.with_suffix(".json"),
        image_file.with_name(image_file.stem + SOURCE_SUFFIX),
    )
    return sum(file.stat().st_size for file in beside if file.is_file())


def _from_recipe(content: bytes, id: str) -> Generation:
    record = read_recipe(content)
    if record is None:
        raise PictureError("it carries no recipe")
    generation = Generation.from_record(record)
    if generation.id != id:
        raise PictureError(f"its recipe is that of picture {generation.id}")
    return generation
