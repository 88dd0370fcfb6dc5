"""Grids that grow, with the real pipeline on mini: only the new cells are painted, from the prompt there is."""

import threading
from dataclasses import replace

import pytest

from fibo_core.errors import BatchNotFound, InputError, JobError, QueueFull, WriterAnswerError
from fibo_core.prompts.axes import AxisError, axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.batch_store import BatchStore
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt
from tests.work.desks import Pause, Studio, places, states

LIGHT, CAMERA = "lighting.conditions", "photographic_characteristics.camera_angle"
ORDER = Order(
    kind="generate", words="a red ball", size=(64, 64), steps=1,
    axes=(axis(LIGHT, "day|night"), axis(CAMERA, "low angle|high angle")),
)  # fmt: skip
WRITTEN = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))


def lights(studio: Studio, ids: tuple[str, ...]) -> list[str]:
    return [studio.tools.history.get(id).request.prompt.get("lighting")["conditions"] for id in ids]


def test_a_grid_grows_by_what_is_new_with_the_same_seed_and_the_prompt_it_was_painted_from(studio: Studio) -> None:
    """The seed was drawn and the prompt written once; four pictures stay, two come, in the order of the grid."""
    batch = studio.desk.wait(studio.desk.place(ORDER).id, 60)
    seed = batch.cells[0].seed
    grown = studio.desk.extend(batch.id, LIGHT, "dusk")
    assert (grown.id, grown.ended, grown.pictures) == (batch.id, False, 6)
    assert grown.order.axes[0].values == ("day", "night", "dusk")
    assert states(grown)[:4] == ["done"] * 4
    grown = studio.desk.wait(batch.id, 60)
    assert (grown.state, grown.generation_ids[:4]) == ("done", batch.generation_ids)
    assert (studio.scribe.asked, studio.pictures()) == (1, 6)
    assert [cell.place[LIGHT] for cell in grown.cells] == lights(studio, grown.generation_ids)
    assert {cell.seed for cell in grown.cells} == {seed}
    old, new = (studio.tools.history.get(grown.generation_ids[number]).prompt for number in (0, 4))
    assert new.set(LIGHT, "day") == old


def test_an_axis_in_the_middle_of_the_grid_grows_in_its_place(studio: Studio) -> None:
    """And may grow again; seeds of a batch with several a place are all painted."""
    order = replace(ORDER, axes=(*ORDER.axes[:1], axis("steps", "1")), steps=None, count=2, seed=7)
    batch = studio.desk.wait(studio.desk.place(order).id, 60)
    studio.desk.extend(batch.id, "steps", [2])
    grown = studio.desk.wait(studio.desk.extend(batch.id, "steps", [3]).id, 60)
    assert places(grown) == [
        ({LIGHT: light, "steps": steps}, seed) for light in ("day", "night") for steps in (1, 2, 3) for seed in (7, 8)
    ]
    assert (grown.state, studio.scribe.asked, studio.pictures()) == ("done", 1, 12)


def test_more_seeds_come_to_an_axis_of_seeds(studio: Studio) -> None:
    """Though they share the settings, and so the job, of those that are painted."""
    batch = studio.desk.wait(studio.desk.place(replace(ORDER, axes=(axis("seed", "3|9"),))).id, 60)
    grown = studio.desk.wait(studio.desk.extend(batch.id, "seed", "4..5").id, 60)
    assert studio.seeds(grown) == [3, 9, 4, 5]
    assert (studio.pictures(), studio.scribe.asked) == (4, 1)


def test_a_new_writer_is_asked_and_the_others_are_not_asked_again(studio: Studio) -> None:
    order = replace(ORDER, axes=(axis("writer", "offline"), axis("steps", "1|2")), steps=None)
    batch = studio.desk.wait(studio.desk.place(order).id, 60)
    grown = studio.desk.wait(studio.desk.extend(batch.id, "writer", "busy").id, 60)
    assert (grown.state, grown.pictures, studio.scribe.asked, studio.busy.asked) == ("done", 4, 1, 1)


def test_a_grid_of_prompts_alone_grows_by_a_writer(studio: Studio) -> None:
    batch = studio.desk.wait(studio.desk.place(replace(ORDER, axes=(axis("writer", "offline"),), paint=False)).id, 60)
    grown = studio.desk.wait(studio.desk.extend(batch.id, "writer", "busy").id, 60)
    assert [job.written is not None for job in grown.jobs] == [True, True]
    assert (studio.busy.asked, studio.pictures()) == (1, 0)


