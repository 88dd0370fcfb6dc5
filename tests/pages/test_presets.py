"""Presets on a page: a look before anything changes, Apply, and the user's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.presets import shipped_presets
from fibo_core.store.own_presets import FILE_NAME
from fibo_core.work.runtime import Runtime
from tests.pages.conftest import press, says, type_json, way_back

PROMPT = {"short_description": "a ball", "lighting": {"conditions": "dim", "my_lamp": 1}, "my_key": 1}


def document(app: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(app.session_state["page_generate"].draft.text)
    return found


@pytest.fixture
def opened(app: AppTest) -> AppTest:
    """The presets, open over a prompt of the user's own."""
    press(app, "Start from JSON")
    type_json(app, "generate", json.dumps(PROMPT))
    return press(app, "Presets")


def save(app: AppTest, name: str) -> AppTest:
    app.text_input(key="generate_preset_name").set_value(name)
    return press(app, "Save")


def test_nothing_changes_before_apply_and_then_only_what_was_shown(opened: AppTest) -> None:
    candle = next(preset for preset in shipped_presets() if preset.name == "Candlelight")
    opened.selectbox(key="generate_preset_lighting").set_value("Candlelight").run()
    opened.selectbox(key="generate_preset_mood").set_value("Joyful").run()
    assert document(opened) == PROMPT
    press(opened, "Apply")
    assert document(opened)["lighting"] == candle.part["lighting"] | {"my_lamp": 1}
    assert document(opened)["aesthetics"]["mood_atmosphere"].startswith("joyful")
    assert (document(opened)["short_description"], document(opened)["my_key"]) == ("a ball", 1)
    assert not any(each.key == "generate_preset_mood" for each in opened.selectbox)


def test_what_was_there_before_a_preset_can_be_brought_back(opened: AppTest) -> None:
    opened.selectbox(key="generate_preset_style").set_value("Oil painting").run()
    press(opened, "Apply")
    press(opened, way_back(opened))
    assert document(opened) == PROMPT


def test_the_presets_stay_open_when_the_page_runs_again(opened: AppTest) -> None:
    """A job that ends meanwhile does not close them."""
    opened.run()
    assert any(each.key == "generate_preset_lighting" for each in opened.selectbox)


def test_ones_own_preset_is_saved_offered_deleted_and_put_back(
    opened: AppTest, runtime: Runtime, tmp_path: Path
) -> None:
    save(opened, "My lamp")
    file = runtime.settings.workspace_dir / FILE_NAME
    assert json.loads(file.read_text())["presets"][0]["part"] == {"lighting": PROMPT["lighting"]}
    opened.run()
    assert "My lamp · yours" in opened.selectbox(key="generate_preset_lighting").options
    press(opened, "Delete")
    assert json.loads(file.read_text())["presets"] == []
    assert "Deleted" in says(opened)
    press(opened, "Undo")
    assert [each["name"] for each in json.loads(file.read_text())["presets"]] == ["My lamp"]
    assert not opened.exception


def test_a_name_that_is_taken_is_one_sentence(opened: AppTest) -> None:
    save(opened, "Candlelight")
    assert "There is a preset called" in says(opened)


def test_a_damaged_file_is_one_sentence_and_the_studios_own_presets_still_work(
    opened: AppTest, runtime: Runtime
) -> None:
    (runtime.settings.workspace_dir / FILE_NAME).write_text("{oops")
    opened.run()
    assert "cannot be read" in says(opened)
    opened.selectbox(key="generate_preset_lighting").set_value("Overcast").run()
    press(opened, "Apply")
    assert "overcast" in document(opened)["lighting"]["conditions"]
    assert not opened.exception


def test_presets_wait_for_valid_json(opened: AppTest) -> None:
    type_json(opened, "generate", "{")
    (button,) = [each for each in opened.button if each.label == "Presets"]
    assert button.disabled
    assert not opened.exception
