"""Two writers side by side: the same words to both, their prompts beside each other, one taken or both merged."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import streamlit as st

from fibo_core.errors import BatchDamaged, BatchNotFound, InputError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.prompts.axes import Axis
from fibo_core.prompts.change_words import shown
from fibo_core.prompts.json_paths import format_path, is_within, leaves, parse_path, read
from fibo_core.prompts.locks import take_changes
from fibo_core.prompts.structured_prompt import MISSING, Change, StructuredPrompt, diff
from fibo_core.work.jobs import Job
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt, writer_name, writer_title
from fibo_core.writers.chain import Writers
from studio.ui.components import asset
from studio.ui.components.typed_words import show_typed_words
from studio.ui.session import errors_shown, read_order
from studio.ui.state import PageState, TwoWriters, field_key, fill_now, two_writers_state
from studio.ui.words import plain

_TWO_PROMPTS = st.components.v2.component(
    "fibo_two_prompts",
    html="<div class='two'></div>\n",
    css=asset("two_prompts.css"),
    js=asset("two_prompts.js"),
)

Side = Literal["left", "right"]
ADDRESS = "two"  #: the batch in the page's address, by which a reload finds it again


def two_writers_button(writers: Writers, *, disabled: bool = False) -> None:
    """Opens the comparison in place of the page; nothing where fewer than two writers are ready."""
    if sum(backend.missing() is None for backend in writers.backends) < 2:
        return
    if st.button(
        "Compare two writers", type="tertiary", icon=":material/compare:", key="two_open", disabled=disabled,
        help="The same words to two writers, their prompts side by side",
    ):  # fmt: skip
        two_writers_state().open = True
        st.rerun()


def two_writers_open() -> bool:
    """Whether the comparison stands in place of the page, now or before the page was loaded again."""
    state = two_writers_state()
    named = st.query_params.get(ADDRESS)
    if state.batch_id is None and named:
        state.open, state.batch_id = True, named
    return state.open


def two_writers(runtime: Runtime, page: PageState, spec: ModelSpec) -> None:
    """The comparison: words, two writers, their prompts; what is chosen goes into the page's editor."""
    state, writers = two_writers_state(), runtime.tools.writers
    jobs = _jobs(runtime, state)
    if st.button("Back", type="tertiary", icon=":material/arrow_back:", key="two_back"):
        _leave(state)
    words = st.text_area(
        "What should it show?", key=field_key("generate", "words"), persist_state="session", height=90,
        placeholder="a red ball on the left and a blue star on the right",
    )  # fmt: skip
    ready = [name for name in writers.names if writers.missing(name) is None]
    with st.container():
        if len(ready) < 2:
            _second_writer_needs(writers, ready)
    working = any(not job.ended for job in jobs)
    pair = _choose_pair(writers, ready, jobs) if len(ready) >= 2 else None
    with st.container(horizontal=True, gap="small"):
        ask = st.button(
            "Ask both", type="primary", icon=":material/edit_note:", key="two_ask", disabled=working or pair is None
        )
    with st.container():
        show_typed_words((words or "").strip(), spec)
    with st.container(), errors_shown():
        if ask and pair is not None:
            _ask_both(runtime, state, (words or "").strip(), pair, spec)
    with st.container():
        if jobs:
            _show_pair(runtime, state, page, jobs)


def _jobs(runtime: Runtime, state: TwoWriters) -> list[Job]:
    if state.batch_id is None:
        return []
    try:
        batch = runtime.desk.get(state.batch_id)
    except (BatchNotFound, BatchDamaged):
        batch = None
    if batch is None or len(batch.cells) != 2:
        state.batch_id = None
        st.query_params.pop(ADDRESS, None)
        return []
    if field_key("generate", "words") not in st.session_state:  # loaded again
        fill_now("generate", "words", batch.order.words)
    st.query_params[ADDRESS] = batch.id
    return [cell.job for cell in batch.cells]


def _leave(state: TwoWriters) -> None:
    state.open, state.batch_id, state.right = False, None, frozenset()
    st.query_params.pop(ADDRESS, None)
    st.rerun()


def _second_writer_needs(writers: Writers, ready: list[str]) -> None:
    only = f"Only the {writer_name(ready[0])} writer is set up here" if ready else "No writer is set up here"
    st.markdown(f":material/info: {plain(only)}, and a comparison needs two.")
    for name in writers.names:
        if (lack := writers.missing(name)) is not None:
            st.caption(f"**{writer_title(name)}**: {plain(lack.todo)}")


def _choose_pair(writers: Writers, ready: list[str], jobs: list[Job]) -> tuple[str, str]:
    asked = [job.task.writer for job in jobs] if all(job.task.writer in ready for job in jobs) else []
    left, right = st.columns(2)
    first = asked or ready
    one = left.selectbox(
        "Left", ready, index=ready.index(first[0]), format_func=writers.heading, key="two_left", persist_state="session"
    )
    two = right.selectbox(
        "Right",
        ready,
        index=ready.index(first[1]),
        format_func=writers.heading,
        key="two_right",
        persist_state="session",
    )
    return one, two


