"""The measure of mini: its edits change one field each, and its counts count what was asked for."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fibo_core.engine.mini.drawing import render
from fibo_core.engine.mini.scenes import Scene, Thing
from fibo_core.engine.mini.world import world
from fibo_core.prompt import diff

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))
from mini_eval import EDITS, ROWS, Tally, edit, followed, plain, scenes
from mini_judge import NOTHING, Judge, Seen, Verdict

BALL = Scene((Thing("ball", "red", "left", "large"),), "meadow", "grey", "day", "left", "render", "eye", "deep", 1)
FIELDS = {
    "colour described": "objects[0].description", "thing described": "objects[0].description",
    "colour": "objects[0].shape_and_color", "thing": "objects[0].shape_and_color", "place": "objects[0].location",
    "size": "objects[0].relative_size", "background": "background_setting", "light": "lighting.conditions",
    "medium": "style_medium",
}  # fmt: skip


def seen(scene: Scene, **cells: Seen) -> Verdict:
    """What a faultless judge sees in a picture of the scene; ``cells`` are seen otherwise."""
    nothing = dict.fromkeys(world().places, Seen(NOTHING, NOTHING, NOTHING))
    things = {thing.place: Seen(thing.kind, thing.colour, thing.size) for thing in scene.things}
    return Verdict(nothing | things | cells, scene.background, scene.light, scene.medium)


@pytest.mark.parametrize("field", EDITS)
def test_an_edit_changes_its_field_and_no_other(field: str) -> None:
    """As a user edits: the description stays stale where colour or shape is changed, or the other way round."""
    changed, prompt = edit(BALL, field, np.random.default_rng(1))
    assert [str(change.path) for change in diff(plain(BALL), prompt)] == [FIELDS[field]]
    assert followed(field, BALL, changed, seen(changed))
    assert not followed(field, BALL, changed, seen(BALL))


def test_a_right_picture_counts_in_every_column_and_a_thing_in_a_wrong_place_in_one_more() -> None:
    tally = Tally()
    tally.add(BALL, seen(BALL))
    assert {name for name, count in tally.right.items() if count} == set(tally.of) - {"stray"}
    tally.add(BALL, seen(BALL, left=Seen(NOTHING, NOTHING, NOTHING), right=Seen("ball", "red", "large")))
    assert (tally.right["place"], tally.of["place"], tally.right["stray"]) == (1, 2, 1)
    assert tally.of["colour"] == 1  # of the things found


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_prompts_and_the_same_ones_each_time(name: str) -> None:
    things, words = ROWS[name]
    first, second = ([words(scene, rng).canonical() for scene, rng in scenes(name, 4, things)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 4


def test_a_judge_that_has_learned_is_kept_and_sees_the_same_again(tmp_path: Path) -> None:
    """In pictures of any shape. How well it sees is what the evaluation prints first."""
    file, picture = tmp_path / "judge.pt", render(BALL, 320, 208)
    learned = Judge.learned(file, scenes=70).look(picture)
    assert set(learned.cells) == set(world().places)
    assert Judge.learned(file, scenes=0).look(picture) == learned
