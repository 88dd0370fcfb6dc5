"""The stage: where a picture is shown while it is painted and afterwards."""

import io
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Request, expect

from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, served

pytestmark = pytest.mark.browser

PASSWORD = "made up for these tests"

#: Keeps, for each frame drawn: the stage's place, how many pictures are seen on it, and every shift of the page.
WATCH = """stage => {
    const watch = window.watched = { places: new Set(), fewest: 9, frames: 0, shift: 0, gone: false }
    const look = () => {
        const { x, y, width, height } = stage.querySelector(".box").getBoundingClientRect()
        watch.places.add([x, width, height].map(Math.round).join(" "))
        const seen = [...stage.querySelectorAll("img")].filter(each => each.complete && each.getClientRects().length)
        watch.fewest = Math.min(watch.fewest, seen.length)
        watch.frames += 1
        watch.gone ||= !stage.isConnected
        requestAnimationFrame(look)
    }
    new PerformanceObserver(list => list.getEntries().forEach(entry => {
        if (!entry.hadRecentInput) watch.shift += entry.value
    })).observe({ type: "layout-shift" })
    look()
}"""


@pytest.fixture(scope="module")
def api(studio: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{studio.port}/api/v1", timeout=120) as client:
        yield client


def order(api: httpx.Client, **asked: Any) -> str:
    """Places an order, and gives its batch's id."""
    answer = api.post("/generations", json={"words": "a red ball", "steps": 3, **asked})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def painted(api: httpx.Client, **asked: Any) -> str:
    id = order(api, **asked)
    while not api.get(f"/batches/{id}", params={"wait": 20}).json()["ended"]:
        pass
    return id


def stage_of(visitor: Visitor, state: str = "") -> Locator:
    return visitor.page.locator(f".stage[data-state='{state}']" if state else ".stage")


def look_at(visitor: Visitor, batch_id: str) -> None:
    """Opens Generate on a batch, while it is painted too: then the page's network never rests."""
    visitor.page.goto(f"{visitor.home}/?batch={batch_id}")
    stage_of(visitor).wait_for()
    visitor.settle()


def cells(visitor: Visitor) -> Locator:
    return visitor.page.locator(".stage .cell")


def color_of_ball(visitor: Visitor) -> str:
    """The stronger of red and green in the middle of what is seen."""
    visitor.page.wait_for_timeout(400)  # for what fades
    with Image.open(io.BytesIO(visitor.page.locator(".stage .box").screenshot())) as seen:
        red, green, _ = seen.convert("RGB").getpixel((seen.width // 2, int(seen.height * 0.55)))  # type: ignore[misc]
    return "red" if red > green else "green"


def expect_color(visitor: Visitor, color: str) -> None:
    """Waits until the ball has this colour: on a busy machine a picture may come after its button has been pressed."""
    until = time.monotonic() + 15
    while (seen := color_of_ball(visitor)) != color and time.monotonic() < until:
        visitor.page.wait_for_timeout(200)
    assert seen == color


def test_the_former_picture_stays_in_its_place_until_the_next_one_has_covered_it(
    visitor: Visitor, api: httpx.Client
) -> None:
    """From the press to the end nothing moves and no frame is without a picture; the component is mounted once."""
    look_at(visitor, painted(api, seed=1))
    first = visitor.picture()
    stage_of(visitor).evaluate(WATCH)
    visitor.page.get_by_label("What should it show?").fill("a blue star")
    visitor.page.keyboard.press("Control+Enter")
    stage_of(visitor, "painting").wait_for()
    stage_of(visitor, "done").wait_for()
    result = visitor.page.locator(".alone .result")
    expect(result).to_have_count(1)
    expect(result).not_to_have_attribute("src", first)
    visitor.settle()
    watched = visitor.page.evaluate("({ ...window.watched, places: [...window.watched.places] })")
    assert watched["frames"] > 10
    assert len(watched["places"]) == 1, watched["places"]
    assert watched["fewest"] >= 1
    assert watched["shift"] < 0.1
    assert not watched["gone"]


def test_a_batch_fills_its_grid_and_a_cell_opens_as_a_picture(visitor: Visitor, api: httpx.Client) -> None:
    look_at(visitor, order(api, count=4, seed=1, steps=12))
    expect(cells(visitor)).to_have_count(4)
    expect(visitor.page.locator(".cell[data-state='running'] img").first).to_be_visible()
    stage_of(visitor, "done").wait_for()
    pictures = [cells(visitor).nth(index).locator("img").last.get_attribute("src") for index in range(4)]
    assert len(set(pictures)) == 4
    cells(visitor).nth(2).click()
    expect(visitor.page.locator(".alone .result").last).to_have_attribute("src", str(pictures[2]))
    expect(visitor.page.get_by_text("seed 3")).to_be_visible()  # the page tells of the one that is seen
    visitor.page.get_by_role("button", name="Back to the grid").click()
    expect(cells(visitor).nth(2)).to_be_visible()
    expect(cells(visitor).nth(2)).to_be_focused()


def test_all_that_can_be_done_with_a_favourite_stands_in_one_row_on_a_small_screen(
    visitor: Visitor, api: httpx.Client
) -> None:
    """1280 px less a scroll bar, and the longest of the names."""
    page = visitor.page
    page.set_viewport_size({"width": 1265, "height": 900})
    visitor.open(f"/?batch={painted(api)}")
    visitor.press_until("Favourite", page.get_by_role("button", name="Not favourite"))
    expect(page.get_by_role("button", name="Delete")).to_be_visible()
    visitor.settle()
    row = page.locator("[class*='_picture_actions'] button:visible")
    boxes = [box for each in row.all() if (box := each.bounding_box()) is not None]
    assert len(boxes) == 8
    assert len({round(box["y"]) for box in boxes}) == 1, boxes


def test_what_varies_stands_at_the_edges_of_the_grid(visitor: Visitor, api: httpx.Client) -> None:
    axes = [{"name": "lighting.conditions", "values": ["day", "night"]}, {"name": "seed", "values": [4, 5, 6]}]
    look_at(visitor, painted(api, axes=axes))
    expect(visitor.page.locator(".cell img")).to_have_count(6)
    assert visitor.page.locator(".stage .edge").all_inner_texts() == [
        *("conditions ↓\nseed →", "4", "5", "6"),
        *("day", "night"),
    ]
    cells(visitor).nth(4).click()
    expect(visitor.page.get_by_text("conditions: night · seed: 5")).to_be_visible()


def test_a_cell_that_was_cancelled_says_so_in_a_word(visitor: Visitor, api: httpx.Client) -> None:
    id = order(api, count=3, steps=40)
    while not any(cell["generation_id"] for cell in api.get(f"/batches/{id}").json()["cells"]):
        pass
    api.delete(f"/batches/{id}")
    look_at(visitor, id)
    stage_of(visitor, "cancelled").wait_for()
    expect(stage_of(visitor).get_by_text("Cancelled", exact=True).first).to_be_visible()
    expect(visitor.page.locator(".cell img").first).to_be_visible()


def test_a_batch_that_waits_lies_over_the_last_finished_picture_and_leaves_it_when_it_is_cancelled(
    visitor: Visitor, api: httpx.Client
) -> None:
    """Never over what another batch has begun; nor is that left behind, half done and marked as another's."""
    look_at(visitor, painted(api, seed=1))
    finished = visitor.picture()
    visitor.set_steps(200)
    words = visitor.page.get_by_label("What should it show?")
    words.fill("a blue star")
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.locator(".alone .preview").first.wait_for()
    words.fill("a green tree")
    visitor.page.keyboard.press("Control+Enter")
    visitor.page.get_by_role("button", name="Cancel a green tree").wait_for()
    expect(stage_of(visitor).get_by_text(re.compile("^(Waiting in the queue|Getting ready to paint)$"))).to_be_visible()
    former = visitor.page.locator(".alone .after img")
    expect(former).to_have_count(1)
    expect(former).to_have_attribute("src", finished)
    expect(visitor.page.locator(".alone")).to_have_attribute("aria-hidden", "true")
    for name in ("a green tree", "a blue star"):
        visitor.page.get_by_role("button", name=f"Cancel {name}").click()
    stage_of(visitor, "cancelled").wait_for()
    expect(stage_of(visitor).get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(former).to_have_attribute("src", finished)
    expect(visitor.page.locator(".alone")).to_have_attribute("data-as", "picture")


def test_a_grid_that_was_cancelled_before_any_picture_goes_back_to_the_former_one(
    visitor: Visitor, api: httpx.Client
) -> None:
    look_at(visitor, painted(api, seed=1))
    finished = visitor.picture()
    visitor.set_steps(200)
    visitor.page.get_by_label("What should it show?").fill("a blue star")
    visitor.page.get_by_role("combobox", name="Pictures").click()
    visitor.page.get_by_role("option", name="4", exact=True).click()
    visitor.press("Generate")
    visitor.page.locator(".cell[data-state='running'] img").first.wait_for()
    visitor.page.get_by_role("button", name="Cancel a blue star").click()
    stage_of(visitor, "cancelled").wait_for()
    expect(visitor.page.locator(".alone .after img")).to_have_attribute("src", finished)
    expect(visitor.page.locator(".stage .grid")).to_be_hidden()
    expect(stage_of(visitor).get_by_text("Cancelled", exact=True)).to_be_visible()


def test_by_keyboard_alone_a_cell_is_opened_looked_at_closely_and_left(visitor: Visitor, api: httpx.Client) -> None:
    look_at(visitor, painted(api, count=4, seed=1))
    stage, alone = stage_of(visitor), visitor.page.locator(".stage .alone")
    expect(visitor.page.locator(".cell img")).to_have_count(4)
    stage.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        visitor.page.keyboard.press(key)
    expect(visitor.page.get_by_role("button", name="Back to the grid")).to_be_visible()
    visitor.page.keyboard.press("Enter")
    expect(alone).to_have_class(re.compile("zoomed"))
    visitor.page.keyboard.press("Escape")
    expect(alone).not_to_have_class(re.compile("zoomed"))
    visitor.page.keyboard.press("ArrowLeft")
    expect(visitor.page.get_by_text("seed 3")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(cells(visitor).nth(2)).to_be_focused()


def test_a_comparison_opens_on_the_after_and_its_slider_uncovers_the_before(
    visitor: Visitor, api: httpx.Client
) -> None:
    """Nobody takes a refinement for unchanged because half of the before lies over it."""
    batch = api.get(f"/batches/{painted(api, seed=5, steps=8)}").json()
    source = batch["cells"][0]["generation_id"]
    asked = {"generation_id": source, "words": "make the ball green", "steps": 8}
    refined = api.post("/refinements", json=asked).json()["id"]
    api.get(f"/batches/{refined}", params={"wait": 25})
    visitor.page.goto(f"{visitor.home}/refine?batch={refined}")
    visitor.page.get_by_role("button", name="Slider").click()
    slider = visitor.page.get_by_label("Before and after")
    assert slider.input_value() == "0"
    expect_color(visitor, "green")
    slider.press("End")
    assert slider.input_value() == "100"
    expect_color(visitor, "red")
    visitor.page.get_by_role("button", name="After", exact=True).click()
    expect_color(visitor, "green")
    stage_of(visitor).focus()
    visitor.page.keyboard.down(" ")
    expect_color(visitor, "red")
    visitor.page.keyboard.up(" ")
    expect_color(visitor, "green")


def test_a_page_loaded_again_in_the_middle_goes_on_to_the_picture(visitor: Visitor, api: httpx.Client) -> None:
    look_at(visitor, order(api, steps=60))
    visitor.page.locator(".alone .preview").first.wait_for()
    visitor.page.reload()
    visitor.page.locator(".alone .preview").first.wait_for()
    visitor.page.locator(".alone .result").wait_for()
    expect(visitor.page.get_by_role("button", name="New seed")).to_be_visible()  # the page has heard of the end


def test_however_much_of_a_page_follows_the_desk_it_is_asked_once_at_a_time(
    visitor: Visitor, api: httpx.Client
) -> None:
    """The bar of what is painted and the stage, which follows its batch: one question answers both."""
    asked: set[Request] = set()
    most: list[int] = []

    def begin(request: Request) -> None:
        if "/desk.json" in request.url:
            asked.add(request)
            most.append(len(asked))

    visitor.page.on("request", begin)
    visitor.page.on("requestfinished", lambda request: asked.discard(request))
    visitor.page.on("requestfailed", lambda request: asked.discard(request))
    id = order(api, steps=60)
    look_at(visitor, id)
    visitor.page.locator(".alone .preview").first.wait_for()
    expect(visitor.page.locator(".queue .lines li")).to_have_count(1)
    visitor.page.locator(".alone .result").wait_for()
    expect(visitor.page.locator(".queue .lines li")).to_have_count(0)
    assert max(most) == 1


def test_a_studio_that_does_not_answer_is_said_and_asked_again(visitor: Visitor, api: httpx.Client) -> None:
    look_at(visitor, order(api, steps=150))
    visitor.page.locator(".alone .preview").first.wait_for()
    visitor.page.route("**/desk.json*", lambda route: route.abort())
    expect(stage_of(visitor).get_by_text("does not answer").first).to_be_visible()
    visitor.page.unroute("**/desk.json*")
    visitor.page.locator(".alone .result").wait_for()
    expect(stage_of(visitor).get_by_text("does not answer")).to_have_count(0)


def test_whose_login_has_ended_is_asked_to_log_in_again(
    chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It does not go on as if nothing happened, and leads back to this very page."""
    with served(tmp_path_factory.mktemp("login") / "workspace", STUDIO_PASSWORD=PASSWORD) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        visitor = Visitor(chromium, server, DESKTOP)
        visitor.page.goto(visitor.home)
        visitor.page.get_by_label("Password").fill(PASSWORD)
        visitor.page.keyboard.press("Enter")
        visitor.page.get_by_label("What should it show?").wait_for()
        with httpx.Client(base_url=f"{visitor.home}/api/v1", headers={"Authorization": f"Bearer {PASSWORD}"}) as api:
            id = order(api, steps=200)
            look_at(visitor, id)
            visitor.page.locator(".alone .preview").first.wait_for()
            visitor.page.set_viewport_size(PHONE)
            expect(visitor.page.get_by_role("link", name="a red ball")).to_be_visible()
            visitor.page.get_by_role("button", name="Log out").click(trial=True, timeout=10_000)  # nothing covers it
            visitor.context.request.post(f"{visitor.home}/logout")
            link = stage_of(visitor).get_by_role("link", name="Log in again")
            expect(link).to_have_attribute("href", f"/login?next=%2F%3Fbatch%3D{id}")
            api.delete(f"/batches/{id}")
        visitor.close()
