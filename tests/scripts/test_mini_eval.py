"""The measure of mini: its edits change one field each, and its counts count what was asked for."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import diff
from scripts.mini.drawing import render
from scripts.mini.scenes import Scene, Thing

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))
from mini_eval import BY_PIXELS, EDITS, ROWS, Tally, edit, fit, followed, nearest, plain, scenes
from mini_judge import NOTHING, Judge, Seen, Verdict, _both_ways, _Looker

BALL = Scene((Thing("ball", "red", "left", "large"),), "meadow", "grey", "day", "left", "render", "eye", "deep", 1)
FIELDS = {
    "colour described": "objects[0].description", "thing described": "objects[0].description",
    "colour": "objects[0].shape_and_color", "thing": "objects[0].shape_and_color", "place": "objects[0].location",
    "size": "objects[0].relative_size", "background": "background_setting", "light": "lighting.conditions",
    "medium": "style_medium", "wall": "background_setting", "direction": "lighting.direction",
    "camera": "photographic_characteristics.camera_angle", "focus": "photographic_characteristics.depth_of_field",
}  # fmt: skip


def seen(scene: Scene, **cells: Seen) -> Verdict:
    """What a faultless judge sees in a picture of the scene; ``cells`` are seen otherwise."""
    nothing = dict.fromkeys(world().places, Seen(NOTHING, NOTHING, NOTHING))
    things = {thing.place: Seen(thing.kind, thing.colour, thing.size) for thing in scene.things}
    return Verdict(nothing | things | cells, scene.background, scene.light, scene.medium)


@pytest.mark.parametrize("field", EDITS)
def test_an_edit_changes_its_field_and_no_other(field: str) -> None:
    """As a user edits: the description stays stale where colour or shape is changed, or the other way round."""
    scene = fit(BALL, field)
    changed, prompt = edit(scene, field, np.random.default_rng(1))
    assert [str(change.path) for change in diff(plain(scene), prompt)] == [FIELDS[field]]
    if field not in BY_PIXELS:
        assert followed(field, scene, changed, seen(changed))
        assert not followed(field, scene, changed, seen(scene))


@pytest.mark.parametrize("field", BY_PIXELS)
def test_a_drawn_picture_is_nearest_to_the_value_that_it_was_drawn_with(field: str) -> None:
    """Whatever the scene is like, before and after the edit, and wherever chance put the ground of this drawing."""
    for scene, rng in scenes(f"edit {field}", 4, (1,)):
        for each in (fitted := fit(scene, field), edit(fitted, field, rng)[0]):
            assert nearest(render(replace(each, variant=1_000)), field, each) == getattr(each, field), each


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
    torch.save(torch.load(file, weights_only=True) | {"learned_from": "pictures as they were drawn before"}, file)
    with pytest.raises(SystemExit, match="Delete it"):
        Judge.learned(file)


def test_a_judge_says_of_a_mirrored_picture_what_it_says_of_the_picture() -> None:
    """It looks both ways: what it leans to on one side, it leans to on the other."""
    torch.manual_seed(1)
    looker, pixels = _Looker([["left", "right"], ["a", "b", "c"]]).eval(), torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        for one, other in zip(_both_ways(looker, pixels), _both_ways(looker, pixels.flip(-1)), strict=True):
            torch.testing.assert_close(one, other)
        assert not torch.allclose(looker(pixels)[0], looker(pixels.flip(-1))[0])


def test_a_judge_of_another_shape_is_told_apart_in_a_sentence(tmp_path: Path) -> None:
    """One kept from before a layer changed: what to do, and not torch's list of sizes."""
    file = tmp_path / "judge.pt"
    torch.save({"_near": {"answer.weight": torch.zeros(3, 2)}}, file)
    with pytest.raises(SystemExit, match="Delete it"):
        Judge.learned(file)


def test_what_is_read_is_counted_by_thing_and_by_picture() -> None:
    """A reader that knows every label is always right; of one that calls each ball a box no thing is right."""
    from mini_reading import COLUMNS, read, rows

    from fibo_core.models.catalogue import MINI_WEIGHTS
    from scripts.mini.batches import label_sizes, labels_of
    from scripts.mini.tokenizer import tokenizer_from

    tokenizer = tokenizer_from(MINI_WEIGHTS / "tokenizer" / "tokenizer.json")
    cases = dict(rows(3))["three"]
    truth = torch.stack([labels_of(scene) for scene, _ in cases])

    class Reader:
        def __init__(self, answers: torch.Tensor) -> None:
            self.answers = answers

        def read(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[None, torch.Tensor]:
            assert len(ids) == len(mask) == len(self.answers)
            hot = [F.one_hot(column, size) for column, size in zip(self.answers.T, label_sizes(), strict=True)]
            return None, torch.cat(hot, dim=1)

    assert {name: read(Reader(truth), tokenizer, cases)[name] for name in COLUMNS} == dict.fromkeys(COLUMNS, 1.0)
    kinds, things = truth.clone(), truth[:, 0:27:3] > 0
    kinds[:, 0:27:3] = torch.where(things, truth[:, 0:27:3] % 16 + 1, 0)
    assert read(Reader(kinds), tokenizer, cases)["thing"] == 0.0
    assert read(Reader(kinds), tokenizer, cases)["colour"] == 1.0
