"""The cookie that names a browser, and what is sent while somebody types."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fibo_core.store.drafts import DraftStore
from tests.studio.processes import Server, served

PASSWORD = "made up for these tests"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = tmp_path_factory.mktemp("drafts") / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD) as server:
        server.wait_for(lambda state: state["status"] in ("healthy", "loading"))
        yield server


@pytest.fixture
def store(server: Server) -> DraftStore:
    return DraftStore(server.log.parent / "workspace")


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    """Logged in, with its cookies, and no page open yet."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"Sec-Fetch-Site": "same-origin"}) as client:
        assert client.post("/login", data={"password": PASSWORD}).status_code == 303
        yield client


def name_of(browser: httpx.Client) -> str:
    return str(browser.cookies["fibo-studio-drafts"])


def test_a_page_names_its_browser_once_and_nothing_else_does(browser: httpx.Client) -> None:
    """A random name that no script of a page can read; a program, and who is not logged in, gets none."""
    assert "set-cookie" not in browser.get("/").headers
    assert "set-cookie" not in httpx.get(browser.base_url, headers=HTML).headers
    cookie = browser.get("/", headers=HTML).headers["set-cookie"]
    assert re.fullmatch(
        r"fibo-studio-drafts=[A-Za-z0-9_-]{32}; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax", cookie
    )
    assert "set-cookie" not in browser.get("/refine", headers=HTML).headers
    forged = {**HTML, "Cookie": f"fibo-studio={browser.cookies['fibo-studio']}; fibo-studio-drafts=../x"}
    assert "fibo-studio-drafts=" in httpx.get(browser.base_url, headers=forged).headers["set-cookie"]


def test_by_https_only_this_very_host_can_set_it(browser: httpx.Client) -> None:
    headers = {**HTML, "X-Forwarded-Proto": "https", "Cookie": f"__Host-fibo-studio={browser.cookies['fibo-studio']}"}
    cookie = httpx.get(browser.base_url, headers=headers).headers["set-cookie"]
    assert cookie.startswith("__Host-fibo-studio-drafts=")
    assert cookie.endswith("; Secure")


def test_what_is_typed_is_kept_for_the_browser_that_typed_it(browser: httpx.Client, store: DraftStore) -> None:
    browser.get("/", headers=HTML)
    typed = {"page": "generate", "words": "a fox ü \ud800", "text": "{", "revision": 3}
    assert browser.post("/drafts", content=json.dumps(typed)).status_code == 204
    assert store.load(name_of(browser)).typed == {"generate": {"words": "a fox ü \ud800", "text": "{", "revision": 3}}
    assert browser.post("/drafts", content=json.dumps({"page": "generate", "words": 7, "more": 1})).status_code == 204
    assert store.load(name_of(browser)).typed == {"generate": {}}


def test_what_is_no_draft_of_a_known_browser_is_refused_in_one_sentence(
    browser: httpx.Client, store: DraftStore
) -> None:
    """Nor is anything kept that another site's page sends, or somebody who is not logged in."""
    good = json.dumps({"page": "generate", "words": "a ball"})
    assert browser.post("/drafts", content=good).status_code == 409
    browser.get("/", headers=HTML)
    for content, status in (
        ("", 422),
        ("[]", 422),
        ("[" * 60_000, 422),
        (json.dumps({"page": "system", "words": "x"}), 422),
        (json.dumps({"page": ["generate"]}), 422),
        (json.dumps({"page": "generate", "words": "x" * 70_000}), 413),
    ):
        answer = browser.post("/drafts", content=content)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert browser.post("/drafts", content=good, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    name = {"Cookie": f"fibo-studio-drafts={name_of(browser)}"}
    assert httpx.post(f"{browser.base_url}/drafts", content=good, headers=name).status_code == 401
    assert store.load(name_of(browser)).typed == {}


def test_a_draft_of_last_month_is_gone_when_the_studio_has_started(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    store = DraftStore(workspace)
    store.keep("old", {"generate": {}})
    store.keep("new", {"generate": {}})
    (month_old,) = [file for file in store.folder.iterdir() if file == store._file("old")]
    os.utime(month_old, (time.time() - 31 * 86_400,) * 2)
    with served(workspace) as server:
        server.wait_for(lambda state: not month_old.exists())
    assert store._file("new").exists()
