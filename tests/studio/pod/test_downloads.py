"""Weights in the background: begun only where they are wanted, watched, taken into use, told in one sentence.

A hub on this machine serves mini's weights as FIBO's; the studio is a process of its own on a made-up pod.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fibo_core.models.catalogue import CATALOGUE, MINI_WEIGHTS
from fibo_core.settings import Settings
from fibo_core.work.runtime import Runtime, build_runtime
from studio.pod import downloads
from studio.pod.downloads import Fetch, fetch_weights_on_a_pod
from studio.shell import get_shell
from tests.models.loopback_hub import LoopbackHub, serve
from tests.studio.processes import opened, served
from tests.studio.web.test_server_ends import job, submit

FIBO, VLM = "briaai/FIBO", "briaai/FIBO-vlm"


@pytest.fixture(autouse=True)
def fresh() -> None:
    get_shell.clear()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Any]:
    """Builds the runtime of an environment."""
    built: list[Runtime] = []

    def build(**environ: str) -> Runtime:
        built.append(build_runtime(Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), **environ})))
        return built[-1]

    yield build
    for each in built:
        each.close()


def ended(fetch: Fetch | None) -> Fetch:
    assert fetch is not None
    until = time.monotonic() + 60
    while fetch.running:
        assert time.monotonic() < until
        time.sleep(0.05)
    return fetch


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HF_TOKEN": "hf_x"},
        {"RUNPOD_POD_ID": "abc"},
        {"RUNPOD_POD_ID": "abc", "HF_TOKEN": "hf_x", "FIBO_MODEL": "mini"},
    ],
)
def test_nothing_is_fetched_unless_a_pod_with_a_token_wants_fibo(runtime, environ: dict[str, str]) -> None:
    """25 GB are never a surprise."""
    fetch_weights_on_a_pod(get_shell().downloads, runtime(**environ))
    assert get_shell().downloads.get("fibo") is None


def test_a_pod_with_a_token_begins_at_its_start_and_says_why_it_could_not(runtime) -> None:
    """HF_HUB_OFFLINE is set here, which does not pass: one sentence, without the token, and the studio goes on."""
    fetch_weights_on_a_pod(get_shell().downloads, runtime(RUNPOD_POD_ID="abc", HF_TOKEN="hf_verysecret"))
    fetch = ended(get_shell().downloads.get("fibo"))
    assert "HF_HUB_OFFLINE" in fetch.error
    assert "hf_verysecret" not in fetch.error
    assert get_shell().downloads.get("fibo-vlm") is None, "it comes after FIBO"


def test_a_download_that_brings_nothing_keeps_no_pod_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub may be away for days, and the pod costs."""
    from fibo_core.models.catalogue import find_weights
    from fibo_core.models.download import DownloadEvent

    downloads, now = get_shell().downloads, time.monotonic()
    fetch = downloads._fetches["fibo"] = Fetch(find_weights("fibo"))
    fetch.tell(DownloadEvent(10, 100, None))
    assert downloads.any_moving
    monkeypatch.setattr(time, "monotonic", lambda: now + 3600)
    fetch.tell(DownloadEvent(10, 100, None, wait_s=40, reason="the hub answered 503"))
    assert not downloads.any_moving
    fetch.tell(DownloadEvent(11, 100, None))
    assert downloads.any_moving


