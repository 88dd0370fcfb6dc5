"""The one Shell of the server's process: what every session, route and thread shares, made once."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from fibo_core.settings import Settings
from fibo_core.work.runtime import Runtime, build_runtime
from studio.pod.downloads import Downloads
from studio.pod.idle import Activity, IdleStop
from studio.pod.model_in_use import ModelInUse

if TYPE_CHECKING:
    from studio.web.passwords import Login


@dataclass
class Shell:
    """The settings, read once, and what lives as long as the process. The server sets ``login`` and ``idle_stop``."""

    settings: Settings
    login: "Login | None" = None  #: None where only this machine reaches the studio
    idle_stop: IdleStop | None = None  #: None where the process does not watch over a pod
    activity: Activity = field(default_factory=Activity)
    model_in_use: ModelInUse = field(default_factory=ModelInUse)
    #: Set when a browser has been shown its first page: the model's libraries, which keep a core busy, wait for that.
    first_page_shown: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.downloads = Downloads(self.model_in_use)
        self._building = threading.Lock()
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """Built when first asked. Raises the FiboError that says why it cannot be; the next call tries again."""
        with self._building:
            if self._runtime is None:
                self._runtime = build_runtime(self.settings)
            return self._runtime


@st.cache_resource(show_spinner=False)
def get_shell() -> Shell:
    """The process's Shell, and so its one Runtime and the one model it holds."""
    return Shell(Settings.from_environ())
