"""What Refine shows of a step: the question before nothing is changed, what is under way, the review of the answer."""

from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from fibo_core.errors import PromptError
from fibo_core.prompts.locks import locked_fields
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation, Mode
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers.review import Review, review
from studio.ui.components.changes import Turned, count_line, review_changes
from studio.ui.components.json_editor import show_refusals
from studio.ui.components.press_bar import Presses
from studio.ui.components.refused import EXISTS, ON_ITS_WAY
from studio.ui.components.thread import Pending
from studio.ui.conversation import all_words, go_on_from, is_changed
from studio.ui.instructions import are_left_out
from studio.ui.session import errors_shown, find_picture, place
from studio.ui.state import PageState, Refused, field_key, field_value, fill_field, joined
from studio.ui.words import plain

BY_HAND = "Changed by hand"
NOTHING_CHANGED = "NothingChanged"  #: the error of a job whose writer left the prompt as it was
NOTHING_NEW = "Nothing would change. Say what should change, edit the prompt, or choose another seed."

_review = lru_cache(maxsize=16)(review)  # once for each change of what it is made of, not at each run of the page


@dataclass(frozen=True)
class Question:
    """What is asked before ``order`` is placed: its picture, or one with the same prompt, is there (``existing``)."""

    text: str
    order: Order
    existing: Generation | None = None


def asks_first(runtime: Runtime, state: PageState, batch: Batch | None, *, said: bool) -> Question | None:
    """What there is to ask before the same picture is painted once more; None where nothing is.

    ``said``: there is something to change by now, so that nobody need be asked for it.
    """
    order, existing = state.refused.order, find_picture(runtime, state.refused.generation_id)
    if order is not None and existing is not None and not (said and existing.id == state.source_id):
        return Question(NOTHING_NEW if existing.id == state.source_id else EXISTS, order, existing)
    if order is not None and state.refused.batch_id is not None:
        return Question(ON_ITS_WAY, order)
    unchanged = batch is not None and not batch.generation_ids and batch.current.error_kind == NOTHING_CHANGED
    if unchanged and batch is not None and batch.ended:
        return Question(str(batch.current.error), replace(batch.order, written=batch.current.written))
    return None


def show_refusal(runtime: Runtime, state: PageState, asked: Question | None, mode: Mode = "refine") -> None:
    """Says why the last press placed nothing, and asks what is to be asked."""
    show_refusals(state, mode)
    if state.refused.note:
        st.caption(f":material/undo: {plain(state.refused.note)}")
    if asked is None:
        return
    st.info(plain(asked.text), icon=":material/help:")
    with st.container(horizontal=True, gap="small"):
        other = asked.existing is not None and asked.existing.id != state.source_id
        if other and st.button("Show it", key=f"{mode}_show_existing", icon=":material/visibility:"):
            assert asked.existing is not None
            go_on_from(asked.existing.id)
        if st.button("Paint again anyway", key=f"{mode}_again", type="tertiary", icon=":material/brush:"):
            state.refused = Refused()
            with errors_shown():
                place(runtime, state, asked.order)


def pending(state: PageState, batch: Batch | None) -> list[Pending]:
    """The instructions that have no picture yet: the one that is being carried out, or whose changes are under review,
    and those that wait for it."""
    going = _pending(state, batch)
    rows = [] if going is None else [going]
    paints = batch is not None and batch.order.paint
    for each in state.waiting:
        what = "waits for the picture before" if paints else "waits for the step before"
        rows.append(Pending(each.words or BY_HAND, what, each.id))
        paints = each.action == "paint"
    return rows


def _pending(state: PageState, batch: Batch | None) -> Pending | None:
    if batch is None or batch.id == state.stepped:
        return None
    if not batch.ended:
        what = f"{batch.pictures} pictures side by side" if batch.pictures > 1 else BY_HAND
        return Pending(batch.order.words or what, "being painted" if batch.order.paint else "being written")
    if batch.order.paint or state.draft is None or not is_changed(state):
        return None
    return Pending(all_words(state), "to be reviewed")


def words_left_out(state: PageState, presses: Presses) -> None:
    """Words that should have come back, and found others in their field: offered beside those."""
    if not are_left_out(state, presses):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/undo: Not carried out: “{plain(state.returned)}”", width="content")
        if st.button("Add it to my words", key="refine_add_words", type="tertiary", icon=":material/add:"):
            fill_field("refine", "words", joined(field_value("refine", "words", "").strip(), state.returned))
            state.returned, state.returned_as = "", None
            st.rerun()
        if st.button("Drop it", key="refine_drop_words", type="tertiary", icon=":material/close:"):
            state.returned, state.returned_as = "", None
            st.rerun()


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


def review_of(state: PageState, base: StructuredPrompt, *, notes: bool) -> bool:
    """What the draft changes, a tick for each change; True when the user discards it all. The draft must be there.

    ``base`` is what the locks are of. Ticks change the draft, and the draft, edited by hand, moves the ticks. Nothing
    is shown where there is nothing to review; the writer's notes with ``notes``.
    """
    assert state.source is not None
    assert state.draft is not None
    written = state.draft.written
    answer = None if written is None or not state.draft.words else written.offered or written.prompt
    try:
        draft = state.draft.parsed().prompt
    except PromptError:
        st.caption("The JSON must be valid before its changes can be shown.")
        return False
    seen = _review(state.source, draft, answer, state.draft.words, state.base)
    _turn_offers(state, seen)
    discarded = False
    if seen.rows:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(count_line(seen, locked_fields(base, state.locked)), width="content")
            if any(row.taken for row in seen.rows):
                discarded = st.button("Discard", key="refine_discard", type="tertiary", icon=":material/undo:",
                                      help="Back to the source's own prompt")  # fmt: skip
        _turn_over(state, seen, review_changes(seen, key="refine_changes"))
    elif answer is not None and state.batch_id != state.stepped and not state.draft.notes:
        st.caption("The writer changed nothing: the prompt may say so already. Say it in other words.")
    for note in state.draft.notes if notes else ():
        st.caption(f":material/info: {plain(note)}")
    return discarded


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
