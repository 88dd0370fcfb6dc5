"""A finished picture with everything a user may want of it next."""

from typing import Literal

import streamlit as st

from fibo_core.engine.edits import Edit
from fibo_core.engine.request import GenerationRequest
from fibo_core.engine.worn import worn_line
from fibo_core.errors import FiboError
from fibo_core.store.generation import Generation
from fibo_core.work.runtime import Runtime
from studio.ui.components.gallery import Tile, gallery
from studio.ui.components.json_editor import authorship
from studio.ui.session import errors_shown
from studio.ui.words import duration, plain, title_of


def image_url(generation_id: str) -> str:
    return f"/img/{generation_id}.png"


def thumb_url(generation_id: str) -> str:
    return f"/img/thumb/{generation_id}.webp"


def source_url(generation_id: str) -> str:
    return f"/img/source/{generation_id}.png"


def tiles(generations: list[Generation] | tuple[Generation, ...]) -> list[Tile]:
    return [Tile(each.id, thumb_url(each.id), title_of(each), each.favorite) for each in generations]


def facts(generation: Generation) -> str:
    """ "seed 20431 · 20 steps · 1.2 s · mini · written by Gemini · gemini-3.5-flash-lite · 812 tokens"; of an edit also
    how it was made: "a variation at 0.5 · 14 of 20 steps"; with its LoRAs: "mini · LoRA sepia:0.8"."""
    request = generation.request
    if not generation.repeatable:
        return " · ".join(
            [
                *([f"seed `{generation.versions['seed']}`"] if generation.seed_known else []),
                f"{request.width}×{request.height}",
                plain(request.model) if request.model else "",
                f"imported from {plain(generation.versions.get('program', '') or 'another program')}",
            ]
        ).replace(" ·  · ", " · ")
    return " · ".join(
        [
            f"seed `{request.seed}`",
            _size(request),
            *([] if request.edit is None else [how_edited(request.edit)]),
            f"{_painted_steps(request)} steps",
            duration(generation.duration_s),
            request.model,
            *([plain(worn_line(request.adapters))] if request.adapters else []),
            authorship(generation.writer, generation.edited, generation.writer_model, generation.usage),
        ]
    )


def _size(request: GenerationRequest) -> str:
    """ "1000×701, cut from 1008×704" where a side is no multiple of what models paint."""
    size, (width, height) = f"{request.width}×{request.height}", request.canvas
    return size if (width, height) == (request.width, request.height) else f"{size}, cut from {width}×{height}"


def how_edited(edit: Edit) -> str:
    """ "edited behind a mark", "a variation at 0.5", "edited by instruction"."""
    mark = " behind a mark" if edit.mask is not None else ""
    if edit.way == "own":
        return f"edited by instruction{mark}"
    return f"edited{mark}" if mark and edit.start_sigma == 1 else f"a variation at {edit.start_sigma:g}{mark}"


def _painted_steps(request: GenerationRequest) -> str:
    """ "14 of 20" where an edit begins later."""
    steps = request.num_inference_steps
    return str(steps) if request.edit is None or not request.edit.skip else f"{steps - request.edit.skip} of {steps}"


Action = Literal["refine", "edit", "inspire", "new_seed", "delete"]


def picture_actions(
    runtime: Runtime,
    generation: Generation,
    *,
    key: str,
    offered: tuple[Action, ...] = ("refine", "edit", "inspire", "new_seed", "delete"),
) -> Action | None:
    """The row of buttons under a picture; returns the one that its page must carry out."""
    pressed: Action | None = None
    with st.container(horizontal=True, gap="xsmall", key=f"{key}_picture_actions"):
        if "refine" in offered and st.button("Refine", key=f"{key}_refine", icon=":material/tune:"):
            pressed = "refine"
        if "edit" in offered and st.button(
            "Edit",
            key=f"{key}_edit",
            icon=":material/ink_highlighter:",
            help="Mark a part of it and repaint that alone",
        ):
            pressed = "edit"
        if "inspire" in offered and st.button("Inspire", key=f"{key}_inspire", icon=":material/lightbulb:"):
            pressed = "inspire"
        if "new_seed" in offered and st.button(
            "New seed",
            key=f"{key}_new_seed",
            icon=":material/casino:",
            help="The same prompt with another seed",
        ):
            pressed = "new_seed"
        favourite_button(runtime, generation, key=key)
        download_buttons(runtime, generation, key=key)
        if "delete" in offered and st.button(
            "Delete",
            key=f"{key}_delete",
            icon=":material/delete:",
            type="tertiary",
            help="Delete it into History's trash, with Undo",
        ):
            pressed = "delete"
    return pressed


def favourite_button(runtime: Runtime, generation: Generation, *, key: str) -> None:
    label = "Favourite" if not generation.favorite else "Not favourite"
    icon = ":material/star:" if generation.favorite else ":material/star_outline:"
    with errors_shown():  # it may have been deleted since the page was drawn
        if st.button(label, key=f"{key}_favorite", icon=icon):
            runtime.tools.history.set_favorite(generation.id, not generation.favorite)
            st.rerun()


def download_buttons(runtime: Runtime, generation: Generation, *, key: str) -> None:
    history = runtime.tools.history
    name, gone = f"fibo-{generation.request.seed}-{generation.id[-6:].lower()}", ""
    try:
        history.image_file(generation.id)
    except FiboError as exc:
        gone = str(exc)
    st.download_button(
        "PNG", lambda: history.image_file(generation.id).read_bytes(), file_name=f"{name}.png", mime="image/png",
        key=f"{key}_png", icon=":material/download:", on_click="ignore", disabled=bool(gone),
        help="The picture, its recipe inside",
    )  # fmt: skip
    st.download_button(
        "JSON", generation.prompt.to_json(), file_name=f"{name}.json", mime="application/json",
        key=f"{key}_json", icon=":material/data_object:", on_click="ignore", help="The structured prompt",
    )  # fmt: skip
    if gone:
        st.caption(plain(gone))


def picture_strip(
    generations: list[Generation] | tuple[Generation, ...], *, key: str, current: str | None
) -> str | None:
    """Small pictures in a row; returns the id just clicked."""
    return gallery(tiles(generations), key=key, current=current)
