"""Takes the documentation's pictures: a studio with an empty workspace, used by a browser as a visitor would.

    PYTHONPATH=. python scripts/make_screenshots.py [CHROMIUM]

Run it in the test environment after a page has changed; the pictures land in docs/images.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHECKOUT = Path(__file__).resolve().parent.parent
IMAGES = CHECKOUT / "docs" / "images"
WORDS = "a red ball on the left and a blue box on the right, at night"


def main() -> None:
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as workspace:
        port = _free_port()
        environment = os.environ | {"WORKSPACE_DIR": workspace, "STUDIO_PORT": str(port), "FIBO_MODEL": "mini"}
        server = subprocess.Popen([sys.executable, "-m", "studio", "serve"], env=environment, cwd=CHECKOUT)
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                page = browser.new_page(viewport={"width": 1360, "height": 860})
                phone = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
                another = browser.new_context(viewport={"width": 1360, "height": 860}).new_page()
                _take(page, phone, another, f"http://127.0.0.1:{port}", Path(workspace))
                browser.close()
        finally:
            server.terminate()
            server.wait(30)


def _take(page: Page, phone: Page, another: Page, home: str, workspace: Path) -> None:
    page.goto(home)
    page.get_by_role("button", name="Understood").click(delay=80)
    page.get_by_text("You are painting with mini").wait_for(state="hidden")
    _settle(page)
    page.screenshot(path=IMAGES / "examples.png")
    page.get_by_role("textbox", name="Seed").fill("7")
    page.get_by_role("textbox", name="Seed").press("Tab")
    _settle(page)
    _paint(page, WORDS)
    page.screenshot(path=IMAGES / "generate.png")
    _keep_the_picture(workspace)
    page.get_by_text("Sketch", exact=True).click(delay=80)
    _settle(page)
    page.screenshot(path=IMAGES / "sketch.png")

    page.get_by_role("button", name="Refine").click(delay=80)
    page.get_by_label("What should change?").wait_for()
    _settle(page)
    page.get_by_label("What should change?").fill("make the ball green")
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Slider").click(delay=80, timeout=90_000)
    page.get_by_label("Before and after").fill("17")  # through the ball
    _settle(page)
    page.screenshot(path=IMAGES / "refine.png")

    page.get_by_role("button", name="After").click(delay=80)
    page.get_by_role("button", name="Edit").click(delay=80)
    page.locator(".marking").wait_for()
    _settle(page)
    page.get_by_label("What should change?").fill("make the box yellow")
    page.keyboard.press("Tab")
    page.get_by_label("Mark an object").select_option(index=2)
    page.get_by_role("button", name="Repaint the marked part").wait_for()
    _settle(page)
    page.screenshot(path=IMAGES / "edit.png")

    for words in ("an orange star in the desert at golden hour", "a red mushroom in a forest, overcast"):
        page.goto(home)
        _settle(page)
        _paint(page, words)
    another.goto(f"{home}/?batch={_grid(home)}")
    another.get_by_role("link", name="Save as one picture").wait_for(timeout=90_000)
    _settle(another)
    another.screenshot(path=IMAGES / "vary.png")
    page.goto(f"{home}/history")
    page.locator("[role=gridcell]").nth(3).wait_for()
    _settle(page)
    page.screenshot(path=IMAGES / "history.png")
    (picture,) = [each.stem for each in workspace.glob("outputs/*/*/*/*.png") if "mushroom" in _words(each)]
    phone.goto(f"{home}/?picture={picture}")
    phone.get_by_label("What should it show?").wait_for()
    _settle(phone)
    phone.screenshot(path=IMAGES / "phone.png")


def _grid(home: str) -> str:
    """The id of a batch that varies light and medium, once it is painted."""
    axes = [
        {"name": "lighting.conditions", "values": ["bright daylight", "golden hour", "night, moonlight"]},
        {"name": "style_medium", "values": ["photograph", "watercolor"]},
    ]
    order = {"words": "a large yellow house on a green meadow", "seed": 7, "axes": axes}
    asked = urllib.request.Request(
        f"{home}/api/v1/generations", json.dumps(order).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked) as answer:
        batch: str = json.load(answer)["id"]
    while True:
        with urllib.request.urlopen(f"{home}/api/v1/batches/{batch}?wait=20") as answer:
            if json.load(answer)["ended"]:
                return batch


def _words(picture: Path) -> str:
    return str(json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))["words"])


def _paint(page: Page, words: str) -> None:
    page.get_by_label("What should it show?").fill(words)
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="New seed").wait_for(timeout=90_000)
    _settle(page)


def _settle(page: Page) -> None:
    page.wait_for_timeout(3_000)


def _keep_the_picture(workspace: Path) -> None:
    """The README's picture and the very prompt it was painted from."""
    (picture,) = workspace.glob("outputs/*/*/*/*.png")
    shutil.copyfile(picture, IMAGES / "ball-and-box.png")
    record = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
    text = json.dumps(record["structured_prompt"], indent=2, ensure_ascii=False)
    (IMAGES / "ball-and-box.json").write_text(text + "\n", encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(home: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{home}/health") as answer:
                if json.load(answer)["status"] == "healthy":
                    return
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)
    raise SystemExit("The studio did not become ready.")


if __name__ == "__main__":
    main()
