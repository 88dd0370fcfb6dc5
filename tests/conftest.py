"""What the tests share: temporary workspaces, the embedded model loaded once, and no network but loopback."""

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fibo_core.variables import RENAMED, VARIABLES

#: Beside its own variables the studio, or a library for it, reads what RunPod, Hugging Face, Google and the program
#: before it have set.
SETTINGS = {variable.name for variable in VARIABLES} | set(RENAMED) | {"HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT"}
FAMILIES = ("STUDIO_", "RUNPOD_", "GOOGLE_", "GEMINI_", "GRADIO_", "LLM_")


def is_setting(name: str) -> bool:
    """Whether a variable would make the studio another one; those that scripts/test.sh sets for the tests do not."""
    return name in SETTINGS or (name.startswith(FAMILIES) and not name.startswith("STUDIO_TEST_"))


os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine spinning threads cost ten times the work
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")  # as the engine would; a test may reckon before one is loaded


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails at once."""
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(scope="session", autouse=True)
def clean_shell() -> Iterator[None]:
    """Before any other fixture: some serve a studio to a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(is_setting, list(os.environ)):
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings are what a test makes them, and nothing is written outside its own folder."""
    for name in filter(is_setting, list(os.environ)):  # a test before may have left one
        monkeypatch.delenv(name)
    monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path / "workspace"))


@pytest.fixture(autouse=True)
def much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether FIBO would fit is what a test makes it, not what this machine has; processes of their own look anew."""
    from fibo_core.models import device, plans

    device.gpu_memory_gb.cache_clear()
    monkeypatch.setattr(plans, "main_memory_gb", lambda: 64.0)


@pytest.fixture(scope="session", autouse=True)
def new_databases_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The migrations make one new database; in this process every other new one is its copy, a tenth of the work.

    Older databases, other migrations than ours, and databases of other processes take the real way.
    """
    from fibo_core.store import database
    from fibo_core.store.database import Database

    migrate, ours, lock = Database._upgrade, database.MIGRATIONS, threading.Lock()
    made = tmp_path_factory.mktemp("new") / "studio.db"
    sqlite3.connect(made).close()
    first = Database(made)
    migrate(first)
    first.close()

    def copy(self: Database) -> None:
        with lock:
            if ours != database.MIGRATIONS or self._version() is not None:
                migrate(self)
                return
            with self._errors(), closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(self.path)) as new:
                source.backup(new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "_upgrade", copy)
        yield


@pytest.fixture(scope="session")
def mini_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The real pipeline on the embedded weights, loaded once for all tests."""
    from fibo_core.engine.fibo import FiboEngine

    engine = FiboEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"))
    yield engine
    engine.unload()
