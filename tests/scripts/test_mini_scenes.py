"""The scenes mini learns from: what a scene says is what its picture shows, and what its caption tells."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from fibo_core.models.catalogue import MINI_SIZES
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.offline import OfflineWriter
from scripts.mini.captions import (
    before,
    describe,
    describe_at_length,
    describe_in_dispute,
    edited,
    freely,
    sentence,
)
from scripts.mini.drawing import render, render_with_cover
from scripts.mini.prose import WORDS, among, opened, prose
from scripts.mini.scenes import Scene, Thing, box_of, draw_scene
from scripts.mini.shapes import KINDS

BALL = Scene(
    things=(Thing("ball", "red", "left", "medium"),), background="wall", wall="grey", light="day", direction="above",
    medium="render", camera="eye", focus="deep", variant=1,
)  # fmt: skip


def pixels(scene: Scene, width: int = 256, height: int = 256) -> np.ndarray:
    return np.asarray(render(scene, width, height), dtype=float)


def test_every_thing_of_the_vocabulary_can_be_drawn() -> None:
    """The words promise no thing that the program cannot draw."""
    assert set(KINDS) == set(world().things)


@pytest.mark.parametrize("size", MINI_SIZES.values(), ids=MINI_SIZES)
@pytest.mark.parametrize("place", world().places)
def test_a_thing_stands_whole_in_its_cell_in_every_shape_of_picture(place: str, size: tuple[int, int]) -> None:
    """The middle of what is covered lies in the cell that the place names, and nothing is cut off."""
    width, height = size
    scene = replace(BALL, things=(Thing("ball", "red", place, "small"),))
    _, cover = render_with_cover(scene, width, height)
    rows, columns = np.nonzero(cover == 0)
    column, row = world().cells[place]
    assert (int(columns.mean() / width * 3), int(rows.mean() / height * 3)) == (column, row)
    assert columns.min() > 0
    assert rows.min() > 0
    assert columns.max() < width - 1
    assert rows.max() < height - 1


@pytest.mark.parametrize("medium", world().media)
@pytest.mark.parametrize("colour", world().colours)
def test_a_thing_has_its_own_colour_in_every_medium(colour: str, medium: str) -> None:
    """Of the twelve colours the thing's own is the nearest to what is painted, brightness aside."""
    scene = replace(BALL, things=(Thing("heart", colour, "center", "large"),), medium=medium)
    picture, cover = render_with_cover(scene, 256, 256)
    seen = np.median(picture[cover == 0].astype(float), axis=0)
    lightened = {name: np.array(rgb) * (0.7 if medium == "sketch" else 0.9) for name, rgb in world().rgb.items()}
    if medium == "sketch":
        lightened = {name: rgb + 0.3 * np.array((246, 243, 235)) for name, rgb in lightened.items()}
    nearest = min(lightened, key=lambda name: np.linalg.norm(lightened[name] - seen))
    assert nearest == colour


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("background", "backgrounds"),
        ("light", "lights"),
        ("medium", "media"),
        ("camera", "cameras"),
        ("focus", "focus"),
    ],
)
def test_each_choice_of_a_field_is_another_picture(field: str, names: str) -> None:
    """No two words of the vocabulary are painted alike."""
    base = replace(BALL, background="meadow")
    drawn = [pixels(replace(base, **{field: name})) for name in getattr(world(), names)]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            assert np.abs(one - other).mean() > 0.5


@pytest.mark.parametrize("background", ["wall", "meadow", "city", "snow"])
def test_lights_and_media_are_told_apart_by_the_ground_alone(background: str) -> None:
    """Away from any thing, each light in each medium has a look of its own, not a shade that only a meter sees."""
    base = replace(BALL, things=(Thing("ball", "red", "bottom-right", "small"),), background=background, wall="white")
    drawn = {
        (light, medium): pixels(replace(base, light=light, medium=medium))[:160, :160]
        for light in world().lights
        for medium in world().media
    }
    for (one, first), (other, second) in combinations(drawn.items(), 2):
        assert np.abs(first - second).mean() > 2, (one, other)


