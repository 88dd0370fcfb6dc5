"""By the keyboard alone: where the focus is when Generate opens, and where it goes when what had it is gone."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser


def press(button: Locator, key: str = "Enter") -> None:
    button.focus()
    button.page.keyboard.press(key)


def test_generate_opens_in_its_words_whose_empty_field_leaves_the_pages_keys_alone(visitor: Visitor) -> None:
    """`?` shows the keys, and its end gives the focus back; what is typed then is typed, `?` and `/` too."""
    page, words = visitor.page, visitor.page.get_by_label("What should it show?")
    visitor.open()
    expect(words).to_be_focused()
    for _ in range(2):
        page.keyboard.press("?")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(words).to_be_focused()
    page.keyboard.type("a cat/dog?")
    expect(words).to_have_value("a cat/dog?")
    visitor.open("/system")
    press(page.get_by_role("link", name="Generate"))
    expect(words).to_be_focused()
    words.fill("")
    page.keyboard.type("/imagine")
    expect(words).to_have_value("/imagine")


def test_a_press_by_key_that_takes_its_button_away_leads_on_from_there(visitor: Visitor, two_pictures: None) -> None:
    """To the editor after "Start from JSON" and "Mend it", whose place was there before; to the tile that was opened;
    to the words after "Back to my draft"; to the stage after Vary's "Paint"."""
    page = visitor.page
    visitor.open()
    press(page.get_by_role("button", name="Start from JSON"))
    expect(visitor.editor).to_be_focused()
    below = page.get_by_role("button", name="Format")
    expect(below).to_be_visible()
    visitor.settle()
    place = below.bounding_box()
    visitor.type_into_editor('{"short_description": "a cat",}')
    mend = page.get_by_role("button", name="Mend it")
    expect(mend).to_be_visible()
    assert below.bounding_box() == place, "the sentence and its button have a place of their own"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(mend).to_be_focused()
    page.keyboard.press("Enter")
    expect(mend).to_be_hidden()
    expect(visitor.editor).to_be_focused()
    assert below.bounding_box() == place

    tile = page.locator(".st-key-generate_latest button.tile").nth(1)
    press(tile)
    back = page.get_by_role("button", name="Back to my draft")
    expect(back).to_be_visible()
    visitor.settle()
    expect(tile).to_be_focused()
    press(back)
    expect(page.get_by_label("What should it show?")).to_be_focused()

    press(page.get_by_role("button", name="Vary", exact=True))
    dialog = page.get_by_role("dialog")
    what = dialog.get_by_role("combobox", name="What varies")
    what.focus()
    visitor.settle()
    page.keyboard.type("steps")
    page.get_by_role("option", name="Steps").wait_for()
    page.keyboard.press("Enter")
    values = dialog.get_by_role("textbox").first
    values.wait_for()
    visitor.settle()
    values.fill("2|3")
    values.press("Tab")
    press(dialog.get_by_role("button", name="Paint 2 pictures"))
    expect(dialog).to_be_hidden()
    expect(page.locator("section.stage")).to_be_focused()
