"""Drafts on disk: one small file a browser, whole or not there, of bounded size and number, and gone after a month."""

import json
import os
import time
from pathlib import Path

import pytest

from fibo_core.errors import DraftTooLarge, WorkspaceUnwritable
from fibo_core.store import drafts as module
from fibo_core.store.drafts import KEPT_S, BrowserDrafts, DraftStore

FOX = {"fields": {"words": "a fox"}}
BALL = {"fields": {"words": "a ball"}}


@pytest.fixture
def store(tmp_path: Path) -> DraftStore:
    return DraftStore(tmp_path)


def age(file: Path, seconds: float) -> None:
    os.utime(file, (time.time() - seconds,) * 2)


def test_each_browser_finds_its_own_draft_and_no_other(store: DraftStore) -> None:
    """The name of a browser, which is all that tells it from others, stands in no file and in no file's name."""
    store.keep("one", {"generate": FOX})
    store.keep("two", {"generate": BALL})
    assert store.load("one") == BrowserDrafts({"generate": FOX}, {})
    assert store.load("two").pages == {"generate": BALL}
    assert store.load("three") == BrowserDrafts()
    for file in store.folder.iterdir():
        assert "one" not in file.name + file.read_text()
        assert file.stat().st_mode & 0o077 == 0


def test_what_one_tab_keeps_leaves_the_pages_of_another_as_they_are(store: DraftStore) -> None:
    """Of one page the last writer wins."""
    store.keep("one", {"generate": FOX, "refine": BALL})
    store.keep("one", {"refine": FOX})
    assert store.load("one").pages == {"generate": FOX, "refine": FOX}


def test_what_was_typed_is_kept_until_its_page_commits_something_else(store: DraftStore) -> None:
    store.keep("one", {"generate": FOX})
    store.keep_typed("one", "generate", {"words": "a fox at ni"})
    store.keep("one", {"generate": FOX}, committed=["refine"])
    assert store.load("one").typed == {"generate": {"words": "a fox at ni"}}
    store.keep("one", {"generate": BALL}, committed=["generate"])
    assert store.load("one") == BrowserDrafts({"generate": BALL}, {})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"pages": 7, "typed": {}}', b'{"pages": {"generate": 7}, "typed": {}}', b"[" * 10_000],
)
def test_a_damaged_file_is_no_draft_and_the_next_one_takes_its_place(store: DraftStore, content: bytes) -> None:
    store.keep("one", {"generate": FOX})
    (file,) = store.folder.iterdir()
    file.write_bytes(content)
    assert store.load("one") == BrowserDrafts()
    store.keep("one", {"generate": BALL})
    assert store.load("one").pages == {"generate": BALL}


def test_a_newer_versions_file_is_passed_over_and_kept(store: DraftStore) -> None:
    """An older studio, started for a while, keeps drafts of its own beside it."""
    store.keep("one", {"generate": FOX})
    (file,) = store.folder.iterdir()
    newer = file.with_name(file.name.replace(".v1.", ".v2."))
    file.rename(newer)
    assert store.load("one") == BrowserDrafts()
    store.keep("one", {"generate": BALL})
    assert json.loads(newer.read_text())["pages"] == {"generate": FOX}
    assert store.load("one").pages == {"generate": BALL}


def test_a_draft_that_is_too_large_leaves_the_one_before_it(store: DraftStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 1000)
    store.keep("one", {"generate": FOX})
    with pytest.raises(DraftTooLarge, match="The drafts of this browser have"):
        store.keep("one", {"generate": {"fields": {"words": "x" * 2000}}})
    assert store.load("one").pages == {"generate": FOX}


def test_of_too_many_browsers_the_one_that_was_here_longest_ago_goes(
    store: DraftStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILES_MAX", 3)
    for number in range(3):
        store.keep(str(number), {"generate": FOX})
        age(store._file(str(number)), 100 - number)
    store.keep("0", {"generate": BALL})  # here again
    store.keep("3", {"generate": FOX})
    assert [store.load(str(number)).pages != {} for number in range(4)] == [True, False, True, True]


def test_drafts_of_browsers_that_have_not_been_here_for_a_month_are_removed(store: DraftStore) -> None:
    """Of any version, and what a killed process left half written."""
    assert store.sweep() == 0
    for name in ("old", "new"):
        store.keep(name, {"generate": FOX})
    age(store._file("old"), KEPT_S + 10)
    age(store._file("new"), KEPT_S - 1000)
    (store.folder / "x.v2.json").write_text("{}")
    age(store.folder / "x.v2.json", KEPT_S + 10)
    (store.folder / "y.v1.json.abcd.part").write_text("{")
    assert store.sweep() == 3
    assert [file.name for file in store.folder.iterdir()] == [store._file("new").name]


def test_a_workspace_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceUnwritable, match=r"^Your draft could not be written: .* Is its volume mounted\?$"):
        DraftStore(tmp_path / "gone").keep("one", {"generate": FOX})


def test_the_pictures_that_a_draft_names_are_known_wherever_they_stand(store: DraftStore) -> None:
    """So that what somebody has marked or given, and has not used yet, is not tidied away."""
    mask, picture, aside = "a" * 64, "b" * 64, "c" * 64
    store.keep("one", {"edit": {"marks": {"01M8": mask}}, "inspire": {"pictures": [f"inputs/{picture}.png"]}})
    store.keep("two", {"edit": {"aside": [{"references": [aside]}], "finding": "d" * 63}})
    assert store.inputs() == {mask, picture, aside}
