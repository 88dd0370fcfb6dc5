"""What stands around every page: the way between them, what is being painted, the keys. On a desktop and a phone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import DESKTOP, Visitor, insist
from tests.studio.processes import Server

pytestmark = pytest.mark.browser

Place = Callable[..., str]
LONG = 200  #: steps, as many as there can be: painted for longer than a test looks


@pytest.fixture
def api(studio: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{studio.port}/api/v1", timeout=60) as client:
        yield client


@pytest.fixture
def place(api: httpx.Client) -> Iterator[Place]:
    """Places an order as another tab would; what is left of it ends with the test."""
    placed: list[str] = []

    def place(words: str, **order: Any) -> str:
        answer = api.post("/generations", json={"words": words, **order})
        assert answer.status_code == 202, answer.text
        placed.append(answer.json()["id"])
        return placed[-1]

    yield place
    for id in placed:
        api.delete(f"/batches/{id}")
        api.get(f"/batches/{id}", params={"wait": 30})


def lines(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("region", name="What is being painted").get_by_role("listitem")


def places(visitor: Visitor) -> list[Any]:
    """Where the form, the examples and the way to the pages stand."""
    parts = [".st-key-generate_words", ".st-key-generate_press_bar", ".st-key-examples", ".st-key-nav_bar nav"]
    return [visitor.page.locator(part).first.bounding_box() for part in parts]


def look_away(visitor: Visitor, away: bool = True) -> None:
    """What a browser tells a tab that another one is put before."""
    visitor.page.evaluate(
        "away => { Object.defineProperty(document, 'hidden', { value: away, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange')) }",
        away,
    )


def test_a_batch_that_comes_and_goes_moves_nothing(visitor: Visitor, place: Place) -> None:
    """Its line lies in a place of its own, and is gone after its cancel."""
    visitor.open()
    before = places(visitor)
    place("a red ball", steps=LONG)
    expect(lines(visitor)).to_have_count(1)
    assert places(visitor) == before
    box = lines(visitor).first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= DESKTOP["height"]
    visitor.page.get_by_role("button", name="Cancel a red ball").click()
    expect(lines(visitor)).to_have_count(0)
    visitor.settle()
    assert places(visitor) == before


def test_cancel_ends_that_batch_only_and_cancel_all_the_others(
    visitor: Visitor, place: Place, api: httpx.Client
) -> None:
    """Each line has its own; from three on there is one for all."""
    visitor.open("/system")
    ids = [place(f"a {color} ball", steps=LONG) for color in ("red", "green", "blue", "pink")]
    expect(lines(visitor)).to_have_count(4 - 1)
    visitor.page.get_by_role("button", name="+1 more").click()
    expect(lines(visitor)).to_have_count(4)
    visitor.page.get_by_role("button", name="Cancel a green ball").click()
    expect(lines(visitor)).to_have_count(3)
    states = [api.get(f"/batches/{id}").json()["state"] for id in ids]
    assert states[1] == "cancelled"
    assert "cancelled" not in (states[0], *states[2:])
    visitor.page.get_by_role("button", name="Cancel all").click()
    expect(lines(visitor)).to_have_count(0)


def test_many_alike_take_three_lines_and_are_told_apart_by_their_names(visitor: Visitor, place: Place) -> None:
    """The picture's foot stays in sight; "+2 more" opens the rest, and a number stands before the same words."""
    visitor.open("/system")
    for _ in range(5):
        place("a red ball", steps=LONG)
    more = visitor.page.get_by_role("button", name="+2 more")
    expect(more).to_be_visible()
    expect(lines(visitor)).to_have_count(3)
    more.click()
    expect(lines(visitor)).to_have_count(5)
    names = visitor.page.get_by_role("region", name="What is being painted").get_by_role("link").all_inner_texts()
    assert names == ["a red ball", *(f"({number}) a red ball" for number in range(2, 6))]
    visitor.page.set_viewport_size({"width": 680, "height": 450})
    visitor.page.get_by_role("button", name="Fewer").click()
    expect(lines(visitor)).to_have_count(1)
    visitor.page.get_by_role("button", name="Cancel all").click(timeout=5_000)
    expect(lines(visitor)).to_have_count(0)


def test_a_line_leads_to_its_pictures_from_any_page(visitor: Visitor, place: Place) -> None:
    visitor.open("/history")
    id = place("a purple ring", steps=LONG)
    visitor.page.get_by_role("link", name="a purple ring").click()
    visitor.page.wait_for_url(re.compile(f"batch={id}"))
    expect(visitor.page.get_by_label("What should it show?")).to_have_value("a purple ring")


