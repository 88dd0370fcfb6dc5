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

from fibo_core.models.catalogue import MINI_WEIGHTS
from tests.models.loopback_hub import COMMIT, LoopbackHub, serve

REPO = "somebody/tiny"
TOKEN = "hf_anAccountsOwnSecret"
CLIENT = """
import errno, json, sys
from dataclasses import asdict, replace
from pathlib import Path
from pydantic import SecretStr
from fibo_core.cancel import CancelFlag
from fibo_core.models import download as module
from fibo_core.models.download import check_access, download, downloaded
from fibo_core.models.catalogue import find_weights
from fibo_core.errors import FiboError

todo, model, repo, cache, token, cancel_at, cancel_in_wait, waits_s, full_at = json.loads(sys.argv[1])
spec = replace(find_weights(model), repo=repo)
token = SecretStr(token) if token else None
flag, events = CancelFlag(), []
module.WAITS_S = tuple(waits_s)

def note(event):
    events.append(asdict(event))
    if cancel_at is not None and event.done_bytes >= cancel_at:
        flag.cancel()
    if full_at is not None and event.done_bytes >= full_at:  # in the thread that writes the bytes
        raise OSError(errno.ENOSPC, "No space left on device")
    if cancel_in_wait and event.wait_s is not None:
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
        cancel_at: int | None = None, full_at: int | None = None, cancel_in_wait: bool = False,
        waits_s: tuple[float, ...] = (0.01,),
        **environ: str,
    ) -> SimpleNamespace:  # fmt: skip
        arguments = json.dumps(
            [todo, model, repo, str(tmp_path / "hub"), token, cancel_at, cancel_in_wait, waits_s, full_at]
        )
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
    assert answer.events[-1] == {
        "done_bytes": total, "total_bytes": total, "remaining_s": 0.0, "wait_s": None, "reason": "",
    }  # fmt: skip


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
    [
        ((401, ""), "refused HF_TOKEN"),
        ((403, ""), "refuses somebody/tiny"),
        ((429, ""), "slow down"),
        ((500, ""), "answered 500"),
    ],
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


VAE = "vae/diffusion_pytorch_model.safetensors"


def test_a_cancel_after_a_cut_connection_leaves_no_model_and_the_next_run_goes_on(client, hub: LoopbackHub) -> None:
    """The hub is down and the download waits; half of it is not taken for a model. Run again, only what is missing is
    fetched."""
    hub.cut_file = VAE
    broken = client(cancel_in_wait=True, waits_s=(600.0,))
    assert broken.kind == "Cancelled"
    assert broken.here is None
    assert broken.events[-1]["wait_s"] > 500
    assert broken.events[-1]["reason"] == "the hub answered 503"

    hub.refusal = None
    hub.requests.clear()
    finished = client()
    assert finished.error == ""
    assert finished.events[0]["done_bytes"] > 0
    fetched = [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    assert 0 < len(fetched) < len(hub.files())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_breaks_off_and_comes_back_is_waited_for(client, hub: LoopbackHub, status: int) -> None:
    """One call fetches it all, whatever came in between, and shows each wait; waits grow until something comes."""
    hub.cut_file, hub.refusal, hub.down_for = VAE, (status, ""), 2
    answer = client(waits_s=(0.1, 0.2, 0.4, 0.8))
    assert answer.error == ""
    assert answer.here == answer.folder
    waits = [event["wait_s"] for event in answer.events if event["wait_s"] is not None]
    assert [round(wait, 1) for wait in waits[:2]] == [0.1, 0.2]
    assert len(waits) == 3, "twice before it began, and once the connection broke"
    assert answer.events[-1]["done_bytes"] == answer.events[-1]["total_bytes"]


@pytest.mark.parametrize("where", ["auth-check", "/tree/", "/resolve/"])
def test_what_a_hub_asks_for_is_heeded_and_not_for_ever(client, hub: LoopbackHub, where: str) -> None:
    """Retry-After is waited out where it is longer than our own wait, up to a quarter of an hour, where it is seen and
    can be cancelled: the hub's library would sleep by itself."""
    hub.refusal, hub.refused = (429, ""), where
    for asked, waited in (("100", 100), ("86400", 900), ("Wed, 21 Oct 2015 07:28:00 GMT", 5)):
        hub.retry_after = asked
        event = client(cancel_in_wait=True, waits_s=(5.0,)).events[-1]
        assert event["wait_s"] == pytest.approx(waited, abs=1)
        assert event["reason"] == "the hub asks to slow down"


