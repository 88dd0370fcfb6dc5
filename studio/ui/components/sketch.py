"""The prompt as a board: its objects as chips of their colour at place and size, the light as a dial, all to be moved.

The browser draws an edit at once, numbers it and sends it until it is known to be taken: of five quick arrows none is
lost, and each one is an edit of the draft like any other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.edits import items
from fibo_core.prompts.sketch import (
    MEDIUM,
    NINE,
    PLAIN_SIZES,
    add_object,
    light_from,
    move_object,
    name_object,
    read_layout,
    recolor_object,
    remove_object,
    resize_object,
)
from fibo_core.prompts.sketch_words import (
    Light,
    Place,
    columns,
    light_angles,
    light_depths,
    offered_colors,
    rows,
    sizes,
    write_light,
    write_place,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt
from studio.ui.components import asset
from studio.ui.state import PageState, SketchState, sketch_state

_BOARD = st.components.v2.component(
    "fibo_sketch", html="<div class='sketch'></div>\n", css=asset("sketch.css"), js=asset("sketch.js")
)
UNDO = "undo"


def sketch(
    state: PageState,
    prompt: StructuredPrompt,
    *,
    key: str,
    spec: ModelSpec,
    shape: tuple[int, int],
    on_open: Callable[[int], None],
) -> None:
    """The board of ``prompt``, which is what ``state.draft`` holds, in the shape of the picture.

    Things go where the model of ``spec`` has words for. ``on_open`` is called with the number of the object whose
    fields are asked for.
    """
    assert state.draft is not None
    remembered, name = sketch_state(key), f"{key}_sketch"
    remembered.begin(state.draft.text)
    _BOARD(
        key=name,
        data={**vocabulary(spec), **board(prompt, shape), **_progress(remembered)},
        on_edits_change=lambda: take_edits(state, remembered, st.session_state[name].edits),
        on_open_change=lambda: on_open(int(st.session_state[name].open)),
    )


def vocabulary(spec: ModelSpec) -> dict[str, Any]:
    """What the board writes: its lattice, and the words for each place, size, colour and light.

    ``reach`` are the columns, rows and sizes that a hand can choose.
    """
    fine = spec.between_places
    return {
        "columns": columns(),
        "rows": rows(),
        "places": [[write_place(Place(c, r)) for c in range(len(columns()))] for r in range(len(rows()))],
        "nine": [[place.column, place.row] for place in NINE],
        "sizes": sizes(),
        "reach": {
            "columns": list(range(len(columns()))) if fine else sorted({place.column for place in NINE}),
            "rows": list(range(len(rows()))) if fine else sorted({place.row for place in NINE}),
            "sizes": list(range(len(sizes()))) if fine else PLAIN_SIZES,
        },
        "medium": MEDIUM,
        "colors": offered_colors(),
        "lights": {
            depth: {str("" if angle is None else angle): write_light(Light(angle, depth)) for angle in _angles(depth)}
            for depth in light_depths()
        },
    }


def board(prompt: StructuredPrompt, shape: tuple[int, int]) -> dict[str, Any]:
    """The chips and the light of ``prompt``, with the words it has for them."""
    layout, objects = read_layout(prompt, shape), items(prompt, "objects")
    light, direction = layout.light, prompt.get("lighting.direction")
    return {
        "shape": list(shape),
        "chips": [
            {
                "label": chip.label,
                "column": chip.place.column,
                "row": chip.place.row,
                "depth": chip.place.depth,
                "size": chip.size,
                "color": chip.color,
                "doubts": list(chip.doubts),
                "where": _said(objects[chip.index].get("location")),
                "large": _said(objects[chip.index].get("relative_size")),
            }
            for chip in layout.chips
        ],
        "light": {
            "angle": light.angle if light else None,
            "depth": light.depth if light else None,
            "words": _said(direction),
            "doubt": layout.light_doubt,
        },
    }


def take_edits(state: PageState, remembered: SketchState, edits: Sequence[Mapping[str, Any]] | None) -> None:
    """Makes of the draft what the edits that have not been taken yet make of it, in their order.

    One that was made on another text than the draft's, or on what was made of it here, is left out: its numbers would
    mean other objects.
    """
    for edit in edits or ():
        if edit["n"] <= remembered.taken or state.draft is None:
            continue
        remembered.taken = edit["n"]
        remembered.begin(state.draft.text)
        if edit["of"] not in remembered.versions:
            continue
        if edit["act"] == UNDO:
            if (text := remembered.undone()) is not None:
                state.rewrite(text)
            continue
        prompt = StructuredPrompt.parse(state.draft.text)
        edited = apply_edit(prompt, edit)
        if edited != prompt:
            state.rewrite(edited.to_json())
            remembered.add(state.draft.text)


def apply_edit(prompt: StructuredPrompt, edit: Mapping[str, Any]) -> StructuredPrompt:
    """``prompt`` after one edit on the board; itself where the edit's object is not there."""
    act, index = edit["act"], int(edit.get("index", -1))
    if act == "add":
        return add_object(prompt, Place(edit["column"], edit["row"]))
    if act == "light":
        return light_from(prompt, Light(edit["angle"], edit["depth"]))
    if index not in range(len(items(prompt, "objects"))):
        return prompt
    if act == "move":
        return move_object(prompt, index, Place(edit["column"], edit["row"], edit["depth"]))
    if act == "resize":
        return resize_object(prompt, index, edit["size"])
    if act == "recolor":
        return recolor_object(prompt, index, edit["color"])
    if act == "name":
        return name_object(prompt, index, edit["text"])
    assert act == "remove", act
    return remove_object(prompt, index)


def _progress(remembered: SketchState) -> dict[str, Any]:
    return {"taken": remembered.taken, "version": remembered.version, "undo": len(remembered.texts) > 1}


def _angles(depth: str) -> list[int | None]:
    return [None] if depth == "around" else [None, *light_angles()]


def _said(value: object) -> str:
    return value if isinstance(value, str) else ""
