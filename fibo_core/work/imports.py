"""Imports that go on in the background: files received, then taken in one after another by one thread.

Each has a folder in the workspace, with what was received and how far it is. A page may be closed meanwhile; a process
that ends leaves it where it is, and the next one goes on behind the last picture that was told. What is over keeps its
report, and no files.
"""

import json
import logging
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, FiboError, ImportNotFound, InputError, Interrupted, JobError
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, write_files
from fibo_core.store.history import History
from fibo_core.store.importing import SPARE_BYTES, Importer, ImportReport
from fibo_core.store.rows import ID

ImportState = Literal["receiving", "waiting", "running", "done", "failed", "cancelled"]

FOLDER = "imports"  #: in the workspace
RECORD = "import.json"
FORMAT = "fibo-studio-import/1"
FILES_MAX = 20_000  #: of one import
KEPT = 50  #: imports that are over
FORGOTTEN_S = 2 * 86_400.0  #: after which files that were received and never taken in are given up
TOLD_S = 1.0  #: between two writings of how far it is

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReceivedFile:
    """A file that was sent: what its owner calls it, and how much of it is here."""

    name: str
    bytes: int = 0


@dataclass(frozen=True)
class Import:
    """How an import stands."""

    id: str
    state: ImportState
    created_at: datetime
    files: tuple[ReceivedFile, ...] = ()
    report: ImportReport = field(default_factory=ImportReport)
    error: str | None = None
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @property
    def title(self) -> str:
        """ "holiday.zip", "holiday.zip and 3 more" """
        if not self.files:
            return "Import"
        more = f" and {len(self.files) - 1:,} more" if len(self.files) > 1 else ""
        return self.files[0].name[:120] + more

    @property
    def fraction(self) -> float:
        if self.state == "done":
            return 1.0
        return min(self.report.done / self.report.total, 1.0) if self.report.total else 0.0


