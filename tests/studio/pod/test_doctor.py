"""The doctor's checks, against machines that are well and machines that are not."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fibo_core.models import device
from fibo_core.models.catalogue import MINI_WEIGHTS
from fibo_core.settings import Settings
from studio.pod.doctor import Check, address, examine
from tests.models.loopback_hub import LoopbackHub, serve
from tests.models.test_weights import a_snapshot
from tests.studio.processes import CHECKOUT

TOKEN = "hf_of-an-account-that-accepted"


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
    put_driver(tmp_path, monkeypatch, "echo 'NVIDIA L40S, 570.86.15, 46068 MiB, 45000 MiB'")
    gpu = checks(tmp_path)["gpu"]
    detail = "NVIDIA L40S, driver 570.86.15, 46068 MiB of memory, 45000 MiB of it free"
    assert (gpu.ok, gpu.detail, gpu.todo) == (True, detail, "")


def test_a_driver_that_does_not_answer_is_a_fault_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_driver(tmp_path, monkeypatch, "exit 9")
    gpu = checks(tmp_path)["gpu"]
    assert not gpu.ok
    assert "driver does not answer" in gpu.detail
    assert gpu.todo


@pytest.mark.parametrize(("fibo_model", "ok"), [("auto", True), ("fibo", False)])
def test_a_gpu_too_small_for_fibo_is_said_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fibo_model: str, ok: bool
) -> None:
    """A fault where FIBO is asked for by name; with auto mini paints, and nobody waits for a token."""
    put_driver(tmp_path, monkeypatch, "[ $1 = -L ] && echo 'GPU 0: NVIDIA Test' || echo 'NVIDIA Test, 4096 MiB'")
    device.has_cuda_gpu.cache_clear()
    found = checks(tmp_path, RUNPOD_POD_ID="abc", FIBO_MODEL=fibo_model)
    device.has_cuda_gpu.cache_clear()
    assert found["fibo"].ok == ok
    assert "6.0 GB of GPU memory, and this GPU has 4.3" in found["fibo"].todo
    assert found["token"].ok == ok


def test_no_gpu_is_a_fault_on_a_pod_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop paints with mini; a pod without its GPU is paid for nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks(tmp_path)["gpu"].ok
    assert not checks(tmp_path, RUNPOD_POD_ID="abc123")["gpu"].ok


def a_48_gb_card_with_fibo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, free_gb: float, own_gb: float) -> Path:
    """FIBO's weights (their sizes alone) in a hub's cache, and a card on which this process has ``own_gb``."""
    import torch

    gb = 10**9
    folder = a_snapshot(tmp_path / "hub", "c0ffee")
    for component, size in (("transformer", 16.6), ("text_encoder", 6.2), ("vae", 1.4)):
        (weights,) = (folder / component).glob("*.safetensors")
        os.truncate(weights, int(size * gb))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA L40S")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 9))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free_gb * gb), 48 * gb))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: int(own_gb * gb))
    return tmp_path / "hub"


def test_the_studios_own_weights_are_no_other_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIBO and the local writer are loaded in this process, as on the System page; another one's memory is told."""
    hub = a_48_gb_card_with_fibo(tmp_path, monkeypatch, free_gb=2, own_gb=38)
    environ = {"FIBO_MODEL": "fibo", "HF_HUB_CACHE": str(hub)}
    assert checks(tmp_path, **environ)["torch"].ok
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda: 0)
    others = checks(tmp_path, **environ)["torch"]
    assert not others.ok
    assert "2.0 of the 48 GB of NVIDIA L40S are free. End the other programs" in others.detail


