"""The brush in a real Chromium: by mouse and by finger, over a reload, and what is painted behind the mark."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor, insist
from tests.studio.processes import Server, add_picture, opened

pytestmark = pytest.mark.browser

#: How many pixels of the picture are marked, as they are seen.
MARKED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  let marked = 0
  for (let at = 3; at < data.length; at += 4) marked += data[at] >= 128
  return marked
}"""


@pytest.fixture
def source(studio: Server) -> str:
    """The id of a picture to begin with."""
    prompt = StructuredPrompt.from_dict(
        {
            "short_description": "a red ball and a blue box",
            "objects": [
                {"description": "a red ball", "shape_and_color": "round, red", "location": "left"},
                {"description": "a blue box", "shape_and_color": "box-shaped, blue", "location": "right"},
            ],
        }
    )
    with opened(studio.log.parent / "workspace") as (_, history):
        return add_picture(history, "a red ball and a blue box", seed=43, prompt=prompt).id


@pytest.fixture
def visitor(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, DESKTOP)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


@pytest.fixture
def finger(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, PHONE, touch=True)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


def arrive(visitor: Visitor, picture: str) -> Locator:
    """Opens Edit on a picture; the canvas of its mark."""
    visitor.open(f"/edit?picture={picture}")
    expect(visitor.page.locator(".alone .result")).to_have_attribute("src", re.compile(picture))
    expect(visitor.page.locator(".marking")).to_be_visible()
    return visitor.page.locator(".mark canvas")


def marked(canvas: Locator) -> int:
    return int(canvas.evaluate(MARKED))


def stroke(visitor: Visitor, *points: tuple[float, float]) -> None:
    """Draws with the mouse, by shares of the picture."""
    box = visitor.page.locator(".alone").bounding_box()
    assert box is not None
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    visitor.page.mouse.move(*at[0])
    visitor.page.mouse.down()
    for point in at[1:]:
        visitor.page.mouse.move(*point, steps=5)
    visitor.page.mouse.up()


def button(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("button", name=name)


def kept_mask(visitor: Visitor) -> np.ndarray:
    """The mark as the studio keeps it, by the name that the page goes by."""
    name = visitor.page.evaluate("() => window.fibo.marks.edit.settled()")
    answer = visitor.context.request.get(f"{visitor.home}/inputs/{name}.png")
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("L"))


