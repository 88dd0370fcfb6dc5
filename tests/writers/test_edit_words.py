"""What a model that edits is told: sentences made from how the prompt changes, and instructions that do not fit it."""

import pytest

from fibo_core.errors import InputError
from fibo_core.prompts.picture_names import check_names
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.edit_words import check_agreement, edit_instruction, for_writers
from fibo_core.writers.llm import LlmWriter
from fibo_core.writers.offline import OfflineWriter
from tests.writers.loopback_llm import MODEL, loopback_llm, stream

SCENE = StructuredPrompt.from_dict(
    {
        "short_description": "A red ball and a green box on a table.",
        "objects": [
            {"description": "A shiny red ball", "location": "left", "shape_and_color": "round, red"},
            {"description": "a green box", "location": "right", "texture": "matte"},
        ],
        "background_setting": "a white wall",
        "lighting": {"conditions": "bright daylight", "shadows": "long and soft"},
        "style_medium": "photograph",
        "text_render": [{"text": "OPEN", "color": "red", "location": "top"}],
    }
)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("objects[1].description", "a purple box", "Change the green box to a purple box."),
        ("objects[1].texture", "Rough, worn.", "Change the texture of the green box to rough, worn."),
        ("objects[0].location", "center", "Move the shiny red ball to center."),
        ("background_setting", "A snowy forest.", "Change the background to a snowy forest."),
        ("lighting.conditions", "golden hour", "Change the light to golden hour."),
        ("style_medium", "oil painting", "Change the medium to oil painting."),
        ("text_render[0].text", "SHUT", 'Change the text "OPEN" to the text "SHUT".'),
        ("text_render[0].color", "blue", 'Change the color of the text "OPEN" to blue.'),
        ("short_description", "A quiet evening.", "Change the picture to show a quiet evening."),
        ("photographic_characteristics.camera_angle", "low", "Change the photographic characteristics to low."),
    ],
)  # fmt: skip
def test_a_changed_place_is_one_sentence_about_it(path: str, value: str, told: str) -> None:
    assert edit_instruction(SCENE, SCENE.set(path, value)) == told


def test_things_that_come_and_go_are_added_and_removed_by_name() -> None:
    added = SCENE.set("objects[2]", {"description": "A blue cup", "location": "in front"})
    assert edit_instruction(SCENE, added) == "Add a blue cup, in front."
    assert edit_instruction(SCENE, SCENE.without("objects[0]")) == "Remove the shiny red ball."
    assert edit_instruction(SCENE, SCENE.without("text_render")).startswith("Leave out the text render: ")
    assert edit_instruction(SCENE, SCENE.without("lighting.shadows")) == "Leave out the shadows: long and soft."


def test_a_wholly_new_prompt_is_told_by_what_it_shows_and_not_by_what_it_lacks() -> None:
    """Its parts follow where it has them; nothing is said of what is empty."""
    cat = StructuredPrompt.from_dict({"short_description": "A cat."})
    assert edit_instruction(SCENE.set("text_render", []), cat) == "Change the picture to show a cat."
    told = edit_instruction(SCENE, cat.set("lighting", {"conditions": "night"}).set("style_medium", "oil painting"))
    assert told.startswith("Change the picture to show a cat. ")
    assert ("oil painting" in told, "night" in told, "Leave out" in told, "Remove" in told) == (
        True,
        True,
        False,
        False,
    )
    assert edit_instruction(SCENE.set("text_render", []), SCENE.without("text_render")) == ""


def test_what_the_offline_writer_changes_in_several_places_is_told_once() -> None:
    """Its summary, and the colour behind the name, say again what the name says."""
    changed = OfflineWriter().refine(SCENE, "make the green box purple").prompt
    told = edit_instruction(SCENE, changed)
    assert told == "Change the green box to a purple box."
    assert edit_instruction(SCENE, changed, masked=True) == "Change the green box to a purple box in the masked area."


def test_the_users_own_words_are_the_instruction_where_they_are_english() -> None:
    """They may name pictures; in another language the difference tells it, and keeps those names."""
    changed = SCENE.set("objects[1].description", "a box of walnut")
    words = "make the box from the wood of <image_2>"
    assert edit_instruction(SCENE, changed, words) == words
    german = "mach die Kiste aus dem Holz von <image_2> und nicht grün"
    assert edit_instruction(SCENE, changed, german) == "Change the green box to a box of walnut. Go by <image_2>."
    assert edit_instruction(SCENE, SCENE, german) == german  # nothing better is known
    assert for_writers(words) == "make the box from the wood of given picture 2"


def test_a_services_changed_prompt_tells_the_instruction_in_english() -> None:
    """Asked in German, with a reference in the words: it is shown no name of a picture, and what it answers is both
    the stored prompt and what the model is told."""
    words = "mach die Kiste lila wie in <image_2> und sonst nichts"
    with loopback_llm() as llm:
        llm.will(stream(SCENE.set("objects[1].description", "a purple box").document))
        writer = LlmWriter(f"{llm.url}/v1", MODEL, "", backoff_s=0.01, silence_s=20.0)
        written = writer.refine(SCENE, for_writers(words))
    asked = llm.received[0].text
    assert "wie in given picture 2" in asked
    assert "image_2" not in asked
    assert written.prompt.get("objects[1].description") == "a purple box"
    assert edit_instruction(SCENE, written.prompt, words) == "Change the green box to a purple box. Go by <image_2>."


def test_a_name_of_a_picture_that_is_not_given_is_one_sentence() -> None:
    check_names("put <image_2> beside <image_1>", 1)
    with pytest.raises(
        InputError, match="names <image_3>, and 2 pictures are given: <image_1> is the one that is edite"
    ):
        check_names("the hat of <image_3> on <IMAGE 1>", 1)
    with pytest.raises(InputError, match="names <image_2>, and one picture is given"):
        check_names("the hat of <image_2>", 0)


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        ("make the green box purple", "objects[1].description", "a yellow box"),
        ("make the ball blue", "background_setting", "a snowy forest"),
    ],
)
def test_an_instruction_and_a_json_that_disagree_are_one_sentence(words: str, path: str, value: str) -> None:
    with pytest.raises(InputError, match=f'The instruction is "{words}", and the JSON does something else, without '):
        check_agreement(SCENE, SCENE.set(path, value), words)


def test_a_thing_to_be_removed_that_the_json_keeps_is_named() -> None:
    with pytest.raises(InputError, match="without the removal of a green box"):
        check_agreement(SCENE, SCENE.set("background_setting", "a snowy forest"), "remove the green box")
    check_agreement(SCENE, SCENE.without("objects[1]"), "remove the green box")


def test_an_instruction_that_the_json_follows_or_that_no_rule_understands_is_taken() -> None:
    check_agreement(SCENE, SCENE.set("objects[1].description", "a purple box"), "make the green box purple")
    check_agreement(SCENE, SCENE.set("objects[1].texture", "worn"), "let it all feel a bit more like grandma's")
    check_agreement(SCENE, SCENE.set("objects[1].description", "a violet box"), "mach die Kiste lila und nicht grün")
    check_agreement(SCENE, SCENE.set("objects[1].description", "a violet box"), "")


def test_an_instruction_beside_the_unchanged_json_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"the JSON is the one of the picture\. Change it too, or leave it out"):
        check_agreement(SCENE, SCENE, "make the green box purple")
