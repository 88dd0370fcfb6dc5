"""What comes before any page of ours: Streamlit's document and scripts, as a browser gets them from a real server."""

import base64
import gzip
import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit

from studio.ui.navigation import PAGES
from studio.web.first_page import DRAWN_WITH, takes_gzip
from tests.studio.processes import Server, served

STATIC = Path(streamlit.__file__).parent / "static"
PACKED = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("first page") / "workspace") as server:
        yield server


def document(server: Server, path: str) -> tuple[str, str]:
    """A page's document and its policy."""
    status, headers, body = server.get(path)
    assert (status, headers["cache-control"]) == (200, "no-cache")
    return body.decode(), headers["content-security-policy"]


def head(server: Server, path: str, headers: dict[str, str]) -> dict[str, str | None]:
    """What a HEAD says, but for the moment it was said."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("HEAD", path, headers=headers)
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 200
    return {**{name.lower(): value for name, value in answer.getheaders()}, "date": None}


@pytest.mark.parametrize("kind", ["js", "css"])
def test_scripts_of_streamlit_come_packed_and_are_kept(studio: Server, kind: str) -> None:
    """The very file, at most half as large, for a year; whoever takes no gzip gets it as it is."""
    file = max((STATIC / "static" / kind).glob(f"index.*.{kind}"))
    status, headers, body = studio.get(f"/static/{kind}/{file.name}", PACKED)
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
    assert "immutable" in headers["cache-control"]
    assert gzip.decompress(body) == file.read_bytes()
    assert len(body) * 2 < file.stat().st_size
    status, headers, body = studio.get(f"/static/{kind}/{file.name}")
    assert (status, body, headers["vary"]) == (200, file.read_bytes(), "Accept-Encoding")
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    "path",
    [
        *("/static/js/nothing.js", "/static/js/..%2findex.html", "/static/js/../index.html", "/static/js/a%00b.js"),
        *(f"/static/js/{'a' * 300}", "/static/js", "/static/js/", "/static/css/."),
    ],
)
def test_a_script_that_is_none_is_streamlits_matter(studio: Server, path: str) -> None:
    """Nothing outside its folders is packed, and what is not there is answered as it always was."""
    status, headers, body = studio.get(path, PACKED)
    assert headers.get("content-encoding") is None
    assert status < 500
    assert (status, body) == studio.get(path)[::2]


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        *(("gzip", True), ("GZIP", True), ("deflate, gzip ; q=0.5", True), ("*", True), ("br;q=1.0, *;q=0.1", True)),
        *(("", False), ("identity", False), ("notgzip", False), ("gzip;q=0", False), ("gzip;q=0.000, *", False)),
        *(("*;q=0", False), ("gzip;q=", False), ("gzip;q=nan", False), ("gzip;q=2", False), ("gzip q=1", False)),
    ],
)
def test_gzip_is_taken_by_its_name_or_the_star_unless_its_weight_is_nought(accepted: str, taken: bool) -> None:
    """As RFC 9110 says; a header that says nothing readable gets what everybody can read."""
    assert takes_gzip(accepted) is taken


@pytest.mark.parametrize("accepted", ["gzip", "*", "GZIP", "gzip;q=0", "notgzip", None])
@pytest.mark.parametrize("path", ["/", "/history", "/index.html", "script"])
def test_each_page_and_script_is_packed_for_whoever_takes_it_and_head_says_the_same(
    studio: Server, path: str, accepted: str | None
) -> None:
    """A cache between is told that there are two; a HEAD's length, encoding and mark are those of the GET."""
    if path == "script":
        path = f"/static/js/{max((STATIC / 'static/js').glob('index.*.js')).name}"
    asked = {} if accepted is None else {"Accept-Encoding": accepted}
    status, headers, body = studio.get(path, asked)
    packed = accepted in ("gzip", "*", "GZIP")
    assert (status, headers.get("content-encoding")) == (200, "gzip" if packed else None)
    assert (headers["vary"], int(headers["content-length"])) == ("Accept-Encoding", len(body))
    assert (gzip.decompress(body) if packed else body) == studio.get(path)[2]
    if path != "/index.html":  # Streamlit's own, of which a HEAD says less
        assert head(studio, path, asked) == {**headers, "date": None}


def test_each_page_begins_with_the_studios_document(studio: Server) -> None:
    """Its name, the scripts that may run in it by the policy, and addresses that are there."""
    early = set()
    for path in ("/", *(f"/{page.stem}" for page in PAGES.glob("*.py") if page.stem != "generate")):
        text, policy = document(studio, path)
        assert "<title>FIBO Studio</title>" in text, path
        for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy, path
        early |= set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', text))
    assert {each.split("/")[2] for each in early} >= {"js", "stage", "history"}
    for address in sorted(early):
        status, headers, _ = studio.get(address, PACKED)
        assert (status, headers["content-type"].split(";")[0]) == (200, "text/javascript"), address
        assert "immutable" in headers["cache-control"], address


def test_what_every_page_draws_with_is_still_called_so() -> None:
    """A Streamlit that names its parts otherwise is noticed here; its pages would only come later."""
    manifest = json.loads((STATIC / "manifest.json").read_text())
    assert [each for each in DRAWN_WITH if f"../lib/src/components/{each}.tsx" not in manifest] == []
