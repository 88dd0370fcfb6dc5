"""One axis in the Vary dialog: what varies, and its values, by hand, from suggestions, or asked of a writer."""

import re
from dataclasses import dataclass
from functools import partial

import streamlit as st

from fibo_core.cancel import CancelFlag
from fibo_core.errors import FiboError, Stopped
from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, SEED_MAX, STEPS_MAX
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.axes import Axis, Value, axis, places_to_vary, takes_numbers
from fibo_core.prompts.sketch_words import color_names
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.vocabulary import suggestions_at
from fibo_core.store.generation import Mode
from fibo_core.writers import SuggestedValues, writer_name
from fibo_core.writers.chain import AUTO, Writers
from fibo_core.writers.values import WISH_CHARS_MAX, stands_at
from studio.remedies import with_button
from studio.ui.asking import Asking
from studio.ui.state import VaryState, field_value
from studio.ui.words import plain, showable

TITLES = {"seed": "Seed", "steps": "Steps", "guidance": "Guidance", "model": "Model", "writer": "Writer"}
LIGHT, MEDIUM = "lighting.conditions", "style_medium"  #: what most people vary first, and second
EXCERPT_CHARS = 40
ANSWER_AT_ONCE_S = 0.4  #: for which a press waits, since some writers answer at once
LOOK_S = 0.5
_RANGE = re.compile(r"\s*[+-]?[0-9.]+\s*(?:\.{2,3}|…)\s*[+-]?[0-9.]+\s*")


@dataclass(frozen=True)
class Choices:
    """What can be chosen in one dialog. ``told`` is the prompt that a writer is told of, ``marked`` the object
    that is marked, by its number."""

    mode: Mode
    spec: ModelSpec
    models: tuple[str, ...]
    vary: VaryState
    prompt: StructuredPrompt
    told: StructuredPrompt
    writers: Writers
    marked: int | None = None

    @property
    def has_source(self) -> bool:
        """Whether what stands in the prompt now is painted already, in the picture that is edited."""
        return self.mode == "edit"

    @property
    def key(self) -> str:
        """What the keys of the dialog's fields begin with."""
        return f"{self.mode}_vary_{self.vary.revision}"

    def names(self, without: str = "") -> list[str]:
        """What can vary: places of the prompt, then settings."""
        models = ["model"] if len(self.models) > 1 and self.mode != "edit" else []
        settings = ["seed", "steps", "guidance", *models]
        opened = [self.vary.place] if self.vary.place else []
        names = dict.fromkeys([*settings, *places_to_vary(self.prompt), *opened])
        return [name for name in names if name != without]

    def place(self, number: int) -> str:
        """What varies on an axis of the dialog that has been drawn."""
        return str(st.session_state.get(f"{self.key}_name_{number}") or "")


def values_of(choices: Choices, number: int, *, without: str = "", of: tuple[Axis, ...] | None = None) -> Axis | None:
    """The fields of one axis, and what they say; None while they say nothing. ``of`` are the axes that a grid has: one
    of them is chosen, and its values are left out.

    Raises AxisError for values that cannot be.
    """
    name = _name(choices, number, without, of)
    if name is None:
        return None
    there = next((axis.values for axis in of if axis.name == name), ()) if of is not None else ()
    if there:
        st.caption(plain(f"There already: {', '.join(map(_said, there))}."))
    if name == "model":
        here = [model for model in choices.models if model not in there]
        picked = st.pills(
            _numbered("Models", number), here, selection_mode="multi", default=None if there else here,
            key=f"{choices.key}_{number}_models", format_func=lambda model: find_model(model).title,
        )  # fmt: skip
        return axis(name, picked) if picked else None
    if takes_numbers(name):
        text = st.text_input(
            _numbered("Values", number), "" if there else _usual(choices, name), key=f"{choices.key}_{number}_{name}",
            help="One by one (1,5,9), or as a range: 1..8, or 10,20,..,50.", placeholder="1,5,9 or 1..8",
        )  # fmt: skip
        return axis(name, text) if text.strip() else None
    return _texts(choices, number, name, there)


def _name(choices: Choices, number: int, without: str, of: tuple[Axis, ...] | None) -> str | None:
    names = choices.names(without) if of is None else [axis.name for axis in of]
    usual = [*([] if choices.marked is None else [f"objects[{choices.marked}].shape_and_color"]), LIGHT]
    wanted = [choices.vary.place, *usual] if number == 1 else [MEDIUM, LIGHT]
    chosen: str | None = st.selectbox(
        "What varies" if number == 1 else "And",
        names,
        index=names.index(next((name for name in wanted if name in names), names[-1])),
        key=f"{choices.key}_name_{number}",
        format_func=partial(_titled, choices),
        help="A setting, or a place of the prompt.",
    )
    return chosen


