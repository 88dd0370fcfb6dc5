"""Edit: a part of a picture is marked and painted anew; the result is the source of the next edit."""

import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.work.editing import change_mask
from fibo_core.work.runtime import Runtime
from studio.ui.components.press_bar import Press
from studio.ui.components.thread import made_by, steps_to, value_of
from studio.ui.editing import DEFAULT_STRENGTH, strength_label
from studio.ui.marks import LOST, outlines, take_mark
from studio.ui.state import PageState
from tests.pages.conftest import bar, finish, page, press, says, type_json

Paint = Callable[..., Generation]


@pytest.fixture
def source(paint: Paint) -> Generation:
    return paint("a red ball on the left", seed=41)


@pytest.fixture
def edit(app: AppTest, source: Generation) -> AppTest:
    """A browser that comes to Edit by the address of a picture."""
    page(app, "edit")
    app.query_params["picture"] = source.id
    return app.run()


def keep_mask(runtime: Runtime, box: tuple[int, int, int, int], size: tuple[int, int] = (256, 256)) -> str:
    """The name of a mask that is white in a box."""
    mask, buffer = Image.new("L", size), BytesIO()
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    mask.save(buffer, "PNG")
    return runtime.inputs.keep(buffer.getvalue())


def mark(app: AppTest, name: str) -> AppTest:
    """What the brush tells the page."""
    state: PageState = app.session_state["page_edit"]
    take_mark(state, str(state.source_id), name)
    return app.run()


def pixels(runtime: Runtime, picture: Generation) -> np.ndarray:
    return np.asarray(Image.open(runtime.tools.history.image_file(picture.id)).convert("RGB"))


def painted(app: AppTest, runtime: Runtime) -> Generation:
    """The picture that the page's batch has come to."""
    job = finish(app, runtime, "edit")
    assert job.state == "done", job.error
    assert not app.exception
    return runtime.tools.history.get(job.generation_ids[-1])


