"""An order to edit a stored picture, made ready: its picture, mask and references kept by content, all of it checked.

What an order leaves open is taken from the picture's recipe: model, seed, size, steps, guidance. Nothing is painted.
"""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from fibo_core.engine.adapters import asked_of
from fibo_core.engine.edits import (
    NO_INSTRUCTION,
    check_can_edit,
    check_feather,
    check_reference,
    check_references,
    check_strength,
    check_way,
)
from fibo_core.engine.imported import ImportedRequest
from fibo_core.engine.masks import read_mask
from fibo_core.errors import InputError, ModelMissing
from fibo_core.limits import SIZE_MAX, SIZE_MIN
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.picture_names import check_names
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.generation import Generation
from fibo_core.store.inputs import Inputs, is_kept_name, open_input
from fibo_core.work.edit_ways import OF_EDIT, changed, is_own, keep_mask, of_object
from fibo_core.work.orders import Order
from fibo_core.work.workflows import Tools
from fibo_core.writers import BY_HAND, WrittenPrompt
from fibo_core.writers.edit_words import check_agreement


def ready(order: Order, tools: Tools) -> Order:
    """The order with all that it leaves open, its source among `pictures`, and a mask of an object made.

    Raises GenerationNotFound, GenerationDamaged, InputGone, and InputError for what cannot be.
    """
    if order.source_id is None:
        raise InputError("An edit starts from a stored picture. Name one by its id.")
    picture = tools.history.get(order.source_id)
    file, inputs = tools.history.image_file(picture.id), tools.inputs
    size = (picture.request.width, picture.request.height)
    _check_size(order, size)
    spec = _model(order, picture, tools)
    order = replace(order.painted_like(picture.request, spec), model=spec.name, size=size, aspect=None)
    order = replace(
        order,
        source=order.source or picture.prompt,
        source_seed=None if isinstance(picture.request, ImportedRequest) else picture.request.seed,
        pictures=(_place(tools, inputs.keep(file)),),
    )
    kept = order.mask is not None or order.mask_of is not None or (order.strength is not None and order.strength < 1)
    own = is_own(order.way, spec, order.words, order.references, kept=kept)
    order = _with_prompt(order, picture, own=own)
    _check_settings(order, spec, own=own)
    order = _with_mask(order, tools, size)
    _check_references(order, spec, inputs)
    if not own and not kept:
        raise InputError(
            "Neither a mask nor a strength below 1 is given, so nothing of the picture would be kept. Give one of "
            "them, or refine the picture."
        )
    return order


def object_mask(tools: Tools, picture: Generation, path: str, after: StructuredPrompt | None = None) -> str:
    """The SHA-256 of a kept mask of an object, and of what comes in its place. Raises InputError."""
    size = (picture.request.width, picture.request.height)
    return _kept(tools, of_object([picture.prompt, *([] if after is None else [after])], path, size), size)


def change_mask(tools: Tools, before_id: str, after_id: str) -> str:
    """The SHA-256 of a kept mask of what differs between two stored pictures."""
    if before_id == after_id:
        raise InputError("Both pictures are the same one, so nothing differs between them. Name two.")
    files = [tools.history.image_file(tools.history.get(id).id) for id in (before_id, after_id)]
    before, after = map(open_input, files)
    if before.size != after.size:
        raise InputError(
            f"The pictures have {before.width}×{before.height} and {after.width}×{after.height} pixels. Take two of "
            "one size: a mask is what differs between them."
        )
    return _kept(tools, changed(before, after), before.size)


def _kept(tools: Tools, mask: Image.Image, size: tuple[int, int]) -> str:
    return keep_mask(tools.inputs, read_mask(mask, size))


def _model(order: Order, picture: Generation, tools: Tools) -> ModelSpec:
    """The one that is named, the picture's own where it is here, else the one in use."""
    if order.model is not None:
        return find_model(order.model)
    try:
        spec = find_model(picture.request.model)
        tools.engine.revision(spec.name)
    except (InputError, ModelMissing):
        return find_model(tools.engine.status().model_for(order.kind))
    return spec


def _check_size(order: Order, size: tuple[int, int]) -> None:
    width, height = size
    if order.size is not None and order.size != size:
        raise InputError(
            f"The size is {order.size[0]}×{order.size[1]}, and the picture has {width}×{height} pixels. An edit has "
            "the size of its picture: leave the size out."
        )
    if order.aspect is not None:
        raise InputError(f"The shape is {order.aspect:.40}, and an edit has that of its picture. Leave the shape out.")
    check_can_be_edited(size)