def _texts(choices: Choices, number: int, name: str, there: tuple[Value, ...]) -> Axis | None:
    """Values in words: ticked ones, and those that are written."""
    vary, now = choices.vary, stands_at(choices.prompt, name)
    own_now = [now] if now and not there else []
    known = dict.fromkeys([*own_now, *suggestions_at(name, now), *vary.suggested.get(name, ())])
    offered = [value for value in known if value not in there]
    key = f"{choices.key}_{number}_{name}_ticked"
    if fresh := vary.ticks.pop(name, ()):
        offered_now = (value for value in fresh if value in offered)
        st.session_state[key] = list(dict.fromkeys([*st.session_state.get(key, ()), *offered_now]))
    ticked: list[str] = []
    if offered:
        ticked = st.pills(
            _numbered("Values", number), offered, selection_mode="multi", key=key,
            default=None if key in st.session_state or choices.has_source else own_now,
            format_func=lambda value: plain(_short(value)) + (" :small[(as it is)]" if value == now else ""),
        )  # fmt: skip
    own = st.text_input(
        _numbered("Your own values", number), key=f"{choices.key}_{number}_{name}_own",
        placeholder="candlelight|neon at night", help="Divided by a bar: candlelight|neon at night",
    )  # fmt: skip
    if others := elsewhere(choices.prompt, name):
        st.caption(plain(f":material/info: {others}"))
    if _RANGE.fullmatch(own):
        st.caption(":material/info: A range such as 1..8 is for numbers only: here it is one value, as it is written.")
    _ask(choices, number, name, there)
    written = axis(name, own).values if own.strip() else ()
    values = tuple(dict.fromkeys([*ticked, *written]))
    return axis(name, values) if values else None


def elsewhere(prompt: StructuredPrompt, name: str) -> str:
    """Says that an object's description names the colour that varies, and does not vary with it; "" where it does
    not."""
    path, _, key = name.rpartition(".")
    colors = color_names(stands_at(prompt, f"{path}.description")) if key == "shape_and_color" else []
    return f"Its description says “{colors[0]}” in each of them: take the colour out there first." if colors else ""


def _ask(choices: Choices, number: int, name: str, there: tuple[Value, ...]) -> None:
    """Asks a writer, in words."""
    vary = choices.vary
    if vary.asking is not None:
        if vary.asked_place == name:
            _wait_for_answer(choices)
        return
    wish_key = f"{choices.key}_{number}_{name}_wish"
    with (
        st.form(f"{choices.key}_{number}_ask", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        st.text_input(
            _numbered("Ask the writer for values", number), key=wish_key, placeholder="six kinds of light",
            max_chars=WISH_CHARS_MAX,
        )  # fmt: skip
        st.form_submit_button(
            _numbered("Ask", number), icon=":material/forum:", on_click=lambda: ask(choices, name, wish_key, there)
        )
    if sentence := vary.said.get(name):
        st.caption(plain(sentence))


def _numbered(label: str, number: int) -> str:
    """The names of the second axis' fields differ from the first's, as a screen reader needs them."""
    return label if number == 1 else f"{label} {number}"


def ask(choices: Choices, name: str, wish_key: str, there: tuple[Value, ...] = ()) -> None:
    """Asks the page's writer for values of a place, other than those that are ``there``; an answer that comes at once
    is taken at once."""
    vary, wish = choices.vary, str(st.session_state.get(wish_key, ""))
    who, told, writers = str(field_value(choices.mode, "writer", AUTO)), choices.told, choices.writers

    without = [*map(str, there), *vary.suggested.get(name, ())]

    def question(cancel: CancelFlag) -> SuggestedValues:
        return writers.suggest_values(who, told, name, wish, without=without, cancel=cancel)

    vary.asking, vary.asked_place = Asking(question), name
    if vary.asking.wait(ANSWER_AT_ONCE_S):
        take_answer(vary)


def take_answer(vary: VaryState) -> None:
    """Offers and ticks what the writer answered, and says whose it is, or why there is nothing."""
    assert vary.asking is not None
    asking, name, vary.asking = vary.asking, vary.asked_place, None
    try:
        found = asking.answer()
    except Stopped:
        return
    except FiboError as exc:
        vary.said[name] = with_button(exc)
        return
    vary.suggested[name] = tuple(dict.fromkeys([*vary.suggested.get(name, ()), *found.values]))
    vary.ticks[name] = found.values
    by = f"{len(found.values)} by {writer_name(found.writer)}, ticked above."
    vary.said[name] = " ".join([*found.passed_over, by])


@st.fragment(run_every=LOOK_S)
def _wait_for_answer(choices: Choices) -> None:
    vary = choices.vary
    if vary.asking is None or vary.asking.done:
        if vary.asking is not None:
            take_answer(vary)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(":material/hourglass_top: Asking for values…", width="content")
        if st.button("Stop", key=f"{choices.key}_stop", type="tertiary", icon=":material/close:"):
            vary.asking.stop()
            vary.asking = None
            st.rerun()


def _usual(choices: Choices, name: str) -> str:
    """Values to begin with, around what the form says."""
    if name == "seed":
        first = min(choices.vary.seed, SEED_MAX - 3)
        return f"{first}..{first + 3}"
    if name == "steps":
        steps = int(field_value(choices.mode, "steps", choices.spec.num_inference_steps))
        return ",".join(map(str, dict.fromkeys([max(1, steps // 2), steps, min(STEPS_MAX, steps * 2)])))
    if name == "guidance":
        guidance = float(field_value(choices.mode, "guidance", choices.spec.guidance_scale))
        around = dict.fromkeys([max(GUIDANCE_MIN, guidance - 2), guidance, min(GUIDANCE_MAX, guidance + 2)])
        return ",".join(f"{each:g}" for each in around)
    return "1,2,3"


def _titled(choices: Choices, name: str) -> str:
    """ "lighting.conditions · bright daylight"."""
    if name in TITLES:
        return TITLES[name]
    stands = stands_at(choices.prompt, name)
    return showable(f"{name} · {_short(stands)}" if stands else name)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip(" ,.") + "…"


def _said(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else _short(str(value))
