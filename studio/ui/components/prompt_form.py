"""The prompt as a form: its fields grouped as people think of them, over the same Draft as the JSON editor.

A field that is left writes into the draft at once and keeps its place and focus; whatever else changes the draft
builds the fields anew, so that they never show another text than the JSON does.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from fibo_core.errors import PromptError
from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.edits import ListKey, add_item, copy_item, items, move_item, remove_item, with_field
from fibo_core.prompts.parts import OBJECTS, PARTS, Part, Rows
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.vocabulary import field_spec
from fibo_core.store.generation import Mode
from studio.ui.components.vary import open_vary
from studio.ui.state import PageState
from studio.ui.words import plain, showable

SECTIONS = {part.title: part for part in PARTS}
NO_ITEMS: dict[str, str] = {
    "object": "No objects yet. An object is a main subject: a thing, an animal, a person.",
    "text": "No wording in the picture. Add a text to have one painted.",
}
TRY = "Try several side by side…"  #: below a field's suggestions
LABEL_CHARS = 22  #: of an object's name on its button

Edit = Callable[[StructuredPrompt], StructuredPrompt]


def prompt_form(state: PageState, prompt: StructuredPrompt, *, key: Mode) -> None:
    """The fields of ``prompt``, which is what ``state.draft`` holds."""
    section_key = _section_key(key)
    section = st.segmented_control(
        "Part of the prompt",
        list(SECTIONS),
        default=None if section_key in st.session_state else PARTS[0].title,
        required=True,
        label_visibility="collapsed",
        key=section_key,
        persist_state="session",
    )
    part = SECTIONS[str(section)]
    if part.item:
        _items(state, prompt, part, key)
    else:
        _fields(state, prompt, part.rows, "", "", key)
    others = [name for name in prompt.document if name not in KEYS]
    if others:
        st.caption(plain(f"Kept as they are, for the JSON view only: {', '.join(others)}."))


def open_object(key: str, index: int) -> None:
    """Makes the form's next drawing begin at the fields of an object."""
    st.session_state[_section_key(key)] = OBJECTS.title
    st.session_state[f"{key}_form_objects"] = index


def _section_key(key: str) -> str:
    return f"{key}_form_section"


def _items(state: PageState, prompt: StructuredPrompt, part: Part, key: Mode) -> None:
    """The fields of the chosen object or text."""
    which: ListKey = "objects" if part.item == "object" else "text_render"
    index = _chosen_item(state, prompt, which, part.item, key)
    if index is None:
        st.caption(NO_ITEMS[part.item])
        return
    named, placed = f"{which}.", f"{which}[{index}]."
    _fields(state, prompt, part.rows, named, placed, key)
    if part.more:
        item = items(prompt, which)[index]
        person = any(item.get(name) for row in part.more for name in row)
        with st.expander("If it is a person", expanded=person, type="compact"):
            _fields(state, prompt, part.more, named, placed, key)


def _chosen_item(state: PageState, prompt: StructuredPrompt, which: ListKey, noun: str, key: str) -> int | None:
    """A button for each item, and what can be done with the chosen one; its position, None where there are none."""
    found = items(prompt, which)
    chosen_key = f"{key}_form_{which}"
    if found:
        if st.session_state.get(chosen_key) not in range(len(found)):
            st.session_state[chosen_key] = 0
        st.pills(
            f"Which {noun}", list(range(len(found))), required=True, label_visibility="collapsed",
            format_func=lambda index: _label(found[index], noun, index), key=chosen_key, persist_state="session",
        )  # fmt: skip
    index: int = st.session_state.get(chosen_key, 0) if found else 0
    last = len(found) - 1
    actions: list[tuple[str, str, Edit, int, bool]] = [
        (f"Add {noun}", "add", lambda it: add_item(it, which), len(found), True)
    ]
    if found:
        actions += [
            ("Copy", "content_copy", lambda it: copy_item(it, which, index), index + 1, True),
            ("Earlier", "arrow_back", lambda it: move_item(it, which, index, index - 1), index - 1, index > 0),
            ("Later", "arrow_forward", lambda it: move_item(it, which, index, index + 1), index + 1, index < last),
            ("Delete", "delete", lambda it: remove_item(it, which, index), max(0, min(index, last - 1)), True),
        ]
    with st.container(horizontal=True, gap="small"):
        for label, icon, edit, then, possible in actions:
            st.button(
                label, key=f"{key}_form_{which}_{icon}", icon=f":material/{icon}:", type="tertiary",
                disabled=not possible, on_click=_rebuild, args=(state, key, edit, chosen_key, then),
            )  # fmt: skip
    return index if found else None


