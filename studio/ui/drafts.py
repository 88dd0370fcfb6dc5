"""What is typed on the pages survives a reload and a new tab: kept on the server, for the browser that typed it.

A session begins with what its browser left (:func:`restore_drafts`), and each run leaves what has changed
(:func:`keep_drafts`). Two tabs of one browser share a draft, page by page: the last writer wins. A page whose address
names another batch than the draft's shows that batch and keeps the draft aside, beside those that are aside already;
none is replaced unasked.
"""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from fibo_core.errors import FiboError, JobNotFound, PromptError
from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, STEPS_MAX, STEPS_MIN
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.drafts import DraftStore
from fibo_core.store.generation import MODES, OUTPUTS, Mode
from fibo_core.store.inputs import INPUTS
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from fibo_core.work.tasks import written_from_record, written_to_record
from studio.ui.session import find_picture
from studio.ui.state import (
    Draft,
    Field,
    KeptWork,
    PageState,
    WaitingPress,
    field_key,
    fields_to_come,
    fill_field,
    fill_now,
    page_state,
)
from studio.ui.words import showable
from studio.web.drafts import browser_among

log = logging.getLogger(__name__)

#: What of a form is a draft, and what it may hold: a widget refuses anything else.
FIELDS: dict[Field, type | tuple[type, ...]] = {
    "words": str, "writer": str, "model": str, "defaults_of": str, "aspect": str, "count": int, "seed": str,
    "seed_locked": bool, "locked_for": str, "steps": int, "guidance": (int, float), "negative": str, "only_asked": bool,
    "with_picture": bool, "collection": str, "strength": (int, float), "own": bool,
    "loras": str,
}  # fmt: skip
BOUNDS: dict[Field, tuple[float, float]] = {
    "steps": (STEPS_MIN, STEPS_MAX),
    "guidance": (GUIDANCE_MIN, GUIDANCE_MAX),
    "strength": (0, 1),
}

TEXTS = (
    "batch_id",
    "taken_from",
    "shown_id",
    "source_id",
    "stepped",
    "said",
    "returned",
    "finding",
    "found",
    "strength_of",
    "loras_of",
)
#: What of a page its user would miss, but for the words.
WORK = ("draft", "previous", "source", "pictures", "waiting", "returned")
PROMPTS = ("source", "base")
ADDRESS = ("batch", "job", "picture")  #: what a page's address may name
#: What a record of another shape leads to.
UNREADABLE = (FiboError, TypeError, LookupError, ValueError, AttributeError, RecursionError, OSError)
NOT_READ = "The draft of %s cannot be read, and is passed over."
ASIDE_MAX = 10  #: drafts aside of one page, of which the oldest goes

Record = dict[str, Any]


@dataclass
class _Session:
    """What one session knows of its browser's drafts: ``kept`` is what each page's record was when it was last looked
    at, ``aside`` by page the drafts that it does not show, oldest first; ``trouble`` says why the last was not kept."""

    browser: str
    kept: dict[Mode, Record] = field(default_factory=dict)
    aside: dict[str, list[Record]] = field(default_factory=dict)
    trouble: str = ""


def browser_of_session() -> str | None:
    """The name of the browser that this session is shown in; None where it takes no cookies."""
    return browser_among(st.context.cookies)


def restore_drafts(runtime: Runtime, page: str) -> None:
    """Once a session, before anything is drawn: fills the pages with what this browser left on them.

    ``page`` is the one whose address the browser has opened.
    """
    if "drafts" in st.session_state:
        return
    browser = browser_of_session()
    st.session_state["drafts"] = session = None if browser is None else _Session(browser)
    if session is None:
        return
    drafts = DraftStore(runtime.settings.workspace_dir).load(session.browser)
    for mode in MODES:
        if mode not in drafts.pages and mode not in drafts.typed:
            continue
        session.kept[mode] = drafts.pages.get(mode, {})
        try:
            record = _with_typed(session.kept[mode], drafts.typed.get(mode, {}))
            _begin(runtime, session, mode, record, opened=mode == page)
        except UNREADABLE:
            log.warning(NOT_READ, mode, exc_info=True)
            session.kept[mode] = {}


def _begin(runtime: Runtime, session: _Session, mode: Mode, record: Record, *, opened: bool) -> None:
    aside: list[Record] = record.pop("aside", [])
    for each in aside:
        _state(runtime, each)
    shown = st.query_params.get("picture") if opened else None
    if record.get("kept") and shown not in (None, record.get("shown_id")):
        record = _without_view(record)
    named = _named_elsewhere(runtime, mode, record) if opened else None
    if named is None:
        _fill(runtime, mode, record)
    else:
        _state(runtime, record)
        if _holds_work(record) and not _brings(named, record) and not (aside and _as_placed(runtime, record)):
            aside = [*aside, record][-ASIDE_MAX:]
    session.aside[mode] = aside


