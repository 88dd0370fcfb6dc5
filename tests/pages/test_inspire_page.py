"""Inspire: a picture becomes a prompt that can be changed and painted; the picture stays with the result."""

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from tests.pages.conftest import finish, page, press, says


def meadow() -> bytes:
    picture = Image.new("RGB", (480, 320), (120, 180, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 200, 480, 320), fill=(60, 150, 50))
    draw.ellipse((40, 120, 140, 220), fill=(210, 30, 30))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def inspire(app: AppTest) -> AppTest:
    page(app, "inspire")
    app.file_uploader(key="inspire_upload").upload("meadow.png", meadow(), "image/png").run()
    return app


def test_a_picture_is_described_and_nothing_is_painted(inspire: AppTest, runtime: Runtime) -> None:
    press(inspire, "Describe it")
    finish(inspire, runtime, "inspire")
    text = inspire.session_state["page_inspire"].draft.text
    assert "red" in text
    assert "green" in text
    assert "Palette" in says(inspire)
    assert runtime.tools.history.count(HistoryQuery()) == 0


def test_the_shape_follows_the_picture(inspire: AppTest) -> None:
    assert inspire.selectbox(key="inspire_aspect").value == "3:2"


def test_the_painted_picture_keeps_its_source(inspire: AppTest, runtime: Runtime) -> None:
    inspire.number_input(key="inspire_steps").set_value(2)
    inspire.text_input(key="inspire_words").set_value("at night")
    press(inspire, "Paint it")
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
    press(app, "Paint it")
    finish(app, runtime, "inspire")
    newest = runtime.tools.history.page(HistoryQuery()).items[0]
    assert (newest.mode, newest.parent_id) == ("inspire", source.id)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.png", meadow()[:300]),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("empty.png", b""),
        ("../../etc/passwd.png", b"root:x:0:0"),
        ("phone.heic", b"\0\0\0\x18ftypheic" + b"\0" * 100),
    ],
)
def test_an_upload_that_is_no_picture_is_one_clear_sentence(app: AppTest, name: str, data: bytes) -> None:
    page(app, "inspire")
    app.file_uploader(key="inspire_upload").upload(name, data, "image/png").run()
    assert app.error
    assert not app.exception
    assert app.session_state["page_inspire"].pictures == ()
