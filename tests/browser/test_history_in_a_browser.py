"""History: a gallery that goes on as one scrolls, and one picture over the whole window."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from fibo_core.store.generation import Generation
from tests.browser.conftest import DESKTOP, PHONE, Chromium, Visitor
from tests.store.test_importing import A1111, png, zipped
from tests.studio.processes import Server, add_picture, opened, served

pytestmark = pytest.mark.browser

COUNT = 420


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[Generation]]]:
    """A studio with more pictures than a window holds, the newest first: every tenth a fox."""
    workspace = tmp_path_factory.mktemp("history") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        made = [
            add_picture(
                history, f"a {'fox' if number % 10 == 0 else 'ball'}, number {number}", seed=number,
                color=("red", "teal", "gold")[number % 3],
            )
            for number in range(COUNT)
        ][::-1]  # fmt: skip
    with served(workspace) as server:
        yield server, made


@pytest.fixture
def gallery(chromium: Chromium, filled: tuple[Server, list[Generation]]) -> Iterator[Visitor]:
    yield from _visit(chromium, filled[0], DESKTOP)


@pytest.fixture
def pocket(chromium: Chromium, filled: tuple[Server, list[Generation]]) -> Iterator[Visitor]:
    yield from _visit(chromium, filled[0], PHONE)


def _visit(chromium: Chromium, server: Server, viewport: dict[str, int]) -> Iterator[Visitor]:
    visitor = Visitor(chromium, server, viewport, touch=viewport == PHONE)
    look(visitor)
    yield visitor
    visitor.close()
    assert visitor.outside == []
    assert visitor.faults == []


def look(visitor: Visitor, address: str = "/history") -> None:
    visitor.page.goto(visitor.home + address)
    tiles(visitor).first.wait_for()


def tiles(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("gridcell")


def tile(visitor: Visitor, generation: Generation) -> Locator:
    return visitor.page.locator(f"[role=gridcell][data-id='{generation.id}']")


def shown(visitor: Visitor) -> Locator:
    """The picture in the lightbox."""
    return visitor.page.locator(".lightbox .alone .result").last


def address_of(generation: Generation) -> str:
    return f"/img/{generation.id}.png"


def scroll_to(visitor: Visitor, generation: Generation) -> None:
    """Goes on until the picture's tile is there, as far as the gallery reaches."""
    for _ in range(400):
        if tile(visitor, generation).count():
            break
        visitor.page.evaluate(
            """() => new Promise(drawn => {
                document.querySelector("[data-testid=stMain]").scrollTop += 600
                setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), 30)
            })"""
        )
    tile(visitor, generation).evaluate("each => each.scrollIntoView({ block: 'center' })")


def top_of(visitor: Visitor, generation: Generation) -> float:
    box = tile(visitor, generation).bounding_box()
    assert box is not None
    return box["y"]


def comes_to(visitor: Visitor, generation: Generation, height: float) -> None:
    """Waits until the tile stands at about this height: its row is drawn anew when more comes before it."""
    for _ in range(200):
        box = tile(visitor, generation).bounding_box() if tile(visitor, generation).count() else None
        if box is not None and abs(box["y"] - height) < 150:
            return
        visitor.page.wait_for_timeout(100)
    raise AssertionError(f"The tile is not at {height}.")


