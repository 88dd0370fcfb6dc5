"""The database file: made, migrated, copied, and every way in which it can be out of order."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from fibo_core.errors import (
    BatchDamaged,
    DatabaseTooNew,
    DatabaseUnreadable,
    SettingsError,
    StoreError,
    WorkspaceUnwritable,
)
from fibo_core.store import database as database_module
from fibo_core.store.batch_store import BatchRow, BatchStore, CellRow
from fibo_core.store.database import Database
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.job_store import STATES, JobStore, NewJob
from fibo_core.store.migrations import REVISIONS
from fibo_core.store.tables import GenerationTable
from fibo_core.work.desk import Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.orders import order_from_json
from fibo_core.work.tasks import RefineTask, task_from_json, written_from_record
from fibo_core.work.workflows import Tools
from fibo_core.writers.chain import Writers

from .pictures import fill, rendered, request_of

VERSION_1 = Path(__file__).parents[1] / "golden" / "studio-version-1.sqlite"  #: written by FIBO Studio 0.1
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("generation", sa.Column("note", sa.Text))
    op.execute("UPDATE generation SET note = 'seed ' || seed")
    {then}
"""


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """Call it to make this the next version of FIBO Studio, with one migration more."""

    def install(then: str = "") -> None:
        migrations = tmp_path / "migrations"
        shutil.copytree(database_module.MIGRATIONS, migrations)
        (migrations / "versions" / "9001_note.py").write_text(NEXT.format(then=then, before=REVISIONS[-1]))
        monkeypatch.setattr(database_module, "MIGRATIONS", migrations)
        monkeypatch.setattr(database_module, "REVISIONS", (*REVISIONS, "9001"))

    return install


TASK_2 = """{"mode": "generate", "words": "a ball", "writer": "auto", "written": null, "seeds": [7],
"settings": {"model": "mini", "width": 256, "height": 256, "num_inference_steps": 20, "guidance_scale": 4.0,
"negative_prompt": ""}}"""
DAMAGED_TASKS = (
    "{", "[]", "null", b"\xff", "[" * 100_000, TASK_2.replace("[7]", "7"), TASK_2.replace("[7]", f"[{10**30}]"),
    TASK_2.replace('"mini"', '"\\ud800"'), TASK_2.replace('"settings"', '"s"'),
)  # fmt: skip


@contextmanager
def version_2(workspace: Path) -> Iterator[sqlite3.Connection]:
    """A database as version 0.2 made it: that of 0.1, migrated so far, without its jobs."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    shutil.copy(VERSION_1, workspace / "studio.db")
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    engine = create_engine(f"sqlite:///{workspace / 'studio.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("DELETE FROM job")
        yield connection


def insert_job(
    connection: sqlite3.Connection, id: str, task: str | bytes, state: str = "queued", generation_ids: str = "[]"
) -> None:
    connection.execute(
        "INSERT INTO job (id, kind, title, task, state, created_at, generation_ids) "
        "VALUES (?, 'generate', 'a ball', ?, ?, '2026-01-01 00:00:00.000000', ?)",
        (id, task, state, generation_ids),
    )


def scalar(path: Path, sql: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]


def test_a_new_database_is_made_with_its_folder(tmp_path):
    """The first start needs nothing but a place; a second one changes nothing."""
    database = Database(f"sqlite:///{tmp_path}/new/workspace/studio.db")
    database.migrate()
    database.migrate()
    assert History(tmp_path, database).count(HistoryQuery()) == 0
    assert not (tmp_path / "new" / "workspace" / "backups").exists()


def test_the_migrations_make_the_tables_that_the_code_maps(database):
    """Tables, columns and indexes agree; nobody changed one without the other."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.read() as session:
        context = MigrationContext.configure(
            session.connection(),
            opts={"include_name": lambda name, kind, _: kind != "table" or not name.startswith("generation_search")},
        )
        assert compare_metadata(context, GenerationTable.metadata) == []


