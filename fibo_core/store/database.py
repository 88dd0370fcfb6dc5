"""The SQLite database: connections, transactions, migrations, and SQLite's errors as sentences.

Writers begin IMMEDIATE, so that nothing read in a transaction can change before it is written. The
write-ahead log, with which readers never wait, is used on local filesystems only: on a network's it corrupts.
"""

import errno
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

from fibo_core.errors import DatabaseTooNew, DatabaseUnreadable, SettingsError, StoreError
from fibo_core.store.backup import BACKUPS, Backup, backups_of, fits, make_backup
from fibo_core.store.disk import LOCAL_FILESYSTEMS, disk_errors, filesystem_of, unwritable
from fibo_core.store.migrations import REVISIONS

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30
FORMER_FILE_S = 2.0  #: for transactions on a file that was moved away to end
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One SQLite file, safe for several threads and processes. Nothing is opened before it is needed."""

    def __init__(self, url_or_path: str | Path) -> None:
        """Raises SettingsError for a database other than an SQLite file."""
        self.path = url_or_path.absolute() if isinstance(url_or_path, Path) else _sqlite_path(url_or_path)
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=QueuePool)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        event.listen(self._engine, "begin", _on_begin)
        self._writing = threading.Lock()
        self._file_lock = threading.Condition()  # guards the two below
        self._file: tuple[int, int] | None = None  # device and inode of what the connections have open
        self._transactions = 0  # that have begun and not ended
        self.files_opened = 0  #: counts up when another file lies at the path than before
        self._written_at = -math.inf

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database. Raises DatabaseUnreadable, WorkspaceUnwritable."""
        with self._errors(), self._transaction(), Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed together at the end, or not at all when an error leaves it.

        One writer at a time; another waits up to BUSY_TIMEOUT_S. Raises DatabaseUnreadable and
        WorkspaceUnwritable.
        """
        with (
            self._errors(),
            self._turn_to_write(),
            self._transaction(),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            if self._file_at_path() != self._file:  # what is committed would be in a file that nobody finds
                raise self._moved()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Threads of this process come one after another, before they take a connection: SQLite would have each poll,
        some for seconds, and readers would find the pool empty."""
        taken = self._writing.acquire(timeout=BUSY_TIMEOUT_S)
        try:
            yield
        finally:
            if taken:
                self._writing.release()

    def migrate(self) -> None:
        """Makes the database, or brings an older one up to date after copying it to `backups/` beside it.

        All changes are one transaction. Raises DatabaseTooNew, DatabaseUnreadable, WorkspaceUnwritable.
        """
        with disk_errors("The database", self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._choose_journal()
        version = self._version()
        if version != REVISIONS[-1]:
            if version is not None:
                self.backup(must_be_sound=False)
            self._upgrade()
        self.check_writable()

    def backup(self, *, must_be_sound: bool = True) -> Path:
        """A consistent copy in `backups/` beside the database, made while others may write, durable and checked; its
        path. The oldest of more than seven is let go. Raises DatabaseUnreadable and WorkspaceUnwritable."""
        with self._backup_errors():
            copy = make_backup(self.path, must_be_sound=must_be_sound)
        assert copy is not None
        return copy

    def backup_if_changed(self) -> Path | None:
        """A copy as `backup` makes it, where the newest one is another and a tenth of the free space holds them; else
        None. Raises as `backup` does."""
        with self._backup_errors():
            return make_backup(self.path, only_changed=True) if fits(self.path) else None

    def backups(self) -> list[Backup]:
        """The copies there are, newest first. Raises WorkspaceUnwritable where the folder cannot be read."""
        with self._backup_errors():
            return backups_of(self.path)

    @contextmanager
    def _backup_errors(self) -> Iterator[None]:
        folder = self.path.parent / BACKUPS
        with disk_errors("The database's backup", folder if folder.is_dir() else self.path.parent), self._errors():
            yield

    def fault(self) -> str:
        """What SQLite finds wrong when it looks through the whole file, as a sentence that says what to do; "" where it
        is sound. Raises WorkspaceUnwritable, and DatabaseUnreadable for a file that is no database any more."""
        with self.read() as session:
            found = [str(it) for it in session.connection().execute(text("PRAGMA integrity_check(1)")).scalars()]
        if found == ["ok"]:
            return ""
        reason = " ".join(" ".join(found).replace("*** in database main ***", "").split())[:200]
        return (
            f"{self.path} is damaged: it does not pass SQLite's check ({reason}). Move it away, with its -wal and "
            "-shm, and rebuild the history: the pictures and their recipes are files and come back."
        )

    def check_writable(self, *, every_s: float = 0.0) -> None:
        """Really writes (one page, unchanged), so a full or read-only disk shows. Raises a StoreError.

        Where it wrote less than ``every_s`` ago it only reads.
        """
        if time.monotonic() - self._written_at < every_s:
            with self.read() as session:
                session.connection().execute(text("SELECT version_num FROM alembic_version"))
            return
        with self.write() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = version_num"))
        self._written_at = time.monotonic()

    def close(self) -> None:
        """Closes idle connections; the database can still be used."""
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",  # never made anew here: a file that vanished is an error, not a new start
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,
            isolation_level=None,  # we begin transactions ourselves; sqlite3's own begin too late
        )
        # FULL: a commit outlasts a power cut, with the write-ahead log too, for under a millisecond a picture
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA mmap_size = 0")
        # A byte that is no UTF-8 harms its own row (`rows.py`), where the default fails the whole query
        connection.text_factory = lambda value: value.decode("utf-8", "surrogateescape")
        return connection

    def _file_at_path(self) -> tuple[int, int] | None:
        """Device and inode of the file that lies there now; None where none does."""
        try:
            found = self.path.stat()
        except OSError:
            return None  # opening it says why
        return found.st_dev, found.st_ino

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Around a transaction: it finds the file that lies there now, though another one was open before.

        An open connection keeps a file that was moved, deleted or replaced. All of them are closed before one to
        another file is opened, since the two would share the write-ahead log's files, which bear the path's name.
        Raises DatabaseUnreadable where a transaction on the former file does not end within FORMER_FILE_S.
        """
        with self._file_lock:
            file = self._file_at_path()
            if file != self._file:
                if not self._file_lock.wait_for(lambda: not self._transactions, FORMER_FILE_S):
                    raise self._moved()
                file = self._file_at_path()
                if self._file is not None and file is not None:
                    log.warning("%s is another file than before; it is opened anew.", self.path)
                self._empty_log()
                self._engine.dispose()
                self._file, self._written_at = file, -math.inf
                self.files_opened += 1
            self._transactions += 1
        try:
            yield
        finally:
            with self._file_lock:
                self._transactions -= 1
                self._file_lock.notify_all()

    def _empty_log(self) -> None:
        """Brings what the write-ahead log still holds into the file it belongs to, wherever that lies now: SQLite would
        take it for the log of the file that lies at the path next."""
        if not self._engine.pool.checkedin():  # type: ignore[attr-defined]
            return  # the last connection that was closed has done so
        with closing(self._engine.raw_connection()) as connection:
            try:
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.DatabaseError as exc:  # its volume went away, or it was damaged
                if exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                    raise
                log.warning("The former file of %s cannot be reached any more (%s).", self.path, exc)
                return
        if busy:
            raise self._moved()

    def _moved(self) -> DatabaseUnreadable:
        return DatabaseUnreadable(
            f"{self.path} was moved, deleted or replaced while it was in use; nothing was written. Put it back, and "
            "try again."
        )

    def _gone(self) -> DatabaseUnreadable:
        return DatabaseUnreadable(f"{self.path} is gone. Is its volume mounted? Put it back, or restart.")

    def _choose_journal(self) -> None:
        """Makes the file. Write-ahead log on a local filesystem, rollback journal elsewhere; the file remembers."""
        mode = "wal" if filesystem_of(self.path.parent) in LOCAL_FILESYSTEMS else "delete"
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        with self._errors(), closing(sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)) as connection:
            while connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
                try:
                    connection.execute(f"PRAGMA journal_mode = {mode}")
                except sqlite3.OperationalError as exc:
                    # SQLite does not wait here by itself when another process is changing the mode too
                    if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)

    def _version(self) -> str | None:
        """The schema's number, None for a new database."""
        with self.read() as session:
            connection = session.connection()
            tables = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise DatabaseUnreadable(
                    f"{self.path} is another program's database. Set WORKSPACE_DIR to another folder."
                )
            version: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        if version not in REVISIONS:
            raise DatabaseTooNew(
                f"{self.path} has schema {version}, and this FIBO Studio knows schemas up to "
                f"{REVISIONS[-1]}: a newer one wrote it. Update, or set WORKSPACE_DIR to another folder."
            )
        return version

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with (
            self._errors(),
            self._transaction(),
            self._writer.begin() as connection,
        ):  # others wait, and then find nothing to do
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The boundary at which SQLite's errors become ours; those that mean a bug pass."""
        try:
            yield
        except PoolTimeout as exc:
            raise DatabaseUnreadable(f"{self.path} is too busy: {exc}. Try again.") from exc
        except (DBAPIError, sqlite3.Error) as exc:
            error = self._translate(exc.orig if isinstance(exc, DBAPIError) else exc)
            if error is None:
                raise
            raise error from exc

    def _translate(self, exc: BaseException | None) -> StoreError | None:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the primary code
        folder = self.path.parent
        match code:
            case sqlite3.SQLITE_FULL:
                return unwritable("The database", folder, errno.ENOSPC)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                reason = _why_unwritable(folder)
                if reason == errno.EACCES and not self.path.exists():
                    return self._gone()
                return unwritable("The database", folder, reason)
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return DatabaseUnreadable(
                    f"{self.path} has been locked by another program for {BUSY_TIMEOUT_S} s. "
                    "Close what has it open, then try again."
                )
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
                return DatabaseUnreadable(
                    f"{self.path} is damaged or no database ({exc}). Move it away and rebuild the "
                    "history: the pictures and their recipes are files and come back.",
                    remedy="rebuild",
                )
            case sqlite3.SQLITE_IOERR:
                return DatabaseUnreadable(f"The disk failed under {self.path} ({exc}). Check the disk, then restart.")
        if isinstance(exc, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return None
        return DatabaseUnreadable(
            f"{self.path} cannot be used now ({exc}). If another program is changing it, let that end; if this "
            "stays, move it away and rebuild the history from its files.",
            remedy="rebuild",
        )


def _sqlite_path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise SettingsError(
            "DATABASE_URL is no database address. Unset it, or write sqlite:////folder/studio.db."
        ) from exc
    if parsed.get_backend_name() != "sqlite":
        raise SettingsError(
            f"DATABASE_URL is {parsed.render_as_string()}. Only SQLite is supported so far: unset it, "
            "or write sqlite:////folder/studio.db."
        )
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise SettingsError(f"DATABASE_URL is {url}. Name a file and nothing else: sqlite:////folder/studio.db.")
    return Path(parsed.database or "").absolute()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _why_unwritable(folder: Path) -> int:
    """SQLite says only that it cannot open or write; the folder shows why."""
    if not folder.is_dir():
        return errno.ENOENT
    return errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
