"""The login, in a real Chromium: a wrong password, the way on to the page that was wanted, and tabs after a log-out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.studio.processes import Server, served

pytestmark = pytest.mark.browser

PASSWORD = "a rabbit runs at dawn"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = tmp_path_factory.mktemp("login") / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD) as server:
        yield server


def log_in(visitor: Visitor, password: str) -> None:
    visitor.page.get_by_label("Password").fill(password)
    visitor.page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_visitor_logs_in_and_out_and_other_tabs_say_so(
    chromium: Chromium, studio: Server, viewport: dict[str, int]
) -> None:
    """A wrong password is said beside the field; the right one leads to the page asked for. After a log-out every tab
    asks for a new login and the server gives nothing more."""
    visitor = Visitor(chromium, studio, viewport)
    page = visitor.page
    page.goto(f"{visitor.home}/system")
    expect(page).to_have_url(f"{visitor.home}/login?next=/system")
    log_in(visitor, "a rabbit sleeps")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    log_in(visitor, f"{PASSWORD} ")  # pasted with a blank
    expect(page).to_have_url(f"{visitor.home}/system")
    expect(page.locator("h1")).to_have_text("System")

    other = visitor.context.new_page()
    other.goto(f"{visitor.home}/history")
    other.get_by_role("button", name="Log out").click()
    expect(other).to_have_url(f"{visitor.home}/login")
    expect(page.get_by_text("Reload this page to log in again")).to_be_visible()
    page.reload()
    expect(page).to_have_url(f"{visitor.home}/login?next=/system")
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []
