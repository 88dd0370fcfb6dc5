"""The form beside the JSON editor: two views of one prompt, either editable, nothing lost between them."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.parts import PARTS
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.runtime import Runtime
from tests.pages.conftest import bar, finish, page, press, says, type_json, way_back

MARKET = {
    "short_description": "a market",
    "objects": [
        {"description": f"{who} at the stall", "location": place, "relationship": "beside the others", "my_note": n}
        for n, (who, place) in enumerate(
            [
                ("a vendor", "left"),
                ("a woman", "right"),
                ("a boy", "center"),
                ("a dog", "bottom left"),
                ("fruit", "top"),
            ]
        )
    ],
    "lighting": {"my_lamp": 1, "conditions": "warm sun", "direction": "from the left"},
    "my_key": {"kept": [1, 2]},
}


def draft(app: AppTest) -> Any:
    return app.session_state["page_generate"].draft


def document(app: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(draft(app).text)
    return found


def show(app: AppTest, section: str) -> AppTest:
    app.session_state["generate_prompt_view"] = "Form"
    app.session_state["generate_form_section"] = section
    return app.run()


def field(app: AppTest, path: str) -> Any:
    """The widget of a field, whichever kind it is."""
    key = f"generate_form_{draft(app).form_revision}_{path}"
    (found,) = [each for each in [*app.text_area, *app.text_input, *app.number_input] if each.key == key]
    return found


def act(app: AppTest, icon: str, which: str = "objects") -> AppTest:
    return app.button(key=f"generate_form_{which}_{icon}").click().run()


def choose(app: AppTest, index: int) -> AppTest:
    app.session_state["generate_form_objects"] = index
    return app.run()


@pytest.fixture
def market(app: AppTest) -> AppTest:
    """A prompt of five objects, with keys of the user's own, open on the page."""
    press(app, "Start from JSON")
    type_json(app, "generate", json.dumps(MARKET))
    return app


def test_what_is_typed_into_a_field_stands_in_the_json_at_once_and_nothing_else_moves(market: AppTest) -> None:
    show(market, "Light")
    field(market, "lighting.direction").set_value("from behind").run()
    expected = json.loads(json.dumps(MARKET))
    expected["lighting"]["direction"] = "from behind"
    assert document(market) == expected
    assert list(document(market)["lighting"]) == ["my_lamp", "conditions", "direction"]
    assert not market.exception


def test_what_is_typed_into_the_json_stands_in_the_field(market: AppTest) -> None:
    show(market, "Light")
    type_json(market, "generate", json.dumps(MARKET).replace("warm sun", "cold moon"))
    show(market, "Light")
    assert field(market, "lighting.conditions").value == "cold moon"


def test_a_field_keeps_its_widget_while_the_form_alone_edits(market: AppTest) -> None:
    """So that Tab leads on to the next field instead of losing the focus with every edit."""
    show(market, "Light")
    before = draft(market).form_revision
    field(market, "lighting.direction").set_value("from behind").run()
    field(market, "lighting.shadows").set_value("long").run()
    assert draft(market).form_revision == before
    assert document(market)["lighting"] == {
        "my_lamp": 1,
        "conditions": "warm sun",
        "direction": "from behind",
        "shadows": "long",
    }


def test_form_to_json_to_form_and_another_page_lose_nothing(market: AppTest) -> None:
    show(market, "Scene")
    field(market, "background_setting").set_value("an old lane").run()
    text = draft(market).text
    market.session_state["generate_prompt_view"] = "JSON"
    market.run()
    assert draft(market).text == text
    page(market, "history")
    page(market, "generate")
    assert draft(market).text == text
    show(market, "Scene")
    assert field(market, "background_setting").value == "an old lane"


