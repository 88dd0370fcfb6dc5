"""What models say becomes a prompt or an error that keeps the text: fences, other names, other types, every cut."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.errors import WriterAnswerError
from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.refining import carried_over, shown
from fibo_core.writers.repair import MAX_ANSWER_CHARS, Repaired, repair

COMPLETE = (Path(__file__).parents[1] / "golden" / "complete.json").read_text("utf-8")
MINIMAL = {
    "short_description": "A red ball on a lawn.",
    "objects": [{"description": "A red ball", "location": "centre", "relationship": "alone"}],
    "background_setting": "a lawn",
    "lighting": {"conditions": "daylight", "direction": "left"},
    "aesthetics": {"composition": "centred", "color_scheme": "red on green", "mood_atmosphere": "calm"},
    "context": "a snapshot",
}
TEXT = json.dumps(MINIMAL)


def test_a_clean_answer_comes_back_as_it_is_without_a_note() -> None:
    repaired = repair(COMPLETE)
    assert repaired.notes == ()
    assert not repaired.cut_off
    kept = shown(StructuredPrompt.parse(COMPLETE))
    assert shown(repaired.prompt) == kept


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```\nHope this helps!",
        f"Sure {{here}} you are [as asked]:\n\n{TEXT}\n\nSay {{more}} if you like.",
        f"\ufeff  {TEXT}  ",
        json.dumps({"structured_prompt": MINIMAL}),
        json.dumps({"result": {"data": [{"prompt": MINIMAL}]}}),
        json.dumps([MINIMAL]),
        json.dumps({"prompt": TEXT}),
        json.dumps(TEXT),
        f"{TEXT}\n{TEXT}",
        '{"thinking": "a ball"}\n' + TEXT,
        json.dumps({**MINIMAL, "text_render": None, "style_medium": "", "artistic_style": "N/A"}),
    ],
)
def test_what_stands_around_the_prompt_is_taken_off(text: str) -> None:
    """Fences, prose, wrappers, lists, JSON within JSON and nulls leave the prompt as it is, and no note."""
    repaired = repair(text)
    assert repaired.prompt.document == MINIMAL
    assert repaired.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1] + ",}",
        TEXT.replace('"', "'"),
        TEXT.replace('", "', '" "'),
        TEXT.replace("A red ball on a lawn.", 'A "red" ball on a lawn.').replace('\\"', '"'),
        TEXT.replace("{", "{ // a comment\n", 1),
        TEXT.replace('"context"', "context"),
    ],
)
def test_broken_json_is_mended_and_a_note_says_so(text: str) -> None:
    repaired = repair(text)
    assert repaired.prompt.get("lighting") == MINIMAL["lighting"]
    assert repaired.prompt.get("context") == "a snapshot"
    assert "mended" in repaired.notes[0]


@pytest.mark.parametrize(
    ("key", "value", "path", "expected"),
    [
        ("shortDescription", "x", "short_description", "x"),
        ("Short Description", "x", "short_description", "x"),
        ("SHORT-DESCRIPTION", "x", "short_description", "x"),
        ("summary", "x", "short_description", "x"),
        ("Background", "a wall", "background_setting", "a wall"),
        ("mood_atmosphere", "gloomy", "aesthetics.mood_atmosphere", "gloomy"),
        ("cameraAngle", "low", "photographic_characteristics.camera_angle", "low"),
        ("lighting_shadows", "long", "lighting.shadows", "long"),
        ("lighting.shadows", "long", "lighting.shadows", "long"),
        ("medium", "photograph", "style_medium", "photograph"),
    ],
)
def test_other_spellings_and_names_find_their_place(key: str, value: str, path: str, expected: str) -> None:
    document: dict[str, Any] = {k: v for k, v in MINIMAL.items() if k != path}
    if path.startswith("aesthetics"):
        document["aesthetics"] = {"composition": "centred"}
    prompt = repair(json.dumps({key: value, **document})).prompt
    assert prompt.get(path) == expected
    assert set(prompt.document) <= set(KEYS)


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        ({"lighting": "soft light"}, "lighting", {"conditions": "soft light"}),
        ({"lighting": [{"conditions": "dim"}]}, "lighting", {"conditions": "dim"}),
        ({"objects": "a ball"}, "objects", [{"description": "a ball"}]),
        ({"objects": ["a ball", None, {}]}, "objects", [{"description": "a ball"}]),
        ({"objects": {"description": "a ball"}}, "objects", [{"description": "a ball"}]),
        ({"objects": {"blue cup": {"position": "left"}}}, "objects", [{"description": "blue cup", "location": "left"}]),
        ({"objects": {"object_1": {"name": "a cup"}}}, "objects", [{"description": "a cup"}]),
        ({"objects": [{"description": "a", "count": "three"}]}, "objects[0].number_of_objects", 3),
        ({"objects": [{"description": "a", "number_of_objects": 2.0}]}, "objects[0].number_of_objects", 2),
        ({"objects": [{"description": "a", "number_of_objects": "some"}]}, "objects[0].number_of_objects", None),
        ({"artistic_style": ["bold", "flat"]}, "artistic_style", "bold, flat"),
        ({"context": {"kind": "poster", "for": "a fair"}}, "context", "poster, a fair"),
        ({"context": True}, "context", "True"),
        ({"text_render": "none"}, "text_render", []),
        ({"text_render": ["SALE"]}, "text_render", [{"text": "SALE"}]),
    ],
)
def test_wrong_types_are_put_into_form_and_told(change: dict[str, Any], path: str, expected: Any) -> None:
    repaired = repair(json.dumps({**MINIMAL, **change}))
    assert repaired.prompt.get(path) == expected
    if expected is None:
        assert any("Left out" in note and path in note for note in repaired.notes)


def test_a_missing_summary_is_made_of_the_objects_and_told() -> None:
    """Nothing is made up: the words are the answer's own."""
    repaired = repair('{"objects": [{"description": "A red ball."}, {"description": "a dog"}]}')
    assert repaired.prompt.get("short_description") == "A red ball; a dog."
    assert any("no short_description" in note for note in repaired.notes)
    assert (
        "Missing in the answer and left to FIBO: background_setting, lighting, aesthetics, context." in repaired.notes
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "I cannot help with that.",
        "{}",
        "[]",
        "null",
        "42",
        '{"lighting": {"conditions": "dim"}}',
        '{"error": "overloaded"}',
        "<html><body>Sign in</body></html>",
        "{" * 5000,
        '{"objects": ' * 3000,
        json.dumps({**MINIMAL, "objects": ["x"] * 1001}),
    ],
)
def test_what_is_no_prompt_is_an_error_with_the_text(text: str) -> None:
    """The raw text is there to be shown, and the sentence says what is wrong with it."""
    with pytest.raises(WriterAnswerError, match=r"^The writer's answer is no structured prompt: ") as caught:
        repair(text)
    assert caught.value.text == text
    assert len(str(caught.value)) < 300