def test_a_grid_may_grow_while_its_prompt_is_still_being_written(studio: Studio) -> None:
    """What comes waits for the same prompt."""
    pause = studio.at = Pause("writing")
    batch = studio.desk.place(ORDER)
    assert pause.reached.wait(60)
    studio.desk.extend(batch.id, LIGHT, "dusk|dawn")
    pause.go_on.set()
    grown = studio.desk.wait(batch.id, 60)
    assert (grown.state, grown.pictures, studio.scribe.asked) == ("done", 8, 1)
    assert set(lights(studio, grown.generation_ids)) == {"day", "night", "dusk", "dawn"}


def test_what_a_grid_has_grown_by_is_painted_after_a_restart(idle: Studio) -> None:
    """It was written down whole: another process finds the cells, and its worker paints them."""
    order = replace(ORDER, written=WRITTEN)
    batch = idle.desk.place(order)
    idle.desk.extend(batch.id, LIGHT, "dusk")
    afterwards = idle.another_desk()
    assert afterwards.get(batch.id).order.axes[0].values == ("day", "night", "dusk")
    idle.queue.start()
    assert afterwards.wait(batch.id, 60).state == "done"
    assert idle.pictures() == 6


def test_a_cancelled_grid_grows_by_its_new_cells_alone_and_the_rest_can_be_tried_again(studio: Studio) -> None:
    pause = studio.at = Pause("painting", nth=2)
    batch = studio.desk.place(ORDER)
    assert pause.reached.wait(60)
    studio.desk.cancel(batch.id)
    assert states(studio.desk.wait(batch.id, 60)) == ["done", "cancelled", "cancelled", "cancelled"]
    grown = studio.desk.wait(studio.desk.extend(batch.id, LIGHT, "dusk").id, 60)
    assert states(grown) == ["done", "cancelled", "cancelled", "cancelled", "done", "done"]
    whole = studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    assert (whole.state, studio.pictures(), studio.scribe.asked) == ("done", 6, 1)
    assert [cell.place[LIGHT] for cell in whole.cells] == lights(studio, whole.generation_ids)


def test_the_new_cells_can_be_cancelled_and_those_before_stay(studio: Studio) -> None:
    batch = studio.desk.wait(studio.desk.place(ORDER).id, 60)
    pause = studio.at = Pause("painting")
    studio.desk.extend(batch.id, LIGHT, "dusk")
    assert pause.reached.wait(60)
    studio.desk.cancel(batch.id)
    assert states(studio.desk.wait(batch.id, 60)) == ["done"] * 4 + ["cancelled"] * 2


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("seed", "1..4", "seed does not vary in this batch; lighting.conditions, photographic_characteristics"),
        (" ", "1..4", "No axis is named; lighting.conditions, photographic_characteristics"),
        (LIGHT, "night|dusk", 'lighting.conditions has the value "night" more than once. Leave it once.'),
        (LIGHT, "", "A value of lighting.conditions is empty"),
        (LIGHT, [f"light {number}" for number in range(40)], "The order makes 84 pictures, and more than 64 must be"),
    ],
)
def test_what_cannot_come_to_a_grid_is_said_in_a_sentence_and_leaves_it_as_it_is(
    idle: Studio, name: str, values: str, sentence: str
) -> None:
    batch = idle.desk.place(ORDER)
    rows = idle.rows()
    with pytest.raises(InputError, match=sentence):
        idle.desk.extend(batch.id, name, values)
    assert (idle.rows(), idle.desk.get(batch.id).order) == (rows, ORDER)


def test_more_than_a_few_are_taken_where_they_are_confirmed(idle: Studio) -> None:
    batch = idle.desk.place(ORDER)
    values = [f"light {number}" for number in range(40)]
    assert idle.desk.estimate_extension(batch.id, LIGHT, values, confirmed=True).pictures == 80
    assert idle.desk.extend(batch.id, LIGHT, values, confirmed=True).pictures == 84


def test_what_the_queue_does_not_take_leaves_the_grid_as_it_was(idle: Studio) -> None:
    """Its order too: all or none."""
    batch = idle.desk.place(ORDER)
    rows = idle.rows()
    with pytest.raises(QueueFull):
        idle.another_desk(max_queued=5).extend(batch.id, LIGHT, "dusk")
    assert (idle.rows(), idle.desk.get(batch.id).order) == (rows, ORDER)


