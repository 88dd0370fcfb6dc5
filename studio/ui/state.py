"""What a browser session remembers, declared and typed in one place.

Two kinds: a PageState for each page that paints, and the keys of form widgets, whose values Streamlit keeps for the
session (``persist_state="session"``). A reload begins a new session; its job is found again by the id in the
address.
"""

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import streamlit as st

from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import PromptError
from fibo_core.prompts.locks import toggle_lock
from fibo_core.prompts.mend import Mended, mend, require_said
from fibo_core.prompts.presets import Preset
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Mode
from fibo_core.store.idempotency import OnceKey
from fibo_core.work.orders import Order
from fibo_core.writers import BY_HAND, SuggestedValues, WrittenPrompt
from studio.ui.asking import Asking
from studio.ui.fills import ON_ITS_WAY_S, Fills
from studio.ui.words import showable

SKETCH_UNDO_MAX = 50  #: edits of the board
#: The widgets of a page's form, and the model that its steps and guidance are of: what each is called in the session.
Field = Literal[
    "words", "writer", "aspect", "count", "seed", "steps", "guidance", "negative", "model", "defaults_of", "only_asked",
    "with_picture", "seed_locked", "locked_for", "collection", "strength", "own", "loras",
]  # fmt: skip
#: Of them, those that no browser holds. ``locked_for`` are the words of the prompt that a page has locked the seed for
#: by itself; None where the user has locked it.
NO_WIDGETS: frozenset[Field] = frozenset({"defaults_of", "seed_locked", "locked_for"})

SEED_LATE_S = 5.0  #: in which a browser may send back the seed that stood there before the page filled in another


@dataclass(frozen=True)
class Draft:
    """A prompt under the user's hands: ``text`` as it stands in the editor, valid or not.

    ``written`` is what the writer gave, asked with ``words``; None where the user began. ``revision`` changes whenever
    the text is replaced from outside the editor, which then shows that one; ``form_revision`` whenever it is
    replaced from outside the form's fields. ``mended`` tells what was done for a text that was pasted or mended, and
    which settings stood beside it.
    """

    text: str
    written: WrittenPrompt | None = None
    words: str = ""
    revision: int = 0
    form_revision: int = 0
    mended: Mended | None = None

    @property
    def title(self) -> str:
        """What the prompt is about, or how its text begins, in at most 40 characters."""
        try:
            return Mended(StructuredPrompt.parse(self.text)).title
        except PromptError:
            begin = " ".join(self.text.split())
            return begin if len(begin) <= 40 else f"{begin[:39]}…"

    @property
    def writer(self) -> str:
        return BY_HAND if self.written is None else self.written.writer

    @property
    def written_text(self) -> str:
        return "" if self.written is None else self.written.prompt.to_json()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to show under the prompt: who did not answer, what was not understood."""
        return () if self.written is None else (*self.written.passed_over, *self.written.notes)

    @property
    def edited(self) -> bool:
        if self.written is None or self.writer == BY_HAND:
            return False
        return self.written.edited or not self._is_as_written

    @property
    def _is_as_written(self) -> bool:
        """Whether the text says what the writer wrote, however it is laid out."""
        if self.written is None or self.text == self.written_text:
            return self.written is not None
        try:
            return StructuredPrompt.parse(self.text) == self.written.prompt
        except PromptError:
            return False

    @property
    def is_users(self) -> bool:
        """Whether the text holds work of the user's that a writer must not replace unasked."""
        return self.writer == BY_HAND or self.edited

    def parsed(self) -> WrittenPrompt:
        """The prompt with its author. Raises PromptError when the text is not one, or says nothing."""
        prompt = StructuredPrompt.parse(self.text)
        require_said(prompt)
        return (
            WrittenPrompt(prompt) if self.written is None else replace(self.written, prompt=prompt, edited=self.edited)
        )


@dataclass(frozen=True)
class KeptWork:
    """What a user was at when they chose an earlier picture to look at: the draft, the one before it, and the form."""

    draft: Draft | None
    previous: Draft | None
    fields: Mapping[Field, object]


@dataclass(frozen=True)
class WaitingPress:
    """An instruction said while the step before was still under way: ``action`` and ``words`` of its press, and the
    ``draft`` where its user had changed the prompt by hand. ``id`` is its name for good, under which it is placed at
    most once."""

    id: str
    action: str
    words: str
    draft: Draft | None = None


@dataclass(frozen=True)
class GivenBack:
    """The words that came back because ``batch_id`` came to nothing, and the presses that had waited for it."""

    batch_id: str
    words: str
    waiting: tuple[WaitingPress, ...]