@pytest.mark.parametrize("medium", world().media)
def test_no_light_on_one_wall_is_taken_for_another_light_on_another(medium: str) -> None:
    """A yellow wall by day is not a white one in the evening, nor a black one by day a black one under clouds."""
    base = replace(BALL, things=(Thing("ball", "red", "bottom-right", "small"),), medium=medium)
    drawn = {
        (light, wall): pixels(replace(base, light=light, wall=wall))[:160:4, :160:4]
        for light in world().lights
        for wall in world().walls
    }
    for (one, first), (other, second) in combinations(drawn.items(), 2):
        assert one[0] == other[0] or np.abs(first - second).mean() > 3, (one, other)


@pytest.mark.parametrize("light", world().lights)
def test_white_grey_and_black_are_each_nearer_to_their_own_look_by_day_than_to_another(light: str) -> None:
    """White at night is not what grey is by day: the light on things is milder than that on the ground."""
    thing = Thing("heart", "white", "center", "large")

    def seen(colour: str, light: str) -> float:
        scene = replace(BALL, things=(replace(thing, colour=colour),), light=light)
        picture, cover = render_with_cover(scene, 256, 256)
        return float(np.median(picture[cover == 0]))

    by_day = {colour: seen(colour, "day") for colour in ("white", "grey", "black")}
    for colour in by_day:
        assert min(by_day, key=lambda name: abs(by_day[name] - seen(colour, light))) == colour


def test_light_from_the_left_brightens_the_left_of_a_thing() -> None:
    """Shading follows the direction of light."""
    scene = replace(BALL, things=(Thing("ball", "grey", "center", "large"),))

    def left_over_right(direction: str) -> float:
        picture = pixels(replace(scene, direction=direction))
        x, y, radius = box_of(scene.things[0], scene, 256, 256)
        rows = slice(int(y - radius / 2), int(y + radius / 2))
        left, right = picture[rows, int(x - radius * 0.8) : int(x)], picture[rows, int(x) : int(x + radius * 0.8)]
        return float(left.mean() / right.mean())

    assert left_over_right("left") > 1.1
    assert left_over_right("right") < 0.9


def test_chance_moves_the_ground_behind_and_never_a_thing() -> None:
    """Where a thing ends is told by its prompt alone: what varied by some pixels was painted as dents."""
    scene = replace(BALL, things=(Thing("box", "red", "left", "medium"),), background="meadow")
    (one, first), (other, second) = (render_with_cover(replace(scene, variant=seed), 256, 256) for seed in (1, 2))
    assert (first == second).all()
    assert (one != other).any()


def test_larger_words_are_larger_things() -> None:
    covered = [
        (render_with_cover(replace(BALL, things=(Thing("ball", "red", "center", size),)), 256, 256)[1] == 0).sum()
        for size in ("small", "medium", "large")
    ]
    assert covered == sorted(covered)
    assert covered[0] * 1.8 < covered[1]
    assert covered[1] * 1.8 < covered[2]


def test_the_same_scene_is_the_same_picture() -> None:
    assert render(BALL).tobytes() == render(BALL).tobytes()
    assert render(BALL).tobytes() != render(replace(BALL, background="sea")).tobytes()


def test_scenes_drawn_by_chance_keep_their_things_clear_of_each_other() -> None:
    """Each thing of a hundred scenes shows at least half of itself."""
    rng = np.random.default_rng(4)
    for _ in range(100):
        scene = draw_scene(rng)
        _, cover = render_with_cover(scene, 256, 256)
        for index, thing in enumerate(scene.things):
            alone = render_with_cover(replace(scene, things=(thing,)), 256, 256)[1]
            assert (cover == index).sum() > 0.5 * (alone == 0).sum(), scene


