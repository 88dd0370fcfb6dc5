"""The structured prompt in an Ace editor, with what is wrong or noteworthy about it in words below.

The text lives in a Draft, not in the editor: it survives reruns, other pages and failed runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st
from streamlit_ace import st_ace

from fibo_core.errors import FiboError, PromptError
from fibo_core.prompt import Hint, StructuredPrompt
from fibo_core.request import TOKENS_MAX
from fibo_core.writers import BY_HAND
from studio.state import Draft, PageState
from studio.words import plain


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a text: it is a prompt (with its tokens and hints), or why it is none."""

    prompt: StructuredPrompt | None
    tokens: int | None = None
    hints: tuple[Hint, ...] = ()
    error: PromptError | None = None

    @property
    def too_long(self) -> bool:
        return self.tokens is not None and self.tokens > TOKENS_MAX


def judge(text: str, count_tokens: Callable[[str], int]) -> Verdict:
    """Reads ``text`` as a structured prompt; never raises. Tokens are None while the model's tokenizer is missing."""
    try:
        prompt = StructuredPrompt.parse(text)
    except PromptError as exc:
        return Verdict(None, error=exc)
    try:
        tokens = count_tokens(prompt.canonical())
    except FiboError:
        tokens = None
    return Verdict(prompt, tokens, prompt.hints())


def take_edits(state: PageState, *, key: str) -> None:
    """Brings ``state.draft`` up to what has been typed since the last run; called before anything reads the draft."""
    if state.draft is not None:
        typed = st.session_state.get(_editor_key(key, state.draft))
        if isinstance(typed, str):
            state.draft = replace(state.draft, text=typed)


def json_editor(state: PageState, *, key: str, count_tokens: Callable[[str], int], height: int = 360) -> None:
    """The editor of ``state.draft`` (which must be there), what is to be said of its text, and its buttons."""
    assert state.draft is not None
    verdict = judge(state.draft.text, count_tokens)
    st_ace(
        value=state.draft.text,  # heeded by an editor just built, ignored by one that is being typed into
        language="json",
        theme="tomorrow_night",
        height=height,
        font_size=13,
        tab_size=2,
        wrap=True,
        auto_update=True,
        annotations=_annotations(verdict),
        key=_editor_key(key, state.draft),
    )
    _say(verdict)
    _buttons(state, state.draft, verdict, key)


def _editor_key(key: str, draft: Draft) -> str:
    """An editor keeps its text as long as its key stays; another revision of the text needs another editor."""
    return f"{key}_editor_{draft.revision}"


def _annotations(verdict: Verdict) -> list[dict[str, object]] | None:
    if verdict.error is None or verdict.error.line is None:
        return None
    row, column = verdict.error.line - 1, (verdict.error.column or 1) - 1
    return [{"row": row, "column": column, "type": "error", "text": str(verdict.error)}]


def _say(verdict: Verdict) -> None:
    if verdict.error is not None:
        st.error(plain(str(verdict.error)), icon=":material/error:")
        return
    tokens = "" if verdict.tokens is None else f" · {verdict.tokens:,} of {TOKENS_MAX:,} tokens"
    if verdict.too_long:
        st.error(f"Too long{tokens}: the end would be lost. Shorten the descriptions.", icon=":material/error:")
    elif not verdict.hints:
        st.caption(f":material/check: valid{tokens}")
    else:
        count = len(verdict.hints)
        with st.expander(f"valid{tokens} · {count} hint{'s' if count > 1 else ''}", type="compact"):
            for hint in verdict.hints:
                st.caption(plain(f"{hint.path}: {hint.message}" if hint.path else hint.message))


def _buttons(state: PageState, draft: Draft, verdict: Verdict, key: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if st.button(
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
            "Bring my JSON back", key=f"{key}_back", type="tertiary", icon=":material/history:",
            help="Your own JSON that was replaced",
        ):  # fmt: skip
            state.bring_back()
            st.rerun()
        st.caption(authorship(draft.writer, draft.edited))


def authorship(writer: str, edited: bool) -> str:
    """Who wrote a prompt: "written by offline, edited by you"."""
    if writer == BY_HAND:
        return "written by you"
    return f"written by {writer}" + (", edited by you" if edited else "")
