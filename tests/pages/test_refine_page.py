"""Refine: a source, an instruction, the difference, the same seed, and where it all came from."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from streamlit.testing.v1 import AppTest

from fibo_core.errors import FiboError
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from studio.ui.components.sources import refine_from_file
from studio.ui.session import begin_from
from studio.ui.state import PageState
from tests.engine.test_adapters import write_lora_of_mini
from tests.pages.conftest import bar, finish, page, press, says, type_json, way_back

FIELD = Path("tests/golden/field-cases/pictures")
Store = Callable[..., Generation]


@pytest.fixture
def source(store: Store) -> Generation:
    return store("a red ball on the left", seed=41)


@pytest.fixture
def refine(app: AppTest, source: Generation) -> AppTest:
    """The Refine page with a picture of the History as its source, chosen from the Generate page."""
    app.session_state["page_generate"].shown_id = source.id
    app.run()
    return press(app, "Refine")


def edit(app: AppTest, change: Callable[[str], str]) -> None:
    """Types another text into the JSON editor."""
    type_json(app, "refine", change(app.session_state["page_refine"].draft.text))


def test_a_picture_brings_its_prompt_and_its_seed(refine: AppTest, source: Generation) -> None:
    assert refine.text_input(key="refine_seed").value == "41"
    assert refine.session_state["page_refine"].source == source.prompt
    assert "Paint with the same seed" in bar(refine)


def test_the_changes_are_shown_before_anything_is_painted(refine: AppTest, runtime: Runtime) -> None:
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Show the changes")
    finish(refine, runtime, "refine")
    assert runtime.tools.history.count(HistoryQuery()) == 1
    assert "3 changes: 3 of 3 asked for" in says(refine)
    assert "green" in refine.session_state["page_refine"].draft.text


def test_painting_makes_a_child_with_the_parents_seed_size_and_steps(
    refine: AppTest, runtime: Runtime, source: Generation
) -> None:
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Paint with the same seed")
    finish(refine, runtime, "refine")
    child, parent = runtime.tools.history.page(HistoryQuery()).items
    assert (child.parent_id, child.mode, child.words) == (source.id, "refine", "make the ball green")
    assert child.request.seed == parent.request.seed == 41
    assert child.request.num_inference_steps == parent.request.num_inference_steps
    assert "green" in child.prompt.canonical()
    assert not refine.exception


def test_the_reviewed_prompt_is_what_is_painted(refine: AppTest, runtime: Runtime) -> None:
    """Shown changes, then an edit by hand, then paint: the edit is in the picture's prompt."""
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Show the changes")
    finish(refine, runtime, "refine")
    edit(refine, lambda text: text.replace("green", "purple"))
    press(refine, "Paint these changes")
    finish(refine, runtime, "refine")
    child = runtime.tools.history.page(HistoryQuery()).items[0]
    assert "purple" in child.prompt.canonical()
    assert child.edited


def test_another_seed_is_offered_as_such(refine: AppTest) -> None:
    refine.text_input(key="refine_seed").set_value("5")
    refine.run()
    assert "Paint" in bar(refine)


def test_a_press_that_would_change_nothing_asks_first(refine: AppTest, runtime: Runtime, source: Generation) -> None:
    """No words, the source's own prompt and seed: the same picture again only where somebody says so."""
    press(refine, "Paint with the same seed")
    assert "Nothing would change. Say what should change" in says(refine)
    assert refine.session_state["page_refine"].batch_id is None
    press(refine, "Paint again anyway")
    finish(refine, runtime, "refine")
    child = runtime.tools.history.page(HistoryQuery()).items[0]
    assert (child.parent_id, child.prompt, child.request.seed) == (source.id, source.prompt, 41)


def test_the_question_goes_once_there_is_something_to_change(refine: AppTest) -> None:
    press(refine, "Paint with the same seed")
    refine.text_input(key="refine_words").set_value("make the ball green").run()
    assert "Nothing would change" not in says(refine)


def test_nothing_to_show_is_one_clear_sentence(refine: AppTest) -> None:
    press(refine, "Show the changes")
    assert "Say what should change" in says(refine)
    assert refine.session_state["page_refine"].batch_id is None


