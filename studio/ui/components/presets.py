"""Presets over a prompt: choose some, see what they change, apply them; keep parts of this prompt as one's own."""

from functools import partial

import streamlit as st

from fibo_core.errors import InputError, StoreError
from fibo_core.prompts.change_words import shown
from fibo_core.prompts.presets import GROUPS, MAX_NAME_CHARS, Preset, apply_preset, preset_from, shipped_presets
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.own_presets import OwnPresets
from studio.runtime import get_runtime
from studio.ui.components.changes import changes
from studio.ui.session import errors_shown
from studio.ui.state import PageState
from studio.ui.words import plain


def presets_button(state: PageState, prompt: StructuredPrompt | None, *, key: str) -> bool:
    """The button; whether the dialog is open. ``prompt`` is None while the draft's JSON is not valid."""
    if st.button(
        "Presets", key=f"{key}_presets", icon=":material/style:", type="tertiary", disabled=prompt is None,
        help="Lights, cameras, styles… to lay over this prompt, and your own",
    ):  # fmt: skip
        state.presets_open = True  # a run of the whole page, such as a job's, leaves the dialog open
    return state.presets_open and prompt is not None


def presets_dialog(state: PageState, *, key: str) -> None:
    """The presets over the page, for the prompt in ``state.draft``."""
    assert state.draft is not None
    prompt = StructuredPrompt.parse(state.draft.text)

    def close() -> None:
        state.presets_open = False

    @st.dialog("Presets", icon=":material/style:", width="medium", on_dismiss=close)
    def dialog() -> None:
        own = OwnPresets(get_runtime().settings.workspace_dir)
        applying, keeping = st.tabs(["Apply", "Your own"])
        with applying:
            _apply_some(state, own, prompt, key)
        with keeping:
            _keep_one(own, prompt, key)
            _own_list(state, own, key)

    dialog()


def _apply_some(state: PageState, own: OwnPresets, prompt: StructuredPrompt, key: str) -> None:
    known: tuple[Preset, ...] = shipped_presets()
    with errors_shown():
        known += own.load()
        if unread := own.unread():
            st.caption(f"{unread} in your file cannot be read by this version; left as they are.")
    result, chosen = prompt, False
    for place, (group, named) in enumerate(_by_group(known).items()):
        if place % 2 == 0:
            columns = st.columns(2)  # a row each: on a phone the order stays
        name = columns[place % 2].selectbox(
            group.capitalize(), list(named), index=None, placeholder="as it is", key=f"{key}_preset_{group}",
            format_func=partial(_title, named),
        )  # fmt: skip
        if name is not None:
            result, chosen = apply_preset(result, named[name]), True
    if not chosen:
        st.caption("Choose one or several. What they change is shown here before anything happens.")
        return
    rows = diff(prompt, result)
    changes(rows, key=f"{key}_preset_changes")
    if st.button("Apply", key=f"{key}_preset_apply", type="primary", icon=":material/check:", disabled=not rows):
        state.apply(result.to_json())
        state.presets_open = False
        st.rerun()


def _keep_one(own: OwnPresets, prompt: StructuredPrompt, key: str) -> None:
    group = st.selectbox(
        "Keep of this prompt", list(GROUPS), format_func=str.capitalize, key=f"{key}_preset_part",
        help="Which part of it becomes a preset. Look: light, camera, style and aesthetics together.",
    )  # fmt: skip
    try:
        part = preset_from(prompt, group, "preview").part
    except InputError as exc:
        st.caption(plain(str(exc)))
        return
    kept = StructuredPrompt.from_dict(part)
    lines = [f"- :small[:gray[{plain(path)}] {plain(shown(kept.get(path)))}]" for path in kept.paths()]
    st.markdown("\n".join(lines))
    with st.form(f"{key}_preset_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", max_chars=MAX_NAME_CHARS, placeholder="My evening light", key=f"{key}_preset_name")
        saved = st.form_submit_button("Save")
    if saved:
        with errors_shown():
            own.save(preset_from(prompt, group, name or ""))
            st.toast(f"Saved: {plain(' '.join((name or '').split()))}", icon=":material/check:")
            st.rerun()


def _own_list(state: PageState, own: OwnPresets, key: str) -> None:
    with st.container():
        if state.deleted_preset is not None:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(plain(f"Deleted “{state.deleted_preset.name}”."))
                if st.button("Undo", key=f"{key}_preset_undo", icon=":material/undo:", type="tertiary"):
                    with errors_shown():
                        own.save(state.deleted_preset)
                        state.deleted_preset = None
                        st.rerun()
    try:
        presets = own.load()
    except StoreError as exc:
        st.error(plain(str(exc)), icon=":material/error:")
        return
    if not presets:
        st.caption("None of your own yet.")
    for preset in presets:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{plain(preset.name)} :gray[{preset.group}]")
            if st.button(
                "Delete", key=f"{key}_preset_delete_{preset.group}_{preset.name}", icon=":material/delete:",
                type="tertiary",
            ):  # fmt: skip
                with errors_shown():
                    own.delete(preset)
                    state.deleted_preset = preset
                    st.rerun()


def _title(named: dict[str, Preset], name: str) -> str:
    return f"{name} · yours" if named[name].own else name


def _by_group(known: tuple[Preset, ...]) -> dict[str, dict[str, Preset]]:
    """The presets by group and name; groups without any are left out."""
    found = {group: {each.name: each for each in known if each.group == group} for group in GROUPS}
    return {group: named for group, named in found.items() if named}
