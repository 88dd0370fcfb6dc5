"""The one Runtime of the server's process, made once and shared by every session, route and thread."""

import threading

import streamlit as st

from fibo_core.settings import Settings
from fibo_core.work.runtime import Runtime, build_runtime

#: Set when a browser has been shown its first page: the model's libraries, which keep a core busy for seconds, wait.
first_page_shown = threading.Event()


@st.cache_resource(show_spinner=False)
def get_runtime() -> Runtime:
    """The process's Runtime. Raises the FiboError that says why it cannot be built; the next call tries again."""
    return build_runtime(Settings.from_environ())
