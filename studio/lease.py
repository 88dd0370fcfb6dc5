"""The lease: the file beside `queue.lock` by which a command finds the studio that runs on its workspace.

It holds that studio's address and a token of this start, which opens it to programs of the workspace's owner on this
machine. Its owner alone may read it, its writer holds a lock on it for as long as it lives, and it goes with it: one
that nobody holds is a killed studio's.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fibo_core.store.disk import disk_errors

FILE = "studio.lease.json"


def draw_token() -> str:
    """A token for one start of a studio."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Lease:
    """Where a studio answers on this machine, since when, and what opens it to a command."""

    address: str
    started_at: str
    token: str = field(repr=False)


class HeldLease:
    """A lease that this process has written, until it is let go."""

    def __init__(self, workspace: Path, address: str, token: str) -> None:
        """Raises WorkspaceUnwritable."""
        self._file = workspace / FILE
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        content = json.dumps(asdict(Lease(address, started_at, token))).encode()
        part = workspace / f"{FILE}.{os.getpid()}.part"
        with disk_errors("The studio's lease", workspace):
            part.unlink(missing_ok=True)
            self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(self._descriptor, content)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.replace(self._file)
            except OSError:
                os.close(self._descriptor)
                part.unlink(missing_ok=True)
                raise

    def let_go(self) -> None:
        """Removes the file; one that another studio has written since stays."""
        with suppress(OSError):
            if os.path.samestat(self._file.stat(), os.fstat(self._descriptor)):
                self._file.unlink()
        os.close(self._descriptor)


def find_lease(workspace: Path) -> Lease | None:
    """The lease of the studio that runs on this workspace; None where none does."""
    try:
        with (workspace / FILE).open("rb") as file:
            if not _is_held(file.fileno()):
                return None
            record = json.load(file)
        return Lease(str(record["address"]), str(record["started_at"]), str(record["token"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
