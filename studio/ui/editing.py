"""Edit: what is marked of a picture, what a press asks for, and what it leaves behind.

The source is followed as on Refine (`conversation.py`): the result of an edit is the source of the next one, with
nothing marked. A mark belongs to its picture, and is there again where that is taken as the source once more.
"""

from dataclasses import replace
from io import BytesIO

from fibo_core.engine.masks import mask_of_change, place_of_object
from fibo_core.engine.request import DRAW
from fibo_core.errors import InputError, PromptError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.edits import items
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.generation import Generation
from fibo_core.store.images import open_picture
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.components.stage import Outline, Shapes
from studio.ui.conversation import follow_source, instruction_base, is_changed
from studio.ui.session import find_picture, pictures_of, read_order, written_of
from studio.ui.state import PageState, Refused, field_value, fill_now
from studio.ui.words import showable

STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)  #: starting sigmas that are offered
DEFAULT_STRENGTH = 0.8
#: From which sigma on a variation does what, as it was seen: style and light can change late, a colour or a thing not.
DEGREES = ((0.95, "redraw"), (0.8, "recolour"), (0.0, "restyle"))
NOT_LOCAL = ("background_setting", "lighting", "style_medium")  #: what belongs to the whole picture
MARKS_MAX = 50  #: pictures whose marks are remembered
NAME_CHARS = 40
LOST = "?"  #: the name of a mark that a browser could not send
NOTHING_DIFFERS = "The edit was painted, and nothing in it differs enough to be marked. Mark the place by hand."


def strength_label(sigma: float) -> str:
    """ "recolour · 0.8"."""
    return f"{next(word for least, word in DEGREES if sigma >= least)} · {sigma:g}"


def mark_of(state: PageState) -> str:
    """What is marked of the source, as the name of a kept input; "" for nothing."""
    return state.marks.get(state.source_id or "", "")


def take_mark(state: PageState, picture_id: str, name: str) -> None:
    """What has been marked of a picture; "" for nothing."""
    others = {id: mark for id, mark in state.marks.items() if id != picture_id}
    state.marks = dict([*others.items(), *([(picture_id, name)] if name else [])][-MARKS_MAX:])


def outlines(source: StructuredPrompt, draft: StructuredPrompt, size: tuple[int, int]) -> list[Outline]:
    """The objects that can be marked by their names: where each is, and where the draft moves it."""
    found = []
    for index in range(max(len(items(source, "objects")), len(items(draft, "objects")))):
        paths = [(prompt, f"objects[{index}]") for prompt in (source, draft) if index < len(items(prompt, "objects"))]
        shapes: Shapes = tuple(dict.fromkeys(place_of_object(prompt, path, size) for prompt, path in paths))
        found.append(Outline(_name(paths[-1][0], index), shapes))
    return found


def _name(prompt: StructuredPrompt, index: int) -> str:
    """ "Object 2: a blue box"."""
    words = prompt.get(f"objects[{index}].description")
    short = " ".join(words.split()) if isinstance(words, str) else ""
    short = short if len(short) <= NAME_CHARS else f"{short[: NAME_CHARS - 1].rstrip(' ,.')}…"
    return f"Object {index + 1}: {short}" if short else f"Object {index + 1}"


def changes_more(state: PageState) -> list[str]:
    """What the draft changes that belongs to the whole picture, and not to a marked part alone."""
    if state.source is None or state.draft is None:
        return []
    try:
        changed = {change.path for change in diff(state.source, StructuredPrompt.parse(state.draft.text))}
    except PromptError:
        return []
    return [name for name in NOT_LOCAL if any(path.split(".")[0].split("[")[0] == name for path in changed)]


def follow_edit(runtime: Runtime, state: PageState, batch: Batch | None) -> None:
    """Brings the source up to date before the form is drawn; words that were carried out leave their field.

    Raises GenerationNotFound and GenerationDamaged as `follow_source`.
    """
    stepped = state.stepped
    try:
        follow_source(runtime, state, batch, "edit")
    finally:
        if batch is not None and state.stepped == batch.id != stepped:
            _clear_words(batch)


def _clear_words(batch: Batch) -> None:
    if str(field_value("edit", "words", "")).strip() == showable(batch.order.words).strip():
        fill_now("edit", "words", "")


def edit_order(state: PageState, source: Generation | None, words: str, spec: ModelSpec) -> Order:
    """What the form, the words, the editor and the mark ask for. ``source`` is the picture that is edited.

    Raises InputError where there is nothing to change, PromptError for a text in the editor that is no prompt.
    """
    if source is None or state.source is None or state.draft is None:
        raise InputError("The picture that this edit begins with is not there any more. Choose another one.")
    mark = mark_of(state)
    order = read_order("edit", settings=False)
    same_seed = bool(field_value("edit", "seed_locked", True))
    order = (order if same_seed else replace(order, seed=DRAW)).painted_like(source.request, spec)
    order = replace(
        order,
        source=state.source,
        source_id=source.id,
        mask=mark or None,
        strength=None if mark else field_value("edit", "strength", DEFAULT_STRENGTH),
    )
    if words:
        return replace(order, words=words, source=instruction_base(state))
    if is_changed(state):
        return replace(order, words=state.draft.words, written=state.draft.parsed())
    if same_seed and order.seed == source.request.seed:
        raise InputError("Say what should change, edit the prompt, or choose another seed.")
    return replace(order, written=written_of(source))


def find_change(runtime: Runtime, state: PageState, order: Order, seed: int) -> None:
    """Has the edit painted as it comes, with its source's ``seed`` and no mark, so that what it changes can be marked.

    Raises an InputError, QueueFull or StoreError.
    """
    plain = replace(
        order, kind="refine", mask=None, strength=None, seed=seed, must_change=bool(order.words and not order.written)
    )
    if (painted := runtime.desk.painted_already(plain)) is not None and state.source_id is not None:
        _mark_change(runtime, state, state.source_id, painted)
        return
    state.finding = runtime.desk.place(plain, once=state.once).id


def follow_finding(runtime: Runtime, state: PageState) -> Batch | None:
    """The batch whose picture shows what an edit changes, as long as it is painted; then that is marked."""
    batch = None if state.finding is None else runtime.desk.several([state.finding]).get(state.finding)
    if batch is None or not batch.ended:
        return batch
    painted, state.finding = pictures_of(runtime, batch), None
    if not painted or batch.order.source_id is None:
        return batch
    if batch.order.written is None:  # its words are in the prompt now
        state.show(written_of(painted[-1]), batch.order.words)
        _clear_words(batch)
    _mark_change(runtime, state, batch.order.source_id, painted[-1])
    return None


def _mark_change(runtime: Runtime, state: PageState, source_id: str, painted: Generation) -> None:
    if find_picture(runtime, source_id) is None:
        return
    history = runtime.tools.history
    before, after = (open_picture(history.image_file(each)) for each in (source_id, painted.id))
    mask = mask_of_change(before, after) if before.size == after.size else None
    if mask is None or mask.getbbox() is None:
        state.refused = Refused((NOTHING_DIFFERS,))
        return
    buffer = BytesIO()
    mask.save(buffer, "PNG")
    take_mark(state, source_id, runtime.inputs.keep(buffer.getvalue()))
    state.mark_revision += 1
