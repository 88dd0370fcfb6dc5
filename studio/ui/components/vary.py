"""Vary: one picture for each of several values, on one or two axes; and more values for a grid that is there.

A page calls `vary_button` once: it draws the dialog too, while that is open. Whatever else opens it (a field's menu, a
line of the JSON) calls `open_vary`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from fibo_core.durations import duration
from fibo_core.engine.request import draw_seed
from fibo_core.errors import FiboError, InputError
from fibo_core.limits import UNCONFIRMED_MAX
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.axes import Axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Mode
from fibo_core.work.desk import Batch, Estimate
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.remedies import with_button
from studio.runtime import get_runtime
from studio.ui.components.form import models_here
from studio.ui.components.vary_values import Choices, values_of
from studio.ui.session import errors_shown, generate_order, place, read_order, read_seed
from studio.ui.state import PageState, VaryState, field_value, vary_state
from studio.ui.words import plain

ICON = ":material/grid_view:"


@dataclass(frozen=True)
class Start:
    """What is varied: an order without axes, and the prompt that it paints (an empty one where it is still to be
    written). ``told`` is what a writer is told of it."""

    order: Order
    prompt: StructuredPrompt
    told: StructuredPrompt


def vary_button(
    state: PageState, mode: Mode, spec: ModelSpec, order: Callable[[], Order] | None = None, *, key: str = ""
) -> None:
    """A button that varies what the page would paint next: ``order``, else what its form and its draft say."""
    st.button(
        "Vary", key=key or f"{mode}_vary", icon=ICON, type="tertiary", on_click=open_vary, args=(mode,),
        help="The same picture with several lights, cameras, seeds…, side by side",
    )  # fmt: skip
    vary = vary_state(mode)
    if vary.open:
        _dialog(state, mode, spec, vary, order or (lambda: order_to_vary(state, mode)))


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


def order_to_vary(state: PageState, mode: Mode) -> Order:
    """What the page's form and draft ask for. Raises InputError where there is nothing yet, PromptError for a draft
    that is none."""
    if mode == "generate":
        return generate_order(state, str(field_value(mode, "words", "")).strip(), paint=True)
    if state.draft is None:
        raise InputError("There is no prompt to vary yet. Have it written first.")
    order = replace(read_order(mode), words=state.draft.words, written=state.draft.parsed(), source_id=state.source_id)
    if mode == "inspire":
        return replace(order, pictures=state.pictures)
    return replace(order, source=state.base or state.source)


def with_axes(order: Order, axes: tuple[Axis, ...], seed: int, *, confirmed: bool) -> Order:
    """The order with what varies; the seed is the same for every picture, unless it is an axis."""
    own = None if any(each.name == "seed" for each in axes) else seed
    return replace(order, axes=axes, seed=own, count=1, confirmed=confirmed, paint=True)


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


def _dialog(state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState, order: Callable[[], Order]) -> None:
    title = "Vary" if vary.batch_id is None else "More values"

    @st.dialog(title, icon=ICON, width="medium", on_dismiss=lambda: close(vary))
    def dialog() -> None:
        with errors_shown():
            runtime = get_runtime()
            if vary.batch_id is None:
                _vary(runtime, state, mode, spec, vary, order())
            else:
                _extend(runtime, state, mode, spec, vary, runtime.desk.get(vary.batch_id))

    dialog()


def _vary(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState, order: Order) -> None:
    start = _start(order)
    choices = Choices(mode, spec, tuple(models_here(runtime)), vary, start.prompt, start.told, runtime.tools.writers)
    axes, refused = [], ""
    try:
        if (first := values_of(choices, 1)) is not None:
            axes.append(first)
        if st.toggle("A second axis", key=f"{choices.key}_second", help="A grid: each value with each of the others"):
            if (second := values_of(choices, 2, without=choices.place(1))) is not None:
                axes.append(second)
            else:
                axes = []
    except FiboError as exc:
        axes, refused = [], with_button(exc)
    down_first = tuple(reversed(axes))  # the second goes down, the first across, where a phone shows it whole
    _end(
        vary,
        choices,
        bool(axes),
        refused,
        lambda confirmed: runtime.desk.estimate(with_axes(start.order, down_first, vary.seed, confirmed=confirmed)),
        lambda confirmed: place(runtime, state, with_axes(start.order, down_first, vary.seed, confirmed=confirmed)),
        down_first,
    )


def _extend(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec, vary: VaryState, batch: Batch) -> None:
    written = batch.prompt
    prompt = StructuredPrompt.from_dict({}) if written is None else written.prompt
    choices = Choices(mode, spec, tuple(models_here(runtime)), vary, prompt, prompt, runtime.tools.writers)
    more, refused = None, ""
    try:
        more = values_of(choices, 1, of=batch.order.axes)
    except FiboError as exc:
        refused = with_button(exc)

    def extend(confirmed: bool) -> None:
        assert more is not None
        runtime.desk.extend(batch.id, more.name, more.values, confirmed=confirmed)
        state.batch_id, state.shown_id = batch.id, None
        st.rerun()

    _end(
        vary,
        choices,
        more is not None,
        refused,
        lambda confirmed: (
            runtime.desk.estimate_extension(batch.id, more.name, more.values, confirmed=confirmed)
            if more
            else Estimate(0, None)
        ),
        extend,
    )


def _end(
    vary: VaryState,
    choices: Choices,
    chosen: bool,
    refused: str,
    estimate: Callable[[bool], Estimate],
    paint: Callable[[bool], None],
    axes: tuple[Axis, ...] = (),
) -> None:
    """How many pictures and how long, or why not; and the button."""
    comes, confirmed = None, False
    if chosen:
        try:
            comes = estimate(True)
            if comes.pictures > UNCONFIRMED_MAX:
                confirmed = st.checkbox(f"Yes, paint {_pictures(comes.pictures)}", key=f"{choices.key}_confirmed")
            estimate(confirmed)
        except FiboError as exc:
            refused = with_button(exc)
    if refused:
        st.error(plain(refused), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "Paint" if comes is None else f"Paint {_pictures(comes.pictures)}"
        pressed = st.button(
            label, key=f"{choices.key}_paint", type="primary", icon=":material/brush:",
            disabled=comes is None or refused != "",
        )  # fmt: skip
        if comes is None:
            st.caption("" if refused else "Choose some values.")
        else:
            varied = {axis.name for axis in axes} | ({"seed"} if vary.batch_id is not None else set())
            seed = "" if "seed" in varied else f", all with seed `{vary.seed}`"
            st.caption(f"{comes_to(comes, axes)}{seed}.")
    if pressed:
        close(vary)
        with errors_shown():
            paint(confirmed)


def _start(order: Order) -> Start:
    if order.written is not None:
        return Start(order, order.written.prompt, order.written.prompt)
    words = {"short_description": order.words} if order.words.strip() else {}
    return Start(order, StructuredPrompt.from_dict({}), StructuredPrompt.from_dict(words))


def _shown_seed(mode: Mode) -> int:
    """The seed in the page's form, locked or not; where it is none, one that is drawn."""
    try:
        return draw_seed() if (seed := read_seed(field_value(mode, "seed"))) is None or seed < 0 else seed
    except InputError:
        return draw_seed()


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"
