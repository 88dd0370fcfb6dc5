"""Generate, as somebody uses it: words, JSON, seeds, what fails and what stays."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.components.press_bar import Press, Presses
from studio.ui.session import carry_out
from studio.ui.state import PageState
from tests.engine.test_adapters import write_lora_of_mini
from tests.pages.conftest import APP, finish, page, press, says, type_json, way_back


def set_steps(app: AppTest, steps: int) -> None:
    app.number_input(key="generate_steps").set_value(steps)


def test_words_become_a_picture_and_its_seed_which_was_drawn_is_shown(app: AppTest, runtime: Runtime) -> None:
    """The seed in the field is the seed of the picture."""
    assert app.text_input(key="generate_seed").value == ""
    app.text_area(key="generate_words").set_value("a red ball on the left")
    set_steps(app, 2)
    press(app, "Generate")
    job = finish(app, runtime)
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    assert job.generation_ids == (generation.id,)
    seed = app.text_input(key="generate_seed").value
    assert str(generation.request.seed) == seed
    assert f"seed `{seed}`" in says(app)
    assert "written by offline" in says(app)
    assert not app.exception


def test_new_pictures_go_into_the_collection_that_is_chosen(app: AppTest, runtime: Runtime) -> None:
    """Of those that hold pictures; a kept search takes none."""
    runtime.tools.history.labels.collections.add("Winter")
    runtime.tools.history.labels.collections.add("Kept", "fox")
    app.run()
    chosen = app.selectbox(key="generate_collection")
    assert (chosen.value, chosen.options) == ("", ["None", "Winter"])
    chosen.select("Winter")
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 2)
    press(app, "Generate")
    finish(app, runtime)
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    assert generation.collections == ("Winter",)
    assert app.selectbox(key="generate_collection").value == "Winter"


def test_the_prompt_can_be_written_without_painting(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a blue star at night")
    press(app, "Prompt only")
    finish(app, runtime)
    assert '"a blue star' in app.session_state["page_generate"].draft.text
    assert runtime.tools.history.count(HistoryQuery()) == 0
    assert "tokens" in says(app) or any("tokens" in expander.label for expander in app.expander)


def test_an_edited_word_is_painted_with_the_same_seed_and_said_to_be_the_users(app: AppTest, runtime: Runtime) -> None:
    """Change one word of the JSON, generate again: two pictures, one seed, and the author is told apart."""
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 2)
    press(app, "Generate")
    finish(app, runtime)
    type_json(app, "generate", app.session_state["page_generate"].draft.text.replace("red", "green"))
    press(app, "Generate from this JSON")
    finish(app, runtime)
    second, first = runtime.tools.history.page(HistoryQuery()).items
    assert first.request.seed == second.request.seed
    assert second.prompt.to_json() == first.prompt.to_json().replace("red", "green")
    assert (first.edited, second.edited) == (False, True)
    assert "written by offline, edited by you" in says(app)


def test_edits_survive_another_page(app: AppTest, runtime: Runtime) -> None:
    """What a user typed is there when they come back: words, seed and JSON."""
    app.text_area(key="generate_words").set_value("a red ball")
    app.text_input(key="generate_seed").set_value("4711")
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "mine"}')
    page(app, "history")
    page(app, "generate")
    assert app.session_state["page_generate"].draft.text == '{"short_description": "mine"}'
    assert app.text_area(key="generate_words").value == "a red ball"
    assert app.text_input(key="generate_seed").value == "4711"


def test_json_that_is_not_json_is_told_by_line_and_is_not_painted(app: AppTest, runtime: Runtime) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", '{\n  "objects": [\n    {"description": }\n  ]\n}')
    assert "line 3" in says(app)
    press(app, "Generate from this JSON")
    assert app.session_state["page_generate"].batch_id is None
    assert '{"description": }' in app.session_state["page_generate"].draft.text


def test_json_of_another_shape_is_told_by_its_path(app: AppTest) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", '{"lighting": ["soft"]}')
    assert "lighting" in says(app)
    assert app.error


def test_json_pasted_where_the_words_go_opens_in_the_editor(app: AppTest) -> None:
    app.text_area(key="generate_words").set_value('{"short_description": "a pasted prompt"}')
    press(app, "Generate")
    assert "a pasted prompt" in app.session_state["page_generate"].draft.text
    assert app.text_area(key="generate_words").value == ""


def test_json_pasted_with_all_that_stood_around_it_is_mended_told_and_can_be_undone(app: AppTest) -> None:
    """A fence, a wrapper, a comma too many; the seed beside it is offered and fills the form when it is wanted."""
    pasted = 'Sure!\n```json\n{"prompt": {"short_description": "a pasted prompt",}, "seed": 4711}\n```'
    app.text_area(key="generate_words").set_value(pasted)
    press(app, "Generate")
    state = app.session_state["page_generate"]
    assert state.draft.text == '{\n  "short_description": "a pasted prompt"\n}'
    assert "a comma too many before }" in says(app)
    assert "Found beside it: seed 4711" in says(app)
    assert app.text_input(key="generate_seed").value != "4711"
    press(app, "Use these settings")
    assert app.text_input(key="generate_seed").value == "4711"
    press(app, way_back(app))
    assert app.session_state["page_generate"].draft.text == pasted


def test_broken_json_in_the_editor_is_marked_and_mended_on_a_press(app: AppTest) -> None:
    """Not before: what is typed stays as it is."""
    press(app, "Start from JSON")
    typed = '{\n  "short_description": "x",\n  "lightning": {"conditions": "dim"},\n}'
    type_json(app, "generate", typed)
    assert "a comma too many before" in says(app)
    assert app.session_state["page_generate"].draft.text == typed
    press(app, "Mend it")
    assert json.loads(app.session_state["page_generate"].draft.text)["lightning"] == {"conditions": "dim"}
    assert "did you mean lighting" in says(app)
    press(app, way_back(app))
    assert app.session_state["page_generate"].draft.text == typed


@pytest.mark.parametrize("typed", ["{}", '{"short_description": ""}', '{"render": {"samples": 10}}'])
def test_json_that_says_nothing_is_not_painted(app: AppTest, typed: str) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", typed)
    press(app, "Generate from this JSON")
    assert "Write at least a short description" in says(app)
    assert app.session_state["page_generate"].batch_id is None


def test_of_several_captions_pasted_none_is_taken(app: AppTest) -> None:
    app.text_area(key="generate_words").set_value('{"short_description": "one"}\n{"short_description": "two"}')
    press(app, "Generate")
    assert "2 different captions" in says(app)
    assert app.session_state["page_generate"].batch_id is None
    press(app, "Take “two”")
    assert app.session_state["page_generate"].draft.text == '{\n  "short_description": "two"\n}'


def test_nothing_typed_is_one_clear_sentence(app: AppTest) -> None:
    press(app, "Generate")
    assert "Say in a few words" in says(app)
    assert app.session_state["page_generate"].batch_id is None


def test_a_hundred_thousand_characters_are_refused_and_stay_in_the_form(app: AppTest, runtime: Runtime) -> None:
    words = "ball " * 20_000
    app.text_area(key="generate_words").set_value(words)
    press(app, "Generate")
    job = finish(app, runtime)
    assert job.state == "failed"
    assert "100,000" in says(app) or "99,999" in says(app)
    assert app.text_area(key="generate_words").value == words


def test_a_seed_that_is_none_is_refused_with_its_value(app: AppTest) -> None:
    app.text_area(key="generate_words").set_value("a ball")
    for bad in ("-2", str(2**64), "seven", "1.5"):
        app.text_input(key="generate_seed").set_value(bad)
        press(app, "Generate")
        assert bad in says(app), bad
        assert app.session_state["page_generate"].batch_id is None


def test_each_press_is_a_batch_with_a_seed_of_its_own_and_a_cancel_leaves_the_words(
    app: AppTest, runtime: Runtime
) -> None:
    """Generate is never grey: pressed again while the first one paints, it queues another."""
    app.text_area(key="generate_words").set_value("a ball")
    set_steps(app, 40)
    press(app, "Generate")
    press(app, "Generate")
    second, first = runtime.desk.recent()
    assert first.cells[0].seed != second.cells[0].seed
    assert app.text_input(key="generate_seed").value == str(second.cells[0].seed)
    for batch in (first, second):
        runtime.desk.cancel(batch.id)
    finish(app, runtime)
    assert "Cancelled" in says(app)
    assert app.text_area(key="generate_words").value == "a ball"


def test_presses_that_come_together_are_all_carried_out_with_their_own_words(app: AppTest, runtime: Runtime) -> None:
    """What a browser sends again until it has arrived counts once."""
    presses = app.session_state["generate_presses"]
    sent = [{"bar": "b", "number": number, "action": "paint", "words": f"{number} balls"} for number in (1, 2, 3)]
    presses.receive(sent[:1])
    presses.receive(sent)
    set_steps(app, 1)
    app.run()
    presses.receive(sent[1:])
    app.run()
    assert [batch.order.words for batch in runtime.desk.recent()] == ["3 balls", "2 balls", "1 balls"]
    finish(app, runtime)


def test_a_press_that_comes_again_to_another_session_is_the_same_order(app: AppTest, runtime: Runtime) -> None:
    """After a reload or a restart a browser cannot know whether it was carried out."""
    press = {"bar": "b", "number": 1, "action": "paint", "words": "a red ball"}
    set_steps(app, 1)
    app.session_state["generate_presses"].receive([press])
    app.run()
    (batch,) = runtime.desk.recent()
    finish(app, runtime)
    app.session_state["generate_presses"] = Presses()
    app.session_state["generate_presses"].receive([press])
    app.run()
    assert [each.id for each in runtime.desk.recent()] == [batch.id]
    assert app.session_state["generate_presses"].done == {"b": 1}
    assert "This picture exists" not in says(app)


def test_of_presses_that_are_refused_the_reason_is_said_once(app: AppTest) -> None:
    presses = app.session_state["generate_presses"]
    presses.receive([{"bar": "b", "number": number, "action": "paint", "words": ""} for number in (1, 2, 3)])
    app.run()
    assert [error.value for error in app.error] == [app.error[0].value]
    assert "Say in a few words" in says(app)


def test_an_earlier_picture_brings_its_recipe_and_the_draft_comes_back(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """One picture, one state: words, JSON and seed beside a picture are its own."""
    earlier = paint("a blue star", seed=5)
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "mine"}')
    app.query_params["picture"] = earlier.id
    app.run()
    assert "Viewing an earlier picture" in says(app)
    assert app.session_state["page_generate"].draft.text == earlier.prompt.to_json()
    assert app.text_input(key="generate_seed").value == "5"
    assert app.number_input(key="generate_steps").value == 2
    press(app, "Back to my draft")
    assert app.session_state["page_generate"].draft.text == '{"short_description": "mine"}'
    assert app.text_area(key="generate_words").value == "a red ball"
    assert app.text_input(key="generate_seed").value == ""
    assert "picture" not in app.query_params


def test_a_reload_shows_the_picture_of_its_address_with_its_recipe(
    app: AppTest, paint: Callable[..., Generation]
) -> None:
    earlier = paint("a blue star", seed=5)
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["picture"] = earlier.id
    again.run()
    assert again.session_state["page_generate"].draft.text == earlier.prompt.to_json()
    assert again.text_input(key="generate_seed").value == "5"


def test_a_recipe_that_was_painted_asks_before_it_is_painted_again(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    earlier = paint("a blue star", seed=5)
    app.query_params["picture"] = earlier.id
    app.run()
    press(app, "Generate")
    assert "This picture exists" in says(app)
    assert runtime.tools.history.count(HistoryQuery()) == 1
    press(app, "Show it")
    assert "This picture exists" not in says(app)
    assert app.query_params["picture"] in (earlier.id, [earlier.id])


def test_a_recipe_that_is_being_painted_asks_before_it_is_queued_again(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """Its batch is one press away; so is another one."""
    paint("a blue star", seed=5)
    app.text_input(key="generate_seed").set_value("6")
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "a blue star", "objects": [{"description": "a star"}]}')
    set_steps(app, 200)
    press(app, "Generate from this JSON")
    first = app.session_state["page_generate"].batch_id
    press(app, "Generate from this JSON")
    assert "This picture is on its way" in says(app)
    assert app.session_state["page_generate"].batch_id == first
    press(app, "Paint again anyway")
    second = app.session_state["page_generate"].batch_id
    assert second != first
    assert "on its way" not in says(app)
    press(app, "Generate from this JSON")
    press(app, "Show it")
    assert app.session_state["page_generate"].batch_id == first
    press(app, "Generate from this JSON")
    assert "on its way" in says(app)
    for id in (first, second):
        runtime.desk.cancel(id)
        runtime.desk.wait(id, 60)
    assert "on its way" not in says(app.run())


def test_an_edit_after_a_picture_locks_its_seed_and_is_said_beside_it(app: AppTest, runtime: Runtime) -> None:
    """So that one change is one change; the lock opens again with a press."""
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    assert not app.session_state["generate_seed_locked"]
    type_json(app, "generate", app.session_state["page_generate"].draft.text.replace("red", "green"))
    assert app.session_state["generate_seed_locked"]
    assert "Painted before your last changes" in says(app)
    app.button(key="generate_lock_seed").click().run()
    assert not app.session_state["generate_seed_locked"]


def test_a_grid_beside_another_prompt_says_that_it_was_painted_before(app: AppTest, runtime: Runtime) -> None:
    """As a single picture does; not while the prompt is the one that it was painted from."""
    app.text_area(key="generate_words").set_value("a red ball")
    app.session_state["generate_count"] = 2
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    assert "Open a picture to see what made it" in says(app)
    assert "Painted before your last changes" not in says(app)
    type_json(app, "generate", app.session_state["page_generate"].draft.text.replace("red", "green"))
    assert "Painted before your last changes" in says(app)


def test_a_reload_finds_its_job_again_by_the_address(app: AppTest, runtime: Runtime) -> None:
    """A new browser session begins where the other one was: words, seed, picture."""
    app.text_area(key="generate_words").set_value("a red ball")
    app.text_input(key="generate_seed").set_value("99")
    set_steps(app, 2)
    press(app, "Generate")
    job = finish(app, runtime)

    again = AppTest.from_file(app._script_path, default_timeout=60)
    again.query_params["job"] = job.id
    again.run()
    assert again.text_area(key="generate_words").value == "a red ball"
    assert again.text_input(key="generate_seed").value == "99"
    assert "seed `99`" in says(again)
    assert again.session_state["page_generate"].draft is not None


def test_an_unknown_job_in_the_address_is_forgotten(runtime: Runtime, app: AppTest) -> None:
    again = AppTest.from_file(app._script_path, default_timeout=60)
    again.query_params["job"] = "01JNOSUCHJOB00000000000000"
    again.run()
    assert not again.exception
    assert "job" not in again.query_params


def test_new_seed_paints_the_same_prompt_again(runtime: Runtime, app: AppTest) -> None:
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 2)
    press(app, "Generate")
    finish(app, runtime)
    press(app, "New seed")
    finish(app, runtime)
    second, first = runtime.tools.history.page(HistoryQuery()).items
    assert second.prompt == first.prompt
    assert second.request.seed != first.request.seed
    assert app.text_input(key="generate_seed").value == str(second.request.seed)


def test_a_picture_stays_while_another_prompt_is_written(app: AppTest, runtime: Runtime) -> None:
    """Writing a prompt takes nothing off the wall."""
    app.text_area(key="generate_words").set_value("a red ball")
    app.text_input(key="generate_seed").set_value("4242")
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    app.text_area(key="generate_words").set_value("a blue star")
    press(app, "Prompt only")
    finish(app, runtime)
    assert "blue star" in app.session_state["page_generate"].draft.text
    assert "seed `4242`" in says(app)


def test_a_batch_paints_following_seeds(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a red ball")
    app.text_input(key="generate_seed").set_value("10")
    app.session_state["generate_count"] = 2
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    assert [each.request.seed for each in runtime.tools.history.page(HistoryQuery()).items] == [11, 10]


def test_a_full_queue_is_one_sentence_and_the_words_stay(app: AppTest, runtime: Runtime, monkeypatch: object) -> None:
    runtime.desk._max_queued = 0
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Generate")
    assert "MAX_QUEUED" in says(app)
    assert app.text_area(key="generate_words").value == "a red ball"


def test_json_pasted_over_the_users_own_can_be_undone(app: AppTest) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "first"}')
    app.text_area(key="generate_words").set_value('{"short_description": "second"}')
    press(app, "Generate from this JSON")
    assert "second" in app.session_state["page_generate"].draft.text
    press(app, way_back(app))
    assert "first" in app.session_state["page_generate"].draft.text


def test_a_waiting_jobs_json_is_there_after_a_reload(app: AppTest, runtime: Runtime) -> None:
    """The queue holds what the user typed before anything has been done with it."""
    prompt = StructuredPrompt.parse('{"short_description": "typed by hand"}')
    order = Order(kind="generate", written=WrittenPrompt(prompt), steps=100, seed=1, count=2)
    held = [runtime.desk.place(order), runtime.desk.place(order)]
    waiting = runtime.desk.place(replace(order, steps=2, count=1))
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["batch"] = waiting.id
    again.run()
    assert "typed by hand" in again.session_state["page_generate"].draft.text
    for batch in (waiting, *held):
        runtime.desk.cancel(batch.id)


def test_another_model_brings_its_own_defaults(app: AppTest) -> None:
    """FIBO likes 50 steps and has more shapes; neither must stay behind when mini paints."""
    came_from_fibo = AppTest.from_file(str(APP), default_timeout=60)
    came_from_fibo.session_state["generate_model"] = "fibo"
    came_from_fibo.session_state["generate_defaults_of"] = "fibo"
    came_from_fibo.session_state["generate_steps"] = 50
    came_from_fibo.session_state["generate_aspect"] = "4:5"
    came_from_fibo.run()
    assert came_from_fibo.number_input(key="generate_steps").value == 20
    assert came_from_fibo.selectbox(key="generate_aspect").value == "1:1"


def test_fibo_offers_each_shape_in_half_a_megapixel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a GPU with less memory; what is chosen is what is painted."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("FIBO_MODEL", "fibo")
    get_shell.clear()
    try:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        shapes = app.selectbox(key="generate_aspect")
        assert {"3:2  (1248×832)", "3:2-small  (864×576)"} <= set(shapes.options)
        shapes.select("3:2-small  (864×576)").run()
        assert app.selectbox(key="generate_aspect").value == "3:2-small"
        assert not app.exception
    finally:
        get_runtime().close()
        get_shell.clear()


def test_a_full_disk_is_one_sentence_and_the_studio_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small tmpfs as the workspace: nothing typed is lost, and with space again it paints."""
    workspace = tmp_path / "small"
    workspace.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(workspace)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here (not root)")
    monkeypatch.setenv("WORKSPACE_DIR", str(workspace))
    get_shell.clear()
    runtime = get_runtime()
    try:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        app.text_area(key="generate_words").set_value("a red ball")
        set_steps(app, 1)
        press(app, "Prompt only")
        finish(app, runtime)
        ballast = workspace / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(workspace).free - 16_000))
        press(app, "Generate")
        until = time.monotonic() + 60
        while "full" not in says(app):
            assert time.monotonic() < until, says(app)
            app.run()
        assert app.text_area(key="generate_words").value == "a red ball"
        ballast.unlink()
        if any(button.label == "Try again" for button in app.button):
            press(app, "Try again")
        assert finish(app, runtime).state == "done"
        assert not app.exception
    finally:
        runtime.close()
        get_shell.clear()
        subprocess.run(["umount", "--lazy", str(workspace)], check=False)