def test_the_gallery_goes_on_as_one_scrolls_and_holds_no_more_than_a_few_windows(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    _, made = filled
    expect(gallery.page.locator(".fibo-history .count")).to_have_text("420 pictures")
    scroll_to(gallery, made[-1])
    expect(tile(gallery, made[-1])).to_be_visible()
    assert tiles(gallery).count() < 200
    assert tile(gallery, made[0]).count() == 0


def test_the_place_survives_a_picture_another_page_and_a_reload(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    """To a picture and back the same tile is at the same height; to Generate and back, and after a reload, the same row
    is the first."""
    page, (_, made) = gallery.page, filled
    scroll_to(gallery, made[250])
    page.wait_for_url(re.compile("at="))
    page.wait_for_timeout(600)
    before = top_of(gallery, made[250])
    tile(gallery, made[250]).click()
    expect(shown(gallery)).to_have_attribute("src", address_of(made[250]))
    page.keyboard.press("Escape")
    expect(tile(gallery, made[250])).to_be_focused()
    assert top_of(gallery, made[250]) == pytest.approx(before, abs=2)
    (place,) = [each for each in made if page.url.endswith(f"at={each.id}")]
    before = top_of(gallery, place)
    page.get_by_role("link", name="Generate").click()
    page.get_by_label("What should it show?").wait_for()
    page.go_back()
    comes_to(gallery, place, before)
    page.reload()
    comes_to(gallery, place, before)


def test_a_search_is_in_the_address_and_says_what_it_did_not_find(gallery: Visitor) -> None:
    page = gallery.page
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search the pictures")
    expect(field).to_be_focused()
    page.keyboard.type("fox")
    expect(page.locator(".fibo-history .count")).to_have_text("42 pictures")
    page.wait_for_url(re.compile(r"\?q=fox"))
    page.reload()
    expect(page.locator(".fibo-history .count")).to_have_text("42 pictures")
    expect(field).to_have_value("fox")
    field.fill("zeppelin")
    expect(page.get_by_role("heading", name="No picture for “zeppelin”")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    expect(page.locator(".fibo-history .count")).to_have_text("420 pictures")


def test_of_twenty_quick_presses_in_the_lightbox_none_is_lost(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    """The picture, its facts and the address are those of the last one; back leads through none of those between."""
    page, (_, made) = gallery.page, filled
    tile(gallery, made[3]).click()
    expect(shown(gallery)).to_have_attribute("src", address_of(made[3]))
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[23]))
    expect(page.locator(".lightbox .facts")).to_contain_text(f"seed {made[23].request.seed} ")
    page.wait_for_url(re.compile(f"picture={made[23].id}"))
    page.keyboard.press("ArrowLeft")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[22]))
    page.go_back()
    expect(page.locator(".lightbox")).to_be_hidden()
    expect(tile(gallery, made[22])).to_be_focused()
    assert "picture=" not in page.url


def test_a_link_to_a_picture_opens_it_with_its_recipe_and_neighbours(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    page, (_, made) = gallery.page, filled
    look(gallery, f"/history?picture={made[300].id}")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[300]))
    recipe = page.locator(".lightbox aside")
    for fact in (str(made[300].request.seed), "256×256", "3, 3", "cpu, float32", made[300].recipe_hash[:16]):
        expect(recipe).to_contain_text(fact)
    expect(recipe.locator(".ace_content")).to_contain_text(made[300].words)
    page.keyboard.press("i")
    expect(recipe).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[299]))
    page.keyboard.press("Escape")
    expect(tile(gallery, made[299])).to_be_focused()


def test_a_link_to_no_picture_says_so_and_shows_the_gallery(gallery: Visitor) -> None:
    look(gallery, "/history?picture=01J0000000000000000000000A")
    expect(gallery.page.get_by_text("No picture has the id").first).to_be_visible()
    expect(gallery.page.locator(".lightbox")).to_be_hidden()


