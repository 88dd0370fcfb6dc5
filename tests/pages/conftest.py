"""Pages run as Streamlit runs them, on a real runtime with a workspace of its own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import MODES, Generation
from fibo_core.work.jobs import Job
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui import drafts
from studio.ui.components.press_bar import Press, Presses
from tests.studio.processes import add_picture

APP = Path(__file__).resolve().parents[2] / "studio" / "ui" / "app.py"
FAST = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=2)


@pytest.fixture(scope="session", autouse=True)
def packages_looked_at_once() -> Iterator[None]:
    """For every new AppTest Streamlit reads the metadata of all installed packages, in search of components."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def folder_of_the_app_importable() -> Iterator[None]:
    """Else Streamlit takes it off `sys.path` after each run, and an import of torch that walks along the path in the
    worker meanwhile may miss an entry: "No module named 'torch'"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(APP.parent))
        yield


@pytest.fixture(autouse=True)
def no_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest's context is made of mocks: a browser without cookies, whose drafts nobody keeps."""
    monkeypatch.setattr(drafts, "browser_of_session", lambda: None)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A studio that is running, its model not loaded yet."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("WORKSPACE_DIR", str(tmp_path / "workspace"))
    get_shell.clear()
    runtime = get_runtime()
    yield runtime
    runtime.close()
    get_shell.clear()


@pytest.fixture
def app(runtime: Runtime) -> AppTest:
    """The Generate page, as a new visitor sees it."""
    return AppTest.from_file(str(APP), default_timeout=60).run()


@pytest.fixture
def paint(runtime: Runtime) -> Callable[..., Generation]:
    """Stored pictures to begin with, painted in two steps."""

    def paint(words: str = "a red ball", seed: int = 7, adapters: tuple[str, ...] = ()) -> Generation:
        prompt = StructuredPrompt.from_dict({"short_description": words, "objects": [{"description": words}]})
        order = Order(kind="generate", words=words, written=WrittenPrompt(prompt, "offline"), steps=2, seed=seed)
        order = replace(order, adapters=adapters)
        (generation_id,) = runtime.desk.wait(runtime.desk.place(order).id, 60).generation_ids
        return runtime.tools.history.get(generation_id)

    return paint


@pytest.fixture
def store(runtime: Runtime) -> Callable[..., Generation]:
    """Stored pictures to begin with, which no model had to paint."""

    def store(words: str = "a red ball", seed: int = 7, **more: Any) -> Generation:
        prompt = StructuredPrompt.from_dict({"short_description": words, "objects": [{"description": words}]})
        return add_picture(runtime.tools.history, words, seed=seed, prompt=prompt, **more)

    return store


def finish(app: AppTest, runtime: Runtime, mode: str = "generate") -> Job:
    """Waits for the page's batch and runs the page once more, as its polling would; the batch's last job."""
    batch = runtime.desk.wait(app.session_state[f"page_{mode}"].batch_id, 120)
    assert batch.ended
    time.sleep(0.01)
    change_words(app.run())
    return batch.current


def bar(app: AppTest) -> dict[str, tuple[Presses, str]]:
    """The buttons of the press bars, which a browser draws itself: by their labels, what a press of each leads to."""
    bars = [app.session_state[f"{mode}_presses"] for mode in MODES if f"{mode}_presses" in app.session_state]
    return {button.label: (presses, button.action) for presses in bars for button in presses.buttons}


def press(app: AppTest, label: str) -> AppTest:
    """Presses the button with this label."""
    if label in (buttons := bar(app)):
        presses, action = buttons[label]
        words = None
        if presses.clears:
            (field,) = [each for each in app.text_input if each.key and each.key.endswith("_words")]
            words = field.value
            field.set_value("")
        presses.waiting.append(Press(action, words))
        return change_words(app.run())
    (button,) = [button for button in app.button if button.label == label]
    return change_words(button.click().run())


def change_words(app: AppTest) -> AppTest:
    """Does what the page asks of the browser: changes the words where their field holds what Python knows of."""
    for mode in MODES:
        presses = app.session_state[f"{mode}_presses"] if f"{mode}_presses" in app.session_state else Presses()
        for change in list(presses.changes):
            field = app.text_input(key=f"{mode}_words")
            made = field.value == change.old
            if made:
                field.set_value(change.new)
            presses.answer([{"number": change.number, "made": made}])
            app.run()
    return app


def type_json(app: AppTest, mode: str, text: str) -> AppTest:
    """Types into the JSON editor, which a browser draws itself."""
    app.session_state[f"page_{mode}"].type_in(text)
    return app.run()


def way_back(app: AppTest) -> str:
    """The label of the button that brings back the user's own prompt, which says which one; "" where there is none."""
    return next((button.label for button in app.button if button.label.startswith("Bring back “")), "")


def page(app: AppTest, name: str) -> AppTest:
    """Goes to another page."""
    return app.switch_page(f"../../pages/{name}.py").run()


def says(app: AppTest) -> str:
    """All that the page says in words."""
    parts = [*app.title, *app.subheader, *app.caption, *app.markdown, *app.error, *app.warning, *app.info]
    return "\n".join(part.value for part in parts).replace("\\", "")
