"""The desk, with the real pipeline on mini: orders taken whole or not at all, and batches that survive what befalls
them."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import (
    BatchDamaged,
    BatchNotFound,
    EngineError,
    FiboError,
    InputError,
    JobError,
    JobNotFound,
    ModelMissing,
    PictureError,
    QueueFull,
    WriterAnswerError,
    WriterUnavailable,
)
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.batch_store import BatchStore
from fibo_core.store.database import Database
from fibo_core.store.job_store import JobStore
from fibo_core.work import jobs as jobs_module
from fibo_core.work.desk import Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.orders import Order
from fibo_core.work.tasks import GenerateTask, Painting, Task
from fibo_core.writers import WrittenPrompt
from tests.work.desks import Pause, Studio, places, states
from tests.work.submitting import submit_all

WRITTEN = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
SMALL = Order(kind="generate", words="a red ball", size=(64, 64), steps=1, seed=7)
#: Two settings with two seeds each, all from one prompt: a job that writes and two that paint.
GRID = replace(SMALL, steps=None, axes=(axis("steps", "1|2"),), count=2)
PLACES = [({"steps": steps}, seed) for steps in (1, 2) for seed in (7, 8)]


def test_an_order_becomes_a_picture_for_each_place_of_its_grid_from_one_prompt(studio: Studio) -> None:
    """The writer is asked once; each picture has the values of its cell."""
    light = axis("lighting.conditions", "day|night")
    batch = studio.desk.place(replace(SMALL, axes=(light, axis("seed", "3|9"))), owner="ada")
    assert (batch.owner, batch.kind, batch.title, batch.pictures, len(batch.jobs)) == (
        "ada", "generate", "a red ball", 4, 3,
    )  # fmt: skip
    batch = studio.desk.wait(batch.id, 60)
    assert (batch.state, batch.fraction, studio.scribe.asked) == ("done", 1.0, 1)
    for cell in batch.cells:
        assert cell.generation_id is not None
        request = studio.tools.history.get(cell.generation_id).request
        assert request.prompt.get("lighting")["conditions"] == cell.place["lighting.conditions"]
        assert request.seed == cell.place["seed"] == cell.seed
    day, day_too, night, _ = (studio.tools.history.get(id).prompt for id in batch.generation_ids)
    assert day == day_too != night
    assert studio.desk.batch_of(batch.jobs[0].id) == batch.id
    assert studio.desk.active() == []
    assert [each.id for each in studio.desk.recent()] == [batch.id]


def test_an_order_without_painting_ends_with_its_prompts(studio: Studio) -> None:
    """One for each writer, with a cell each, and no picture."""
    order = Order(
        kind="generate", words="a red ball", model="fibo", paint=False, axes=(axis("writer", "offline|busy"),)
    )
    batch = studio.desk.wait(studio.desk.place(order).id, 60)
    assert (batch.state, batch.pictures, batch.fraction, states(batch)) == ("done", 0, 0.0, ["done", "done"])
    assert [cell.job.written is not None for cell in batch.cells] == [True, True]
    assert studio.pictures() == 0


def test_an_order_that_does_not_fit_leaves_nothing_behind(idle: Studio) -> None:
    """Its writing counts too: four pictures and a prompt are five."""
    with pytest.raises(QueueFull, match="the queue takes 4: 5 more do not fit"):
        idle.another_desk(max_queued=4).place(GRID)
    assert idle.rows() == [0, 0, 0]
    idle.another_desk(max_queued=5).place(GRID)
    assert idle.rows() == [1, 4, 3]


def test_an_order_whose_cells_cannot_be_written_leaves_no_job_behind(idle: Studio) -> None:
    """The last of its rows fails: none of them is there."""
    idle.execute("CREATE TRIGGER broken BEFORE INSERT ON cell BEGIN SELECT RAISE(FAIL, 'no more'); END")
    with pytest.raises(Exception, match="no more"):
        idle.desk.place(GRID)
    assert idle.rows() == [0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"model": "fibo"}, ModelMissing, "FIBO"),
        ({"axes": (axis("model", "mini|fibo"),)}, ModelMissing, "FIBO"),
        ({"writer": "shakespeare"}, InputError, "no prompt writer called 'shakespeare'. Choose auto, offline, busy"),
        ({"axes": (axis("writer", "offline|nobody"),)}, InputError, "no prompt writer called 'nobody'"),
        ({"kind": "inspire", "pictures": ("inputs/gone.png",)}, PictureError, "not there any more"),
    ],
)
def test_what_is_not_here_is_said_when_the_order_is_placed(
    idle: Studio, changes: dict[str, Any], error: type[FiboError], sentence: str
) -> None:
    """And nothing is queued that could only fail."""
    with pytest.raises(error, match=sentence):
        idle.desk.place(replace(SMALL, **changes))
    assert idle.rows() == [0, 0, 0]


def test_a_batch_is_seen_whole_from_another_process_while_it_is_painted(studio: Studio) -> None:
    """Only steps and previews are the queue's own."""
    pause = studio.at = Pause("painting", nth=2)
    batch = studio.desk.place(GRID)
    assert pause.reached.wait(60)
    database = Database(studio.path)
    elsewhere = Desk(
        BatchStore(database),
        JobQueue(JobStore(database), print, lock_file=studio.path, max_workers=1, timeout_s=1),
        studio.tools,
        max_queued=1,
    )
    seen = elsewhere.get(batch.id)
    assert places(seen) == PLACES
    assert states(seen) == ["done", "running", "queued", "queued"]
    assert (seen.state, seen.order, seen.generation_ids) == (
        "running", GRID, studio.desk.get(batch.id).generation_ids,
    )  # fmt: skip
    assert [each.id for each in elsewhere.active()] == [batch.id]
    pause.go_on.set()
    assert studio.desk.wait(batch.id, 60).state == "done"
    assert states(elsewhere.get(batch.id)) == ["done"] * 4
    database.close()


