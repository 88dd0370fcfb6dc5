"""Copies of the database: sound, on the disk, seven at most, and put back by the commands that the documents show."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fibo_core.errors import DatabaseUnreadable, WorkspaceUnwritable
from fibo_core.store import backup as backup_module
from fibo_core.store.backup import KEPT, backups_of, fault_of
from fibo_core.store.database import Database
from fibo_core.store.history import HistoryQuery

from .pictures import fill

ALL = HistoryQuery()


def test_a_backup_holds_everything_and_stands_alone(history, paint, database, workspace):
    """What was in the write-ahead log too; nothing lies beside the copy."""
    stored = paint("a fox")
    copy = database.backup()
    assert [file.name for file in (workspace / "backups").iterdir()] == [copy.name]
    assert fault_of(copy) == ""
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM generation").fetchall() == [(stored.id,)]
    (found,) = database.backups()
    assert (found.path, found.bytes) == (copy, copy.stat().st_size)
    assert datetime.now(UTC) - found.made_at < timedelta(minutes=5)


def test_the_newest_seven_are_kept_and_other_files_are_left_alone(database, paint, workspace):
    other = workspace / "backups" / "studio-of-mine.db"
    copies = [database.backup() for _ in range(2)]
    other.write_bytes(b"mine")
    copies += [database.backup() for _ in range(KEPT)]
    assert [it.path for it in database.backups()] == copies[:1:-1]
    assert other.read_bytes() == b"mine"


def test_nothing_is_kept_twice_where_nothing_has_changed(database, paint, workspace):
    """A check that really writes, as /health makes it, is no change; a picture is."""
    paint()
    first = database.backup_if_changed()
    database.check_writable()
    assert (database.backup_if_changed(), len(database.backups())) == (None, 1)
    paint(seed=2)
    second = database.backup_if_changed()
    assert [it.path for it in database.backups()] == [second, first]


def test_copies_take_at_most_a_tenth_of_the_free_space_and_the_newest_stays(database, paint, monkeypatch):
    """What is made every night makes room; what is asked for is made all the same."""
    copies = [database.backup() for _ in range(3)]
    size = copies[0].stat().st_size
    real = backup_module.shutil.disk_usage

    def small(path):
        usage = real(path)
        return usage._replace(free=25 * size - sum(it.bytes for it in backups_of(database.path)))

    monkeypatch.setattr(backup_module.shutil, "disk_usage", small)
    paint()
    made = database.backup_if_changed()
    assert len(database.backups()) == 2
    assert database.backups()[0].path == made
    monkeypatch.setattr(backup_module.shutil, "disk_usage", lambda path: real(path)._replace(free=0))
    paint(seed=2)
    assert database.backup_if_changed() is None
    assert database.backup() == database.backups()[0].path
    assert len(database.backups()) == 1


def test_a_damaged_database_is_not_taken_for_a_backup(database, paint, workspace):
    """The good copies stay; half of one is left by nothing."""
    for seed in range(40):
        paint(seed=seed)
    good = database.backup()
    database.close()
    with closing(sqlite3.connect(workspace / "studio.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_generation_seed'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with (workspace / "studio.db").open("r+b") as file:
        file.seek((root - 1) * size + size // 2)
        file.write(b"\xff" * (size // 2))
    with pytest.raises(DatabaseUnreadable, match="does not pass SQLite's check"):
        database.backup()
    assert [it.path for it in database.backups()] == [good]
    assert [file.name for file in (workspace / "backups").iterdir()] == [good.name]


def test_a_full_disk_leaves_no_half_of_a_copy(small_disk):
    database = Database(small_disk / "studio.db")
    database.migrate()
    first = database.backup()
    filler = fill(small_disk, leave=20_000)
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        database.backup()
    assert [file.name for file in (small_disk / "backups").iterdir()] == [first.name]
    filler.unlink()
    database.close()


def test_a_backups_folder_that_cannot_be_made_is_one_sentence(database, workspace):
    """A file of that name, here; the database itself is as usable as before."""
    (workspace / "backups").write_text("no folder")
    with pytest.raises(WorkspaceUnwritable, match="The database's backup could not be written"):
        database.backup()
    database.check_writable()


def test_a_database_that_is_gone_is_no_empty_backup(database, paint, workspace):
    database.close()
    (workspace / "studio.db").rename(workspace / "away.db")
    with pytest.raises(DatabaseUnreadable, match="is gone"):
        database.backup()
    assert not (workspace / "studio.db").exists()
    assert list((workspace / "backups").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from fibo_core.store.database import Database

database = Database(Path(sys.argv[1]) / "studio.db")
real = Path.replace
def replace(self, target):
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = replace
database.backup()
"""


def test_a_killed_backup_leaves_nothing_that_looks_like_one(database, paint, workspace, run_python):
    child = run_python(KILLED, workspace)
    assert child.wait(60) == -9
    assert database.backups() == []
    assert len(list((workspace / "backups").iterdir())) == 1
    made = database.backup()
    assert [file.name for file in (workspace / "backups").iterdir()] == [made.name]
