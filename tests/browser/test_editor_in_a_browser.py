"""The JSON editor under real hands: Ace in the page, and in streamlit-ace's frame, both under the page's policy."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import DESKTOP, Chromium, Visitor
from tests.studio.processes import Server, served

pytestmark = pytest.mark.browser

PROMPT = {
    "short_description": "a red ball",
    "objects": [{"description": "a red ball", "location": "left"}],
    "lighting": {"conditions": "dim", "direction": "from above"},
}
TEXT = json.dumps(PROMPT, indent=2)
FENCED = 'Here you are:\n```json\n{"short_description": "a blue star",}\n```'


def begin(visitor: Visitor, text: str = TEXT) -> None:
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor(text)
    if text == TEXT:
        expect(visitor.page.get_by_text(re.compile("valid · [0-9]"))).to_be_visible()


def put_cursor(visitor: Visitor, row: int, column: int) -> None:
    visitor.editor.focus()
    visitor.page.evaluate(
        "([row, column]) => ace.edit(document.querySelector('.fibo-editor-box')).moveCursorTo(row, column)",
        [row, column],
    )


def paste(visitor: Visitor, text: str) -> None:
    """As Ctrl+V does, over all that stands there."""
    visitor.editor.focus()
    visitor.page.keyboard.press("Control+a")
    visitor.editor.evaluate(
        """(area, text) => {
          const clipboardData = new DataTransfer()
          clipboardData.setData("text/plain", text)
          area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))
        }""",
        text,
    )


def offers(visitor: Visitor) -> Locator:
    return visitor.page.locator(".ace_autocomplete .ace_line").filter(visible=True)


def test_control_and_enter_paint_what_was_pasted_a_moment_ago(visitor: Visitor) -> None:
    """No pause between the paste and the keys, and no new line in the text."""
    begin(visitor)
    visitor.set_steps(2)
    pasted = json.dumps(PROMPT | {"short_description": "a green heart"}, indent=2)
    paste(visitor, pasted)
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.wait_for_url(re.compile("batch="))
    assert visitor.editor_text() == pasted
    visitor.page.get_by_role("button", name="New seed").wait_for()
    visitor.open("/history")
    visitor.page.locator("[role=gridcell]").first.click()
    expect(visitor.page.locator(".fibo-editor")).to_contain_text("a green heart")
    visitor.editor.focus()
    visitor.page.keyboard.type("x")
    expect(visitor.page.locator(".fibo-editor")).not_to_contain_text("x")


def test_a_press_takes_what_was_typed_the_moment_before(visitor: Visitor) -> None:
    begin(visitor)
    visitor.type_into_editor(json.dumps(PROMPT))
    visitor.page.get_by_role("button", name="Format").click()
    expect(visitor.page.locator(".fibo-editor .ace_line").nth(5)).to_be_visible()
    visitor.expect_document(PROMPT)


def test_escape_closes_what_is_offered_then_leaves_and_tab_goes_on(visitor: Visitor) -> None:
    begin(visitor)
    put_cursor(visitor, 8, 21)
    visitor.page.keyboard.press("Control+Space")
    expect(offers(visitor).first).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(offers(visitor)).to_have_count(0)
    expect(visitor.editor).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.editor).not_to_be_focused()
    visitor.page.keyboard.press("Tab")
    expect(visitor.editor).not_to_be_focused()
    assert visitor.page.evaluate("document.activeElement !== document.body")
    assert visitor.editor_text() == TEXT


def test_keys_and_usual_values_are_offered_where_the_cursor_is(visitor: Visitor) -> None:
    """A quote opens the list; keys that the object has are not in it; a key brings what it wants after it."""
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor('{\n  "lighting": {"conditions": "dim", }\n}')
    put_cursor(visitor, 1, 36)
    visitor.page.keyboard.type('"')
    expect(offers(visitor).filter(has_text="shadows")).to_be_visible()
    expect(offers(visitor).filter(has_text="conditions")).to_have_count(0)
    ground = visitor.page.locator(".ace_autocomplete").evaluate("list => getComputedStyle(list).backgroundColor")
    assert ground == "rgb(28, 28, 32)"
    visitor.page.keyboard.type("dir")
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Control+Space")
    offers(visitor).filter(has_text="from behind").click(force=True)  # a layer of Ace takes the click for it
    assert visitor.editor_text() == '{\n  "lighting": {"conditions": "dim", "direction": "from behind"}\n}'


def test_a_faulty_line_is_marked_and_mended_and_control_z_takes_it_back(visitor: Visitor) -> None:
    broken = TEXT.replace('"a red ball",', '"a red ball"', 1)
    begin(visitor, broken)
    expect(visitor.page.locator(".fibo-editor .ace_gutter-cell.ace_error")).to_have_text(re.compile("3"))
    visitor.press("Mend it")
    expect(visitor.page.get_by_text(re.compile("valid · [0-9]"))).to_be_visible()
    expect(visitor.page.locator(".fibo-editor .ace_gutter-cell.ace_error")).to_have_count(0)
    visitor.expect_document(PROMPT)
    visitor.editor.focus()
    visitor.page.keyboard.press("Control+z")
    assert visitor.editor_text() == broken


def test_a_likely_typo_is_marked_at_its_line(visitor: Visitor) -> None:
    begin(visitor, TEXT.replace("lighting", "ligthing"))
    expect(visitor.page.get_by_text("ligthing: did you mean lighting?")).to_be_visible()
    mark = visitor.page.locator(".fibo-editor .ace_gutter-cell.ace_warning")
    expect(mark).to_have_text(re.compile("9"))
    visitor.page.reload()
    expect(mark).to_have_text(re.compile("9"))
    expect(visitor.page.locator(".fibo-editor .fibo-warning")).to_have_count(1)


def test_a_prompt_pasted_with_words_and_a_fence_around_it_becomes_the_prompt(visitor: Visitor) -> None:
    begin(visitor)
    before = visitor.page.locator(".fibo-editor").element_handle()
    paste(visitor, FENCED)
    expect(visitor.page.get_by_text(re.compile("words around the JSON were left out"))).to_be_visible()
    visitor.expect_document({"short_description": "a blue star"})
    visitor.press("Bring back “a red ball”")
    expect(visitor.page.get_by_text(re.compile("words around the JSON"))).to_have_count(0)
    assert visitor.editor_text() == TEXT
    assert visitor.page.locator(".fibo-editor").evaluate("(now, before) => now === before", before)


def test_a_fenced_prompt_pasted_and_painted_at_once_is_painted_mended(visitor: Visitor) -> None:
    begin(visitor)
    visitor.set_steps(2)
    paste(visitor, FENCED)
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.wait_for_url(re.compile("batch="))
    visitor.expect_document({"short_description": "a blue star"})


def test_a_line_is_locked_beside_its_number_and_freed_by_key(visitor: Visitor) -> None:
    """On Refine; the tree of locks says the same."""
    begin(visitor)
    visitor.set_steps(2)
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.get_by_role("button", name="New seed").wait_for()
    visitor.press("Refine")
    visitor.page.get_by_label("What should change?").wait_for()
    visitor.settle()
    if not visitor.editor.is_visible():
        visitor.press_until("Edit the JSON by hand", visitor.editor)
    cells = visitor.page.locator(".fibo-editor .ace_gutter-cell")
    row = visitor.editor_text("refine").splitlines().index('  "lighting": {')
    cells.nth(row).click(position={"x": 6, "y": 8})
    expect(visitor.page.locator(".fibo-editor .fibo-locked")).to_have_count(3)
    visitor.page.get_by_text("Keep as it is").click()
    expect(visitor.page.get_by_label("Keep Light", exact=True)).to_be_checked()
    put_cursor(visitor, row, 4)
    visitor.page.keyboard.press("Alt+l")
    expect(visitor.page.locator(".fibo-editor .fibo-locked")).to_have_count(0)
    expect(visitor.page.get_by_label("Keep Light", exact=True)).not_to_be_checked()


def test_the_field_at_the_cursor_is_varied_from_its_line(visitor: Visitor) -> None:
    begin(visitor)
    put_cursor(visitor, 9, 20)
    button = visitor.page.get_by_role("button", name="Vary lighting.conditions")
    button.click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="dim (as it is)")).to_be_visible()


@pytest.fixture(scope="module")
def framed_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("framed") / "workspace", STUDIO_EDITOR="streamlit-ace") as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        yield server


def test_with_streamlit_ace_the_last_keystroke_is_there_when_the_form_is_asked_for(
    chromium: Chromium, framed_studio: Server
) -> None:
    """The package's own editor, in its frame, which the page's policy allows."""
    visitor = Visitor(chromium, framed_studio, DESKTOP)
    visitor.open()
    frame = visitor.page.locator('iframe[title*="streamlit_ace"]').first
    visitor.press_until("Start from JSON", frame)
    area = visitor.page.frame_locator('iframe[title*="streamlit_ace"]').first.locator("textarea.ace_text-input")
    area.focus()
    visitor.page.keyboard.press("Control+a")
    visitor.page.keyboard.insert_text(TEXT.replace("a red ball", "typed in the last moment"))
    visitor.page.get_by_role("radio", name="Form").click()
    field = visitor.page.get_by_role("textbox", name="Short description", exact=True)
    expect(field).to_have_value("typed in the last moment")
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []
