"""Uploaded pictures: checked, made plain RGB, and kept for the jobs that look at them."""

from hashlib import sha256
from pathlib import Path

from fibo_core.store.disk import write_cache_file
from fibo_core.store.images import open_picture, png_bytes

SIDE_MAX = 2048  #: pixels; more says nothing to a prompt writer


def keep_upload(cache_dir: Path, data: bytes) -> Path:
    """The PNG in the cache that holds this picture, at most 2048 pixels a side; the same picture, the same file.

    Raises PictureError when the data is no picture, WorkspaceUnwritable when it cannot be kept.
    """
    picture = open_picture(data)
    path = cache_dir / "uploads" / f"{sha256(data).hexdigest()[:32]}.png"
    if not path.exists():
        picture.thumbnail((SIDE_MAX, SIDE_MAX))
        write_cache_file(cache_dir, path, png_bytes(picture), "The picture")
    return path
