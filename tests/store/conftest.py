"""A workspace on a temporary disk, and pictures to put into it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History

from .pictures import rendered, request_of

CHECKOUT = Path(__file__).parents[2]


Paint = Callable[..., Generation]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def database(workspace: Path) -> Iterator[Database]:
    database = Database(workspace / "studio.db")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def history(workspace: Path, database: Database) -> History:
    return History(workspace, database)


@pytest.fixture
def paint(history: History) -> Paint:
    """Stores a picture: ``paint("words", text=…, seed=…, model=…, **arguments of add)``."""

    def add(
        words: str = "a ball", *, text: str = "a red ball", seed: int = 7, model: str = "mini", **more
    ) -> Generation:
        arguments = {"mode": "generate", "words": words, "writer": "offline"} | more
        return history.add(rendered(), request_of(text, seed, model), **arguments)

    return add


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.Popen[str]]:
    """Starts a real second process on a piece of code."""

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": f"{CHECKOUT}{os.pathsep}{CHECKOUT / 'tests'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB of its own; the test is skipped, visibly, where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