def keep_drafts(runtime: Runtime) -> None:
    """At the end of a run: keeps what has changed since the last one. What cannot be kept is logged, once."""
    session: _Session | None = st.session_state.get("drafts")
    if session is None:
        return
    now = {mode: _record(mode, session.aside.get(mode, [])) for mode in MODES}  # first: Streamlit may break off here
    changed: dict[str, Record] = {}
    committed = []
    for mode, record in now.items():
        before, session.kept[mode] = session.kept.get(mode), record
        if before is None and not _holds_work(record):
            continue  # the form as it opens
        if record != before:
            changed[mode] = record
        if before is not None and _words(record) != _words(before):
            committed.append(mode)
    if changed:
        try:
            DraftStore(runtime.settings.workspace_dir).keep(session.browser, changed, committed=committed)
            session.trouble = ""
        except FiboError as exc:
            if str(exc) != session.trouble:
                log.warning("%s", exc)
            session.trouble = str(exc)


def trouble() -> str:
    """Why what was typed last is not kept; "" where it is."""
    session: _Session | None = st.session_state.get("drafts")
    return "" if session is None else session.trouble


def words_aside(page: str) -> list[str]:
    """The words of the drafts that ``page`` does not show, since its address named another batch; oldest first."""
    session: _Session | None = st.session_state.get("drafts")
    return [] if session is None else [_words(record) for record in session.aside.get(page, [])]


def bring_draft_back(runtime: Runtime, page: str) -> None:
    """Shows the newest of those drafts, and no batch but its own; what was typed here meanwhile takes its place aside.
    Before anything of the run is drawn."""
    for named in ADDRESS:
        st.query_params.pop(named, None)
    mode = next(each for each in MODES if each == page)
    aside, here = st.session_state["drafts"].aside[mode], _record(mode, [])
    record = aside.pop()
    if _holds_work(here) and not _as_placed(runtime, here):
        aside.insert(0, here)
    try:
        _fill(runtime, mode, record)
    except UNREADABLE:
        log.warning(NOT_READ, mode, exc_info=True)


def set_aside(mode: Mode) -> None:
    """Keeps what a page holds of its user's aside, before it shows something else; "Bring my draft back" returns to it.
    Nothing where this browser takes no cookies, or where there is nothing to keep."""
    session: _Session | None = st.session_state.get("drafts")
    record = _record(mode, [])
    if session is None or not _holds_work(record):
        return
    session.aside[mode] = [*session.aside.get(mode, []), record][-ASIDE_MAX:]
    state = page_state(mode)
    state.waiting, state.returned = (), ""  # they are in the record
    fill_field(mode, "words", "")


def drop_draft(page: str) -> None:
    """Forgets the newest of them."""
    st.session_state["drafts"].aside[page].pop()


def _without_view(record: Record) -> Record:
    """The record with its user's own work in place of an earlier picture's recipe, which they were looking at."""
    own = {"draft": None, "previous": None, **record["kept"]}
    fields = {**record.get("fields", {}), **own.get("fields", {})}
    return {**record, **own, "fields": fields, "kept": None, "shown_id": None}


def _named_elsewhere(runtime: Runtime, mode: Mode, record: Record) -> Batch | None:
    """The batch of this page that the address names, where it is another than the draft's, and not the one of another
    picture that the draft's has been taken after."""
    named = st.query_params.get("batch")
    if named is None and (job_id := st.query_params.get("job")) is not None:
        try:
            named = runtime.desk.batch_of(job_id)
        except JobNotFound:
            return None
    batch = None if named in (None, record.get("batch_id")) else runtime.desk.several([named]).get(named)
    if batch is None or batch.kind != mode:
        return None
    shown = st.query_params.get("picture")
    left = shown is not None and shown == record.get("source_id") != batch.order.source_id
    return None if left and shown not in batch.generation_ids else batch


def _as_placed(runtime: Runtime, record: Record) -> bool:
    """Whether a draft holds nothing that its batch would not bring again."""
    batch_id = str(record.get("batch_id"))
    batch = runtime.desk.several([batch_id]).get(batch_id)
    return batch is not None and _brings(batch, record)


def _brings(batch: Batch, record: Record) -> bool:
    """Whether a draft holds nothing that a batch would not bring: that was placed from it, by a run that was broken off
    before it kept the draft, or before."""
    if any(record.get(name) for name in ("previous", "kept", "waiting", "returned")):
        return False
    draft, written = _draft(record.get("draft")), batch.order.written
    if draft is not None and draft.is_users:
        try:
            same = written is not None and StructuredPrompt.parse(draft.text) == written.prompt
        except PromptError:
            return False
        return same and _words(record).strip() in ("", draft.words.strip(), showable(batch.order.words).strip())
    return _words(record).strip() in ("", showable(batch.order.words).strip())


def _holds_work(record: Record) -> bool:
    """Whether a draft has anything that its user would miss."""
    return bool(_words(record).strip()) or any(record.get(name) for name in WORK)


def _words(record: Record) -> str:
    return showable(str(record.get("fields", {}).get("words") or ""))


