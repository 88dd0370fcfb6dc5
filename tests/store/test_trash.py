"""The trash: what is purged is gone with all that was its own, and a kill anywhere leaves nothing dangling."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import text

from fibo_core.errors import GenerationNotFound, WorkspaceUnwritable
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.inputs import Inputs

from .pictures import fill
from .test_durability import START

ALL = HistoryQuery()
TRASHED = HistoryQuery(deleted=True)


def files(workspace):
    """Every file of pictures, wherever it lies, by its path in the workspace."""
    found = [*workspace.glob("outputs/**/*.*"), *workspace.glob("trash/**/*.*"), *workspace.glob(".cache/**/*.*")]
    return {file.relative_to(workspace).as_posix() for file in found if file.is_file()}


def sql(workspace, statement, *values):
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_a_purged_picture_leaves_nothing_and_its_children_stay(history, paint, workspace):
    """Row, search, tags, sidecar, source and thumbnail are gone; what was made from it keeps standing."""
    parent = paint("a fox", mode="inspire", source=Image.new("RGB", (8, 8)))
    child = paint("a vixen", mode="refine", parent_id=parent.id)
    seq = sql(workspace, "SELECT seq FROM generation WHERE id = ?", parent.id)[0][0]
    sql(workspace, "INSERT INTO tag (folded, seq, name) VALUES ('red', ?, 'Red')", seq)
    sql(workspace, "INSERT INTO collection_member (collection_id, seq) VALUES ('c', ?)", seq)
    size = sum(history.image_file(parent.id).parent.joinpath(name).stat().st_size for name in names(parent.id))
    kept = {path for path in files(workspace) if child.id in path}
    assert history.trash.purge([parent.id]).purged == 0, "only what was deleted is purged"
    history.delete([parent.id])
    report = history.trash.purge([parent.id, "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    assert (report.purged, report.freed_bytes) == (1, size)
    assert files(workspace) == kept
    assert not (workspace / "trash" / "purge").exists()
    with pytest.raises(GenerationNotFound):
        history.get(parent.id, deleted_too=True)
    assert history.page(HistoryQuery(text="fox", deleted=True)).items == ()
    assert sql(workspace, "SELECT count(*) FROM tag") == sql(workspace, "SELECT count(*) FROM collection_member")
    assert sql(workspace, "SELECT count(*) FROM tag") == [(0,)]
    assert (history.get(child.id).parent_id, history.ancestors(child.id)) == (parent.id, [])
    assert history.sweep().adopted == history.rebuild().added == 0


def names(id):
    return (f"{id}.png", f"{id}.json", f"{id}.source.png")


def test_all_is_purged_or_what_was_deleted_long_ago_with_progress(history, paint, workspace):
    """Oldest first, in pieces; the gallery is left alone."""
    stay, recent, *old = (paint(seed=n).id for n in range(5))
    history.delete([recent, *old])
    long_ago = (datetime.now(UTC) - timedelta(days=31)).strftime("%Y-%m-%d %H:%M:%S.%f")
    sql(workspace, f"UPDATE generation SET deleted_at = ? WHERE id IN ({','.join('?' * len(old))})", long_ago, *old)
    said = []
    report = history.trash.purge(older_than=timedelta(days=30), progress=lambda *done: said.append(done))
    assert (report.purged, said) == (3, [(3, 3)])
    assert [it.id for it in history.page(TRASHED).items] == [recent]
    assert history.trash.purge().purged == 1
    assert history.trash.count() == 0
    assert [it.id for it in history.page(ALL).items] == [stay]
    assert history.verify().missing == ()


def test_pictures_that_were_renamed_or_whose_files_are_gone_are_purged_too(history, paint, workspace):
    """A renamed one with the files beside it; one without a file is a row only."""
    renamed, gone = paint("a fox"), paint("an owl")
    file = history.image_file(renamed.id)
    for suffix in (".png", ".json"):
        file.with_suffix(suffix).rename(workspace / "outputs" / f"a red fox{suffix}")
    history.rebuild()
    history.image_file(gone.id).unlink()
    history.delete([renamed.id, gone.id])
    assert history.trash.purge().purged == 2
    assert files(workspace) == set()


def test_a_damaged_row_is_purged_and_a_picture_nobody_can_name_comes_back(history, paint, workspace):
    """No row of another is harmed, and no picture is lost that its row did not lead to."""
    whole, no_json, no_path = paint("a fox"), paint("an owl"), paint("a cat")
    history.delete([no_json.id, no_path.id])
    sql(workspace, "UPDATE generation SET structured_prompt = '{' WHERE id = ?", no_json.id)
    sql(workspace, "UPDATE generation SET image_path = '../../etc/passwd.png' WHERE id = ?", no_path.id)
    assert history.trash.purge().purged == 2
    assert {path for path in files(workspace) if no_json.id in path} == set()
    assert history.sweep().adopted == 1
    assert {it.id for it in history.page(ALL).items} == {whole.id, no_path.id}


def test_what_is_restored_before_it_is_purged_is_complete(history, paint):
    stored = paint("a fox", mode="inspire", source=Image.new("RGB", (8, 8)))
    history.delete([stored.id])
    assert history.restore([stored.id]) == [stored.id]
    assert history.trash.purge().purged == 0
    assert history.get(stored.id) == stored
    for file in (history.image_file, history.sidecar_file, history.source_file, history.thumbnail_file):
        assert file(stored.id).is_file()


PURGE = (
    START
    + """
