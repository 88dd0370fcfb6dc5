"""Typing on after a press of Refine: what is typed then is the next instruction, however slow the answer is."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, add_picture, opened

pytestmark = pytest.mark.browser

#: As on a train: a message takes 400 ms there and 400 ms back.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 200_000, "uploadThroughput": 100_000}


@pytest.fixture
def source(studio: Server) -> str:
    """The id of a picture to begin with."""
    return begun(studio, steps=12)


@pytest.fixture
def long_source(studio: Server) -> str:
    """One that takes a while to be painted once more."""
    return begun(studio, steps=120)


def begun(studio: Server, *, steps: int) -> str:
    prompt = StructuredPrompt.from_dict(
        {"short_description": "a red ball", "objects": [{"description": "a red ball", "shape_and_color": "round, red"}]}
    )
    with opened(studio.log.parent / "workspace") as (_, history):
        return add_picture(history, "a red ball", seed=41, prompt=prompt, steps=steps).id


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, request.param)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


@pytest.fixture
def desktop(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, DESKTOP)
    yield visitor
    visitor.close()
    assert visitor.faults == []


def box(visitor: Visitor) -> Locator:
    return visitor.page.get_by_label(re.compile("What should change"))


def press_keys(visitor: Visitor, words: str) -> None:
    """Types an instruction and presses Ctrl+Enter; the cursor stays in the field."""
    box(visitor).press_sequentially(words, delay=5)
    visitor.page.keyboard.press("Control+Enter")


def thread(visitor: Visitor) -> list[str]:
    return [text.split("\n")[0] for text in visitor.page.locator("ol.thread .step .words").all_inner_texts()]


def slow_down(visitor: Visitor) -> None:
    visitor.context.new_cdp_session(visitor.page).send("Network.emulateNetworkConditions", SLOW)


@pytest.mark.parametrize("pause_ms", [0, 200, 800])
def test_what_is_typed_after_a_press_is_the_next_instruction_and_the_step_after_it(
    desktop: Visitor, source: str, pause_ms: int
) -> None:
    """On a slow network: nothing is glued to the former words, nothing is lost, and no step stands beside another."""
    page = desktop.page
    desktop.open(f"/refine?picture={source}")
    slow_down(desktop)
    box(desktop).click()
    press_keys(desktop, "make the ball green")
    expect(box(desktop)).to_have_value("")
    page.wait_for_timeout(pause_ms)
    press_keys(desktop, "at night")
    page.wait_for_timeout(pause_ms)
    box(desktop).press_sequentially("with a tree", delay=40)
    steps = page.locator("ol.thread .step:not(.pending)")
    expect(steps).to_have_count(3, timeout=120_000)
    assert thread(desktop) == ["a red ball", "make the ball green", "at night"]
    expect(page.locator("ol.thread .beside")).to_have_count(0)
    expect(box(desktop)).to_have_value("with a tree")


def test_words_leave_their_field_at_a_click_and_a_reload_keeps_what_waits(visitor: Visitor, long_source: str) -> None:
    page = visitor.page
    visitor.open(f"/refine?picture={long_source}")
    for words in ("make the ball green", "at night"):
        box(visitor).fill(words)
        visitor.page.get_by_role("button", name="Paint with the same seed").click()
        expect(box(visitor)).to_have_value("", timeout=1_000)
    box(visitor).press_sequentially("with a tree")
    expect(page.locator("ol.thread li.pending")).to_have_count(2)
    page.wait_for_timeout(600)  # what is typed is kept 400 ms later
    page.reload()
    expect(page.locator("ol.thread li.pending").last).to_contain_text("at night")
    expect(box(visitor)).to_have_value("with a tree")
    expect(page.locator("ol.thread .step:not(.pending)")).to_have_count(3, timeout=120_000)
    assert thread(visitor) == ["a red ball", "make the ball green", "at night"]
    expect(box(visitor)).to_have_value("with a tree")


def test_a_cancelled_step_brings_its_words_back_and_those_that_waited_and_says_so_in_sight(
    visitor: Visitor, long_source: str, studio: Server
) -> None:
    page = visitor.page
    visitor.open(f"/refine?picture={long_source}")
    box(visitor).click()
    press_keys(visitor, "make the ball green")
    press_keys(visitor, "at night")
    expect(page.locator("ol.thread li.pending").last).to_contain_text("waits for the picture before")
    batch = httpx.get(f"http://127.0.0.1:{studio.port}/api/v1/batches").json()["items"][0]["id"]
    httpx.delete(f"http://127.0.0.1:{studio.port}/api/v1/batches/{batch}").raise_for_status()
    expect(box(visitor)).to_have_value("make the ball green; at night")
    expect(page.get_by_text("One instruction waited for this step")).to_be_in_viewport()
    expect(page.locator("ol.thread li.pending")).to_have_count(0)


def test_words_that_cannot_come_back_stand_beside_those_typed_meanwhile(
    desktop: Visitor, long_source: str, studio: Server
) -> None:
    page = desktop.page
    desktop.open(f"/refine?picture={long_source}")
    box(desktop).click()
    press_keys(desktop, "make the ball green")
    page.wait_for_url(re.compile("batch="))
    box(desktop).press_sequentially("on a beach")  # the field is not left
    batch = httpx.get(f"http://127.0.0.1:{studio.port}/api/v1/batches").json()["items"][0]["id"]
    httpx.delete(f"http://127.0.0.1:{studio.port}/api/v1/batches/{batch}").raise_for_status()
    expect(page.get_by_text("Not carried out: “make the ball green”")).to_be_visible()
    expect(box(desktop)).to_have_value("on a beach")
    desktop.press("Add it to my words")
    expect(box(desktop)).to_have_value("on a beach; make the ball green")


def test_one_that_waits_is_taken_back_from_the_thread(visitor: Visitor, long_source: str) -> None:
    page = visitor.page
    visitor.open(f"/refine?picture={long_source}")
    box(visitor).click()
    press_keys(visitor, "make the ball green")
    press_keys(visitor, "at night")
    page.get_by_role("button", name="Take back “at night”").click()
    expect(page.locator("ol.thread li.pending")).to_have_count(1)
    expect(box(visitor)).to_have_value("at night")
    expect(page.locator("ol.thread .step:not(.pending)")).to_have_count(2, timeout=120_000)