@pytest.mark.parametrize(
    ("moment", "nth", "kept"), [("writing", 1, 0), ("painting", 1, 0), ("stored", 1, 1), ("painting", 3, 2)]
)
def test_a_batch_cancelled_at_any_moment_keeps_what_is_painted_and_can_be_finished_later(
    studio: Studio, moment: str, nth: int, kept: int
) -> None:
    """While it is written, in its first picture, between two, between two jobs. The order behind it goes on."""
    pause = studio.at = Pause(moment, nth)
    batch, behind = studio.desk.place(GRID), studio.desk.place(replace(SMALL, written=WRITTEN))
    assert pause.reached.wait(60)
    studio.desk.cancel(batch.id)
    batch = studio.desk.wait(batch.id, 60)
    assert (batch.state, states(batch)) == ("cancelled", ["done"] * kept + ["cancelled"] * (4 - kept))
    assert studio.desk.wait(behind.id, 60).state == "done"
    assert studio.pictures() == kept + 1

    again = studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    assert (again.state, again.retryable, places(again)) == ("done", False, PLACES)
    assert studio.seeds(again) == [7, 8, 7, 8]
    assert again.generation_ids[:kept] == batch.generation_ids
    assert studio.pictures() == 5
    assert studio.scribe.asked == 1  # cancelled before the writer answered, it is asked again; else it never is


def test_a_batch_cancelled_before_it_began_is_ended_at_once(idle: Studio) -> None:
    """No worker has to come by for that, and none takes it up later."""
    batch = idle.desk.cancel(idle.desk.place(GRID).id)
    assert (batch.ended, batch.state) == (True, "cancelled")
    idle.queue.start()
    after = idle.desk.wait(idle.desk.place(replace(SMALL, written=WRITTEN)).id, 60)
    assert (after.state, idle.pictures(), idle.scribe.asked) == ("done", 1, 0)


def test_a_prompt_that_was_not_written_ends_all_that_waited_for_it(studio: Studio) -> None:
    """With the writer's own sentence; tried again, all of it is painted, and what was asked stays in its place."""
    studio.scribe.fails = WriterAnswerError("It answered no JSON.", "Sure!")
    order = replace(GRID, writer="offline")
    batch = studio.desk.wait(studio.desk.place(order).id, 60)
    assert (batch.state, states(batch), studio.pictures()) == ("failed", ["failed"] * 4, 0)
    assert {(job.error, job.error_kind) for job in batch.jobs} == {("It answered no JSON.", "WriterAnswerError")}
    assert [job.answer for job in batch.unfinished if job.answer] == ["Sure!"]
    assert studio.queue.counts() == {"queued": 0, "running": 0}

    studio.scribe.fails = None
    again = studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    assert (again.state, places(again), studio.seeds(again)) == ("done", PLACES, [7, 8, 7, 8])
    assert studio.scribe.asked == 2