@pytest.mark.parametrize(
    ("answer", "ok"), [({"model_loaded": True, "vram_used_gb": 38.0}, True), ({"somebody": "else"}, False)]
)
def test_the_doctor_beside_a_running_studio_counts_that_ones_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], ok: bool
) -> None:
    """`fibo-studio doctor` is another process: the running one's /health tells what it has."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

    hub = a_48_gb_card_with_fibo(tmp_path, monkeypatch, free_gb=2, own_gb=0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        found = checks(tmp_path, FIBO_MODEL="fibo", HF_HUB_CACHE=str(hub), STUDIO_PORT=str(server.server_port))
        server.shutdown()
    assert (found["torch"].ok, found["port"].ok) == (ok, ok)


def test_the_login_is_told_without_its_password(tmp_path: Path) -> None:
    assert "only this machine" in checks(tmp_path)["login"].detail
    told = checks(tmp_path, STUDIO_PASSWORD="correct horse battery")
    assert "STUDIO_PASSWORD" in told["login"].detail
    assert not any("horse" in f"{check.detail}{check.todo}" for check in told.values())


@pytest.mark.parametrize(
    ("environ", "ok"),
    [({"FIBO_MODEL": "mini"}, True), ({"FIBO_MODEL": "auto"}, True), ({"FIBO_MODEL": "fibo"}, False)],
)
def test_a_missing_token_is_a_fault_where_fibo_is_awaited(tmp_path: Path, environ: dict[str, str], ok: bool) -> None:
    """Asked for by name, or on a pod, which would fetch it by itself; mini needs none."""
    assert checks(tmp_path, **environ)["token"].ok == ok
    on_a_pod = checks(tmp_path, RUNPOD_POD_ID="abc123", **environ)["token"]
    assert on_a_pod.ok == (environ["FIBO_MODEL"] == "mini")
    assert "https://huggingface.co/settings/tokens" in on_a_pod.todo


@pytest.mark.parametrize(("fibo_model", "code"), [("mini", 0), ("fibo", 1)])
def test_the_hub_is_asked_whether_the_licence_is_accepted(tmp_path: Path, fibo_model: str, code: int) -> None:
    """The token that opens FIBO's gate is green. Another one's todo names the licence, and is a fault where FIBO shall
    paint; the token is never told."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with serve(LoopbackHub("briaai/FIBO", MINI_WEIGHTS, token=TOKEN)) as hub:
        environment = os.environ | {
            "WORKSPACE_DIR": str(workspace), "PYTHONPATH": str(CHECKOUT), "FIBO_MODEL": fibo_model,
            "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0",
        }  # fmt: skip
        found, codes = [], []
        for token in (TOKEN, "hf_of-somebody-else"):
            doctor = [sys.executable, "-m", "studio", "doctor", "--json"]
            said = subprocess.run(
                doctor, env=environment | {"HF_TOKEN": token}, capture_output=True, text=True, timeout=120, check=False
            )
            assert token not in said.stdout + said.stderr
            found.append({check["name"]: check for check in json.loads(said.stdout)["checks"]})
            codes.append(said.returncode)
    right, wrong = found
    assert "has accepted it" in right["licence"]["detail"]
    assert (right["licence"]["ok"], right["licence"]["todo"]) == (True, "")
    assert wrong["licence"]["ok"] == (fibo_model == "mini")
    assert "https://creativecommons.org/licenses/by-nc/4.0/" in wrong["licence"]["todo"]
    assert codes == [code, code]


def test_an_idle_stop_that_cannot_be_is_a_fault_with_its_reason(tmp_path: Path) -> None:
    """Who sets it counts on it. Where it can be, what a stopped pod costs; on a pod without it, that it is off."""
    pod = {"RUNPOD_POD_ID": "abc123", "RUNPOD_API_KEY": "fake-key-for-tests"}
    assert "idle stop" not in checks(tmp_path)
    off = checks(tmp_path, **pod)["idle stop"]
    assert (off.ok, "IDLE_STOP_MINUTES" in off.todo) == (True, True)
    works = checks(tmp_path, **pod, IDLE_STOP_MINUTES="30")["idle stop"]
    assert (works.ok, "still costs its disk" in works.detail) == (True, True)
    volume = checks(tmp_path, **pod, IDLE_STOP_MINUTES="30", RUNPOD_VOLUME_ID="vol1")["idle stop"]
    assert (volume.ok, "network volume vol1" in volume.detail) == (False, True)
    assert volume.todo


@pytest.mark.parametrize(
    ("host", "opened"),
    [
        ("0.0.0.0", "http://127.0.0.1:7860"),
        ("::", "http://[::1]:7860"),
        ("localhost", "http://localhost:7860"),
        ("192.0.2.7", "http://192.0.2.7:7860"),
    ],
)
def test_what_to_open_is_an_address_that_a_browser_can_open(host: str, opened: str) -> None:
    assert address(host, 7860) == opened


def test_every_check_has_words_and_every_fault_a_way_out(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert {"python", "versions", "workspace", "volume", "disk", "database", "gpu", "torch", "model", "fibo"} <= set(
        found
    )
    assert {"token", "licence", "gemini", "local", "offline", "login", "port"} <= set(found)
    assert all(check.detail and (check.ok or check.todo) for check in found.values())