def test_the_numbers_in_the_code_are_those_of_the_migration_files(tmp_path):
    """The start skips Alembic by this list, so it must be the truth."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


def test_an_existing_database_opens_unchanged_and_without_alembic(paint, database, workspace, run_python):
    """The ordinary start: same bytes of schema, same rows, no backup, no import of the migration tool."""
    stored = paint()
    schema = scalar(workspace / "studio.db", "SELECT group_concat(sql) FROM sqlite_master")
    database.close()
    code = (
        "import sys\nfrom pathlib import Path\nfrom fibo_core.store.database import Database\n"
        "Database(Path(sys.argv[1])).migrate()\nprint('alembic' in sys.modules)"
    )
    output, errors = run_python(code, workspace / "studio.db").communicate(timeout=60)
    assert (output.strip(), errors) == ("False", "")
    assert scalar(workspace / "studio.db", "SELECT group_concat(sql) FROM sqlite_master") == schema
    assert History(workspace, database).get(stored.id) == stored
    assert not (workspace / "backups").exists()


def test_an_older_database_is_copied_and_then_brought_up_to_date(paint, database, workspace, next_version):
    """The copy holds what was there, and the migrated database all of it and the new column."""
    stored = paint(seed=42)
    database.close()
    next_version()
    again = Database(workspace / "studio.db")
    again.migrate()
    with again.read() as session:
        assert session.connection().execute(text("SELECT note FROM generation")).scalar() == "seed 42"
    assert History(workspace, again).get(stored.id) == stored
    [backup] = (workspace / "backups").iterdir()
    assert scalar(backup, "SELECT version_num FROM alembic_version") == REVISIONS[-1]
    assert scalar(backup, "SELECT id FROM generation") == stored.id


def test_a_database_of_the_first_version_keeps_its_pictures_and_jobs(workspace):
    """A file that version 0.1 wrote: every row is there after the migration, and the copy opens as before."""
    shutil.copy(VERSION_1, workspace / "studio.db")
    database = Database(workspace / "studio.db")
    database.migrate()
    newer, older = History(workspace, database).page(HistoryQuery()).items
    assert (newer.words, newer.parent_id, newer.edited, newer.favorite) == ("make the ball green", older.id, True, True)
    assert (older.words, older.writer, older.writer_model, older.usage) == ("a red ball", "offline", "", None)

    history = History(workspace, database)
    assert (history.unsearched(), history.count(HistoryQuery(text="red"))) == (2, 0)
    history.fill_search()
    assert history.unsearched() == 0
    assert older.id in [each.id for each in history.page(HistoryQuery(text='"red ball" -is:favorite')).items]
    assert [each.id for each in history.page(HistoryQuery(text="has:parent mode:refine")).items] == [newer.id]

    store = JobStore(database)
    store.interrupt_running()
    jobs = {row.title: row for row in store.recent(10)}
    assert {title: row.state for title, row in jobs.items()} == {
        "a done job": "done", "a failed job": "failed", "make the ball green": "interrupted",
        "at night": "queued", "a queued job": "queued",
    }  # fmt: skip
    assert jobs["a done job"].generation_ids == (older.id,)
    assert (jobs["a failed job"].error, jobs["a failed job"].answer) == ("It failed.", None)
    refine = task_from_json(jobs["make the ball green"].task)
    assert isinstance(refine, RefineTask)
    assert (refine.source_id, refine.with_picture, refine.locked) == (older.id, False, ())
    assert written_from_record(json.loads(jobs["a done job"].written)).usage is None
    assert store.claim().title == "at night"
    batches = BatchStore(database)
    for row in jobs.values():
        order = order_from_json(batches.get(row.id).order_json)
        assert (order.words, order.seed, order.size, order.steps) == (
            row.title, task_from_json(row.task).painting.seeds[0], (256, 256), 20,
        )  # fmt: skip
        assert (row.batch_id, row.model, row.pictures) == (row.id, "mini", 1)
        assert batches.cells([row.id])[row.id] == [CellRow({}, order.seed, row.id)]
    assert [row.id for row in batches.recent(10)] == [row.id for row in store.recent(10)]
    database.close()
    [backup] = (workspace / "backups").iterdir()
    assert scalar(backup, "SELECT version_num FROM alembic_version") == "0001"
    assert scalar(backup, "SELECT count(*) FROM generation") == 2


def test_the_jobs_of_the_version_before_become_batches_each_as_it_was(workspace):
    """In every state, of every kind; what was ordered then can be retried now, and a damaged job harms no other."""
    with version_2(workspace) as connection:
        for number, state in enumerate(STATES):
            task = {**json.loads(TASK_2), "seeds": [number, 100], "pattern": "a {red|blue} ball" if number else None}
            insert_job(connection, state, json.dumps(task), state, '["one"]' if state == "interrupted" else "[]")
        refine = {"mode": "refine", "source": {"short_description": "a ball"}, "source_id": None, "seeds": []}
        insert_job(connection, "refine", json.dumps({**json.loads(TASK_2), **refine, "locked": ["objects"]}))
        inspire = {"mode": "inspire", "picture": "inputs/1.png", "source_id": None}
        insert_job(connection, "inspire", json.dumps({**json.loads(TASK_2), **inspire}))
        for number, task in enumerate(DAMAGED_TASKS):
            insert_job(connection, f"damaged {number}", task)
    database = Database(workspace / "studio.db")
    database.migrate()
    batches, jobs = BatchStore(database), JobStore(database)

    assert {state: jobs.get(state).state for state in STATES} == {state: state for state in STATES}
    for number, state in enumerate(STATES):
        order = order_from_json(batches.get(state).order_json)
        assert (order.words, order.seed, order.count) == ("a {red|blue} ball" if number else "a ball", number, 2)
        assert [cell.seed for cell in batches.cells([state])[state]] == [number, 100]
    assert (jobs.get("refine").model, jobs.get("refine").pictures) == (None, 0)
    assert batches.cells(["refine"])["refine"] == [CellRow({}, None, "refine")]
    refine, inspire = (order_from_json(batches.get(kind).order_json) for kind in ("refine", "inspire"))
    assert (refine.paint, refine.locked, refine.source.document) == (
        False,
        ("objects",),
        {"short_description": "a ball"},
    )
    assert (inspire.kind, inspire.pictures, batches.inputs()) == ("inspire", ("inputs/1.png",), {"inputs/1.png"})

    tools = Tools(Writers(()), None, History(workspace, database))
    queue = JobQueue(jobs, print, lock_file=workspace / "lock", max_workers=1, timeout_s=1)
    desk = Desk(batches, queue, tools, max_queued=100)
    assert desk.retry("interrupted").pictures == 2
    assert [batch.id for batch in desk.recent(100)] == ["inspire", "refine", *reversed(STATES)]
    for number in range(len(DAMAGED_TASKS)):
        with pytest.raises(BatchDamaged, match=r"Its pictures are kept\.$"):
            desk.get(f"damaged {number}")
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(paint, database, workspace, next_version):
    """All of it or nothing: the older version can still open it."""
    stored = paint()
    database.close()
    next_version(then="raise RuntimeError('the power failed')")
    with pytest.raises(RuntimeError, match="the power failed"):
        Database(workspace / "studio.db").migrate()
    assert scalar(workspace / "studio.db", "SELECT version_num FROM alembic_version") == REVISIONS[-1]
    assert "note" not in scalar(workspace / "studio.db", "SELECT sql FROM sqlite_master WHERE name = 'generation'")
    assert History(workspace, Database(workspace / "studio.db")).get(stored.id) == stored


def test_a_migration_is_not_begun_when_its_backup_does_not_fit(small_disk, next_version):
    """No copy, no change."""
    database = Database(small_disk / "studio.db")
    database.migrate()
    database.close()
    filler = fill(small_disk, leave=80_000)
    next_version()
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        Database(small_disk / "studio.db").migrate()
    filler.unlink()
    assert scalar(small_disk / "studio.db", "SELECT version_num FROM alembic_version") == REVISIONS[-1]
    assert not list(small_disk.glob("backups/*.db"))


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database, workspace):
    """One sentence with both versions, and not a byte changed."""
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0099'"))
    database.close()
    before = (workspace / "studio.db").read_bytes()
    with pytest.raises(DatabaseTooNew, match=rf"schema 0099.*up to {REVISIONS[-1]}.*Update"):
        Database(workspace / "studio.db").migrate()
    assert (workspace / "studio.db").read_bytes() == before


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is a letter to a friend, not a database" + path.read_bytes()[44:])


def damage_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_header, damage_pages, cut_short])
def test_a_damaged_database_is_said_to_be_one_and_the_pictures_come_back(paint, database, workspace, damage):
    """The sentence names the way out, and the way out works."""
    stored = paint()
    database.close()
    damage(workspace / "studio.db")
    with pytest.raises(DatabaseUnreadable, match=r"damaged or no database.*rebuild the history") as error:
        Database(workspace / "studio.db").migrate()
    assert error.value.remedy == "rebuild"
    for file in workspace.glob("studio.db*"):
        file.rename(workspace / f"damaged-{file.name}")
    anew = Database(workspace / "studio.db")
    anew.migrate()
    assert History(workspace, anew).rebuild().added == 1
    assert History(workspace, anew).get(stored.id) == stored


def test_a_database_damaged_while_the_studio_runs_is_an_error_of_ours(paint, database, history, workspace):
    """Not a trace of SQLite's, whatever is asked for."""
    for seed in range(5):
        paint(seed=seed)
    database.close()
    damage_pages(workspace / "studio.db")
    for ask in (lambda: history.page(HistoryQuery()), lambda: JobStore(database).claim(), database.check_writable):
        with pytest.raises(DatabaseUnreadable, match="damaged"):
            ask()


