"""Vary: one picture for each of several values, on one or two axes; and more values for a grid that is there.

A page calls `vary_button` once: it draws the dialog too, while that is open. Whatever else opens it (a field's menu, a
line of the JSON) calls `open_vary`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import streamlit as st

from fibo_core.durations import duration
from fibo_core.engine.masks import object_at
from fibo_core.engine.request import draw_seed
from fibo_core.errors import FiboError, InputError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.axes import Axis, AxisError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Mode
from fibo_core.store.inputs import kept_picture
from fibo_core.work.desk import Batch, Estimate
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.remedies import with_button
from studio.runtime import get_runtime
from studio.ui.components.form import models_here
from studio.ui.components.vary_values import Choices, values_of
from studio.ui.drafts import set_aside
from studio.ui.editing import edit_to_vary, strength_label
from studio.ui.loras import with_loras
from studio.ui.navigation import EDIT, GENERATE, INSPIRE, REFINE, go_to
from studio.ui.session import errors_shown, generate_order, place, read_order, read_seed
from studio.ui.state import PageState, VaryState, field_value, page_state, vary_state
from studio.ui.viewing import back_to_draft, leave_for_batch
from studio.ui.words import plain

ICON = ":material/grid_view:"
PAGES = {"generate": GENERATE, "refine": REFINE, "inspire": INSPIRE, "edit": EDIT}


def vary_button(state: PageState, mode: Mode, spec: ModelSpec) -> None:
    """A button that varies what the page would paint next, as its form and its draft have it."""
    st.button(
        "Vary", key=f"{mode}_vary", icon=ICON, type="tertiary", on_click=open_vary, args=(mode,),
        help="The same picture with several lights, cameras, seeds…, side by side",
    )  # fmt: skip
    vary = vary_state(mode)
    if vary.open:
        _dialog(state, mode, spec, vary)


def open_vary(mode: Mode, place: str = "", batch_id: str | None = None) -> None:
    """Opens the dialog in this run or the next: for a place of the prompt or a setting, or to extend a grid."""
    vary = vary_state(mode)
    if vary.asking is not None:
        vary.asking.stop()
    st.session_state[f"vary_{mode}"] = VaryState(
        open=True,
        place=place,
        batch_id=batch_id,
        seed=_shown_seed(mode),
        suggested=vary.suggested,
        revision=vary.revision + 1,
    )


def order_to_vary(state: PageState, mode: Mode, spec: ModelSpec) -> Order:
    """What is varied: on Generate what its form and draft ask for, elsewhere the prompt in the draft, painted as the
    page would, from the same source.

    Raises InputError where there is nothing yet, PromptError for a draft that is none.
    """
    if mode == "generate":
        return generate_order(state, str(field_value(mode, "words", "")).strip(), paint=True)
    if state.draft is None:
        raise InputError("There is no prompt to vary yet. Have it written first.")
    like = state.source_request
    order = read_order(mode, settings=like is None)
    order = replace(order, written=state.draft.parsed(), source_id=state.source_id, pictures=state.pictures)
    if like is not None:
        order = with_loras(order, state, mode, spec)
    if mode == "refine":
        order = replace(order, source=state.base or state.source, locked=state.locked)
    if mode == "edit":
        return edit_to_vary(state, order)
    return order if like is None else order.painted_like(like, spec)


def open_grid(batch: Batch) -> NoReturn:
    """Goes to the page of a batch, which is shown there as it was placed; the way back to the user's own work stands
    beside it."""
    state = page_state(batch.kind)
    if batch.kind == "generate":
        leave_for_batch(state, "generate")
    elif state.batch_id != batch.id:
        set_aside(batch.kind)
        state.forget()
    go_to(PAGES[batch.kind], batch=batch.id)


def with_axes(order: Order, axes: tuple[Axis, ...], seed: int, *, confirmed: bool) -> Order:
    """The order with what varies; the seed is the same for every picture, unless it is an axis. What is painted
    already goes into the grid as it is."""
    own = None if any(each.name == "seed" for each in axes) else seed
    return replace(order, axes=axes, seed=own, count=1, confirmed=confirmed, paint=True, reuse=True)


def what_is_painted(order: Order) -> str:
    """How much of the picture that is edited each of them paints."""
    if order.mask is not None:
        return "Only what is marked is painted. Outside the mark every pixel stays."
    if order.strength is None:
        return "Nothing is marked: all of the picture is edited."
    return f"Nothing is marked: all of the picture varies, {strength_label(order.strength)}."


def comes_to(estimate: Estimate, axes: tuple[Axis, ...] = ()) -> str:
    """ "2 × 3: 6 pictures, about 12 s"."""
    grid = " × ".join(str(len(axis.values)) for axis in reversed(axes)) + ": " if len(axes) > 1 else ""
    time = "" if estimate.painting_s is None else f", about {duration(estimate.painting_s)}"
    return f"{grid}{_pictures(estimate.pictures)}{time}"


def close(vary: VaryState) -> None:
    """The dialog is not drawn any more; a writer who is being asked is left."""
    vary.open = False
    if vary.asking is not None:
        vary.asking.stop()
        vary.asking = None


def _dialog(state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState) -> None:
    title = "Vary" if vary.batch_id is None else "More values"

    @st.dialog(title, icon=ICON, width="medium", on_dismiss=lambda: close(vary))
    def dialog() -> None:
        with errors_shown():
            runtime = get_runtime()
            if vary.batch_id is None:
                _vary(runtime, state, mode, spec, vary)
            else:
                _extend(runtime, state, mode, spec, vary, runtime.desk.get(vary.batch_id))

    dialog()


@dataclass(frozen=True)
class _Ready:
    """What the fields of the dialog come to: told and painted with whether many pictures are confirmed."""

    axes: tuple[Axis, ...]
    estimate: Callable[[bool], Estimate]
    paint: Callable[[bool], None]


def _vary(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState) -> None:
    order = order_to_vary(state, mode, spec)
    anything = with_axes(order, (Axis("seed", (vary.seed,)),), vary.seed, confirmed=True)
    runtime.desk.estimate(anything)  # says at once what cannot be painted at all, whatever varies
    if order.kind == "edit":
        st.caption(what_is_painted(order))
    choices = _choices(runtime, mode, spec, vary, order.written, order.words)
    if order.mask is not None and order.written is not None:
        mask = kept_picture(runtime.settings.workspace_dir, order.mask)
        choices = replace(choices, marked=object_at(mask, order.written.prompt))
    read = [_values(choices, 1)]
    if st.toggle("A second axis", key=f"{choices.key}_second", help="A grid: each value with each of the others"):
        read.append(_values(choices, 2, without=choices.place(1)))
    axes = tuple(axis for axis, _ in reversed(read) if axis is not None)  # the last goes across: the first of these
    refused = next((sentence for _, sentence in read if sentence), "")

    def varied(confirmed: bool) -> Order:
        return with_axes(order, axes, vary.seed, confirmed=confirmed)

    ready = _Ready(
        axes,
        lambda confirmed: runtime.desk.estimate(varied(confirmed)),
        lambda confirmed: place(runtime, state, varied(confirmed)),
    )
    _end(vary, choices, ready if len(axes) == len(read) else None, refused)


def _extend(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState, batch: Batch) -> None:
    choices = _choices(runtime, mode, spec, vary, batch.prompt, batch.order.words)
    more, refused = _values(choices, 1, of=batch.order.axes)
    if more is None:
        _end(vary, choices, None, refused)
        return

    def extend(confirmed: bool) -> None:
        runtime.desk.extend(batch.id, more.name, more.values, confirmed=confirmed)
        if state.shown_id is not None:
            back_to_draft(state, mode)  # to the grid, which is what grows
        st.rerun()

    ready = _Ready(
        (),
        lambda confirmed: runtime.desk.estimate_extension(batch.id, more.name, more.values, confirmed=confirmed),
        extend,
    )
    _end(vary, choices, ready, refused)


def _choices(
    runtime: Runtime, mode: Mode, spec: ModelSpec, vary: VaryState, written: WrittenPrompt | None, words: str
) -> Choices:
    """What can vary in the prompt, or in the one that is still to be written from the words."""
    prompt = StructuredPrompt.from_dict({}) if written is None else written.prompt
    told = StructuredPrompt.from_dict({"short_description": words}) if written is None and words.strip() else prompt
    return Choices(mode, spec, tuple(models_here(runtime, mode)), vary, prompt, told, runtime.tools.writers)


def _values(choices: Choices, number: int, **more: Any) -> tuple[Axis | None, str]:
    """What the fields of one axis say, or the sentence that says why it cannot be."""
    try:
        return values_of(choices, number, **more), ""
    except FiboError as exc:
        return None, with_button(exc)


def _end(vary: VaryState, choices: Choices, ready: _Ready | None, refused: str) -> None:
    """How many pictures and how long, or why not; and the button."""
    comes, confirmed = None, False
    if ready is not None:
        try:
            comes = ready.estimate(True)
            confirmed, refused = _confirmed(choices, ready, comes)
        except FiboError as exc:
            refused = with_button(exc)
    said = st.container()  # above the end, which stays in sight over whatever would come after it
    if refused:
        with said:
            st.error(plain(refused), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{choices.key}_end"):
        label = "Paint" if comes is None else f"Paint {_pictures(comes.pictures)}"
        pressed = st.button(
            label, key=f"{choices.key}_paint", type="primary", icon=":material/brush:",
            disabled=comes is None or refused != "",
        )  # fmt: skip
        if comes is None or ready is None:
            st.caption("" if refused else "Choose some values.")
        else:
            own_seed = vary.batch_id is None and all(axis.name != "seed" for axis in ready.axes)
            st.caption(comes_to(comes, ready.axes) + (f", all with seed `{vary.seed}`." if own_seed else "."))
    if pressed and ready is not None:
        close(vary)
        with said, errors_shown():
            ready.paint(confirmed)


def _confirmed(choices: Choices, ready: _Ready, comes: Estimate) -> tuple[bool, str]:
    """Whether its user has said yes to many pictures, and the sentence that asks for it."""
    try:
        ready.estimate(False)
    except AxisError as exc:
        yes = st.checkbox(f"Yes, paint {_pictures(comes.pictures)}", key=f"{choices.key}_confirmed")
        return yes, "" if yes else str(exc)
    return False, ""


def _shown_seed(mode: Mode) -> int:
    """The seed in the page's form, locked or not; where it is none, one that is drawn."""
    try:
        return draw_seed() if (seed := read_seed(field_value(mode, "seed"))) is None or seed < 0 else seed
    except InputError:
        return draw_seed()


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"
