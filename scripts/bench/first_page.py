"""How soon after the server's start a browser shows the first page and, asked there at once, the first picture.

    PYTHONPATH=. python scripts/bench/first_page.py [ROUNDS] [CHROMIUM]

The browser is running before; run it twice for a warm machine. Each round has a workspace of its own.
"""

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

from playwright.sync_api import Browser, sync_playwright

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    chromium = sys.argv[2] if len(sys.argv) > 2 else shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            print(first_page(browser))
        browser.close()


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
