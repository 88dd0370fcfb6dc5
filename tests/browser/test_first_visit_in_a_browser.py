"""The first minutes in a studio that has no picture yet."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, Chromium, Visitor
from tests.studio.processes import served

pytestmark = pytest.mark.browser


def test_of_three_quick_presses_the_first_is_seen_and_the_last_can_be_deleted_and_brought_back(
    chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While the last waits, the stage shows what is painted before it, and says so."""
    with served(tmp_path_factory.mktemp("first") / "workspace") as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        visitor = Visitor(chromium, server, DESKTOP)
        visitor.open()
        visitor.set_steps(40)
        page = visitor.page
        words = page.get_by_label("What should it show?")
        for each in ("a red ball", "a blue star", "a green tree"):
            words.fill(each)
            page.keyboard.press("Control+Enter")
        stage = page.get_by_role("group", name="Stage")
        expect(stage.get_by_text("“a red ball” is painted first")).to_be_visible(timeout=60_000)
        expect(page.locator(".alone .after img").last).to_have_attribute("src", re.compile(r"\.jpg$"))
        for each in ("a red ball", "a blue star"):
            page.get_by_role("button", name=f"Cancel {each}").click()
        page.locator(".stage[data-state='done']").wait_for()
        visitor.press_until("Delete", page.get_by_text("Deleted. It lies in the trash of History."))
        expect(stage.get_by_text("Your picture comes here")).to_be_visible()
        visitor.press_until("Undo", page.locator(".alone .result"))
        assert (visitor.faults, visitor.outside) == ([], [])
        visitor.close()
