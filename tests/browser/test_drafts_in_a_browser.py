"""What is typed survives a reload and a new tab, also what Streamlit has not been told of yet."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import DESKTOP, Chromium, Visitor
from tests.studio.processes import Server

pytestmark = pytest.mark.browser

JSON = '{"short_description": "a fox in the snow"}'
WORDS = "make it snow"


@pytest.fixture
def stranger(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    """Another browser on the same studio."""
    visitor = Visitor(chromium, studio, DESKTOP)
    yield visitor
    visitor.close()


def box(visitor: Visitor) -> Locator:
    return visitor.page.get_by_label("What should it show?")


def seed(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("textbox", name="Seed")


def type_without_leaving(visitor: Visitor, words: str) -> None:
    """Until the listener has sent it; the field keeps the focus, so that Streamlit learns of nothing."""
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/drafts")) as sent:
        box(visitor).press_sequentially(words)
    assert sent.value.status == 204


def test_words_json_and_settings_survive_a_reload_and_are_there_in_a_new_tab(
    visitor: Visitor, stranger: Visitor
) -> None:
    """Of the same browser; another one sees nothing of it."""
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor(JSON)
    expect(visitor.page.get_by_text("valid", exact=False).first).to_be_visible()
    seed(visitor).fill("4711")
    seed(visitor).press("Tab")
    type_without_leaving(visitor, WORDS)

    visitor.page.reload()
    visitor.page.locator("h1").wait_for()
    expect(box(visitor)).to_have_value(WORDS)
    expect(seed(visitor)).to_have_value("4711")
    visitor.settle()
    assert visitor.editor_text() == JSON

    first, visitor.page = visitor.page, visitor.context.new_page()
    visitor.open("/refine")
    visitor.page.get_by_role("link", name="Generate").first.click()
    expect(box(visitor)).to_have_value(WORDS)
    visitor.settle()
    assert visitor.editor_text() == JSON
    first.close()

    stranger.open()
    expect(box(stranger)).to_have_value("")
    expect(stranger.page.get_by_role("button", name="Start from JSON")).to_be_visible()


def test_a_page_that_goes_away_amid_a_word_keeps_it(visitor: Visitor) -> None:
    """Sooner than the listener's pause."""
    visitor.open()
    box(visitor).press_sequentially("a lighthouse at du")
    visitor.page.reload()
    expect(box(visitor)).to_have_value("a lighthouse at du")
    assert "drafts" not in visitor.page.evaluate("document.cookie")  # no script can read whose draft it is
