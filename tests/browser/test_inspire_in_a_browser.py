"""Inspire in Chromium: pictures by the clipboard and by a drop, their colours, the prompt, and source beside result."""

import base64
import io
import re

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser

ARRIVES = """([how, files, text]) => {
    const data = new DataTransfer()
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), sign => sign.charCodeAt(0))
        data.items.add(new File([bytes], name, {type: "image/png"}))
    }
    if (text) data.setData("text/plain", text)
    const all = {bubbles: true, cancelable: true, composed: true}
    const event = how === "paste" ? new ClipboardEvent("paste", {clipboardData: data, ...all})
        : new DragEvent("drop", {dataTransfer: data, ...all})
    document.activeElement.dispatchEvent(event)
    return event.defaultPrevented
}"""


def arrive(page: Page, how: str, *files: tuple[str, bytes], text: str = "") -> bool:
    """Pastes, or drops, files where the cursor is; whether the page took them."""
    sent = [[name, base64.b64encode(content).decode()] for name, content in files]
    return bool(page.evaluate(ARRIVES, [how, sent, text]))


def meadow() -> bytes:
    picture = Image.new("RGB", (480, 320), (120, 180, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 200, 480, 320), fill=(60, 150, 50))
    return _png(picture)


def dusk() -> bytes:
    picture = Image.new("RGB", (320, 480), (245, 138, 79))
    ImageDraw.Draw(picture).rectangle((0, 300, 320, 480), fill=(16, 20, 80))
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_two_pasted_pictures_become_a_prompt_and_a_picture_with_its_source_beside_it(visitor: Visitor) -> None:
    """Also with the cursor in the hint, where only text is typed; a reload finds pictures and result again."""
    page = visitor.page
    visitor.open("/inspire")
    tiles = page.locator(".given .tile:not(.coming)")
    assert arrive(page, "paste", ("image.png", meadow()))
    page.get_by_label("A hint (optional)").focus()
    assert not arrive(page, "paste", ("image.png", meadow()), text="from a text editor")
    assert arrive(page, "paste", ("image.png", dusk()))
    expect(tiles).to_have_count(2)
    for color in ("sky blue", "green", "coral", "navy blue"):
        expect(page.get_by_role("button", name=f"Add {color} to the hint")).to_be_visible()
    visitor.settle()
    page.reload()  # before anything is asked
    expect(tiles).to_have_count(2)
    page.get_by_role("button", name="Add coral to the hint").click()
    expect(page.get_by_label("A hint (optional)")).to_have_value("colors: coral")
    page.get_by_role("button", name=re.compile("^Describe")).click()
    expect(page.get_by_text("Palette and light are those of all 2 pictures")).to_be_visible()
    page.get_by_role("button", name="Paint", exact=True).click()
    page.get_by_role("button", name="New seed").wait_for()
    before = page.locator(".given").evaluate("() => performance.getEntriesByType('resource').map(each => each.name)")
    assert any(re.search(r"/inputs/[0-9a-f]{64}\.png$", address) for address in before), "the source is on the stage"
    visitor.open(page.url.removeprefix(visitor.home))
    expect(tiles).to_have_count(2)
    page.get_by_role("button", name="New seed").wait_for()
    picture = httpx.get(f"{visitor.home}/api/v1/generations?limit=1").json()["items"][0]["id"]
    visitor.open(f"/history?picture={picture}")
    for number in (1, 2):
        link = page.get_by_role("link", name=f"Source {number}")
        assert httpx.get(visitor.home + str(link.get_attribute("href"))).status_code == 200


def test_what_cannot_be_taken_is_said_by_its_name_and_the_others_stay(visitor: Visitor) -> None:
    """A text under a picture's name, the same picture twice, one too many."""
    page = visitor.page
    visitor.open("/inspire")
    tiles = page.locator(".given .tile:not(.coming)")
    assert arrive(page, "drop", ("a.png", meadow()), ("notes.png", b"hello there"), ("again.png", meadow()))
    says = page.locator(".given .says")
    expect(says).to_contain_text("notes.png: This file is no picture that can be read: it is text")
    expect(says).to_contain_text("again.png: This picture is here already.")
    expect(tiles).to_have_count(1)
    plain = [(f"{color}.png", _png(Image.new("RGB", (64, 64), color))) for color in ("red", "gold", "navy", "white")]
    arrive(page, "drop", *plain)
    expect(says).to_contain_text("4 pictures make one prompt: 1 more was left out.")
    expect(tiles).to_have_count(4)


def test_the_main_picture_is_chosen_and_another_taken_away_and_back_by_the_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/inspire")
    tiles = page.locator(".given .tile:not(.coming)")
    arrive(page, "drop", ("a.png", meadow()), ("b.png", dusk()))
    expect(tiles).to_have_count(2)
    shape = page.get_by_role("combobox", name="Shape")
    expect(shape).to_have_value(re.compile("^3:2"))
    page.get_by_role("button", name="Make picture 2 the main one").focus()
    page.keyboard.press("Enter")
    expect(shape).to_have_value(re.compile("^2:3"))
    page.get_by_role("button", name="Remove picture 2").focus()
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(1)
    page.keyboard.press("Enter")  # on Undo, which has the focus
    expect(tiles).to_have_count(2)
    page.get_by_role("button", name="Remove picture 1").focus()
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(1)
    expect(shape).to_have_value(re.compile("^3:2"))


def test_a_picture_that_python_has_not_heard_of_survives_a_reload(visitor: Visitor) -> None:
    """Its tile was there already: whoever loads the page anew finds it again, and so does the prompt."""
    page, held = visitor.page, []

    def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: held.append(message) if held else server.send(message))

    page.route_web_socket("**/_stcore/stream", through)
    visitor.open("/inspire")
    held.append(b"")  # from here on nothing reaches Python
    arrive(page, "drop", ("dusk.png", dusk()))
    tile = page.locator(".given .row img")
    expect(tile).to_have_count(1)
    visitor.page.wait_for_timeout(500)
    assert len(held) > 1
    held.clear()
    page.reload()
    expect(tile).to_have_count(1)
    expect(page.get_by_text("“Describe” writes a prompt from what you gave.")).to_be_visible()