def check_can_be_edited(size: tuple[int, int]) -> None:
    """Raises InputError for a picture that is too small or too large."""
    if not all(SIZE_MIN <= side <= SIZE_MAX for side in size):
        raise InputError(
            f"The picture has {size[0]}×{size[1]} pixels, and can be edited where each side has {SIZE_MIN} to "
            f"{SIZE_MAX}. Crop or scale it, or refine its prompt."
        )


def _with_prompt(order: Order, picture: Generation, *, own: bool) -> Order:
    """What is painted: the prompt that is given, what a writer makes of the words, or else the picture's own."""
    check_names(order.words, len(order.references))
    if order.written is not None and order.written.writer == BY_HAND:
        check_agreement(picture.prompt, order.written.prompt, order.words)
    same = order.written is None or not diff(picture.prompt, order.written.prompt)
    if own and same and not order.words.strip() and not order.axes:
        raise InputError(NO_INSTRUCTION)
    if order.words.strip() or not same:
        return order
    if not order.axes and order.strength is None and _paints_as_before(order, picture):
        raise InputError("Nothing would change. Say what should, edit the JSON, or give another seed or a strength.")
    if order.written is not None:
        return order
    unchanged = WrittenPrompt(picture.prompt, picture.writer, edited=picture.edited, model=picture.writer_model)
    return replace(order, written=unchanged)


def _paints_as_before(order: Order, picture: Generation) -> bool:
    """Whether the same prompt with the order's seed and settings is the picture that is there."""
    request = picture.request
    if order.seed != order.source_seed or isinstance(request, ImportedRequest):
        return order.seed == order.source_seed
    settings = (order.model, order.steps, order.guidance, order.adapters or ())
    adapters = asked_of(request.adapters)
    return settings == (request.model, request.num_inference_steps, request.guidance_scale, adapters)


def _check_settings(order: Order, spec: ModelSpec, *, own: bool) -> None:
    if order.way is not None:
        check_way(order.way)
    if order.strength is not None:
        check_strength(order.strength)
    if order.feather is not None:
        check_feather(order.feather)
    masked = order.mask is not None or order.mask_of is not None
    if order.way in ("paste", "hold") and not masked:
        raise InputError(f"The way {order.way} puts a part into the picture, and there is no mask. Give one.")
    if order.way == "vary" and masked:
        raise InputError("The way vary begins from the whole picture, and a mask is given. Leave out one of the two.")
    way = order.way or ("own" if own else "hold")
    check_can_edit(spec, way, len(order.references))
    if any(axis.name == "model" for axis in order.axes):
        raise InputError("The model cannot vary in an edit. Take that axis out.")


def _with_mask(order: Order, tools: Tools, size: tuple[int, int]) -> Order:
    if order.mask is not None and order.mask_of is not None:
        raise InputError("A mask is given, and where one is to be taken from. Leave out one of the two.")
    if order.mask_of is not None and order.mask_of != OF_EDIT:
        assert order.source is not None
        prompts = [order.source, *([] if order.written is None else [order.written.prompt])]
        return replace(order, mask=_kept(tools, of_object(prompts, order.mask_of, size), size), mask_of=None)
    if order.mask is not None:
        _check_name(order.mask, "The mask")
        read_mask(open_input(tools.inputs.path(order.mask)), size)
    return order


def _check_references(order: Order, spec: ModelSpec, inputs: Inputs) -> None:
    check_references(len(order.references))
    for number, name in enumerate(order.references, 1):
        _check_name(name, f"Reference {number}")
        reference = open_input(inputs.path(name))
        check_reference(number, reference.size)
        if name == order.mask or _is_mask(reference):
            raise InputError(
                f"Reference {number} is black and white, as a mask is, and would be taken for a picture. Give it as "
                "the mask."
            )


def _check_name(name: str, what: str) -> None:
    """Raises InputError for a name that no kept picture can have."""
    if not is_kept_name(name):
        raise InputError(
            f"{what} is {name!r:.60}, which is no picture's SHA-256. Give the file, or the name it is kept by."
        )


def _is_mask(picture: Image.Image) -> bool:
    """Whether all of it is black or white, and there is some of both."""
    counts = picture.convert("RGB").getcolors(2)
    return counts is not None and {color for _, color in counts} == {(0, 0, 0), (255, 255, 255)}


def _place(tools: Tools, name: str) -> str:
    return str(tools.history.relative(tools.inputs.path(name)))


def pictures_of(order: Order) -> tuple[str, ...]:
    """All the kept pictures that an order needs, as paths in the workspace."""
    named = (*(() if order.mask is None else (order.mask,)), *order.references)
    folder = Path(order.pictures[0]).parent if order.kind == "edit" and order.pictures else Path()
    return (*order.pictures, *(str(folder / f"{name}.png") for name in named))
