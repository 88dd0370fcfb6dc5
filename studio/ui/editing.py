"""Edit: what a press asks for, and what it leaves behind.

The source is followed as on Refine (`conversation.py`): the result of an edit is the source of the next one, with
nothing marked. A mark belongs to its picture, and is there again where that is taken as the source once more.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import streamlit as st

from fibo_core.engine.edits import Way
from fibo_core.engine.request import DRAW, GenerationRequest
from fibo_core.errors import FiboError, InputError, PromptError
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, find_model
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.labels import LabelChange
from fibo_core.work.desk import Batch
from fibo_core.work.edit_ways import left_behind
from fibo_core.work.editing import change_mask, check_can_be_edited
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers.offline import OfflineWriter
from studio.ui.components.form import model_of_form, models_here
from studio.ui.conversation import follow_source, instruction_base, is_changed
from studio.ui.loras import with_loras
from studio.ui.marks import check_mark, mark_of, take_mark
from studio.ui.session import find_picture, pictures_of, place_once, read_order, written_of
from studio.ui.state import PageState, Refused, field_key, field_value, fill_now
from studio.ui.words import showable

STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)  #: starting sigmas that are offered
DEFAULT_STRENGTH = 0.8
_OFFLINE = OfflineWriter()
FOR_A_MARK = "for a mark"  #: the tag of a picture that shows what an edit changes
NOTHING_SAID = "Say what should change, edit the prompt, or choose another seed."
#: From which sigma on a variation does what, as it was seen: style and light can change late, a colour or a thing not.
DEGREES = ((0.95, "redraw"), (0.8, "recolour"), (0.0, "restyle"))

KEEPS_BELOW = 0.8  #: from there down a colour or a thing may stay as it is


def strength_label(sigma: float) -> str:
    """ "recolour · 0.8"."""
    return f"{next(word for least, word in DEGREES if sigma >= least)} · {sigma:g}"


def draft_or_source(state: PageState) -> StructuredPrompt:
    """The prompt in the editor where it is one, else the source's."""
    assert state.source is not None
    try:
        return state.source if state.draft is None else StructuredPrompt.parse(state.draft.text)
    except PromptError:
        return state.source


def follow_edit(runtime: Runtime, state: PageState, batch: Batch | None) -> None:
    """Brings the source up to date before the form is drawn; words that were carried out, or are on their way when
    another source is taken, leave their field.

    Raises GenerationNotFound and GenerationDamaged as `follow_source`.
    """
    stepped = state.stepped
    try:
        follow_source(runtime, state, batch, "edit")
    finally:
        left = state.batch_id is None and batch is not None and bool(batch.generation_ids or not batch.ended)
        if batch is not None and stepped != batch.id and (left or state.stepped == batch.id):
            _clear_words(batch)
            if state.draft is not None:  # they are carried out, and say nothing of what is changed by hand from now on
                state.draft = replace(state.draft, words="")


def settle_strength(state: PageState) -> None:
    """ "How much" is chosen for one picture: for another it is the usual again. Before its field is drawn."""
    if state.strength_of != state.source_id or field_value("edit", "strength") not in STRENGTHS:
        st.session_state[field_key("edit", "strength")] = DEFAULT_STRENGTH
        state.strength_of = state.source_id


def meant(state: PageState, words: str) -> StructuredPrompt:
    """About what is going to be painted: the prompt in the editor, with what the words are read to mean by rules."""
    prompt = draft_or_source(state)
    try:
        return _OFFLINE.refine(prompt, words).prompt if words else prompt
    except FiboError:
        return prompt


def _clear_words(batch: Batch) -> None:
    if str(field_value("edit", "words", "")).strip() == showable(batch.order.words).strip():
        fill_now("edit", "words", "")


def model_of_edit(runtime: Runtime, source: Generation | None) -> ModelSpec:
    """The model that the next edit is painted with: the chosen one, else the picture's own where it is here, else the
    one in use."""
    if source is not None and field_value("edit", "model") is None and source.request.model in CATALOGUE:
        own = find_model(source.request.model)
        if own.name in models_here(runtime, "edit"):
            return own
    return model_of_form("edit", runtime)


def why_not_edited(picture: Generation) -> str:
    """Why a picture cannot be edited, however it is marked; "" where it can."""
    try:
        check_can_be_edited((picture.request.width, picture.request.height))
    except InputError as exc:
        return str(exc)
    return ""


def left_behind_of(runtime: Runtime, source: Generation) -> str:
    """What of another program's picture its edits have not, as a sentence; "" where they have all of it."""
    if source.repeatable:
        return ""
    try:
        return _left_behind(runtime.tools.history.image_file(source.id))
    except FiboError:
        return ""  # the stage shows that it cannot be read


@lru_cache(maxsize=64)
def _left_behind(file: Path) -> str:
    """As `left_behind`; a stored picture never changes."""
    return left_behind(file)


def edits_by_instruction(spec: ModelSpec) -> bool:
    """Whether the model carries an instruction out on the picture by itself, and its user has left it that."""
    return "edit" in spec.abilities and ("repaint" not in spec.abilities or bool(field_value("edit", "own", True)))