@pytest.mark.parametrize(("refusal", "words"), [
    ((401, ""), "refused HF_TOKEN"), ((403, "GatedRepo"), "is gated"), ((404, "RepoNotFound"), "shows no repository"),
])  # fmt: skip
def test_what_cannot_pass_by_itself_ends_a_download_at_once(client, hub: LoopbackHub, refusal, words: str) -> None:
    """Nobody waits for a token that is refused."""
    hub.refusal = refusal
    answer = client(token=TOKEN, waits_s=(600.0,))
    assert answer.kind == "DownloadFailed"
    assert words in answer.error
    assert answer.events == []


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


# A hub that misbehaves while a file comes


@pytest.mark.parametrize("fault", ["spoilt_file", "short_file", "silent_file"])
def test_a_file_that_comes_wrong_is_fetched_again_and_the_others_are_not(client, hub: LoopbackHub, fault: str) -> None:
    """Other bytes than the hub says, half of them, or silence in the middle: what is here in the end is right."""
    setattr(hub, fault, VAE)
    answer = client(waits_s=(0.1,), HF_HUB_DOWNLOAD_TIMEOUT="2")
    assert answer.error == ""
    assert (Path(answer.folder) / VAE).read_bytes() == hub.files()[VAE].read_bytes()
    waits = [event for event in answer.events if event["wait_s"] is not None]
    assert len(waits) == (0 if fault == "silent_file" else 1), "the hub's library hears a silence by itself"
    got = [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    assert sum(VAE in request for request in got) == 2
    assert len(got) == len(hub.files()) + 1


def test_what_came_spoilt_is_named_while_it_waits(client, hub: LoopbackHub) -> None:
    hub.spoilt_file = VAE
    answer = client(cancel_in_wait=True, waits_s=(60.0,))
    assert answer.kind == "Cancelled"
    assert answer.events[-1]["reason"] == f"{VAE} came with other bytes than the hub says it has"
    assert answer.here is None


@pytest.mark.parametrize(
    ("refusal", "words"),
    [((403, "GatedRepo"), "is gated"), ((403, ""), "refuses somebody/tiny"), ((404, "RepoNotFound"), "no repository")],
)
def test_access_that_is_taken_away_in_the_middle_ends_it_and_what_came_stays(
    client, hub: LoopbackHub, refusal: tuple[int, str], words: str
) -> None:
    """One sentence; with the access given back, the next run fetches the rest."""
    hub.refusal, hub.refused = refusal, f"GET /{REPO}/resolve/{COMMIT}/{VAE}"
    answer = client(token=TOKEN, waits_s=(600.0,))
    assert answer.kind == "DownloadFailed"
    assert words in answer.error
    assert answer.here is None
    hub.refusal = None
    hub.requests.clear()
    assert client(token=TOKEN).error == ""
    assert 0 < len([each for each in hub.requests if each.startswith("GET") and "/resolve/" in each]) < len(hub.files())


def test_a_disk_that_fills_during_a_download_is_said_and_it_goes_on_later(client, hub: LoopbackHub) -> None:
    answer = client(full_at=1, waits_s=(600.0,))
    assert answer.kind == "DownloadFailed"
    assert answer.error == "The disk is full. Free some space, and run the download again to go on."
    assert answer.here is None
    finished = client()
    assert finished.error == ""
    assert finished.here == finished.folder


@pytest.mark.parametrize("where", ["auth-check", "/tree/", "/resolve/"])
def test_an_address_that_leads_to_itself_is_said_at_once_and_what_arrived_is_kept(
    client, hub: LoopbackHub, where: str
) -> None:
    """It does not pass by itself: nobody waits."""
    hub.loops = where
    answer = client(waits_s=(600.0,))
    assert answer.kind == "DownloadFailed"
    assert answer.error.startswith(f"The hub at {hub.endpoint} leads in a circle for {REPO}: ")
    assert not [event for event in answer.events if event["wait_s"] is not None]
    assert answer.here is None
    hub.loops = ""
    assert client().error == ""


@pytest.mark.parametrize("where", ["/revision/", "/tree/", "/resolve/", "/"])
def test_a_login_page_in_the_hubs_place_is_said_at_once(client, hub: LoopbackHub, where: str) -> None:
    """As a hotel's network or a proxy gives one, whichever of the hub's addresses is asked."""
    hub.page = where
    answer = client(waits_s=(600.0,))
    assert answer.kind == "DownloadFailed"
    assert answer.error.startswith(f"What answers at {hub.endpoint} for {REPO} is not the hub (")
    assert answer.here is None
    hub.page = ""
    assert client().error == ""
