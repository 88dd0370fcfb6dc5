"""Inspire: a picture becomes a prompt that can be changed and painted; the picture stays with the result."""

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from studio.ui.components.given_pictures import ADDED, CHANGE
from tests.pages.conftest import APP, finish, page, press, says


def meadow() -> bytes:
    picture = Image.new("RGB", (480, 320), (120, 180, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 200, 480, 320), fill=(60, 150, 50))
    draw.ellipse((40, 120, 140, 220), fill=(210, 30, 30))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def give(app: AppTest, runtime: Runtime, *pictures: bytes) -> AppTest:
    """Gives the page these pictures and no others, as the browser tells Python of those that it has sent."""
    paths = [f"inputs/{runtime.inputs.keep(picture)}.png" for picture in pictures]
    return tell(app, paths)


def tell(app: AppTest, paths: list[str]) -> AppTest:
    app.session_state[CHANGE] = {"number": "1", "pictures": paths}
    return app.run()


def plain(color: str, size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def inspire(app: AppTest, runtime: Runtime) -> AppTest:
    return give(page(app, "inspire"), runtime, meadow())


def test_a_picture_is_described_and_nothing_is_painted(inspire: AppTest, runtime: Runtime) -> None:
    press(inspire, "Describe")
    finish(inspire, runtime, "inspire")
    text = inspire.session_state["page_inspire"].draft.text
    assert "red" in text
    assert "green" in text
    assert "Palette" in says(inspire)
    assert "Light" in says(inspire)
    assert runtime.tools.history.count(HistoryQuery()) == 0


def test_the_shape_follows_the_picture(inspire: AppTest) -> None:
    assert inspire.selectbox(key="inspire_aspect").value == "3:2"


def test_the_painted_picture_keeps_its_source(inspire: AppTest, runtime: Runtime) -> None:
    inspire.number_input(key="inspire_steps").set_value(2)
    inspire.text_input(key="inspire_words").set_value("at night")
    press(inspire, "Paint")
    finish(inspire, runtime, "inspire")
    (generation,) = runtime.tools.history.page(HistoryQuery()).items
    source = runtime.tools.history.source_file(generation.id)
    assert source is not None
    assert Image.open(source).size == (480, 320)
    assert "night" in generation.prompt.canonical()
    assert not inspire.exception


def test_a_picture_of_the_history_is_a_source_too(
    app: AppTest, runtime: Runtime, store: Callable[..., Generation]
) -> None:
    source = store("a red ball")
    app.session_state["page_generate"].shown_id = source.id
    app.run()
    press(app, "Inspire")
    app.number_input(key="inspire_steps").set_value(2)
    press(app, "Paint")
    finish(app, runtime, "inspire")
    newest = runtime.tools.history.page(HistoryQuery()).items[0]
    assert (newest.mode, newest.parent_id) == ("inspire", source.id)


def test_several_pictures_make_one_prompt_and_the_main_one_gives_the_shape(inspire: AppTest, runtime: Runtime) -> None:
    give(inspire, runtime, plain("navy", (200, 300)), meadow())
    assert inspire.selectbox(key="inspire_aspect").value == "2:3"
    press(inspire, "Describe")
    batch = runtime.desk.get(inspire.session_state["page_inspire"].batch_id)
    assert len(batch.order.pictures) == 2
    finish(inspire, runtime, "inspire")
    assert "those of all 2 pictures" in says(inspire)


def test_other_pictures_put_the_writers_words_away_and_leave_the_users_own(inspire: AppTest, runtime: Runtime) -> None:
    """What was written of others is not painted for these; what a user has changed is theirs."""
    state = inspire.session_state["page_inspire"]
    press(inspire, "Describe")
    finish(inspire, runtime, "inspire")
    assert state.draft is not None
    give(inspire, runtime, meadow(), plain("navy"))
    assert (state.draft, state.batch_id) == (None, None)
    assert "batch" not in inspire.query_params
    press(inspire, "Describe")
    finish(inspire, runtime, "inspire")
    state.rewrite('{"short_description": "mine"}')
    give(inspire, runtime, meadow())
    assert "mine" in state.draft.text
    first = inspire.session_state["inspire_presses"].buttons[0]
    assert first.label == "Paint this JSON"  # which Ctrl+Enter presses: no writer replaces it unasked


def test_a_reload_brings_the_pictures_of_the_batch_back(inspire: AppTest, runtime: Runtime) -> None:
    """A new session that has only the address."""
    give(inspire, runtime, meadow(), plain("navy"))
    pictures = inspire.session_state["page_inspire"].pictures
    press(inspire, "Describe")
    finish(inspire, runtime, "inspire")
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["batch"] = inspire.session_state["page_inspire"].batch_id
    again.switch_page("../../pages/inspire.py").run()
    assert again.session_state["page_inspire"].pictures == pictures


def test_a_color_goes_into_the_hint_once(inspire: AppTest) -> None:
    """Beside what stands there, as words that every writer reads."""
    inspire.text_input(key="inspire_words").set_value("at night").run()
    hints = []
    for name in ("navy blue", "gold", "navy blue"):
        inspire.session_state[ADDED] = name
        inspire.run()
        hints.append(inspire.text_input(key="inspire_words").value)
    last = "at night, colors: navy blue, gold"
    assert hints == ["at night, colors: navy blue", last, last]


@pytest.mark.parametrize(
    "paths", [["inputs/" + "0" * 64 + ".png"], ["../../etc/passwd"], ["outputs/2026/01/01/x.png"], ["a"] * 5]
)
def test_a_browser_names_no_picture_that_was_not_given(app: AppTest, paths: list[str]) -> None:
    """Whatever it says, only what is kept here, or on the page already, is begun with."""
    tell(page(app, "inspire"), paths)
    assert len(app.error) == 1
    assert "Give it again" in app.error[0].value
    assert app.session_state["page_inspire"].pictures == ()


def test_without_a_picture_a_press_says_what_is_missing(app: AppTest) -> None:
    page(app, "inspire")
    press(app, "Describe")
    (error,) = app.error
    assert error.value.replace("\\", "") == "An inspiration starts from a picture. Give one."