@dataclass(frozen=True)
class Refused:
    """Why presses were not carried out; or, with ``order``, that its picture exists: ``generation_id``, or that the
    batch ``batch_id`` is painting it. ``note`` tells what became of words that had waited."""

    sentences: tuple[str, ...] = ()
    note: str = ""
    order: Order | None = None
    generation_id: str | None = None
    batch_id: str | None = None


@dataclass
class PageState:
    """What one page remembers while its user looks elsewhere.

    ``batch_id`` is the batch that the page follows. ``taken_from`` is the job whose prompt the draft already holds,
    ``previous`` the user's own draft that something else replaced. ``shown_id`` is the picture the user chose to see,
    whose recipe the page shows while ``kept`` is what they were at; ``last_id`` the one painted last,
    ``before_of`` the one that the page showed when it placed a batch. ``refused`` is
    what the last presses came to where no order was placed, ``once`` the name of the press that is carried out,
    ``pasted`` the text that was last taken out of the words,
    ``edited`` whether the user has changed the prompt since the seed was last looked at, ``replaced`` whether another
    one has taken its place.

    A refinement starts from ``source`` (``source_request`` where the picture's whole recipe is known, ``source_id``
    where it is one of ours, ``source_mended`` where it was pasted or dropped), an inspiration from ``pictures``, paths
    in the workspace, the main one first. ``presets_open`` while the presets lie over the page, ``deleted_preset`` for
    their Undo. ``base`` is what the writer of a refinement was given, ``locked`` the paths it must leave
    (``locks_revision`` changes where they were locked elsewhere than in their tree),
    ``turn_offers`` whether "Only what I asked" was just switched. ``stepped`` is the batch whose picture became the
    source, ``words_of`` the batch (and whether it failed) whose words were looked after last,
    ``said`` the instructions before the draft's own that it carries out too. ``waiting`` are the presses that wait for
    the step before, in their order; ``returned`` words that are to go back into their field, as the change
    ``returned_as`` of the browser's, ``given_back`` those of a step that may be tried again.

    An edit has ``marks``: what is marked of a picture, by its id, as the name of a kept input; ``mark_revision``
    changes where the page itself has marked something. ``finding`` is the batch whose picture shows what an edit
    changes, to be marked, ``found`` that picture while the one it is compared with is painted, ``found_mark`` what was
    marked so. ``strength_of`` is the picture that "How much" was chosen for, ``loras_of`` the source's
    recipe (by its hash), and the model, for which their field was filled. ``references`` are the pictures that its
    instruction may name, as kept inputs.
    """

    batch_id: str | None = None
    taken_from: str | None = None
    draft: Draft | None = None
    previous: Draft | None = None
    shown_id: str | None = None
    last_id: str | None = None
    before_of: dict[str, str] = field(default_factory=dict)
    source: StructuredPrompt | None = None
    source_request: GenerationRequest | None = None
    source_id: str | None = None
    source_mended: Mended | None = None
    pictures: tuple[str, ...] = ()
    presets_open: bool = False
    deleted_preset: Preset | None = None
    base: StructuredPrompt | None = None
    locked: tuple[str, ...] = ()
    locks_revision: int = 0
    turn_offers: bool = False
    stepped: str | None = None
    words_of: tuple[str, bool] | None = None
    said: str = ""
    waiting: tuple[WaitingPress, ...] = ()
    returned: str = ""
    returned_as: int | None = None
    given_back: GivenBack | None = None
    references: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    mark_revision: int = 0
    finding: str | None = None
    found: str | None = None
    found_mark: str = ""
    strength_of: str | None = None
    loras_of: str | None = None
    kept: KeptWork | None = None
    refused: Refused = Refused()
    once: OnceKey | None = None
    pasted: str = ""
    edited: bool = False
    replaced: bool = False
    #: A browser may still hold what was typed into a session before this one, at a revision of its own.
    revision: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def show(self, written: WrittenPrompt, words: str = "") -> None:
        """Puts a written prompt into the editor."""
        self._replace(Draft(written.prompt.to_json(), written, words))

    def put_beside(self, written: WrittenPrompt, words: str) -> None:
        """Shows a stored picture's prompt in the editor; what was there is kept elsewhere."""
        self._replace(Draft(written.prompt.to_json(), written, words), keep=False)

    def bring_kept(self, kept: KeptWork) -> None:
        """Puts back the draft that was kept aside, and the one before it."""
        if kept.draft is None:
            self.draft = None
        else:
            self._replace(kept.draft, keep=False)
        self.previous = kept.previous
        self.kept = None

    def begin(self, text: str) -> None:
        """Puts a prompt of the user's own into the editor."""
        self._replace(Draft(text))

    def paste(self, text: str) -> None:
        """Puts what was pasted into the editor: the prompt in it where it holds one, else the text as it is.

        The way back leads to the user's draft before or, without one, to the text as it was pasted.
        """
        try:
            draft = _mended(Draft(text))
        except PromptError:
            draft = Draft(text)
        had_work = self._has_work()
        self.pasted = text
        self._note_another(draft.text)
        self._replace(draft)
        if draft.text != text and not had_work:
            self.previous = Draft(text)

    def mend(self) -> None:
        """Makes of the draft's text the prompt that it means; what it was has its way back. Raises PromptError."""
        assert self.draft is not None
        self.refused = Refused()
        self._replace(_mended(self.draft))

    def take(self, mended: Mended) -> None:
        """Puts one of several prompts that the draft holds in its place; what it was has its way back."""
        assert self.draft is not None
        self._replace(replace(self.draft, text=mended.prompt.to_json(), mended=mended))

    def rewrite(self, text: str) -> None:
        """Gives the draft another text from outside the editor; its author stays."""
        assert self.draft is not None
        self._replace(replace(self.draft, text=text), keep=False)

    def take_typed(self, text: str | None, revision: int | None) -> None:
        """What stood in the JSON editor when a button was pressed, and its revision; None where there was no editor.

        Another revision has taken the place of that text since, such as the prompt that a paste was mended to.
        """
        if self.draft is not None and revision == self.draft.revision and text not in (None, self.draft.text):
            self.type_in(str(text))

    def type_in(self, text: str) -> None:
        """What was typed into the JSON editor; what was told of another text goes with it."""
        assert self.draft is not None
        self.edited, self.refused = True, Refused()
        self.revision += 1
        mended = None if _is_another(self.draft.text, text) else self.draft.mended
        self.draft = replace(self.draft, text=text, mended=mended, form_revision=self.revision)

    def paste_in(self, text: str, pasted: str) -> None:
        """What the JSON editor holds after a paste.

        Where that took the place of all that was said there, it is another prompt of the user's own: the one that
        was meant, mended, with the way back to the one before.
        """
        assert self.draft is not None
        if text.strip() != pasted.strip() and _says_something(self.draft.text):
            self.type_in(text)
            return
        try:
            draft = _mended(Draft(pasted))
        except PromptError:
            draft = Draft(text)
        self._note_another(draft.text)
        edited = self.edited
        if draft.text.strip() != text.strip() and draft.mended is not None:
            self._replace(draft)
        else:
            self.type_in(text)
            self.draft = replace(draft, text=text, revision=self.draft.revision, form_revision=self.draft.form_revision)
        self.edited = edited

    def fill_in(self, text: str) -> None:
        """What the form's fields make of the text; they stay, and the JSON editor shows another text."""
        assert self.draft is not None
        self.edited, self.refused = True, Refused()
        self.revision += 1
        self.draft = replace(self.draft, text=text, revision=self.revision)

    def apply(self, text: str) -> None:
        """Gives the draft another text on the user's wish; their own one has its way back."""
        assert self.draft is not None
        self.edited, self.refused = True, Refused()
        self._replace(replace(self.draft, text=text))

    def undo_edits(self) -> None:
        """Back to what the writer gave."""
        assert self.draft is not None
        assert self.draft.written is not None
        written = replace(self.draft.written, edited=False)
        self._replace(replace(self.draft, text=self.draft.written_text, written=written))

    def lock(self, locked: tuple[str, ...]) -> None:
        """What a writer must leave, as their tree says it."""
        self.locked = locked

    def toggle_lock(self, path: str) -> None:
        """Locks a place of the prompt, or frees it."""
        assert self.draft is not None
        try:
            prompt = StructuredPrompt.parse(self.draft.text)
        except PromptError:
            return  # lines of a text that is no prompt have no paths
        self.locked = toggle_lock(prompt, self.locked, path)
        self.locks_revision += 1

    def bring(self, draft: Draft) -> None:
        """Puts a draft that was kept into the editor."""
        if self.draft is None or self.draft.text != draft.text:
            self._replace(draft)

    def bring_back(self) -> None:
        """Puts the user's own draft back in the place of what replaced it."""
        assert self.previous is not None
        self._replace(self.previous, keep=False)
        self.previous = None

    def forget(self) -> None:
        """Empties the page for another source; the form keeps its settings, and a draft of the user's its way back.
        Instructions that waited come back as words."""
        words = joined(self.returned, *(each.words for each in self.waiting))
        note = words_back(len(self.waiting)) if any(each.words for each in self.waiting) else ""
        self.__dict__.update(
            PageState(
                previous=self.draft if self._has_work() else self.previous,
                revision=self.revision,
                references=self.references,
                marks=self.marks,
                mark_revision=self.mark_revision,
                loras_of=self.loras_of,
                returned=words,
                refused=Refused(note=note),
            ).__dict__
        )

    def _note_another(self, text: str) -> None:
        """Whether what comes is another prompt, or the one before with some of it changed elsewhere."""
        if self.draft is None or _is_another_prompt(self.draft.text, text):
            self.replaced = True
        else:
            self.edited = True

    def _replace(self, draft: Draft, *, keep: bool = True) -> None:
        if keep and self._has_work():
            self.previous = self.draft
        self.revision += 1
        self.draft = replace(draft, revision=self.revision, form_revision=self.revision)

    def _has_work(self) -> bool:
        return self.draft is not None and self.draft.is_users


