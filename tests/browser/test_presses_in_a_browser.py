"""Pressing Generate as people do: quickly, by keys, and on an earlier picture."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, Chromium, Visitor, insist
from tests.studio.processes import Server, add_picture, opened, served

pytestmark = pytest.mark.browser


@pytest.fixture
def own_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio whose batches are this test's alone."""
    with served(tmp_path_factory.mktemp("presses") / "workspace") as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        yield server


def orders(server: Server) -> list[str]:
    """The words of all batches, oldest first."""
    items = httpx.get(f"http://127.0.0.1:{server.port}/api/v1/batches").raise_for_status().json()["items"]
    return [item["title"] for item in items][::-1]


def look_at(visitor: Visitor, words: str) -> None:
    """Chooses the picture of these words below the stage, and sees them come."""
    box = visitor.page.get_by_label("What should it show?")

    def choose() -> None:
        visitor.settle()
        if box.input_value() != words:
            visitor.page.get_by_title(words).first.click(delay=80)

    insist(choose, lambda ms: expect(box).to_have_value(words, timeout=ms))


def test_of_five_quick_presses_none_is_lost(chromium: Chromium, own_studio: Server) -> None:
    """Each is a batch with the words as they stood when it came, though they come faster than the page can run."""
    visitor = Visitor(chromium, own_studio, DESKTOP)
    visitor.open()
    words = [f"{number} red balls" for number in ("one", "two", "three", "four", "five")]
    box = visitor.page.get_by_label("What should it show?")
    for each in words:
        box.fill(each)
        visitor.page.keyboard.press("Control+Enter")
    visitor.page.wait_for_url(re.compile("batch="))
    own_studio.wait_for(lambda _: len(orders(own_studio)) >= len(words))
    visitor.settle()
    assert orders(own_studio) == words
    visitor.close()


def test_five_presses_a_tenth_of_a_second_apart_draw_five_seeds_and_lock_none(
    chromium: Chromium, own_studio: Server
) -> None:
    """The same words five times: faster than a run, and than a seed that was filled in comes to be seen."""
    visitor = Visitor(chromium, own_studio, DESKTOP)
    visitor.open()
    visitor.page.get_by_label("What should it show?").fill("a grey boat")
    for _ in range(5):
        visitor.page.keyboard.press("Control+Enter")
        visitor.page.wait_for_timeout(100)
    own_studio.wait_for(lambda _: len(orders(own_studio)) >= 5)
    visitor.settle()
    home = f"http://127.0.0.1:{own_studio.port}/api/v1/batches"
    batches = [httpx.get(f"{home}/{each['id']}").json() for each in httpx.get(home).json()["items"]]
    assert len({batch["cells"][0]["seed"] for batch in batches}) == len(batches) == 5
    assert "lock_open_right" in visitor.page.locator(".st-key-generate_lock_seed").inner_text()
    visitor.close()


def test_a_press_on_a_studio_that_is_gone_is_carried_out_once_it_is_back(
    chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Killed before the press: the page says so in its own words, and none of Streamlit's lies over it. After the
    restart the press is carried out by itself; another one after a reload. Neither comes twice."""
    workspace = tmp_path_factory.mktemp("gone") / "workspace"
    with served(workspace) as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        visitor = Visitor(chromium, server, DESKTOP)
        visitor.open()
        page, box = visitor.page, visitor.page.get_by_label("What should it show?")
        box.fill("a red boat")
        server.process.kill()
        server.process.wait(30)
        page.keyboard.press("Control+Enter")
        gone = page.get_by_text("The studio does not answer.").first
        expect(gone).to_be_visible()
        expect(page.get_by_role("button", name="Generate").first).to_contain_text("sending 1")
        page.wait_for_timeout(3_000)  # in which Streamlit would open its dialog
        expect(page.get_by_role("dialog")).to_have_count(0)
    with served(workspace, STUDIO_PORT=str(server.port)) as server:
        server.wait_for(lambda _: orders(server) == ["a red boat"])
        expect(gone).to_be_hidden()
        expect(page.get_by_role("button", name="Generate").first).not_to_contain_text("sending")
        box.fill("a teal star")
        server.process.kill()
        server.process.wait(30)
        page.keyboard.press("Control+Enter")
    with served(workspace, STUDIO_PORT=str(server.port)) as server:
        page.reload()
        server.wait_for(lambda _: len(orders(server)) > 1)
        expect(page.get_by_role("button", name="Generate").first).not_to_contain_text("sending")
        page.reload()
        page.locator("h1").wait_for()
        visitor.settle()
        assert orders(server) == ["a red boat", "a teal star"]
        visitor.close()


def test_json_pasted_among_the_words_becomes_the_prompt_at_once(visitor: Visitor) -> None:
    """Without another press, and with what stood around it told."""
    visitor.open()
    box = visitor.page.get_by_label("What should it show?")
    box.click()
    visitor.page.evaluate(
        """() => {
          const data = new DataTransfer()
          data.setData("text/plain", '```json\\n{"short_description": "a pasted prompt",}\\n```')
          const field = document.activeElement
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }))
          document.execCommand("insertText", false, data.getData("text/plain"))
        }"""
    )
    expect(box).to_have_value("")
    visitor.expect_document({"short_description": "a pasted prompt"})


def test_choosing_an_earlier_picture_brings_its_recipe_and_a_reload_keeps_it(visitor: Visitor, studio: Server) -> None:
    with opened(studio.log.parent / "workspace") as (_, history):
        picture = add_picture(history, "a grey heart", seed=4711)
    visitor.open()
    box = visitor.page.get_by_label("What should it show?")
    box.fill("my own words")
    box.press("Tab")
    look_at(visitor, "a grey heart")
    expect(visitor.page.get_by_role("textbox", name="Seed")).to_have_value("4711")
    visitor.page.wait_for_url(re.compile(f"picture={picture.id}"))
    visitor.page.reload()
    expect(visitor.page.get_by_label("What should it show?")).to_have_value("a grey heart")
    expect(visitor.page.get_by_text("Viewing an earlier picture")).to_be_visible()
    assert json.loads(visitor.editor_text())["short_description"] == "a grey heart"


def test_the_way_back_from_an_earlier_picture_leads_to_ones_own_words(visitor: Visitor, studio: Server) -> None:
    with opened(studio.log.parent / "workspace") as (_, history):
        add_picture(history, "a teal tree", seed=4712)
    visitor.open()
    box = visitor.page.get_by_label("What should it show?")
    box.fill("my own words")
    box.press("Tab")
    look_at(visitor, "a teal tree")
    visitor.press("Back to my draft")
    expect(box).to_have_value("my own words")
    expect(visitor.page.get_by_text("Viewing an earlier picture")).to_be_hidden()
