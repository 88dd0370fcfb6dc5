"""Killed at the worst moment, or four at once: no picture is lost and no row stands without its file."""

import random
import shutil
import time

import pytest
from PIL import Image
from sqlalchemy import text

from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import png_is_complete, read_recipe

START = """
import os, signal, sys
from pathlib import Path
from PIL import Image
from fibo_core.store.database import Database
from fibo_core.store.history import History
from store.pictures import rendered, request_of

workspace = Path(sys.argv[1])
database = Database(workspace / "studio.db")
database.migrate()
history = History(workspace, database)

def add(seed):
    source = Image.new("RGB", (8, 8))
    arguments = {"mode": "inspire", "words": "a ball", "writer": "hand", "source": source}
    stored = history.add(rendered(), request_of(seed=seed), **arguments)
    print(stored.id, flush=True)

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
"""

ADD_TEN = START + "for i in range(10): add(int(sys.argv[2]) * 10 + i)"
ADD_FOREVER = START + "import itertools\nfor i in itertools.count(): add(i)"
DIE_AT_RENAME = (
    START
    + """
add(1)
real, count = Path.replace, 0
def replace(self, target):
    global count
    count += 1
    die() if count == int(sys.argv[2]) else real(self, target)
Path.replace = replace
add(2)
"""
)
DIE_BEFORE_ROW = START + "add(1)\nDatabase.write = die\nadd(2)"
DIE_BEFORE_COMMIT = (
    START
    + """
from sqlalchemy import event
add(1)
event.listen(database._engine, "commit", die)
add(2)
"""
)


def check(workspace, printed: list[str]) -> History:
    """After a restart: every picture that was announced is there, every row's file is whole, no leftovers, and what
    the killed process could not bring into the gallery is in it."""
    database = Database(workspace / "studio.db")
    database.migrate()
    history = History(workspace, database)
    report = history.sweep()
    assert (report.missing, report.unreadable) == (0, ())
    assert list(workspace.rglob("*.part")) == []
    rows = history.page(HistoryQuery(newest_first=False), limit=10_000).items
    assert {row.id for row in rows} >= set(printed)
    for row in rows:
        assert png_is_complete(history.image_file(row.id).read_bytes())
        if row.id in printed:
            assert history.sidecar_file(row.id).is_file()
            assert history.source_file(row.id).is_file()
    assert history.verify().without_row == ()
    return history


@pytest.mark.parametrize(
    ("code", "rename", "adopted"),
    [
        (DIE_AT_RENAME, 1, 0),  # nothing but half-written files
        (DIE_AT_RENAME, 2, 1),  # the picture stands alone, and its recipe is in it
        (DIE_AT_RENAME, 3, 1),  # the sidecar is missing
        (DIE_AT_RENAME, 4, 1),  # only thumbnail and row are
        (DIE_BEFORE_ROW, 0, 1),
        (DIE_BEFORE_COMMIT, 0, 1),
    ],
    ids=["no file yet", "picture alone", "no sidecar yet", "no thumbnail yet", "no row yet", "no commit yet"],
)
def test_a_kill_between_file_and_row_leaves_no_row_without_its_file(workspace, run_python, code, rename, adopted):
    """What was announced is there; what was not is either gone without a trace or taken in by the next start."""
    child = run_python(code, workspace, rename)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == -9, errors
    [announced] = output.split()
    database = Database(workspace / "studio.db")
    assert [row.id for row in History(workspace, database).page(HistoryQuery()).items] == [announced]
    database.close()
    history = check(workspace, [announced])
    assert history.rebuild().added == 0
    rows = history.page(HistoryQuery()).items
    assert [row.request.seed for row in rows] == [2, 1][-len(rows) :]
    assert len(rows) == 1 + adopted
    for row in rows:
        assert history.thumbnail_file(row.id).is_file()