def _with_typed(record: Record, typed: Record) -> Record:
    """The record with what was typed over it and not committed: words only beside the picture that they were typed
    beside, the editor's text only over the text that is kept."""
    record = {**record}
    shown = record.get("shown_id")
    if "words" in typed and (shown is None or typed.get("picture", shown) == shown):
        record["fields"] = {**record.get("fields", {}), "words": typed["words"]}
    draft = record.get("draft")
    if draft and "text" in typed and typed.get("revision") == draft.get("revision"):
        record["draft"] = {**draft, "text": typed["text"]}
    return record


def _record(mode: Mode, aside: list[Record]) -> Record:
    """What a page holds of its user's, as JSON-ready values; what is empty is left out, but for a prompt that says
    nothing, as an imported picture's."""
    state = page_state(mode)
    values: dict[Any, Any] = {**st.session_state, **fields_to_come()}  # also what the next run will show
    record = {
        "fields": {name: _plain(values.get(field_key(mode, name))) for name in FIELDS},
        "draft": _draft_record(state.draft),
        "previous": _draft_record(state.previous),
        "kept": None if state.kept is None else _kept_record(state.kept),
        "source": None if state.source is None else state.source.document,
        "base": None if state.base is None else state.base.document,
        "pictures": list(state.pictures),
        "locked": list(state.locked),
        "marks": dict(state.marks),
        "references": list(state.references),
        "waiting": [_waiting_record(each) for each in state.waiting],
        "words_of": None if state.words_of is None else list(state.words_of),
        "aside": list(aside),
        **{name: getattr(state, name) for name in TEXTS},
    }
    return {name: value for name, value in record.items() if value or (name in PROMPTS and value is not None)}


def _fill(runtime: Runtime, mode: Mode, record: Record) -> None:
    """Fills a page that nobody has worked at. Raises whatever a record of another shape leads to, and fills nothing."""
    state, fields = _state(runtime, record), _fields(record)
    st.session_state[f"page_{mode}"] = state
    for name, value in fields.items():
        fill_now(mode, name, value)


def _state(runtime: Runtime, record: Record) -> PageState:
    """Raises whatever a record of another shape leads to."""
    state = PageState()
    _words(record)
    state.previous = _draft(record.get("previous"))
    if (draft := _draft(record.get("draft"))) is not None:
        state.revision += 1
        state.draft = replace(draft, revision=state.revision, form_revision=state.revision)
    if kept := record.get("kept"):
        state.kept = KeptWork(_draft(kept.get("draft")), _draft(kept.get("previous")), _fields(kept))
    for name in TEXTS:
        if isinstance(text := record.get(name), str):
            setattr(state, name, showable(text))
    if words_of := record.get("words_of"):
        state.words_of = str(words_of[0]), bool(words_of[1])
    state.waiting = tuple(_waiting(each) for each in record.get("waiting", ()))
    state.source, state.base = (
        None if record.get(name) is None else StructuredPrompt.from_dict(record[name]) for name in PROMPTS
    )
    if state.source is not None and (picture := find_picture(runtime, state.source_id)) is not None:
        state.source_request = picture.request
    state.locked = tuple(str(path) for path in record.get("locked", ()))
    state.marks = {str(id): str(mark) for id, mark in record.get("marks", {}).items()}
    state.references = tuple(str(name) for name in record.get("references", ()))
    state.pictures = tuple(path for path in record.get("pictures", ()) if _is_picture(runtime, path))
    return state


def _is_picture(runtime: Runtime, path: str) -> bool:
    """Whether there is such a file among those that orders bring and those that were painted."""
    workspace = runtime.settings.workspace_dir
    file = (workspace / path).resolve()
    return any(file.is_relative_to((workspace / each).resolve()) for each in (INPUTS, OUTPUTS)) and file.is_file()


def _fields(record: Record) -> dict[Field, object]:
    """Those of a form that its widgets take."""
    given = record.get("fields", {})
    return {name: given[name] for name in FIELDS if name in given and _fits(name, given[name])}


def _fits(name: Field, value: object) -> bool:
    if not isinstance(value, FIELDS[name]):
        return False
    low, high = BOUNDS.get(name, (None, None))
    return low is None or high is None or low <= float(str(value)) <= high


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float) else None


def _kept_record(kept: KeptWork) -> Record:
    fields = {name: _plain(value) for name, value in kept.fields.items()}
    return {"draft": _draft_record(kept.draft), "previous": _draft_record(kept.previous), "fields": fields}


def _draft_record(draft: Draft | None) -> Record | None:
    if draft is None:
        return None
    written = None if draft.written is None else written_to_record(draft.written)
    return {"text": draft.text, "words": draft.words, "written": written, "revision": draft.revision}


def _draft(record: Record | None) -> Draft | None:
    if not record:
        return None
    written = record.get("written")
    return Draft(str(record["text"]), None if written is None else written_from_record(written), str(record["words"]))


def _waiting_record(press: WaitingPress) -> Record:
    return {"id": press.id, "action": press.action, "words": press.words, "draft": _draft_record(press.draft)}


def _waiting(record: Record) -> WaitingPress:
    return WaitingPress(
        str(record["id"]), str(record["action"]), showable(str(record["words"])), _draft(record.get("draft"))
    )
