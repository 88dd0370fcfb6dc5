"""`history export` and `history import`: out of one workspace, into another, here and at a studio elsewhere."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fibo_core.store.generation import Generation
from studio.client import Studio
from tests.store.test_importing import A1111, png
from tests.studio.processes import Cli, opened, served, start_cli

Store = Callable[..., Generation]


def test_pictures_go_out_of_one_workspace_and_into_another(
    store: Store, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ball, box = store("a red ball"), store("a box", seed=8)
    out = tmp_path / "all.zip"
    assert cli("history", "export", out, "--json").json == {
        "path": str(out), "pictures": 2, "bytes": out.stat().st_size, "missing": 0,
    }  # fmt: skip
    one = cli("history", "export", tmp_path / "one.zip", "--query", "box")
    assert one.out.startswith("1 pictures")
    assert any(box.id in name for name in zipfile.ZipFile(tmp_path / "one.zip").namelist())
    assert cli("history", "export", tmp_path / "ids.zip", ball.id, "--json").json["pictures"] == 1

    monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path / "new"))
    (tmp_path / "00012.png").write_bytes(png(parameters=A1111))
    told = cli("history", "import", out, tmp_path / "00012.png", "--json").json
    assert (told["added"], told["already_here"], told["left_out"]) == (3, 0, 0)
    assert cli("history", "import", out).out == "0 came in, 2 were here already, 0 left out\n"
    listed = cli("history", "list", "--mode", "imported")
    assert "a fox in snow, sharp" in listed.out
    shown = cli("history", "show", told["added_ids"][-1])
    assert "seed 3120557 · 50×30 · imported from A1111" in shown.out


def test_what_cannot_be_is_one_sentence_and_leaves_nothing(store: Store, cli: Cli, tmp_path: Path) -> None:
    store("a red ball")
    out = tmp_path / "all.zip"
    said = [
        cli("history", "export", out, "--query", "nothinglikethat"),
        cli("history", "export", tmp_path / "no" / "all.zip"),
        cli("history", "export", out, "01M8CZ4K0NRBZ7N4JVZ4H2QZVP", "--query", "ball"),
        cli("history", "import", tmp_path / "not-there.zip"),
    ]
    assert [each.code for each in said] == [1, 2, 2, 2]
    assert all(each.err.count("\n") == 1 for each in said)
    out.write_bytes(b"mine")
    assert "is there already" in cli("history", "export", out).err
    assert out.read_bytes() == b"mine"
    assert list(tmp_path.glob("*.part")) == []
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4")
    broken = cli("history", "import", tmp_path / "broken.zip")
    assert (broken.code, "is cut short" in broken.err) == (1, True)


def test_a_studio_elsewhere_is_sent_pictures_and_gives_its_zip(
    store: Store, cli: Cli, workspace: Path, tmp_path: Path
) -> None:
    """As a pod is filled from a laptop, and emptied before it is ended."""
    picture = store("a red ball")
    cli("history", "export", tmp_path / "mine.zip")
    there = tmp_path / "there" / "workspace"
    there.mkdir(parents=True)
    with served(there) as server:
        address = f"http://127.0.0.1:{server.port}"
        told = cli("--server", address, "history", "import", tmp_path / "mine.zip", "--json")
        assert told.json["added"] == 1, told.err
        refused = cli("--server", address, "history", "import", tmp_path)
        assert (refused.code, "is a folder" in refused.err) == (2, True)
        fetched = cli("--server", address, "history", "export", tmp_path / "back.zip", "--json").json
        assert (fetched["pictures"], fetched["missing"]) == (1, 0)
        with Studio(address) as studio:
            again = studio.bring_in([tmp_path / "mine.zip", tmp_path / "back.zip"])
            assert (again.added, again.already_here) == (0, 2)
    mine, back = zipfile.ZipFile(tmp_path / "mine.zip"), zipfile.ZipFile(tmp_path / "back.zip")
    assert mine.read(picture.image_path) == back.read(picture.image_path)
    with opened(there) as (_, history):
        assert history.get(picture.id) == picture


def test_the_zip_goes_to_stdout_too(store: Store, workspace: Path, tmp_path: Path) -> None:
    picture = store("a red ball")
    with (tmp_path / "piped").open("wb") as pipe:
        process = start_cli("history", "export", "-", workspace=workspace, stdout=pipe)
        assert (process.wait(timeout=60), process.communicate()[1]) == (0, "")
    assert picture.image_path in zipfile.ZipFile(tmp_path / "piped").namelist()
