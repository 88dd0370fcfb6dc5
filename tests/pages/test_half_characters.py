"""Half of a surrogate pair, which JSON may hold and no browser can be sent: every page shows it as U+FFFD."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.drafts import DraftStore
from fibo_core.store.generation import Generation
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.ui import drafts
from studio.ui.components.prompt_form import SECTIONS
from tests.pages.conftest import APP, page, press

HALF = "a fox \ud800 at night"
SHOWN = "a fox \ufffd at night"
PROMPT = StructuredPrompt.from_dict(
    {
        "short_description": HALF,
        "objects": [{"description": HALF, "location": HALF}],
        "lighting": {"conditions": HALF},
        "aesthetics": {"color_scheme": HALF, "composition": HALF},
        "of_nobody\udc00": HALF,
    }
)


@pytest.fixture
def batch(runtime: Runtime) -> Batch:
    """A grid that a program ordered."""
    order = Order(
        kind="generate", words=HALF, written=WrittenPrompt(PROMPT, "offline"), steps=2, seed=3, negative_prompt=HALF,
        axes=(axis("lighting.conditions", [HALF, "fog"]),),
    )  # fmt: skip
    return runtime.desk.wait(runtime.desk.place(order).id, 60)


def opened(name: str = "generate", **address: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    if name == "generate":
        app.query_params.update(address)
        return app.run()
    app.run()
    page(app, name)
    app.query_params.update(address)
    return app.run()


def test_a_batch_of_such_words_opens_on_its_page(batch: Batch) -> None:
    app = opened(batch=batch.id)
    assert not app.exception
    assert app.text_area(key="generate_words").value == SHOWN


def test_a_picture_of_such_a_prompt_opens_on_every_page(batch: Batch, runtime: Runtime) -> None:
    picture = batch.generation_ids[0]
    for name in ("generate", "refine", "history"):
        app = opened(name, picture=picture)
        assert not app.exception, name
        assert app.query_params["picture"] in (picture, [picture])
    assert not opened("system").exception
    assert runtime.tools.history.get(picture).prompt.get("lighting.conditions") == HALF, "what is stored stays"


def test_such_a_prompt_has_a_form_a_vary_dialog_and_a_faulty_line(runtime: Runtime) -> None:
    """The fields that nobody edits keep what the prompt has."""
    app = opened()
    state = app.session_state["page_generate"]
    state.begin(PROMPT.to_json())
    app.session_state["generate_prompt_view"] = "Form"
    for part in SECTIONS:
        app.session_state["generate_form_section"] = part
        app.run()
        assert not app.exception, part
        assert part != "Scene" or SHOWN in [field.value for field in app.text_area]
    press(app, "Vary")
    assert not app.exception
    assert StructuredPrompt.parse(state.draft.text) == PROMPT
    state.begin('{"short_description": "\ud800", ]')
    app.run()
    assert not app.exception
    assert "\ufffd" in app.code[0].value


@pytest.mark.parametrize("typed", [False, True])
def test_a_draft_of_such_words_comes_back_at_every_load(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    """Committed, or sent while it was typed."""
    monkeypatch.setattr(drafts, "browser_of_session", lambda: "one")
    store = DraftStore(runtime.settings.workspace_dir)
    if typed:
        store.keep_typed("one", "generate", {"words": HALF})
    else:
        fields = {"words": HALF, "negative": HALF, "seed": HALF}
        kept = {"draft": {"text": HALF, "words": HALF, "written": None}, "fields": fields}
        store.keep("one", {"generate": {**kept, "previous": kept["draft"]}, "refine": {"fields": fields}})
    for _ in range(2):
        app = opened()
        assert not app.exception
        assert app.text_area(key="generate_words").value == SHOWN
    assert not page(app, "refine").exception


def test_filling_a_form_from_such_a_picture_shows_it(batch: Batch, store: Callable[..., Generation]) -> None:
    app = opened(picture=batch.generation_ids[0])
    press(app, "Back to my draft")
    assert not app.exception
