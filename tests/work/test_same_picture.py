"""The very picture of an order that is in the queue, being painted or stored already is known before it is painted
once more."""

from dataclasses import replace

from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.orders import Order, order_from_json, order_to_json
from fibo_core.writers import WrittenPrompt
from tests.work.desks import Pause, Studio

WRITTEN = WrittenPrompt(
    StructuredPrompt.from_dict({"short_description": "a red ball", "lighting": {"conditions": "day"}})
)
SMALL = Order(kind="generate", words="a red ball", size=(64, 64), steps=1, seed=7)


def test_an_order_that_waits_or_is_painted_is_known_by_its_prompt_seed_and_settings(studio: Studio) -> None:
    order = replace(SMALL, written=WRITTEN)
    pause = studio.at = Pause("painting")
    assert studio.desk.being_painted(order) is None
    running = studio.desk.place(order)
    assert pause.reached.wait(60)
    waiting = studio.desk.place(replace(order, seed=20, count=2))
    studio.desk.place(replace(order, seed=30, count=2, together=True))  # whose pixels may be others by a little
    assert found(studio, order) == running.id
    assert found(studio, replace(order, seed=21)) == waiting.id
    others = (
        replace(order, seed=8),
        replace(order, seed=None),
        replace(order, seed=30),
        replace(order, steps=2),
        replace(order, written=WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a blue ball"}))),
    )
    assert [found(studio, other) for other in others] == [None] * len(others)
    pause.go_on.set()
    assert studio.desk.wait(waiting.id, 60).state == studio.desk.wait(running.id, 60).state == "done"
    assert found(studio, order) is None
    assert studio.desk.painted_already(order) is not None


def test_the_same_words_with_the_same_seed_are_the_same_order_before_their_prompt_is_written(studio: Studio) -> None:
    pause = studio.at = Pause("writing")
    first = studio.desk.place(SMALL)
    assert pause.reached.wait(60)
    assert found(studio, SMALL) == first.id
    assert found(studio, replace(SMALL, collection="balls")) == first.id
    assert found(studio, replace(SMALL, words="a blue ball")) is None
    assert found(studio, replace(SMALL, writer="offline")) is None
    pause.go_on.set()
    assert studio.desk.wait(first.id, 60).state == "done"


def test_a_grid_takes_the_picture_that_is_stored_already_and_paints_the_others(studio: Studio) -> None:
    """No second file of it; it stays a picture of the batch that painted it. One whose file is gone is painted."""
    (day,) = studio.desk.wait(studio.desk.place(first := replace(SMALL, written=WRITTEN)).id, 60).generation_ids
    order = replace(first, axes=(axis("lighting.conditions", "day|night"),), reuse=True)
    assert order_from_json(order_to_json(order)) == order
    grid = studio.desk.wait(studio.desk.place(order).id, 60)
    assert (grid.state, grid.generation_ids[0], studio.pictures()) == ("done", day, 2)
    of_day = studio.desk.batch_of_picture(day)
    assert of_day is not None
    assert of_day.id != grid.id
    studio.tools.history.image_file(day).unlink()
    again = studio.desk.wait(studio.desk.place(order).id, 60)
    assert again.state == "done"
    assert again.generation_ids[0] != day
    assert again.generation_ids[1] == grid.generation_ids[1]


def found(studio: Studio, order: Order) -> str | None:
    batch = studio.desk.being_painted(order)
    return None if batch is None else batch.id