def test_a_database_that_vanished_is_said_to_be_gone_and_not_begun_anew(paint, database, history, workspace):
    """A volume that went away is not an empty gallery; when it is back, so are the pictures."""
    stored = paint()
    database.close()
    (workspace / "studio.db").rename(workspace / "elsewhere.db")
    for ask in (lambda: history.get(stored.id), database.check_writable):
        with pytest.raises(DatabaseUnreadable, match="is gone"):
            ask()
    (workspace / "elsewhere.db").rename(workspace / "studio.db")
    assert history.get(stored.id) == stored


def test_another_programs_database_is_left_alone(tmp_path):
    """A wrong DATABASE_URL does not add our tables to someone's data."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks(url)")
    with pytest.raises(DatabaseUnreadable, match="another program's"):
        Database(path).migrate()
    assert scalar(path, "SELECT count(*) FROM sqlite_master") == 1


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:hunter2@host/studio", "sqlite://", "sqlite:///:memory:", "sqlite:////x.db?mode=ro", "studio.db"],
)
def test_a_database_other_than_an_sqlite_file_is_refused_in_one_sentence(url):
    """And no password of it is repeated."""
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is .*sqlite:////folder/studio\.db\.$") as error:
        Database(url)
    assert "hunter2" not in str(error.value)


def test_a_database_locked_by_another_program_says_so_after_waiting(database, workspace, monkeypatch):
    """Readers go on meanwhile, and the next write succeeds."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.2)
    impatient = Database(workspace / "studio.db")
    with closing(sqlite3.connect(workspace / "studio.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnreadable, match="locked by another program"):
            impatient.check_writable()
        assert History(workspace, impatient).count(HistoryQuery()) == 0
    impatient.check_writable()


def test_the_write_ahead_log_is_used_on_a_local_disk_only(workspace, monkeypatch):
    """On a network's filesystem it corrupts; a workspace that moves between the two follows."""
    for filesystem, mode in (("ext4", "wal"), ("nfs4", "delete"), ("fuse", "delete"), ("", "delete"), ("xfs", "wal")):
        monkeypatch.setattr(database_module, "filesystem_of", lambda path, found=filesystem: found)
        database = Database(workspace / "studio.db")
        database.migrate()
        with database.read() as session:
            pragmas = [
                session.connection().execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous")
            ]
        assert pragmas == [mode, 2], filesystem
        database.close()


def test_a_full_disk_is_seen_by_the_health_check_and_gone_when_there_is_room(small_disk):
    """It really writes; and the studio goes on as soon as it can."""
    database = Database(small_disk / "studio.db")
    database.migrate()
    jobs = JobStore(database)
    filler = fill(small_disk)
    with pytest.raises(WorkspaceUnwritable, match=r"The database could not be written: the disk .* is full"):
        database.check_writable()
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        jobs.add([NewJob("1", "1", "generate", "a ball", "x" * 100_000)], limit=10)
    filler.unlink()
    database.check_writable()
    assert jobs.recent(10) == []
    database.close()


def test_an_order_that_only_fits_in_part_on_a_disk_leaves_nothing_on_it(small_disk):
    """Batch, cells and jobs are one transaction, however far it comes; with room again it is taken."""
    database = Database(small_disk / "studio.db")
    database.migrate()
    batch = BatchRow("B", "", "a ball", "generate", "x" * 5_000, (), datetime.now(UTC))
    jobs = [NewJob(str(number), "B", "generate", "a ball", "x" * 5_000, 1, "mini") for number in range(100)]
    cells = [CellRow({}, 7, job.id) for job in jobs]
    batches = BatchStore(database)
    for leave in (0, 100_000, 300_000):
        filler = fill(small_disk, leave=leave)
        with pytest.raises(WorkspaceUnwritable, match="is full"):
            batches.add(batch, cells, jobs, limit=1000)
        filler.unlink()
        assert (batches.recent(10), batches.cells(["B"]), JobStore(database).recent(10)) == ([], {"B": []}, [])
    batches.add(batch, cells, jobs, limit=1000)
    assert (len(batches.cells(["B"])["B"]), len(JobStore(database).active())) == (100, 100)
    database.close()


def test_a_picture_is_safe_when_only_its_row_does_not_fit(small_disk, workspace):
    """The sentence says where it lies, and the next start brings it in."""
    database = Database(small_disk / "studio.db")
    database.migrate()
    history = History(workspace, database)
    filler = fill(small_disk)
    with pytest.raises(WorkspaceUnwritable, match="The picture is safe in") as error:
        history.add(rendered(), request_of(seed=5), mode="generate", words="", writer="hand")
    [orphan] = history.verify().without_row
    assert str(workspace / orphan) in str(error.value)
    filler.unlink()
    assert history.sweep().adopted == 1
    assert history.page(HistoryQuery()).items[0].request == request_of(seed=5)
    assert history.verify().without_row == ()
    database.close()


def test_a_read_only_workspace_says_so_at_the_start_and_later(small_disk, paint):
    """Mounted so, since root may write whatever the modes say."""
    workspace = small_disk / "workspace"
    database = Database(workspace / "studio.db")
    database.migrate()
    stored = History(workspace, database).add(rendered(), request_of(), mode="generate", words="", writer="hand")
    database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    sentence = r"could not be written: .* is read-only\. Mount it writable"
    with pytest.raises(WorkspaceUnwritable, match=sentence):
        Database(workspace / "studio.db").migrate()
    with pytest.raises(WorkspaceUnwritable, match=sentence):
        Database(small_disk / "elsewhere" / "studio.db").migrate()
    with pytest.raises(WorkspaceUnwritable, match=sentence):
        database.check_writable()
    with pytest.raises(WorkspaceUnwritable, match=sentence + ".*seed 8"):
        History(workspace, database).add(rendered(), request_of(seed=8), mode="generate", words="", writer="hand")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    database.migrate()
    assert History(workspace, database).page(HistoryQuery()).items == (stored,)
    database.close()


def test_a_failed_change_changes_nothing(database, paint, history):
    """What leaves a writing transaction by an error leaves no trace in the database."""
    stored = paint()

    def fail() -> None:
        with database.write() as session:
            session.connection().execute(text("DELETE FROM generation"))
            raise StoreError("on purpose")

    with pytest.raises(StoreError, match="on purpose"):
        fail()
    assert history.get(stored.id) == stored
