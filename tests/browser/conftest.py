"""A real studio, served by a process of its own, in a real Chromium."""

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from tests.studio.processes import Server, add_picture, opened, served

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # see Chromium
]
expect.set_options(timeout=20_000)  # a page drawn on a busy machine
DESKTOP, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser's test that fails is tried twice more at most, and the report counts it ("rerun").

    A page of Streamlit's may lose a key or a click while it is drawn anew, the more so on a machine whose cores the
    other tests have. What fails three times in a row fails.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2))


class Chromium:
    """A browser that lends its visitors what a window needs, one visitor after another.

    A page of Streamlit's is megabytes of script, which a window of its own compiles anew. Here a plain page keeps the
    process, and what was compiled in it, for the next visitor, whose page costs half as much. Of the visitor before
    nothing else is left: no tab, no cookie, nothing stored.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._free: dict[tuple[int, bool], list[BrowserContext]] = {}  # by width and touch

    def lend(self, home: str, viewport: dict[str, int], *, touch: bool) -> BrowserContext:
        """One that nobody has: two visitors at a time are strangers to each other."""
        if free := self._free.get((viewport["width"], touch)):
            return free.pop()
        context = self.browser.new_context(viewport=viewport, has_touch=touch)  # type: ignore[arg-type]
        context.set_default_timeout(120_000)
        context.new_page().goto(f"{home}/health")  # the page that stays
        return context

    def take_back(self, context: BrowserContext, home: str, viewport: dict[str, int], *, touch: bool) -> None:
        staying, *tabs = context.pages
        for tab in tabs:
            tab.close()
        context.clear_cookies()
        driver = context.new_cdp_session(staying)
        driver.send("Storage.clearDataForOrigin", {"origin": home, "storageTypes": "all"})
        driver.detach()
        self._free.setdefault((viewport["width"], touch), []).append(context)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    """One browser, ended with these tests: while Playwright runs, this thread has a loop and can start no other."""
    if reason := os.environ.get("STUDIO_TEST_NO_CHROMIUM"):
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("STUDIO_TEST_CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        yield Chromium(browser)
        browser.close()


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio for all tests that need none of their own, its model ready."""
    workspace = tmp_path_factory.mktemp("browser") / "workspace"
    with served(workspace) as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        yield server


def insist(act: Callable[[], None], seen: Callable[[float], None]) -> None:
    """Acts until it is seen to have worked: Streamlit may lose a click or a key on what it has just drawn.

    ``seen`` is an expectation that waits so many milliseconds. ``act`` may come again, and must not mind.
    """
    for patience_ms in (5_000, 10_000):
        act()
        try:
            seen(patience_ms)
            return
        except AssertionError:
            continue
    act()
    seen(60_000)


class Visitor:
    """A browser window on one studio, and what happened in it that nobody should see."""

    def __init__(self, chromium: Chromium, server: Server, viewport: dict[str, int], *, touch: bool = False) -> None:
        self.home = f"http://127.0.0.1:{server.port}"
        self.context = chromium.lend(self.home, viewport, touch=touch)
        self._give_back = partial(chromium.take_back, self.context, self.home, viewport, touch=touch)
        self.page: Page = self.context.new_page()
        self.outside: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", self._on_request)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._on_console)

    def close(self) -> None:
        """Closes the window; the next visitor finds nothing of this one."""
        self._give_back()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:", self.home.replace("http", "ws"))):
            self.outside.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:  # so the browser names whatever the policy kept it from
            self.faults.append(message.text)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.home + path)
        self.page.locator("h1").wait_for()
        self.page.wait_for_timeout(1_500)  # parts come late, and rebuild what they touch; while it paints, it asks on
        self.settle()

    def settle(self) -> None:
        """Waits until the page's run is over: Streamlit may lose a click on what it is just drawing."""
        self.page.locator(".stApp[data-test-script-state='notRunning']").wait_for()

    def press(self, name: str) -> None:
        self.settle()
        self.page.get_by_role("button", name=name).first.click(delay=80)

    def press_until(self, name: str, appears: Locator) -> None:
        """Presses a button until what it leads to is there."""

        def press() -> None:
            if not appears.is_visible():  # else it came late
                self.press(name)

        insist(press, lambda ms: expect(appears).to_be_visible(timeout=ms))

    def pick(self, name: str) -> None:
        """Presses one of the segments or pills."""
        choice = self.page.get_by_role("radio", name=name)

        def press() -> None:
            self.settle()
            if not choice.is_checked():  # a second press would take it back
                choice.click(delay=80)

        insist(press, lambda ms: expect(choice).to_be_checked(timeout=ms))

    @property
    def editor(self) -> Locator:
        """The JSON editor of the page, where Ace takes keys."""
        return self.page.locator(".fibo-editor textarea")

    def set_steps(self, steps: int) -> None:
        """Opens the finer settings, types a number of steps, and closes them."""
        field = self.page.get_by_role("spinbutton", name="Steps")
        self.press_until("More settings", field)
        field.fill(str(steps))
        field.press("Tab")
        self.page.keyboard.press("Escape")
        expect(field).to_be_hidden()
        self.settle()

    def start_from_json(self) -> None:
        """Opens the JSON editor."""
        self.press_until("Start from JSON", self.editor)

    def editor_text(self, mode: str = "generate") -> str:
        """What stands in the JSON editor of a page, whole, as the page's other parts read it."""
        self.editor.wait_for()
        return str(self.page.evaluate("mode => window.fibo.editors[mode].text()", mode))

    def expect_document(self, document: object, mode: str = "generate") -> None:
        """Waits until the editor's text is this document as JSON: the address, and more, may be told before it."""
        until = time.monotonic() + 20
        while not _is_json_of(text := self.editor_text(mode), document) and time.monotonic() < until:
            self.page.wait_for_timeout(100)
        assert json.loads(text) == document

    def type_into_editor(self, text: str) -> None:
        """Replaces the editor's text by typing."""
        self.editor.focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def picture(self) -> str:
        """The address of the picture shown large."""
        image = self.page.locator(".alone .result, a > img").last
        image.wait_for()
        return str(image.get_attribute("src"))


@pytest.fixture
def visitor(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, DESKTOP)
    yield visitor
    visitor.close()
    assert visitor.outside == [], "the page asked another machine for something"
    assert visitor.faults == []


@pytest.fixture
def phone(chromium: Chromium, studio: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, studio, PHONE)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


@pytest.fixture
def two_pictures(studio: Server) -> None:
    """The newest pictures of the studio."""
    with opened(studio.log.parent / "workspace") as (_, history):
        for words, color in (("a red ball", "red"), ("a blue star", "blue")):
            add_picture(history, words, color=color)


def _is_json_of(text: str, document: object) -> bool:
    try:
        return bool(json.loads(text) == document)
    except ValueError:
        return False
