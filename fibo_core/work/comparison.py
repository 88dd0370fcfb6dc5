"""Pictures compared: their prompts by JSON path, their recipes by parameter, with what differs told from the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fibo_core.errors import InputError
from fibo_core.prompts.side_by_side import Row, side_by_side
from fibo_core.store.generation import Generation
from fibo_core.store.history import History

PICTURES_MIN, PICTURES_MAX = 2, 9
ROWS_MAX = 2_000  #: of prompts; more is no comparison that anybody reads


@dataclass(frozen=True)
class Comparison:
    """Pictures side by side. ``prompt`` are the rows of their JSON, ``recipe`` those of their parameters: those that
    differ first or, in one made whole, all in their order. ``left_off`` counts rows beyond ROWS_MAX, ``same`` those
    that are the same in all."""

    pictures: tuple[Generation, ...]
    prompt: tuple[Row, ...]
    recipe: tuple[Row, ...]
    same: int
    left_off: int = 0


def check_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """The pictures to be compared, each once. Raises InputError for too few or too many."""
    wanted = tuple(dict.fromkeys(id for id in ids if id))
    if not PICTURES_MIN <= len(wanted) <= PICTURES_MAX:
        raise InputError(
            f"{len(wanted)} different pictures are to be compared. Name {PICTURES_MIN} to {PICTURES_MAX} of them."
        )
    return wanted


def compare(history: History, ids: Sequence[str], *, whole: bool = False) -> Comparison:
    """The pictures of these ids side by side; with ``whole`` what is the same in all of them too.

    Raises InputError, GenerationNotFound and GenerationDamaged.
    """
    return comparison([history.get(id) for id in check_ids(ids)], whole=whole)


def comparison(pictures: Sequence[Generation], *, whole: bool = False) -> Comparison:
    """The same of pictures that are at hand."""
    prompt: list[Row] = []
    same = left_off = 0
    for row in side_by_side([picture.prompt.document for picture in pictures]):
        differs = row.differs
        same += not differs
        if differs or whole:
            if len(prompt) < ROWS_MAX:
                prompt.append(row)
            else:
                left_off += 1
    recipe = []
    for row in _recipe(pictures):
        differs = row.differs
        same += not differs
        if differs or whole:
            recipe.append(row)
    return Comparison(tuple(pictures), tuple(prompt), tuple(recipe), same, left_off)


def _recipe(pictures: Sequence[Generation]) -> Iterator[Row]:
    """A row for each parameter that any of the pictures has."""
    parameters = [parameters_of(picture) for picture in pictures]
    names = dict.fromkeys(name for each in parameters for name in each)
    for name in names:
        values = tuple(each.get(name, "") for each in parameters)
        yield Row(name, values, (name,) * len(values))


def parameters_of(picture: Generation) -> dict[str, Any]:
    """What beside its prompt tells how a picture came about, by the names of the API."""
    request = picture.request
    return {
        "mode": picture.mode,
        "words": picture.words,
        "writer": picture.writer,
        "writer_model": picture.writer_model,
        "edited": picture.edited,
        "model": request.model,
        "revision": request.revision,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": float(request.guidance_scale),
        "negative_prompt": request.negative_prompt,
        "adapters": ", ".join(request.adapters),
        "device": picture.device,
        "precision": picture.precision,
        **{f"versions.{name}": version for name, version in picture.versions.items()},
    }