def test_a_caption_always_tells_what_each_thing_is_and_where() -> None:
    """Whatever is left out: from the fields that win, every thing can be found again."""
    rng = np.random.default_rng(1)
    w = world()
    for _ in range(300):
        scene = draw_scene(rng)
        document = describe(scene, rng).document
        if "objects" not in document:
            text = document["short_description"]
            assert all(any(word in text for word in w.colours[thing.colour]) for thing in scene.things)
            continue
        if document["objects"][0].get("number_of_objects", 1) > 1:
            (entry,) = document["objects"]
            assert entry["number_of_objects"] == len(scene.things)
            assert any(word in entry["shape_and_color"] for word in w.colours[scene.things[0].colour])
            continue
        assert len(document["objects"]) == len(scene.things)
        places = sorted(next(n for n, words in w.places.items() if o["location"] in words) for o in document["objects"])
        assert places == sorted(thing.place for thing in scene.things)
        for entry in document["objects"]:
            place = next(name for name, words in w.places.items() if entry["location"] in words)
            thing = next(thing for thing in scene.things if thing.place == place)
            told = f"{entry['description']} {entry.get('shape_and_color')}"  # one of them may have been edited
            assert any(word in told for word in w.colours[thing.colour])


def test_free_sentences_tell_every_thing_and_whatever_is_not_usual() -> None:
    """Of a prompt that is a sentence and nothing else all must be found in it, in many an order."""
    rng, begin_with_the_things = np.random.default_rng(3), 0
    w = world()
    for _ in range(300):
        scene = draw_scene(rng)
        text = freely(scene, rng)
        told = text.lower()
        for thing in scene.things:
            assert any(word in told for word in w.colours[thing.colour]), text
            assert any(word in told for word in (*w.things[thing.kind], thing.kind.removesuffix("y"))), text
        if scene.background != "wall":
            assert any(words.lower() in told for words in w.backgrounds[scene.background]), text
        if scene.light != "day":
            assert any(words in told for words in w.lights[scene.light]), text
        if scene.medium != "render":
            assert any(words in told for words in w.media[scene.medium]), text
        colours = [told.find(word) for word in w.colours[scene.things[0].colour] if word in told]
        begin_with_the_things += min(colours) < 25
    assert 40 < begin_with_the_things < 260


def test_free_sentences_say_medium_of_the_manner_too() -> None:
    """Before, the word was always a size: of "a small cat; medium: pencil sketch" came a medium one."""
    rng, of_the_manner = np.random.default_rng(4), 0
    for _ in range(300):
        scene = draw_scene(rng)
        none_is_medium = all(thing.size != "medium" for thing in scene.things)
        of_the_manner += none_is_medium and "medium" in freely(scene, rng).lower()
    assert 15 < of_the_manner < 100


def test_an_edited_field_is_the_only_one_that_tells_the_scene_as_it_is() -> None:
    """A scene that was once another: one field was edited, the summary still says what it said."""
    rng, seen = np.random.default_rng(8), set()
    for _ in range(300):
        scene = draw_scene(rng)
        told = before(scene, rng)
        was = OfflineWriter().expand(sentence(told)).prompt
        now = StructuredPrompt.from_dict(edited(was.document, told, scene, rng))
        changes = [change.path for change in diff(was, now)]
        fields = {path.split(".")[-1] for path in changes}
        assert fields <= {"shape_and_color", "description"} or len(fields) == 1
        assert now.document["short_description"] == was.document["short_description"]
        assert told != scene or not changes
        seen |= fields
    assert seen == {
        "shape_and_color", "description", "location", "relative_size", "background_setting", "conditions",
        "style_medium",
    }  # fmt: skip


def test_in_a_dispute_the_field_that_no_other_agrees_with_tells_the_scene() -> None:
    """Told three times over, one changed: whoever goes with the lonely one, and else with the two, is always right."""
    rng, lonely = np.random.default_rng(12), set()
    scene = replace(BALL, things=(Thing("cat", "red", "left", "small"),))
    for _ in range(300):
        document = describe_in_dispute(scene, rng).document
        (entry,) = document["objects"]
        told = {
            "summary": document["short_description"],
            "description": entry["description"],
            "shape_and_color": entry["shape_and_color"],
        }
        agree = {
            name: any(w in text for w in world().colours["red"]) and any(w in text for w in world().things["cat"])
            for name, text in told.items()
        }
        assert agree["description"] or agree["shape_and_color"]
        if not agree["summary"]:
            lonely |= {name for name, agrees in agree.items() if agrees and sum(agree.values()) == 1}
    assert lonely == {"description", "shape_and_color"}


