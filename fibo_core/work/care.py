"""Care of what is stored: the trash purged in the background and by age, the database copied once a day.

One for a process. Purging a large trash takes minutes, so that it is begun, followed and need not be waited for; the
studio's own thread calls `tidy` now and then.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fibo_core.errors import FiboError, JobError
from fibo_core.store.database import Database
from fibo_core.store.history import History
from fibo_core.store.inputs import Inputs

log = logging.getLogger(__name__)

BACKUP_EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Purge:
    """A purge: ``purged`` of ``total`` pictures so far, and what that freed; ``error`` is why it ended early."""

    running: bool = False
    purged: int = 0
    total: int = 0
    freed_bytes: int = 0
    error: str = ""


class Care:
    """Purges and copies of one workspace. Safe to use from several threads."""

    def __init__(
        self,
        history: History,
        database: Database,
        inputs: Inputs,
        inputs_in_use: Callable[[], set[str]],
        trash_days: int,
    ) -> None:
        self._history = history
        self._database = database
        self._inputs = inputs
        self._inputs_in_use = inputs_in_use
        self._trash_days = trash_days
        self._changed = threading.Condition()
        self._purge = Purge()
        self._backup_looked_at: datetime | None = None

    @property
    def purging(self) -> Purge:
        """The purge that runs, or the last one that was begun here."""
        with self._changed:
            return self._purge

    def purge(self, ids: Sequence[str] | None = None, *, wait_s: float = 0.0) -> Purge:
        """Begins to purge deleted pictures, those of ``ids`` or all; how far it is after at most ``wait_s``.

        Raises JobError while another purge runs, WorkspaceUnwritable where the pictures' volume is not there.
        """
        self._history.check_place()
        total = self._history.trash.count() if ids is None else len(ids)
        with self._changed:
            if self._purge.running:
                raise JobError(
                    f"The trash is being emptied already ({self._purge.purged:,} of {self._purge.total:,}). Wait until "
                    "that is done."
                )
            self._purge = Purge(running=True, total=total)
        threading.Thread(target=self._run_purge, args=(ids,), name="care-purge", daemon=True).start()
        until = time.monotonic() + wait_s
        with self._changed:
            self._changed.wait_for(lambda: not self._purge.running, max(0.0, until - time.monotonic()))
            return self._purge

    def _run_purge(self, ids: Sequence[str] | None) -> None:
        error = "The purge failed on an error that nobody foresaw. The log has the details; report it with them."
        try:
            report = self._history.trash.purge(ids, progress=self._on_progress)
            with self._changed:
                self._purge = Purge(True, report.purged, self._purge.total, report.freed_bytes)
            self._sweep_inputs()
            error = ""
        except FiboError as exc:
            log.warning("The trash could not be emptied: %s", exc)
            error = str(exc)
        except Exception:  # a bug, which must not leave the purge running for ever
            log.exception("The trash could not be emptied.")
        finally:
            with self._changed:
                now = self._purge
                self._purge = Purge(False, now.purged, now.total, now.freed_bytes, error)
                self._changed.notify_all()

    def _on_progress(self, purged: int, total: int) -> None:
        with self._changed:
            self._purge = Purge(True, purged, total, self._purge.freed_bytes)

    def tidy(self, ending: threading.Event | None = None) -> None:
        """Purges what has been deleted for long, frees inputs that nobody names any more, and copies the database where
        it has changed within the day. Raises FiboError for the first that could not be done; the others are."""
        failed: FiboError | None = None
        for work in (lambda: self._purge_old(ending), self._copy_database):
            try:
                work()
            except FiboError as exc:
                failed = failed or exc
        if failed is not None:
            raise failed

    def _purge_old(self, ending: threading.Event | None) -> None:
        if not self._trash_days or self._history.trouble():
            return
        report = self._history.trash.purge(older_than=timedelta(days=self._trash_days), ending=ending)
        if report.purged:
            log.info(
                "%d pictures deleted more than %d days ago were purged: %.1f MB.",
                *(report.purged, self._trash_days, report.freed_bytes / 1e6),
            )
            self._sweep_inputs()

    def _copy_database(self) -> None:
        last = [backup.made_at for backup in self._database.backups()[:1]]
        if self._backup_looked_at is not None:
            last.append(self._backup_looked_at)
        now = datetime.now(UTC)
        if last and now - max(last) < BACKUP_EVERY:
            return
        self._backup_looked_at = now
        if (made := self._database.backup_if_changed()) is not None:
            log.info("The database was copied to %s.", made)

    def _sweep_inputs(self) -> None:
        self._inputs.sweep(self._inputs_in_use())