class Imports:
    """The imports of one workspace, for the process that owns its queue. Every method may raise WorkspaceUnwritable;
    those that take an id raise ImportNotFound."""

    def __init__(self, history: History, database: Database, workspace: Path) -> None:
        self._history = history
        self._importer = Importer(history, database)
        self._workspace = workspace.absolute()
        self._folder = self._workspace / FOLDER
        self._lock = threading.Condition()
        self._imports: dict[str, Import] = self._read_all()
        self._flags: dict[str, CancelFlag] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False

    # receiving

    def open(self) -> Import:
        """A new one, that waits for files."""
        from ulid import ULID

        new = Import(str(ULID()), "receiving", datetime.now(UTC))
        self._keep(new)
        self._tidy()
        return new

    def receive(self, id: str, name: str, offset: int | None = None) -> BinaryIO:
        """A file, open to be written at its end; the caller calls `received` when it has closed it.

        With an ``offset``, which is how much of it the sender thinks is here (0 begins it anew), it is the one of this
        name; without, always another one. Raises JobError where the import takes no more, and where the offset is
        another.
        """
        name = " ".join(name.split())[-200:] or "file"
        with self._lock:
            it = self._receiving(id)
            known = [each.name for each in it.files]
            if offset is None or name not in known:
                if len(known) >= FILES_MAX:
                    raise InputError(
                        f"An import takes {FILES_MAX:,} files. Put them into a zip, or import the rest after it."
                    )
                self._keep(replace(it, files=(*it.files, ReceivedFile(name))))
                known.append(name)
            number = len(known) - 1 if offset is None else known.index(name)
        path = self._path(id, number)
        with disk_errors("The file", self._folder):
            have = path.stat().st_size if path.exists() else 0
            if offset and offset != have:
                raise JobError(
                    f"{name} has {have} bytes here, and more was sent from byte {offset} on. Go on at {have}."
                )
            return path.open("ab" if offset else "wb")

    def received(self, id: str) -> Import:
        """Takes note of what came; how the import stands."""
        with self._lock:
            it = self._receiving(id)
            sizes = [self._size(id, number) for number in range(len(it.files))]
            files = tuple(replace(each, bytes=size) for each, size in zip(it.files, sizes, strict=True))
            return self._keep(replace(it, files=files))

    def check_room(self, size: int) -> None:
        """Raises WorkspaceUnwritable where the disk has no room for so many bytes more."""
        from fibo_core.errors import WorkspaceUnwritable

        with disk_errors("The workspace", self._workspace):
            free = shutil.disk_usage(self._workspace).free
        if size > free - SPARE_BYTES:
            raise WorkspaceUnwritable(
                f"{size / 1e9:,.2f} GB are to come, and {self._workspace} has {free / 1e9:,.2f} GB free. Free some "
                "space and send them again."
            )

    def start(self, id: str) -> Import:
        """Has what was received taken in; again for one that failed. Raises JobError for one that is over or empty."""
        with self._lock:
            it = self.get(id)
            if it.state in ("waiting", "running"):
                return it
            if it.state not in ("receiving", "failed") or not self._path(id, 0).exists():
                raise JobError("There is nothing to be taken in. Begin another import, and send its files first.")
            it = self._keep(replace(it, state="waiting", error=None, finished_at=None))
            self._flags[id] = CancelFlag()
            self._begin()
            return it

    # following

    def get(self, id: str) -> Import:
        it = self._imports.get(id)
        if it is None:
            raise ImportNotFound(f"No import has the id {id[:40]!r}. It may be long over.")
        return it

    def all(self) -> list[Import]:
        """Newest first."""
        return sorted(self._imports.values(), key=lambda it: it.id, reverse=True)

    def cancel(self, id: str) -> Import:
        """Ends one; what came in stays, and what was received is given up. One that is over stays as it is."""
        with self._lock:
            it = self.get(id)
            if it.ended and it.state != "failed":
                return it
            if it.state == "running":
                self._flags[id].cancel()
                return it
            return self._end(it, "cancelled")

    def busy(self) -> bool:
        """Whether there is work that goes on without a browser."""
        return any(it.state in ("waiting", "running") for it in self._imports.values())

    # working

    def resume(self) -> None:
        """Goes on with what a process before has left."""
        with self._lock:
            for it in list(self._imports.values()):
                if it.state in ("waiting", "running"):
                    self._keep(replace(it, state="waiting"))
                    self._flags[it.id] = CancelFlag()
                elif it.state == "receiving" and time.time() - it.created_at.timestamp() > FORGOTTEN_S:
                    self._end(it, "cancelled")
            if self.busy():
                self._begin()

    def stop(self, wait_s: float = 5.0) -> None:
        """Ends the work behind the picture that is being taken in; another process goes on with it."""
        with self._lock:
            self._stopping = True
            for flag in self._flags.values():
                flag.interrupt()
            thread = self._thread
        if thread is not None:
            thread.join(wait_s)

    def _begin(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._work, name="studio-imports", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                waiting = [it for it in reversed(self.all()) if it.state == "waiting"]
                if not waiting or self._stopping:
                    self._thread = None
                    return
                it = self._imports[waiting[0].id] = replace(waiting[0], state="running")
            self._run(it)

    def _run(self, it: Import) -> None:
        report, told = replace(it.report, total=0), time.monotonic()
        flag = self._flags[it.id]

        def tell(now: ImportReport) -> None:
            nonlocal told
            if time.monotonic() - told >= TOLD_S:
                told = time.monotonic()
                self._keep(replace(it, state="running", report=_copied(now)))
            else:
                self._imports[it.id] = replace(it, state="running", report=_copied(now))

        given = [(self._path(it.id, number), each.name) for number, each in enumerate(it.files)]
        state: ImportState = "failed"
        error: str | None = None
        try:
            self._keep(it)
            self._importer.run(given, report, flag, tell, skip=it.report.done)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except Interrupted:
            with suppress(FiboError):
                self._keep(replace(it, state="running", report=report))
            return
        except FiboError as exc:
            log.warning("Import %s ended: %s", it.id, exc)
            error = str(exc)
        except Exception as exc:  # a bug, which must not vanish with this thread
            log.exception("Import %s ended on an error nobody foresaw.", it.id)
            error = (
                f"The import ended on an error nobody foresaw ({type(exc).__name__}). The log has it; start it again."
            )
        with self._lock:
            self._end(replace(it, report=report, error=error), state)

    def _end(self, it: Import, state: ImportState) -> Import:
        """Files go, but for one that failed, which may be started again."""
        ended = replace(it, state=state, finished_at=datetime.now(UTC))
        try:
            self._keep(ended)
        except FiboError as exc:  # a full disk: it is known as long as the process lives
            log.warning("%s", exc)
            self._imports[it.id] = ended
        if state != "failed":
            for number in range(len(it.files)):
                self._path(it.id, number).unlink(missing_ok=True)
        return ended

    # keeping

    def _receiving(self, id: str) -> Import:
        it = self.get(id)
        if it.state != "receiving":
            raise JobError(f"That import takes no more files: it is {it.state}. Begin another one.")
        return it

    def _path(self, id: str, number: int) -> Path:
        return self._folder / id / f"{number + 1:05}"

    def _size(self, id: str, number: int) -> int:
        path = self._path(id, number)
        return path.stat().st_size if path.exists() else 0

    def _keep(self, it: Import) -> Import:
        record = _record(it)
        folder = self._folder / it.id
        write_files(self._workspace, folder, {RECORD: json.dumps(record).encode()}, "The import")
        self._imports[it.id] = it
        return it

    def _read_all(self) -> dict[str, Import]:
        found = {}
        with suppress(OSError):
            for folder in self._folder.iterdir():
                if ID.fullmatch(folder.name) and (it := _read(folder)) is not None:
                    found[it.id] = it
        return found

    def _tidy(self) -> None:
        """Forgets those that have long been over."""
        over = [it for it in self.all() if it.ended]
        for it in over[KEPT:]:
            self._imports.pop(it.id, None)
            shutil.rmtree(self._folder / it.id, ignore_errors=True)


def _copied(report: ImportReport) -> ImportReport:
    return replace(report, reasons=list(report.reasons), added_ids=list(report.added_ids))


def _record(it: Import) -> dict[str, Any]:
    """An import as JSON-ready values."""
    finished = None if it.finished_at is None else it.finished_at.isoformat()
    return asdict(it) | {"format": FORMAT, "created_at": it.created_at.isoformat(), "finished_at": finished}


def _read(folder: Path) -> Import | None:
    """The import that a folder holds; None for what is none."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
        if record["format"] != FORMAT or record["state"] not in get_args(ImportState):
            raise ValueError(record["format"])
        finished = record["finished_at"]
        return Import(
            id=folder.name,
            state=record["state"],
            created_at=datetime.fromisoformat(record["created_at"]),
            files=tuple(ReceivedFile(**each) for each in record["files"]),
            report=ImportReport(**record["report"]),
            error=record["error"],
            finished_at=None if finished is None else datetime.fromisoformat(finished),
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        log.warning("The import in %s cannot be read (%r), and is passed over.", folder, exc)
        return None