def test_a_scene_of_single_things_was_never_a_row_before_its_edit() -> None:
    """Two red balls, of which the right one was in the right place for a row: it would have been told by its number."""
    scene = replace(BALL, things=(Thing("ball", "red", "left", "small"), Thing("ball", "red", "top-right", "small")))
    rng = np.random.default_rng(10)
    places = {before(scene, rng).things[1].place for _ in range(2_000)}
    assert places == set(world().places) - {"left", "right"}


def test_a_caption_at_length_has_hundreds_of_words_and_every_thing() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        scene = draw_scene(rng)
        prompt = describe_at_length(scene, rng)
        assert len(prompt.canonical().split()) > 120
        places = {entry["location"].split(". ")[0] for entry in prompt.document["objects"]}
        told = {place for place, words in world().places.items() if places & set(words)}
        assert prompt.document["objects"][0].get("number_of_objects", 1) > 1 or told == {t.place for t in scene.things}


def test_several_of_the_same_are_told_by_their_number_or_one_by_one() -> None:
    """A row of three is three things alike, side by side, and one entry or three."""
    boxes = replace(
        BALL, things=tuple(Thing("box", "red", place, "small") for place in ("left", "center", "right"))
    )  # fmt: skip
    told = [describe(boxes, np.random.default_rng(seed)).document.get("objects", []) for seed in range(60)]
    assert {len(objects) for objects in told} == {0, 1, 3}
    counted = [objects[0] for objects in told if len(objects) == 1]
    assert all(entry["number_of_objects"] == 3 for entry in counted)
    assert any("three red boxes" in entry["description"] for entry in counted)
    rng = np.random.default_rng(2)
    rows = [
        scene for scene in (draw_scene(rng) for _ in range(300)) if len({(t.kind, t.colour) for t in scene.things}) == 1
    ]
    assert any(len(scene.things) == 3 for scene in rows)


def test_the_offline_writer_reads_in_a_scenes_sentence_what_the_scene_is() -> None:
    """Scene, sentence, writer, prompt: the same things in the same places, so that mini learns this writer's words."""
    rng, w = np.random.default_rng(3), world()
    for _ in range(40):
        scene = draw_scene(rng)
        document = OfflineWriter().expand(sentence(scene)).prompt.document
        found = sorted((entry["location"].replace(" ", "-"), entry["relative_size"]) for entry in document["objects"])
        plain = {"top": "top-center", "bottom": "bottom-center"}
        assert sorted((plain.get(place, place), size) for place, size in found) == sorted(
            (thing.place, thing.size) for thing in scene.things
        ), sentence(scene)
        assert scene.medium == "render" or any(word in document["style_medium"] for word in w.media[scene.medium])


def test_captions_of_one_scene_differ_and_are_repeatable() -> None:
    one, same, other = (describe(BALL, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.canonical() == same.canonical() != other.canonical()


def test_prose_names_nothing_that_would_be_painted() -> None:
    """What mini is to read past is none of what it is to follow, but for colours, sides and sizes."""
    w, words = world(), {word for kind, words in WORDS.items() if kind != "size" for word in words}
    named = [*w.sizes, *w.backgrounds, *w.lights, *w.media, *(name for names in w.things.values() for name in names)]
    assert not words & set(named)
    rng = np.random.default_rng(4)
    text = " ".join(prose(rng) for _ in range(300)).lower()
    told = text.split()
    assert " an " in text
    assert not re.search(r" a (hour|honest|[aeio])", text)
    assert not {"ball", "house", "night", "meadow", "watercolour"} & set(told)
    assert {"red", "blue"} & set(told)
    assert {"small", "large"} & set(told)


def test_words_that_matter_stand_whole_among_those_that_do_not() -> None:
    rng = np.random.default_rng(5)
    around = [among("a sandy beach", rng) for _ in range(60)]
    openings = [opened("a red ball", rng) for _ in range(60)]
    assert all("a sandy beach" in text for text in around)
    assert all(text.endswith("a red ball") for text in openings)
    assert len(set(around)) > 40
    assert not any("|" in text or "~" in text for text in (*around, *openings))