def _mended(draft: Draft) -> Draft:
    """The draft with the prompt that its text means; the text stays where it is that prompt as typed."""
    mended = mend(draft.text)
    try:
        as_typed = StructuredPrompt.parse(draft.text) == mended.prompt
    except PromptError:
        as_typed = False
    return replace(draft, text=draft.text if as_typed else mended.prompt.to_json(), mended=mended)


def joined(*instructions: str) -> str:
    """Instructions as one, in their order."""
    return "; ".join(each for each in instructions if each)


def words_back(count: int) -> str:
    """Says that so many instructions that waited are words again."""
    if count == 1:
        return "One instruction waited for this step: its words are back in their field."
    return f"{count} instructions waited for this step: their words are back in their field."


@dataclass
class SketchState:
    """What a page's board remembers: the number of the last edit it took, and what its edits made of the draft.

    ``texts`` are those for Undo, oldest first and the draft's last; they begin anew once something else has changed
    the draft. ``versions`` tell the texts that an edit on its way may have been made on.
    """

    taken: int = 0
    texts: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)

    def begin(self, text: str) -> None:
        if not self.texts or self.texts[-1] != text:
            self.texts, self.versions = [], set()
            self.add(text)

    def add(self, text: str) -> None:
        self.texts = [*self.texts[-SKETCH_UNDO_MAX:], text]
        self.versions.add(self.version)

    def undone(self) -> str | None:
        """The text before the last edit, which is forgotten; None where there is none."""
        if len(self.texts) < 2:
            return None
        self.texts.pop()
        return self.texts[-1]

    @property
    def version(self) -> int:
        return zlib.crc32(self.texts[-1].encode("utf-8", "surrogatepass"))


