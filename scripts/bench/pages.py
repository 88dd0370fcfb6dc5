"""How the pages feel, in Chromium: what moves, what blinks, how soon something happens. Medians, all from one run.

    PYTHONPATH=. python scripts/bench/pages.py [ROUNDS] [CHROMIUM]

Prints a table. A workspace of its own; mini paints. Times are of this machine; that nothing moves or blinks is not.
A picture that does not come in two minutes is told with what the page and the desk say of it, and left out.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as NeverCame

from tests.studio.processes import Server, served

WORDS = "a red ball on the left and a blue box on the right"
STEPS = 8
DESKTOP, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}

#: What a page is watched by: sums of layout shifts, frames without a picture on the stage, first signs of a press.
WATCH = """
window.deep = selector => {
  const found = []
  const walk = root => {
    found.push(...root.querySelectorAll(selector))
    for (const each of root.querySelectorAll('*')) if (each.shadowRoot) walk(each.shadowRoot)
  }
  walk(document)
  return found
}
window.inSight = (element, share = 0.5) => {
  const box = element.getBoundingClientRect()
  const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0)
  const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0)
  if (width <= 0 || height <= 0 || width * height < share * box.width * box.height) return false
  for (let each = element; each; each = each.parentElement || each.getRootNode().host)
    if (Number(getComputedStyle(each).opacity) < 0.05 || getComputedStyle(each).visibility === 'hidden') return false
  return true
}
window.stagePictures = () => deep('.stage img').filter(each => each.complete && each.naturalWidth && inSight(each))
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (window.seen) seen.shift += entry.value
}).observe({ type: 'layout-shift' })
window.watch = mode => {
  const before = new Set(stagePictures().map(each => each.src))
  const had = before.size > 0
  const own = { mode, shift: 0, blank: 0, pressed: null, reaction: null, preview: null, result: null, src: '' }
  window.seen = own
  document.addEventListener('keydown', () => { own.pressed ??= performance.now() }, { capture: true, once: true })
  let last = performance.now()
  const look = now => {
    if (window.seen !== own) return
    const shown = stagePictures()
    if ((had || own.preview) && !shown.length) own.blank += now - last
    last = now
    if (own.pressed) {
      const signs = deep('.bar.sending kbd, .stage .says')
      own.reaction ??= signs.some(each => each.textContent.trim() && inSight(each)) ? now : null
      own.preview ??= shown.some(each => each.src.includes('/img/preview/')) ? now : null
      const result = shown.find(each => /\\/img\\/[0-9A-Z]{26}\\.png/.test(each.src) && !before.has(each.src))
      if (result && !own.result)
        Object.assign(own, { result: performance.timeOrigin + now, result_at: now, src: result.src })
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    chromium = sys.argv[2] if len(sys.argv) > 2 else shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder) / "workspace"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with served(workspace) as server:
            server.wait_for(lambda health: health["status"] == "healthy")
            page = opened(browser, server, DESKTOP)
            generate(page, workspace)  # the first one is without a picture before it
            generates = come(generate(page, workspace) for _ in range(rounds))
            print(f"pictures that came: {len(generates)} of {rounds}", flush=True)
            show("layout shift of one Generate", [each["shift"] for each in generates], "{:.3f}")
            show("time without any picture on the stage", [each["blank"] for each in generates], "{:.0f} ms")
            show("press to a visible reaction", reactions(generates), "{:.0f} ms")
            show("a finished picture's file to the screen", [each["to_screen"] for each in generates], "{:.0f} ms")
            for view in ("Form", "Sketch", "JSON"):
                show(f"to {view}", [switched(page, view) for _ in range(rounds)], "{:.0f} ms")
            show("a chip dragged to JSON changed", [dragged(page, number) for number in range(rounds)], "{:.0f} ms")
            page.context.close()
            phone = opened(browser, server, PHONE)
            first = generate(phone, workspace, phone=True)
            if first is not None:
                print(f"on a phone a visit's first Generate moves its words by {first['moved']:.0f} px", flush=True)
            phones = come(generate(phone, workspace, phone=True) for _ in range(rounds))
            seen = sum(each["preview"] is not None for each in phones)
            print(f"on a phone the preview comes in sight without scrolling: {seen} of {rounds}", flush=True)
            show("on a phone, layout shift of one Generate", [each["shift"] for each in phones], "{:.3f}")
            show("on a phone, press to a visible reaction", reactions(phones), "{:.0f} ms")
            phone.context.close()
        browser.close()


def opened(browser: Browser, server: Server, size: dict[str, int]) -> Page:
    context = browser.new_context(viewport=size, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.get_by_label("What should it show?").wait_for()
    page.wait_for_timeout(2_000)
    if size is PHONE:  # its settings are folded, and stay as they are
        return page
    field = page.get_by_role("spinbutton", name="Steps")
    while not field.is_visible():
        page.get_by_role("button", name="More settings").click(delay=80)
        page.wait_for_timeout(1_000)
    field.fill(str(STEPS))
    field.press("Tab")
    page.keyboard.press("Escape")
    page.wait_for_timeout(1_500)
    return page


def generate(page: Page, workspace: Path, *, phone: bool = False) -> dict[str, Any] | None:
    """One press of Ctrl+Enter, watched to a second and a half after its picture is on the stage; None where none
    came."""
    if phone:
        page.evaluate("scrollTo(0, 0)")
    words = page.get_by_label("What should it show?")
    words.fill(WORDS)
    words.press("Tab")
    page.wait_for_timeout(1_500)
    page.evaluate("watch('generate')")
    before = words.bounding_box()
    page.keyboard.press("Control+Enter")
    try:
        page.wait_for_function("seen.result !== null", timeout=120_000)
    except NeverCame:
        tell_of(page)
        return None
    page.wait_for_timeout(1_500)
    found: dict[str, Any] = page.evaluate("({ ...seen })")
    name = found["src"].rsplit("/", 1)[-1]
    stored_ms = next((workspace / "outputs").rglob(name)).stat().st_ctime_ns / 1e6
    after = words.bounding_box()
    moved = abs(after["y"] - before["y"]) if after and before else 0.0
    return found | {"to_screen": found["result"] - stored_ms, "moved": moved}


def tell_of(page: Page) -> None:
    """What the page and the desk say of a picture that has not come."""
    on_page = page.evaluate(
        """() => ({
          address: location.search,
          run: document.querySelector('.stApp')?.dataset.testScriptState,
          bar: deep('.bar kbd').map(each => each.textContent),
          kept: sessionStorage.getItem('fibo.presses.generate'),
          stage: deep('.stage').map(each => [each.dataset.state, each.querySelector('.says')?.textContent]),
          alerts: [...document.querySelectorAll('[data-testid=stAlert]')].map(each => each.textContent),
          seen,
        })"""
    )
    batches = page.request.get(page.url.split("?")[0].rstrip("/") + "/api/v1/batches?limit=3").text()
    print("a picture never came:", json.dumps(on_page), batches[:2_000], sep="\n  ", flush=True)


def come(generates: Iterable[dict[str, Any] | None]) -> list[dict[str, Any]]:
    return [each for each in generates if each is not None]


def reactions(generates: list[dict[str, Any]]) -> list[float]:
    """Milliseconds from each press to the first sign of it; the picture itself where there was none before."""
    return [(each["reaction"] or each["preview"] or each["result_at"]) - each["pressed"] for each in generates]


#: By what each view of the prompt is known.
SHOWN = {"Form": "[role=radiogroup][aria-label='Part of the prompt']", "JSON": ".ace_content", "Sketch": ".board"}


def switched(page: Page, view: str) -> float:
    """Milliseconds from the press of a view's name until it is there."""
    other = "JSON" if view == "Form" else "Form"
    _switch(page, other)
    page.wait_for_timeout(800)
    return _switch(page, view)


def _switch(page: Page, view: str) -> float:
    arrived = f"deep({SHOWN[view]!r}).some(each => inSight(each, 0.05))"
    button = page.get_by_role("radio", name=view, exact=True)
    began = time.perf_counter()
    button.click()
    page.wait_for_function(arrived, polling="raf", timeout=20_000)
    return (time.perf_counter() - began) * 1_000


def dragged(page: Page, number: int) -> float:
    """Milliseconds from letting go of a chip until a run of the page that has its new place is over."""
    if number == 0:
        _switch(page, "Sketch")
        page.wait_for_timeout(1_000)
    chip = page.locator(".board [aria-pressed]").first
    box, board = chip.bounding_box(), page.locator(".board").bounding_box()
    assert box is not None
    assert board is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    far = board["width"] / 3  # another place's words
    page.mouse.move(x + (far if number % 2 == 0 else -far), y, steps=5)
    page.evaluate(
        """() => {
          const app = document.querySelector('.stApp')
          window.ran = null
          let running = false
          const began = performance.now()
          new MutationObserver((_, own) => {
            if (app.dataset.testScriptState === 'running') running = true
            else if (running) { window.ran = performance.now() - began; own.disconnect() }
          }).observe(app, { attributes: true })
        }"""
    )
    page.mouse.up()
    page.wait_for_function("window.ran !== null", polling="raf", timeout=20_000)
    took: float = page.evaluate("window.ran")
    page.wait_for_timeout(600)
    return took


def show(what: str, values: list[float], form: str) -> None:
    """A line of the table: the median, and the range."""
    if not values:
        print(f"{what}: nothing to measure", flush=True)
        return
    low, high = form.format(min(values)), form.format(max(values))
    print(f"{what}: {form.format(statistics.median(values))} ({low} to {high}, {len(values)} times)", flush=True)


if __name__ == "__main__":
    main()
