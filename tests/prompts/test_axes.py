"""Axes: what varies in an order, how its values are written, and where they go in a prompt."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.limits import SEED_MAX
from fibo_core.prompts.axes import (
    Axis,
    AxisError,
    axis,
    axis_from_record,
    axis_to_record,
    check_axes,
    check_paths,
    combinations,
    read_axis,
    with_values,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff

PROMPT = StructuredPrompt.from_dict(
    {
        "short_description": "a ball",
        "objects": [{"description": "a ball", "glow": "soft", "marks": {"front": "a star"}, "tags": ["old"]}, None],
        "lighting": {"conditions": "day"},
        "context": 5,
        "mine": {"note": "x"},
    }
)


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("lighting.conditions=golden hour|night", "lighting.conditions", ("golden hour", "night")),
        (' ["lighting"].conditions = a=b |c ', "lighting.conditions", ("a=b", "c")),
        (r"objects[0].shape_and_color=red \| blue|1..4", "objects[0].shape_and_color", ("red | blue", "1..4")),
        ('lighting["a.b=c"]=d', 'lighting["a.b=c"]', ("d",)),
        ("objects[0].number_of_objects=1..3", "objects[0].number_of_objects", (1, 2, 3)),
        ("seed=1,5,9", "seed", (1, 5, 9)),
        ("seed=8..6 | 20", "seed", (8, 7, 6, 20)),
        ("seed=1...3", "seed", (1, 2, 3)),
        (f"seed={SEED_MAX - 1}..{SEED_MAX}", "seed", (SEED_MAX - 1, SEED_MAX)),
        ("steps=10, 20, .., 50", "steps", (10, 20, 30, 40, 50)),
        ("steps=1,50,40,…,30", "steps", (1, 50, 40, 30)),
        ("guidance=3.1,3.2,..,3.5", "guidance", (3.1, 3.2, 3.3, 3.4, 3.5)),
        ("guidance=3..5", "guidance", (3.0, 4.0, 5.0)),
        ("model=fibo|mini", "model", ("fibo", "mini")),
        ("writer=offline", "writer", ("offline",)),
    ],
)
def test_what_is_written_is_read(text: str, name: str, values: tuple[object, ...]) -> None:
    read = read_axis(text)
    assert read == Axis(name, values)  # type: ignore[arg-type]
    assert [type(value) for value in read.values] == [type(value) for value in values]
    assert read.is_path == ("." in name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lighting.conditions", '"lighting.conditions" is no axis'),
        ("=a", 'An axis is called ""'),
        ("objects[x].pose=a", 'An axis is called "objects[x].pose"'),
        ("lighting" + ".a" * 64 + "=b", "An axis is called"),
        ("sed=1", "Did you mean seed?"),
        ("lightning.conditions=a", "Did you mean lighting?"),
        ("condition=a", "Did you mean lighting.conditions?"),
        ("mine.note=a", '"mine" is neither a key of FIBO\'s captions nor one of seed, steps, guidance, model, writer.'),
        ("lighting=a", "lighting is no place of a single value. Name one, such as lighting.conditions."),
        ("objects[1]=a", "Name one, such as objects[0].description."),
        ("objects.texture=a", "Name one, such as objects[0].texture."),
        ("lighting[0]=a", "Name one, such as lighting.conditions."),
        ("context.mood=a", "Name one, such as context."),
        ("aesthetics.preference_score=low", "the model is always told"),
        ("context=a||b", "A value of context is empty"),
        ("context=", "A value of context is empty"),
        (f"context={'x' * 2_001}", "A value of context has 2,001 characters, and at most 2,000 are taken. Shorten it."),
        ("seed=", "A value of seed is empty"),
        ("seed=1,2,", "A value of seed is empty"),
        ("seed=1,two", 'A value of seed is "two", which is no number'),
        ("steps=10,..,50", 'A value of steps is "..", which is no number'),
        ("seed=1.5", "A value of seed is 1.5, where a whole number belongs"),
        ("seed=-1..3", f"A value of seed is -1. Choose 0 to {SEED_MAX}."),
        (f"seed={SEED_MAX + 1}", f"Choose 0 to {SEED_MAX}."),
        ("steps=0", "A value of steps is 0. Choose 1 to 200."),
        ("guidance=99.5", "A value of guidance is 99.5. Choose 1.0 to 30.0."),
        ("steps=10,10,..,50", "steps: 10,10,..,50 does not end on one of its steps"),
        ("steps=10,20,..,5", "steps: 10,20,..,5 does not end"),
        ("steps=10,20,..,55", "steps: 10,20,..,55 does not end"),
        ("steps=10,20,..,10", "steps: 10,20,..,10 does not end"),
        ("guidance=3..3.5", "guidance: 3..3.5 does not end"),
        ("seed=4,1..5", "seed has the value 4 more than once"),
        ("writer=a| a", 'writer has the value "a" more than once'),
        (f"seed=0..{SEED_MAX}", f"seed has {SEED_MAX + 1:,} values"),
        ("steps=1..500,501..1001", "steps has 1,001 values"),
        ("context=" + "|".join(map(str, range(1001))), "context has 1,001 values"),
    ],
)
def test_what_cannot_vary_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(AxisError, match=re.escape(sentence)):
        read_axis(text)


def test_an_axis_from_a_program_takes_values_as_they_are() -> None:
    """JSON has no difference between 3 and 3.0, and a text of numbers is read."""
    assert axis("guidance", [3, 4.5]).values == (3.0, 4.5)
    assert repr(axis("seed", [3.0, SEED_MAX]).values) == f"(3, {SEED_MAX})"
    assert axis("lighting.glow", [1, "bright|dark"]).values == (1, "bright|dark")
    assert axis("seed", "1..2") == axis("seed", (1, 2))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("seed", []),
        ("seed", [True]),
        ("seed", ["1"]),
        ("guidance", [float("nan")]),
        ("context", [1]),
        ("model", [None]),
    ],
)
def test_values_of_another_kind_are_refused(name: str, values: list[object]) -> None:
    with pytest.raises(AxisError):
        axis(name, values)  # type: ignore[arg-type]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)


@given(st.lists(texts.filter(lambda text: not text.endswith("\\") and "\\|" not in text), min_size=1, unique=True))
def test_any_texts_are_read_back_from_how_they_are_written(values: list[str]) -> None:
    written = "|".join(value.replace("|", r"\|") for value in values)
    assert axis("lighting.conditions", written).values == tuple(values)


@given(st.integers(0, SEED_MAX), st.integers(-1000, 1000).filter(bool), st.integers(1, 50))
def test_any_range_is_read_back_from_its_first_two_and_its_last(first: int, step: int, count: int) -> None:
    values = [first + index * step for index in range(count + 1)]
    if 0 <= values[-1] <= SEED_MAX:
        assert axis("seed", f"{values[0]},{values[1]},..,{values[-1]}").values == tuple(values)


@given(st.lists(st.floats(1.0, 30.0), min_size=1, unique=True), st.lists(texts, min_size=1, unique=True))
def test_an_axis_survives_its_record(numbers: list[float], words: list[str]) -> None:
    for each in (axis("guidance", numbers), axis("objects[3].pose", words), axis("seed", "8..1")):
        assert axis_from_record(json.loads(json.dumps(axis_to_record(each)))) == each


@pytest.mark.parametrize("record", [None, [], {}, {"name": "seed"}, {"name": "seed", "values": "1..2"}])
def test_a_damaged_record_is_said(record: object) -> None:
    with pytest.raises(AxisError, match="is damaged"):
        axis_from_record(record)


def test_the_last_axis_changes_fastest() -> None:
    axes = [read_axis("lighting.conditions=day|night"), read_axis("seed=1,2")]
    assert [tuple(each.values()) for each in combinations(axes)] == [("day", 1), ("day", 2), ("night", 1), ("night", 2)]
    assert list(combinations(axes)[0]) == ["lighting.conditions", "seed"]
    assert combinations([]) == [{}]


def test_axes_that_do_not_go_together_are_refused() -> None:
    seed, day, night = read_axis("seed=1,2"), read_axis("lighting.conditions=day"), read_axis("context=a|b")
    check_axes([seed, day, night], 64, confirmed=False)
    check_axes([], 0, confirmed=False)
    for axes, sentence in [
        ([seed, day, night, read_axis("steps=1")], "4 axes are given, and at most 3"),
        ([seed, axis("seed", [7])], "seed is given as two axes"),
        ([day, read_axis('["lighting"]["conditions"]=x')], "lighting.conditions is given as two axes"),
        ([axis("lighting.glow.near", "a"), axis("lighting.glow", "b")], "lighting.glow.near lies within lighting.glow"),
    ]:
        with pytest.raises(AxisError, match=re.escape(sentence)):
            check_axes(axes, 2, confirmed=True)


def test_more_than_64_pictures_must_be_confirmed() -> None:
    long = read_axis("seed=1..65")
    for axes, pictures in (([], 65), ([long], 1)):
        with pytest.raises(AxisError, match="The order makes 65 pictures, and more than 64 must be confirmed"):
            check_axes(axes, pictures, confirmed=False)
        check_axes(axes, pictures, confirmed=True)


def test_values_go_to_their_paths_and_settings_are_passed_over() -> None:
    """A field of FIBO's that is absent is created where its order has it; a key of one's own is changed where it is."""
    values = {"photographic_characteristics.focus": "soft", "objects[0].glow": "hard", "objects[1].pose": "sits"}
    changed = with_values(PROMPT, {**values, "objects[0].tags[0]": "new", "context": "a poster", "seed": 4})
    assert {each.path for each in diff(PROMPT, changed)} == {
        "photographic_characteristics", "objects[0].glow", "objects[1]", "objects[0].tags[0]", "context"
    }  # fmt: skip
    assert all(changed.get(path) == value for path, value in values.items())
    assert list(changed.document).index("photographic_characteristics") == list(changed.document).index("lighting") + 1


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("lighting.condition", "nor a field of FIBO's captions. Did you mean lighting.conditions?"),
        ("objects[0].glows", "Did you mean objects[0].glow?"),
        ("objects[1].textur", "Did you mean objects[1].texture?"),
        ("objects[2].pose", "objects[2].pose is not in the prompt: objects holds 2, counted from 0."),
        ("text_render[0].font", "text_render holds 0, counted from 0"),
        ("objects[0].marks", "is no place of a single value. Name one, such as objects[0].marks.front."),
        ("objects[0].tags[1]", "is neither in the prompt"),
        ("objects[0].glow.near", "is neither in the prompt"),
    ],
)  # fmt: skip
def test_a_path_that_this_prompt_could_not_have_is_refused_and_near_ones_named(path: str, sentence: str) -> None:
    for check in (lambda: check_paths(PROMPT, [axis(path, "a")]), lambda: with_values(PROMPT, {path: "a"})):
        with pytest.raises(AxisError, match=re.escape(sentence)):
            check()


def test_paths_that_this_prompt_has_or_could_have_are_fine() -> None:
    paths = ("objects[0].texture", "objects[1].pose", "objects[0].marks.front", "context", "style_medium")
    check_paths(PROMPT, [axis(path, "a") for path in paths] + [axis("seed", "1..3")])