def test_a_download_that_ends_on_a_bug_says_so_and_can_be_started_again(
    runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is: System shows a sentence, and the log has the trace."""

    def fail(*_: object) -> None:
        raise UnicodeEncodeError("ascii", "hf_с", 3, 4, "ordinal not in range(128)")

    monkeypatch.setattr(downloads, "download", fail)
    get_shell().downloads.start(CATALOGUE["fibo"], runtime())
    fetch = ended(get_shell().downloads.get("fibo"))
    assert fetch.error == (
        "The download ended on an error nobody foresaw (UnicodeEncodeError). The log has it; start it again."
    )
    assert "Traceback" in caplog.text


# ---- A pod with a GPU, and a hub on this machine ---------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    """FIBO is mini's weights, FIBO-vlm some files of its layout."""
    vlm = tmp_path / "vlm"
    vlm.mkdir()
    for name in ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"):
        (vlm / name).write_text("{}")
    with serve(LoopbackHub(FIBO, MINI_WEIGHTS, token="hf_right", also={VLM: vlm})) as running:
        yield running


class MadeUpPod:
    """The environment of a studio on a pod whose GPU has so many MiB."""

    def __init__(self, folder: Path, hub: LoopbackHub, card_mib: int = 81559) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        tools = folder / "tools"
        tools.mkdir()
        (tools / "nvidia-smi").write_text(
            f"#!/bin/sh\n[ $1 = -L ] && echo 'GPU 0: NVIDIA Test' || echo 'NVIDIA Test, {card_mib} MiB'\n"
        )
        (tools / "nvidia-smi").chmod(0o755)
        memory = folder / "meminfo"
        memory.write_text("MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\n")
        script = 'mount --bind "$0" /proc/meminfo && exec "$@"'
        self.before = ("unshare", "--mount", "--map-root-user", "sh", "-c", script, str(memory))
        if subprocess.run([*self.before, "true"], capture_output=True, check=False).returncode:
            pytest.skip("this user may not pretend to have another machine's memory")
        path = f"{tools}:{Path(sys.executable).parent}:/usr/bin:/bin"
        self.environ = {"PATH": path, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        self.environ |= {
            "RUNPOD_POD_ID": "abc",
            "HF_TOKEN": "hf_right",
            "FIBO_MODEL": "auto",
            "STUDIO_PASSWORD": "x" * 12,
        }

    def serve(self, **environ: str) -> Any:
        return served(self.workspace, before=self.before, **self.environ, **environ)


@pytest.fixture
def pod(tmp_path: Path, hub: LoopbackHub) -> MadeUpPod:
    return MadeUpPod(tmp_path, hub)


def fetched(pod: MadeUpPod, repo: str) -> bool:
    name = f"models--{repo.replace('/', '--')}"
    return any((pod.workspace / ".cache" / "huggingface" / "hub" / name).glob("snapshots/*/*.json"))


def test_fibo_paints_as_soon_as_it_is_there_and_the_queue_is_empty(pod: MadeUpPod, hub: LoopbackHub) -> None:
    """mini paints meanwhile what was ordered from it; /health tells how far the download is. Then the local writer's
    weights come, since there is no Gemini key."""
    hub.slow_s = 0.01
    ordered = submit(pod.workspace, steps=60)
    with pod.serve(MAX_WORKERS="3") as server:
        seen = server.wait_for(lambda state: state["model"] == "fibo" and state["status"] == "healthy")
        assert job(pod.workspace, ordered).state == "done"
        server.wait_for(lambda _: fetched(pod, VLM))
        assert "MAX_WORKERS is 3, and one picture is painted at a time" in server.log.read_text()
    with opened(pod.workspace) as (_, history):
        (id,) = job(pod.workspace, ordered).generation_ids
        assert history.get(id).request.model == "mini"
    told = [state["download"] for state in seen if "download" in state]
    percents = [each["percent"] for each in told if each["percent"] is not None and each["model"] == "fibo"]
    assert percents == sorted(percents)
    assert 0 <= percents[0] < 100
    assert not any(each["error"] for each in told)
    while_it_came = [state for state in seen if "download" in state]
    assert {state["model"] for state in while_it_came[:1]} == {"mini"}
    order = [request for request in hub.requests if request.endswith("auth-check")]
    assert order == [f"GET /api/models/{FIBO}/auth-check", f"GET /api/models/{VLM}/auth-check"]


def test_with_a_gemini_key_the_local_writer_is_only_offered(pod: MadeUpPod, hub: LoopbackHub) -> None:
    """Its 9 GB are not fetched."""
    with pod.serve(GOOGLE_API_KEY="a-key-of-nobody") as server:
        server.wait_for(lambda state: state["model"] == "fibo" and state["status"] == "healthy")
        assert "MAX_WORKERS" not in server.log.read_text(), "two are what it is made for"
    assert fetched(pod, FIBO)
    assert not [request for request in hub.requests if VLM in request]


def test_a_hub_that_stumbles_is_waited_for_and_health_says_so(pod: MadeUpPod, hub: LoopbackHub) -> None:
    """mini paints, nobody has to press anything, and FIBO comes."""
    hub.refusal, hub.down_for, hub.retry_after = (503, ""), 1, "6"
    with pod.serve() as server:
        seen = server.wait_for(lambda state: state["model"] == "fibo" and state["status"] == "healthy")
    waits = [state["download"] for state in seen if state.get("download", {}).get("wait_s")]
    assert waits[0]["wait_s"] in (5, 6)
    assert waits[0]["error"] == "the hub answered 503"


def test_weights_that_do_not_load_leave_mini_painting_and_are_said(pod: MadeUpPod, hub: LoopbackHub, tmp_path) -> None:
    """Also after a restart: never a studio that cannot paint at all."""
    hub.folder = tmp_path / "damaged"
    shutil.copytree(MINI_WEIGHTS, hub.folder)
    (hub.folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"0" * 1000)
    for _ in range(2):
        with pod.serve() as server:
            (*_, state) = server.wait_for(lambda state: state["status"] == "degraded")
            assert "FIBO is here and does not load: The weights of FIBO in" in state["error"]
            painted = submit(pod.workspace, steps=2)
            server.wait_for(lambda _, id=painted: job(pod.workspace, id).state == "done")
            assert server.health()[1]["model"] == "mini"


def test_a_refusal_ends_the_download_and_is_said(pod: MadeUpPod, hub: LoopbackHub) -> None:
    """The licence is not accepted: waiting would not help. mini paints."""
    hub.token = "hf_another"
    with pod.serve() as server:
        (*_, state) = server.wait_for(lambda state: state.get("download", {}).get("error") and state["model_loaded"])
    assert "accept the terms" in state["download"]["error"]
    assert (state["status"], state["model"]) == ("healthy", "mini")


def test_a_card_that_is_too_small_is_said_and_nothing_is_fetched(tmp_path: Path, hub: LoopbackHub) -> None:
    """FIBO's weights may even be there, from a larger card: mini paints."""
    pod = MadeUpPod(tmp_path, hub, card_mib=4096)
    storage = pod.workspace / ".cache/huggingface/hub/models--briaai--FIBO"
    shutil.copytree(MINI_WEIGHTS, storage / "snapshots" / "c0ffee")
    (storage / "refs").mkdir()
    (storage / "refs" / "main").write_text("c0ffee")
    with pod.serve() as server:
        (*_, state) = server.wait_for(lambda state: state["status"] == "healthy")
        assert state["model"] == "mini"
        assert "download" not in state
        said = server.log.read_text()
    assert "6.0 GB of GPU memory, and this GPU has 4.3. mini paints" in said
    assert hub.requests == []
