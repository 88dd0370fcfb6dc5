"""Navigation and frame: what every page has around it. Run by the server (`studio/server.py`) for each session."""

from pathlib import Path

import streamlit as st

from fibo_core.errors import FiboError
from studio.components.frame import frame
from studio.navigation import all_pages
from studio.runtime import get_runtime
from studio.words import plain

st.set_page_config(page_title="FIBO Studio", page_icon=str(Path(__file__).parent / "icon.png"), layout="wide")

page = st.navigation(all_pages(), position="top")

try:
    runtime = get_runtime()
except FiboError as exc:
    st.title("FIBO Studio cannot start", anchor=False)
    st.error(plain(str(exc)), icon=":material/error:")
    if st.button("Try again", icon=":material/refresh:"):
        st.rerun()
    st.stop()

frame(runtime, page.title)
page.run()