def test_of_an_answer_without_end_the_beginning_is_kept() -> None:
    """It is written into a row and opened in an editor: sixty megabytes would bring both down."""
    with pytest.raises(WriterAnswerError, match=f"it has {MAX_ANSWER_CHARS + 1:,} characters") as caught:
        repair("x" * (MAX_ANSWER_CHARS + 1))
    assert caught.value.text == "x" * MAX_ANSWER_CHARS


@pytest.mark.parametrize("escaped", [True, False])
def test_an_answer_cut_at_every_byte_gives_a_noted_prompt_or_the_error(escaped: bool) -> None:
    """Every value is whole or the beginning of the real one; no key, number or word comes from half a token."""
    document = json.loads(COMPLETE) if escaped else dict(MINIMAL)
    document["objects"][0]["number_of_objects"] = 12
    document["context"] = 'said "wide" – \\ 😀 café'
    data = json.dumps(document, indent=2, ensure_ascii=escaped).encode()
    whole = repair(data.decode()).prompt
    prompts = 0
    for end in range(len(data)):
        text = data[:end].decode("utf-8", "ignore")
        repaired = _outcome(text)
        if repaired is None:
            continue
        prompts += 1
        assert repaired.cut_off
        assert repaired.notes[0].startswith("The answer was cut off in ")
        assert _begins(repaired.prompt.document, whole.document), f"cut at {end}"
    assert prompts > len(data) - 60


