"""Refine as a conversation in a real Chromium: the thread, a branch by a click, and no moment without a picture."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, add_picture, opened

pytestmark = pytest.mark.browser

#: Notes for good whether the stage was ever without a picture since this was run on its canvas, or was built anew.
WATCH = """canvas => {
  window.bare = 0
  const look = () => {
    if (!canvas.isConnected || !canvas.querySelector("img")) window.bare += 1
    requestAnimationFrame(look)
  }
  look()
}"""


@pytest.fixture
def source(studio: Server) -> str:
    """The id of a picture to begin with."""
    prompt = StructuredPrompt.from_dict(
        {
            "short_description": "a red ball and a blue star",
            "objects": [
                {"description": "a red ball", "shape_and_color": "round, red", "location": "left"},
                {"description": "a blue star", "shape_and_color": "star-shaped, blue", "location": "right"},
            ],
        }
    )
    with opened(studio.log.parent / "workspace") as (_, history):
        return add_picture(history, "a red ball and a blue star", seed=41, prompt=prompt).id


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, request.param)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


def say(visitor: Visitor, words: str, button: str = "Paint with the same seed") -> None:
    """Types what should change and presses the button."""
    visitor.settle()
    box = visitor.page.get_by_label(re.compile("What should change"))
    box.fill(words)
    box.press("Tab")
    visitor.settle()
    visitor.page.wait_for_timeout(300)
    visitor.press(button)


def words_of_thread(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.locator("ol.thread .step .words").all_inner_texts()]


def current(visitor: Visitor) -> str:
    return str(visitor.page.locator('ol.thread [aria-current="step"]').get_attribute("data-id"))


def test_each_result_is_the_next_source_and_a_click_on_an_older_one_begins_a_branch(
    visitor: Visitor, source: str
) -> None:
    """The words stand in the thread and leave the field; the picture before stays on the stage until the next fades
    in; the address leads back to where one was."""
    page = visitor.page
    visitor.open(f"/refine?picture={source}")
    page.locator(".canvas img").first.wait_for()
    page.locator(".canvas").evaluate(WATCH)
    say(visitor, "make the ball green")
    expect(page.locator("ol.thread li.pending")).to_contain_text("make the ball green")
    steps = page.locator("ol.thread .step:not(.pending)")
    expect(steps).to_have_count(2, timeout=60_000)
    expect(page.get_by_label(re.compile("What should change"))).to_have_value("")
    green = current(visitor)
    assert green != source
    expect(page.get_by_text("3 fields changed: short_description, objects[0].description")).to_be_visible()
    say(visitor, "remove the star")
    expect(steps).to_have_count(3, timeout=60_000)
    assert words_of_thread(page) == ["a red ball and a blue star", "make the ball green", "remove the star"]
    assert page.evaluate("window.bare") == 0

    page.locator(f'ol.thread [data-id="{source}"]').click()
    expect(steps).to_have_count(1)
    expect(page).to_have_url(re.compile(f"picture={source}"))
    expect(page.locator("ol.thread .beside button")).to_have_count(1)
    say(visitor, "at night")
    expect(steps).to_have_count(2, timeout=60_000)
    expect(page.get_by_role("button", name="Go on from “make the ball green”")).to_be_visible()
    night = current(visitor)
    page.reload()
    page.locator("h1").wait_for()
    expect(page.locator('ol.thread [aria-current="step"]')).to_have_attribute("data-id", night)
    assert words_of_thread(page) == ["a red ball and a blue star", "at night"]
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("41")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.viewport_size["width"]


def test_a_review_marks_the_words_that_change_and_names_what_goes(visitor: Visitor, source: str) -> None:
    page = visitor.page
    visitor.open(f"/refine?picture={source}")
    say(visitor, "make the ball green", "Show the changes")
    row = page.locator("label.row", has_text="objects[0].description")
    expect(row.locator("del")).to_have_text("red")
    expect(row.locator("ins")).to_have_text("green")
    expect(row.locator(".values")).to_have_text("a redgreen ball")
    expect(page.get_by_role("button", name="Paint these changes")).to_be_visible()
    say(visitor, "remove the star", "Show the changes")
    expect(page.locator("label.row", has_text="Object 2 (a blue star) removed")).to_be_visible(timeout=30_000)
    expect(page.locator("ol.thread li.pending")).to_contain_text("make the ball green; remove the star")