def test_outside_the_mark_every_pixel_stays_and_the_result_is_the_next_source(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    """The words leave their field once they are carried out; nothing is marked of the new picture."""
    assert "Paint a variation" in bar(edit)
    mark(edit, keep_mask(runtime, (0, 64, 127, 191)))
    assert "Outside the mark every pixel stays" in says(edit)
    edit.text_input(key="edit_words").set_value("make the ball green")
    press(edit, "Repaint the marked part")
    result = painted(edit, runtime)
    before, after = pixels(runtime, source), pixels(runtime, result)
    inside = np.zeros((256, 256), bool)
    inside[64:192, 0:128] = True
    assert (before[~inside] == after[~inside]).all()
    assert (before[inside] != after[inside]).any()
    assert "green" in result.prompt.canonical()
    state = edit.session_state["page_edit"]
    assert (state.source_id, edit.text_input(key="edit_words").value) == (result.id, "")
    assert "Paint a variation" in bar(edit)
    steps, _ = steps_to(runtime.tools.history, result)
    assert [step.words for step in steps] == ["a red ball on the left", "make the ball green"]
    edit.query_params["picture"] = source.id  # as a click in the thread puts it
    edit.run()
    assert "Repaint the marked part" in bar(edit), "what was marked of a picture is there again"


def test_a_changed_json_is_painted_behind_the_mark(edit: AppTest, runtime: Runtime, source: Generation) -> None:
    mark(edit, keep_mask(runtime, (0, 0, 127, 255)))
    type_json(edit, "edit", source.prompt.to_json().replace("red", "blue"))
    press(edit, "Repaint the marked part")
    result = painted(edit, runtime)
    assert "blue" in result.prompt.canonical()
    assert result.request.seed == 41
    assert "edited behind a mark" in says(edit)
    assert (pixels(runtime, source)[:, 128:] == pixels(runtime, result)[:, 128:]).all()


def test_without_a_mark_a_variation_is_painted_as_much_as_is_chosen(edit: AppTest, runtime: Runtime) -> None:
    edit.select_slider(key="edit_strength").set_value(0.3)
    edit.text_input(key="edit_words").set_value("at night")
    press(edit, "Paint a variation")
    result = painted(edit, runtime)
    assert result.request.edit is not None
    assert (result.request.edit.way, result.request.edit.start_sigma) == ("vary", 0.3)
    steps = result.request.num_inference_steps
    assert f"a variation at 0.3 · {steps - result.request.edit.skip} of {steps} steps" in says(edit)


@pytest.mark.parametrize(
    ("sigma", "label"), [(0.3, "restyle · 0.3"), (0.8, "recolour · 0.8"), (0.95, "redraw · 0.95"), (1.0, "redraw · 1")]
)
def test_how_much_is_said_in_a_word_and_its_number(sigma: float, label: str) -> None:
    assert strength_label(sigma) == label


def test_what_an_edit_changes_is_marked_before_it_is_used(edit: AppTest, runtime: Runtime, source: Generation) -> None:
    """The change is painted once as it comes; the mark covers where it differs, and the words stand in the prompt."""
    edit.text_input(key="edit_words").set_value("make the ball blue")
    press(edit, "Mark what changes")
    batch_id = edit.session_state["page_edit"].finding
    plain = runtime.desk.wait(batch_id, 120)
    edit.run()
    assert not edit.exception
    state = edit.session_state["page_edit"]
    assert (state.source_id, state.finding) == (source.id, None)
    assert runtime.tools.history.get(plain.generation_ids[0]).tags == ("for a mark",)
    if not state.marks:
        assert "changes nothing that could be marked" in says(edit)
        return
    assert "Repaint the marked part" in bar(edit)
    assert edit.text_input(key="edit_words").value == ""
    press(edit, "Repaint the marked part")
    result = painted(edit, runtime)
    assert result.prompt == runtime.tools.history.get(plain.generation_ids[0]).prompt


def test_a_press_says_what_is_missing_and_loses_nothing(edit: AppTest, runtime: Runtime) -> None:
    mark(edit, keep_mask(runtime, (0, 0, 127, 255)))
    press(edit, "Repaint the marked part")
    assert "Say what should change, edit the prompt, or choose another seed." in says(edit)
    edit.text_input(key="edit_words").set_value("make the ball green").run()
    assert "Say what should change" not in says(edit)
    mark(edit, "")
    presses, action = bar(edit)["Paint a variation"]
    presses.waiting.append(Press(action, mark=LOST))
    edit.run()
    assert "The mark has not reached the studio" in says(edit)
    assert edit.text_input(key="edit_words").value == "make the ball green"


def test_a_mark_of_another_size_is_refused_in_one_sentence(edit: AppTest, runtime: Runtime) -> None:
    mark(edit, keep_mask(runtime, (0, 0, 10, 10), (128, 128)))
    edit.text_input(key="edit_words").set_value("make the ball green")
    press(edit, "Repaint the marked part")
    assert "The mask has 128×128 pixels, and the picture 256×256." in says(edit)
    assert edit.text_input(key="edit_words").value == "make the ball green"


def test_a_source_that_was_deleted_meanwhile_is_said_and_the_words_stay(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    runtime.tools.history.delete([source.id])
    edit.text_input(key="edit_words").set_value("make the ball green").run()
    assert "was deleted" in says(edit)
    press(edit, "Paint a variation")
    assert not edit.exception
    assert "is not there any more" not in says(edit), "once is enough"
    assert edit.text_input(key="edit_words").value == "make the ball green"
    press(edit, "Bring it back")
    assert "was deleted" not in says(edit)
    assert runtime.tools.history.get(source.id).deleted_at is None
    assert edit.text_input(key="edit_words").value == "make the ball green"
    press(edit, "Paint a variation")
    assert painted(edit, runtime).parent_id == source.id


def test_a_change_by_hand_does_not_get_the_words_of_the_step_before(edit: AppTest, runtime: Runtime) -> None:
    edit.text_input(key="edit_words").set_value("make the ball green")
    press(edit, "Paint a variation")
    first = painted(edit, runtime)
    assert (first.words, edit.text_input(key="edit_words").value) == ("make the ball green", "")
    type_json(edit, "edit", first.prompt.to_json().replace("green", "orange"))
    press(edit, "Paint a variation")
    second = painted(edit, runtime)
    assert "orange" in second.prompt.canonical()
    assert (second.parent_id, second.words) == (first.id, "")


def test_a_variation_that_nothing_is_said_of_is_another_take(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    """A mark, and what is to be found, need something that changes."""
    press(edit, "Mark what changes")
    assert "Say what should change" in says(edit)
    press(edit, "Paint a variation")
    take = painted(edit, runtime)
    assert take.prompt == source.prompt
    assert take.request.seed != source.request.seed


def test_a_picture_that_is_all_marked_is_refused_in_the_words_of_the_page(edit: AppTest, runtime: Runtime) -> None:
    """A new mark, which answers it, takes the sentence away."""
    mark(edit, keep_mask(runtime, (0, 0, 255, 255)))
    edit.text_input(key="edit_words").set_value("make the ball green")
    press(edit, "Repaint the marked part")
    assert "All of the picture is marked" in says(edit)
    assert "white" not in says(edit)
    mark(edit, keep_mask(runtime, (0, 0, 127, 255)))
    assert "All of the picture is marked" not in says(edit)


def test_the_same_edit_is_asked_for_before_it_is_painted_twice(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    """While it is painted, and once it is stored."""
    name = keep_mask(runtime, (0, 0, 127, 255))
    mark(edit, name)
    type_json(edit, "edit", source.prompt.to_json().replace("red", "blue"))
    presses, action = bar(edit)["Repaint the marked part"]
    presses.waiting += [Press(action), Press(action)]
    edit.run()
    assert len(runtime.desk.recent()) == 2, "the source's and one more"
    first = painted(edit, runtime)
    edit.query_params["picture"] = source.id
    edit.run()
    type_json(edit, "edit", source.prompt.to_json().replace("red", "blue"))
    press(edit, "Repaint the marked part")
    assert "This picture exists" in says(edit)
    press(edit, "Show it")
    assert edit.session_state["page_edit"].source_id == first.id
    edit.query_params["picture"] = source.id
    edit.run()
    mark(edit, keep_mask(runtime, (0, 0, 100, 255)))
    type_json(edit, "edit", source.prompt.to_json().replace("red", "blue"))
    press(edit, "Repaint the marked part")
    assert "This picture exists" not in says(edit), "behind another mark it is another picture"
    assert painted(edit, runtime).id != first.id


def test_words_said_twice_are_one_edit_also_once_their_prompt_is_written(
    app: AppTest, runtime: Runtime, store: Paint
) -> None:
    """A double tap: its second press may come when the first one's words are in the prompt already."""
    edit = page(app, "edit")
    edit.query_params["picture"] = store("a red ball on the left", steps=200).id
    mark(edit.run(), keep_mask(runtime, (0, 0, 127, 255)))
    edit.text_input(key="edit_words").set_value("make the ball blue").run()
    presses, action = bar(edit)["Repaint the marked part"]
    presses.waiting += [Press(action), Press(action)]
    edit.run()
    first = edit.session_state["page_edit"].batch_id
    assert "This picture is on its way" in says(edit)
    while (batch := runtime.desk.get(first)).prompt is None and not batch.ended:
        time.sleep(0.02)
    press(edit.run(), "Repaint the marked part")
    assert not runtime.desk.get(first).ended
    runtime.desk.cancel(first)
    assert "This picture is on its way" in says(edit)
    assert [each.id for each in runtime.desk.recent()] == [first]


def test_a_picture_that_is_not_there_is_said_and_the_one_before_stays(edit: AppTest, source: Generation) -> None:
    edit.query_params["picture"] = "01M8P9N"
    edit.run()
    assert not edit.exception
    assert "01M8P9N" in says(edit)
    assert edit.session_state["page_edit"].source_id == source.id
    assert edit.query_params["picture"] == source.id


def test_a_change_of_light_is_said_to_be_of_the_whole_picture(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    mark(edit, keep_mask(runtime, (0, 0, 127, 255)))
    assert "whole picture" not in says(edit)
    changed = {**source.prompt.document, "background_setting": "a pink wall"}
    type_json(edit, "edit", StructuredPrompt.from_dict(changed).to_json())
    assert "background_setting is said of the whole picture" in says(edit)


def test_words_for_the_whole_picture_are_noticed_before_the_press_and_explained_beside_the_result(
    edit: AppTest, runtime: Runtime
) -> None:
    mark(edit, keep_mask(runtime, (0, 0, 127, 255)))
    edit.text_input(key="edit_words").set_value("make the ball green").run()
    assert "whole picture" not in says(edit)
    edit.text_input(key="edit_words").set_value("at night").run()
    assert "lighting is said of the whole picture: behind a mark" in says(edit)
    press(edit, "Repaint the marked part")
    painted(edit, runtime)
    assert "Nothing is marked" in says(edit)
    assert "lighting is said of the whole picture" in says(edit)


def test_how_much_belongs_to_its_picture(edit: AppTest, runtime: Runtime) -> None:
    """A little is said to leave colours; the next picture begins with the usual again."""
    assert "may leave a colour" not in says(edit)
    edit.select_slider(key="edit_strength").set_value(0.2)
    edit.text_input(key="edit_words").set_value("at night").run()
    assert "may leave a colour" in says(edit)
    press(edit, "Paint a variation")
    result = painted(edit, runtime)
    assert result.request.edit is not None
    assert result.request.edit.start_sigma == 0.2
    assert edit.select_slider(key="edit_strength").value == DEFAULT_STRENGTH
    assert "may leave a colour" not in says(edit)


def test_of_an_edited_picture_the_plain_pictures_of_both_prompts_are_compared(
    edit: AppTest, runtime: Runtime, source: Generation
) -> None:
    """What was painted into it is not in the plain picture of any prompt, and is no part of the change."""
    edit.text_input(key="edit_words").set_value("at night")
    press(edit, "Paint a variation")
    edited = painted(edit, runtime)
    type_json(edit, "edit", edited.prompt.to_json().replace("red", "blue"))
    press(edit, "Mark what changes")
    state: PageState = edit.session_state["page_edit"]
    plain = runtime.desk.wait(str(state.finding), 120)
    edit.run()
    former = runtime.desk.wait(str(state.finding), 120)
    assert former.id != plain.id
    assert former.order.written is not None
    assert former.order.written.prompt == edited.prompt
    edit.run()
    assert (state.finding, state.found, state.source_id) == (None, None, edited.id)
    expected = change_mask(runtime.tools, former.generation_ids[0], plain.generation_ids[0])
    assert state.marks[edited.id] == expected
    assert "look at the mark" in says(edit)


def test_the_thread_names_what_made_a_picture_where_no_words_did(edit: AppTest, source: Generation) -> None:
    """A cell of "Vary" and a change by hand by their values, a picture of Inspire as such."""
    changed = StructuredPrompt.parse(source.prompt.to_json().replace("red ball", "green ball"))
    green = replace(source, request=replace(source.request, prompt=changed))
    assert made_by(green, source) == "description: a green ball on the left"
    assert made_by(replace(green, mode="inspire"), source) == "Inspired by it"
    seed_5 = replace(source, request=replace(source.request, seed=5))
    assert made_by(seed_5, source) == "Another take"
    worn = replace(source, request=replace(source.request, adapters=("sepia@0123456789abcdef*0.8",)))
    assert [made_by(worn, source), made_by(source, worn)] == ["LoRA sepia:0.8 put on", "LoRA sepia:0.8 taken off"]
    assert [value_of(each, source) for each in (green, seed_5, source)] == ["green", "seed 5", ""], "under a thumbnail"


def test_an_object_that_moves_is_marked_where_it_was_and_where_it_goes() -> None:
    """A mark must cover the old thing and the new one."""
    box = {"description": "a blue box", "location": "left", "relative_size": "small"}
    before = StructuredPrompt.from_dict({"short_description": "a box", "objects": [box]})
    after = StructuredPrompt.from_dict({"short_description": "a box", "objects": [{**box, "location": "right"}]})
    (stays,) = outlines(before, before, (256, 256))
    (moves,) = outlines(before, after, (256, 256))
    assert moves.label == "Object 1: a blue box"
    assert len(stays.shapes) == 1
    assert moves.shapes[0] == stays.shapes[0]
    assert moves.shapes[1][0] > stays.shapes[0][0]


def test_every_picture_leads_to_edit(app: AppTest, source: Generation, tmp_path: Path) -> None:
    page(app, "refine")
    app.query_params["picture"] = source.id
    app.run()
    press(app, "Edit")
    assert not app.exception
    assert app.session_state["page_edit"].source_id == source.id
    assert "Edit this picture" in says(app)


def test_what_is_older_than_the_choice_of_pictures_is_found_in_history(
    app: AppTest, runtime: Runtime, store: Paint
) -> None:
    for number in range(24):
        store(f"ball {number}", seed=number)
    page(app, "edit")
    assert all(button.label != "Older ones in History" for button in app.button)
    store("the last ball", seed=99)
    app.run()
    press(app, "Older ones in History")
    assert not app.exception
    assert "Choose the picture" not in says(app)


def test_a_model_that_edits_by_instruction_is_told_what_to_do_and_shown_references(
    edit: AppTest, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its user would rather have the changed prompt painted, a switch leaves the model's own edit out."""
    assert all(toggle.key != "edit_own" for toggle in edit.toggle)
    mini = CATALOGUE["mini"]
    able = replace(mini, family=replace(mini.family, abilities=mini.family.abilities | {"edit", "references"}))
    monkeypatch.setitem(CATALOGUE, "mini", able)  # type: ignore[arg-type]
    buffer = BytesIO()
    Image.new("RGB", (64, 64), "green").save(buffer, "PNG")
    reference = runtime.inputs.keep(buffer.getvalue())
    edit.session_state["page_edit"].references = (reference,)
    edit.run()
    assert not edit.exception
    assert "Edit by instruction" in bar(edit)
    assert "<image_2>" in [code.value for code in edit.code]
    edit.text_input(key="edit_words").set_value("make the ball as green as <image_2>")
    press(edit, "Edit by instruction")
    order = runtime.desk.get(edit.session_state["page_edit"].batch_id).order
    assert (order.way, order.references, order.strength) == ("own", (reference,), None)
    runtime.desk.wait(edit.session_state["page_edit"].batch_id, 60)
    edit.toggle(key="edit_own").set_value(False).run()
    assert "Paint a variation" in bar(edit)
    press(edit, "Take it away")
    assert edit.session_state["page_edit"].references == ()
