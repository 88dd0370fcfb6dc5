"""The fixtures: a workspace, pictures in it, the command line in this process, a folder that cannot be written."""

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fibo_core.store.generation import Generation
from tests.studio.processes import Cli, Said, add_picture, opened


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace that WORKSPACE_DIR names; mini paints."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("FIBO_MODEL", "mini")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return folder


@pytest.fixture
def store(workspace: Path) -> Callable[..., Generation]:
    """Stores a plain picture: ``store("words", seed=…, **arguments of History.add)``."""

    def add(words: str = "a red ball", *, seed: int = 7, **more: Any) -> Generation:
        with opened(workspace) as (_, history):
            return add_picture(history, words, seed=seed, **more)

    return add


@pytest.fixture
def cli(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs one command in this process: ``cli("generate", "a red ball", "--json", stdin="")``."""
    from studio.cli.main import main

    def run(*arguments: object, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["fibo-studio", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    before = list(logging.getLogger().handlers)
    yield run
    logging.getLogger().handlers[:] = before


@pytest.fixture
def read_only() -> Callable[[Path], tuple[str, ...]]:
    """What to put before a command for which a folder shall be read-only; skipped where that cannot be done."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'

    def before(folder: Path) -> tuple[str, ...]:
        command = ("unshare", "--mount", "--map-root-user", "sh", "-c", script, str(folder))
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"no folder can be mounted read-only here: {tried.stderr.strip()}")
        return command

    return before