def test_wildcards_are_shown_before_and_each_picture_keeps_its_own_words(app: AppTest, runtime: Runtime) -> None:
    """Two colours, four pictures: two jobs, each seed painted once, the expanded words stored."""
    app.text_area(key="generate_words").set_value("a {red|blue} ball")
    app.text_input(key="generate_seed").set_value("10")
    app.session_state["generate_count"] = 4
    app.run()
    assert "2 prompts, 4 pictures" in says(app)
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    stored = {(each.words, each.request.seed) for each in runtime.tools.history.page(HistoryQuery()).items}
    assert stored == {("a red ball", 10), ("a blue ball", 11), ("a red ball", 12), ("a blue ball", 13)}
    assert app.text_area(key="generate_words").value == "a {red|blue} ball"
    assert not app.exception


def test_settings_among_the_words_are_offered_and_fill_the_form_when_wanted(app: AppTest, runtime: Runtime) -> None:
    """Nothing is taken before the press; what is left out is named; the prompt is painted for the words that stay."""
    app.text_area(key="generate_words").set_value("a (red:1.2) ball, <lora:x:1> --seed 5 --ar 3:2 --steps 2")
    app.run()
    assert "their words stay: (red:1.2)" in says(app)
    assert "does not read it: <lora:x:1>" in says(app)
    assert "Left out of the words: seed 5, shape 3:2, 2 steps." in says(app)
    assert app.text_input(key="generate_seed").value != "5"
    press(app, "Use these settings")
    assert app.text_input(key="generate_seed").value == "5"
    assert (app.session_state["generate_aspect"], app.number_input(key="generate_steps").value) == ("3:2", 2)
    assert app.text_area(key="generate_words").value == "a red ball"
    assert "Left out" not in says(app)
    press(app, "Generate")
    finish(app, runtime)
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    assert (generation.words, generation.request.seed) == ("a red ball", 5)
    assert not app.exception