def edit_order(
    state: PageState, source: Generation | None, words: str, spec: ModelSpec, *, takes: bool = False
) -> Order:
    """What the form, the words, the editor and the mark ask for. ``source`` is the picture that is edited. With
    ``takes`` a variation that nothing is said of is another take, from a seed that is drawn.

    Raises InputError where there is nothing to change, PromptError for a text in the editor that is no prompt.
    """
    if source is None or state.source is None or state.draft is None:
        raise InputError("The picture that this edit begins with is not there any more. Choose another one.")
    order = read_order("edit", settings=False)
    same_seed = bool(field_value("edit", "seed_locked", True)) and order.seed in (None, source.request.seed)
    mark, changed = mark_of(state), bool(words) or is_changed(state)
    another = takes and not changed and not mark and "repaint" in spec.abilities
    if not changed and same_seed and not another:
        raise InputError(NOTHING_SAID)
    if not field_value("edit", "seed_locked", True) or (another and same_seed):
        order = replace(order, seed=DRAW)
    own = edits_by_instruction(spec) and changed
    order = replace(
        with_loras(order, state, "edit", spec),
        model=spec.name,
        source=state.source,
        source_id=source.id,
        mask=mark or None,
        strength=None if mark or own else field_value("edit", "strength", DEFAULT_STRENGTH),
        way=_way(spec, own=own, marked=bool(mark)),
        references=state.references if own and "references" in spec.abilities else (),
    )
    if words and not (words == state.draft.words and is_changed(state)):
        return replace(order, words=words, source=instruction_base(state))
    if changed:  # also by these very words, which are on their way: said twice, they are one change
        return replace(order, words=state.draft.words, written=state.draft.parsed())
    return replace(order, written=written_of(source))


def _way(spec: ModelSpec, *, own: bool, marked: bool) -> Way | None:
    """The model's own edit, or the other way where its user wants none; else the studio chooses."""
    if own:
        return "own"
    if "edit" not in spec.abilities or "repaint" not in spec.abilities:
        return None
    return "hold" if marked else "vary"


def edit_to_vary(state: PageState, order: Order) -> Order:
    """An order of the prompt in the editor with what the page's edits begin with, to be varied."""
    mark, repaints = mark_of(state), order.model is None or "repaint" in find_model(order.model).abilities
    strength = None if mark or not repaints else field_value("edit", "strength", DEFAULT_STRENGTH)
    return replace(order, source=state.source, pictures=(), mask=mark or None, strength=strength)


def place_edit(runtime: Runtime, state: PageState, order: Order) -> None:
    """Places an edit, unless its very picture is stored or on its way. Raises as `place_once`, and InputError for a
    mark that leaves nothing."""
    check_mark(runtime.inputs, order.mask or "")
    place_once(runtime, state, order)


def said_by_now(state: PageState, words: str) -> None:
    """What a press was refused for is not said any more once there are words."""
    if words and NOTHING_SAID in state.refused.sentences:
        state.refused = Refused()


def find_change(runtime: Runtime, state: PageState, order: Order, source: Generation, spec: ModelSpec) -> None:
    """Has the edit painted as it comes, with its source's seed and no mark, so that what it changes can be marked.

    Raises an InputError, QueueFull or StoreError.
    """
    if order.way == "own":
        plain = replace(order, mask=None, seed=source.request.seed)
    else:
        plain = replace(order, kind="refine", mask=None, strength=None, way=None, references=())
        plain = replace(plain, seed=source.request.seed, must_change=plain.written is None)
        plain = plain.painted_like(source.request, spec)
    state.found = None
    if (painted := runtime.desk.painted_already(plain)) is not None:
        _compare(runtime, state, plain, source, painted)
        return
    state.finding = runtime.desk.place(plain, once=state.once).id


def follow_finding(runtime: Runtime, state: PageState) -> Batch | None:
    """The batch whose picture shows what an edit changes, as long as it is painted; then that is marked."""
    batch = None if state.finding is None else runtime.desk.several([state.finding]).get(state.finding)
    if batch is None or not batch.ended:
        return batch
    painted = pictures_of(runtime, batch)
    if not painted or batch.order.source_id is None:
        return batch  # why not is said until the next press, and it can be tried again
    state.finding = None
    runtime.tools.history.labels.change(LabelChange(add_tags=(FOR_A_MARK,)), ids=[each.id for each in painted])
    before, after = find_picture(runtime, batch.order.source_id), find_picture(runtime, state.found)
    state.found = None
    if after is not None:
        _mark_change(runtime, state, batch.order.source_id, painted[-1], after)
        return None
    if batch.order.written is None:  # its words are in the prompt now
        state.show(written_of(painted[-1]), batch.order.words)
        _clear_words(batch)
    if before is not None:
        _compare(runtime, state, batch.order, before, painted[-1])
    return None if state.finding is None else runtime.desk.get(state.finding)


def _compare(runtime: Runtime, state: PageState, plain: Order, source: Generation, painted: Generation) -> None:
    """Marks what the plain picture of the new prompt changes. What is seen of an edited picture is none of its own
    prompt alone: its plain picture is what it is compared with, painted first where there is none."""
    before: Generation | None = source
    if plain.kind == "refine" and isinstance(source.request, GenerationRequest) and source.request.edit is not None:
        former = replace(plain, words="", source=source.prompt, written=written_of(source), must_change=False)
        if (before := runtime.desk.painted_already(former)) is None:
            state.found, state.finding = painted.id, runtime.desk.place(former).id
            return
    assert before is not None
    _mark_change(runtime, state, source.id, before, painted)


def _mark_change(runtime: Runtime, state: PageState, source_id: str, before: Generation, painted: Generation) -> None:
    """Marks where the two differ, or has the page say why there is nothing to mark."""
    try:
        take_mark(state, source_id, change_mask(runtime.tools, before.id, painted.id))
        state.found_mark, state.mark_revision = mark_of(state), state.mark_revision + 1
    except FiboError as exc:
        state.refused = Refused((str(exc),))