def _label(item: dict[str, Any], noun: str, index: int) -> str:
    """ "1 a red ball" """
    text = item.get("description") or item.get("text")
    text = " ".join(text.split()) if isinstance(text, str) else ""
    short = text if len(text) <= LABEL_CHARS else text[: LABEL_CHARS - 1].rstrip(" ,.") + "…"
    return plain(f"{index + 1} {short or f'New {noun}'}")


def _fields(state: PageState, prompt: StructuredPrompt, rows: Rows, named: str, placed: str, key: Mode) -> None:
    """Rows of fields; ``named`` and ``placed`` stand before their names in the vocabulary and in the prompt."""
    for row in rows:
        for column, name in zip(st.columns(len(row)), row, strict=True):
            with column:
                _field(state, prompt, named + name, placed + name, key)


def _field(state: PageState, prompt: StructuredPrompt, name: str, path: str, key: Mode) -> None:
    """One field with its suggestions; ``name`` is what the vocabulary calls it, ``path`` where it stands."""
    assert state.draft is not None
    spec, revision = field_spec(name), state.draft.form_revision
    value = prompt.get(path)
    field_key = _prefix(key, revision) + path
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        text = _shown(value)
        if spec.whole_number and (value is None or isinstance(value, int)):
            if field_key not in st.session_state:
                st.session_state[field_key] = value  # given as its default it could not be cleared
            st.number_input(
                spec.label, 0, None, None, step=1, key=field_key, help=spec.help, on_change=_take,
                args=(state, key, revision), placeholder="not said",
            )  # fmt: skip
        elif spec.one_line and "\n" not in text:
            st.text_input(spec.label, text, key=field_key, help=spec.help, on_change=_take, args=(state, key, revision))
        else:
            st.text_area(
                spec.label, text, height="content", key=field_key, help=spec.help, on_change=_take,
                args=(state, key, revision),
            )  # fmt: skip
        menu_key = f"{key}_menu_{revision}_{path}"
        what = f"{'Suggestions' if spec.suggestions else 'Try several'}: {spec.label.lower()}"
        st.menu_button(
            what, [*spec.suggestions, TRY], key=menu_key, type="tertiary",
            icon=":material/lightbulb:" if spec.suggestions else ":material/grid_view:", help=what, on_click=_choose,
            args=(state, key, path, menu_key),
        )  # fmt: skip


def _prefix(key: str, form_revision: int) -> str:
    """Fields keep their widgets while the form alone edits; a text from elsewhere needs other widgets."""
    return f"{key}_form_{form_revision}_"


def _shown(value: Any) -> str:
    return "" if value in (None, {}, []) else showable(str(value))


def _take(state: PageState, key: str, form_revision: int) -> None:
    """Brings the draft up to what stands in the fields: all of them, because several may come with one run.

    Fields of an older revision have been taken before whatever made the newer one.
    """
    prompt = _prompt(state)
    if prompt is None or state.draft is None or state.draft.form_revision != form_revision:
        return
    before, prefix = prompt, _prefix(key, form_revision)
    for name in [name for name in map(str, st.session_state) if name.startswith(prefix)]:
        path, value = name.removeprefix(prefix), st.session_state[name]
        stands = prompt.get(path)
        if value != (_shown(stands) if isinstance(value, str) else stands):
            prompt = with_field(prompt, path, value)
    if prompt != before:
        state.fill_in(prompt.to_json())


def _choose(state: PageState, key: Mode, path: str, menu_key: str) -> None:
    """A suggestion takes the place of what stands in a field, or the field is varied."""
    if st.session_state[menu_key] == TRY:
        assert state.draft is not None
        _take(state, key, state.draft.form_revision)
        open_vary(key, path)
        return
    _change(state, key, lambda it: with_field(it, path, st.session_state[menu_key]), state.rewrite)


def _rebuild(state: PageState, key: str, edit: Edit, chosen_key: str, then: int) -> None:
    """Objects are added or moved: every field may stand for another one afterwards."""
    _change(state, key, edit, state.apply)
    st.session_state[chosen_key] = then


def _change(state: PageState, key: str, edit: Edit, keep: Callable[[str], None]) -> None:
    assert state.draft is not None
    _take(state, key, state.draft.form_revision)
    prompt = _prompt(state)
    if prompt is not None:
        keep(edit(prompt).to_json())


def _prompt(state: PageState) -> StructuredPrompt | None:
    """What the draft holds; None where that is no prompt any more."""
    try:
        return None if state.draft is None else StructuredPrompt.parse(state.draft.text)
    except PromptError:
        return None
