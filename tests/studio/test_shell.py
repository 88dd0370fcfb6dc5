"""The Shell: one of everything for a whole process, and settings read once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fibo_core.errors import StoreError
from studio.runtime import get_runtime
from studio.shell import get_shell

ROOT = Path(__file__).parents[2]


def test_sessions_that_come_at_once_share_one_runtime_and_a_workspace_that_comes_late_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the environment says later changes nothing: it was read when the first of them came."""
    workspace = tmp_path / "late"
    workspace.write_text("a file in its place")
    monkeypatch.setenv("WORKSPACE_DIR", str(workspace))
    get_shell.clear()
    try:
        with pytest.raises(StoreError):
            get_runtime()
        monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path / "another"))
        workspace.unlink()
        with ThreadPoolExecutor(8) as sessions:
            found = [session.result() for session in [sessions.submit(get_runtime) for _ in range(8)]]
        assert len(set(map(id, found))) == 1
        assert found[0].settings.workspace_dir == workspace
        assert found[0].settings is get_shell().settings
    finally:
        get_shell().runtime.close()
        get_shell.clear()


def test_the_environment_is_read_at_the_start_of_the_server_and_of_a_command_and_nowhere_else() -> None:
    files = [file for folder in ("studio", "pages", "fibo_core") for file in (ROOT / folder).rglob("*.py")]
    reading = [file.relative_to(ROOT).as_posix() for file in files if "from_environ()" in file.read_text("utf-8")]
    assert sorted(reading) == ["studio/cli/setup.py", "studio/shell.py"]