def test_kills_at_any_moment_lose_nothing_that_was_announced(workspace, run_python):
    """Six kills at random moments on the same workspace."""
    printed: list[str] = []
    for _ in range(6):
        child = run_python(ADD_FOREVER, workspace)
        printed.append(child.stdout.readline().strip())
        time.sleep(random.uniform(0, 0.3))
        child.kill()
        output, errors = child.communicate(timeout=60)
        assert not errors
        printed += [line for line in output.split("\n") if len(line) == 26]
    check(workspace, printed)


def test_four_processes_add_at_once_from_the_first_start_on(workspace, run_python):
    """They make the database together, none is turned away, and every picture is kept once."""
    children = [run_python(ADD_TEN, workspace, n) for n in range(4)]
    printed: list[str] = []
    for child in children:
        output, errors = child.communicate(timeout=120)
        assert (child.returncode, errors) == (0, "")
        printed += output.split()
    history = check(workspace, printed)
    rows = history.page(HistoryQuery(), limit=100).items
    assert {row.id for row in rows} == set(printed)
    assert sorted(row.request.seed for row in rows) == list(range(40))


def test_a_rebuild_after_the_database_was_deleted_gives_the_same_history(history, paint, database, workspace):
    """Every value, the order, the lineage, the search; stars alone are lost, and a deletion is."""
    first = paint("a fox", seed=1)
    second = paint("an owl", seed=2, mode="refine", parent_id=first.id, edited=True)
    third = paint("", seed=3, mode="inspire", source=Image.new("RGB", (8, 8)))
    history.set_favorite(second.id, True)
    history.delete([first.id])
    database.close()
    for file in workspace.glob("studio.db*"):
        file.unlink()
    database.migrate()
    trial = history.rebuild(dry_run=True)
    assert (trial.added, history.count(HistoryQuery())) == (3, 0)
    assert history.rebuild() == trial
    assert history.page(HistoryQuery()).items == (third, second, first)
    assert history.ancestors(second.id) == [first]
    assert history.page(HistoryQuery(text="owl")).items == (second,)
    assert history.disk_usage().bytes == sum(f.stat().st_size for f in (workspace / "outputs").rglob("*.*"))
    again = history.rebuild()
    assert (again.added, again.already_there) == (0, 3)


def test_a_rebuild_leaves_the_rows_that_are_there_alone(history, paint, database):
    """Stars and deletions of known pictures stay, and an adopted one takes its old place among them."""
    first, second, third = (paint("a fox", seed=n) for n in range(3))
    history.set_favorite(first.id, True)
    history.delete([third.id])
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation WHERE id = :id"), {"id": second.id})
    assert history.page(HistoryQuery(text="fox")).items == (history.get(first.id),)
    report = history.rebuild()
    assert (report.added, report.already_there) == (1, 2)
    assert [g.id for g in history.page(HistoryQuery(text="fox")).items] == [second.id, first.id]
    assert history.get(first.id).favorite


def test_a_rebuild_names_what_it_cannot_read_and_takes_the_rest(history, paint, database, workspace):
    """A damaged sidecar is made up for by the PNG; a damaged picture is never shown."""
    whole, no_sidecar, bad_sidecar, cut = (paint(seed=n) for n in range(4))
    history.sidecar_file(no_sidecar.id).unlink()
    history.sidecar_file(bad_sidecar.id).write_text('{"format": "fibo-studio/1"')
    file = history.image_file(cut.id)
    file.write_bytes(file.read_bytes()[:-50])
    folder = file.parent
    Image.new("RGB", (8, 8)).save(folder / "holiday.png")
    shutil.copy(history.image_file(whole.id), folder / "copy of a picture.png")
    database.close()
    for file in workspace.glob("studio.db*"):
        file.unlink()
    database.migrate()
    report = history.rebuild()
    assert history.page(HistoryQuery()).items == (bad_sidecar, no_sidecar, whole)
    names = {sentence.split(": ")[0].rsplit("/")[-1]: sentence.split(": ")[1] for sentence in report.unreadable}
    assert names == {
        f"{cut.id}.png": "it is no PNG, or one that is cut short",
        "holiday.png": "it carries no recipe",
    }
    assert report.duplicates == (
        f"{folder.relative_to(workspace)}/copy of a picture.png: it is picture {whole.id} again, "
        f"which lies in {whole.image_path}",
    )
    assert len(list(folder.glob("*.png"))) == 6  # nothing was removed