def _outcome(text: str) -> Repaired | None:
    """The prompt, or None where the error came, which must carry the text."""
    try:
        return repair(text)
    except WriterAnswerError as error:
        given = error.text
    assert given == text
    return None


def _begins(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _begins(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) <= len(whole) and all(map(_begins, part, whole))
    return bool(whole.startswith(part) if isinstance(part, str) else part == whole)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=20,
)


def _holds(text: str) -> None:
    repaired = _outcome(text)
    if repaired is not None:
        again = repair(repaired.prompt.to_json())
        assert again.prompt.get("short_description") or again.prompt.get("objects")


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet='{}[]",:\\ \nabu0189truefalsn', max_size=60))
def test_arbitrary_text_gives_a_prompt_or_the_error(text: str) -> None:
    """No other exception, whatever a model says."""
    _holds(text)


@settings(max_examples=300, deadline=None)
@given(
    _json,
    st.text(max_size=20),
    st.integers(0, 400),
    st.dictionaries(st.sampled_from(KEYS), _json, max_size=6),
)
def test_arbitrary_json_in_arbitrary_prose_cut_anywhere_gives_a_prompt_or_the_error(
    value: Any, prose: str, end: int, caption: dict[str, Any]
) -> None:
    """Any type in any of FIBO's places is put into form, left out or refused."""
    _holds(json.dumps(caption))
    _holds(prose + json.dumps(value)[:end])
    _holds((prose + json.dumps({"short_description": "x", **caption}))[:end])


BEFORE = StructuredPrompt.from_dict(
    {
        "note_to_self": "mine",
        "context": "a snapshot",
        "short_description": "A red ball.",
        "artistic_style": "",
        "objects": [{"location": "left", "description": "a red ball", "my_key": 1}],
        "aesthetics": {"preference_score": "low", "composition": "centred", "aesthetic_score": "high"},
        "lighting": {"direction": "left", "conditions": "dim"},
    }
)


def test_a_writer_is_shown_neither_scores_nor_what_the_model_would_not_see() -> None:
    document = shown(BEFORE).document
    assert document["aesthetics"] == {"composition": "centred"}
    assert "note_to_self" not in document
    assert "artistic_style" not in document
    assert "aesthetics" not in shown(StructuredPrompt.from_dict({"aesthetics": {"aesthetic_score": "low"}})).document


def test_a_refinement_keeps_order_other_keys_scores_and_what_the_answer_forgot() -> None:
    """A model writes the whole document anew; only the change of the ball is left of that."""
    answer = StructuredPrompt.from_dict(
        {
            "short_description": "A green ball.",
            "objects": [{"description": "a green ball", "location": "left"}],
            "aesthetics": {"aesthetic_score": "very high", "composition": "centred"},
            "context": "a snapshot",
        }
    )
    after = carried_over(BEFORE, Repaired(answer))
    expected = BEFORE.document
    expected["short_description"] = "A green ball."
    expected["objects"][0]["description"] = "a green ball"
    assert json.loads(after.prompt.to_json()) == expected
    assert after.prompt.to_json().index("note_to_self") < after.prompt.to_json().index('"context"')
    assert list(after.prompt.document) == [key for key in expected if key != "lighting"] + ["lighting"]
    assert after.notes == ("Missing in the answer and kept as before: lighting.",)


def test_a_refinement_that_was_cut_off_before_its_end_is_refused() -> None:
    """What the instruction does not mention would be lost."""
    cut = repair('{"context": "a snapshot", "short_description": "A gre')
    with pytest.raises(WriterAnswerError, match="cut off before objects, lighting, aesthetics"):
        carried_over(BEFORE, cut)
