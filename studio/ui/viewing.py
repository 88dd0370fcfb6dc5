"""One picture, one state: the words, the JSON and the settings beside an earlier picture are that picture's own.

What the user was at meanwhile is kept aside, and comes back with "Back to my draft".
"""

from collections.abc import Sequence

import streamlit as st

from fibo_core.engine.imported import check_repeatable
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import PromptError, RequestError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from studio.ui.navigation import GENERATE, go_to
from studio.ui.session import find_picture, written_of
from studio.ui.state import Field, KeptWork, PageState, field_key, fill_field, forget_deleted, page_state

ADDRESS = "picture"  #: the picture in a page's address, by which a reload finds it again
KEPT_FIELDS: tuple[Field, ...] = (
    "words", "aspect", "count", "seed", "seed_locked", "locked_for", "steps", "guidance", "negative",
    "loras",
)  # fmt: skip


def view_picture(state: PageState, mode: Mode, generation: Generation, spec: ModelSpec) -> None:
    """Shows an earlier picture with its recipe; the user's own work is kept aside. Run the page again afterwards.

    ``spec`` is the model of the form: on another one than the picture's, the form shows that model's settings.
    """
    state.kept = state.kept or _work(state, mode)
    state.put_beside(written_of(generation), generation.words if generation.mode == mode else "")
    state.shown_id = generation.id
    st.query_params[ADDRESS] = generation.id
    forget_deleted(mode)
    fill_recipe(mode, generation, spec)


def leave_for_batch(state: PageState, mode: Mode) -> None:
    """Empties the page for another batch; the user's own work is kept aside, where there is any."""
    kept = state.kept or _work(state, mode)
    state.forget()
    if kept.draft is not None or str(kept.fields.get("words") or "").strip():
        state.kept, state.previous = kept, None


def _work(state: PageState, mode: Mode) -> KeptWork:
    keys = {name: field_key(mode, name) for name in KEPT_FIELDS}
    fields: dict[Field, object] = {name: st.session_state[key] for name, key in keys.items() if key in st.session_state}
    return KeptWork(state.draft, state.previous, fields)


def use_all(generation: Generation, spec: ModelSpec) -> None:
    """Goes to Generate, where this picture is shown with its recipe. Raises RequestError for one that cannot be painted
    again."""
    check_repeatable(generation.request)
    RenderSettings.like(generation.request, spec)  # raises for one of before that does not say which adapter it was
    view_picture(page_state("generate"), "generate", generation, spec)
    go_to(GENERATE)


def fill_recipe(mode: Mode, generation: Generation, spec: ModelSpec) -> None:
    """Fills a page's form with the words, seed and settings of a picture, as far as the model ``spec`` takes them."""
    request = generation.request
    fill_field(mode, "words", generation.words if generation.mode == mode else "")
    fill_field(mode, "seed", str(request.seed))
    fill_field(mode, "seed_locked", True)
    fill_field(mode, "locked_for", generation.words)
    fill_field(mode, "count", 1)
    try:
        like = RenderSettings.like(request, spec)
    except RequestError:
        return  # whoever paints it is told why it cannot be
    fill_field(mode, "steps", like.num_inference_steps)
    fill_field(mode, "guidance", like.guidance_scale)
    fill_field(mode, "negative", like.negative_prompt)
    fill_field(mode, "loras", ", ".join(like.adapters))
    fill_field(mode, "aspect", spec.nearest_aspect(like.width, like.height))


def back_to_draft(state: PageState, mode: Mode) -> None:
    """Brings back what the user was at before they looked at earlier pictures. Run the page again afterwards."""
    kept = state.kept
    if kept is not None:
        state.bring_kept(kept)
        for name in KEPT_FIELDS:
            if name in kept.fields or name == "locked_for":
                fill_field(mode, name, kept.fields.get(name))
    leave_view(state)


def leave_view(state: PageState) -> None:
    """The recipe that is shown becomes the user's own; a JSON of theirs that was kept aside has its way back."""
    if state.kept is not None and state.kept.draft is not None and state.kept.draft.is_users:
        state.previous = state.kept.draft
    state.kept, state.shown_id = None, None
    st.query_params.pop(ADDRESS, None)


def view_address(runtime: Runtime, state: PageState, mode: Mode, spec: ModelSpec) -> None:
    """Shows the picture that the page's address names, also after a reload; else keeps the address true."""
    named = st.query_params.get(ADDRESS)
    if named in (None, state.shown_id):
        if state.shown_id is not None:
            st.query_params[ADDRESS] = state.shown_id
        return
    generation = find_picture(runtime, named)
    if generation is None:
        st.query_params.pop(ADDRESS, None)
    else:
        view_picture(state, mode, generation, spec)
        st.rerun()


def batch_differs(state: PageState, batch: Batch, painted: Sequence[Generation], seed: str | None) -> bool:
    """Whether the prompt in the editor, or a seed that is held, is another than any that a batch was painted from."""
    prompts = [picture.prompt for picture in painted] + ([batch.prompt.prompt] if batch.prompt is not None else [])
    if state.draft is None or not prompts:
        return False
    try:
        prompt = StructuredPrompt.parse(state.draft.text)
    except PromptError:
        return True
    if prompt.canonical() not in {each.canonical() for each in prompts}:
        return True
    return seed is not None and seed not in {str(cell.seed) for cell in batch.cells}


def differs(state: PageState, generation: Generation, seed: str | None) -> bool:
    """Whether the prompt in the editor, or a seed that is held, is another than the picture's."""
    if state.draft is None:
        return False
    try:
        prompt = StructuredPrompt.parse(state.draft.text)
    except PromptError:
        return True
    return prompt.canonical() != generation.prompt.canonical() or seed not in (None, str(generation.request.seed))