for seed in range(3):
    add(seed)
kept, *ids = [it.id for it in history.page(HistoryQuery(newest_first=False)).items]
history.delete(ids)
at, count = sys.argv[2], 0
def die_at(real, number):
    def called(*args, **kwargs):
        global count
        count += 1
        return die() if count == number else real(*args, **kwargs)
    return called
if at.startswith("rename"):
    Path.rename = die_at(Path.rename, int(at[6:]))
elif at == "commit":
    from sqlalchemy import event
    event.listen(database._engine, "commit", die)
else:
    Path.unlink = die_at(Path.unlink, int(at[6:]))
history.trash.purge()
"""
).replace("import History\n", "import History, HistoryQuery\n", 1)
MOMENTS = ["rename1", "rename2", "rename3", "rename5", "commit", "unlink1", "unlink3", "unlink6"]


@pytest.fixture
def killed(workspace, run_python, history):
    """A purge of two pictures of three that is killed at a moment; the ids, the one that stays first."""

    def purge(moment):
        child = run_python(PURGE, workspace, moment)
        output, errors = child.communicate(timeout=60)
        assert child.returncode == -9, errors
        return output.split()

    return purge


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_purge_that_was_killed_is_finished_by_the_next_start(history, killed, workspace, moment):
    """Wherever it was: no row without its file meanwhile that the gallery shows, and nothing left afterwards."""
    kept, *_ = killed(moment)
    assert history.verify().missing == ()
    report = history.sweep()
    assert (report.adopted, report.missing, report.unreadable) == (0, 0, ())
    assert not (workspace / "trash" / "purge").exists()
    waiting = [it.id for it in history.page(TRASHED).items]
    assert len(waiting) == {"rename1": 2, "rename2": 1, "rename3": 1}.get(moment, 0), "what had not begun waits"
    whole = {name for id in (kept, *waiting) for name in names(id)}
    assert {path.rpartition("/")[2] for path in files(workspace) if path.startswith("outputs")} == whole
    assert history.trash.purge().purged == len(waiting)
    assert history.rebuild().added == 0
    assert [it.id for it in history.page(ALL).items] == [kept]


@pytest.mark.parametrize("ids", [None, []])
def test_a_purge_that_was_killed_is_finished_by_the_next_purge_whatever_that_is_of(history, killed, workspace, ids):
    """Its rows are gone, so that no list of the trash names what still takes room."""
    killed("unlink1")
    left = sum(file.stat().st_size for file in workspace.glob("trash/purge/**/*.*"))
    assert history.trash.is_unfinished()
    assert history.trash.count() == 0
    report = history.trash.purge(ids)
    assert (report.purged, report.freed_bytes) == (0, left)
    assert left
    assert not history.trash.is_unfinished()
    assert not (workspace / "trash" / "purge").exists()


@pytest.mark.parametrize("moment", ["rename2", "rename3", "commit"])
def test_a_picture_that_a_killed_purge_had_moved_is_restored_whole(history, killed, workspace, moment):
    """Undo still works, with every file where it was."""
    _, *ids = killed(moment)
    assert sorted(history.restore(ids)) == sorted(ids)
    for id in ids:
        assert history.source_file(id).is_file()
        assert history.sidecar_file(id).is_file()
    assert history.verify().damaged_pictures == history.verify().missing == ()
    assert history.sweep().adopted == 0
    assert history.count(ALL) == 3


def test_an_older_database_in_its_place_gets_the_files_of_a_killed_purge_back(history, killed, workspace, database):
    """Its rows are not marked: what lies on its way out belongs to them."""
    _, *ids = killed("commit")
    sql(workspace, "UPDATE generation SET deleted_at = NULL")
    assert any(workspace.glob("trash/purge/**/*.png"))
    history.sweep()
    assert history.verify().missing == ()
    assert all(history.image_file(id).is_file() for id in ids)


def test_what_people_put_into_the_trash_folder_is_left_alone(history, paint, workspace):
    """Only `trash/purge` is the program's, and there only files of our own names."""
    stored = paint()
    mine = workspace / "trash" / f"{stored.id}.png"
    mine.parent.mkdir()
    shutil.copy(history.image_file(stored.id), mine)
    strange = workspace / "trash" / "purge" / "holiday.png"
    strange.parent.mkdir()
    strange.write_bytes(b"mine")
    history.sweep()
    history.delete([stored.id])
    history.trash.purge()
    assert (mine.is_file(), strange.read_bytes()) == (True, b"mine")