def test_what_is_picked_with_control_and_shift_is_deleted_and_brought_back(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    page, (_, made) = gallery.page, filled
    tile(gallery, made[1]).click(modifiers=["Control"])
    tile(gallery, made[4]).click(modifiers=["Shift"])
    expect(page.get_by_text("4 picked")).to_be_visible()
    tile(gallery, made[2]).click(modifiers=["Control"])
    expect(page.get_by_text("3 picked")).to_be_visible()
    page.get_by_role("toolbar", name="The picked pictures").get_by_role("button", name="Delete").click()
    expect(page.locator(".foot").get_by_text("3 pictures deleted.")).to_be_visible()
    expect(tile(gallery, made[1])).to_have_count(0)
    expect(tile(gallery, made[2])).to_have_count(1)
    expect(page.locator(".fibo-history .count")).to_have_text("417 pictures")
    page.locator(".foot").get_by_role("button", name="Undo").click()
    expect(tile(gallery, made[1])).to_have_count(1)
    expect(page.locator(".fibo-history .count")).to_have_text("420 pictures")


def test_by_keys_alone_one_moves_picks_stars_and_opens(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    """One Tab stop for the whole grid; each name tells its picture from another of the same words."""
    page, (_, made) = gallery.page, filled
    tile(gallery, made[0]).focus()
    page.keyboard.press("ArrowRight")
    expect(tile(gallery, made[1])).to_be_focused()
    assert page.locator("[role=gridcell][tabindex='0']").count() == 1
    page.keyboard.press("x")
    expect(tile(gallery, made[1])).to_have_attribute("aria-selected", "true")
    page.keyboard.press("f")
    expect(tile(gallery, made[1])).to_have_attribute("aria-label", re.compile(rf"seed {COUNT - 2}, .*, starred"))
    expect(page.locator(".fibo-history > .heard")).to_have_text("1 picture starred.")
    page.keyboard.press("f")
    expect(tile(gallery, made[1])).not_to_have_attribute("aria-label", re.compile("starred"))
    page.keyboard.press("End")
    expect(tile(gallery, made[-1])).to_be_focused()
    page.keyboard.press("PageUp")
    expect(tile(gallery, made[-1])).not_to_be_focused()
    page.keyboard.press("Home")
    expect(tile(gallery, made[0])).to_be_focused()
    page.keyboard.press("Enter")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[0]))
    page.keyboard.press("Escape")
    expect(tile(gallery, made[0])).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 picked")).to_be_hidden()


def test_del_in_the_lightbox_goes_on_to_the_next_and_undo_brings_the_picture_back(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    page, (_, made) = gallery.page, filled
    tile(gallery, made[6]).click()
    expect(shown(gallery)).to_have_attribute("src", address_of(made[6]))
    page.keyboard.press("Delete")
    expect(shown(gallery)).to_have_attribute("src", address_of(made[7]))
    page.locator(".lightbox").get_by_role("button", name="Undo").click()
    expect(shown(gallery)).to_have_attribute("src", address_of(made[6]))


def test_new_pictures_wait_behind_a_button_and_move_nothing(
    chromium: Chromium, filled: tuple[Server, list[Generation]]
) -> None:
    server, made = filled
    visitor = Visitor(chromium, server, DESKTOP)
    look(visitor, "/history?q=number")
    scroll_to(visitor, made[120])
    before = top_of(visitor, made[120])
    with opened(server.log.parent / "workspace") as (_, history):
        new = [add_picture(history, f"a number of stars {seed}", seed=seed) for seed in (1, 2)]
    button = visitor.page.get_by_role("button", name="2 new pictures")
    button.wait_for()
    assert top_of(visitor, made[120]) == before
    button.click()
    expect(tile(visitor, new[1])).to_be_focused()
    for each in new[::-1]:
        expect(tile(visitor, each)).to_be_focused()
        visitor.page.keyboard.press("Delete")
        expect(tile(visitor, each)).to_have_count(0)
    visitor.close()


def test_on_a_phone_a_long_press_picks_and_a_swipe_leads_on(
    pocket: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    """Nothing is wider than the window."""
    page, (_, made) = pocket.page, filled
    box = tile(pocket, made[1]).bounding_box()
    assert box is not None
    touch = pocket.context.new_cdp_session(page)
    point = {"x": box["x"] + 40, "y": box["y"] + 40}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(page.get_by_text("1 picked")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tile(pocket, made[2]).tap()
    expect(page.get_by_text("2 picked")).to_be_visible()
    page.get_by_role("button", name="Pick none").tap()
    tile(pocket, made[2]).tap()
    expect(shown(pocket)).to_have_attribute("src", address_of(made[2]))
    stage = page.locator(".lightbox .alone").bounding_box()
    assert stage is not None
    y = stage["y"] + 100
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 300, "y": y}]})
    for x in (250, 180, 90):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(shown(pocket)).to_have_attribute("src", address_of(made[3]))
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_what_was_understood_stands_in_chips_and_what_was_not_in_a_sentence(gallery: Visitor) -> None:
    """A chip leaves its part out again."""
    page = gallery.page
    page.get_by_label("Search the pictures").fill("-fox ligthing:night")
    expect(page.locator("h3 + p")).to_contain_text("did you mean lighting?")  # once, where the pictures would be
    expect(page.locator(".waits")).to_be_hidden()
    page.get_by_role("button", name="ligthing: night").click()
    expect(page.get_by_label("Search the pictures")).to_have_value("-fox")
    expect(page.locator(".fibo-history .count")).to_have_text("378 pictures")
    page.get_by_role("button", name="not fox").click()
    expect(page.locator(".fibo-history .count")).to_have_text("420 pictures")


