"""A picture's family in the lightbox, pictures compared, and the same picture again: in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from studio.report import report
from tests.browser.conftest import Chromium, Visitor, insist
from tests.studio.processes import Server, add_picture, opened


@pytest.fixture(scope="module")
def family(studio: Server) -> Iterator[list[str]]:
    """A picture, two of one instruction made from it, and one made from the first of those."""
    with opened(studio.log.parent / "workspace") as (_, history):

        def made(words: str, color: str, text: str, parent: str | None = None, seed: int = 7) -> str:
            prompt = StructuredPrompt.from_dict({"short_description": text, "objects": [{"description": text}]})
            mode = "generate" if parent is None else "refine"
            return add_picture(
                history, words, color=color, prompt=prompt, parent_id=parent, seed=seed, mode=mode
            ).id  # fmt: skip

        first = made("a red ball", "red", "a red ball")
        green = [made("make it green", "green", "a green ball", first, seed) for seed in (7, 8)]
        last = made("at night", "navy", "a green ball at night", green[0])
        yield [first, *green, last]


def tree_of(visitor: Visitor, id: str) -> Locator:
    """The tree in the lightbox of a picture."""
    visitor.open(f"/history?picture={id}")
    tree = visitor.page.get_by_role("tree", name="The pictures it comes from")
    expect(tree.locator(f"[data-id='{id}'][aria-current]")).to_be_visible()
    return tree


def table_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Pictures compared").locator("table")


def test_the_tree_is_walked_by_keys_and_two_of_its_pictures_are_compared(visitor: Visitor, family: list[str]) -> None:
    """Up, down, to the parent and to what was made; x ticks; Enter opens; Escape leads back."""
    page = visitor.page
    tree = tree_of(visitor, family[3])
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    expect(tree).to_contain_text("2 fields changed: short_description, objects[0].description")
    focused = tree.locator(":focus")
    tree.locator("[aria-current]").focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("data-id", family[1])
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("data-id", family[0])
    page.keyboard.press("x")
    compare = page.get_by_role("button", name="Compare 2")
    expect(compare).to_be_enabled()
    compare.click()
    table = table_of(page)
    expect(table.locator("tbody tr:not(.part)").first).to_be_visible()
    expect(table.locator("code", has_text=re.compile("^short_description$"))).to_be_visible()
    expect(table.locator("ins").first).to_be_visible()
    assert f"compare={family[3]}%2C{family[0]}" in page.url
    page.keyboard.press("Escape")
    expect(table).to_be_hidden()
    assert "compare=" not in page.url
    tree.locator(f"[data-id='{family[0]}']").focus()
    page.keyboard.press("Enter")
    expect(tree.locator(f"[data-id='{family[0]}'][aria-current]")).to_be_visible()
    assert f"picture={family[0]}" in page.url


def test_the_address_of_a_comparison_shows_it_again_and_all_shows_what_is_the_same_too(
    visitor: Visitor, family: list[str]
) -> None:
    page = visitor.page
    visitor.open(f"/history?compare={family[0]},{family[1]}")
    rows = table_of(page).locator("tbody tr:not(.part)")
    expect(rows).to_have_count(4)  # mode, words, and two of the JSON
    page.get_by_role("button", name="All", exact=True).click()
    expect(table_of(page).locator("code", has_text="versions.torch")).to_be_visible()
    assert rows.count() > 15
    page.get_by_role("button", name="Swap").click()
    page.wait_for_url(f"**compare={family[1]}%2C{family[0]}*")
    expect(table_of(page).locator("thead .title").first).to_have_text("make it green")
    page.get_by_role("button", name="Slider").click()
    expect(page.get_by_role("slider", name="Before and after")).to_be_visible()
    visitor.open("/history?compare=01M8CZ4K0NRBZ7N4JVZ4H2QZVP,x")
    expect(page.get_by_text("No picture has the id")).to_be_visible()


def test_more_than_two_pictures_are_zoomed_together(visitor: Visitor, family: list[str]) -> None:
    page = visitor.page
    visitor.open(f"/history?compare={','.join(family)}")
    grid = page.get_by_role("group", name="The pictures, zoomed together")
    expect(grid.locator("img")).to_have_count(4)
    grid.locator("figure").nth(1).click()
    scales = (
        "each => [...each.querySelectorAll('img')].map(image => new DOMMatrix(getComputedStyle(image).transform).a)"
    )
    assert grid.evaluate(scales) == [3, 3, 3, 3]
    page.keyboard.press("0")
    assert grid.evaluate(scales) == [1, 1, 1, 1]
    page.keyboard.press("+")
    assert len(set(grid.evaluate(scales))) == 1
    assert grid.evaluate(scales)[0] > 1


def test_picked_pictures_are_compared_from_the_bar(visitor: Visitor, family: list[str]) -> None:
    page = visitor.page
    visitor.open("/history?q=ball")
    for id in family[:2]:
        page.locator(f"[role='gridcell'][data-id='{id}']").click(modifiers=["Control"])
    page.get_by_role("toolbar", name="The picked pictures").get_by_role("button", name="Compare").click()
    expect(table_of(page).locator("tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Open picture 2").click()
    expect(page.get_by_role("dialog", name="One picture")).to_be_visible()


def test_a_comparison_fits_a_phone(phone: Visitor, family: list[str]) -> None:
    page = phone.page
    phone.open(f"/history?compare={','.join(family)}")
    expect(table_of(page).locator("td[data-n='4']").first).to_be_visible()
    dialog = page.get_by_role("dialog", name="Pictures compared")
    wide = """each => [...each.firstElementChild.shadowRoot.querySelectorAll("tbody *, h2, figure")]
        .filter(part => part.getBoundingClientRect().right > innerWidth).map(part => part.outerHTML)"""
    assert dialog.evaluate(wide) == []


def test_a_picture_is_painted_again_beside_its_recipe_and_told_how_it_differs(
    visitor: Visitor, family: list[str]
) -> None:
    """The stored picture is plain red, and mini paints something else; the gallery has no more pictures than before."""
    page = visitor.page
    tree_of(visitor, family[0])
    paint = page.get_by_role("button", name="Make it again")
    said = page.get_by_text(re.compile(r"Not the same: .* of the pixels differ"))

    def press() -> None:
        if paint.is_visible() and not said.is_visible():
            paint.click()

    insist(press, lambda ms: expect(said).to_be_visible(timeout=ms + 40_000))
    expect(page.get_by_text(re.compile("weights r1 → "))).to_be_visible()
    page.get_by_role("button", name="Compare both").click()
    expect(page.get_by_role("slider", name="Before and after")).to_be_visible()
    tree = tree_of(visitor, family[0])  # after a reload the report is still there
    expect(said).to_be_visible()
    expect(tree.get_by_role("treeitem")).to_have_count(4)


def test_a_report_asks_nobody_for_anything_and_breaks_no_policy(
    chromium: Chromium, studio: Server, family: list[str], tmp_path: Path
) -> None:
    """Opened from the disk, as somebody would who was sent it."""
    with opened(studio.log.parent / "workspace") as (_, history):
        (tmp_path / "tree.html").write_text("".join(report(history, family[0])), encoding="utf-8")
    context = chromium.browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"file://{tmp_path}/tree.html")
    expect(page.locator("img")).to_have_count(4)
    whole = page.locator("img").evaluate_all("images => images.every(each => each.complete && each.naturalWidth)")
    context.close()
    assert whole
    assert [url for url in asked if not url.startswith("data:")] == [f"file://{tmp_path}/tree.html"]
    assert said == []
