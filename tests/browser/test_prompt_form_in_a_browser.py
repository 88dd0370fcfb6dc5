"""The form, the presets and the wildcards under real hands: focus, keystrokes, clicks."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visitor, insist

pytestmark = pytest.mark.browser

PROMPT = {
    "short_description": "two balls",
    "objects": [{"description": "a red ball", "location": "left"}, {"description": "a blue ball", "location": "right"}],
    "lighting": {"conditions": "dim", "direction": "from above"},
    "my_key": 1,
}


def begin(visitor: Visitor) -> None:
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor(json.dumps(PROMPT))
    expect(visitor.page.get_by_text(re.compile("valid · [0-9]"))).to_be_visible()


def open_presets(visitor: Visitor) -> Locator:
    dialog = visitor.page.get_by_role("dialog")
    visitor.press_until("Presets", dialog)
    return dialog


def field(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("textbox", name=name, exact=True)


def document(visitor: Visitor) -> Any:
    """What the JSON view holds."""
    visitor.pick("JSON")
    return json.loads(visitor.editor_text())


def test_fields_are_filled_one_after_another_with_tab_and_the_json_has_them_all(visitor: Visitor) -> None:
    """An edit builds nothing anew under the fingers: the next field keeps the focus and what is typed into it."""
    begin(visitor)
    visitor.pick("Form")
    visitor.pick("Light")
    field(visitor, "Conditions").fill("bright neon")
    field(visitor, "Conditions").press("Tab")
    field(visitor, "Direction").focus()
    visitor.page.keyboard.press("Control+a")
    visitor.page.keyboard.type("from below, a flickering sign", delay=40)  # while the first edit's run goes by
    expect(field(visitor, "Direction")).to_be_focused()
    field(visitor, "Shadows").fill("hard")
    field(visitor, "Shadows").press("Tab")
    visitor.settle()
    found = document(visitor)
    assert found["lighting"] == {
        "conditions": "bright neon",
        "direction": "from below, a flickering sign",
        "shadows": "hard",
    }
    assert found["my_key"] == 1


def test_the_last_keystroke_in_the_json_is_there_when_the_form_is_asked_for_at_once(visitor: Visitor) -> None:
    begin(visitor)
    visitor.type_into_editor(json.dumps(PROMPT | {"short_description": "typed in the last moment"}))
    visitor.page.get_by_role("radio", name="Form").click()
    expect(field(visitor, "Short description")).to_have_value("typed in the last moment")


def test_a_suggestion_takes_the_place_of_a_value(visitor: Visitor) -> None:
    begin(visitor)
    visitor.pick("Form")
    visitor.pick("Light")
    visitor.settle()
    menu = visitor.page.locator('[class*="st-key-generate_menu"][class*="lighting-direction"] button')
    menu.filter(visible=True).click(delay=80)
    visitor.page.get_by_role("menuitem", name="from behind", exact=True).or_(
        visitor.page.get_by_role("option", name="from behind", exact=True)
    ).click()
    expect(field(visitor, "Direction")).to_have_value("from behind")
    assert document(visitor)["lighting"]["direction"] == "from behind"


def test_a_field_left_by_a_click_on_a_button_keeps_its_edit_with_its_object(phone: Visitor) -> None:
    """On a phone: type a place, tap Later; the object moves and takes its new place along."""
    begin(phone)
    phone.pick("Form")
    phone.pick("Objects")
    field(phone, "Location").fill("far left")
    phone.page.get_by_role("button", name="Later").click(delay=80)
    expect(phone.page.get_by_role("radio", name=re.compile("2 a red ball"))).to_be_checked()
    expect(field(phone, "Location")).to_have_value("far left")
    found = document(phone)
    assert [each["location"] for each in found["objects"]] == ["right", "far left"]


def test_a_preset_is_looked_at_and_applied(visitor: Visitor) -> None:
    begin(visitor)
    dialog = open_presets(visitor)
    dialog.get_by_role("combobox", name="Lighting").click()
    visitor.page.get_by_role("option", name="Candlelight").click()
    expect(dialog.get_by_text("dim, warm candlelight in a dark room")).to_be_visible()
    dialog.get_by_role("button", name="Apply").click(delay=80)
    expect(dialog).to_have_count(0)
    visitor.settle()
    assert document(visitor)["lighting"]["conditions"] == "dim, warm candlelight in a dark room"


def test_the_presets_close_with_escape_and_stay_closed(visitor: Visitor) -> None:
    begin(visitor)
    dialog = open_presets(visitor)
    visitor.settle()
    insist(lambda: visitor.page.keyboard.press("Escape"), lambda ms: expect(dialog).to_have_count(0, timeout=ms))
    visitor.pick("Form")
    expect(field(visitor, "Short description")).to_be_visible()
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_wildcards_say_what_they_come_to_before_the_button_is_pressed(visitor: Visitor) -> None:
    """And the button stays where it is: a click that takes the focus from the words must meet it."""
    visitor.open()
    visitor.settle()
    button = visitor.page.get_by_role("button", name="Prompt only")
    before = button.bounding_box()
    visitor.page.get_by_label("What should it show?").fill("a {red|blue} ball")
    visitor.page.get_by_label("What should it show?").press("Tab")
    visitor.page.get_by_role("combobox", name="Pictures").click()
    visitor.page.get_by_role("option", name="4").click()
    expect(visitor.page.get_by_text("2 prompts, 4 pictures")).to_be_visible()
    expect(visitor.page.get_by_text("a blue ball ×2")).to_be_visible()
    assert button.bounding_box() == before
