"""One picture, as large as fits; and two of the same shape under one slider."""

from pathlib import Path

import streamlit as st
from PIL import Image

from fibo_core.store.images import open_picture
from studio.ui.components import asset

_PICTURE = st.components.v2.component(
    "fibo_picture",
    html="<a target='_blank' rel='noopener'><img></a>\n",
    css=asset("picture.css"),
    js=asset("picture.js"),
)

_COMPARE = st.components.v2.component(
    "fibo_compare",
    html="""
    <div class="frame">
      <img class="after"><img class="before">
      <span class="tag left">before</span><span class="tag right">after</span>
      <div class="line"></div>
      <input type="range" min="0" max="100" value="50" step="1" aria-label="Before and after">
    </div>
    """,
    css=asset("compare.css"),
    js=asset("compare.js"),
)


GIVEN_SIDE = 520  #: px, twice what is shown of a picture that was given: screens have two pixels for one


def given_picture(path: Path) -> Image.Image:
    """A picture that was given, small; opened once, however often its page runs. Raises PictureError."""
    return _small_copy(path, path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(max_entries=32, show_spinner=False)
def _small_copy(path: Path, changed_ns: int) -> Image.Image:
    return open_picture(path, GIVEN_SIDE)


def picture(src: str, *, alt: str, width: int, height: int, key: str) -> None:
    """The picture at ``src`` (pixels ``width`` × ``height``), never larger than the window; a click opens it alone."""
    _PICTURE(key=key, data={"src": src, "alt": alt, "width": width, "height": height})


def compare(before: str, after: str, *, alt: str, width: int, height: int, key: str) -> None:
    """Two pictures of one size under a slider that a mouse, a finger or the arrow keys move."""
    _COMPARE(key=key, data={"before": before, "after": after, "alt": alt, "width": width, "height": height})
