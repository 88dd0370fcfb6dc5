"""System's way to FIBO: numbered steps, of which one is the next, whatever the machine and its owner have already."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.models import device
from fibo_core.models.catalogue import CATALOGUE, FIBO_VLM
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.components.way_to_model import Facts, steps_to
from tests.pages.conftest import APP, page, says

FIBO = CATALOGUE["fibo"]
HERE = "not possible here"


@pytest.mark.parametrize(
    ("facts", "states"),
    [
        (Facts(gpu=False), [HERE, "later", "later", "later", "later"]),
        (Facts(gpu=True, lack="FIBO needs more."), [HERE, "later", "later", "later", "later"]),
        (Facts(gpu=True), ["done", "next", "later", "later", "later"]),
        (Facts(gpu=True, token=True), ["done", "not asked", "done", "next", "later"]),
        (Facts(gpu=True, token=True, licence=False), ["done", "next", "done", "later", "later"]),
        (Facts(gpu=True, token=True, licence=True), ["done", "done", "done", "next", "later"]),
    ],
)
def test_the_first_step_that_is_to_be_done_is_the_next_one(facts: Facts, states: list[str]) -> None:
    """What this machine lacks stops nobody from seeing, or taking, the rest; but nothing points there."""
    steps = steps_to(FIBO, facts)
    assert [step.title.split(",")[0] for step in steps] == ["GPU", "Licence", "Token", "Download", "Load"]
    assert [step.state for step in steps] == states


def test_each_step_says_what_to_do_with_what_can_be_copied() -> None:
    gpu, licence, token, download, _ = steps_to(FIBO, Facts(gpu=False))
    assert "32 GB (all of it on the card), 24 GB (part by part" in gpu.about
    assert "mini paints here" in gpu.about
    assert f"https://huggingface.co/{FIBO.repo}" in licence.about
    assert token.commands == "export HF_TOKEN=hf_…\nscripts/studio.sh"
    assert download.commands.endswith("models download fibo")
    assert "FIBO lacks 3 GB" in steps_to(FIBO, Facts(gpu=True, lack="FIBO lacks 3 GB."))[0].about
    on_pod = steps_to(FIBO, Facts(gpu=True, on_pod=True))[2]
    assert ("pod's environment" in on_pod.about, on_pod.commands) == (True, "HF_TOKEN=hf_…")
    assert "the other writers write here" in steps_to(FIBO_VLM, Facts(gpu=False))[0].about


def open_system(tmp_path: Path) -> AppTest:
    (tmp_path / "workspace").mkdir()
    get_shell.clear()
    return page(AppTest.from_file(str(APP), default_timeout=60).run(), "system")


@pytest.mark.parametrize("token", [False, True])
def test_the_page_has_the_button_below_its_step_and_takes_it_once_there_is_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: bool
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", "hf_of-no-account")
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: False)
    app = open_system(tmp_path)
    try:
        assert not app.exception
        (download,) = [button for button in app.button if button.label == "Download FIBO"]
        assert download.disabled is not token
        assert "5. Load" in says(app)
        assert "Needs a GPU with 32 GB (all of it on the card), 24 GB (part by part" in says(app)
        assert "hf_of-no-account" not in says(app)
        assert ("export HF_TOKEN=hf_…" in "\n".join(code.value for code in app.code)) is not token
    finally:
        get_runtime().close()
        get_shell.clear()
