"""The user's own presets on the workspace: saved, deleted, damaged, of another version."""

import json
from pathlib import Path

import pytest

from fibo_core.errors import InputError, StoreError, WorkspaceUnwritable
from fibo_core.prompts.presets import apply_preset, preset_from
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.own_presets import OwnPresets
from tests.prompts.test_presets import PROMPT


@pytest.fixture
def own(tmp_path: Path) -> OwnPresets:
    return OwnPresets(tmp_path)


def test_a_preset_of_ones_own_is_what_the_prompt_says_of_its_group(own: OwnPresets) -> None:
    own.save(preset_from(PROMPT, "lighting", "  My   lamp "))
    own.save(preset_from(PROMPT, "look", "All of it"))
    lamp, look = OwnPresets(own.file.parent).load()
    assert (lamp.name, lamp.part) == ("My lamp", {"lighting": PROMPT.document["lighting"]})
    assert "aesthetic_score" not in look.part["aesthetics"]
    assert apply_preset(StructuredPrompt.from_dict({"short_description": "x"}), lamp).get("lighting.my_lamp") == "kept"


def test_a_name_that_is_taken_is_refused_and_nothing_is_replaced(own: OwnPresets) -> None:
    own.save(preset_from(PROMPT, "lighting", "Mine"))
    for name in ("mine", "Candlelight"):
        with pytest.raises(InputError, match="already"):
            own.save(preset_from(PROMPT.set("lighting.conditions", "other"), "lighting", name))
    own.save(preset_from(PROMPT, "mood", "Mine"))
    assert [preset.group for preset in own.load()] == ["lighting", "mood"]


def test_a_deleted_preset_can_be_put_back(own: OwnPresets) -> None:
    own.save(preset_from(PROMPT, "lighting", "First"))
    own.save(preset_from(PROMPT, "mood", "Second"))
    first = own.load()[0]
    own.delete(first)
    assert [preset.name for preset in own.load()] == ["Second"]
    own.save(first)
    assert {preset.name for preset in own.load()} == {"First", "Second"}


@pytest.mark.parametrize("damage", ['{"presets": [{"name": "cut o', "", "[]", '{"presets": {}}', "\x00\x01"])
def test_a_damaged_file_is_one_sentence_and_is_set_aside_whole_when_the_next_preset_is_saved(
    own: OwnPresets, damage: str
) -> None:
    own.file.write_text(damage)
    with pytest.raises(StoreError, match="cannot be read"):
        own.load()
    assert own.file.read_text() == damage
    own.save(preset_from(PROMPT, "lighting", "New"))
    assert [preset.name for preset in own.load()] == ["New"]
    (aside,) = own.file.parent.glob("presets-damaged-*.json")
    assert aside.read_text() == damage


def test_an_entry_of_another_version_is_kept_and_the_others_are_read(own: OwnPresets) -> None:
    odd = {"name": "later", "group": "sound", "part": {"sound": "loud"}, "more": 1}
    own.file.write_text(json.dumps({"presets": [odd, "junk"]}))
    own.save(preset_from(PROMPT, "lighting", "Mine"))
    own.delete(own.load()[0])
    assert json.loads(own.file.read_text())["presets"] == [odd, "junk"]
    assert own.unread() == 2


def test_a_workspace_that_is_not_there_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    own = OwnPresets(tmp_path / "unmounted")
    with pytest.raises(WorkspaceUnwritable):
        own.save(preset_from(PROMPT, "lighting", "Mine"))
    assert not (tmp_path / "unmounted").exists()
