"""The doctor's checks, against machines that are well and machines that are not."""

from pathlib import Path

import pytest

from fibo_core.settings import Settings
from studio.doctor import Check, examine


def checks(tmp_path: Path, **environ: str) -> dict[str, Check]:
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": "mini", **environ})
    return {check.name: check for check in examine(settings)}


def put_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A `nvidia-smi` of our own, the first on the path."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")


def test_a_gpu_is_named_with_its_driver_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_driver(tmp_path, monkeypatch, "echo 'NVIDIA L40S, 570.86.15, 46068 MiB'")
    gpu = checks(tmp_path)["gpu"]
    assert (gpu.ok, gpu.detail, gpu.todo) == (True, "NVIDIA L40S, 570.86.15, 46068 MiB", "")


def test_a_driver_that_does_not_answer_is_a_fault_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_driver(tmp_path, monkeypatch, "exit 9")
    gpu = checks(tmp_path)["gpu"]
    assert not gpu.ok
    assert "driver does not answer" in gpu.detail
    assert gpu.todo


def test_no_gpu_is_a_fault_on_a_pod_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop paints with mini; a pod without its GPU is paid for nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks(tmp_path)["gpu"].ok
    assert not checks(tmp_path, RUNPOD_POD_ID="abc123")["gpu"].ok


def test_the_login_is_told_without_its_password(tmp_path: Path) -> None:
    assert "only this machine" in checks(tmp_path)["login"].detail
    told = checks(tmp_path, STUDIO_PASSWORD="correct horse battery")
    assert "STUDIO_PASSWORD" in told["login"].detail
    assert not any("horse" in f"{check.detail}{check.todo}" for check in told.values())


def test_every_check_has_words_and_every_fault_a_way_out(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert {"python", "versions", "workspace", "volume", "disk", "database", "gpu", "torch", "model", "fibo"} <= set(
        found
    )
    assert {"gemini", "local", "offline", "login", "port"} <= set(found)
    assert all(check.detail and (check.ok or check.todo) for check in found.values())