def test_an_instruction_that_is_fulfilled_already_asks_first_and_keeps_its_words(
    refine: AppTest, runtime: Runtime
) -> None:
    for _ in range(2):
        refine.text_input(key="refine_words").set_value("make the ball green")
        press(refine, "Paint with the same seed")
        finish(refine, runtime, "refine")
    assert "Nothing would change" in says(refine)
    assert refine.text_input(key="refine_words").value == "make the ball green"
    assert runtime.tools.history.count(HistoryQuery()) == 2
    green = runtime.tools.history.page(HistoryQuery()).items[0]
    press(refine, "Paint again anyway")
    finish(refine, runtime, "refine")
    assert runtime.tools.history.page(HistoryQuery()).items[0].parent_id == green.id


def test_a_pasted_prompt_is_a_source(app: AppTest) -> None:
    page(app, "refine")
    app.text_area(key="refine_pasted").set_value('{"short_description": "a pasted ball"}')
    press(app, "Use this prompt")
    assert app.session_state["page_refine"].source.get("short_description") == "a pasted ball"
    assert "From a prompt of yours" in says(app)


def test_a_prompt_is_found_in_what_is_pasted_and_dropped(app: AppTest, runtime: Runtime) -> None:
    """What was done for it stands under the source, and its settings are offered to the form."""
    page(app, "refine")
    app.text_area(key="refine_pasted").set_value(
        '{"data": [{"json_prompt": {"short_description": "a ball"}, "seed": 7}]}'
    )
    press(app, "Use this prompt")
    assert app.session_state["page_refine"].source.document == {"short_description": "a ball"}
    assert "The caption was taken from" in says(app)
    press(app, "Use these settings")
    assert app.text_input(key="refine_seed").value == "7"
    texts, png = PngInfo(), BytesIO()
    texts.add_text("parameters", '{"short_description": "a box"}')
    Image.new("RGB", (8, 8)).save(png, "PNG", pnginfo=texts)
    state = PageState()
    refine_from_file(runtime, state, png.getvalue())
    assert state.source is not None
    assert state.source.document == {"short_description": "a box"}


def test_a_pasted_prompt_that_is_none_is_one_clear_sentence(app: AppTest) -> None:
    page(app, "refine")
    app.text_area(key="refine_pasted").set_value("make it nice")
    press(app, "Use this prompt")
    assert "JSON" in says(app)
    assert app.text_area(key="refine_pasted").value == "make it nice"


def test_a_dropped_png_or_sidecar_of_the_studio_brings_its_recipe_back(runtime: Runtime, source: Generation) -> None:
    """The file alone is enough, and its picture is found again in the History."""
    history = runtime.tools.history
    for file in (history.image_file(source.id), history.sidecar_file(source.id)):
        state = PageState()
        refine_from_file(runtime, state, file.read_bytes())
        assert (state.source, state.source_id) == (source.prompt, source.id)
        assert state.source_request == source.request


def test_a_dropped_png_of_another_studio_brings_its_recipe_without_a_parent(
    runtime: Runtime, source: Generation
) -> None:
    """A row never points at a picture that is not here."""
    history = runtime.tools.history
    record = json.loads(history.sidecar_file(source.id).read_text()) | {"id": "01J0000000000000000000000A"}
    state = PageState()
    refine_from_file(runtime, state, json.dumps(record).encode())
    assert state.source == source.prompt
    assert state.source_id is None


def test_a_dropped_bare_prompt_is_a_source(runtime: Runtime) -> None:
    state = PageState()
    refine_from_file(runtime, state, b'{"short_description": "a ball"}')
    assert state.source is not None
    assert state.source.get("short_description") == "a ball"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n cut short",
        b"\xff\xfe\x00nothing",
        b"{'not': json}",
        b"",
        b'{"format": "other/9", "structured_prompt": {}}',
    ],
)
def test_a_dropped_file_that_holds_no_recipe_is_refused_and_nothing_is_lost(
    runtime: Runtime, source: Generation, data: bytes
) -> None:
    """One sentence, and the page keeps the source it had."""
    state = PageState()
    begin_from(state, "refine", source)
    with pytest.raises(FiboError) as error:
        refine_from_file(runtime, state, data)
    assert len(str(error.value)) > 20
    assert state.source == source.prompt


