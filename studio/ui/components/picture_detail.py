"""One picture of the History, large, with everything about it and the ways on from it."""

import streamlit as st

from fibo_core.models.catalogue import CATALOGUE, ModelSpec
from fibo_core.store.generation import Generation
from fibo_core.work.runtime import Runtime
from fibo_core.writers import Usage
from studio.ui.components.grid import open_grid_button
from studio.ui.components.history_filters import current_query
from studio.ui.components.json_editor import authorship, show_json
from studio.ui.components.result import (
    download_buttons,
    facts,
    favourite_button,
    picture_strip,
    source_url,
)
from studio.ui.components.selection import delete
from studio.ui.components.stage import stage
from studio.ui.session import errors_shown, find_picture, start_inspire, start_refine, use_prompt, use_seed
from studio.ui.state import history_state
from studio.ui.viewing import use_all
from studio.ui.words import duration, moment, plain, title_of


def picture_detail(runtime: Runtime, generation: Generation, spec: ModelSpec) -> None:
    """The page of one picture; ``spec`` is the model in use, whose shapes the form can offer."""
    _way_back(runtime, generation)
    left, right = st.columns([6, 5], gap="large")
    with left:
        stage(key="detail_stage", picture=generation, before=find_picture(runtime, generation.parent_id))
        st.caption(facts(generation))
        with st.container(horizontal=True, gap="small"):
            favourite_button(runtime, generation, key="detail")
            download_buttons(runtime, generation, key="detail")
            open_grid_button(runtime, generation, key="detail")
            if st.button("Delete", key="detail_delete", icon=":material/delete:"):
                delete(runtime, history_state(), [generation.id])
    with right:
        st.subheader(plain(title_of(generation)), anchor=False)
        with st.container(horizontal=True, gap="small"):
            refine = st.button("Refine", key="detail_refine", icon=":material/tune:", type="primary")
            inspire = st.button("Inspire", key="detail_inspire", icon=":material/lightbulb:")
            everything = generation.repeatable and st.button(
                "Use all", key="detail_all", help="Prompt, seed and settings, on Generate"
            )
            use_json = st.button("Use the JSON", key="detail_json_use", help="The prompt alone, on Generate")
            seed = generation.seed_known and st.button(
                "Use the seed", key="detail_seed_use", help="The seed alone, on Generate"
            )
        with errors_shown():
            if refine:
                start_refine(generation)
            elif inspire:
                start_inspire(runtime, generation)
            elif everything:
                use_all(generation, spec)
            elif use_json:
                use_prompt(generation)
            elif seed:
                use_seed(generation)
        _recipe(generation)
        show_json(generation.prompt.to_json(), key=f"detail_json_{generation.id}")
        _family(runtime, generation)


def _way_back(runtime: Runtime, generation: Generation) -> None:
    before, after = runtime.tools.history.neighbours(generation.id, current_query())
    with st.container(horizontal=True, gap="small"):
        if st.button("All pictures", key="detail_back", icon=":material/arrow_back:", shortcut="Escape"):
            _open(None)
        for label, neighbour, icon, shortcut in (
            ("Previous", before, ":material/chevron_left:", "Left"),
            ("Next", after, ":material/chevron_right:", "Right"),
        ):
            if st.button(label, key=f"detail_{label}", icon=icon, disabled=neighbour is None, shortcut=shortcut):
                _open(neighbour)


def _open(generation_id: str | None) -> None:
    if generation_id is None:
        st.query_params.pop("picture", None)
    else:
        st.query_params["picture"] = generation_id
    st.rerun()


def _recipe(generation: Generation) -> None:
    request = generation.request
    if not generation.repeatable:
        _origin(generation)
        return
    model = CATALOGUE.get(request.model)
    fixed = model is not None and request.negative_prompt == model.fixed_negative  # nobody has asked for it
    rows = {
        "Words": plain(generation.words),
        "Painted": f"{moment(generation.created_at)}, in {duration(generation.duration_s)}",
        "Seed": f"`{request.seed}`",
        "Size": f"{request.width}×{request.height}",
        "Steps, guidance": f"{request.num_inference_steps}, {request.guidance_scale:g}",
        "Negative prompt": "" if fixed else plain(request.negative_prompt),
        "Prompt": authorship(generation.writer, generation.edited, generation.writer_model)
        + (f" · {tokens(generation.usage)}" if generation.usage is not None else ""),
        "Model": f"{request.model} `{request.revision[:12]}`",
        "On": f"{generation.device}, {generation.precision}",
        "Versions": ", ".join(f"{name} {version}" for name, version in generation.versions.items()),
        "Recipe": f"`{generation.recipe_hash[:16]}`",
    }
    st.markdown("  \n".join(f":gray[{label}] {value}" for label, value in rows.items() if value))


def _origin(generation: Generation) -> None:
    """What is known of a picture that another program made."""
    request, said = generation.request, generation.versions
    rows = {
        "Words": plain(generation.words),
        "Negative words": plain(request.negative_prompt),
        "Made by": plain(said.get("program", "")),
        "File": plain(said.get("file", "")),
        "Made": moment(generation.created_at),
        "Seed": f"`{said['seed']}`" if "seed" in said else "",
        "Size": f"{request.width}×{request.height}",
        "Steps": str(request.num_inference_steps or ""),
        "Guidance": f"{request.guidance_scale:g}" if request.guidance_scale else "",
        "Model": plain(request.model),
    }
    st.markdown("  \n".join(f":gray[{label}] {value}" for label, value in rows.items() if value))


def tokens(usage: Usage) -> str:
    """ "521 tokens read, 291 written"."""
    return f"{usage.input_tokens:,} tokens read, {usage.output_tokens:,} written"


def _family(runtime: Runtime, generation: Generation) -> None:
    history = runtime.tools.history
    for label, relatives in (
        ("Comes from", history.ancestors(generation.id)),
        ("Led to", history.children(generation.id)),
    ):
        if relatives:
            st.caption(label)
            opened = picture_strip(relatives, key=f"detail_{label}", current=None)
            if opened is not None:
                _open(opened)
    if generation.source_path is not None:
        st.caption("Inspired by")
        st.link_button("Open the source picture", source_url(generation.id), icon=":material/image:")
