"""How soon a stroke of the brush is a mark that the studio keeps, on a picture of 1024×1024: from the pointer's lifting
to the answer that names the kept mask, in Chromium.

    PYTHONPATH=. python scripts/bench/brush.py [STROKES] [CHROMIUM]

Prints median, 90th percentile and longest. A workspace of its own; nothing is painted.
"""

import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from fibo_core.engine import RenderedImage
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.studio.processes import opened, served

SIDE = 1024
WATCH = """() => {
  window.strokes = []
  let lifted = 0
  document.addEventListener('pointerup', () => { lifted = performance.now() }, true)
  const ask = window.fetch
  window.fetch = async (...asked) => {
    const answer = await ask(...asked)
    if (asked[0] === '/inputs') strokes.push(performance.now() - lifted)
    return answer
  }
}"""


def main() -> None:
    strokes = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chromium = sys.argv[2] if len(sys.argv) > 2 else shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder) / "workspace"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with served(workspace) as server:
            server.wait_for(lambda health: health["status"] == "healthy")
            page = browser.new_page(viewport={"width": 1360, "height": 900})
            page.goto(f"http://127.0.0.1:{server.port}/edit?picture={_picture(workspace)}")
            page.locator(".alone .result").wait_for()
            page.wait_for_timeout(3_000)
            page.evaluate(WATCH)
            box = page.locator(".alone").bounding_box()
            assert box is not None
            for number in range(strokes):
                y = box["y"] + box["height"] * (0.1 + 0.8 * number / strokes)
                page.mouse.move(box["x"] + 0.1 * box["width"], y)
                page.mouse.down()
                page.mouse.move(box["x"] + 0.9 * box["width"], y, steps=8)
                page.mouse.up()
                page.wait_for_timeout(1_000)
            times = sorted(page.evaluate("strokes"))
        browser.close()
    assert len(times) == strokes, f"{len(times)} of {strokes} strokes were kept"
    print(f"{strokes} strokes: {statistics.median(times):.0f} ms, {times[int(0.9 * strokes)]:.0f}, {times[-1]:.0f}")


def _picture(workspace: Path) -> str:
    """The id of a stored picture to mark."""
    prompt = StructuredPrompt.from_dict({"short_description": "a wall"})
    request = replace(RenderSettings.of(CATALOGUE["mini"]).request(prompt, 7, "r1"), width=SIDE, height=SIDE)
    rendered = RenderedImage(Image.effect_noise((SIDE, SIDE), 64).convert("RGB"), 0.5, "cpu", "float32", {})
    with opened(workspace) as (_, history):
        return history.add(rendered, request, mode="generate", words="a wall", writer="offline").id


if __name__ == "__main__":
    main()
