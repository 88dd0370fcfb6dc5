"""Presets: those that come with the studio, merging one, making one from a prompt."""

from typing import Any

import pytest

from fibo_core.errors import FiboError, InputError
from fibo_core.prompts.caption_schema import MAX_STYLE_WORDS
from fibo_core.prompts.presets import GROUPS, Preset, apply_preset, preset_from, shipped_presets
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff

PROMPT = StructuredPrompt.from_dict(
    {
        "short_description": "a lighthouse",
        "objects": [{"description": "a lighthouse", "location": "center", "relationship": "alone", "my_note": 1}],
        "background_setting": "the open sea",
        "lighting": {"conditions": "bright daylight", "my_lamp": "kept", "direction": "from the left"},
        "aesthetics": {
            "composition": "centered",
            "color_scheme": "blue",
            "mood_atmosphere": "calm",
            "aesthetic_score": "high",
        },
        "context": "a poster",
        "my_key": {"kept": True},
    }
)


def named(name: str) -> Preset:
    return next(preset for preset in shipped_presets() if preset.name == name)


@pytest.mark.parametrize("preset", shipped_presets(), ids=lambda preset: f"{preset.group}: {preset.name}")
def test_a_shipped_preset_is_fibos_own_vocabulary_and_changes_its_group_only(preset: Preset) -> None:
    """Its keys are FIBO's, its texts are texts, and merged into a prompt nothing else moves."""
    hints = [hint for hint in StructuredPrompt.from_dict(preset.part).hints() if hint.message != "is missing"]
    assert hints == []
    assert len(str(preset.part.get("artistic_style", "")).split()) <= MAX_STYLE_WORDS
    changed = apply_preset(PROMPT, preset)
    assert diff(PROMPT, changed)
    assert all(change.path.startswith(GROUPS[preset.group]) for change in diff(PROMPT, changed))
    if preset.group in ("lighting", "camera"):
        (inner,) = preset.part.values()
        assert not [hint for hint in changed.hints() if hint.path.startswith(tuple(preset.part))], inner


def test_about_thirty_presets_ship_and_no_two_of_a_group_share_a_name() -> None:
    names = [(preset.group, preset.name.lower()) for preset in shipped_presets()]
    assert len(names) == len(set(names)) >= 30
    assert {group for group, _ in names} == {"lighting", "camera", "style", "composition", "palette", "mood"}


def test_a_preset_is_merged_and_what_it_does_not_name_stays() -> None:
    """The user's own keys inside the same object stay where they stand."""
    changed = apply_preset(PROMPT, named("Candlelight")).document
    assert list(changed["lighting"]) == ["conditions", "my_lamp", "direction", "shadows"]
    assert changed["lighting"]["my_lamp"] == "kept"
    assert changed["lighting"]["conditions"].startswith("dim, warm candlelight")
    assert changed["my_key"] == {"kept": True}
    assert changed["objects"] == PROMPT.document["objects"]


def test_what_the_prompt_lacks_comes_where_fibo_has_it() -> None:
    """A camera for a prompt without one stands before context, as in the captions the model learned from."""
    changed = apply_preset(PROMPT, named("Macro"))
    keys = list(changed.document)
    assert keys.index("aesthetics") < keys.index("photographic_characteristics") < keys.index("context")


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_a_preset_takes_the_place_of_a_null_or_an_empty_text(nothing: Any) -> None:
    prompt = PROMPT.set("lighting", nothing)
    assert apply_preset(prompt, named("Overcast")).get("lighting") == named("Overcast").part["lighting"]


def test_a_prompt_that_says_nothing_of_a_group_gives_no_preset() -> None:
    with pytest.raises(InputError, match="says nothing of camera"):
        preset_from(PROMPT, "camera", "mine")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_preset_without_a_fitting_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        preset_from(PROMPT, "lighting", name)


def test_a_part_outside_its_group_is_refused() -> None:
    with pytest.raises(InputError, match="context"):
        Preset("x", "lighting", {"context": "a poster"})


def test_applying_never_makes_a_prompt_invalid() -> None:
    """Every shipped preset onto an empty prompt and onto one of odd values."""
    for start in (
        {"context": ""},
        {"lighting": None, "aesthetics": "", "photographic_characteristics": {}, "style_medium": 3},
    ):
        prompt = StructuredPrompt.from_dict(start)
        for preset in shipped_presets():
            try:
                StructuredPrompt.parse(apply_preset(prompt, preset).to_json())
            except FiboError as exc:  # pragma: no cover - the message is what a failure shows
                pytest.fail(f"{preset.name}: {exc}")