def _is_another_prompt(before: str, text: str) -> bool:
    """Whether less than half of what a prompt says was said by the one before."""
    try:
        one, other = StructuredPrompt.parse(before), StructuredPrompt.parse(text)
    except PromptError:
        return _is_another(before, text)
    paths = other.paths()
    return 2 * sum(one.get(path) == other.get(path) for path in paths) < len(paths)


def _is_another(before: str, text: str) -> bool:
    """Whether a text is another one than before, rather than the same with some of it changed."""
    begin = _shared(before, text)
    end = _shared(before[begin:][::-1], text[begin:][::-1])
    return 2 * (begin + end) < min(len(before), len(text))


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    alike = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(alike, min(len(one), len(other)))


def _says_something(text: str) -> bool:
    """Whether there is more in a text than the keys of a prompt just begun."""
    try:
        require_said(StructuredPrompt.parse(text))
    except PromptError as exc:
        return exc.line is not None and bool(text.strip())
    return True


@dataclass
class TwoWriters:
    """Two writers asked with the same words: their batch, and which differences the right one's side was chosen for.

    ``right`` are numbers in the difference from the left prompt to the right one. ``open`` while the comparison
    stands in place of the page.
    """

    open: bool = False
    batch_id: str | None = None
    right: frozenset[int] = frozenset()


@dataclass
class VaryState:
    """What the Vary dialog of one page remembers while it is ``open``: opened for a ``place`` (a JSON path or a
    setting; "" where its user chooses), or to extend the grid ``batch_id``.

    ``seed`` is the one of all its pictures. ``suggested`` are values that a writer had for a place, ``ticks`` those
    that are still to be ticked, ``said`` what there is to say of its answer. While ``asking`` a writer is asked for
    ``asked_place``. Another ``revision`` makes its fields begin anew.
    """

    open: bool = False
    place: str = ""
    batch_id: str | None = None
    seed: int = 0
    suggested: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ticks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    asking: Asking[SuggestedValues] | None = None
    asked_place: str = ""
    revision: int = 0


