"""The sketch under real hands: by mouse, by keys and by finger, each edit in its own field of the JSON."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Chromium, Visitor
from tests.studio.processes import Server

pytestmark = pytest.mark.browser

PROMPT: dict[str, Any] = {
    "my_key": 1,
    "objects": [
        {"location": "left, held by the boy", "description": "a red ball", "shape_and_color": "round, red", "note": 7},
        {"description": "a blue star", "location": "top-right", "relative_size": "small"},
    ],
    "lighting": {"direction": "from the left", "conditions": "dim"},
    "short_description": "a ball and a star",
}


@pytest.fixture
def finger(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, PHONE)
    visitor.context.new_cdp_session(visitor.page).send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


def begin(visitor: Visitor, prompt: dict[str, Any] = PROMPT) -> None:
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor(json.dumps(prompt))
    expect(visitor.page.get_by_text(re.compile("valid · [0-9]"))).to_be_visible()
    visitor.pick("Sketch")
    expect(board(visitor)).to_be_visible()
    visitor.settle()


def board(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("group", name="Board of the picture")


def chip(visitor: Visitor, number: int) -> Locator:
    return board(visitor).get_by_role("button", name=re.compile(f"^{number} "))


def document(visitor: Visitor) -> Any:
    """What the JSON view holds, once the board's last edit has been taken."""
    visitor.settle()
    visitor.pick("JSON")
    return json.loads(visitor.editor_text())


def after(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The prompt with other values at `objects.0.location`…"""
    changed = copy.deepcopy(PROMPT)
    for path, value in changes:
        *way, last = path.split(".")
        place: Any = changed
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    return changed


def spot(visitor: Visitor, x: float, y: float) -> tuple[float, float]:
    """A place on the board, by shares of it, in the window."""
    box = board(visitor).bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_a_chip_dragged_by_mouse_changes_its_location_and_nothing_else(visitor: Visitor) -> None:
    begin(visitor)
    board(visitor).scroll_into_view_if_needed()
    visitor.page.mouse.move(*spot(visitor, 0.17, 0.5))
    visitor.page.mouse.down()
    visitor.page.mouse.move(*spot(visitor, 0.5, 0.6), steps=4)
    visitor.page.mouse.move(*spot(visitor, 0.84, 0.81), steps=4)
    visitor.page.mouse.up()
    expect(chip(visitor, 1)).to_have_attribute("aria-label", re.compile("bottom-right, held by the boy"))
    found = document(visitor)
    assert found == after(("objects.0.location", "bottom-right, held by the boy"))
    assert list(found["objects"][0]) == list(PROMPT["objects"][0])


def test_quick_keys_all_count_and_undo_takes_them_back(visitor: Visitor) -> None:
    """Arrows move by the places that mini knows, + resizes, Delete removes; the focus stays on the board."""
    begin(visitor)
    chip(visitor, 1).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "+"):
        visitor.page.keyboard.press(key)
    chip(visitor, 2).focus()
    visitor.page.keyboard.press("Delete")
    expect(chip(visitor, 2)).to_have_count(0)
    expect(chip(visitor, 1)).to_be_focused()
    expect(chip(visitor, 1)).to_have_attribute("aria-label", re.compile("bottom-center, held by the boy, large"))
    visitor.page.keyboard.press("Control+z")
    expect(chip(visitor, 2)).to_be_visible()
    found = document(visitor)
    assert found["objects"][0] == PROMPT["objects"][0] | {
        "location": "bottom-center, held by the boy",
        "relative_size": "large",
    }
    assert found["objects"][1] == PROMPT["objects"][1]


def test_the_dial_turns_by_arrows_and_by_mouse(visitor: Visitor) -> None:
    begin(visitor)
    dial = visitor.page.get_by_role("slider", name="Direction of the light")
    dial.focus()
    visitor.page.keyboard.press("ArrowRight")
    expect(dial).to_have_attribute("aria-valuetext", "from the upper left")
    visitor.page.get_by_role("radio", name="Behind").click()
    expect(dial).to_have_attribute("aria-valuetext", "from behind and the upper left")
    dial.scroll_into_view_if_needed()
    box = dial.bounding_box()
    assert box is not None
    visitor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=4)
    visitor.page.mouse.up()
    expect(dial).to_have_attribute("aria-valuetext", "from behind and the right")
    assert document(visitor) == after(("lighting.direction", "from behind and the right"))


def test_a_finger_moves_a_chip_on_a_phone_and_the_page_stays_where_it_is(finger: Visitor) -> None:
    begin(finger)
    board(finger).evaluate("it => it.scrollIntoView({block: 'center'})")
    finger.page.wait_for_timeout(300)
    touch = finger.context.new_cdp_session(finger.page)
    place = board(finger).bounding_box()
    for kind, x, y in (
        ("Start", 0.17, 0.5),
        ("Move", 0.2, 0.4),
        ("Move", 0.35, 0.2),
        ("Move", 0.5, 0.17),
        ("End", 0, 0),
    ):
        at = spot(finger, x, y)
        points = [] if kind == "End" else [{"x": at[0], "y": at[1]}]
        touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    expect(chip(finger, 1)).to_have_attribute("aria-label", re.compile("top-center, held by the boy"))
    assert board(finger).bounding_box() == place
    assert finger.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert document(finger) == after(("objects.0.location", "top-center, held by the boy"))


def test_an_object_is_added_named_and_coloured_and_its_fields_are_opened(visitor: Visitor) -> None:
    """A board without objects says how to begin."""
    begin(visitor, {"short_description": "nothing yet"})
    expect(board(visitor)).to_contain_text("No objects yet")
    visitor.page.get_by_role("button", name="Add object").click()
    name = visitor.page.get_by_role("textbox", name="What it is")
    expect(name).to_be_focused()
    name.type("a green tree", delay=20)
    name.press("Enter")
    expect(chip(visitor, 1)).to_be_focused()
    visitor.page.get_by_role("button", name="green", exact=True).click()
    visitor.settle()
    visitor.page.get_by_role("button", name="All fields").click()
    expect(visitor.page.get_by_role("textbox", name="Description", exact=True)).to_have_value("a green tree")
    assert document(visitor)["objects"] == [
        {
            "description": "a green tree",
            "location": "center",
            "relative_size": "medium",
            "shape_and_color": "green",
        }
    ]


def test_two_things_moved_into_one_place_are_marked_until_one_leaves(visitor: Visitor) -> None:
    begin(visitor)
    chip(visitor, 2).focus()
    expect(chip(visitor, 2)).not_to_have_attribute("aria-label", re.compile("one place"))
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft"):
        visitor.page.keyboard.press(key)
    expect(chip(visitor, 1)).to_have_attribute("aria-label", re.compile(r"in one place with 2 \(a blue star\)"))
    expect(visitor.page.get_by_text("It is in one place with 1 (a red ball).")).to_be_visible()
    visitor.page.keyboard.press("ArrowRight")
    expect(chip(visitor, 1)).not_to_have_attribute("aria-label", re.compile("one place"))