def test_a_tag_on_all_that_a_search_finds_can_be_searched_for_and_taken_back(gallery: Visitor) -> None:
    page = gallery.page
    look(gallery, "/history?q=fox")
    expect(page.locator(".fibo-history .count")).to_have_text("42 pictures")
    tiles(gallery).first.click(modifiers=["Control"])
    page.get_by_role("button", name="Pick all").click()
    expect(page.get_by_text("All 42 pictures")).to_be_visible()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("A tag").fill("sly")
    page.keyboard.press("Enter")
    expect(page.locator(".foot").get_by_text("42 pictures tagged “sly”.")).to_be_visible()
    page.get_by_label("Search the pictures").fill("tag:sly number")
    expect(page.locator(".fibo-history .count")).to_have_text("42 pictures")
    page.locator(".foot").get_by_role("button", name="Undo").click()
    expect(page.locator(".fibo-history .count")).to_have_text("0 pictures")


def test_what_is_chosen_or_dropped_comes_in_and_is_told(gallery: Visitor, tmp_path: Path) -> None:
    """A zip with two pictures of another program and something that is none; then a picture that is dropped."""
    page = gallery.page
    archive = zipped(
        tmp_path / "away.zip",
        {"00012.png": png("navy", parameters=A1111), "other.png": png("olive"), "page.png": b"<html>Not found</html>"},
    )
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Bring in").click()
    chooser.value.set_files(archive)
    coming = page.get_by_role("region", name="What comes in")
    expect(coming).to_contain_text("2 pictures came in, 1 left out.")
    coming.get_by_text("1 remark").click()
    expect(coming).to_contain_text("page.png: This file is no picture that can be read")
    expect(page.get_by_role("gridcell", name=re.compile("a fox in snow"))).to_have_count(1)
    coming.get_by_role("button", name="Close").click()
    expect(coming).to_be_hidden()

    page.evaluate(
        """async content => {
            const data = new DataTransfer()
            data.items.add(new File([new Uint8Array(content)], "dropped.png", { type: "image/png" }))
            for (const name of ["dragenter", "dragover", "drop"]) {
                window.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }))
            }
        }""",
        list(png("maroon")),
    )
    expect(coming).to_contain_text("1 picture came in.")
    page.reload()
    tiles(gallery).first.wait_for()
    expect(coming).to_be_hidden()


def test_in_the_trash_pictures_are_deleted_for_good_when_one_is_sure(
    gallery: Visitor, filled: tuple[Server, list[Generation]]
) -> None:
    """It asks; "No" changes nothing, and what is not picked stays there, with its thumbnail."""
    server, made = filled
    kept, gone = made[-1], made[-2]
    gallery.page.request.post(f"{gallery.home}/api/v1/trash/purge", data={"all": True})  # what other tests left there
    for each in (kept, gone):
        gallery.page.request.delete(f"{gallery.home}/api/v1/generations/{each.id}")
    look(gallery, "/history?trash=")
    expect(tiles(gallery)).to_have_count(2)
    assert server.get(f"/img/thumb/{gone.id}.webp")[0] == 200
    tile(gallery, gone).click(modifiers=["Control"])
    gallery.page.once("dialog", lambda dialog: dialog.dismiss())
    gallery.page.get_by_role("button", name="Delete for good").click()
    expect(tiles(gallery)).to_have_count(2)
    gallery.page.once("dialog", lambda dialog: dialog.accept())
    gallery.page.get_by_role("button", name="Delete for good").click()
    expect(gallery.page.locator(".foot").get_by_text("1 picture deleted for good.")).to_be_visible()
    expect(tiles(gallery)).to_have_count(1)
    assert server.get(f"/img/thumb/{gone.id}.webp")[0] == 404
    assert server.get(f"/img/thumb/{kept.id}.webp")[0] == 200
