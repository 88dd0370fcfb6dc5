"""The pictures that an inspiration begins with: dropped, pasted, chosen or taken, shown small in a row, the main one
first.

The component sends each file to `/inputs` by itself and tells Python the list after every change, with a number that is
sent back: until then its own list is the newer one, so that quick changes are not undone by a page still running.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from fibo_core.errors import FiboError, InputGone
from fibo_core.limits import BYTES_MAX, GIVEN_MAX
from fibo_core.store.images import open_picture
from fibo_core.store.inputs import INPUTS
from fibo_core.work.runtime import Runtime
from studio.ui.components import asset, loader
from studio.ui.components.form import model_of_form
from studio.ui.components.palette import show_palette
from studio.ui.components.result import image_url, thumb_url
from studio.ui.session import errors_shown, leave_batch
from studio.ui.state import PageState, Refused, apply_fills, field_value, fill_field
from studio.ui.viewing import leave_view
from studio.ui.words import plain

_ZONE = st.components.v2.component(
    "fibo_given_pictures",
    html=asset("given/given.html"),
    css=asset("given/given.css"),
    js=loader("given", "given.js"),
)
GIVEN_SIDE = 520  #: px, to which a picture is made smaller before it is looked at
ADDED = "given_color"  #: the name of a colour that is to go into the hint
CHANGE = "given_change"  #: what the browser has told and no run has taken: ``number``, and ``pictures`` as paths
_ANSWERED, _AMISS = "given_answered", "given_amiss"  #: the number of the last one taken; why it came to nothing
_KEPT = re.compile(rf"{INPUTS}/([0-9a-f]{{64}})\.png")


def take_change(runtime: Runtime, state: PageState) -> None:
    """Begins with the pictures, and puts the colour into the hint, that the browser has told of since the last run.
    Called before any form is drawn.

    Each is forgotten once it has been taken: a run may be broken off at any time, and the next one takes it again.
    """
    if (change := st.session_state.get(CHANGE)) is not None:
        try:
            take_pictures(runtime, state, change["pictures"])
        except FiboError as exc:
            st.session_state[_AMISS] = str(exc)
        st.session_state[_ANSWERED] = change["number"]
        _forget(CHANGE, change)
    if color := st.session_state.get(ADDED):
        add_to_hint(color)
        _forget(ADDED, color)
    apply_fills()


def _forget(key: str, taken: object) -> None:
    """Unless the browser has told another one meanwhile."""
    if st.session_state.get(key) is taken:
        st.session_state.pop(key)


def given_pictures(runtime: Runtime, state: PageState) -> None:
    """The place to give pictures, those that were given, and their colours to be put into the hint."""

    def changed() -> None:
        st.session_state[CHANGE] = st.session_state["given_pictures"]["changed"]

    def color_chosen(name: str) -> None:
        st.session_state[ADDED] = name

    _ZONE(
        key="given_pictures",
        data={
            "pictures": [{"path": path, "src": address_of(path, small=True)} for path in state.pictures],
            "answered": st.session_state.get(_ANSWERED),
            "most": GIVEN_MAX,
            "bytes_max": BYTES_MAX,
        },
        on_changed_change=changed,
    )
    if amiss := st.session_state.pop(_AMISS, ""):
        st.error(plain(amiss), icon=":material/error:")
    if state.pictures:
        files = [runtime.tools.history.absolute(Path(path)) for path in state.pictures]
        for number, file in enumerate(files, 1):
            if not file.is_file():
                st.error(f"Picture {number} is not there any more. Take it away, or give it again.")
                return
        with errors_shown():
            show_palette([given_picture(file) for file in files], names=state.pictures, add=color_chosen)


def take_pictures(runtime: Runtime, state: PageState, paths: Sequence[str]) -> None:
    """Begins with these pictures (paths in the workspace): kept inputs, or some that the page has already.

    What a writer said of others is put away; a prompt that its user has changed stays. Raises InputGone for a picture
    that is not there.
    """
    for path in paths:
        if path not in state.pictures:
            if (kept := _KEPT.fullmatch(path)) is None:
                raise InputGone(f"The picture {path[:60]!r} is none that was given. Give it again.")
            runtime.inputs.path(kept[1])
    begin_with(runtime, state, paths)


def begin_with(runtime: Runtime, state: PageState, paths: Sequence[str]) -> None:
    """The same with any pictures of the workspace; the shape follows the main one."""
    if paths and tuple(paths[:1]) != state.pictures[:1]:
        size = given_picture(runtime.tools.history.absolute(Path(paths[0]))).size
        fill_field("inspire", "aspect", model_of_form("inspire", runtime).nearest_aspect(*size))
    leave_view(state)
    leave_batch(state)
    state.last_id = state.taken_from = None
    state.replaced = True
    state.refused = Refused()
    if state.draft is not None and not state.draft.is_users:
        state.draft = None
    state.source_id = id_of(paths[0]) if paths else None
    state.pictures = tuple(paths)  # at last: a run that is broken off before does all of it again


def given_picture(path: Path) -> Image.Image:
    """A picture that was given, small; opened once, however often its page runs. Raises PictureError."""
    return _small_copy(path, path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(max_entries=32, show_spinner=False)
def _small_copy(path: Path, changed_ns: int) -> Image.Image:
    return open_picture(path, GIVEN_SIDE)


def add_to_hint(name: str) -> None:
    """Puts a colour into the hint ("at night, colors: coral, gold"), unless it stands there."""
    hint = str(field_value("inspire", "words", "")).strip().rstrip(",")
    there = re.search(r"\bcolors: (.+)$", hint)
    if there is None:
        fill_field("inspire", "words", f"{hint}, colors: {name}" if hint else f"colors: {name}")
    elif name not in re.split(", ?", there[1]):
        fill_field("inspire", "words", f"{hint}, {name}")


def id_of(path: str) -> str | None:
    """The id of a picture of the history; None for one that was given."""
    return None if _KEPT.fullmatch(path) else Path(path).stem


def address_of(path: str, *, small: bool = False) -> str:
    """Where a browser finds a picture of the workspace."""
    if (kept := _KEPT.fullmatch(path)) is not None:
        return f"/{INPUTS}/small/{kept[1]}.webp" if small else f"/{INPUTS}/{kept[1]}.png"
    id = Path(path).stem
    return thumb_url(id) if small else image_url(id)
