"""Fetching weights, against a hub on this machine: the real client library, real files, real faults.

The client runs in a process of its own, because its library reads the environment when it is imported.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from loopback_hub import COMMIT, LoopbackHub, serve

from fibo_core.engine.models import MINI_WEIGHTS

REPO = "somebody/tiny"
TOKEN = "hf_anAccountsOwnSecret"
CLIENT = """
import json, sys
from dataclasses import asdict, replace
from pathlib import Path
from pydantic import SecretStr
from fibo_core.cancel import CancelFlag
from fibo_core.engine.download import check_access, download, downloaded
from fibo_core.engine.models import find_weights
from fibo_core.errors import FiboError

todo, model, repo, cache, token, cancel_at = json.loads(sys.argv[1])
spec = replace(find_weights(model), repo=repo)
token = SecretStr(token) if token else None
flag, events = CancelFlag(), []

def note(event):
    events.append(asdict(event))
    if cancel_at is not None and event.done_bytes >= cancel_at:
        flag.cancel()

folder, error, kind = None, "", ""
try:
    if todo == "check":
        check_access(spec, token)
    else:
        folder = str(download(spec, Path(cache), token, note, flag))
except FiboError as fault:
    error, kind = str(fault), type(fault).__name__
here = downloaded(spec, Path(cache))
print(json.dumps({"folder": folder, "error": error, "kind": kind, "events": events, "here": here and str(here)}))
"""


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serve(LoopbackHub(REPO, MINI_WEIGHTS)) as running:
        yield running


@pytest.fixture
def client(hub: LoopbackHub, tmp_path: Path):
    """Runs the client against the hub; what it prints, and all it said, comes back."""

    def run(
        todo: str = "download", *, model: str = "fibo", repo: str = REPO, token: str | None = None,
        cancel_at: int | None = None, **environ: str,
    ) -> SimpleNamespace:  # fmt: skip
        arguments = json.dumps([todo, model, repo, str(tmp_path / "hub"), token, cancel_at])
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {**keep, "HOME": str(tmp_path), "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, arguments],
            env={**environment, **environ}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer = SimpleNamespace(**json.loads(done.stdout), said=done.stdout + done.stderr)
        assert TOKEN not in answer.said
        return answer

    return run


def test_a_repository_is_fetched_whole_with_its_bytes_counted(client, hub: LoopbackHub) -> None:
    """The folder holds the repository's files under its commit's name; progress runs from nothing to all."""
    answer = client()
    total = sum(file.stat().st_size for file in hub.files().values())
    assert answer.error == ""
    assert Path(answer.folder).name == COMMIT
    assert answer.here == answer.folder
    fetched = {name: (Path(answer.folder) / name).read_bytes() for name in hub.files()}
    assert fetched == {name: file.read_bytes() for name, file in hub.files().items()}
    done = [event["done_bytes"] for event in answer.events]
    assert done[0] == 0
    assert done == sorted(done)
    assert answer.events[-1] == {"done_bytes": total, "total_bytes": total, "remaining_s": 0.0}


def test_what_the_pipeline_does_not_read_stays_on_the_hub(client, hub: LoopbackHub, tmp_path: Path) -> None:
    """A repository's other formats and samples are not paid for."""
    hub.folder = tmp_path / "repository"
    for name, file in LoopbackHub(REPO, MINI_WEIGHTS).files().items():
        (hub.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (hub.folder / name).write_bytes(file.read_bytes())
    (hub.folder / "everything.safetensors").write_bytes(b"0" * 1000)
    answer = client()
    assert answer.error == ""
    assert not [request for request in hub.requests if "everything" in request]


def test_the_local_writer_s_weights_are_fetched_in_their_own_layout(client, hub: LoopbackHub, tmp_path: Path) -> None:
    """A model with its tokenizer and picture format, no pipeline; no code of the repository."""
    hub.folder = tmp_path / "repository"
    hub.folder.mkdir()
    wanted = ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"]
    for name in (*wanted, "modeling_tiny.py", "pytorch_model.bin"):
        (hub.folder / name).write_text("{}")
    answer = client(model="fibo-vlm")
    assert answer.error == ""
    assert answer.here == answer.folder
    assert sorted(file.name for file in Path(answer.folder).iterdir()) == wanted


def test_a_gated_repository_names_the_page_where_to_accept(client, hub: LoopbackHub) -> None:
    """Without a token and with a stranger's the sentence says what to do; no file is asked for."""
    hub.token = "hf_somebodyElses"
    without, strangers = client("check"), client(token=TOKEN)
    assert "HF_TOKEN is not set" in without.error
    for answer in (without, strangers):
        assert answer.kind == "DownloadFailed"
        assert f"{hub.endpoint}/{REPO}" in answer.error
        assert "accept" in answer.error
    assert hub.requests == [f"GET /api/models/{REPO}/auth-check"] * 2


def test_the_right_token_is_let_in(client, hub: LoopbackHub) -> None:
    """Consent given and token set: the check passes and says nothing."""
    hub.token = TOKEN
    assert client("check", token=TOKEN).error == ""


@pytest.mark.parametrize(
    ("refusal", "words"),
    [((401, ""), "refused HF_TOKEN"), ((429, ""), "slow down"), ((500, ""), "answered 500")],
)
def test_a_refusal_is_said_in_one_sentence(client, hub: LoopbackHub, refusal: tuple[int, str], words: str) -> None:
    """A bad token, too many requests and a broken hub each say what happened."""
    hub.refusal = refusal
    answer = client("check", token=TOKEN)
    assert answer.kind == "DownloadFailed"
    assert words in answer.error


def test_a_repository_that_is_not_there_is_named(client) -> None:
    """A wrong name is told from missing consent."""
    answer = client(repo="somebody/nothing")
    assert answer.kind == "DownloadFailed"
    assert "no repository somebody/nothing" in answer.error


def test_a_cut_connection_leaves_no_model_and_the_next_run_goes_on(client, hub: LoopbackHub) -> None:
    """Half a download is not taken for a model; run again, only what is missing is fetched."""
    hub.cut_file = "vae/diffusion_pytorch_model.safetensors"
    broken = client()
    assert broken.kind == "DownloadFailed"
    assert "again" in broken.error
    assert broken.here is None

    hub.cut_file, hub.refusal = None, None
    hub.requests.clear()
    finished = client()
    assert finished.error == ""
    assert finished.events[0]["done_bytes"] > 0
    fetched = [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    assert 0 < len(fetched) < len(hub.files())


def test_a_cancel_ends_the_download(client) -> None:
    """The flag is asked while bytes come in; nothing half is taken for a model."""
    answer = client(cancel_at=0)
    assert answer.kind == "Cancelled"
    assert answer.here is None


def test_too_small_a_disk_is_said_before_a_byte_is_fetched(client, hub: LoopbackHub) -> None:
    """The sentence has both sizes and names the way out."""
    hub.claimed_size = 10**17
    answer = client()
    assert answer.kind == "DownloadFailed"
    assert "GB more" in answer.error
    assert "CACHE_DIR" in answer.error
    assert not [request for request in hub.requests if request.startswith("GET /somebody")]


def test_offline_mode_is_named_as_the_reason(client, hub: LoopbackHub) -> None:
    """HF_HUB_OFFLINE forbids every request; the sentence says so."""
    answer = client(HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in answer.error
    assert hub.requests == []


def test_an_unreachable_hub_says_to_check_the_network(client) -> None:
    """Nothing listens at the endpoint."""
    answer = client("check", HF_ENDPOINT="http://127.0.0.1:9")
    assert answer.kind == "DownloadFailed"
    assert "could not be reached" in answer.error
