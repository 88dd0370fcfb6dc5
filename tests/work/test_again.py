"""A stored picture painted once more on the real pipeline, through the desk: the same, or by how much it is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fibo_core.errors import GenerationNotFound, ModelMissing, RequestError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.work import again
from fibo_core.work.again import Changed
from fibo_core.work.batches import Batch
from fibo_core.work.orders import Order, order_from_json, order_to_json
from fibo_core.work.tasks import GenerateTask, task_from_json, task_to_json
from fibo_core.writers import WrittenPrompt
from tests.store.pictures import rendered, request_of
from tests.work.desks import Pause, Studio

PROMPT = StructuredPrompt.from_dict({"short_description": "a red ball", "objects": [{"description": "a red ball"}]})


def painted(studio: Studio, **more: object) -> Generation:
    order = Order(kind="generate", words="a red ball", written=WrittenPrompt(PROMPT), steps=2, seed=7, **more)
    (id,) = studio.desk.wait(studio.desk.place(order).id, 60).generation_ids
    return studio.tools.history.get(id)


def once_more(studio: Studio, picture: Generation, *, keep: bool = False) -> Batch:
    return studio.desk.wait(studio.desk.again(picture.id, keep=keep).id, 60)


def altered(studio: Studio, picture: Generation) -> None:
    """Another square of pixels in the stored file, at its lower right."""
    file = studio.tools.history.image_file(picture.id)
    image = Image.open(file).convert("RGB")
    image.paste((0, 255, 0), (image.width - 16, image.height - 16, image.width, image.height))
    image.save(file)


def test_a_picture_painted_again_is_the_same_bit_by_bit_and_no_second_one_comes_into_the_gallery(
    studio: Studio,
) -> None:
    picture = painted(studio)
    batch = once_more(studio, picture)
    assert (batch.state, batch.fraction, batch.generation_ids, studio.pictures()) == ("done", 1.0, (), 1)
    assert batch.again is not None
    assert (batch.again.same, batch.again.changed, batch.again.aside) == (True, (), None)
    assert batch.again.sentence == (
        "The same picture, bit by bit. Model, libraries, device and precision are as they were."
    )
    assert (batch.title, batch.retryable) == ("Again: a red ball", False)


def test_the_second_picture_comes_into_the_gallery_where_it_is_to_be_kept(studio: Studio) -> None:
    """It hangs on the first, with its recipe and its words."""
    picture = painted(studio)
    batch = once_more(studio, picture, keep=True)
    (id,) = batch.generation_ids
    kept = studio.tools.history.get(id)
    assert (kept.recipe_hash, kept.words, kept.parent_id) == (picture.recipe_hash, picture.words, picture.id)
    assert batch.again is not None
    assert (batch.again.same, batch.again.generation_id) == (True, id)


def test_of_a_picture_painted_with_others_in_one_pass_the_second_is_told_to_be_painted_alone(studio: Studio) -> None:
    """By one of 255 at most it is another one."""
    order = Order(kind="generate", written=WrittenPrompt(PROMPT), steps=2, seed=7, count=3, together=True)
    ids = studio.desk.wait(studio.desk.place(order).id, 60).generation_ids
    report = once_more(studio, studio.tools.history.get(ids[0])).again
    assert report is not None
    assert report.difference is not None
    assert report.difference.most <= 1
    assert [(each.name, each.before, each.after) for each in report.changed] == [
        ("precision", "float32, together", "float32")
    ]
    apart = replace(report.difference, share=1e-5, most=1, box=(0, 0, 1, 1))
    assert replace(report, difference=apart).sentence == (
        "It was painted with others in one pass, and alone its pixels differ by 1 of 255 at most."
    )
    other = replace(report, difference=apart, changed=(*report.changed, Changed("torch", "2.8", "2.9")))
    assert "Changed since: precision float32, together → float32; torch 2.8 → 2.9." in other.sentence


def test_a_stored_file_that_was_altered_is_told_by_how_much_and_where(studio: Studio) -> None:
    """What was painted lies aside, to be looked at, and is what the recipe gives."""
    picture = painted(studio)
    before = np.asarray(Image.open(studio.tools.history.image_file(picture.id)))
    altered(studio, picture)
    report = once_more(studio, picture).again
    assert report is not None
    assert report.difference is not None
    assert report.aside is not None
    assert (report.same, report.difference.where) == (False, "at the bottom right")
    assert report.difference.share == pytest.approx(256 / 256**2, rel=0.05)
    assert report.difference.box is not None
    assert report.difference.box[:2] >= (240, 240)
    file = studio.tools.history.cache_dir / "again" / f"{report.aside}.png"
    assert np.array_equal(np.asarray(Image.open(file)), before)
    assert "0.39 % of the pixels differ" in report.sentence


def test_what_has_changed_since_is_named_and_what_has_not_is_not(studio: Studio) -> None:
    picture = painted(studio)
    versions = json.dumps(dict(picture.versions) | {"torch": "1.13"})
    studio.execute("UPDATE generation SET versions = ?, device = 'cuda: NVIDIA L40S', revision = 'r0'", versions)
    report = once_more(studio, picture).again
    assert report is not None
    assert [(each.name, each.before) for each in report.changed] == [
        ("weights", "r0"),
        ("device", "cuda: NVIDIA L40S"),
        ("torch", "1.13"),
    ]
    assert f"torch 1.13 → {picture.versions['torch']}" in report.sentence
    assert report.same


def test_a_picture_whose_file_is_gone_is_painted_again_and_the_report_says_that_nothing_was_compared(
    studio: Studio,
) -> None:
    picture = painted(studio)
    studio.tools.history.image_file(picture.id).unlink()
    report = once_more(studio, picture).again
    assert report is not None
    assert (report.same, report.difference) == (None, None)
    assert report.sentence.startswith("There is nothing to compare with: The file ")
    assert report.aside is not None


def test_a_picture_cropped_by_hand_is_not_compared(studio: Studio) -> None:
    picture = painted(studio)
    file = studio.tools.history.image_file(picture.id)
    Image.open(file).crop((0, 0, 100, 100)).save(file)
    report = once_more(studio, picture).again
    assert report is not None
    assert "another size than its recipe's 256×256" in report.sentence


def test_an_order_that_a_restart_broke_off_paints_again_when_it_is_tried_again(idle: Studio) -> None:
    """The order and the report are rows: another studio on the same workspace goes on and answers the same."""
    pause = Pause("painting", 2)
    idle.at = pause
    idle.queue.start()
    picture = painted(idle)
    batch = idle.desk.again(picture.id)
    assert pause.reached.wait(60)
    idle.queue.stop()
    assert idle.desk.get(batch.id).state == "interrupted"

    idle.at = lambda moment, task, cancel: None
    other = Studio(idle.path.parent, idle.tools.engine)  # type: ignore[arg-type]
    other.queue.start()
    try:
        other.desk.retry(batch.id)
        assert other.desk.wait(batch.id, 60).state == "done"
        found = other.desk.again_of_picture(picture.id)
        assert found is not None
        assert found.again is not None
        assert (found.id, found.again.same) == (batch.id, True)
    finally:
        other.queue.stop()
        other.database.close()


def test_a_deleted_picture_is_painted_again_too_and_an_unknown_one_refused(studio: Studio) -> None:
    picture = painted(studio)
    studio.tools.history.delete([picture.id])
    report = once_more(studio, picture).again
    assert report is not None
    assert report.same
    with pytest.raises(GenerationNotFound):
        studio.desk.again("01M8CZ4K0NRBZ7N4JVZ4H2QZVP")


def test_what_cannot_be_painted_again_is_refused_in_one_sentence_before_anything_is_queued(studio: Studio) -> None:
    """A model that is not here, one that nobody knows, and a recipe that does not say which adapter."""
    history, engine = studio.tools.history, studio.tools.engine
    given = {"mode": "generate", "words": "a ball", "writer": "hand"}
    adapted = history.add(rendered(), request_of(), **given)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="soft-light"):
        studio.desk.again(adapted.id)
    studio.execute("""UPDATE generation SET adapters = '["ink@0123456789abcdef*1"]', model = 'mini'""")
    with pytest.raises(RequestError, match=r"the LoRA ink, which is not here any more"):
        studio.desk.again(adapted.id)
    studio.execute("UPDATE generation SET adapters = '[]', model = 'fibo'")
    with pytest.raises(ModelMissing):
        studio.desk.again(adapted.id)
    assert again.why_not_again(history.get(adapted.id), engine) is not None
    studio.execute("UPDATE generation SET model = 'gone'")
    assert "gone" in str(again.why_not_again(history.get(adapted.id), engine))
    assert studio.rows() == [0, 0, 0]
    assert again.why_not_again(painted(studio), engine) is None


def test_an_order_and_its_task_survive_as_json_and_older_ones_are_what_they_were(studio: Studio) -> None:
    order = again.again_order(painted(studio), keep=True)
    assert order_from_json(order_to_json(order)) == order
    batch = studio.desk.again(order.again_of or "", keep=True)
    task = batch.jobs[0].task
    assert isinstance(task, GenerateTask)
    assert (task.again_of, task.keep) == (order.again_of, True)
    assert task_from_json(task_to_json(task)) == task
    plain = json.loads(task_to_json(GenerateTask("a ball", task.painting)))
    assert "again_of" not in plain
    with pytest.raises(ValueError, match="again_of is 3"):
        task_from_json(json.dumps(plain | {"again_of": 3}))


def test_a_damaged_report_harms_its_own_job_alone(studio: Studio) -> None:
    picture = painted(studio)
    batch = once_more(studio, picture)
    for damage in ("{", "[]", "{}", '{"difference": {"share": "much"}}', "7"):
        studio.execute("UPDATE job SET again = ? WHERE batch_id = ?", damage, batch.id)
        assert studio.desk.again_of_picture(picture.id) is None
    assert len(studio.desk.recent()) == 1


def test_only_the_newest_pictures_lie_aside(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was painted to be compared does not fill the disk."""
    from fibo_core.store import set_aside

    monkeypatch.setattr(set_aside, "KEPT", 2)
    names = [set_aside.set_aside(tmp_path, bytes([number])) for number in range(4)]
    assert len(list((tmp_path / "again").glob("*.png"))) == 2
    assert set_aside.aside_file(tmp_path, names[-1]).read_bytes() == b"\3"
    for name in (names[0], "../../studio", "x" * 64):
        with pytest.raises(GenerationNotFound):
            set_aside.aside_file(tmp_path, name)


def test_a_cancelled_painting_says_nothing_of_the_picture(studio: Studio) -> None:
    picture = painted(studio)
    pause = studio.at = Pause("painting")
    batch = studio.desk.again(picture.id)
    assert pause.reached.wait(60)
    studio.desk.cancel(batch.id)
    ended = studio.desk.wait(batch.id, 60)
    assert (ended.state, ended.again, studio.pictures()) == ("cancelled", None, 1)
