"""The structured prompt as a form or in an Ace editor, with what is wrong or noteworthy about it in words below.

The text lives in a Draft, not in the editor or the form: it survives reruns, other pages and failed runs, and both
show the same.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from fibo_core.errors import FiboError, PromptError
from fibo_core.models.catalogue import ModelSpec
from fibo_core.models.families import FIBO1, Family
from fibo_core.prompts.json_lines import lines_of, locked_lines
from fibo_core.prompts.json_text import marked_line
from fibo_core.prompts.mend import SeveralCaptions, doubts, mend, require_said
from fibo_core.prompts.mend.names import Place
from fibo_core.prompts.structured_prompt import KEYS, Hint, StructuredPrompt
from fibo_core.store.generation import Mode
from fibo_core.writers import BY_HAND, Usage, writer_name
from studio.shell import get_shell
from studio.ui.components.ace_editor import Mark, Typed, ace_editor, typed_text
from studio.ui.components.ace_frame import DELAY_S, framed_editor, framed_text
from studio.ui.components.mending import say_what_was_done
from studio.ui.components.presets import presets_button, presets_dialog
from studio.ui.components.prompt_form import open_object, prompt_form
from studio.ui.components.sketch import sketch
from studio.ui.session import errors_shown
from studio.ui.state import Draft, PageState, field_value
from studio.ui.words import plain, showable

FORM, JSON, SKETCH = "Form", "JSON", "Sketch"
CHOICES_MAX = 5  #: of several captions in one text
LABEL = "The prompt as JSON. Escape, then Tab, leaves it; Control and Space offers keys and values."
MENDED_CHARS_MAX = 100_000  #: of a broken text that is tried at each run


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a text: it is a prompt (with its tokens and hints), or why it is none.

    The model reads ``tokens_max``. ``doubtful`` are sentences on keys that look like typos, by their places,
    ``mendable`` whether there is a prompt in what is none.
    """

    prompt: StructuredPrompt | None
    tokens: int | None = None
    hints: tuple[Hint, ...] = ()
    error: PromptError | None = None
    doubtful: Mapping[Place, str] = field(default_factory=dict)
    mendable: bool = False
    tokens_max: int = FIBO1.tokens_max

    @property
    def too_long(self) -> bool:
        return self.tokens is not None and self.tokens > self.tokens_max


def judge(text: str, count_tokens: Callable[[str], int], family: Family = FIBO1) -> Verdict:
    """Reads ``text`` as a structured prompt; never raises. Tokens are None while the model's tokenizer is missing."""
    try:
        prompt = StructuredPrompt.parse(text)
        if any(name not in KEYS for name in prompt.document):  # an empty prompt of FIBO's is one just begun
            require_said(prompt)
    except PromptError as exc:
        return _why_not(text, exc)
    try:
        tokens = count_tokens(family.caption(prompt))
    except FiboError:
        tokens = None
    return Verdict(prompt, tokens, prompt.hints(), doubtful=doubts(prompt.document), tokens_max=family.tokens_max)


def _why_not(text: str, error: PromptError) -> Verdict:
    if len(text) <= MENDED_CHARS_MAX:
        try:
            mend(text)
        except SeveralCaptions as several:
            return Verdict(None, error=several)
        except PromptError:
            pass
        else:
            return Verdict(None, error=error, mendable=True)
    return Verdict(None, error=error)


def sync_draft(state: PageState, *, key: str) -> None:
    """Brings ``state.draft`` up to what has been typed since the last run; called before anything reads the draft."""
    if state.draft is None:
        return
    revision = state.draft.revision
    if _framed():
        text = framed_text(_editor_key(key), revision)
        typed = None if text is None else Typed(text)
    else:
        typed = typed_text(_editor_key(key), revision)
    if typed is not None and typed.text != state.draft.text:
        if typed.pasted:
            if typed.before != state.draft.text:
                state.type_in(typed.before)
            state.paste_in(typed.text, typed.pasted)
        else:
            state.type_in(typed.text)


