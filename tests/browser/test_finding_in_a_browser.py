"""History's search: what is suggested, what narrows, a search kept by name, batches in one tile, and calm pictures."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.tables import BatchPictureTable
from tests.browser.conftest import DESKTOP, Chromium, Visitor, insist
from tests.studio.processes import Server, add_picture, opened, served

pytestmark = pytest.mark.browser

WITH_TEAPOT, IN_BATCH, ALL = 2, 3, 8


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Eight pictures: three of one batch, and two of the others with a teapot."""
    workspace = tmp_path_factory.mktemp("finding") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (database, history):
        made = []
        for number in range(ALL):
            thing = "teapot" if number < WITH_TEAPOT else "mushroom"
            prompt = StructuredPrompt.from_dict({"short_description": f"a {thing}"})
            made.append(add_picture(history, f"a {thing}, number {number}", seed=number, prompt=prompt))
        with database.write() as session:
            for each in made[-IN_BATCH:]:
                session.add(BatchPictureTable(generation_id=each.id, batch_id="01J00000000000000000000000"))
    with served(workspace) as server:
        yield server


@pytest.fixture
def gallery(chromium: Chromium, filled: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, filled, DESKTOP)
    visitor.page.goto(f"{visitor.home}/history")
    expect(tiles(visitor)).to_have_count(ALL)
    yield visitor
    visitor.close()
    assert (visitor.outside, visitor.faults) == ([], [])


def tiles(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("gridcell")


def field(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("combobox", name="Search the pictures")


def test_a_begun_word_is_suggested_and_taken_by_key(gallery: Visitor) -> None:
    suggestions = gallery.page.locator(".suggestions li")
    suggestion = suggestions.filter(has_text="thing:teapot")

    def type_it() -> None:
        field(gallery).fill("")
        field(gallery).press_sequentially("teap", delay=30)

    insist(type_it, lambda ms: expect(suggestion).to_be_visible(timeout=ms))
    gallery.page.keyboard.press("ArrowDown")
    expect(suggestion).to_have_attribute("aria-selected", "true")
    gallery.page.keyboard.press("Enter")
    expect(tiles(gallery)).to_have_count(WITH_TEAPOT)
    expect(suggestions).to_have_count(0)
    expect(field(gallery)).to_have_value("thing:teapot")


def test_a_facet_narrows_the_search_to_as_many_as_it_says(gallery: Visitor) -> None:
    facet = gallery.page.locator(".facet button").filter(has_text="teapot")
    expect(facet.locator("small")).to_have_text(str(WITH_TEAPOT))
    facet.click()
    expect(tiles(gallery)).to_have_count(WITH_TEAPOT)
    expect(field(gallery)).to_have_value("thing:teapot")


def test_a_search_is_kept_by_a_name_that_is_typed_in_the_page(gallery: Visitor) -> None:
    """Escape keeps nothing; the name is then among the collections."""
    places = gallery.page.get_by_label("Collections and kept searches")
    name = gallery.page.get_by_label("A name for this search")
    field(gallery).fill("mushroom")
    expect(tiles(gallery)).to_have_count(ALL - WITH_TEAPOT)
    places.select_option("keep")
    expect(name).to_have_value("mushroom")
    expect(name).to_be_focused()
    gallery.page.keyboard.press("Escape")
    expect(name).to_be_hidden()
    expect(places).to_be_focused()
    places.select_option("keep")
    name.fill("My mushrooms")
    gallery.page.keyboard.press("Enter")
    expect(name).to_be_hidden()
    expect(places.locator("option[value='in:\"My mushrooms\"']")).to_have_count(1)
    places.select_option('in:"My mushrooms"')
    expect(tiles(gallery)).to_have_count(ALL - WITH_TEAPOT)


def test_a_batch_folds_into_one_tile_and_opens_again(gallery: Visitor) -> None:
    fold = gallery.page.get_by_role("button", name="Fold batches")
    fold.click()
    expect(fold).to_have_attribute("aria-pressed", "true")
    expect(tiles(gallery)).to_have_count(ALL - IN_BATCH + 1)
    fold.click()
    expect(tiles(gallery)).to_have_count(ALL)


def test_who_wants_less_motion_sees_no_picture_move(gallery: Visitor) -> None:
    tiles(gallery).first.click(modifiers=["Control"])  # a picked one is drawn smaller
    image = tiles(gallery).first.locator("img")
    moves = "image => getComputedStyle(image).transitionDuration"
    assert image.evaluate(moves) != "0s"
    gallery.page.emulate_media(reduced_motion="reduce")
    assert image.evaluate(moves) == "0s"
