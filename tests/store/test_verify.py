"""Verify and quarantine: what is amiss is named, moved when told, and nothing is deleted."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from PIL import Image, PngImagePlugin

from fibo_core.errors import WorkspaceUnwritable
from fibo_core.store.history import HistoryQuery
from fibo_core.store.images import PARAMETERS_KEY, RECIPE_KEY
from fibo_core.store.verify import sentences

from .pictures import fill

ALL = HistoryQuery()


def sql(workspace, statement, *values):
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def repaint(file, *, texts):
    """Another program's doing: other pixels, with our texts or without."""
    with Image.open(file) as picture:
        found, picture = dict(picture.text), picture.convert("RGB")
    info = PngImagePlugin.PngInfo()
    for key in (RECIPE_KEY, PARAMETERS_KEY) if texts else ():
        info.add_text(key, found[key])
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(file, pnginfo=info)


@pytest.fixture
def amiss(history, paint, workspace):
    """One picture of each kind of fault, by its name, and one that is whole."""
    pictures = {
        name: paint(name, seed=seed)
        for seed, name in enumerate(
            [
                "whole",
                "cut",
                "repainted",
                "textless",
                "old",
                "old_repainted",
                "other_recipe",
                "sidecar",
                "gone",
                "orphan",
            ]
        )
    }
    files = {name: history.image_file(it.id) for name, it in pictures.items()}
    files["cut"].write_bytes(files["cut"].read_bytes()[:-50])
    repaint(files["repainted"], texts=True)
    repaint(files["textless"], texts=False)
    old = (pictures["old"].id, pictures["old_repainted"].id)
    sql(workspace, "UPDATE generation SET file_sha256 = '' WHERE id IN (?, ?)", *old)
    repaint(files["old_repainted"], texts=True)
    sql(
        workspace,
        "UPDATE generation SET seed = 99 WHERE id = ?",
        pictures["other_recipe"].id,
    )
    sql(workspace, "UPDATE generation SET file_sha256 = '' WHERE id = ?", pictures["other_recipe"].id)
    files["sidecar"].with_suffix(".json").write_text("{")
    files["gone"].unlink()
    shutil.copy(files["cut"], files["cut"].with_name("01ARZ3NDEKTSV4RRFFQ69G5FAV.png"))
    shutil.copy(files["orphan"], files["orphan"].with_name("01ARZ3NDEKTSV4RRFFQ69G5FAW.png"))
    return pictures, files


def test_each_fault_is_named_and_nothing_is_changed(history, amiss, workspace):
    """Altered pixels are known by the file's hash where it was kept; where not, that is said by a number."""
    pictures, _ = amiss
    before = {file: file.read_bytes() for file in (workspace / "outputs").rglob("*.*")}
    looked_at = []
    report = history.verify(looked_at.append)
    assert looked_at[-1] == 11
    named = {each.id: each.reason for each in report.files_amiss}
    reasons = {name: named[it.id] for name, it in pictures.items() if it.id in named}
    assert reasons == {
        "cut": "it is no PNG, or one that is cut short",
        "repainted": "it was altered since it was stored: its bytes are not those that were written",
        "textless": "it was altered since it was stored: it carries no recipe",
        "other_recipe": "it was altered since it was stored: its recipe is not the one in the history",
        "sidecar": "it carries no recipe",
    }
    assert report.missing == (pictures["gone"].id,)
    assert report.unknown == 3
    assert len(report.without_row) == 2
    assert [each.id for each in report.damaged_pictures].count(None) == 1
    assert {file: file.read_bytes() for file in (workspace / "outputs").rglob("*.*")} == before
    assert len(list(sentences(report))) == len(report.files_amiss) + 3


def test_quarantine_moves_what_is_not_what_it_was_with_a_list_and_deletes_nothing(history, amiss, workspace):
    """The gallery has what is sound; each row that went keeps its recipe beside the file, whatever becomes of it."""
    pictures, _ = amiss
    contents = sorted(file.read_bytes() for file in (workspace / "outputs").rglob("*.png"))
    report = history.verify()
    moved = history.quarantine(report.files_amiss)
    kept = workspace / "trash" / "quarantine"
    lines = [json.loads(line) for line in (kept / "list.jsonl").read_text().splitlines()]
    assert [(line["path"], line["to"]) for line in lines] == [(each.path, each.to) for each in moved]
    assert all((workspace / each.to).is_file() and not (workspace / each.path).exists() for each in moved)
    everywhere = [*(workspace / "outputs").rglob("*.png"), *kept.rglob("*.png")]
    assert sorted(file.read_bytes() for file in everywhere) == contents
    shown = {it.words for it in history.page(ALL).items}
    assert shown == {"whole", "old", "old_repainted", "sidecar", "gone", "orphan"}
    again = history.verify()
    assert (again.files_amiss, again.missing) == ((), (pictures["gone"].id,))
    for name in ("cut", "repainted", "textless"):
        (record,) = kept.rglob(f"{pictures[name].id}.row.json")
        assert json.loads(record.read_text()) == pictures[name].to_record()
    history.trash.purge()
    history.sweep()
    assert sorted(file.read_bytes() for file in everywhere) == contents, "no purge and no start looks there"
    dirty = sql(workspace, "SELECT label_dirty FROM generation WHERE id = ?", pictures["sidecar"].id)
    assert dirty == [(1,)], "the labels' writer writes the recipe anew out of the row"


