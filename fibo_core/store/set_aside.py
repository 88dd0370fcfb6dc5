"""Pictures that were painted to be compared and not to be kept: the newest of them, by content, among what can be made
again.
"""

import hashlib
import re
from pathlib import Path

from fibo_core.errors import GenerationNotFound
from fibo_core.store.disk import write_cache_file

KEPT = 50  #: pictures, the newest
_FOLDER = "again"
_NAME = re.compile("[0-9a-f]{64}")


def set_aside(cache_dir: Path, png: bytes) -> str:
    """Keeps a picture for a while; its name. Raises WorkspaceUnwritable."""
    name = hashlib.sha256(png).hexdigest()
    folder = cache_dir / _FOLDER
    write_cache_file(cache_dir, folder / f"{name}.png", png, "The picture")
    there = sorted(folder.glob("*.png"), key=_written_at, reverse=True)
    for old in there[KEPT:]:
        old.unlink(missing_ok=True)
    return name


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another process has just removed it
        return 0.0


def aside_file(cache_dir: Path, name: str) -> Path:
    """The file of that name. Raises GenerationNotFound where it is not there any more."""
    path = cache_dir / _FOLDER / f"{name}.png"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise GenerationNotFound("That picture was not kept, and is gone by now. Paint it once more.")
    return path
