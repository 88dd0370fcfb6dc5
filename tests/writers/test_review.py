"""Reviewing a writer's answer: what was asked for, what is offered, and what its user makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.json_paths import leaves
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.asked import asked
from fibo_core.writers.offline import OfflineWriter
from fibo_core.writers.review import only_asked, review, reviewed
from tests.prompts.scenes import BALL, LIGHT, SOURCE, STAR, TREE, few, objects, prompt
from tests.prompts.test_prompt_properties import prompts, sorted_json


def unasked(answer: StructuredPrompt) -> StructuredPrompt:
    """The answer of a writer that does more than it was told."""
    more = answer.set("lighting.direction", "from the side").set("photographic_characteristics.camera_angle", "low")
    first = more.document["objects"][0]
    return more.set("objects[0]", first | {"relative_size": "huge"} if "relative_size" not in first else first)


@pytest.mark.parametrize(
    "instruction",
    [
        "make the ball green",
        "at night",
        "add a small house on the left",
        "remove the star",
        "move the star to the left",
        "make the ball wooden",
        "as a watercolor painting",
        "replace the ball with a cube",
        "make the mood gloomy",
    ],
)
def test_what_the_rules_do_is_asked_for_and_what_a_writer_does_besides_is_offered(instruction: str) -> None:
    """The writer by rules changes only what is named; two more changes are told apart from that."""
    writer = OfflineWriter()
    source = writer.expand("a red ball on the left and a blue star on the right, in a park").prompt
    plain = writer.refine(source, instruction).prompt
    answer = plain.set("photographic_characteristics.camera_angle", "low angle").set("texture_of_paper", "rough")
    assert asked(source, plain, instruction) == frozenset(range(len(diff(source, plain))))
    assert sorted_json(only_asked(source, answer, instruction).document) == sorted_json(plain.document)


def test_a_colour_counts_only_at_the_thing_it_was_asked_for() -> None:
    """A green ball was asked for, green light and a green meadow were not; what speaks of the ball follows."""
    source = prompt(BALL, STAR | {"relationship": "beside the red ball"}, background_setting="a beach", lighting=LIGHT)
    answer = prompt(
        BALL | {"description": "a green ball", "shape_and_color": "round, green", "texture": "mossy"},
        STAR | {"relationship": "beside the green ball"},
        background_setting="a green meadow",
        lighting=LIGHT | {"conditions": "green light"},
    ).set("short_description", "a scene with a green ball")
    numbers = asked(source, answer, "make the ball green")
    paths = {change.path for number, change in enumerate(diff(source, answer)) if number in numbers}
    assert paths == {
        "short_description",
        "objects[0].description",
        "objects[0].shape_and_color",
        "objects[1].relationship",
    }


def test_an_instruction_that_names_a_field_asks_for_it() -> None:
    answer = (
        SOURCE.set("lighting.shadows", "long")
        .set("lighting.conditions", "golden hour")
        .set("objects[0].texture", "rough")
    )
    numbers = asked(SOURCE, answer, "change the lighting")
    assert {c.path for n, c in enumerate(diff(SOURCE, answer)) if n in numbers} == {
        "lighting.conditions",
        "lighting.shadows",
    }


@pytest.mark.parametrize("instruction", ["mach es freundlicher", "surprise me", "", "!"])
def test_where_the_words_tell_nothing_every_change_counts_as_asked(instruction: str) -> None:
    """Better than painting the same picture again."""
    answer = SOURCE.set("lighting.shadows", "long").set("style_medium", "oil painting")
    assert len(asked(SOURCE, answer, instruction)) == 2


def test_a_wish_that_is_fulfilled_already_asks_for_changes_of_its_thing_alone() -> None:
    """The ball is red; what the writer changes besides is offered, not taken for what was asked."""
    answer = SOURCE.set("objects[0].location", "bottom left").set("lighting.shadows", "long")
    changes = diff(SOURCE, answer)
    assert [changes[number].path for number in asked(SOURCE, answer, "make the ball red")] == ["objects[0].location"]


def test_an_answer_without_changes_has_none_that_were_asked_for() -> None:
    assert asked(SOURCE, SOURCE, "make the ball green") == frozenset()


@few
@given(prompts(), prompts(), st.text(max_size=30))
def test_any_instruction_asks_for_some_of_the_changes(
    source: StructuredPrompt, answer: StructuredPrompt, instruction: str
) -> None:
    numbers = asked(source, answer, instruction)
    count = len(diff(source, answer))
    assert numbers <= set(range(count))
    assert bool(numbers) == bool(count)


# The review.


GREEN = "round, green"
ANSWER = (
    SOURCE.set("objects[0].shape_and_color", GREEN).set("lighting.shadows", "long").set("style_medium", "oil painting")
)
WISH = "make the ball green"


def test_an_answer_is_narrowed_to_what_was_asked_and_the_rest_is_kept_as_an_offer() -> None:
    written = reviewed(SOURCE, WrittenPrompt(ANSWER, "gemini"), WISH, locked=["lighting"], narrow=True)
    assert [change.path for change in diff(SOURCE, written.prompt)] == ["objects[0].shape_and_color"]
    assert written.offered is not None
    assert [change.path for change in diff(written.prompt, written.offered)] == ["style_medium"]
    assert written.notes == ("The writer changed 1 locked field: it is put back as it was.",)
    whole = reviewed(SOURCE, WrittenPrompt(ANSWER, "gemini"), WISH, locked=[], narrow=False)
    assert (whole.prompt, whole.offered) == (ANSWER, None)


def test_a_summary_that_speaks_of_what_is_only_offered_is_named() -> None:
    """It is taken for its green ball, and would bring the meadow into the picture as well."""
    source = SOURCE.set("short_description", "a red ball").set("background_setting", "a plain wall")
    plain = source.set("short_description", "a green ball").set("objects[0].shape_and_color", GREEN)
    meadow = plain.set("background_setting", "a golden meadow")
    told = [
        reviewed(source, WrittenPrompt(answer), WISH, locked=[], narrow=True).notes
        for answer in (plain, meadow, meadow.set("short_description", "a green ball in a meadow"))
    ]
    assert told == [(), (), ("short_description also speaks of what was not asked for: have a look.",)]


def test_a_summary_of_what_a_lock_put_back_is_put_back_too() -> None:
    """Else the picture would follow the summary, and the locked ball be green after all; the note says why."""
    source = SOURCE.set("short_description", "a red ball")
    answer = source.set("short_description", "a green ball").set("objects[0].shape_and_color", GREEN)
    written = reviewed(source, WrittenPrompt(answer), WISH, locked=["objects[0]"], narrow=True)
    assert diff(source, written.prompt) == ()
    assert written.offered is None
    assert written.notes == ("You keep object 1 (a red ball) as it is. Unlock it to change it.",)


def test_locks_that_leave_nothing_of_what_was_asked_are_named_together() -> None:
    answer = SOURCE.set("objects[0].shape_and_color", GREEN).set("lighting.shadows", "green")
    written = reviewed(
        SOURCE,
        WrittenPrompt(answer),
        "make the ball and the shadows green",
        locked=["objects[0]", "lighting"],
        narrow=True,
    )
    assert written.notes == ("You keep object 1 (a red ball) and lighting as they are. Unlock them to change them.",)


def test_a_summary_that_speaks_of_what_a_lock_put_back_and_of_more_is_named_with_the_reason() -> None:
    source = SOURCE.set("short_description", "a red ball")
    answer = (
        source.set("short_description", "a green ball on a golden wall")
        .set("objects[0].shape_and_color", GREEN)
        .set("background_setting", "a golden wall")
    )
    written = reviewed(source, WrittenPrompt(answer), "make the wall golden", locked=["objects[0]"], narrow=False)
    assert written.prompt.get("short_description") == "a green ball on a golden wall"
    assert written.notes[1:] == ("short_description also speaks of what was put back: have a look.",)


def test_a_locked_place_holds_where_only_some_of_the_changes_are_taken() -> None:
    """A new object moves those behind it, where the removal that made room for it was not asked for."""
    ball, cube, tree = (
        {"description": name, "location": place, "relationship": "alone"}
        for name, place in (("a red ball", "left"), ("a blue cube", "right"), ("an old tree", "centre"))
    )
    source = StructuredPrompt.from_dict({"objects": [ball, cube, tree]})
    new = [
        ball,
        {**ball, "description": "a green ball"},
        {**cube, "description": "a dog"},
        {**ball, "location": "centre"},
    ]
    written = WrittenPrompt(StructuredPrompt.from_dict({"objects": new}))
    narrowed = reviewed(source, written, "add a red ball in the centre", locked=["objects[2].description"], narrow=True)
    assert diff(source, narrowed.prompt)
    assert narrowed.prompt.get("objects[2].description") == "an old tree"


def test_rows_are_ticked_where_the_draft_has_them() -> None:
    seen = review(SOURCE, only_asked(SOURCE, ANSWER, WISH), ANSWER, WISH)
    assert [(row.change.path, row.origin, row.taken) for row in seen.rows] == [
        ("objects[0].shape_and_color", "asked", True),
        ("lighting.shadows", "offered", False),
        ("style_medium", "offered", False),
    ]
    assert (seen.count("asked"), seen.count("offered"), seen.count("you")) == (1, 2, 0)


def test_ticking_a_row_keeps_what_was_typed_by_hand() -> None:
    """An edit in the JSON, an offer taken, another left: each changes its own place."""
    draft = only_asked(SOURCE, ANSWER, WISH).set("objects[1].texture", "glittering")
    seen = review(SOURCE, draft, ANSWER, WISH)
    assert [(row.change.path, row.origin) for row in seen.rows if row.origin == "you"] == [
        ("objects[1].texture", "you")
    ]
    offer = next(row for row in seen.rows if row.change.path == "lighting.shadows")
    draft = seen.taking([offer.id])
    assert draft.get("lighting.shadows") == "long"
    assert draft.get("objects[1].texture") == "glittering"
    seen = review(SOURCE, draft, ANSWER, WISH)
    wish = next(row for row in seen.rows if row.origin == "asked")
    draft = seen.leaving([wish.id])
    assert draft.get("objects[0].shape_and_color") == "round, red"
    assert draft.get("objects[1].texture") == "glittering"
    assert draft.get("lighting.shadows") == "long"


def test_a_place_rewritten_by_hand_is_the_users_until_they_take_it_back() -> None:
    draft = ANSWER.set("lighting.shadows", "none")
    seen = review(SOURCE, draft, ANSWER, WISH)
    (own,) = [row for row in seen.rows if row.change.path == "lighting.shadows"]
    assert (own.origin, own.change.after) == ("you", "none")
    seen = review(SOURCE, seen.leaving([own.id]), ANSWER, WISH)
    (offer,) = [row for row in seen.rows if row.change.path == "lighting.shadows"]
    assert (offer.origin, offer.taken, offer.change.after) == ("offered", False, "long")


def test_of_two_removed_objects_one_can_be_left_and_taken_later() -> None:
    """Positions move when the first is gone; the second is still offered."""
    answer = prompt(TREE, lighting=LIGHT, style_medium="photograph")
    first, second = review(SOURCE, SOURCE, answer, WISH).rows
    draft = review(SOURCE, SOURCE, answer, WISH).taking([first.id])
    assert objects(draft) == [STAR, TREE]
    seen = review(SOURCE, draft, answer, WISH)
    assert [row.taken for row in seen.rows] == [True, False]
    assert objects(seen.taking([second.id])) == [TREE]


def test_what_the_user_had_changed_before_is_not_taken_for_the_writers() -> None:
    base = SOURCE.set("style_medium", "pencil sketch")
    answer = base.set("objects[0].shape_and_color", GREEN)
    seen = review(SOURCE, answer, answer, WISH, base)
    assert {(row.change.path, row.origin) for row in seen.rows} == {
        ("objects[0].shape_and_color", "asked"),
        ("style_medium", "you"),
    }


def test_without_a_writer_every_change_is_the_users() -> None:
    seen = review(SOURCE, SOURCE.set("context", "a poster").without("objects[0]"))
    assert [row.origin for row in seen.rows] == ["you", "you"]
    assert seen.kept() == len(list(leaves(SOURCE.document))) - len(BALL)


@few
@given(prompts(), prompts(), prompts())
def test_every_row_can_be_turned_over(
    source: StructuredPrompt, answer: StructuredPrompt, draft: StructuredPrompt
) -> None:
    """Whatever the three prompts are: taking a row adds it to what the draft has, leaving it takes it out."""
    seen = review(source, draft, answer, "make it nice")
    for row in seen.rows:
        turned = seen.leaving([row.id]) if row.taken else seen.taking([row.id])
        assert sorted_json(turned.document) != sorted_json(draft.document)
    assert sum(row.taken for row in seen.rows) == len(diff(source, draft))
