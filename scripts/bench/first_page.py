"""How soon after the server's start a browser shows the first page and, asked there at once, the first picture.

    PYTHONPATH=. python scripts/bench/first_page.py [ROUNDS] [CHROMIUM] [--slow]

The browser is running before; run it twice for a warm machine. Each round has a workspace of its own. With --slow it is
how soon a browser that was never there has Generate's form, and History's search box by its own address, from a studio
that is ready over a slow network (Chromium's own throttling); and once more when it comes again.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.studio.processes import served

CHECKOUT = Path(__file__).resolve().parents[2]
SLOW = {"latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 200_000}  #: ms; bytes a second: 1.6 Mbit/s
QUIET_MS = 6_000  #: for what comes after the form


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("rounds", nargs="?", type=int, default=3)
    asked.add_argument("chromium", nargs="?", default=shutil.which("chromium") or "/usr/bin/chromium")
    asked.add_argument("--slow", action="store_true")
    options = asked.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        if options.slow:
            slow_pages(browser, options.rounds)
        else:
            for _ in range(options.rounds):
                print(first_page(browser))
        browser.close()


def slow_pages(browser: Browser, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "workspace") as server:
        server.wait_for(lambda health: health["status"] == "healthy")
        for path, field in (("/", "What should it show?"), ("/history", "Search the pictures")):
            for _ in range(rounds):
                context = browser.new_context(viewport={"width": 1360, "height": 900})
                for visit in ("first", "second"):
                    told = slow_page(context, f"http://127.0.0.1:{server.port}{path}", field)
                    print(f"{path} {visit} visit: {told}", flush=True)
                context.close()


def slow_page(context: BrowserContext, address: str, field: str) -> str:
    """When the form is there, and what has come by then and in the seconds after: requests, bytes, bytes by socket."""
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", {"offline": False, **SLOW})
    asked: list[str] = []
    came: list[float] = []
    by_socket: list[int] = []
    network.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    network.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
    network.on(
        "Network.webSocketFrameReceived", lambda event: by_socket.append(len(event["response"]["payloadData"]) * 3 // 4)
    )
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.get_by_label(field).wait_for(timeout=180_000)
    form_s, before = time.perf_counter() - started, sum(came)
    page.wait_for_timeout(QUIET_MS)
    page.close()
    web = [each for each in asked if each.startswith("http")]
    return (
        f"form after {form_s:.1f} s and {before / 1e3:,.0f} kB; in all {len(web)} requests, {sum(came) / 1e3:,.0f} kB, "
        f"{sum(by_socket) / 1e3:,.0f} kB by socket"
    )


def first_page(browser: Browser) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home, page = f"http://127.0.0.1:{port}", browser.new_page()
    with tempfile.TemporaryDirectory() as workspace:
        environment = os.environ | {"WORKSPACE_DIR": workspace, "STUDIO_PORT": str(port), "FIBO_MODEL": "mini"}
        started = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "studio", "serve"], env=environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for_health(home)
            answered = time.perf_counter() - started
            page.goto(home)
            words = page.get_by_label("What should it show?")
            words.wait_for()
            shown = time.perf_counter() - started
            words.fill("a red ball")
            page.keyboard.press("Control+Enter")
            page.get_by_role("button", name="New seed").wait_for(timeout=120_000)
            painted = time.perf_counter() - started
        finally:
            server.terminate()
            server.wait(30)
            page.close()
    return f"/health {answered:.1f} s, page {shown:.1f} s, picture {painted:.1f} s"


def _wait_for_health(home: str) -> None:
    while True:
        try:
            urllib.request.urlopen(f"{home}/health").close()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:  # not listening yet
            time.sleep(0.02)


if __name__ == "__main__":
    main()
