"""What a running studio does by itself: the trash by age, the database's copies; and a purge that is followed."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fibo_core.errors import JobError, SettingsError, WorkspaceUnwritable
from fibo_core.settings import Settings
from fibo_core.store.database import Database
from fibo_core.store.history import History
from fibo_core.store.inputs import Inputs
from fibo_core.work.care import Care
from tests.store.pictures import rendered, request_of


def care_of(history: History, database: Database, trash_days: int = 30) -> Care:
    return Care(history, database, Inputs(database.path.parent), set, trash_days)


def paint(history: History, count: int = 1) -> list[str]:
    return [
        history.add(rendered(), request_of(seed=n), mode="generate", words="a ball", writer="hand").id
        for n in range(count)
    ]


def deleted_days_ago(database: Database, id: str, days: float) -> None:
    moment = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE generation SET deleted_at = ? WHERE id = ?", (moment, id))


def test_what_was_deleted_trash_days_ago_goes_by_itself(history: History, database: Database) -> None:
    """Not a day before, never with 0, and never while the pictures' volume is away."""
    _, young, old = paint(history, 3)
    deleted_days_ago(database, young, 29.9)
    deleted_days_ago(database, old, 30.1)
    care_of(history, database, trash_days=0).tidy()
    assert history.trash.count() == 2
    outputs = database.path.parent / "outputs"
    outputs.rename(outputs.with_name("unmounted"))
    care_of(history, database).tidy()
    outputs.with_name("unmounted").rename(outputs)
    assert history.trash.count() == 2
    care_of(history, database).tidy()
    assert history.trash.count() == 1
    assert history.get(young, deleted_too=True)


@pytest.mark.parametrize("value", ["-1", "never", "36501"])
def test_trash_days_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=rf"TRASH_DAYS is '{value}'\. Set it to a whole number from 0 to 36500\."):
        Settings.from_environ({"TRASH_DAYS": value})


def test_the_database_is_copied_once_a_day_where_it_has_changed(history: History, database: Database) -> None:
    """The first time at once; a copy of a day ago is compared with, one of today is waited for."""
    paint(history)
    care_of(history, database).tidy()
    (first,) = database.backups()
    paint(history)
    care_of(history, database).tidy()
    assert database.backups() == [first], "it is of today"
    yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)
    older = first.path.with_name(f"studio-{yesterday:%Y%m%dT%H%M%S.%fZ}.db")
    first.path.rename(older)
    care = care_of(history, database)
    care.tidy()
    assert [it.path for it in database.backups()][1:] == [older]
    database.backups()[0].path.unlink()
    care.tidy()
    assert [it.path for it in database.backups()] == [older], "it looked today"


def test_a_folder_for_copies_that_cannot_be_made_keeps_no_trash_from_going(
    history: History, database: Database
) -> None:
    """The first thing that could not be done is said; the other is."""
    (old,) = paint(history)
    paint(history)
    deleted_days_ago(database, old, 31)
    (database.path.parent / "backups").write_text("no folder")
    with pytest.raises(WorkspaceUnwritable, match="The database's backup could not be written"):
        care_of(history, database).tidy()
    assert history.trash.count() == 0


def test_a_purge_is_followed_and_comes_once(history: History, database: Database) -> None:
    """It goes on when nobody waits; a second one is refused until it has ended."""
    ids = paint(history, 3)
    history.delete(ids)
    care, held = care_of(history, database), threading.Event()
    with database.write():  # holds the purge
        begun = care.purge(wait_s=0)
        assert (begun.running, begun.total, begun.purged) == (True, 3, 0)
        with pytest.raises(JobError, match=r"is being emptied already \(0 of 3\)"):
            care.purge(ids)
    while care.purging.running:
        held.wait(0.01)
    done = care.purging
    assert (done.purged, done.total, done.error) == (3, 3, "")
    assert done.freed_bytes > 0
    assert care.purge(wait_s=30).purged == 0


def test_a_purge_that_cannot_go_on_says_why(history: History, database: Database) -> None:
    """Here because a file lies where its folder should; nothing is lost."""
    ids = paint(history, 2)
    history.delete(ids)
    (database.path.parent / "trash").write_text("no folder")
    done = care_of(history, database).purge(wait_s=30)
    assert (done.running, done.purged) == (False, 0)
    assert done.error.startswith("The trash could not be written")
    (database.path.parent / "trash").unlink()
    assert history.restore(ids) == ids
    assert history.verify().missing == ()