def test_a_failed_batch_can_be_tried_again_with_another_writer(studio: Studio) -> None:
    studio.busy.fails = WriterUnavailable("It is closed today.")
    batch = studio.desk.wait(studio.desk.place(replace(GRID, writer="busy")).id, 60)
    assert batch.state == "failed"
    assert studio.desk.wait(studio.desk.retry(batch.id, writer="offline").id, 60).state == "done"
    assert (studio.busy.asked, studio.scribe.asked) == (1, 1)


def test_a_batch_that_waits_for_its_writer_can_be_sent_to_another_one(studio: Studio) -> None:
    """The jobs that wait for the prompt stay as they are, and are painted from the other one's."""
    studio.busy.fails = WriterUnavailable("It is over its quota.", 600.0)
    batch = studio.desk.place(replace(GRID, writer="busy"))
    until = time.monotonic() + 30
    while (batch := studio.desk.get(batch.id)).state != "waiting":
        assert time.monotonic() < until, batch.state
        time.sleep(0.02)
    studio.desk.ask_instead(batch.id, "offline")
    batch = studio.desk.wait(batch.id, 60)
    assert (batch.state, places(batch)) == ("done", PLACES)


def test_a_place_that_the_written_prompt_lacks_ends_the_order_before_anything_is_painted(studio: Studio) -> None:
    """Nobody waits for the first pictures to learn that the last cannot be."""
    axes = (axis("steps", "1|2"), axis("objects[9].texture", "rough|smooth"))
    batch = studio.desk.wait(studio.desk.place(replace(GRID, axes=axes)).id, 60)
    assert (batch.state, set(states(batch)), studio.pictures()) == ("failed", {"failed"}, 0)
    assert "objects[9].texture is not in the prompt" in (batch.current.error or "")


def test_half_a_batch_is_finished_without_painting_anything_twice(studio: Studio) -> None:
    """It is done then, and not tried again any more, though one of its jobs once failed."""

    def break_at_the_third(moment: str, task: Task, cancel: CancelFlag) -> None:
        if moment == "painting" and studio.pictures() == 2:
            raise EngineError("The brush broke.")

    studio.at = break_at_the_third
    order = replace(SMALL, count=4)
    batch = studio.desk.wait(studio.desk.place(order).id, 60)
    assert (states(batch), batch.current.error) == (["done", "done", "failed", "failed"], "The brush broke.")
    studio.at = lambda *_: None
    again = studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    assert (again.state, again.ended, again.retryable, again.unfinished) == ("done", True, False, ())
    assert (studio.seeds(again), places(again)) == ([7, 8, 9, 10], [({}, seed) for seed in (7, 8, 9, 10)])
    assert again.generation_ids[:2] == batch.generation_ids
    assert (studio.pictures(), studio.scribe.asked) == (4, 1)
    with pytest.raises(JobError, match=r"^The batch is done: there is nothing to try again\.$"):
        studio.desk.retry(batch.id)


def test_a_batch_that_several_try_again_at_once_is_tried_again_once(studio: Studio) -> None:
    """Two pages with the same button: the second press says so, and nothing is painted twice."""
    studio.scribe.fails = EngineError("The ink is dry.")
    batch = studio.desk.wait(studio.desk.place(replace(GRID, writer="offline")).id, 60)
    studio.scribe.fails = None
    both, answers = threading.Barrier(4), []

    def press() -> None:
        both.wait()
        try:
            answers.append(studio.desk.retry(batch.id).id)
        except JobError as exc:
            answers.append(str(exc))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(batch.id) == 1
    assert studio.desk.wait(batch.id, 60).state == "done"
    until = time.monotonic() + 30
    while studio.queue.busy():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert studio.pictures() == 4


def test_what_is_tried_again_from_what_somebody_saw_before_is_refused(studio: Studio) -> None:
    """The cells have been taken over meanwhile: nothing is queued."""
    studio.scribe.fails = EngineError("The ink is dry.")
    batch = studio.desk.wait(studio.desk.place(replace(SMALL, writer="offline")).id, 60)
    studio.scribe.fails = None
    studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio.desk, "get", lambda _: batch)
        with pytest.raises(JobError, match=r"^The batch is being tried again already\.$"):
            studio.desk.retry(batch.id)
    assert studio.rows() == [1, 1, 2]