def test_a_prompt_written_for_words_with_signs_is_not_asked_for_again(app: AppTest, runtime: Runtime) -> None:
    """The writer was given "a red ball": that is what its prompt is for. Seed -1 in the form draws one."""
    app.text_area(key="generate_words").set_value("a (red:1.2) ball")
    app.text_input(key="generate_seed").set_value("-1")
    set_steps(app, 1)
    press(app, "Prompt only")
    finish(app, runtime)
    press(app, "Generate")
    job = finish(app, runtime)
    assert job.task.written is not None
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    assert generation.request.seed >= 0
    assert "these words wait" not in says(app)


def test_fewer_pictures_than_combinations_are_those_that_were_shown(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("{red|blue|green|white} {ball|box}")
    app.text_input(key="generate_seed").set_value("7")
    set_steps(app, 1)
    app.run()
    assert "1 prompt of 8, drawn by the seed, 1 picture" in says(app)
    press(app, "Generate")
    finish(app, runtime)
    (picture,) = runtime.tools.history.page(HistoryQuery()).items
    assert f"1 picture: {picture.words}" in says(app)


def test_braces_without_a_partner_are_said_and_painted_as_they_stand(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a {red|blue ball")
    set_steps(app, 1)
    app.run()
    assert "has no partner" in says(app)
    press(app, "Generate")
    finish(app, runtime)
    (picture,) = runtime.tools.history.page(HistoryQuery()).items
    assert picture.words == "a {red|blue ball"


def test_words_that_begin_with_a_wildcard_are_no_json_paste(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("{red|blue} ball")
    press(app, "Prompt only")
    finish(app, runtime)
    assert app.session_state["page_generate"].draft.words in ("red ball", "blue ball")
    assert runtime.tools.history.count(HistoryQuery()) == 0


def test_a_batch_that_the_queue_cannot_take_whole_is_not_begun(app: AppTest, runtime: Runtime) -> None:
    """All or none: no half a batch that nobody asked for."""
    runtime.desk._max_queued = 1
    app.text_area(key="generate_words").set_value("{red|blue|green|white|black|pink|brown|gray} ball")
    app.session_state["generate_count"] = 8
    set_steps(app, 200)
    press(app, "Generate")
    assert "MAX_QUEUED" in says(app)
    assert runtime.desk.recent() == []
    assert runtime.jobs.recent().jobs == ()
    assert app.session_state["page_generate"].batch_id is None


def test_a_reload_brings_the_wildcards_back_not_one_of_their_choices(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a {red|blue} ball")
    app.session_state["generate_count"] = 2
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["batch"] = app.session_state["page_generate"].batch_id
    again.run()
    assert again.text_area(key="generate_words").value == "a {red|blue} ball"


def test_words_that_had_no_part_in_a_picture_are_not_kept_with_it(app: AppTest, runtime: Runtime) -> None:
    """The user's own JSON is painted as it is, and the page says that the words wait."""
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "mine"}')
    app.text_area(key="generate_words").set_value("a green tree")
    app.run()
    assert "these words wait" in says(app)
    set_steps(app, 1)
    press(app, "Generate from this JSON")
    finish(app, runtime)
    (picture,) = runtime.tools.history.page(HistoryQuery()).items
    assert picture.words == ""


def test_a_reload_of_a_prompt_that_was_only_written_brings_its_seed_back(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a ball")
    app.text_input(key="generate_seed").set_value("4711")
    press(app, "Prompt only")
    finish(app, runtime)
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["batch"] = app.session_state["page_generate"].batch_id
    again.run()
    assert again.text_input(key="generate_seed").value == "4711"


def test_ones_own_json_is_painted_once_whatever_the_wildcards_say(app: AppTest, runtime: Runtime) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "mine"}')
    app.text_area(key="generate_words").set_value("{red|blue} ball")
    app.session_state["generate_count"] = 2
    app.run()
    assert "painted as it is" in says(app)
    set_steps(app, 1)
    press(app, "Generate from this JSON")
    finish(app, runtime)
    pictures = runtime.tools.history.page(HistoryQuery()).items
    assert {picture.words for picture in pictures} == {""}
    assert len(pictures) == 2


def test_an_edit_during_a_batch_is_not_replaced_by_its_next_prompt(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("{red|blue} ball")
    app.session_state["generate_count"] = 2
    set_steps(app, 150)
    press(app, "Generate")
    batch_id = app.session_state["page_generate"].batch_id
    until = time.monotonic() + 60
    while app.session_state["page_generate"].draft is None:
        assert time.monotonic() < until
        app.run()
    type_json(app, "generate", '{"short_description": "mine"}')
    first, second = runtime.desk.get(batch_id).jobs
    runtime.jobs.cancel(first.id)
    runtime.jobs.wait(first.id, 60)
    app.run()
    while runtime.jobs.get(second.id).written is None:
        assert time.monotonic() < until
    app.run()
    assert app.session_state["page_generate"].draft.text == '{"short_description": "mine"}'
    runtime.desk.cancel(batch_id)
    runtime.desk.wait(batch_id, 60)


def test_what_mini_was_never_shown_is_named_above_the_prompt_and_goes_when_it_is_edited_away(
    app: AppTest, runtime: Runtime
) -> None:
    app.text_area(key="generate_words").set_value("a red dragon")
    press(app, "Prompt only")
    finish(app, runtime)
    assert "mini was not trained on: dragon." in says(app)
    type_json(app, "generate", app.session_state["page_generate"].draft.text.replace("dragon", "mushroom"))
    assert "not trained on" not in says(app)


def test_a_seed_that_the_browser_sends_back_late_locks_nothing(app: AppTest, runtime: Runtime) -> None:
    """Pressed quickly, a page fills its seed more than once before the browser has shown the first."""
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 1)
    press(app, "Generate")
    late = app.text_input(key="generate_seed").value
    press(app, "Generate")
    newest = app.text_input(key="generate_seed").value
    app.text_input(key="generate_seed").set_value(late).run()
    assert not app.session_state["generate_seed_locked"]
    assert app.text_input(key="generate_seed").value == newest
    app.text_input(key="generate_seed").set_value("4711").run()
    assert app.session_state["generate_seed_locked"]
    finish(app, runtime)


def test_a_press_whose_run_is_broken_off_is_carried_out_in_the_next_one(app: AppTest, runtime: Runtime) -> None:
    """And one that was placed just before is not placed again."""
    presses = Presses(waiting=[Press("paint", "one"), Press("paint", "two"), Press("paint", "three")])
    state = PageState()
    broken, done = ["two", "three"], []

    class BrokenOff(BaseException):
        pass

    def act(press: Press) -> None:
        if press.words == "two" and press.words in broken:
            broken.remove("two")
            raise BrokenOff
        done.append(press.words)
        state.batch_id = press.words
        if press.words == "three":
            raise BrokenOff

    for _ in range(2):
        with pytest.raises(BrokenOff):
            carry_out(state, presses, act)
    assert done == ["one", "two", "three"]
    assert presses.waiting == []


def test_broken_json_is_told_once_and_no_longer_once_it_is_mended(app: AppTest) -> None:
    press(app, "Start from JSON")
    type_json(app, "generate", '{"short_description": "x" "lighting": {"conditions": "dim"}}')
    press(app, "Generate from this JSON")
    (told,) = [error.value for error in app.error]
    assert "not JSON" in told
    press(app, "Mend it")
    assert not app.error


def test_a_picture_is_deleted_from_the_stage_and_comes_back_with_undo(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """Its batch leaves the page with it; words and prompt stay as they are."""
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 1)
    press(app, "Generate")
    (painted,) = finish(app, runtime).generation_ids
    batch_id, text = app.session_state["page_generate"].batch_id, app.session_state["page_generate"].draft.text
    press(app, "Delete")
    assert runtime.tools.history.count(HistoryQuery()) == 0
    assert "Deleted. It lies in the trash of History." in says(app)
    assert app.session_state["page_generate"].batch_id is None
    assert app.session_state["page_generate"].draft.text == text
    app.button(key="generate_undo_delete").click().run()
    assert [each.id for each in runtime.tools.history.page(HistoryQuery()).items] == [painted]
    assert app.session_state["page_generate"].batch_id == batch_id
    assert "Deleted." not in says(app)

    earlier = paint("a blue star", seed=5)
    app.query_params["picture"] = earlier.id
    app.run()
    press(app, "Delete")
    assert "Viewing an earlier picture" not in says(app)
    assert app.session_state["page_generate"].draft.text == text
    app.button(key="generate_undo_delete").click().run()
    assert app.session_state["page_generate"].shown_id == earlier.id


def test_a_deleted_picture_of_a_grid_leaves_the_others(app: AppTest, runtime: Runtime) -> None:
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 1)
    app.selectbox(key="generate_count").set_value(2)
    press(app, "Generate")
    first, second = finish(app, runtime).generation_ids
    app.query_params["picture"] = first
    app.run()
    press(app, "Delete")
    assert app.session_state["page_generate"].batch_id is not None
    assert [each.id for each in runtime.tools.history.page(HistoryQuery()).items] == [second]
    assert runtime.tools.history.deleted_among([first, second, "none"]) == [first, "none"]


def test_a_lora_of_the_workspace_is_asked_for_in_the_form(app: AppTest, runtime: Runtime) -> None:
    """Where none is here, the form has no field for one; a strength that is none is said at the press."""
    assert "generate_loras" not in [field.key for field in app.text_input]
    write_lora_of_mini(runtime.settings.workspace_dir / "adapters" / "sepia.safetensors")
    app.run()
    app.text_input(key="generate_loras").set_value("sepia:strong")
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 2)
    press(app, "Generate")
    assert "strength of sepia is" in says(app)
    app.text_input(key="generate_loras").set_value("sepia:0.5")
    press(app, "Generate")
    (settings,) = app.get("popover")
    assert settings.proto.popover.label == r"More settings · LoRA sepia\:0\.5"
    finish(app, runtime)
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    (adapter,) = generation.request.adapters
    assert adapter.startswith("sepia@")
    assert adapter.endswith("*0.5")
    assert app.text_input(key="generate_loras").value == "sepia:0.5"