def json_editor(
    state: PageState,
    *,
    key: Mode,
    spec: ModelSpec,
    count_tokens: Callable[[str], int],
    height: int = 360,
    locked: Sequence[str] = (),
    on_lock: Callable[[str], None] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """``state.draft`` (which must be there) as a form or as JSON, what is to be said of its text, and its buttons.

    With ``on_lock`` each line of the JSON can be locked: it is told the line's path, ``locked`` are the paths that are.
    With ``on_line`` the line at the cursor has "Vary this", which tells it the field's path.
    """
    assert state.draft is not None
    verdict = judge(state.draft.text, count_tokens, spec.family)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Prompt", anchor=False, width="content")
        view = _view_switch(key)
        presets = presets_button(state, verdict.prompt, key=key)
    if presets:
        presets_dialog(state, key=key)
    with st.container():
        if view == JSON:
            _editor(state.draft, verdict, key, height, locked, on_lock, on_line)
        elif verdict.prompt is not None and view == SKETCH:
            shape = spec.shapes[field_value(key, "aspect", next(iter(spec.shapes)))]
            sketch(
                state, verdict.prompt, key=key, spec=spec, shape=shape, on_open=lambda index: _open_object(key, index)
            )
        elif verdict.prompt is not None:
            prompt_form(state, verdict.prompt, key=key)
        else:
            st.caption(
                f"The {view.lower()} needs valid JSON. Mend it in the JSON view: it stands there as you left it."
            )
            st.button(
                "Open the JSON", key=f"{key}_mend", icon=":material/data_object:",
                on_click=lambda: st.session_state.update({_view_key(key): JSON}),
            )  # fmt: skip
    with st.container(key=f"{key}_json_says", gap="xsmall"):  # a place of its own: an error moves nothing below it
        _say(state, state.draft, verdict, key, marked=view == JSON and not _framed())
    _buttons(state, state.draft, verdict, key, view)
    if state.draft.mended is not None:
        say_what_was_done(state.draft.mended, key, spec)


def _view_switch(key: str) -> str:
    view_key = _view_key(key)
    view = st.segmented_control(
        "The prompt as",
        [FORM, JSON, SKETCH],
        default=None if view_key in st.session_state else JSON,
        required=True,
        label_visibility="collapsed",
        key=view_key,
        persist_state="session",
        on_change=_wait_for_the_frame,
        args=(view_key,),
    )
    return str(view)


def _wait_for_the_frame(view_key: str) -> None:
    """Leaves an editor in a frame on the page until its last keystrokes have arrived, which begin another run."""
    if st.session_state[view_key] != JSON and _framed():
        time.sleep(DELAY_S)


def _open_object(key: str, index: int) -> None:
    """The form, at an object's fields."""
    st.session_state[_view_key(key)] = FORM
    open_object(key, index)


def _view_key(key: str) -> str:
    return f"{key}_prompt_view"


def _editor(
    draft: Draft,
    verdict: Verdict,
    key: Mode,
    height: int,
    locked: Sequence[str],
    on_lock: Callable[[str], None] | None,
    on_line: Callable[[str], None] | None,
) -> None:
    editor_key, marks = _editor_key(key), _marks(draft, verdict)
    if _framed():
        framed_editor(draft.text, key=editor_key, revision=draft.revision, height=height, marks=marks)
        return
    ace_editor(
        draft.text,
        key=editor_key,
        label=LABEL,
        revision=draft.revision,
        name=key,
        height=height,
        marks=marks,
        locked=None if verdict.prompt is None else [line - 1 for line in locked_lines(draft.text, locked)],
        on_lock=on_lock,
        on_line=on_line,
    )


def _framed() -> bool:
    return get_shell().settings.studio_editor == "streamlit-ace"


def _editor_key(key: str) -> str:
    return f"{key}_editor"


def _marks(draft: Draft, verdict: Verdict) -> list[Mark]:
    error = verdict.error
    if error is not None:
        return [Mark(error.line - 1, (error.column or 1) - 1, "error", str(error))] if error.line else []
    lines = lines_of(draft.text) if verdict.doubtful else {}
    return [
        Mark(lines[place].first - 1, 0, "warning", sentence)
        for place, sentence in verdict.doubtful.items()
        if place in lines
    ]


def _say(state: PageState, draft: Draft, verdict: Verdict, key: str, *, marked: bool) -> None:
    """What is to be said of the text, under it; ``marked`` where a faulty line is marked in the editor itself."""
    error = verdict.error
    if error is not None:
        if not any(str(error) in sentence for sentence in state.refused.sentences):  # it is said there
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.error(plain(str(error)), icon=":material/error:")
                mend_button(state, key, verdict)
        if error.line is not None and error.column is not None and not marked:
            st.code(showable(marked_line(draft.text, error.line, error.column)), language=None)
        if isinstance(error, SeveralCaptions):
            with st.container(horizontal=True, gap="small"):
                for index, each in enumerate(error.captions[:CHOICES_MAX]):
                    st.button(
                        plain(f"Take “{each.title}”"), key=f"{key}_take_{index}", on_click=state.take, args=(each,)
                    )
        return
    for sentence in verdict.doubtful.values() if draft.mended is None else ():  # else the notes have them
        st.caption(f":material/spellcheck: {plain(sentence)}")
    tokens = "" if verdict.tokens is None else f" · {verdict.tokens:,} of {verdict.tokens_max:,} tokens"
    if verdict.too_long:
        st.error(f"Too long{tokens}: the end would be lost. Shorten the descriptions.", icon=":material/error:")
    elif not verdict.hints:
        st.caption(f":material/check: valid{tokens}")
    else:
        count = len(verdict.hints)
        with st.expander(f"valid{tokens} · {count} hint{'s' if count > 1 else ''}", type="compact"):
            for hint in verdict.hints:
                st.caption(plain(f"{hint.path}: {hint.message}" if hint.path else hint.message))


def show_refusals(state: PageState, key: str) -> None:
    """Why the last presses placed nothing; beside what is wrong with the JSON, "Mend it"."""
    sentences = state.refused.sentences
    verdict = judge(state.draft.text, len) if sentences and state.draft is not None else None
    for sentence in sentences:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.error(plain(sentence), icon=":material/error:")
            if verdict is not None and verdict.error is not None and str(verdict.error) in sentence:
                mend_button(state, key, verdict)


def mend_button(state: PageState, key: str, verdict: Verdict) -> None:
    """ "Mend it", where there is a prompt in the JSON that is none."""
    if verdict.mendable and st.button(
        "Mend it", key=f"{key}_mend_it", icon=":material/healing:", width="content",
        help="Puts the prompt that it means in its place, and says what was changed",
    ):  # fmt: skip
        with errors_shown():
            state.mend()
            st.rerun()


def _buttons(state: PageState, draft: Draft, verdict: Verdict, key: str, view: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if view == JSON and st.button(
            "Format", key=f"{key}_format", type="tertiary", icon=":material/format_align_left:",
            disabled=verdict.prompt is None, help="Lays the JSON out on lines; changes nothing in it",
        ):  # fmt: skip
            assert verdict.prompt is not None
            state.rewrite(verdict.prompt.to_json())
            st.rerun()
        if draft.edited and st.button(
            "Undo my edits", key=f"{key}_undo", type="tertiary", icon=":material/undo:",
            help="Back to what the writer gave",
        ):  # fmt: skip
            state.undo_edits()
            st.rerun()
        if state.previous is not None and st.button(
            plain(f"Bring back “{state.previous.title}”"), key=f"{key}_back", type="tertiary", icon=":material/undo:",
            help="Undo: your own prompt that was replaced",
        ):  # fmt: skip
            state.bring_back()
            st.rerun()
        written = draft.written
        if written is None:
            st.caption(authorship(BY_HAND))
        else:
            st.caption(authorship(draft.writer, draft.edited, written.model, written.usage))


def authorship(writer: str, edited: bool = False, model: str = "", usage: Usage | None = None) -> str:
    """Who wrote a prompt, and what it took: "written by Gemini, edited by you · gemini-3.5-flash-lite · 812 tokens"."""
    if writer == BY_HAND:
        return "written by you"
    parts = [f"written by {writer_name(writer)}" + (", edited by you" if edited else "")]
    if model:
        parts.append(plain(model))
    if usage is not None:
        parts.append(f"{usage.total:,} tokens")
    return " · ".join(parts)
