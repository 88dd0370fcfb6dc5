"""The board of a prompt: what its words are read as, and the words that an edit writes."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.models.mini.world import world
from fibo_core.prompts.sketch import (
    add_object,
    light_from,
    move_object,
    read_layout,
    recolor_object,
    remove_object,
    resize_object,
)
from fibo_core.prompts.sketch_words import (
    Light,
    Place,
    columns,
    light_angles,
    light_depths,
    offered_colors,
    read_color,
    read_light,
    read_place,
    read_size,
    replace_color,
    replace_place,
    replace_size,
    rows,
    sizes,
    write_light,
    write_place,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff

CAPTIONS: list[list[str]] = tomllib.loads(
    (Path(__file__).parent / "location_wordings.toml").read_text(encoding="utf-8")
)["captions"]
LOCATIONS = [location for caption in CAPTIONS for location in caption]
PROMPT = StructuredPrompt.from_dict(
    {
        "mine": 1,
        "lighting": {"shadows": "soft", "direction": "from the left", "conditions": "dim"},
        "objects": [
            {"location": "center, held by the boy", "note": [1], "description": "a red kite", "relationship": "above"},
            {"description": "a boy", "relative_size": "large within frame", "shape_and_color": "slim, dark brown coat"},
        ],
        "short_description": "a boy with a kite",
    }
)  # fmt: skip
places = st.builds(
    Place,
    st.integers(0, len(columns()) - 1),
    st.integers(0, len(rows()) - 1),
    st.sampled_from(["", "foreground", "midground", "background"]),
)
lights = st.builds(
    lambda depth, angle: Light(None if depth == "around" else angle, depth),
    st.sampled_from(light_depths()),
    st.none() | st.sampled_from(light_angles()),
)
words = st.lists(
    st.sampled_from(
        ["the", "very", "deep", "light", "red", "blue", "large", "left", "right", "top", "of", ",", ".", "in"]
    )
    | st.text(max_size=5),
    max_size=8,
).map(" ".join)


def edited(document: dict[str, Any]) -> StructuredPrompt:
    return StructuredPrompt.from_dict(document)


@given(places)
def test_the_words_for_a_place_are_read_as_that_place(place: Place) -> None:
    assert read_place(write_place(place)) == (place, "")


@given(lights)
def test_the_words_for_a_light_are_read_as_that_light(light: Light) -> None:
    assert read_light(write_light(light)) == (light, "")


def test_every_size_and_every_colour_on_offer_is_read_as_itself() -> None:
    assert [read_size(name) for _, name in sizes()] == list(range(len(sizes())))
    assert [read_color(name) for name in offered_colors()] == list(offered_colors().values())


@settings(max_examples=300)
@given(words, places, st.integers(0, len(sizes()) - 1), st.sampled_from(list(offered_colors())))
def test_whatever_a_field_said_an_edit_is_read_as_what_was_meant(
    text: str, place: Place, size: int, color: str
) -> None:
    assert read_place(replace_place(text, place))[0] == place
    assert read_size(replace_size(text, size)) == size
    assert read_color(replace_color(text, color)) == read_color(color)


def test_fifty_captions_that_nobody_moved_keep_their_words() -> None:
    """Each object is put where it is read to be; and the board's own words would mean the very same place."""
    assert len(CAPTIONS) == 50
    for caption in CAPTIONS:
        objects = [{"description": "a thing", "location": location.removeprefix("?")} for location in caption]
        prompt = StructuredPrompt.from_dict({"objects": objects})
        for chip, location in zip(read_layout(prompt).chips, caption, strict=True):
            if not location.startswith("?"):
                assert move_object(prompt, chip.index, chip.place) == prompt, location
            assert read_place(write_place(chip.place)) == (chip.place, ""), location


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_wording_is_doubted_where_it_names_no_place_or_two(location: str) -> None:
    doubt = read_place(location.removeprefix("?"))[1]
    assert bool(doubt) == location.startswith("?"), doubt


@pytest.mark.parametrize(
    ("location", "x", "y", "depth"),
    [
        ("slightly left of center", 0.33, 0.5, ""),
        ("upper left third", 0.17, 0.17, ""),
        ("in the background, far right", 0.94, 0.5, "background"),
        ("bottom edge", 0.5, 0.94, ""),
        ("centre-right foreground", 0.83, 0.5, "foreground"),
        ("top-center, slightly to the left", 0.33, 0.17, ""),
        ("center, held by the boy", 0.5, 0.5, ""),
        ("background", 0.5, 0.33, "background"),
    ],
)
def test_what_lies_between_the_nine_places_is_read(location: str, x: float, y: float, depth: str) -> None:
    place, doubt = read_place(location)
    assert (place.x, place.y, place.depth, doubt) == (x, y, depth, "")


