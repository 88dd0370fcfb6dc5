"""A refinement under review and two writers side by side, in a real Chromium: ticks, locks, choices, a phone."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, add_picture, opened, served
from tests.writers.loopback_gemini import LoopbackGemini, answer, loopback_gemini

pytestmark = pytest.mark.browser

ANSWER = {
    "short_description": "a green ball and a purple star",
    "objects": [
        {"description": "a green ball", "shape_and_color": "round, green", "texture": "mossy"},
        {"description": "a purple star", "shape_and_color": "star-shaped, purple"},
    ],
    "background_setting": "a golden meadow",
    "lighting": {"conditions": "golden hour", "direction": "from the side", "shadows": "long"},
    "context": "a film still",
    "aesthetics": {"composition": "centred", "color_scheme": "green", "mood_atmosphere": "nostalgic"},
}
SOURCE = {
    "short_description": "a red ball and a blue star",
    "objects": [
        {"description": "a red ball", "shape_and_color": "round, red", "texture": "smooth"},
        {"description": "a blue star", "shape_and_color": "star-shaped, blue"},
    ],
    "background_setting": "a plain wall",
    "lighting": {"conditions": "daylight", "direction": "from above", "shadows": "soft"},
    "context": "a simple composition",
    "aesthetics": {"composition": "centred", "color_scheme": "clear", "mood_atmosphere": "calm"},
}


@pytest.fixture(scope="module")
def gemini() -> Iterator[LoopbackGemini]:
    """A writer that does more than it is told."""
    with loopback_gemini() as server:
        server.will(answer(ANSWER))
        yield server


@pytest.fixture(scope="module")
def studio(gemini: LoopbackGemini, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = tmp_path_factory.mktemp("review") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        add_picture(history, "a red ball and a blue star", prompt=StructuredPrompt.from_dict(SOURCE))
    key = {"GOOGLE_API_KEY": "a-key-of-no-account", "GOOGLE_GEMINI_BASE_URL": gemini.url}
    with served(workspace, **key) as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        yield server


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, request.param)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


def draft(visitor: Visitor) -> StructuredPrompt:
    return StructuredPrompt.parse(visitor.editor_text("refine"))


def test_locks_hold_offers_are_ticked_and_typed_text_stays(visitor: Visitor) -> None:
    """Object 2 is locked, the ball becomes green; one offer more is taken, after a word was typed into the JSON."""
    page = visitor.page
    visitor.open("/refine")
    page.locator("button.tile").first.click()
    if page.viewport_size == PHONE:
        visitor.press_until("Prompt", page.get_by_text("Keep as it is"))
    page.get_by_text("Keep as it is").click()
    page.get_by_label("Keep Object 2").check()
    expect(page.get_by_text("2 locked", exact=True)).to_be_visible()
    visitor.settle()
    page.get_by_label("What should change?").fill("make the ball green")
    page.get_by_label("What should change?").press("Enter")
    visitor.settle()
    page.wait_for_timeout(500)
    visitor.press("Show the changes")
    # the first answer takes the import of the SDK too
    expect(page.get_by_text("4 changes: 4 of 4 asked for, 0 of 7 offered, 2 locked")).to_be_visible(timeout=60_000)
    assert draft(visitor).get("objects[0].shape_and_color") == "round, green"
    assert draft(visitor).get("objects[1]") == SOURCE["objects"][1]
    assert draft(visitor).get("lighting") == SOURCE["lighting"]

    visitor.type_into_editor(draft(visitor).set("context", "mine").to_json())
    expect(page.get_by_text("1 by your hand")).to_be_visible()
    row = page.locator("label.row", has_text="lighting.shadows")
    row.locator("input").check()
    expect(page.get_by_text(re.compile("valid · [0-9]+ of"))).to_be_visible()
    page.wait_for_timeout(1_500)
    visitor.settle()
    assert draft(visitor).get("lighting") == SOURCE["lighting"] | {"shadows": "long"}
    assert draft(visitor).get("context") == "mine"
    expect(row.locator("input")).to_be_checked()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.viewport_size["width"]


def test_two_prompts_are_merged_by_clicking_their_sides(visitor: Visitor, gemini: LoopbackGemini) -> None:
    """All from the right, but one field from the left; it becomes the prompt in the editor."""
    page = visitor.page
    visitor.open()
    page.get_by_label("What should it show?").fill("a red ball")
    page.keyboard.press("Tab")
    visitor.settle()
    page.wait_for_timeout(500)
    visitor.press("Compare two writers")
    page.get_by_role("button", name="Back").wait_for()
    visitor.press("Ask both")
    page.get_by_text("Choose a side for each").wait_for()
    page.get_by_role("button", name="Offline: take all").click()
    mine = page.get_by_role("radiogroup", name="background_setting").get_by_role("radio")
    expect(mine.nth(1)).to_have_attribute("aria-checked", "true")
    mine.nth(0).click()
    expect(mine.nth(0)).to_have_attribute("aria-checked", "true")
    visitor.settle()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.viewport_size["width"]
    visitor.press("Use this prompt")
    taken = json.loads(visitor.editor_text())
    assert taken["background_setting"] == "a golden meadow"
    assert "red ball" in taken["objects"][0]["description"]
