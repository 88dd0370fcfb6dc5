"""What a review of a refinement does to the draft: ticks, and the switch between all changes and those asked for."""

from functools import lru_cache

import streamlit as st

from fibo_core.errors import PromptError
from fibo_core.prompts.locks import locked_fields
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.review import Review, review
from studio.ui.components.changes import Turned, count_line, review_changes
from studio.ui.state import PageState, field_key
from studio.ui.words import plain

_review = lru_cache(maxsize=16)(review)  # once for each change of what it is made of, not at each run of the page


def instruction_base(state: PageState) -> StructuredPrompt:
    """What a new instruction changes: what the user has made of the prompt, where that is valid, else the source."""
    assert state.source is not None
    if state.draft is not None and state.draft.is_users:
        try:
            return state.draft.parsed().prompt
        except PromptError:
            return state.source
    return state.source


def review_switches(state: PageState, *, picture: bool) -> None:
    """Whether only what was asked is taken, and whether the writer may see the picture, where there is one."""

    def switched() -> None:
        state.turn_offers = True

    only_asked, with_picture = field_key("refine", "only_asked"), field_key("refine", "with_picture")
    st.session_state.setdefault(only_asked, True)
    with st.container(horizontal=True, gap="medium"):
        st.toggle(
            "Only what I asked", key=only_asked, persist_state="session", on_change=switched,
            help="Other changes of the writer's are offered: tick those you like. Judged by the words of what should "
            "change, so have a look.",
        )  # fmt: skip
        if picture:
            st.toggle(
                "Let the writer see the picture", key=with_picture, persist_state="session",
                help="Gemini, a model of LLM_MODEL's that sees, and the local writer look at it beside the prompt; the "
                "first two are sent it. The offline writer does not look.",
            )  # fmt: skip


def review_of(state: PageState, base: StructuredPrompt, *, paint_label: str, working: bool) -> bool:
    """What the draft changes, a tick for each change; True when the user accepts it. The draft must be there.

    ``base`` is what the locks are of. Ticks change the draft, and the draft, edited by hand, moves the ticks.
    """
    assert state.source is not None
    assert state.draft is not None
    st.subheader("Changes", anchor=False)
    written = state.draft.written
    answer = None if written is None else written.offered or written.prompt
    try:
        draft = state.draft.parsed().prompt
    except PromptError:
        st.caption("The JSON must be valid before its changes can be shown.")
        return False
    seen = _review(state.source, draft, answer, state.draft.words, state.base)
    _turn_offers(state, seen)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(count_line(seen, locked_fields(base, state.locked)), width="content")
        accepted = bool(seen.rows) and st.button(
            "Accept and paint", icon=":material/check:", key="refine_accept", disabled=working, help=paint_label
        )
    if seen.rows or answer is None:
        _turn_over(state, seen, review_changes(seen, key="refine_changes"))
    elif not state.draft.notes:
        st.caption("The writer changed nothing: the prompt may say so already. Else say it in other words.")
    for note in state.draft.notes:
        st.caption(f":material/info: {plain(note)}")
    return accepted


def _turn_offers(state: PageState, seen: Review) -> None:
    """After a switch of "Only what I asked": takes what is offered besides, or leaves it. Runs the page again."""
    if not state.turn_offers:
        return
    state.turn_offers = False
    take = not st.session_state[field_key("refine", "only_asked")]
    offers = frozenset(row.id for row in seen.rows if row.origin == "offered" and row.taken != take)
    _turn_over(state, seen, Turned(offers, take) if offers else None)


def _turn_over(state: PageState, seen: Review, turned: Turned | None) -> None:
    """Takes or leaves rows in the draft, where edits by hand stay. Runs the page again."""
    if turned is None:
        return
    prompt = seen.taking(turned.ids) if turned.take else seen.leaving(turned.ids)
    if any(row.id in turned.ids and row.origin == "you" for row in seen.rows):
        state.apply(prompt.to_json())  # with a way back
    else:
        state.rewrite(prompt.to_json())
    st.rerun()