def test_another_programs_picture_offers_its_words_seed_size_and_steps_to_generate(app: AppTest) -> None:
    """Nothing is taken silently: a press takes them, and what was in Generate's editor has its way back."""
    app.session_state["page_generate"].begin('{"short_description": "mine"}')
    page(app, "refine")
    data = (FIELD / "a1111.png").read_bytes()
    app.file_uploader(key="refine_upload").upload("a1111.png", data, "image/png").run()
    assert "made by A1111 with the words “a red ball and a blue box on grass, masterpiece”" in says(app)
    assert "seed 1234567890, 512×512, 20 steps" in says(app)
    press(app, "Use them on Generate")
    assert app.text_area(key="generate_words").value == "a red ball and a blue box on grass, masterpiece"
    assert app.text_input(key="generate_seed").value == "1234567890"
    assert app.selectbox(key="generate_aspect").value == "1:1"
    assert app.number_input(key="generate_steps").value == 20
    assert "mine" in app.session_state["page_generate"].previous.text
    assert not app.exception


@pytest.mark.parametrize("name", ["comfy-nan.png", "transparent.png", "exif6.jpg"])
def test_a_picture_without_words_is_sent_to_inspire(app: AppTest, name: str) -> None:
    page(app, "refine")
    app.file_uploader(key="refine_upload").upload(name, (FIELD / name).read_bytes(), "image/png").run()
    (error,) = app.error
    assert "Take it to Inspire" in error.value
    assert not app.exception


def test_a_new_instruction_changes_what_the_user_made_of_the_prompt(refine: AppTest, runtime: Runtime) -> None:
    """JSON edited by hand is the base of the next instruction; it is neither ignored nor lost."""
    edit(refine, lambda text: text.replace("left", "right"))
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Paint these changes")
    finish(refine, runtime, "refine")
    child = runtime.tools.history.page(HistoryQuery()).items[0]
    assert "green" in child.prompt.canonical()
    assert "right" in child.prompt.canonical()
    assert way_back(refine)


def test_another_source_keeps_the_users_json_within_reach(refine: AppTest, runtime: Runtime) -> None:
    edit(refine, lambda text: '{"short_description": "mine"}')
    press(refine, "Another source")
    previous = refine.session_state["page_refine"].previous
    assert previous is not None
    assert previous.text == '{"short_description": "mine"}'


def test_the_loras_of_the_source_stand_in_a_field_and_an_emptied_one_is_none(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """The next picture has no LoRA, and so no field for one; a picture without LoRAs never had one."""
    file = write_lora_of_mini(runtime.settings.workspace_dir / "adapters" / "sepia.safetensors")
    worn = paint(adapters=("sepia:0.5",))

    def refined(words: str) -> Generation:
        app.text_input(key="refine_words").set_value(words)
        finish(press(app, "Paint with the same seed"), runtime, "refine")
        (newest, *_) = runtime.tools.history.page(HistoryQuery()).items
        assert newest.words == words
        return newest

    app.session_state["page_generate"].shown_id = worn.id
    press(app.run(), "Refine")
    assert app.text_input(key="refine_loras").value == "sepia:0.5"
    assert refined("make the ball green").request.adapters == worn.request.adapters
    assert "mini · LoRA sepia:0.5" in says(app)
    assert app.text_input(key="refine_loras").value == "sepia:0.5"
    file.unlink()
    app.text_input(key="refine_words").set_value("make the ball purple")
    press(app, "Paint with the same seed")
    assert "There is no adapter called 'sepia'" in says(app)
    app.text_input(key="refine_loras").set_value("").run()
    assert refined("make the ball blue").request.adapters == ()
    assert any(each.label.endswith(r"; LoRA sepia\:0\.5 taken off") for each in app.expander)
    assert "refine_loras" not in [field.key for field in app.text_input]
