"""The fields that Generate, Refine and Inspire share: writer, shape, number of pictures, seed, the finer settings."""

from collections.abc import Container, Sequence

import streamlit as st

from fibo_core.engine.adapters import FOLDER, list_adapters
from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, STEPS_MAX, STEPS_MIN
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, find_model
from fibo_core.models.weights import is_here
from fibo_core.store.generation import Mode
from fibo_core.work.runtime import Runtime
from fibo_core.writers import writer_title
from fibo_core.writers.chain import AUTO, Writers
from studio.ui.loras import settle_loras
from studio.ui.state import Field, PageState, field_key, field_value, is_late
from studio.ui.words import plain, showable

COUNTS = (1, 2, 4, 8)


def model_of_form(mode: Mode, runtime: Runtime) -> ModelSpec:
    """The model that the form's next order is painted with: the chosen one, else the one in use, where it can."""
    here, usual = models_here(runtime, mode), runtime.tools.engine.status().model_for(mode)
    _only(mode, "model", (usual, *here))
    return find_model(field_value(mode, "model", usual))


def models_here(runtime: Runtime, mode: Mode) -> list[str]:
    """The models whose weights are on this machine, and that can work off the page's orders."""
    hub_cache = runtime.settings.hub_cache
    return [name for name, spec in CATALOGUE.items() if spec.can(mode) and is_here(spec, hub_cache)]


def model_field(mode: Mode, runtime: Runtime, spec: ModelSpec) -> None:
    """Which of the models that are here paints; nothing where there is one alone."""
    here = models_here(runtime, mode)
    if len(here) < 2:
        return
    if field_key(mode, "model") not in st.session_state:
        st.session_state[field_key(mode, "model")] = spec.name
    st.selectbox(
        "Model", here, format_func=lambda name: find_model(name).title, key=field_key(mode, "model"),
        persist_state="session", help="What is queued is painted by the model it was ordered from.",
    )  # fmt: skip


def writer_field(mode: Mode, writers: Writers) -> None:
    _only(mode, "writer", (AUTO, *writers.names))
    st.selectbox(
        "Writer",
        [AUTO, *writers.names],
        format_func=lambda name: _writer_label(writers, name),
        key=field_key(mode, "writer"),
        persist_state="session",
        help="Who turns words into the JSON that the model paints. Auto asks those that are set up, best first, until "
        "one answers.",
    )


def _writer_label(writers: Writers, name: str) -> str:
    """ "Gemini (no key)", "Offline"; "Auto (offline)" where FIBO_WRITER leaves it no choice."""
    if name == AUTO:
        return "Auto" if writers.preferred == AUTO else f"Auto ({writers.preferred})"
    lack = writers.missing(name)
    return writer_title(name) + f" ({lack.what})" if lack is not None else writers.heading(name)


def shape_field(mode: Mode, spec: ModelSpec) -> None:
    shapes = spec.shapes
    _only(mode, "aspect", shapes)
    st.selectbox(
        "Shape",
        list(shapes),
        format_func=lambda aspect: f"{aspect}  ({shapes[aspect][0]}×{shapes[aspect][1]})",
        key=field_key(mode, "aspect"),
        persist_state="session",
    )


def count_field(mode: Mode) -> None:
    _only(mode, "count", COUNTS)
    st.selectbox(
        "Pictures", COUNTS, key=field_key(mode, "count"), persist_state="session", help="Each gets the next seed"
    )


def seed_field(mode: Mode) -> None:
    """The seed of the picture, always visible. Unlocked, each press draws another; a seed that is typed is locked."""
    key, locked_key = field_key(mode, "seed"), field_key(mode, "seed_locked")
    for_key = field_key(mode, "locked_for")
    locked: bool = st.session_state.setdefault(locked_key, False)

    def typed() -> None:
        if not is_late(mode, "seed", st.session_state[key]):
            st.session_state.update({locked_key: bool(st.session_state[key].strip()), for_key: None})

    with st.container(horizontal=True, vertical_alignment="bottom", gap=None, width=164):
        st.text_input(
            "Seed", key=key, persist_state="session", placeholder="drawn", on_change=typed,
            help="The same seed and prompt give the same picture.",
        )  # fmt: skip
        st.button(
            "Draw another seed each time" if locked else "Keep this seed", key=f"{mode}_lock_seed",
            icon=":material/lock:" if locked else ":material/lock_open_right:",
            type="tertiary", help="Locked: every picture begins with this seed. Press to draw another each time."
            if locked else "Open: each press draws another seed. Press to keep this one.",
            on_click=lambda: st.session_state.update({locked_key: not locked, for_key: None}),
        )  # fmt: skip


