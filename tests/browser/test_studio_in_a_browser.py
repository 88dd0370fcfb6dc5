"""The studio as people see it: Chromium, a real server, the embedded model."""

import re

import pytest
from playwright.sync_api import expect

from fibo_core.limits import BYTES_MAX
from tests.browser.conftest import DESKTOP, Chromium, Visitor
from tests.studio.processes import Server, served

pytestmark = pytest.mark.browser

WORDS = "a red ball on the left and a blue box on the right, at night"


def paint(visitor: Visitor, words: str, steps: int = 3) -> str:
    """Types words, presses Ctrl+Enter and waits for the picture; its address."""
    visitor.open()
    visitor.set_steps(steps)
    box = visitor.page.get_by_label("What should it show?")
    box.fill(words)
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.get_by_role("button", name="New seed").wait_for()
    return visitor.picture()


def test_a_newcomer_paints_edits_one_word_and_finds_both_pictures_after_a_restart(
    chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The first ten minutes with the studio, from an empty workspace to a restart."""
    workspace = tmp_path_factory.mktemp("newcomer") / "workspace"
    with served(workspace) as server:
        visitor = Visitor(chromium, server, DESKTOP)
        first = paint(visitor, WORDS)
        seed = visitor.page.get_by_role("textbox", name="Seed").input_value()
        edited = visitor.editor_text().replace("red", "green")
        visitor.type_into_editor(edited)
        visitor.page.get_by_role("button", name="Generate from this JSON").click(delay=80)
        expect(visitor.page.get_by_text("edited by you").first).to_be_visible()
        expect(visitor.page.locator(".alone .result").last).not_to_have_attribute("src", first)
        expect(visitor.page.get_by_text(re.compile(f"seed {seed}")).first).to_be_visible()
        visitor.open("/history")
        expect(visitor.page.locator("[role=gridcell]")).to_have_count(2)
        assert visitor.outside == []
        assert visitor.faults == []
        visitor.close()
        server.process.terminate()
        server.process.wait(30)

    with served(workspace) as server:
        visitor = Visitor(chromium, server, DESKTOP)
        visitor.open("/history")
        expect(visitor.page.locator("[role=gridcell]")).to_have_count(2)
        visitor.page.locator("[role=gridcell]").first.click()
        expect(visitor.page.get_by_text(re.compile(seed)).first).to_be_visible()
        visitor.close()


def test_what_is_typed_into_the_editor_stays_through_other_pages_and_faults(visitor: Visitor) -> None:
    """Not valid JSON yet, off to History and back: still there, and still said to be wrong where it is wrong."""
    visitor.open()
    visitor.start_from_json()
    text = '{\n  "short_description": "mine",\n  "lighting": [\n}'
    visitor.type_into_editor(text)
    expect(visitor.page.get_by_text("This is not JSON")).to_be_visible()
    visitor.page.get_by_role("link", name="History").click()
    visitor.page.get_by_role("heading", name="History").wait_for()
    visitor.page.get_by_role("link", name="Generate").click()
    visitor.page.get_by_role("heading", name="Generate").wait_for()
    expect(visitor.page.get_by_text("This is not JSON")).to_be_visible()
    assert visitor.editor_text() == text


def test_format_lays_the_json_out_and_changes_nothing_in_it(visitor: Visitor) -> None:
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor('{"short_description":"mine","objects":[{"description":"a ball"}]}')
    expect(visitor.page.get_by_text("10 hints")).to_be_visible()  # the typed text has arrived
    visitor.press("Format")
    expect(visitor.page.locator(".fibo-editor .ace_line").nth(3)).to_be_visible()
    assert visitor.editor_text().splitlines()[1] == '  "short_description": "mine",'


def test_a_browser_closed_mid_render_finds_the_picture_at_the_same_address(chromium: Chromium, studio: Server) -> None:
    """The job goes on without its browser; another one attaches to it by the address."""
    visitor = Visitor(chromium, studio, DESKTOP)
    visitor.open()
    visitor.set_steps(60)
    visitor.page.get_by_label("What should it show?").fill("a yellow star")
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.wait_for_url(re.compile("batch="))
    visitor.page.get_by_role("button", name="Cancel").wait_for()
    address = visitor.page.url
    visitor.close()

    again = Visitor(chromium, studio, DESKTOP)
    again.page.goto(address)
    again.page.get_by_role("button", name="New seed").wait_for(timeout=120_000)
    assert again.page.get_by_label("What should it show?").input_value() == "a yellow star"
    assert again.picture().startswith("/img/")
    again.close()


def test_cancel_ends_the_job_and_leaves_the_form(visitor: Visitor) -> None:
    visitor.open()
    visitor.set_steps(200)
    visitor.page.get_by_label("What should it show?").fill("a purple ring")
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.get_by_text(re.compile("step [0-9]+ of 200", re.IGNORECASE)).first.wait_for()
    visitor.press("Cancel")
    expect(visitor.page.get_by_text("Cancelled. Your words")).to_be_visible()
    assert visitor.page.get_by_label("What should it show?").input_value() == "a purple ring"


def test_an_example_fills_the_form(visitor: Visitor) -> None:
    visitor.open()
    visitor.page.get_by_title("a red mushroom in a forest, overcast").click()
    expect(visitor.page.get_by_label("What should it show?")).to_have_value("a red mushroom in a forest, overcast")


@pytest.mark.parametrize("path", ["/", "/refine", "/inspire", "/history", "/system"])
def test_every_page_fits_a_phone(phone: Visitor, path: str) -> None:
    """Nothing sticks out to the right, and nothing is asked of another machine."""
    phone.open(path)
    width = phone.page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(e => e.scrollWidth))")
    assert width <= 390 or phone.page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert phone.page.locator("[data-testid='stException']").count() == 0


@pytest.mark.parametrize(("path", "said"), [("/inspire", "{} MB each"), ("/refine", "{}MB per file")])
def test_a_page_that_takes_a_file_says_how_large_it_may_be(visitor: Visitor, path: str, said: str) -> None:
    """As large as what the studio opens."""
    visitor.open(path)
    expect(visitor.page.get_by_text(said.format(BYTES_MAX // 2**20))).to_be_visible()


def test_generate_has_its_own_address(visitor: Visitor) -> None:
    """A bookmark of /generate is no dead link."""
    visitor.open("/generate")
    expect(visitor.page.get_by_label("What should it show?")).to_be_visible()
