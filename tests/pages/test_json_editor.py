"""The JSON editor's texts: typed, pasted, replaced, brought back; and the editor that STUDIO_EDITOR chooses."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.json_text import line_and_column
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.components.json_editor import _marks, judge
from studio.ui.state import Draft, PageState
from tests.pages.conftest import APP, press, says

BALL = json.dumps({"short_description": "a red ball", "lighting": {"conditions": "dim"}}, indent=2)
FENCED = 'Here you are:\n```json\n{"prompt": {"short_description": "a blue star",}, "seed": 4711}\n```'


def begun(text: str) -> PageState:
    state = PageState()
    state.begin(text)
    return state


def text_of(state: PageState) -> str:
    assert state.draft is not None
    return state.draft.text


def test_a_prompt_pasted_over_everything_is_mended_and_the_one_before_comes_back() -> None:
    state = begun(BALL)
    state.paste_in(FENCED, FENCED)
    assert json.loads(text_of(state)) == {"short_description": "a blue star"}
    assert state.draft is not None
    assert state.draft.mended is not None
    assert state.draft.mended.recipe.seed == 4711
    assert state.previous is not None
    assert state.previous.title == "a red ball"
    state.bring_back()
    assert text_of(state) == BALL
    assert state.previous is None


def test_a_prompt_pasted_into_one_just_begun_takes_its_place() -> None:
    """Wherever in it the cursor stood."""
    state = begun('{\n  "short_description": ""\n}')
    state.paste_in('{\n  "short_description": "' + FENCED + '"\n}', FENCED)
    assert json.loads(text_of(state)) == {"short_description": "a blue star"}


def test_a_part_pasted_into_a_prompt_that_says_something_stays_where_it_was_put() -> None:
    """Though it would be a prompt by itself."""
    state, part = begun(BALL), '"style_medium": "photograph",'
    typed = BALL.replace("{", "{" + part, 1)
    state.paste_in(typed, part)
    assert text_of(state) == typed
    broken = BALL.replace("}", "}" + part, 1)
    state.paste_in(broken, part)
    assert text_of(state) == broken
    assert state.previous is None


def test_words_pasted_over_everything_stay_as_they_are() -> None:
    state = begun(BALL)
    state.paste_in("just words", "just words")
    assert text_of(state) == "just words"


def test_what_was_told_of_one_prompt_is_not_told_of_another() -> None:
    """An edit keeps the settings found on offer; another JSON in the editor does not."""
    state = begun(BALL)
    state.paste_in(FENCED, FENCED)
    state.type_in(text_of(state).replace("blue", "green"))
    assert state.draft is not None
    assert state.draft.mended is not None
    state.type_in(json.dumps({"context": "a poster", "background_setting": "a wall"}))
    assert state.draft.mended is None


def test_a_plain_prompt_pasted_over_a_writers_is_the_users_own() -> None:
    state = begun(BALL)
    assert state.draft is not None
    state.show(WrittenPrompt(state.draft.parsed().prompt, "offline"), "a red ball")
    other = json.dumps({"short_description": "a fox"})
    state.paste_in(other, other)
    assert state.draft == Draft(
        other, revision=state.draft.revision, form_revision=state.revision, mended=state.draft.mended
    )


def test_what_was_typed_at_another_revision_takes_nothing_s_place() -> None:
    """A press that carries a text which has been mended since."""
    state = begun(BALL)
    assert state.draft is not None
    old = state.draft.revision
    state.paste_in(FENCED, FENCED)
    state.take_typed(FENCED, old)
    assert json.loads(text_of(state)) == {"short_description": "a blue star"}
    state.take_typed('{"context": "mine"}', state.draft.revision)
    assert text_of(state) == '{"context": "mine"}'


def test_a_text_that_is_laid_out_otherwise_is_no_edit_and_one_of_another_order_is() -> None:
    """A blank that a Tab left does not make the prompt the user's: new words are written anew."""
    written = WrittenPrompt(StructuredPrompt.parse(BALL), "offline")
    assert not Draft(f"\t{BALL}\n", written=written).is_users
    assert not Draft(json.dumps(json.loads(BALL)), written=written).is_users
    turned = json.dumps(dict(reversed(json.loads(BALL).items())))
    assert Draft(turned, written=written).is_users
    assert Draft("{", written=written).is_users


def test_a_likely_typo_is_marked_at_its_line() -> None:
    text = BALL.replace("lighting", "ligthing")
    (mark,) = _marks(Draft(text), judge(text, len))
    assert mark.row + 1 == line_and_column(text, text.index("ligthing"))[0]
    assert (mark.kind, mark.text) == ("warning", "ligthing: did you mean lighting?")


def test_a_fault_is_marked_at_its_line() -> None:
    text = BALL.replace("},", "}")
    text = text.replace('"a red ball",', '"a red ball"')
    (mark,) = _marks(Draft(text), judge(text, len))
    assert (mark.row, mark.kind) == (2, "error")


@pytest.fixture
def framed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """A studio whose owner prefers streamlit-ace."""
    monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path))
    monkeypatch.setenv("STUDIO_EDITOR", "streamlit-ace")
    get_shell.clear()
    runtime: Runtime = get_runtime()
    yield AppTest.from_file(str(APP), default_timeout=60).run()
    runtime.close()
    get_shell.clear()


def test_with_streamlit_ace_what_is_typed_arrives_and_is_judged(framed: AppTest) -> None:
    press(framed, "Start from JSON")
    draft = framed.session_state["page_generate"].draft
    framed.session_state[f"generate_editor_{draft.revision}"] = BALL.replace("},", "}").replace("dim", '"dim')
    framed.run()
    assert "This is not JSON" in says(framed)
    assert framed.code[0].value.endswith("^")
    draft = framed.session_state["page_generate"].draft
    framed.session_state[f"generate_editor_{draft.revision}"] = BALL
    framed.run()
    assert "valid" in "".join(each.label for each in framed.expander)
    assert not framed.exception