def lock_seed_for_edits(state: PageState, mode: Mode) -> None:
    """A prompt that is edited after it was painted is painted again from the same seed: so one change is one change.
    Another prompt in its place opens the lock."""
    locked_key, for_key = field_key(mode, "seed_locked"), field_key(mode, "locked_for")
    if state.replaced:
        state.replaced = False
        if st.session_state.get(for_key) is not None:
            st.session_state.update({locked_key: False, for_key: None})
    if state.edited:
        state.edited = False
        if state.last_id is not None and field_value(mode, "seed") and not st.session_state.get(locked_key):
            words = "" if state.draft is None else state.draft.words
            st.session_state.update({locked_key: True, for_key: words})


def settings_row(mode: Mode, spec: ModelSpec, runtime: Runtime) -> None:
    """All settings of a page that begins with words or a picture, in one row; the finer ones behind the last."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key=f"{mode}_settings"):
        with st.container(width=96):
            writer_field(mode, runtime.tools.writers)
        with st.container(width=128):
            shape_field(mode, spec)
        with st.container(width=66):
            count_field(mode)
        seed_field(mode)
        worn = field_value(mode, "loras", "").strip() if "lora" in spec.family.abilities else ""
        with st.popover(
            f"More settings · LoRA {plain(worn)}" if worn else "More settings", icon=":material/tune:",
            width="content", key=f"{mode}_more_settings",
        ):  # fmt: skip
            model_field(mode, runtime, spec)
            finer_settings(mode, spec, runtime)
            collection_field(mode, runtime)


def more_settings(mode: Mode, spec: ModelSpec, runtime: Runtime) -> None:
    """The model, where there are several; steps, guidance, negative prompt, each with the model's own default."""
    with st.expander("More settings", type="compact"):
        model_field(mode, runtime, spec)
        finer_settings(mode, spec, runtime)
        collection_field(mode, runtime)


def finer_settings(mode: Mode, spec: ModelSpec, runtime: Runtime) -> None:
    """Steps, guidance and, where the model takes one, the negative prompt, each with the model's own default; LoRAs,
    where some are here."""
    _defaults(mode, spec)
    left, right = st.columns(2)
    left.number_input(
        "Steps", STEPS_MIN, STEPS_MAX, step=1, key=field_key(mode, "steps"), persist_state="session",
        help=f"{spec.title} likes {spec.num_inference_steps}",
    )  # fmt: skip
    right.number_input(
        "Guidance", GUIDANCE_MIN, GUIDANCE_MAX, step=0.5, key=field_key(mode, "guidance"), persist_state="session",
        help=f"How closely the picture follows the prompt. {spec.title} likes {spec.guidance_scale:g}; 1 is off.",
    )  # fmt: skip
    if spec.fixed_negative is None:
        st.text_input(
            "Negative prompt", key=field_key(mode, "negative"), persist_state="session",
            help="What to keep away from. Empty: the model's own default.",
        )  # fmt: skip
    here = list_adapters(runtime.settings.workspace_dir / FOLDER) if "lora" in spec.family.abilities else []
    if here or field_value(mode, "loras"):
        _loras_field(mode, here)


def source_loras_field(state: PageState, mode: Mode, spec: ModelSpec, runtime: Runtime) -> None:
    """The LoRAs that the source was painted with, to be changed or left out; nothing where there are none."""
    if settle_loras(state, mode, spec):
        _loras_field(mode, list_adapters(runtime.settings.workspace_dir / FOLDER))


def _loras_field(mode: Mode, here: Sequence[str]) -> None:
    st.text_input(
        "LoRAs", key=field_key(mode, "loras"), persist_state="session", placeholder="sepia:0.8, ink",
        help="Names, each with its strength after a colon, 1 where none is said; empty is none. "
        f"Here: {plain(', '.join(here)) or 'none'}",
    )  # fmt: skip


def collection_field(mode: Mode, runtime: Runtime) -> None:
    """Which collection new pictures go into; a name that is typed is a new one's."""
    st.selectbox(
        "Collection", ["", *map(showable, runtime.tools.history.labels.collections.names())],
        format_func=lambda name: name or "None", key=field_key(mode, "collection"), persist_state="session",
        accept_new_options=True, help="New pictures go there. Type a name to make another one.",
    )  # fmt: skip


def _defaults(mode: Mode, spec: ModelSpec) -> None:
    """The model's own steps and guidance at first, and again when another model is in use."""
    other_model = st.session_state.get(field_key(mode, "defaults_of"), spec.name) != spec.name
    st.session_state[field_key(mode, "defaults_of")] = spec.name
    fields: dict[Field, float] = {"steps": spec.num_inference_steps, "guidance": spec.guidance_scale}
    for field, value in fields.items():
        if other_model or field_key(mode, field) not in st.session_state:
            st.session_state[field_key(mode, field)] = value


def _only(mode: Mode, field: Field, allowed: Container[object]) -> None:
    """Forgets a value that this form does not offer, such as a shape of another model."""
    if field_value(mode, field) not in allowed:
        st.session_state.pop(field_key(mode, field), None)