def test_what_is_marked_is_kept_at_the_pictures_own_pixels_and_outlives_a_reload(visitor: Visitor, source: str) -> None:
    """Strokes can be taken back; an object is marked by its name; zoom and pan leave the mark where it is."""
    page = visitor.page
    canvas = arrive(visitor, source)
    expect(button(visitor, "Paint a variation")).to_be_visible()
    stroke(visitor, (0.7, 0.5), (0.9, 0.5))
    expect(button(visitor, "Repaint the marked part")).to_be_visible()
    mask = kept_mask(visitor)
    assert set(np.unique(mask)) == {0, 255}
    assert mask.shape == (canvas.evaluate("each => each.height"), canvas.evaluate("each => each.width"))
    height, width = mask.shape
    assert mask[height // 2, int(0.8 * width)] == 255
    assert mask[height // 2, int(0.2 * width)] == 0
    first = marked(canvas)
    stroke(visitor, (0.1, 0.1), (0.3, 0.1))
    assert marked(canvas) > first
    page.keyboard.press("Control+z")
    assert marked(canvas) == first

    page.locator(".stage").press("Enter")
    expect(page.locator(".alone")).to_have_class(re.compile("zoomed"))
    stroke(visitor, (0.45, 0.5), (0.55, 0.5))
    zoomed = marked(canvas)
    assert first < zoomed
    page.locator(".stage").press("Escape")
    assert marked(canvas) == zoomed
    page.get_by_label("Mark an object").select_option(label="Object 1: a red ball")
    named = marked(canvas)
    assert named > zoomed
    assert kept_mask(visitor)[height // 2, int(0.2 * width)] == 255

    visitor.settle()
    page.wait_for_timeout(1_000)
    page.reload()
    expect(button(visitor, "Repaint the marked part")).to_be_visible()
    insist(lambda: None, lambda ms: expect(page.locator(".marking .clear")).to_be_enabled(timeout=ms))
    assert marked(canvas) == named
    button(visitor, "Invert").click()
    assert marked(canvas) == height * width - named
    button(visitor, "Erase").click()
    button(visitor, "Clear").click()
    expect(button(visitor, "Paint a variation")).to_be_visible()
    expect(button(visitor, "Erase")).to_be_disabled()
    stroke(visitor, (0.1, 0.1), (0.3, 0.1))
    assert marked(canvas) > 0, "the eraser went with what it could erase"
    page.keyboard.press("Control+z")
    button(visitor, "Undo").click()
    page.keyboard.press("Control+z")
    assert marked(canvas) == named, "the stage hears the keys once a button is grey"


def test_the_part_is_repainted_and_the_rest_stays_bit_for_bit(visitor: Visitor, source: str, studio: Server) -> None:
    """A press takes along the stroke that has just been drawn; the result opens on after, and is the next source."""
    page = visitor.page
    canvas = arrive(visitor, source)
    page.get_by_label("What should change?").fill("make the ball green")
    page.keyboard.press("Tab")
    visitor.settle()
    stroke(visitor, (0.15, 0.4), (0.3, 0.5), (0.15, 0.6))
    visitor.page.locator(".bar .primary").click()
    expect(page.locator("ol.thread .step")).to_have_count(2, timeout=90_000)
    expect(page.get_by_label("What should change?")).to_have_value("")
    result = str(page.locator('ol.thread [aria-current="step"]').get_attribute("data-id"))
    assert result != source
    expect(page.locator(".alone .result")).to_have_attribute("src", re.compile(result))
    expect(page.locator(".alone")).to_have_attribute("data-mode", "picture")
    expect(page.get_by_role("button", name="Slider")).to_be_visible()
    assert marked(canvas) == 0
    with opened(studio.log.parent / "workspace") as (_, history):
        picture = history.get(result)
        assert picture.parent_id == source
        assert picture.request.edit is not None
        before, after = (np.asarray(Image.open(history.image_file(id)).convert("RGB")) for id in (source, result))
        name = picture.request.edit.mask
    answer = visitor.context.request.get(f"{visitor.home}/inputs/{name}.png")
    mask = np.asarray(Image.open(io.BytesIO(answer.body())).convert("L"))
    assert 0 < (mask == 255).mean() < 0.5
    assert (before[mask == 0] == after[mask == 0]).all()
    assert (before[mask == 255] != after[mask == 255]).any()


def test_the_browsers_back_leads_to_where_edit_was_pressed(visitor: Visitor, source: str) -> None:
    page = visitor.page
    visitor.open(f"/refine?picture={source}")
    visitor.settle()
    edits = re.compile(rf"/edit\?picture={source}")
    insist(
        lambda: button(visitor, "Edit").last.click() if "/refine" in page.url else None,
        lambda ms: expect(page).to_have_url(edits, timeout=ms),
    )
    expect(page.locator(".marking")).to_be_visible()
    visitor.settle()
    page.go_back()
    expect(page).to_have_url(re.compile(rf"/refine\?picture={source}"))


def test_one_finger_marks_and_two_move_the_picture(finger: Visitor, source: str) -> None:
    page = finger.page
    canvas = arrive(finger, source)
    assert page.locator("nav a").count() == 6
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    driver = finger.context.new_cdp_session(page)
    box = page.locator(".alone").bounding_box()
    assert box is not None

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": id}
            for id, (x, y) in enumerate(points)
        ]
        driver.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    def draw() -> None:
        touch("touchStart", (0.6, 0.5))
        for step in range(1, 6):
            touch("touchMove", (0.6 + 0.05 * step, 0.5))
        touch("touchEnd")

    draw()
    assert marked(canvas) == 0, "the brush is off on a phone until it is wanted: a finger scrolls the page"
    page.wait_for_timeout(700)  # a tap at once would only end the fling
    page.locator(".marker").tap()
    expect(page.locator(".marker")).to_have_attribute("aria-pressed", "true")
    draw()
    first = marked(canvas)
    assert first > 0
    touch("touchStart", (0.45, 0.45))
    touch("touchMove", (0.46, 0.46))
    touch("touchStart", (0.46, 0.46), (0.55, 0.55))
    for step in range(1, 6):
        touch("touchMove", (0.46 - 0.05 * step, 0.46 - 0.05 * step), (0.55 + 0.05 * step, 0.55 + 0.05 * step))
    touch("touchEnd")
    expect(page.locator(".alone")).to_have_class(re.compile("zoomed"))
    assert marked(canvas) == first
    expect(button(finger, "Repaint the marked part")).to_be_visible()
