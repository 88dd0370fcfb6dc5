"""How History holds many pictures, in a real browser.

    PYTHONPATH=. python scripts/bench/gallery.py [ROWS…] [--chromium PATH]

Without arguments at 1,000 and 100,000 rows, each a workspace and a server of its own; the pictures share a few files.
Printed: the time to the first tiles and to a screen further; what fifty screens cost the server in memory, and how many
tiles the document holds then; the way back to the place after another page; in the lightbox how long an arrow key takes
to show the neighbour, and whether 20 quick presses lose one. A machine that does other work makes the figures
meaningless.
"""

import argparse
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from ulid import ULID

from fibo_core.engine import RenderedImage
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.history import History

CHECKOUT = Path(__file__).resolve().parents[2]
FILES, SCREENS, PRESSES, ARROWS = 8, 50, 20, 12
PIECE = 5_000
THINGS = ("ball", "star", "house", "fox", "tree", "ring", "heart", "mushroom")
TILE = "[role=gridcell] img"

#: The time from a press to the frame that shows another picture.
ARROW = """key => new Promise(done => {
    const stage = document.querySelector(".lightbox .host").shadowRoot
    const shown = () => stage.querySelector(".after .pan").lastElementChild
    const before = shown(), began = performance.now()
    const look = () => {
        const now = shown()
        const there = now !== before && now.complete && now.naturalWidth
        requestAnimationFrame(there ? () => done(performance.now() - began) : look)
    }
    stage.querySelector(".stage").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }))
    look()
})"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=int, default=[1_000, 100_000])
    parser.add_argument("--chromium", default=shutil.which("chromium") or "/usr/bin/chromium")
    asked = parser.parse_args()
    for rows in asked.rows:
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder) / "workspace"
            began = time.perf_counter()
            fill(workspace, rows)
            print(f"{rows:,} rows (filled in {time.perf_counter() - began:.0f} s)", flush=True)
            with serving(workspace) as (home, process), sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=asked.chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport={"width": 1360, "height": 900})
                page.set_default_timeout(120_000)
                measure(page, home, process.pid)
                browser.close()


def measure(page: Page, home: str, pid: int) -> None:
    page.goto(f"{home}/history")  # the first visit of all: scripts are fetched and compiled
    page.locator(TILE).first.wait_for()
    answer = httpx.get(f"{home}/gallery/tiles.json", timeout=60)
    print(f"  a page of tiles: {answer.elapsed.total_seconds() * 1000:.0f} ms, {len(answer.content) / 1000:.0f} kB")
    first = [first_tiles(page, home) for _ in range(3)]
    print(f"  first tiles after a reload: {statistics.median(first):.0f} ms, of them after the page was run: ", end="")
    print(f"{statistics.median(first_tiles(page, home, since='gallery') for _ in range(3)):.0f} ms")
    print(f"  a screen further: {statistics.median(scroll(page) for _ in range(5)):.0f} ms")
    before = memory_mb(pid)
    for _ in range(SCREENS):
        scroll(page)
    drawn = page.locator(TILE).count()
    print(f"  {SCREENS} screens: the server grew by {memory_mb(pid) - before:.0f} MB; {drawn} tiles in the document")
    page.wait_for_timeout(500)
    print(f"  back to the place: {back(page):.0f} ms")
    page.locator(TILE).nth(20).click()
    page.locator(".lightbox .result").first.wait_for()
    arrows = []
    for number in range(ARROWS):
        page.wait_for_timeout(400)
        arrows.append(page.evaluate(ARROW, "ArrowLeft" if number % 4 == 3 else "ArrowRight"))
    print(f"  an arrow in the lightbox: {statistics.median(arrows):.0f} ms, at most {max(arrows):.0f} ms")
    print(f"  {PRESSES} quick presses: {quick(page)} pictures further")


def first_tiles(page: Page, home: str, since: str = "") -> float:
    """Until the first tile's picture is there, from the visit, or from when the gallery's script asked for tiles."""
    page.goto("about:blank")
    page.goto(f"{home}/history")
    page.wait_for_function(f"document.querySelector('{TILE}')?.complete")
    told: float = page.evaluate(
        "name => performance.now() - (performance.getEntriesByType('resource')"
        ".find(each => name && each.name.includes(name))?.startTime ?? 0)",
        "/gallery/tiles.json" if since else "",
    )
    return told


def scroll(page: Page) -> float:
    """One screen further, until all its tiles have their pictures."""
    took: float = page.evaluate(
        """() => new Promise(done => {
            const room = document.querySelector("[data-testid=stMain]"), began = performance.now()
            room.scrollTop += innerHeight
            const look = () => {
                const seen = [...document.querySelectorAll("[role=gridcell] img")].filter(each => {
                    const { top, bottom } = each.getBoundingClientRect()
                    return bottom > 0 && top < innerHeight
                })
                const whole = seen.length > 20 && seen.every(each => each.complete && each.naturalWidth)
                if (whole || performance.now() - began > 10000) done(performance.now() - began)
                else requestAnimationFrame(look)
            }
            requestAnimationFrame(look)
        })"""
    )
    return took


def back(page: Page) -> float:
    """To Generate and back, until the tile at the place is there again."""
    place = page.evaluate("new URLSearchParams(location.search).get('at')")
    page.get_by_role("link", name="Generate").click()
    page.get_by_label("What should it show?").wait_for()
    page.wait_for_timeout(1_000)
    began = time.perf_counter()
    page.go_back()
    page.locator(f"[data-id='{place}'] img").wait_for()
    return (time.perf_counter() - began) * 1000


def quick(page: Page) -> int:
    """How many pictures further so many presses without a pause lead."""
    seeds = "Number(document.querySelector('.lightbox .facts').textContent.match(/seed (\\d+)/)[1])"
    before = page.evaluate(seeds)
    for _ in range(PRESSES):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1_500)
    return int(before - page.evaluate(seeds))


def fill(workspace: Path, count: int) -> None:
    """So many pictures, of which every row has files: links to those of a few that were stored as they always are."""
    workspace.mkdir()
    database = Database(workspace / "studio.db")
    database.migrate()
    history = History(workspace, database)
    templates = []
    for number in range(FILES):
        words = f"a {THINGS[number]} at golden hour"
        document = {"short_description": words, "objects": [{"description": f"a {THINGS[number]}"}]}
        prompt = StructuredPrompt.from_dict(document)
        request = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=3).request(prompt, number, "r1")
        image = Image.effect_noise((512, 512), 20 + 10 * number).convert("RGB")
        rendered = RenderedImage(image, 0.5, "cpu", "float32", {})
        templates.append(history.add(rendered, request, mode="generate", words=words, writer="offline"))
    database.close()
    began = datetime.now(UTC) - timedelta(days=200)
    with closing(sqlite3.connect(workspace / "studio.db")) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(generation)")]
        copied = ", ".join(f'"{name}"' for name in names)
        places = ", ".join(f":{name}" for name in names)
        rows = []
        for template in templates:
            found = connection.execute(f"SELECT {copied} FROM generation WHERE id = ?", (template.id,)).fetchone()
            rows.append(dict(zip(names, found, strict=True)))
        for first in range(0, count, PIECE):
            with connection:
                connection.executemany(
                    f"INSERT INTO generation ({copied}) VALUES ({places})",
                    (
                        copy_of(workspace, rows[number % FILES], began + timedelta(seconds=120 * number), number)
                        for number in range(first, min(first + PIECE, count))
                    ),
                )


def copy_of(workspace: Path, row: dict[str, object], moment: datetime, number: int) -> dict[str, object]:
    id = str(ULID.from_datetime(moment))
    made = row | {
        "id": id,
        "seq": int(moment.timestamp() * 1_000_000),
        "created_at": f"{moment:%Y-%m-%d %H:%M:%S.%f}",
        "seed": number,
        "recipe_hash": f"{number:064x}",
    }
    thumbs = workspace / ".cache" / "thumbs"
    folder = thumbs / id[:4]
    folder.mkdir(parents=True, exist_ok=True)
    of = str(row["id"])
    os.link(thumbs / of[:4] / f"{of}.webp", folder / f"{id}.webp")
    return made


@contextmanager
def serving(workspace: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"WORKSPACE_DIR": str(workspace), "STUDIO_PORT": str(port), "FIBO_MODEL": "mini"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "studio", "serve"], env=environment, cwd=CHECKOUT, **quiet)
    home = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                if json.loads(httpx.get(f"{home}/health", timeout=60).text)["status"] == "healthy":
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        yield home, process
    finally:
        process.terminate()
        process.wait(30)


def memory_mb(pid: int) -> float:
    """What a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
