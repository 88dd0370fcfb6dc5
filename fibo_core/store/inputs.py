"""Pictures that orders bring (uploads, sources), stored once by content: ``inputs/<sha256>.png``.

A name is the SHA-256 of the file's own bytes, so that what is named is what is painted from, and the same picture is
kept once however often it is given. A file stays as long as something refers to it; `sweep` takes the others.
"""

import os
import re
import time
from collections.abc import Collection
from hashlib import file_digest
from pathlib import Path

from PIL import Image

from fibo_core.errors import InputGone, PictureError, StoreError
from fibo_core.store.disk import folder_lock, remove_leftovers, write_by_content
from fibo_core.store.edit_record import INPUTS
from fibo_core.store.images import open_picture, opened_picture
from fibo_core.store.png import write_png

__all__ = ["INPUTS", "Inputs", "is_kept_name", "kept_picture", "open_input"]

SUFFIX = ".png"
_NAME = re.compile("[0-9a-f]{64}")


def open_input(path: Path) -> Image.Image:
    """The picture of an order as it is looked at; of one that is kept by content the bytes are verified first.

    Raises as `Inputs.path` and `open_picture` do.
    """
    if path.parent.name == INPUTS and _NAME.fullmatch(path.stem):
        Inputs(path.parent.parent).path(path.stem, verified=True)
    return open_picture(path)


def kept_picture(workspace_dir: Path, sha256: str) -> Image.Image:
    """A picture that is kept by content in a workspace, its bytes verified. Raises as `open_input` does."""
    return open_picture(Inputs(workspace_dir).path(sha256, verified=True))


def is_kept_name(name: str) -> bool:
    """Whether a picture could be kept by this name."""
    return _NAME.fullmatch(name) is not None


class Inputs:
    """The input pictures of one workspace. Safe to use from several threads and processes."""

    def __init__(self, workspace_dir: Path) -> None:
        self._workspace = workspace_dir.absolute()
        self._folder = self._workspace / INPUTS

    def keep(self, data: bytes | Path) -> str:
        """Stores a picture and returns the SHA-256 of the file, by which `path` finds it.

        It is kept upright, at its full size (a JPEG of more than 50 megapixels at a half or a quarter of it), as RGB,
        or RGBA where something is transparent, without the file's metadata. The same picture gives the same file,
        which then counts as new. Raises PictureError for what cannot be opened, WorkspaceUnwritable when it cannot be
        kept.
        """
        with opened_picture(data) as picture:
            width, height = picture.size
            return write_by_content(
                *(self._workspace, self._folder, SUFFIX),
                lambda file: write_png(file, width, height, picture.rows()),
                "The picture",
            )

    def path(self, sha256: str, *, verified: bool = False) -> Path:
        """Where the picture lies, absolute. With ``verified`` its bytes are read, and are those that were stored.

        Raises InputGone when it is not there, StoreError when it cannot be read, PictureError when it has changed.
        """
        path = self._folder / f"{sha256}{SUFFIX}"
        try:
            if not is_kept_name(sha256):
                raise FileNotFoundError
            if verified:
                with path.open("rb") as file:
                    found = file_digest(file, "sha256").hexdigest()
                if found != sha256:
                    raise PictureError(f"{path} is damaged: its bytes are not those that were stored. Give it again.")
            else:
                path.stat()
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise InputGone(f"The picture {sha256[:12]!r} is not there any more. Give it again.") from exc
        except OSError as exc:
            raise StoreError(f"{path} cannot be read ({exc.strerror}). Check its owner and its disk.") from exc
        return path

    def sweep(self, referenced: Collection[str], *, older_than_s: float = 3600) -> int:
        """Deletes the pictures that are not ``referenced`` (by their SHA-256); returns how many.

        Those younger than ``older_than_s`` stay: their order may not be placed yet. Other files are left alone. Raises
        StoreError when the folder cannot be read.
        """
        wanted = frozenset(referenced)
        try:
            names = os.listdir(self._folder)
            remove_leftovers(self._folder)
            unused = [
                name
                for name in names
                if name.endswith(SUFFIX) and _NAME.fullmatch(stem := name[:-4]) and stem not in wanted
            ]
            return sum(self._removed(self._folder / name, time.time() - older_than_s) for name in unused)
        except FileNotFoundError:
            return 0
        except OSError as exc:
            raise StoreError(
                f"{self._folder} cannot be tidied up ({exc.strerror}). Check its owner and its disk."
            ) from exc

    def _removed(self, path: Path, before: float) -> bool:
        """Deletes a file that was stored ``before`` a time; another process may store it anew meanwhile."""
        with folder_lock(self._folder):
            try:
                if path.stat().st_mtime >= before:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True