def _model_of(runtime: Runtime, job: Job) -> str:
    """The model that has written, or will: it belongs to the name of a writer that may be any."""
    backends = {backend.name: backend.model for backend in runtime.tools.writers.backends}
    return job.written.model if job.written is not None else backends.get(job.task.writer, "")


def _ask_both(runtime: Runtime, state: TwoWriters, words: str, pair: tuple[str, str], spec: ModelSpec) -> None:
    """An order of prompts alone, with the writer on an axis: it survives a restart, and can be cancelled."""
    if pair[0] == pair[1]:
        raise InputError(f"Both sides are {runtime.tools.writers.heading(pair[0])}. Choose two different writers.")
    order = replace(read_order("generate"), words=words, model=spec.name, axes=(Axis("writer", pair),), paint=False)
    state.batch_id, state.right = runtime.desk.place(order).id, frozenset()
    st.rerun()


def _show_pair(runtime: Runtime, state: TwoWriters, page: PageState, jobs: list[Job]) -> None:
    written = [job.written for job in jobs]
    if written[0] is None or written[1] is None:
        for job, column in zip(jobs, st.columns(2), strict=True):
            with column:
                _unfinished(runtime, state, page, job)
        return
    left, right = written[0], written[1]
    comparison = compare_prompts(left.prompt, right.prompt, state.right)
    count = len(comparison.changes)
    differ = "1 field differs" if count == 1 else f"{count} fields differ"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{differ}, {len(comparison.same)} are the same. Choose a side for each.", width="content")
        use = st.button("Use this prompt", type="primary", icon=":material/check:", key="two_use")
    titles = [writer_title(job.task.writer, _model_of(runtime, job)) for job in jobs]
    chosen = _TWO_PROMPTS(
        key="two_prompts",
        data={"titles": titles, "rows": comparison.rows(), "same": comparison.same},
        on_chosen_change=_nothing,
    ).chosen
    if chosen is not None:
        numbers = {int(number) for number in chosen["numbers"]} & set(range(count))
        state.right = state.right | numbers if chosen["side"] == "right" else state.right - numbers
        st.rerun()
    for each in (left, right):
        for note in (*each.passed_over, *each.notes):
            st.caption(f":material/info: {plain(f'{writer_title(each.writer, each.model)}: {note}')}")
    if use:
        page.show(merged(left, right, state.right), jobs[0].task.words)
        page.batch_id = None
        st.query_params.pop("batch", None)
        _leave(state)


def _unfinished(runtime: Runtime, state: TwoWriters, page: PageState, job: Job) -> None:
    st.subheader(plain(writer_title(job.task.writer, _model_of(runtime, job))), anchor=False)
    if job.written is not None:
        st.caption("Has written its prompt.")
        if st.button("Use this prompt", key=f"two_use_{job.id}", icon=":material/check:"):
            page.show(job.written, job.task.words)
            _leave(state)
    elif not job.ended:
        st.skeleton(height=160)
        st.caption("Is writing. Its line above the page can cancel it.")
    else:
        with errors_shown():
            st.error(plain(job.error or f"This one was {job.state}."), icon=":material/error:")
            if st.button("Ask again", key=f"two_retry_{job.id}", icon=":material/refresh:"):
                runtime.desk.retry(job.batch_id)
                st.rerun()


@dataclass(frozen=True)
class Comparison:
    """Two prompts by path: where they differ, which side is chosen there, and what they have in common."""

    changes: tuple[Change, ...]
    right: frozenset[int]
    same: list[dict[str, str]]

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "path": change.path,
                "left": None if change.before is MISSING else shown(change.before),
                "right": None if change.after is MISSING else shown(change.after),
                "side": "right" if number in self.right else "left",
            }
            for number, change in enumerate(self.changes)
        ]


def compare_prompts(left: StructuredPrompt, right: StructuredPrompt, chosen: Collection[int] = ()) -> Comparison:
    """What differs from ``left`` to ``right``, and the left one's fields that the right one has too."""
    changes = diff(left, right)
    differing = {parse_path(change.was) for change in changes if change.before is not MISSING}
    document = left.document
    same = [
        {"path": format_path(leaf), "value": shown(read(document, leaf))}
        for leaf in leaves(document)
        if leaf and not is_within(leaf, differing)
    ]
    return Comparison(changes, frozenset(chosen), same)


def merged(left: WrittenPrompt, right: WrittenPrompt, chosen: Collection[int]) -> WrittenPrompt:
    """The left prompt with the chosen differences taken from the right; wholly one writer's where only one is chosen.

    A merge counts as the left writer's, edited, and a note names both.
    """
    count = len(diff(left.prompt, right.prompt))
    if not chosen:
        return left
    if len(chosen) == count:
        return right
    note = f"Merged from {writer_name(left.writer, left.model)} and {writer_name(right.writer, right.model)}."
    prompt = take_changes(left.prompt, right.prompt, chosen)
    return replace(left, prompt=prompt, edited=True, notes=(*left.notes, *right.notes, note))


def _nothing() -> None:
    """Streamlit keeps a component's attributes only where a callback is given."""
