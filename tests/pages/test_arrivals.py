"""Weights on their way, told on every page: how far, what they wait for, why they did not come; and who takes over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.errors import ModelLoadFailed
from fibo_core.models import device
from fibo_core.models.catalogue import MINI_WEIGHTS, find_weights
from fibo_core.models.download import DownloadEvent
from fibo_core.work.runtime import Runtime
from studio.pod.downloads import Fetch
from studio.pod.model_in_use import ModelInUse
from studio.runtime import get_runtime
from studio.shell import get_shell
from tests.pages.conftest import APP, page, press, says

PAGES = ("refine", "inspire", "edit", "history", "system", "generate")
GB = 10**9


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    get_shell.clear()
    yield
    get_shell.clear()


def being_fetched(name: str, event: DownloadEvent | None = None, error: str = "") -> Fetch:
    """A download as its thread would leave it."""
    fetch = get_shell().downloads._fetches[name] = Fetch(find_weights(name), event=event, error=error)
    fetch.running = not error
    return fetch


def test_every_page_says_how_far_fibo_is_and_who_paints_meanwhile(app: AppTest) -> None:
    """In one line, which leads to System."""
    being_fetched("fibo", DownloadEvent(41 * GB, 100 * GB, 360.0))
    for name in PAGES:
        page(app, name)
        assert "FIBO is being fetched, 41 %, about 6 min; mini paints meanwhile" in says(app), name
        assert not app.exception


def test_a_wait_and_its_reason_are_said_and_then_that_it_goes_on(app: AppTest) -> None:
    """Nobody has to press anything; on System it can be cancelled."""
    reason = "the hub answered 503"
    fetch = being_fetched("fibo", DownloadEvent(41 * GB, 100 * GB, None, wait_s=40.2, reason=reason))
    assert f"FIBO is being fetched, 41 %: waiting 40 s, then it goes on ({reason})" in says(app.run())
    page(app, "system")
    press(app, "Cancel")
    assert fetch.cancel.is_set


def test_a_download_that_failed_is_said_on_every_page_until_it_is_started_again(app: AppTest) -> None:
    being_fetched("fibo", error="briaai/FIBO is gated, and the account of HF_TOKEN may not read it yet.")
    for name in PAGES:
        page(app, name)
        assert "FIBO is not here: briaai/FIBO is gated" in says(app), name
        assert any(link.proto.label == "System" for link in app.get("page_link")), name


def test_the_local_writers_weights_are_told_of_too(app: AppTest) -> None:
    being_fetched("fibo-vlm", DownloadEvent(1 * GB, 10 * GB, 90.0))
    assert "FIBO-vlm is being fetched, 10 %, about 2 min; the other writers write meanwhile" in says(app.run())


def test_a_model_that_is_here_and_does_not_load_is_said_on_every_page(app: AppTest) -> None:
    get_shell().model_in_use._note_failure("fibo", ModelLoadFailed("The weights of FIBO do not load."))
    assert "FIBO is here and does not load: The weights of FIBO do not load." in says(app.run())


def test_the_local_writers_weights_can_be_fetched_on_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a GPU, beside their licence; where a token is missing the way to one is named."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    label = "Download FIBO-vlm"
    for token, disabled in (("", True), ("hf_x", False)):
        monkeypatch.setenv("HF_TOKEN", token)
        get_shell.clear()
        try:
            app = page(AppTest.from_file(str(APP), default_timeout=60).run(), "system")
            (button,) = [button for button in app.button if button.label == label]
            assert button.disabled == disabled
            assert "accept it there" in says(app)
            assert ("Start the studio again with it" in says(app)) == disabled
            if not disabled:
                press(app, label)
                assert get_shell().downloads.get("fibo-vlm") is not None
        finally:
            get_runtime().close()
            get_shell.clear()


@pytest.fixture
def fibo_is_here(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """mini's weights under FIBO's name, and a GPU that would hold FIBO."""
    storage = runtime.settings.hub_cache / "models--briaai--FIBO"
    for folder in ("snapshots", "refs"):
        (storage / folder).mkdir(parents=True)
    (storage / "snapshots" / "c0ffee").symlink_to(MINI_WEIGHTS)
    (storage / "refs" / "main").write_text("c0ffee")
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)


@pytest.mark.usefixtures("fibo_is_here")
def test_who_has_chosen_a_model_on_system_keeps_it(app: AppTest, runtime: Runtime) -> None:
    """FIBO that arrives afterwards does not take its place; where nobody has chosen it does."""
    page(app, "system")
    app.button(key="load_mini").click().run()
    get_shell().model_in_use.take_over(runtime, "fibo")
    assert runtime.tools.engine.status().model == "mini"

    get_shell().model_in_use = ModelInUse()
    get_shell().model_in_use.take_over(runtime, "fibo")
    assert (runtime.tools.engine.status().model, runtime.tools.engine.status().state) == ("fibo", "ready")
    assert any("FIBO · cpu · ready" in link.proto.label for link in app.run().get("page_link"))
