"""Trees, comparisons, reports and second paintings over HTTP, on a studio with one picture that was really painted."""

import re
from typing import Any

import httpx
import pytest

from studio.client import Studio
from tests.studio.processes import Server
from tests.studio.web.api.conftest import KEY, ended, paint, refusal


@pytest.fixture(scope="module")
def family(api: httpx.Client, batch: dict[str, Any]) -> list[str]:
    """A picture, and two that were made from it in one go."""
    first = batch["cells"][0]["generation_id"]
    order = {"generation_id": first, "words": "make it <b>green</b>", "count": 2, "steps": 3}
    refined = ended(api, api.post("/refinements", json=order).json())
    return [first, *(cell["generation_id"] for cell in refined["cells"])]


def test_the_tree_of_a_picture_has_its_branches_and_what_each_changed(api: httpx.Client, family: list[str]) -> None:
    tree = api.get(f"/generations/{family[2]}/lineage").json()
    branches = [(it["depth"], it["words"], it["ids"]) for it in tree["branches"]]
    assert branches[0] == (0, "a red ball on the left", family[:1])
    assert (1, "make it <b>green</b>", family[1:]) in branches  # other tests may have refined the picture too
    node = next(it for it in tree["nodes"] if it["id"] == family[1])
    assert {it["kind"] for it in node["changes"]} == {"changed"}
    assert any(word["side"] == "after" for word in node["changes"][0]["words"])
    assert api.get(str(api.base_url.copy_with(path=node["thumbnail"]))).status_code == 200
    assert refusal(api.get("/generations/01M8CZ4K0NRBZ7N4JVZ4H2QZVP/lineage"))[0] == 404


def test_pictures_are_compared_by_path_and_parameter_and_only_what_differs_is_given(
    api: httpx.Client, family: list[str]
) -> None:
    found = api.get("/comparisons", params={"ids": ",".join(family)}).json()
    assert [it["id"] for it in found["pictures"]] == family
    rows = {row["path"]: row for row in found["rows"]}
    assert all(row["differs"] for row in found["rows"])
    assert [it["value"] for it in rows["mode"]["values"]] == ["generate", "refine", "refine"]
    assert rows["seed"]["part"] == "recipe"
    assert "short_description" in rows
    whole = api.get("/comparisons", params={"ids": ",".join(family), "whole": True}).json()
    assert len(whole["rows"]) == len(found["rows"]) + found["same"]
    assert refusal(api.get("/comparisons", params={"ids": f"{family[0]},{family[0]}"})) == (
        422,
        "1 different pictures are to be compared. Name 2 to 9 of them.",
    )
    assert refusal(api.get("/comparisons", params={"ids": f"{family[0]},x"}))[0] == 404
    assert refusal(api.get("/comparisons"))[0] == 422


def test_a_picture_painted_again_is_told_to_be_the_same_and_a_kept_one_joins_the_tree(
    api: httpx.Client, family: list[str]
) -> None:
    """Sent twice with one key it is painted once."""
    sent = [
        api.post(f"/generations/{family[0]}/again", json={"keep": True}, headers={"Idempotency-Key": "twice"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    again = ended(api, sent[0].json())["jobs"][0]["again"]
    assert (again["same"], again["changed"]) == (True, [])
    assert again["sentence"].startswith("The same picture, bit by bit.")
    line = [it["line"] for it in api.get(f"/generations/{again['generation_id']}/lineage").json()["branches"]]
    assert "Painted again" in line
    last = ended(api, api.post(f"/generations/{family[0]}/again").json())
    assert last["jobs"][0]["again"]["image"] is None
    standing = api.get(f"/generations/{family[0]}/again").json()
    assert (standing["why"], standing["batch"]["id"]) == (None, last["id"])
    assert api.get(f"/generations/{family[1]}/again").json() == {"why": None, "batch": None}


def test_what_cannot_be_painted_again_is_refused(api: httpx.Client, family: list[str]) -> None:
    for ask in (api.get, api.post):
        assert refusal(ask("/generations/01M8CZ4K0NRBZ7N4JVZ4H2QZVP/again"))[0] == 404
    assert refusal(api.post(f"/generations/{family[0]}/again", json={"keep": "yes"}))[0] == 422
    assert refusal(api.get(str(api.base_url.copy_with(path="/img/again/x.png"))))[0] == 404


def test_a_report_is_one_file_that_loads_nothing_and_shows_texts_as_they_are(
    api: httpx.Client, family: list[str]
) -> None:
    answer = api.get(f"/generations/{family[0]}/report.html")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "sandbox" in policy
    text = answer.text
    assert "make it &lt;b&gt;green&lt;/b&gt;" in text
    assert text.count("data:image/webp;base64,") >= 3
    assert not re.search(r"<script|<b>green|\son\w+=|\sstyle=|(?:src|href)=\"(?!data:)", text)
    assert refusal(api.get("/generations/01M8CZ4K0NRBZ7N4JVZ4H2QZVP/report.html"))[0] == 404


def test_a_program_asks_for_all_of_it_by_the_client(server: Server, family: list[str]) -> None:
    with Studio(f"http://127.0.0.1:{server.port}", KEY) as studio:
        assert studio.lineage(studio.picture(family[1])).of == family[1]
        assert len(studio.compare(family[:2], whole=True).pictures) == 2
        assert studio.report(family[0]).startswith(b"<!doctype html>")
        batch = studio.again(family[0]).wait()
        assert batch.again is not None
        assert batch.again.same is True


def test_a_batch_of_another_kind_says_nothing_of_a_second_painting(api: httpx.Client) -> None:
    assert paint(api, words="a blue box", seed=3)["jobs"][0]["again"] is None
