"""One picture, as large as fits; and two of the same shape under one slider."""

from pathlib import Path

import streamlit as st
from PIL import Image

from fibo_core.store.images import open_picture
from studio.ui.components import asset

#: What an upload may be called; what it is, its content decides. HEIC is refused in a sentence that says what to do.
PICTURE_ENDINGS = ["png", "jpg", "jpeg", "jfif", "webp", "avif", "gif", "bmp", "tif", "tiff", "heic", "heif"]
GIVEN_SIDE = 520  #: px, twice what is shown of a picture that was given: screens have two pixels for one


def given_picture(path: Path) -> Image.Image:
    """A picture that was given, small; opened once, however often its page runs. Raises PictureError."""
    return _small_copy(path, path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(max_entries=32, show_spinner=False)
def _small_copy(path: Path, changed_ns: int) -> Image.Image:
    return open_picture(path, GIVEN_SIDE)