def test_a_full_disk_stops_a_purge_in_one_sentence_and_nothing_is_lost(small_disk):
    """What a purge needs to free space is a folder; where not even that can be made it says so, and goes on later."""
    from fibo_core.store.database import Database

    from .pictures import rendered, request_of

    database = Database(small_disk / "studio.db")
    database.migrate()
    history = History(small_disk, database)
    ids = [
        history.add(rendered(), request_of(seed=n), mode="generate", words="a ball", writer="hand").id for n in range(3)
    ]
    history.delete(ids)
    filler = fill(small_disk)
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        history.trash.purge()
    filler.unlink()
    assert history.trash.count() == 3
    assert history.trash.purge().purged == 3
    database.close()


def test_input_pictures_go_when_the_last_that_named_them_is_purged(history, paint, workspace, database):
    """A batch that painted all it should no longer holds what it was given once none of its pictures is left."""
    inputs = Inputs(workspace)
    shared, own, waiting = (inputs.keep(png(color)) for color in ("red", "green", "blue"))
    first = paint(mode="inspire", other_sources=[f"inputs/{shared}.png"])
    second = paint(mode="inspire", other_sources=[f"inputs/{shared}.png"])
    batch(workspace, "b1", own, "done", [first.id])
    batch(workspace, "b2", waiting, "failed", [first.id])
    in_use = used(database)
    assert in_use == {shared, own, waiting}
    history.delete([first.id])
    assert used(database) == in_use, "what is only deleted can be restored"
    history.trash.purge()
    assert used(database) == {shared, waiting}
    history.delete([second.id])
    history.trash.purge()
    assert inputs.sweep(used(database), older_than_s=-1) == 2
    assert [file.stem for file in (workspace / "inputs").iterdir()] == [waiting]


def png(color):
    from io import BytesIO

    buffer = BytesIO()
    Image.new("RGB", (8, 8), color).save(buffer, "PNG")
    return buffer.getvalue()


def used(database):
    from pathlib import Path

    from fibo_core.store.input_use import inputs_in_use

    return {Path(path).stem for path in inputs_in_use(database)}


