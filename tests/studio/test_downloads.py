"""Weights in the background: begun only where they are wanted, watched, cancelled, told in one sentence."""

import time
from pathlib import Path

import pytest

from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.models import CATALOGUE
from fibo_core.settings import Settings
from studio import downloads
from studio.downloads import Downloads, Fetch, fetch_weights_on_a_pod


@pytest.fixture(autouse=True)
def fresh() -> None:
    Downloads.of_process.clear()


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), **environ})


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
def test_nothing_is_fetched_unless_a_pod_with_a_token_wants_fibo(tmp_path: Path, environ: dict[str, str]) -> None:
    """25 GB are never a surprise."""
    fetch_weights_on_a_pod(settings(tmp_path, **environ), FiboEngine("mini", hub_cache=tmp_path))
    assert Downloads.of_process().get("fibo") is None


def test_a_pod_with_a_token_begins_at_its_start_and_says_why_it_could_not(tmp_path: Path) -> None:
    """The network is closed here: one sentence, without the token, and the studio goes on."""
    environ = settings(tmp_path, RUNPOD_POD_ID="abc", HF_TOKEN="hf_verysecret")
    fetch_weights_on_a_pod(environ, FiboEngine("mini", hub_cache=tmp_path))
    fetch = ended(Downloads.of_process().get("fibo"))
    assert len(fetch.error) > 20
    assert "hf_verysecret" not in fetch.error


def test_a_download_that_ends_on_a_bug_says_so_and_can_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is: System shows a sentence, and the log has the trace."""

    def fail(*_: object) -> None:
        raise UnicodeEncodeError("ascii", "hf_с", 3, 4, "ordinal not in range(128)")

    monkeypatch.setattr(downloads, "download", fail)
    Downloads.of_process().start(CATALOGUE["fibo"], settings(tmp_path))
    fetch = ended(Downloads.of_process().get("fibo"))
    assert fetch.error == (
        "The download ended on an error nobody foresaw (UnicodeEncodeError). The log has it; start it again."
    )
    assert "Traceback" in caplog.text