def test_a_grid_whose_prompt_was_never_written_says_so(studio: Studio) -> None:
    studio.scribe.fails = WriterAnswerError("It answered no JSON.", "Sure!")
    batch = studio.desk.wait(studio.desk.place(replace(ORDER, writer="offline")).id, 60)
    with pytest.raises(JobError, match=r"was not written\. Try the batch again first, then extend it\.$"):
        studio.desk.extend(batch.id, LIGHT, "dusk")


def test_of_several_who_extend_a_grid_at_once_each_is_told_whether_it_was(idle: Studio) -> None:
    """Two pages with the same button: the value comes once, and whoever was too late hears it."""
    batch = idle.desk.place(ORDER)
    together, answers = threading.Barrier(4), []

    def press() -> None:
        together.wait()
        try:
            answers.append(idle.desk.extend(batch.id, LIGHT, "dusk").pictures)
        except (JobError, AxisError) as exc:
            answers.append(str(exc))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(6) == 1
    assert {answer for answer in answers if answer != 6} <= {
        "The batch was extended by somebody else just now. Look at it again, then extend it.",
        'lighting.conditions has the value "dusk" more than once. Leave it once.',
    }
    assert idle.desk.get(batch.id).pictures == 6


def test_a_grid_seen_before_somebody_else_extended_it_is_not_overwritten(idle: Studio) -> None:
    """The longer order is written only over the one that it was made from."""
    batch, store = idle.desk.place(ORDER), BatchStore(idle.database)
    row = store.get(batch.id)
    idle.desk.extend(batch.id, LIGHT, "dusk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchStore, "get", lambda self, id: row)
        with pytest.raises(JobError, match="extended by somebody else"):
            idle.desk.extend(batch.id, LIGHT, "dawn")
    assert idle.desk.get(batch.id).order.axes[0].values == ("day", "night", "dusk")


def test_nothing_comes_to_a_batch_that_is_not_there(idle: Studio) -> None:
    with pytest.raises(BatchNotFound):
        idle.desk.extend("01NONE", LIGHT, "dusk")


def test_how_many_pictures_and_how_long_is_told_before_an_order_is_placed(idle: Studio) -> None:
    """Of a model that has painted here before; of one that has not, the count alone. Nothing is queued by it."""
    idle.queue.start()
    assert idle.desk.estimate(ORDER).painting_s is None
    assert (idle.desk.estimate(ORDER).pictures, idle.rows()) == (4, [0, 0, 0])
    first = idle.desk.wait(idle.desk.place(replace(ORDER, axes=(), written=WRITTEN)).id, 60)
    took_s = idle.tools.history.get(first.generation_ids[0]).duration_s
    steps = replace(ORDER, steps=None, axes=(axis("steps", "1|3"), axis("seed", "1..2")))
    estimate = idle.desk.estimate(steps)
    assert estimate.pictures == 4
    assert estimate.painting_s == pytest.approx(took_s * 2 * (1 + 3))
    batch = idle.desk.wait(idle.desk.place(steps).id, 60)
    more = idle.desk.estimate_extension(batch.id, "steps", [10])
    assert more.pictures == 2
    assert more.painting_s == pytest.approx(idle.tools.history.pace("mini") * 64 * 64 * 10 * 2)


def test_what_could_not_be_placed_has_no_estimate(idle: Studio) -> None:
    with pytest.raises(AxisError, match="80 pictures, and more than 64 must be confirmed"):
        idle.desk.estimate(replace(ORDER, axes=(axis("seed", "1..80"),)))


def test_the_batch_of_a_stored_picture_is_found_by_its_id(studio: Studio) -> None:
    """None for a picture that no batch has painted."""
    batch = studio.desk.wait(studio.desk.place(ORDER).id, 60)
    other = studio.desk.wait(studio.desk.place(replace(ORDER, axes=(), written=WRITTEN)).id, 60)
    found = studio.desk.batch_of_picture(batch.generation_ids[2])
    assert found is not None
    assert found.id == batch.id
    assert studio.desk.batch_of_picture(other.generation_ids[0]) == other
    assert studio.desk.batch_of_picture("01NONE") is None
    assert studio.desk.batch_of_picture("%") is None
