"""What was done for JSON that was pasted, dropped or mended, and the settings found beside it, which are offered."""

import streamlit as st

from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, SEED_MAX, STEPS_MAX, STEPS_MIN
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.mend import Mended, Recipe
from fibo_core.store.generation import Mode
from studio.ui.state import Field, fill_field
from studio.ui.words import plain


def say_what_was_done(mended: Mended, mode: Mode, spec: ModelSpec) -> None:
    """The notes, and a button that fills the page's form with the settings found; it is gone once the form has them."""
    for note in mended.notes:
        st.caption(f":material/healing: {plain(note)}")
    if mended.recipe:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/tune: {plain(f'Found beside it: {mended.recipe}.')}")
            st.button(
                "Use these settings", key=f"{mode}_use_found", type="tertiary", icon=":material/input:",
                help="Fills the form with those that this model takes",
                on_click=use_settings, args=(mended.recipe, mode, spec),
            )  # fmt: skip


def use_settings(recipe: Recipe, mode: Mode, spec: ModelSpec) -> None:
    """Fills the form of a page with a recipe's settings, as far as the form can hold them."""
    fields: dict[Field, object] = {}
    if recipe.seed is not None and recipe.seed <= SEED_MAX:
        fields["seed"] = str(recipe.seed)
    if recipe.width is not None and recipe.height is not None:
        fields["aspect"] = spec.nearest_aspect(recipe.width, recipe.height)
    if recipe.num_inference_steps is not None and STEPS_MIN <= recipe.num_inference_steps <= STEPS_MAX:
        fields["steps"] = recipe.num_inference_steps
    if recipe.guidance_scale is not None and GUIDANCE_MIN <= recipe.guidance_scale <= GUIDANCE_MAX:
        fields["guidance"] = recipe.guidance_scale
    if recipe.negative_prompt is not None and spec.fixed_negative is None:
        fields["negative"] = recipe.negative_prompt
    for field, value in fields.items():
        fill_field(mode, field, value)
