"""Varying as people do: from a field of the form to a labelled grid, longer afterwards, and found again in History."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def own_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio whose batches are these tests' alone."""
    with served(tmp_path_factory.mktemp("vary") / "workspace") as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        yield server


def dialog(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("dialog")


def tick(visitor: Visitor, value: str) -> None:
    """Ticks a value in the dialog, and waits until it counts."""
    visitor.settle()
    pill = dialog(visitor).get_by_role("button", name=value)
    pill.click(delay=80)
    expect(pill).to_have_attribute("aria-pressed", "true")
    visitor.settle()


def write_the_prompt(visitor: Visitor, words: str) -> None:
    box = visitor.page.get_by_label("What should it show?")
    box.fill(words)
    box.press("Tab")
    visitor.press_until("Prompt only", visitor.page.get_by_role("radio", name="Form"))


def test_a_field_leads_to_a_labelled_grid_that_grows_and_is_found_again_in_history(
    chromium: Chromium, own_studio: Server
) -> None:
    visitor = Visitor(chromium, own_studio, DESKTOP)
    visitor.open()
    page = visitor.page
    write_the_prompt(visitor, "a red ball")
    visitor.pick("Form")
    visitor.pick("Light")
    visitor.settle()
    menu = page.locator('[class*="st-key-generate_menu"][class*="lighting-conditions"] button')
    menu.filter(visible=True).click(delay=80)
    page.get_by_text("Try several side by side").click()
    expect(dialog(visitor).get_by_role("combobox", name="What varies")).to_have_value(re.compile("lighting.conditions"))
    tick(visitor, "night, moonlight")
    dialog(visitor).get_by_role("button", name="Paint 2 pictures").click()
    expect(dialog(visitor)).to_have_count(0)
    grid = page.locator(".st-key-generate_stage")
    expect(grid).to_contain_text("bright daylight")
    own_studio.wait_for(lambda health: not any(health["queue"].values()))

    visitor.press_until("More values", dialog(visitor))
    dialog(visitor).get_by_role("textbox", name="Your own values").fill("foggy dawn")
    page.keyboard.press("Enter")
    dialog(visitor).get_by_role("button", name="Paint 1 picture").click()
    expect(dialog(visitor)).to_have_count(0)
    expect(grid).to_contain_text("foggy dawn")
    own_studio.wait_for(lambda health: not any(health["queue"].values()))
    address = page.get_by_role("link", name="Save as one picture").get_attribute("href")
    assert own_studio.get(str(address))[1]["content-type"] == "image/png"

    visitor.open("/history")
    page.get_by_role("gridcell", name="a red ball").first.click()
    visitor.press("Open its grid")
    page.wait_for_url(re.compile("batch="))
    for light in ("bright daylight", "night, moonlight", "foggy dawn"):
        expect(grid).to_contain_text(light)
    assert (visitor.faults, visitor.outside) == ([], [])
    visitor.close()


def test_on_a_phone_the_dialog_is_worked_by_touch_and_fits(chromium: Chromium, own_studio: Server) -> None:
    """Nothing is wider than the window, and the button that paints can be reached."""
    visitor = Visitor(chromium, own_studio, PHONE)
    visitor.open()
    box = visitor.page.get_by_label("What should it show?")
    box.fill("a blue box")
    box.press("Tab")
    visitor.press_until("Vary", dialog(visitor))
    tick(visitor, "soft daylight")
    tick(visitor, "night, moonlight")
    paint = dialog(visitor).get_by_role("button", name="Paint 2 pictures")
    paint.scroll_into_view_if_needed()
    bounds = paint.bounding_box()
    assert bounds is not None
    assert bounds["x"] >= 0
    assert bounds["x"] + bounds["width"] <= PHONE["width"]
    assert visitor.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    visitor.page.keyboard.press("Escape")
    expect(dialog(visitor)).to_have_count(0)
    visitor.close()


@pytest.mark.parametrize("viewport", [{"width": 1360, "height": 850}, PHONE], ids=["desktop", "phone"])
def test_the_button_that_paints_stays_in_sight_however_long_the_dialog_is(
    chromium: Chromium, own_studio: Server, viewport: dict[str, int]
) -> None:
    visitor = Visitor(chromium, own_studio, viewport)
    visitor.open()
    box = visitor.page.get_by_label("What should it show?")
    box.fill("a teal ring")
    box.press("Tab")
    visitor.press_until("Vary", dialog(visitor))
    second = dialog(visitor).get_by_role("combobox", name="And", exact=True)
    dialog(visitor).locator("label", has_text="A second axis").click()
    expect(second).to_be_visible()
    visitor.settle()
    expect(dialog(visitor).get_by_test_id("stBaseButton-primary")).to_be_in_viewport(ratio=1)
    visitor.close()