def batch(workspace, id, sha256, state, generation_ids):
    moment = "2026-01-01 00:00:00.000000"
    sql(
        workspace,
        "INSERT INTO batch (id, owner, title, kind, order_json, inputs, created_at) VALUES (?, '', '', '', '', ?, ?)",
        *(id, json.dumps([f"inputs/{sha256}.png"]), moment),
    )
    sql(
        workspace,
        "INSERT INTO job (id, kind, title, task, state, created_at, generation_ids, batch_id) "
        "VALUES (?, '', '', '', ?, ?, ?, ?)",
        *(f"j-{id}", state, moment, json.dumps(generation_ids), id),
    )


def test_the_storage_is_told_by_month_and_by_model(history, paint, workspace, database):
    """As rows come, go, are deleted, restored and changed; damaged ones count too."""
    first, second, third = paint(model="mini"), paint(model="fibo"), paint(model="fibo")
    sql(workspace, "UPDATE generation SET created_at = '2025-02-03 00:00:00.000000' WHERE id = ?", first.id)
    sql(workspace, "UPDATE generation SET file_bytes = 'much' WHERE id = ?", third.id)
    usage, sizes = history.disk_usage(), dict(sql(workspace, "SELECT id, file_bytes FROM generation"))
    month = f"{datetime.now(UTC):%Y-%m}"
    assert [(it.name, it.pictures, it.bytes) for it in usage.by_month] == [
        *((month, 2, sizes[second.id]), ("2025-02", 1, sizes[first.id])),
    ]
    assert {it.name: (it.pictures, it.bytes) for it in usage.by_model} == {
        "mini": (1, sizes[first.id]),
        "fibo": (2, sizes[second.id]),
    }
    history.delete([second.id])
    usage = history.disk_usage()
    assert (usage.pictures, usage.deleted, usage.trash_bytes) == (2, 1, sizes[second.id])
    assert usage.bytes == sizes[first.id] + sizes[second.id]
    history.trash.purge()
    assert (history.disk_usage().deleted, history.disk_usage().bytes) == (0, sizes[first.id])
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation"))
    assert (history.disk_usage().pictures, history.disk_usage().by_month) == (0, ())


def test_pictures_on_a_disk_of_their_own_are_purged_there(small_disk, workspace, history, paint):
    """A file is only renamed on its way out, so it stays on its disk; quarantine does the same."""
    (workspace / "outputs").symlink_to(small_disk)
    purged, spoilt, kept = paint(seed=1), paint(seed=2), paint(seed=3)
    history.image_file(spoilt.id).write_bytes(b"no picture")
    moved = history.quarantine(history.verify().files_amiss)
    assert all(it.to.startswith("outputs/trash/quarantine/") for it in moved)
    history.delete([purged.id])
    assert history.trash.purge([purged.id]).purged == 1
    assert not (workspace / "trash").exists()
    assert {file.stem for file in small_disk.rglob("2*/**/*.png") if "trash" not in file.parts} == {kept.id}
    assert history.sweep().adopted == history.rebuild().added == 0


def test_a_read_only_volume_of_pictures_is_said_before_anybody_paints(small_disk, workspace, history, paint):
    """The database lies elsewhere and can be written; nothing is purged or stored, and all is well once it can be."""
    (workspace / "outputs").symlink_to(small_disk)
    stored = paint()
    history.delete([stored.id])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    sentence = history.trouble()
    assert "is read-only. Mount it writable" in sentence
    for refused in (history.check_place, history.trash.purge):
        with pytest.raises(WorkspaceUnwritable, match="is read-only"):
            refused()
    assert history.verify().files_amiss == (), "looking is allowed"
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert history.trouble() == ""
    assert history.trash.purge().purged == 1


def test_a_volume_that_comes_late_is_looked_through_without_a_restart(history, paint, workspace):
    """What lies on it and has no row comes into the gallery then."""
    first, second = paint(seed=1), paint(seed=2)
    sql(workspace, "DELETE FROM generation WHERE id = ?", second.id)
    (workspace / "outputs").rename(workspace / "unmounted")
    assert history.sweep().outputs_missing
    assert not history.sweep_due()
    (workspace / "unmounted").rename(workspace / "outputs")
    assert history.sweep_due()
    assert history.sweep().adopted == 1
    assert not history.sweep_due()
    assert {it.id for it in history.page(ALL).items} == {first.id, second.id}