def moved(history, picture, target, *, sidecar=False):
    """Puts a picture's file elsewhere below the outputs, with the recipe beside it or without."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if sidecar:
        history.sidecar_file(picture.id).rename(target.with_suffix(".json"))
    history.image_file(picture.id).rename(target)


@pytest.mark.parametrize("sidecar", [False, True])
def test_renamed_and_moved_pictures_are_found_by_the_id_in_their_recipe(history, paint, database, workspace, sidecar):
    """Without rows they are added under that id; a row that led nowhere leads to the file again, and keeps its star."""
    renamed, put_away, misnamed = (paint(seed=n) for n in range(3))
    history.set_favorite(renamed.id, True)
    outputs = workspace / "outputs"
    moved(history, renamed, outputs / "a red ball.png", sidecar=sidecar)
    moved(history, put_away, outputs / "best" / f"{put_away.id}.png", sidecar=sidecar)
    moved(history, misnamed, outputs / f"{'0' * 26}.png")  # an id that nobody has
    assert set(history.verify().missing) == {renamed.id, put_away.id, misnamed.id}
    report = history.rebuild()
    assert (report.moved, report.added, report.unreadable, report.duplicates) == (3, 0, (), ())
    for picture in (renamed, put_away, misnamed):
        assert Generation.from_record(read_recipe(history.image_file(picture.id).read_bytes())) == picture
        assert history.get(picture.id).request == picture.request
    assert history.get(renamed.id).favorite
    assert history.verify().without_row == ()
    assert history.sweep().adopted == 0
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation"))
    trial = history.rebuild(dry_run=True)
    assert (trial.added, trial.moved) == (3, 0)
    assert history.rebuild() == trial
    assert history.image_file(renamed.id) == outputs / "a red ball.png"
    assert history.rebuild().already_there == 3


def test_of_several_files_of_one_picture_one_is_taken_and_the_others_are_named(history, paint, database, workspace):
    """The one in its own place where there is one, whichever is found first."""
    at_home, abroad = paint(seed=1), paint(seed=2)
    outputs = workspace / "outputs"
    for name in ("0 copy.png", "copy.png"):
        shutil.copy(history.image_file(at_home.id), outputs / name)
        shutil.copy(history.image_file(abroad.id), outputs / f"abroad {name}")
    history.image_file(abroad.id).unlink()
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation"))
    trial = history.rebuild(dry_run=True)
    assert (trial.added, len(trial.duplicates)) == (2, 3)
    assert history.rebuild() == trial
    assert history.get(at_home.id) == at_home
    assert history.image_file(abroad.id) == outputs / "abroad 0 copy.png"
    assert sorted(sentence.split(": ")[0] for sentence in trial.duplicates) == [
        *("outputs/0 copy.png", "outputs/abroad copy.png", "outputs/copy.png"),
    ]


def test_a_volume_that_is_not_mounted_does_not_empty_the_gallery(history, paint, workspace, caplog):
    """The rows stay and the log says what to look for."""
    stored = paint()
    (workspace / "outputs").rename(workspace / "unmounted")
    report = history.sweep()
    assert (report.missing, report.outputs_missing) == (1, True)
    assert "Is its volume mounted?" in caplog.text
    assert history.page(HistoryQuery()).items == (stored,)
    (workspace / "unmounted").rename(workspace / "outputs")
    assert not history.sweep().outputs_missing