@dataclass(frozen=True)
class Deleted:
    """A picture that was deleted on a page, the batch that the page followed, and whether the picture was an earlier
    one that its user looked at."""

    id: str
    batch_id: str | None
    viewed: bool


@dataclass(frozen=True)
class Way:
    """A way that was taken from a picture of History: to Refine, to Edit, to Inspire, or to Generate with all of it,
    its prompt, its seed, its batch, or ("paint", without a picture) with nothing."""

    kind: Literal["refine", "edit", "inspire", "all", "prompt", "seed", "grid", "paint"]
    id: str


@dataclass
class HistoryState:
    """What the History page remembers: the way that was just taken, and what there is to say of it."""

    way: Way | None = None
    said: str = ""
    said_number: int = 0

    def taken(self) -> Way | None:
        """The way that was taken, once."""
        way, self.way = self.way, None
        return way

    def say(self, text: str) -> None:
        self.said, self.said_number = text, self.said_number + 1


@dataclass
class SystemState:
    """Whether the System page's checks ask Hugging Face and Gemini too: once somebody has pressed "Check again".
    ``removing`` is the LoRA that is to be removed, once that was said twice."""

    asks_services: bool = False
    removing: str | None = None


def page_state(mode: Mode) -> PageState:
    """The state of the page that does ``mode``."""
    state: PageState = st.session_state.setdefault(f"page_{mode}", PageState())
    return state


def sketch_state(key: str) -> SketchState:
    """The state of the board on the page with this key."""
    state: SketchState = st.session_state.setdefault(f"sketch_of_{key}", SketchState())
    return state


def two_writers_state() -> TwoWriters:
    state: TwoWriters = st.session_state.setdefault("two_writers", TwoWriters())
    return state


def vary_state(mode: Mode) -> VaryState:
    """The Vary dialog of the page that does ``mode``."""
    state: VaryState = st.session_state.setdefault(f"vary_{mode}", VaryState())
    return state


def deleted_on(mode: Mode) -> Deleted | None:
    """The picture that was deleted on a page, as long as the page says so."""
    deleted: Deleted | None = st.session_state.get(f"deleted_{mode}")
    return deleted


def keep_deleted(mode: Mode, deleted: Deleted) -> None:
    st.session_state[f"deleted_{mode}"] = deleted


def forget_deleted(mode: Mode) -> None:
    """The page says nothing of it any more; it lies in History's trash."""
    st.session_state.pop(f"deleted_{mode}", None)


def history_state() -> HistoryState:
    state: HistoryState = st.session_state.setdefault("page_history", HistoryState())
    return state


def system_state() -> SystemState:
    state: SystemState = st.session_state.setdefault("page_system", SystemState())
    return state


def field_key(mode: Mode, field: Field) -> str:
    return f"{mode}_{field}"


def field_value(mode: Mode, field: Field, default: Any = None) -> Any:
    """What a widget of the form holds; ``default`` where it holds nothing."""
    value = st.session_state.get(field_key(mode, field))
    return default if value is None else value


def fill_field(mode: Mode, field: Field, value: object) -> None:
    """Fills a form's widget at the beginning of the next run: a widget already drawn cannot be filled in this one."""
    _fills().fill(field_key(mode, field), _for_widget(value), in_browser=field not in NO_WIDGETS, late_s=_late_s(field))


def fill_now(mode: Mode, field: Field, value: object) -> None:
    """Fills a form's widget that this run has not drawn yet."""
    key = field_key(mode, field)
    _fills().fill_now(
        st.session_state, key, _for_widget(value), in_browser=field not in NO_WIDGETS, late_s=_late_s(field)
    )


def is_late(mode: Mode, field: Field, value: object) -> bool:
    """Whether a browser sends back what a field held before the page filled it, rather than what was typed."""
    return _fills().is_late(field_key(mode, field), value)


def _late_s(field: Field) -> float:
    return SEED_LATE_S if field == "seed" else ON_ITS_WAY_S


def _for_widget(value: object) -> object:
    return showable(value) if isinstance(value, str) else value


def _fills() -> Fills:
    fills: Fills = st.session_state.setdefault("fills", Fills())
    return fills


def begin_fills() -> None:
    """Called first of all in a run, before any form is drawn."""
    _fills().begin(st.session_state)


def apply_fills() -> None:
    """Fills what this run has asked for since, before its form is drawn."""
    _fills().apply(st.session_state)


def end_fills() -> None:
    """Called when a run has drawn its page to the end."""
    _fills().ended()


def fields_to_come() -> dict[str, object]:
    """What the next run fills, by the keys of the session."""
    return _fills().to_come()
