"""Whether new pictures can be stored where the others lie: a volume that is not mounted is no emptied gallery."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from sqlmodel import select

from fibo_core.errors import WorkspaceUnwritable
from fibo_core.store.database import Database
from fibo_core.store.disk import unwritable
from fibo_core.store.generation import OUTPUTS
from fibo_core.store.tables import GenerationTable


def outputs_trouble(workspace: Path, database: Database) -> str:
    """Why no picture can be stored now, as one sentence; "" where it can, as far as is seen without writing.

    Nothing is remembered: once the volume is there again, so is "".
    """
    return outputs_gone(workspace, database) or _why_unwritable(workspace / OUTPUTS)


def outputs_gone(workspace: Path, database: Database) -> str:
    """Why the pictures cannot be found, as one sentence; "" where they lie there, or there are none."""
    outputs = workspace / OUTPUTS
    try:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(outputs) as entries:
            if next(entries, None) is not None:
                return ""
    except OSError as exc:  # a network's disk that answers no more, a folder of another user
        return str(unwritable("A picture", outputs, exc.errno))
    with database.read() as session:
        if session.exec(select(GenerationTable.seq).limit(1)).first() is None:
            return ""
    return (
        f"The history has pictures, and {outputs} is empty or not there. Is its volume mounted? No picture is written "
        f"meanwhile. If you emptied it yourself, put any file there (touch {outputs}/emptied)."
    )


def check_outputs(workspace: Path, database: Database) -> None:
    """Raises WorkspaceUnwritable where no picture can be stored now."""
    if trouble := outputs_trouble(workspace, database):
        raise WorkspaceUnwritable(trouble)


def _why_unwritable(outputs: Path) -> str:
    """Of a folder that is there; one that is not yet is made when it is needed."""
    try:
        read_only = os.statvfs(outputs).f_flag & os.ST_RDONLY
    except FileNotFoundError:
        return ""
    except OSError as exc:
        return str(unwritable("A picture", outputs, exc.errno))
    if read_only:
        return str(unwritable("A picture", outputs, errno.EROFS))
    if not os.access(outputs, os.W_OK | os.X_OK):
        return str(unwritable("A picture", outputs, errno.EACCES))
    return ""
