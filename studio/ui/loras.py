"""The LoRAs of a page's form, and those that the source of a refinement or an edit was painted with."""

from dataclasses import replace

import streamlit as st

from fibo_core.engine.adapters import asked_of, read_asked
from fibo_core.engine.imported import ImportedRequest
from fibo_core.errors import RequestError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.store.generation import Mode
from fibo_core.work.orders import Order
from studio.ui.state import PageState, field_key, field_value


def read_loras(text: str | None) -> tuple[str, ...]:
    """The LoRAs that a user typed, "sepia:0.8, ink". Raises RequestError for what is no name or no strength."""
    asked = tuple(each.strip() for each in (text or "").split(",") if each.strip())
    for each in asked:
        read_asked(each)
    return asked


def settle_loras(state: PageState, mode: Mode, spec: ModelSpec) -> bool:
    """Whether the LoRAs of the next picture by ``spec`` are a matter of the page's field: there is a recipe to begin
    with, and a model that takes some. The field begins with those that the source was painted with, where that was by
    this model, and holds what somebody types. Before it is drawn, or read."""
    recipe = recipe_of_source(state, spec.name)
    if state.loras_of != recipe:
        own = state.source_request is not None and state.source_request.model == spec.name
        st.session_state[field_key(mode, "loras")] = ", ".join(worn_by_source(state)) if own else ""
        state.loras_of = recipe
    return state.source_request is not None and "lora" in spec.abilities


def recipe_of_source(state: PageState, model: str) -> str | None:
    """The hash of the source's recipe, and the model that paints next; None where it has none."""
    return None if state.source_request is None else f"{state.source_request.recipe_hash} {model}"


def with_loras(order: Order, state: PageState, mode: Mode, spec: ModelSpec) -> Order:
    """The order with the LoRAs that stand in that field, where there is one. Raises as `read_loras`."""
    asked = read_loras(field_value(mode, "loras")) if settle_loras(state, mode, spec) else ()
    return replace(order, adapters=asked) if asked or worn_by_source(state) else order


def wears_the_sources(order: Order, state: PageState) -> bool:
    """Whether an order asks for the very LoRAs of its source."""
    return list(map(read_asked, order.adapters or ())) == list(map(read_asked, worn_by_source(state)))


def worn_by_source(state: PageState) -> tuple[str, ...]:
    """The LoRAs of the source, as a user asks for them; none where its recipe does not say which files they were:
    whoever paints it is told why it cannot be."""
    request = state.source_request
    if request is None or isinstance(request, ImportedRequest):
        return ()
    try:
        return asked_of(request.adapters)
    except RequestError:
        return ()
