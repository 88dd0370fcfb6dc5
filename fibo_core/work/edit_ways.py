"""How an edit is painted: in which way, out of which pictures, and what turns one way into another.

Behind a mask the plain picture of the new prompt is pasted where it leaves the rest as it was; where it moves things
outside, or has another seed, the picture is painted with the rest held.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fibo_core.engine import RenderedImage
from fibo_core.engine.canvas import on_white
from fibo_core.engine.edits import Edit, Way
from fibo_core.engine.masks import composed, mask_of_change, mask_of_object, moved_outside
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import FiboError, PictureError
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.json_paths import parse_path
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.images import beyond_rgb, png_bytes
from fibo_core.store.inputs import Inputs, open_input
from fibo_core.work.tasks import EditTask
from fibo_core.writers.edit_words import edit_instruction

OF_EDIT = "edit"  #: `EditTask.mask_of`: the mask is what the plain picture of the new prompt has changed
MOVED_MAX = 0.01  #: of the pixels outside a mask; where more have moved, the rest is held
#: What a prompt says of the whole picture: behind a mask it ends at the mask's edge.
NOT_LOCAL = ("background_setting", "lighting", "style_medium", "artistic_style")
#: What an edit makes of what its picture's file has beyond opaque RGB of 8 bits (`beyond_rgb`).
_LEFT_BEHIND = {
    "transparency": "Transparent parts become white in an edit.",
    "a colour profile": "The picture's colour profile is not in an edit of it.",
    "16 bits a channel": "Of the picture's 16 bits a channel an edit has 8.",
}

Render = Callable[[GenerationRequest], RenderedImage]


def paint_edit(
    task: EditTask, request: GenerationRequest, render: Render, inputs: Inputs
) -> tuple[RenderedImage, GenerationRequest]:
    """The edited picture, and the whole recipe that it has: ``request`` is that of the plain picture.

    Raises as the engine does, InputGone, and PictureError where there is nothing to make a mask of.
    """
    mask, whole = task.mask, None
    kept = mask is not None or task.mask_of is not None or task.strength < 1
    own = is_own(task.way, find_model(request.model), task.words, task.references, kept=kept)
    if task.mask_of == OF_EDIT:
        source = open_input(inputs.path(task.picture))
        begun = _first(task, request, None, own=own) if own or task.strength < 1 else None
        whole = render(replace(request, edit=begun))
        mask = keep_mask(inputs, changed(source, whole.image))
    edit = _first(task, request, mask, own=own)
    if whole is not None and mask is not None and edit.way == "paste":
        made = _pasted(whole, source, open_input(inputs.path(mask)).convert("L"), edit.feather)
    else:
        made = _with_time_of(render(replace(request, edit=edit)), whole)
    if task.way is None and edit.way == "paste" and made.moved_outside > MOVED_MAX:
        edit = replace(edit, way="hold")
        made = _with_time_of(render(replace(request, edit=edit)), made)
    return made, replace(request, edit=replace(edit, skip=made.skipped))


def not_local(source: StructuredPrompt, after: StructuredPrompt) -> str:
    """A sentence on what a prompt changes that a mask cannot keep to its place; "" where there is nothing."""
    parts = {str(parse_path(each.path)[0]) for each in diff(source, after)}
    named = [part for part in NOT_LOCAL if part in parts]
    if not named:
        return ""
    are = "are" if len(named) > 1 else "is"
    return f"{' and '.join(named)} {are} said of the whole picture: behind a mask the change ends at the mask's edge."


def left_behind(picture: Path) -> str:
    """In sentences, what of a picture's file is not in an edit of it; "" where all is. Raises PictureError."""
    return " ".join(_LEFT_BEHIND[part] for part in beyond_rgb(picture))


def of_object(prompts: Sequence[StructuredPrompt], path: str, size: tuple[int, int]) -> Image.Image:
    """A mask of the object at ``path`` in the first of the prompts, and in others that have it: a mask must cover what
    was there and what comes. Raises PromptError where the first one has it not."""
    whole = mask_of_object(prompts[0], path, size)
    for prompt in prompts[1:]:
        try:
            whole.paste(255, mask=mask_of_object(prompt, path, size))
        except FiboError:
            continue  # it is taken out
    return whole


def changed(before: Image.Image, after: Image.Image) -> Image.Image:
    """A mask of what differs between two pictures. Raises PictureError where nothing does, or all."""
    mask = mask_of_change(before, after)
    if mask.getextrema() == (255, 255):
        raise PictureError(
            "The new prompt changes all of the picture, so nothing would stay: of one that was not painted here nobody "
            "can tell what a change alters. Give a mask, or change less of the prompt."
        )
    if mask.getbbox() is None:
        raise PictureError(
            "The new prompt changes nothing that could be marked: the picture stays as it is. Change more of the "
            "prompt, or give a mask."
        )
    return mask


def keep_mask(inputs: Inputs, mask: Image.Image) -> str:
    """The SHA-256 by which the mask is kept from now on."""
    return inputs.keep(png_bytes(mask))


def is_own(way: str | None, spec: ModelSpec, words: str, references: Sequence[str], *, kept: bool) -> bool:
    """Whether the model's own edit is meant: where there is an instruction for it, or references, or no other way.

    ``kept``: a mask or a strength keeps something of the picture, as every other way must.
    """
    if way is not None or "edit" not in spec.abilities:
        return way == "own"
    return bool(words.strip() or references) or "repaint" not in spec.abilities or not kept


def _first(task: EditTask, request: GenerationRequest, mask: str | None, *, own: bool) -> Edit:
    """The edit to try first. What its model is told is what the prompt changes where a cell has values of its own."""
    told = ""
    if own:
        words = "" if task.painting.values else task.words
        masked = mask is not None and not task.references
        told = edit_instruction(task.source, request.prompt, words, masked=masked)
    return Edit(
        source=task.picture,
        mask=mask,
        references=task.references,
        way="own" if own else _first_way(task, request.seed, masked=mask is not None),
        start_sigma=task.strength,
        feather=task.feather,
        instruction=told,
    )


def _first_way(task: EditTask, seed: int, *, masked: bool) -> Way:
    if task.way is not None and (masked or task.mask_of is None):
        return task.way
    if not masked:
        return "vary"
    return "paste" if seed == task.source_seed else "hold"


def _pasted(whole: RenderedImage, source: Image.Image, mask: Image.Image, feather: int) -> RenderedImage:
    """What the engine makes of a paste, out of the whole picture that is painted already."""
    source = on_white(source)
    moved = moved_outside(source, whole.image, mask)
    return replace(whole, image=composed(source, whole.image, mask, feather), moved_outside=moved)


def _with_time_of(made: RenderedImage, before: RenderedImage | None) -> RenderedImage:
    return made if before is None else replace(made, duration_s=made.duration_s + before.duration_s)