KILLED = """
import os, signal, sys
from pathlib import Path
from fibo_core.store.database import Database
from fibo_core.store.history import History

workspace = Path(sys.argv[1])
history = History(workspace, Database(workspace / "studio.db"))
report = history.verify()
real, count = Path.rename, 0
def rename(self, target):
    global count
    count += 1
    os.kill(os.getpid(), signal.SIGKILL) if count == int(sys.argv[2]) else real(self, target)
Path.rename = rename
history.quarantine(report.files_amiss)
"""


@pytest.mark.parametrize("number", [1, 2])
def test_a_killed_quarantine_leaves_no_picture_of_the_gallery_without_its_file(
    history, paint, workspace, run_python, number
):
    """Done again, it goes on; what was moved is on the list."""
    spoilt = [paint("a fox", seed=seed) for seed in range(2)]
    for it in spoilt:
        repaint(history.image_file(it.id), texts=True)
    child = run_python(KILLED, workspace, number)
    assert child.wait(60) == -9
    kept = workspace / "trash" / "quarantine"
    assert history.verify().missing == ()
    listed = [json.loads(line)["path"] for line in (kept / "list.jsonl").read_text().splitlines()]
    assert {f"outputs/{file.relative_to(kept)}" for file in kept.rglob("*.png")} <= set(listed)
    history.quarantine(history.verify().files_amiss)
    assert history.verify().files_amiss == ()
    assert {file.stem for file in kept.rglob("*.png")} == {it.id for it in spoilt}
    assert history.count(ALL) == 0


def test_a_quarantined_picture_that_is_restored_comes_back_with_its_files(history, paint, workspace):
    """Twice too: each time as it went last."""
    stored = paint("a fox", mode="inspire", source=Image.new("RGB", (8, 8)))
    other = paint("a dog")
    for _ in range(2):
        repaint(history.image_file(stored.id), texts=True)
        spoilt = history.image_file(stored.id).read_bytes()
        moved = history.quarantine(history.verify().files_amiss)
        assert len(moved) == 3
        assert history.restore([stored.id]) == [stored.id]
        assert history.image_file(stored.id).read_bytes() == spoilt
        assert history.sidecar_file(stored.id).is_file()
        assert history.source_file(stored.id).is_file()
    assert history.verify().missing == ()
    assert history.get(other.id) == other


def test_undo_of_a_deletion_leaves_a_quarantined_copy_where_it_is(history, paint, workspace):
    """Another picture lies at its place by now."""
    stored = paint("a fox")
    whole = history.image_file(stored.id).read_bytes()
    repaint(history.image_file(stored.id), texts=True)
    moved = history.quarantine(history.verify().files_amiss)
    (workspace / stored.image_path).write_bytes(whole)
    assert history.restore([stored.id]) == [stored.id]
    assert history.image_file(stored.id).read_bytes() == whole
    assert (workspace / moved[0].to).is_file()


def test_a_quarantined_picture_is_put_back_by_hand(history, paint, workspace):
    """Moved back and restored, it is in the gallery; its file is still named, for it is still another."""
    stored = paint("a fox")
    repaint(history.image_file(stored.id), texts=True)
    moved = history.quarantine(history.verify().files_amiss)
    for each in moved:
        (workspace / each.to).rename(workspace / each.path)
    assert history.restore([stored.id]) == [stored.id]
    assert history.get(stored.id) == stored
    assert len(history.verify().altered) == 1


def test_a_full_disk_stops_a_quarantine_in_one_sentence(small_disk):
    from fibo_core.store.database import Database
    from fibo_core.store.history import History

    from .pictures import rendered, request_of

    database = Database(small_disk / "studio.db")
    database.migrate()
    history = History(small_disk, database)
    stored = history.add(rendered(), request_of(), mode="generate", words="a ball", writer="hand")
    repaint(history.image_file(stored.id), texts=True)
    report = history.verify()
    filler = fill(small_disk)
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        history.quarantine(report.files_amiss)
    assert history.get(stored.id) == stored
    assert history.image_file(stored.id).is_file()
    filler.unlink()
    assert len(history.quarantine(report.files_amiss)) == 2
    database.close()


def test_a_volume_that_is_not_there_is_no_list_of_missing_pictures(history, paint, workspace):
    paint()
    (workspace / "outputs").rename(workspace / "unmounted")
    with pytest.raises(WorkspaceUnwritable, match="Is its volume mounted"):
        history.verify()


def test_a_damaged_database_that_can_still_be_read_is_named_by_verify_and_by_rebuild(
    history, paint, database, workspace
):
    """Its rows are whole, and pages of its indexes are not."""
    paint("a fox")
    assert history.verify().database_fault == history.rebuild().database_fault == ""
    database.close()
    with closing(sqlite3.connect(workspace / "studio.db")) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_generation_model'").fetchone()
    with (workspace / "studio.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x07" * size)
    report = history.verify()
    assert "does not pass SQLite's check" in report.database_fault
    assert "rebuild the history" in next(sentences(report))
    assert history.rebuild().database_fault == report.database_fault
