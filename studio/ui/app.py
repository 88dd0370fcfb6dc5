"""Navigation and frame: what every page has around it. Run by the server (`studio/web/server.py`) for each session."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from fibo_core.errors import FiboError
from studio.remedies import with_button
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.components.draft_line import draft_line
from studio.ui.components.frame import frame, mini_note, styles
from studio.ui.components.nav_bar import nav_bar
from studio.ui.drafts import keep_drafts, restore_drafts
from studio.ui.navigation import all_pages
from studio.ui.state import end_fills
from studio.ui.words import plain

st.set_page_config(page_title="FIBO Studio", page_icon=str(Path(__file__).parent / "icon.png"), layout="wide")

styles()
pages = all_pages()
page = st.navigation(pages, position="hidden")
above = st.container(key="frame", gap=None)
with above:
    chosen = nav_bar(pages, page)
if chosen is not None:
    st.switch_page(chosen)

try:
    runtime = get_runtime()
    restore_drafts(runtime, page.title.lower())
    with above:
        frame(runtime, page.title)
    with st.container(key="mini_note"):
        mini_note(runtime)
    draft_line(runtime, page.title.lower())
    try:
        page.run()
    except StopException:
        keep_drafts(runtime)
        raise  # a request to run again is left alone: it holds what the browser has sent
    end_fills()
    keep_drafts(runtime)
    get_shell().first_page_shown.set()
except FiboError as exc:  # the workspace or its database is not there, or not any more
    st.subheader("Something is in the way", anchor=False)
    st.error(plain(with_button(exc)), icon=":material/error:")
    if st.button("Try again", key="start_again", icon=":material/refresh:"):
        st.rerun()
