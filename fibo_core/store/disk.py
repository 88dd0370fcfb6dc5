"""The disk under the store: files whole or not there, paths that stay in their folder, kinds of filesystem.

An OSError met while writing becomes WorkspaceUnwritable here, with one sentence that says what to do.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from fibo_core.errors import StoreError, WorkspaceUnwritable

LEFTOVER_SUFFIX = ".part"  #: of a file that is being written, or that a killed process left behind

#: Where SQLite's write-ahead log is safe. Any other filesystem counts as a network's: slower, never wrong.
LOCAL_FILESYSTEMS = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "tmpfs", "ramfs", "overlay"}
)


def unwritable(what: str, folder: Path, code: int | None) -> WorkspaceUnwritable:
    """The error that says why ``what`` could not be written in ``folder``; ``code`` is an errno."""
    if code in (errno.ENOSPC, errno.EDQUOT):
        reason = f"the disk that holds {folder} is full{_free(folder)}. Free some space and try again."
    elif code == errno.EROFS:
        reason = f"{folder} is read-only. Mount it writable, or set WORKSPACE_DIR to another folder."
    elif code in (errno.EACCES, errno.EPERM):
        reason = f"this user may not write in {folder}. Change its owner, or set WORKSPACE_DIR to another folder."
    elif code in (errno.ENOENT, errno.ENOTDIR):
        reason = f"{folder} is not a folder that is there. Is its volume mounted?"
    else:
        reason = f"{os.strerror(code) if code else 'unknown fault'} in {folder}. Check the disk, then try again."
    return WorkspaceUnwritable(f"{what} could not be written: {reason}")


@contextmanager
def disk_errors(what: str, folder: Path) -> Iterator[None]:
    """Turns an OSError inside into WorkspaceUnwritable."""
    try:
        yield
    except OSError as exc:
        raise unwritable(what, folder, exc.errno) from exc


def write_files(
    root: Path,
    folder: Path,
    files: Mapping[str, bytes | Callable[[BinaryIO], None]],
    what: str,
    *,
    mode: int = 0o644,
) -> None:
    """Writes ``files`` (name → content, or what writes it) into ``folder``, durably; each appears whole or not at all.

    ``folder`` lies in ``root``, which must be there: a volume that is not mounted is not filled underneath.
    All contents are on disk before the first name appears; names appear in the order given.
    Raises WorkspaceUnwritable, and then leaves nothing behind unless the fault came between two renames.
    """
    parts: list[tuple[Path, int]] = []
    with disk_errors(what, folder if folder.is_dir() else root):
        make_folder(root, folder)
        try:
            for name, content in files.items():
                parts.append(open_part(folder, name, mode))
                with os.fdopen(parts[-1][1], "wb", closefd=False) as file:
                    if callable(content):
                        content(file)
                    else:
                        file.write(content)
                os.fsync(parts[-1][1])
            for name, (part, _) in zip(files, parts, strict=True):
                part.replace(folder / name)
            sync_folder(folder)
        finally:
            for part, descriptor in parts:
                os.close(descriptor)
                part.unlink(missing_ok=True)


def write_by_content(
    root: Path, folder: Path, suffix: str, write: Callable[[BinaryIO], None], what: str, *, mode: int = 0o644
) -> str:
    """Writes what ``write`` gives into a file named after its SHA-256, durably; returns that name without ``suffix``.

    One that is there already is replaced by the same bytes, and counts as new. Raises as `write_files` does.
    """
    with disk_errors(what, folder if folder.is_dir() else root):
        make_folder(root, folder)
        part, descriptor = open_part(folder, "new", mode)
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                hashed = _Hashed(file)
                write(cast(BinaryIO, hashed))
            os.fsync(descriptor)
            name = hashed.sha256.hexdigest()
            with folder_lock(folder):
                part.replace(folder / f"{name}{suffix}")
            sync_folder(folder)
        finally:
            os.close(descriptor)
            part.unlink(missing_ok=True)
    return name


class _Hashed:
    """A file that is written to, and the hash of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = sha256()

    def write(self, content: Any) -> int:
        self.sha256.update(content)
        return self._file.write(content)


def write_cache_file(cache_dir: Path, path: Path, content: bytes, what: str) -> None:
    """Writes a file that can be made again below ``cache_dir``, which is made too; else as `write_files` does."""
    with disk_errors(what, cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
    write_files(cache_dir, path.parent, {path.name: content}, what)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Keeps other threads and processes that ask for it out of ``folder``; nobody, on a filesystem without locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Makes a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # some network filesystems have no such thing
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, ending: threading.Event | None = None) -> int:
    """Removes what killed processes left half written below ``folder``; files still being written stay.

    Returns how many; ends early once ``ending`` is set.
    """
    removed = 0
    for parent, _, names in os.walk(folder):
        if ending is not None and ending.is_set():
            break
        for name in names:
            if name.endswith(LEFTOVER_SUFFIX) and _remove_if_abandoned(Path(parent, name)):
                removed += 1
    return removed


def path_inside(workspace: Path, folder: str, relative: str) -> Path:
    """The absolute path of ``relative``, to the workspace. Raises StoreError unless it is in ``folder``."""
    try:
        path = (workspace / relative).resolve()
    except (OSError, ValueError) as exc:  # a loop of links, a NUL
        raise StoreError(f"{relative!r} is no path. Nothing was read.") from exc
    if not path.is_relative_to((workspace / folder).resolve()):
        raise StoreError(f"{relative!r} leads out of {workspace / folder}. Nothing was read.")
    return path


def filesystem_of(path: Path, mountinfo: str | None = None) -> str:
    """The type of the filesystem that holds ``path`` ("ext4", "nfs4", …), "" where it cannot be known."""
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        except OSError:
            return ""  # not Linux
    path = path.resolve()
    best, kind = Path(), ""
    for line in mountinfo.splitlines():
        mount, _, filesystem = line.partition(" - ")
        # proc(5): the mount point is the fifth field; blanks and backslashes in it are octal escapes
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), mount.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= len(best.parts):  # a later mount hides an earlier
            best, kind = point, filesystem.split()[0]
    return kind


def _free(folder: Path) -> str:
    with suppress(OSError):
        return f" ({shutil.disk_usage(folder).free / 1e6:.1f} MB free)"
    return ""


def make_folder(root: Path, folder: Path) -> None:
    """Makes ``folder`` below ``root``, durably."""
    if folder.is_dir():
        return
    if folder == root:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(root))
    make_folder(root, folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def open_part(folder: Path, name: str, mode: int) -> tuple[Path, int]:
    """A new file beside the one to be written, locked so that no other process takes it for abandoned."""
    while True:
        part = folder / f"{name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with suppress(OSError):  # a filesystem without locks: there nothing is taken for abandoned either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if part.exists():  # nobody removed it between open and lock
            return part, descriptor
        os.close(descriptor)


def _remove_if_abandoned(part: Path) -> bool:
    try:
        descriptor = os.open(part, os.O_RDWR)
    except OSError:
        return False  # gone already, or not ours to remove
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
    except OSError:
        return False  # its writer lives
    else:
        return True
    finally:
        os.close(descriptor)