def test_mini_s_own_words_are_its_places_and_its_sizes() -> None:
    """The board shows where mini paints: all its wordings of a place lie in one ninth of the picture, save corners."""
    thirds = [0, 0, 1, 1, 1, 2, 2]
    for name, wordings in world().places.items():
        for wording in wordings:
            place, doubt = read_place(wording)
            assert (thirds[place.column], thirds[place.row]) == tuple(world().cells[name]), wording
            assert not doubt
    for name, wordings in world().sizes.items():
        assert sizes()[read_size(name) or 0][1] == name
        assert all(read_size(wording) is not None for wording in wordings)


def test_a_colour_is_the_first_that_is_named() -> None:
    assert read_color("upright figure, blue and white") == offered_colors()["blue"]
    assert read_color("slender, dark brown coat") not in (None, offered_colors()["brown"])
    assert read_color("round") is None


def test_a_moved_object_has_another_location_and_nothing_else_changes() -> None:
    moved = move_object(PROMPT, 0, Place(1, 5))
    assert [(c.path, c.after) for c in diff(PROMPT, moved)] == [("objects[0].location", "bottom-left, held by the boy")]
    assert list(moved.document) == list(PROMPT.document)
    assert list(moved.document["objects"][0]) == list(PROMPT.document["objects"][0])


def test_an_object_without_a_place_gets_one_where_fibo_has_it() -> None:
    moved = move_object(PROMPT, 1, Place(5, 3, "foreground"))
    assert list(moved.document["objects"][1].items())[:2] == [
        ("description", "a boy"),
        ("location", "right foreground"),
    ]


def test_a_resized_object_keeps_what_else_is_said_of_its_size() -> None:
    small = resize_object(PROMPT, 1, next(i for i, (_, name) in enumerate(sizes()) if name == "small"))
    assert [(c.path, c.after) for c in diff(PROMPT, small)] == [("objects[1].relative_size", "small within frame")]


def test_a_recoloured_object_keeps_its_shape() -> None:
    blue = recolor_object(PROMPT, 1, "blue")
    assert [(c.path, c.after) for c in diff(PROMPT, blue)] == [("objects[1].shape_and_color", "slim, blue coat")]


def test_a_colour_that_the_description_contradicts_is_a_doubt() -> None:
    (kite, _) = read_layout(recolor_object(PROMPT, 0, "blue")).chips
    assert "Its colour is “blue”, and its description says “red”." in kite.doubts


def test_light_is_told_in_its_field_alone_and_its_own_words_stay_where_it_stays() -> None:
    turned = light_from(PROMPT, Light(135, "behind"))
    assert [(c.path, c.after) for c in diff(PROMPT, turned)] == [
        ("lighting.direction", "from behind and the upper left")
    ]
    assert list(turned.document["lighting"]) == list(PROMPT.document["lighting"])
    window = PROMPT.set("lighting.direction", "from the window on the left")
    assert light_from(window, Light(180)) == window


def test_a_new_object_says_where_it_is_and_is_gone_when_it_is_removed() -> None:
    added = add_object(PROMPT, Place(5, 1))
    assert added.document["objects"][2] == {"description": "", "location": "top-right", "relative_size": "medium"}
    assert remove_object(added, 2) == PROMPT
    assert add_object(edited({"short_description": "x"}), Place()).document["objects"][0]["location"] == "center"


def test_two_things_in_one_place_are_both_marked_unless_one_stands_before_the_other() -> None:
    def board(first: str, second: str, size: str = "medium") -> list[tuple[str, ...]]:
        both = [{"description": "a", "location": first}, {"description": "b", "location": second}]
        found = read_layout(edited({"objects": [{**each, "relative_size": size} for each in both]}), (3, 2))
        return [chip.doubts for chip in found.chips]

    assert board("left", "left") == [("It is in one place with 2 (b).",), ("It is in one place with 1 (a).",)]
    assert board("left", "far left", "large") != [(), ()]
    assert board("left", "right") == [(), ()]
    assert board("left foreground", "left background") == [(), ()]
    assert board("center", "left", "fills the frame") == [(), ()]


def test_forty_things_in_one_place_say_so_in_one_sentence_each() -> None:
    crowd = edited({"objects": [{"description": f"thing {n}", "location": "left"} for n in range(40)]})
    assert read_layout(crowd).chips[0].doubts == ("It is in one place with 2 (thing 1) and 3 (thing 2) and 37 more.",)


def test_fields_of_other_kinds_are_left_to_the_other_views() -> None:
    odd = edited({"objects": [None, {"description": 3, "location": 5, "relative_size": None}], "lighting": None})
    chips = read_layout(odd).chips
    assert [(chip.place, chip.color) for chip in chips] == [(Place(), None)] * 2