def test_a_cell_that_fails_leaves_the_others(studio: Studio) -> None:
    """The batch has failed, the picture of the other cell is there, and only the failed one is tried again."""

    def break_in_one_step(moment: str, task: Task, cancel: CancelFlag) -> None:
        if moment == "painting" and task.painting.settings.num_inference_steps == 1:
            raise EngineError("The brush broke.")

    studio.at = break_in_one_step
    batch = studio.desk.wait(studio.desk.place(replace(GRID, count=1)).id, 60)
    assert (batch.state, states(batch)) == ("failed", ["failed", "done"])
    assert (batch.current.error, [job.error for job in batch.unfinished]) == ("The brush broke.", ["The brush broke."])
    studio.at = lambda *_: None
    again = studio.desk.wait(studio.desk.retry(batch.id).id, 60)
    assert (states(again), again.generation_ids[1:]) == (["done", "done"], batch.generation_ids)
    assert (studio.pictures(), studio.scribe.asked) == (2, 1)


def test_orders_placed_by_many_at_once_are_each_painted_once(studio: Studio) -> None:
    """Sixty from eight threads: none is lost, none is painted twice."""
    together, placed = threading.Barrier(8), []

    def place(seeds: range) -> None:
        together.wait()
        for seed in seeds:
            placed.append((seed, studio.desk.place(replace(SMALL, words=f"ball {seed}", seed=seed)).id))

    threads = [threading.Thread(target=place, args=(range(first, 60, 8),)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seed for seed, _ in placed) == list(range(60))
    for seed, id in placed:
        assert studio.seeds(studio.desk.wait(id, 120)) == [seed]
    assert studio.pictures() == studio.scribe.asked == 60


def test_how_long_the_rest_takes_is_told_from_what_was_painted_here(idle: Studio) -> None:
    """By steps and pixels of all that is left; nothing is told where nothing is known, or nothing is left."""
    batch = idle.desk.place(GRID)
    assert idle.desk.remaining_s(batch) is None
    idle.queue.start()
    assert idle.desk.remaining_s(idle.desk.wait(batch.id, 60)) is None
    idle.queue.stop()
    pace = idle.tools.history.pace("mini")
    assert pace is not None
    more = idle.desk.place(replace(GRID, size=(128, 64)))
    assert idle.desk.remaining_s(more) == pytest.approx(pace * 128 * 64 * (1 + 1 + 2 + 2))
    assert idle.desk.remaining_s(idle.desk.place(Order(kind="generate", words="a ball", paint=False))) is None


def of_model(words: str, model: str | None) -> GenerateTask:
    return GenerateTask(words, Painting(RenderSettings.of(CATALOGUE[model or "mini"]), (7,) if model else ()))


@pytest.mark.parametrize(
    ("turn_s", "order"),
    [(3600.0, ["A1", "prompt", "A2", "A3", "B1", "B2"]), (0.0, ["A1", "B1", "prompt", "A2", "B2", "A3"])],
)
def test_a_model_paints_all_that_waits_for_it_before_another_one_but_not_for_ever(
    idle: Studio, monkeypatch: pytest.MonkeyPatch, turn_s: float, order: list[str]
) -> None:
    """Changing it takes a minute. After its turn the oldest is next, whatever it needs; prompts wait for no model."""
    monkeypatch.setattr(jobs_module, "MODEL_TURN_S", turn_s)
    begun: list[str] = []
    monkeypatch.setattr(idle.queue, "_run", lambda task, *_: begun.append(task.words) or time.sleep(0.001))
    models = {"A1": "mini", "B1": "fibo", "prompt": None, "A2": "mini", "B2": "fibo", "A3": "mini"}
    jobs = submit_all(idle.queue, [of_model(words, model) for words, model in models.items()])
    idle.queue.start()
    assert [idle.queue.wait(job.id, 30).state for job in jobs] == ["done"] * 6
    assert begun == order


def test_two_workers_never_paint_with_two_models_at_once(idle: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one device: while it paints, no job of another model is begun."""
    monkeypatch.setattr(jobs_module, "MODEL_TURN_S", 0.0)
    painting: set[str] = set()
    seen: list[set[str]] = []

    def run(task: Task, *_: object) -> None:
        painting.add(task.words)
        time.sleep(0.02)
        seen.append({words[0] for words in painting})
        painting.discard(task.words)

    queue = JobQueue(JobStore(idle.database), run, lock_file=idle.path.with_name("lock"), max_workers=2, timeout_s=60)
    tasks = [of_model(f"{model[0]}{n}", model) for n in range(4) for model in ("mini", "mini", "fibo")]
    jobs = submit_all(queue, tasks)
    queue.start()
    assert {queue.wait(job.id, 30).state for job in jobs} == {"done"}
    queue.stop()
    assert len(seen) == 12
    assert [both for both in seen if len(both) > 1] == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("order_json", ""),
        ("order_json", "{"),
        ("order_json", "[]"),
        ("order_json", "[" * 100_000),
        ("order_json", b"\xff"),
        ("inputs", "{"),
        ("created_at", "yesterday"),
        ("title", b"\xff"),
    ],
)
def test_a_batch_that_cannot_be_read_is_said_to_be_one_and_hides_no_other(
    idle: Studio, column: str, value: object
) -> None:
    bad, good = (idle.desk.place(replace(SMALL, written=WRITTEN)) for _ in range(2))
    idle.execute(f"UPDATE batch SET {column} = ? WHERE id = ?", value, bad.id)
    for do in (idle.desk.get, idle.desk.retry):
        with pytest.raises(BatchDamaged, match=rf"^Batch {bad.id} cannot be read \(.*\)\. Its pictures are kept\.$"):
            do(bad.id)
    assert [batch.id for batch in idle.desk.page().batches] == [good.id]
    assert [batch.id for batch in idle.desk.page().damaged] == [bad.id]
    assert [batch.id for batch in idle.desk.recent()] == [good.id]
    assert [batch.id for batch in idle.desk.active()] == [good.id]
    idle.queue.start()
    assert idle.desk.wait(good.id, 60).state == "done"


def test_a_batch_that_cannot_be_read_can_be_cancelled(idle: Studio) -> None:
    """Its jobs are known without it; also by the name that one goes by whose very id is damaged."""
    bad, good = (idle.desk.place(replace(SMALL, written=WRITTEN)) for _ in range(2))
    idle.execute("UPDATE batch SET order_json = '{' WHERE id = ?", bad.id)
    with pytest.raises(BatchDamaged, match=r"Its pictures are kept\. What had not ended of it is cancelled\.$"):
        idle.desk.cancel(bad.id)
    assert (idle.queue.get(bad.jobs[0].id).state, idle.desk.get(good.id).state) == ("cancelled", "queued")
    idle.execute("UPDATE batch SET id = 'no id of ours' WHERE id = ?", bad.id)
    (damaged,) = idle.desk.page().damaged
    with pytest.raises(BatchDamaged, match=f"^Batch {damaged.id} cannot be read"):
        idle.desk.get(damaged.id)
    with pytest.raises(BatchNotFound):
        idle.desk.get("row-2")  # the name of none that can be read


def test_the_picture_of_a_batch_that_cannot_be_read_is_still_known_to_be_needed(idle: Studio) -> None:
    """What sweeps unused inputs away keeps it."""
    kept = idle.path.with_name("one.png")
    Image.new("RGB", (64, 64)).save(kept)
    batch = idle.desk.place(replace(SMALL, kind="inspire", pictures=(kept.name,)))
    assert idle.desk.inputs() == {"one"}
    for damage in ("created_at = 'yesterday'", "order_json = '{'", "inputs = '[\"one.png\"'"):
        idle.execute(f"UPDATE batch SET {damage} WHERE id = ?", batch.id)
        assert idle.desk.inputs() == {"one"}


def test_the_further_sources_of_a_stored_picture_are_needed_when_its_batch_is_gone(idle: Studio) -> None:
    """As after a rebuild from the files: the recipe names them, and what sweeps unused inputs away keeps them."""
    for name in ("one", "two"):
        Image.new("RGB", (64, 64), "red" if name == "one" else "gold").save(idle.path.with_name(f"{name}.png"))
    batch = idle.desk.place(replace(SMALL, kind="inspire", pictures=("one.png", "two.png"), written=WRITTEN))
    idle.queue.start()
    assert idle.desk.wait(batch.id, 60).state == "done"
    idle.execute("DELETE FROM batch")
    assert idle.desk.inputs() == {"two"}


def test_an_order_of_a_newer_version_is_named_and_its_pictures_are_painted(idle: Studio) -> None:
    """What it says is not known here; what its jobs do is."""
    batch = idle.desk.place(replace(SMALL, written=WRITTEN))
    idle.execute("UPDATE batch SET order_json = json_set(order_json, '$.version', 99)")
    newer = (
        r"This order was made by a newer version of FIBO Studio \(99; 2 is understood\)\. Update the studio to see it"
    )
    with pytest.raises(BatchDamaged, match=rf"^Batch {batch.id} cannot be read \({newer}\)\. Its pictures are kept\.$"):
        idle.desk.get(batch.id)
    idle.queue.start()
    assert idle.queue.wait(batch.jobs[0].id, 60).state == "done"


def test_a_cell_or_a_job_that_cannot_be_read_is_left_out_of_its_batch(idle: Studio) -> None:
    batch = idle.desk.place(replace(GRID, written=WRITTEN))
    idle.execute("UPDATE cell SET place = '[' WHERE seq = 1")
    idle.execute("UPDATE job SET task = '{' WHERE id = ?", batch.jobs[1].id)
    assert places(idle.desk.get(batch.id)) == PLACES[1:2]
    idle.execute("UPDATE job SET task = '{'")
    with pytest.raises(BatchDamaged, match=r"none of its jobs can"):
        idle.desk.get(batch.id)


@pytest.mark.parametrize("place", ["{}", '{"guidance": 1}', '{"steps": [1]}'])
def test_a_batch_whose_pictures_do_not_stand_on_its_axes_is_damaged(idle: Studio, place: str) -> None:
    """A sheet could not be drawn of it, nor more values be told from those that are there."""
    batch = idle.desk.place(replace(GRID, written=WRITTEN))
    idle.execute("UPDATE cell SET place = ? WHERE seq = 1", place)
    damaged = rf"^Batch {batch.id} cannot be read \(its pictures do not stand on its axes\)\. Its pictures are kept\.$"
    with pytest.raises(BatchDamaged, match=damaged):
        idle.desk.get(batch.id)
    with pytest.raises(BatchDamaged, match=damaged):
        idle.desk.extend(batch.id, "steps", "9")


def test_who_waits_for_a_prompt_learns_of_its_damage(studio: Studio) -> None:
    """A writing job whose row was damaged while it waited: what should paint its prompt has failed, and says so."""
    pause = studio.at = Pause("painting")
    first, batch = studio.desk.place(replace(SMALL, written=WRITTEN)), studio.desk.place(GRID)
    assert pause.reached.wait(60)
    studio.execute("UPDATE job SET task = ? WHERE id = ?", b"\xff", batch.jobs[0].id)
    pause.go_on.set()
    batch = studio.desk.wait(batch.id, 60)
    assert (batch.state, states(batch), studio.desk.get(first.id).state) == ("failed", ["failed"] * 4, "done")
    assert {job.error_kind for job in batch.jobs} == {"JobDamaged"}


def test_an_unknown_batch_is_unknown_and_never_done(idle: Studio) -> None:
    for do in (idle.desk.get, idle.desk.cancel, idle.desk.retry, idle.desk.wait):
        with pytest.raises(BatchNotFound, match="No batch has the id '01J'"):
            do("01J")
    with pytest.raises(JobNotFound):
        idle.desk.batch_of("01J")


def test_an_order_whose_picture_is_stored_is_known_before_it_is_painted_again(studio: Studio) -> None:
    """The same prompt, seed and settings; with anything else, or a prompt not written yet, nobody can tell."""
    order = replace(SMALL, written=WRITTEN)
    assert studio.desk.painted_already(order) is None
    (painted,) = studio.desk.wait(studio.desk.place(order).id, 60).generation_ids
    found = studio.desk.painted_already(order)
    assert found is not None
    assert found.id == painted
    others = (
        replace(order, seed=8),
        replace(order, seed=None),
        replace(order, steps=2),
        replace(order, written=None),
        replace(order, count=2),
        replace(order, written=WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a blue ball"}))),
    )
    assert [studio.desk.painted_already(other) for other in others] == [None] * len(others)


def test_a_deleted_picture_is_none_that_exists(studio: Studio) -> None:
    order = replace(SMALL, written=WRITTEN)
    studio.tools.history.delete(studio.desk.wait(studio.desk.place(order).id, 60).generation_ids)
    assert studio.desk.painted_already(order) is None


def test_a_batch_without_words_is_called_what_its_prompt_says_in_short(idle: Studio) -> None:
    prompt = StructuredPrompt.from_dict({"short_description": "a teal teapot"})
    placed = idle.desk.place(Order(kind="generate", written=WrittenPrompt(prompt), seed=1, steps=1))
    assert placed.title == "a teal teapot"
