"""The way of a database from the first schema ever landed to this one: empty, full, damaged, and killed on the way."""

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fibo_core.store.database import Database
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.migrations import REVISIONS

VERSION_1 = Path(__file__).parents[1] / "golden" / "studio-version-1.sqlite"  #: written by FIBO Studio 0.1
MANY = 1_000
#: What a row of before may hold that none of ours does, each in a row of its own.
DAMAGE = (
    "structured_prompt = '{'", "structured_prompt = x'ff'", "created_at = 'yesterday'", "width = 'wide'",
    "words = CAST(x'ff' AS TEXT)", "model = x'00ff'", "seed = 'seven'", "id = 'none of ours'", "adapters = '['",
    "deleted_at = 'gone'", "image_path = CAST(x'ff' AS TEXT)", "file_bytes = 'much'",
)  # fmt: skip
Start = Callable[..., subprocess.Popen[str]]  #: of a second process
#: Migrates, and kills itself at the statement of that number, or around the transaction's end.
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from fibo_core.store import database as database_module
from fibo_core.store.database import Database

moment, seen = sys.argv[2], 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def statement(connection, cursor, statement, parameters, context, executemany):
    global seen
    seen += 1
    if moment.isdecimal() and seen == int(moment):
        die()

def commit(connection):
    if moment == "commit" and seen > 50:
        die()

if moment == "copying":
    def make_backup(path, **more):
        (path.parent / "backups").mkdir()
        (path.parent / "backups" / "studio.part").write_bytes(b"half")
        die()
    database_module.make_backup = make_backup
event.listen(Engine, "before_cursor_execute", statement)
event.listen(Engine, "commit", commit)
database = Database(Path(sys.argv[1]))
database.migrate()
print(seen, flush=True)
if moment == "done":
    die()
"""


def rows_of(path: Path) -> list[tuple]:
    """What the first schema knew of each picture, as it lies there."""
    columns = "seq, CAST(id AS BLOB), CAST(words AS BLOB), CAST(structured_prompt AS BLOB), seed, favorite, deleted_at"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM generation ORDER BY seq").fetchall()


def version_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def filled(path: Path, pictures: int) -> Path:
    """A database of the first version with that many pictures, those of the golden one again and again."""
    shutil.copy(VERSION_1, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(generation)")]
        first = dict(zip(names, connection.execute("SELECT * FROM generation ORDER BY seq").fetchone(), strict=True))
        marks = ", ".join("?" * len(names))
        for number in range(pictures - 2):
            row = first | {"seq": first["seq"] + number + 1, "id": f"{first['id'][:18]}{number:08}", "seed": number}
            row |= {
                "favorite": number % 7 == 0,
                "deleted_at": "2026-01-01 00:00:00.000000" if number % 11 == 0 else None,
            }
            connection.execute(f"INSERT OR IGNORE INTO generation VALUES ({marks})", list(row.values()))
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("full") / "studio.db", MANY)


def migrated(path: Path) -> History:
    database = Database(path)
    database.migrate()
    return History(path.parent, database)


def check_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert version_of(path) == REVISIONS[-1]


def test_a_database_of_the_first_version_without_a_picture_is_brought_up_to_date(workspace: Path) -> None:
    path = Path(shutil.copy(VERSION_1, workspace / "studio.db"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM generation")
        connection.execute("DELETE FROM job")
    history = migrated(path)
    assert history.page(HistoryQuery()).items == ()
    assert (history.count(HistoryQuery()), history.labels.collections.all()) == (0, [])
    check_sound(path)


def test_a_full_one_keeps_every_picture_its_star_and_its_deletion(full: Path, workspace: Path) -> None:
    path = Path(shutil.copy(full, workspace / "studio.db"))
    before = rows_of(path)
    history = migrated(path)
    assert rows_of(path) == before
    deleted = sum(row[-1] is not None for row in before)
    shown = history.page(HistoryQuery(), limit=2 * MANY).items
    assert (len(shown), history.count(HistoryQuery(deleted=True))) == (len(before) - deleted, deleted)
    assert sum(it.favorite for it in shown) == sum(row[-2] == 1 and row[-1] is None for row in before)
    assert {(it.rating, it.tags, it.collections) for it in shown} == {(0, (), ())}
    told = sum(row[-2] == 1 or row[-1] is not None for row in before)
    assert history.labels.unwritten() == told  # stars and deletions lay in rows alone so far
    history.fill_search()
    assert history.count(HistoryQuery('"red ball"')) == len(shown) - 1
    check_sound(path)


def test_damaged_rows_of_the_first_version_come_along_and_are_named(workspace: Path) -> None:
    path = filled(workspace / "studio.db", 2 + 2 * len(DAMAGE))
    with closing(sqlite3.connect(path)) as connection, connection:
        seqs = [
            seq for (seq,) in connection.execute("SELECT seq FROM generation WHERE deleted_at IS NULL ORDER BY seq")
        ]
        for seq, damage in zip(seqs[1:], DAMAGE, strict=False):
            connection.execute(f"UPDATE generation SET {damage} WHERE seq = ?", (seq,))
    before = rows_of(path)
    history = migrated(path)
    assert rows_of(path) == before
    history.fill_search()
    pages = [history.page(HistoryQuery(deleted=deleted), limit=100) for deleted in (False, True)]
    assert sum(len(page.items) + len(page.damaged) for page in pages) == len(before)
    assert sum(len(page.damaged) for page in pages) == len(DAMAGE)
    check_sound(path)


@pytest.fixture(scope="module")
def statements(full: Path, tmp_path_factory: pytest.TempPathFactory, run_python: Start) -> int:
    """How many statements the way takes."""
    path = Path(shutil.copy(full, tmp_path_factory.mktemp("way") / "studio.db"))
    out, err = run_python(KILLED, path, "never").communicate()
    assert not err, err
    return int(out)


@pytest.mark.parametrize("moment", ["copying", "0.02", "0.3", "0.6", "0.9", "0.99", "commit", "done"])
def test_a_migration_that_is_killed_leaves_the_old_database_and_goes_through_the_next_time(
    full: Path, workspace: Path, statements: int, run_python: Start, moment: str
) -> None:
    """kill -9 while the copy is made, at several of its statements, before the transaction is through, and after."""
    path = Path(shutil.copy(full, workspace / "studio.db"))
    before = rows_of(path)
    at = str(int(float(moment) * statements)) if moment[0].isdecimal() else moment
    process = run_python(KILLED, path, at)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert version_of(path) == (REVISIONS[-1] if moment == "done" else "0001")
    assert rows_of(path) == before
    history = migrated(path)
    assert rows_of(path) == before
    assert len(history.page(HistoryQuery(), limit=2 * MANY).items) == sum(row[-1] is None for row in before)
    check_sound(path)
    copies = list((workspace / "backups").glob("*.db"))
    assert copies
    assert {version_of(copy) for copy in copies} == {"0001"}
    assert rows_of(copies[0]) == before