def test_an_edit_and_a_button_in_one_run_both_count_whichever_comes_first(market: AppTest) -> None:
    """Leaving a field by a click on Later sends both at once; the edit stays with its object."""
    show(market, "Objects")
    field(market, "objects[0].location").set_value("far left")
    act(market, "arrow_forward")
    assert [each["location"] for each in document(market)["objects"]][:2] == ["right", "far left"]
    assert document(market)["objects"][1]["description"] == "a vendor at the stall"
    field(market, "objects[1].location").set_value("nearer")
    act(market, "delete")
    assert len(document(market)["objects"]) == 4
    assert "nearer" not in draft(market).text


def test_objects_are_added_copied_moved_and_deleted_with_the_fields_following(market: AppTest) -> None:
    show(market, "Objects")
    choose(market, 4)
    act(market, "arrow_back")
    assert [each["my_note"] for each in document(market)["objects"]] == [0, 1, 2, 4, 3]
    assert field(market, "objects[3].description").value == "fruit at the stall"
    act(market, "content_copy")
    assert [each["my_note"] for each in document(market)["objects"]] == [0, 1, 2, 4, 4, 3]
    act(market, "add")
    field(market, "objects[6].description").set_value("a cat").run()
    assert document(market)["objects"][6] == {"description": "a cat"}
    for _ in range(7):
        act(market, "delete")
    assert document(market)["objects"] == []
    assert "No objects yet" in says(market)
    assert document(market)["my_key"] == {"kept": [1, 2]}


def test_a_deleted_object_of_the_users_own_can_be_brought_back(market: AppTest) -> None:
    show(market, "Objects")
    act(market, "delete")
    press(market, way_back(market))
    assert document(market) == MARKET


def test_texts_to_be_painted_are_added_in_the_form(market: AppTest) -> None:
    show(market, "Text")
    assert "No wording" in says(market)
    act(market, "add", "text_render")
    field(market, "text_render[0].text").set_value("FIGS").run()
    assert document(market)["text_render"] == [{"text": "FIGS"}]


def test_the_number_of_a_cluster_is_a_number_and_can_be_taken_out(market: AppTest) -> None:
    show(market, "Objects")
    field(market, "objects[0].number_of_objects").set_value(6).run()
    assert document(market)["objects"][0]["number_of_objects"] == 6
    field(market, "objects[0].number_of_objects").set_value(None).run()
    assert document(market) == MARKET


def test_json_that_is_not_valid_is_said_in_the_form_and_mended_in_the_editor(market: AppTest) -> None:
    broken = '{"lighting": '
    type_json(market, "generate", broken)
    show(market, "Light")
    assert "The form needs valid JSON" in says(market)
    market.session_state["generate_prompt_view"] = "Sketch"
    market.run()
    assert "The sketch needs valid JSON. Mend it in the JSON view" in says(market)
    assert "line 1" in says(market)
    press(market, "Open the JSON")
    assert market.session_state["generate_prompt_view"] == "JSON"
    assert draft(market).text == broken


def test_an_edit_in_the_form_makes_a_written_prompt_the_users_and_typing_it_back_undoes_that(
    app: AppTest, runtime: Runtime
) -> None:
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Prompt only")
    finish(app, runtime)
    show(app, "Scene")
    text = field(app, "short_description").value
    field(app, "short_description").set_value("a green ball").run()
    assert "edited by you" in says(app)
    assert "Generate from this JSON" in bar(app)
    field(app, "short_description").set_value(text).run()
    assert "edited by you" not in says(app)
    assert not app.exception


def test_values_of_another_kind_are_shown_and_not_touched_by_a_look(market: AppTest) -> None:
    """A number where text belongs, a null, an empty list: looking at every section changes nothing."""
    odd = {
        "short_description": 3,
        "objects": [None, {"number_of_objects": "many", "texture": {}}],
        "style_medium": None,
    }
    type_json(market, "generate", json.dumps(odd))
    for section in (part.title for part in PARTS):
        show(market, section)
        assert not market.exception, section
    choose(market, 1)
    assert document(market) == odd
    assert StructuredPrompt.parse(draft(market).text).document == odd