def test_a_written_prompt_reaches_the_page_while_its_picture_is_painted(visitor: Visitor) -> None:
    visitor.open()
    visitor.set_steps(LONG)
    visitor.page.get_by_label("What should it show?").fill("a white cat on a wall")
    visitor.page.keyboard.press("Control+Enter")
    expect(visitor.page.get_by_text("written by offline").first).to_be_visible()
    expect(lines(visitor)).to_have_count(1)
    visitor.page.get_by_role("button", name="Cancel a white cat").click()
    expect(lines(visitor)).to_have_count(0)


def test_the_tabs_title_counts_and_says_done_until_it_is_looked_at(visitor: Visitor, place: Place) -> None:
    visitor.open()
    name = visitor.page.title()
    place("a green ball", steps=LONG)
    place("a blue ball", steps=4)
    expect(visitor.page).to_have_title(f"2 · {name}")
    look_away(visitor)
    visitor.page.get_by_role("button", name="Cancel a green ball").click()
    expect(visitor.page).to_have_title(f"Done · {name}")
    look_away(visitor, False)
    expect(visitor.page).to_have_title(name)
    place("a yellow ball", steps=LONG)
    expect(visitor.page).to_have_title(re.compile(rf"^\d+ % · {name}$"))


def test_a_slash_leads_to_the_search_and_a_question_mark_shows_the_keys(visitor: Visitor) -> None:
    """Not while one types, where they are signs like any other."""
    visitor.open()
    words = visitor.page.get_by_label("What should it show?")
    words.fill("")
    words.press_sequentially("red/blue?")
    expect(words).to_have_value("red/blue?")
    dialog = visitor.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_hidden()
    words.blur()
    visitor.page.keyboard.press("?")
    expect(dialog).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    visitor.page.keyboard.press("/")
    expect(visitor.page.get_by_role("combobox", name="Search the pictures")).to_be_focused()


def test_on_a_phone_the_picture_stands_first_and_cancel_is_in_sight_while_it_is_painted(phone: Visitor) -> None:
    """From the press on, wherever the form was scrolled to; and so is the button for another."""
    phone.open()
    words = phone.page.get_by_label("What should it show?")
    words.fill("a green tree in a meadow")
    phone.page.get_by_role("button", name="Settings", exact=True).click()
    phone.set_steps(LONG)
    phone.page.mouse.wheel(0, 2_000)
    phone.page.get_by_role("button", name="Generate", exact=True).click()
    cancel = phone.page.get_by_role("button", name="Cancel a green tree")
    expect(cancel).to_be_in_viewport()
    stage = phone.page.get_by_role("group", name="Stage")
    expect(stage).to_be_in_viewport()
    above, below = stage.bounding_box(), words.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    expect(phone.page.get_by_role("button", name="Generate", exact=True)).to_be_in_viewport(ratio=1)
    cancel.click()


def test_on_a_phone_try_again_stands_directly_under_the_stage(phone: Visitor, place: Place, api: httpx.Client) -> None:
    """Not below everything that can be set."""
    id = place("a red ball", steps=LONG)
    api.delete(f"/batches/{id}")
    api.get(f"/batches/{id}", params={"wait": 30})
    phone.page.goto(f"{phone.home}/?batch={id}")
    again = phone.page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    stage = phone.page.get_by_role("group", name="Stage")
    words = phone.page.get_by_label("What should it show?")

    def stand_so() -> bool:
        tops = [(part.bounding_box() or {"y": -1})["y"] for part in (stage, again, words)]
        return -1 < tops[0] < tops[1] < tops[2]

    for _ in range(100):  # the page may still be on its way
        if stand_so():
            break
        phone.page.wait_for_timeout(100)
    assert stand_so()
    lock = phone.page.get_by_role("button", name="Keep this seed")
    phone.page.get_by_role("button", name="Settings", exact=True).click()
    expect(lock).to_be_visible()


@pytest.mark.usefixtures("two_pictures")
def test_on_a_phone_a_page_that_was_chosen_lies_open(phone: Visitor) -> None:
    """Nothing covers it, and its place in the bar is marked."""
    phone.open()
    search = phone.page.get_by_role("combobox", name="Search the pictures")
    link = phone.page.get_by_role("link", name="History")
    insist(link.click, lambda ms: expect(search).to_be_visible(timeout=ms))
    expect(link).to_have_attribute("aria-current", "page")
    search.click(timeout=5_000)  # Playwright presses only what nothing lies over
    expect(search).to_be_focused()
    bar = phone.page.get_by_role("navigation", name="Pages").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] == 844
    assert bar["height"] < 70


def test_a_page_opened_by_its_own_address_asks_for_nothing_that_is_not_there(visitor: Visitor) -> None:
    """Streamlit's client by itself would look for its server below each page's path first."""
    missing: list[str] = []
    visitor.page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    for path in ("/refine", "/edit", "/history", "/system"):
        visitor.open(path)
    assert missing == []
