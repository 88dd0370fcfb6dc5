"""What a page tells its stage, and hears from it."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fibo_core.engine import StepEvent
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.store.generation import Generation
from fibo_core.work.desk import Batch, Cell, Desk
from fibo_core.work.jobs import Job, Progress
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.work.tasks import GenerateTask, Painting
from studio.ui.components import stage as component
from studio.ui.components.stage import StageEvent, stage
from studio.ui.session import picture_before
from studio.ui.state import PageState
from studio.ui.words import describe

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def batch_of(seeds: tuple[int, ...] = (7, 8), **job: Any) -> Batch:
    task = GenerateTask("a red ball", Painting(RenderSettings.of(CATALOGUE["mini"]), seeds))
    values: dict[str, Any] = {"id": "job", "title": "a red ball", "state": "running", "task": task}
    values |= {"created_at": NOW, "started_at": NOW, "finished_at": None, "error": None, "error_kind": None}
    values |= {"written": None, "generation_ids": (), "progress": Progress()}
    one = Job(**values | job)
    painted = dict(zip(seeds, one.generation_ids, strict=False))
    cells = tuple(Cell({}, seed, one, painted.get(seed)) for seed in seeds)
    order = Order(kind="generate", words="a red ball")
    return Batch("batch", "", "a red ball", "generate", order, NOW, (one,), cells)


class Component:
    """Stands in for the browser: keeps what it was told, and says what its user did."""

    def __init__(self, **did: Any) -> None:
        self.did = SimpleNamespace(**{"chosen": None, "ended": None} | did)
        self.told: list[dict[str, Any]] = []

    def __call__(self, *, data: dict[str, Any], **rest: Any) -> Any:
        self.told.append(data)
        return self.did


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Component:
    fake = Component()
    monkeypatch.setattr(component, "_STAGE", fake)
    history = SimpleNamespace(deleted_among=lambda ids: [])
    monkeypatch.setattr(component, "get_runtime", lambda: SimpleNamespace(tools=SimpleNamespace(history=history)))
    return fake


def test_what_a_stage_is_told_stays_the_same_while_its_batch_is_painted(browser: Component) -> None:
    """Else the browser would draw it anew with every run of the page."""
    step = StepEvent(3, 20, 1.0, 9.0, b"jpeg")
    for job in ({}, {"progress": Progress("painting", picture=1, pictures=2, step=step)}, {"generation_ids": ("1",)}):
        stage(key="s", batch=batch_of(**job))
    assert browser.told[0] == browser.told[1] == browser.told[2]


def test_a_batch_that_paints_nothing_leaves_the_stage_as_it_is(browser: Component) -> None:
    stage(key="s", batch=batch_of(seeds=()))
    assert browser.told[0]["batch"] is None


def test_what_its_user_opened_comes_before_an_end_that_was_told_with_it(browser: Component) -> None:
    browser.did.chosen, browser.did.ended = {"kind": "chosen", "id": "a"}, "batch"
    assert stage(key="s") == StageEvent("chosen", "a")
    browser.did.chosen = {"kind": "grid", "id": "batch"}
    assert stage(key="s") == StageEvent("grid", "batch")
    browser.did.chosen = None
    assert stage(key="s") == StageEvent("ended", "batch")


def having(*pictures: Generation) -> Runtime:
    get = {each.id: each for each in pictures}.__getitem__
    return cast(Runtime, SimpleNamespace(tools=SimpleNamespace(history=SimpleNamespace(get=get))))


def test_no_picture_of_history_is_called_the_one_before(store: Any) -> None:
    """Only the one that a picture was made from, or that its page showed when it was ordered there."""
    one, two = store("a tree"), store("a ball")
    child = replace(store("a green ball"), parent_id=two.id)
    runtime = having(one, two, child)
    batch, state = batch_of(generation_ids=(two.id,)), PageState(last_id=one.id)
    assert picture_before(runtime, state, two, batch) is None
    state.before_of[batch.id] = one.id
    assert picture_before(runtime, state, two, batch) == one
    assert picture_before(runtime, state, two, None) is None, "it was opened beside another batch"
    assert picture_before(runtime, state, child, None) == two


def test_a_picture_of_another_shape_is_not_compared(store: Any) -> None:
    wide, two = store("a tree"), store("a ball")
    wide = replace(wide, request=replace(wide.request, width=2 * wide.request.width))
    batch = batch_of(generation_ids=(two.id,))
    assert picture_before(having(wide, two), PageState(before_of={batch.id: wide.id}), two, batch) is None


def test_the_time_left_is_told_first_and_never_as_nothing() -> None:
    """A phone has place for a few words; "about 0.0 s left" says nothing."""
    step = StepEvent(3, 20, 1.0, 9.0, b"jpeg")
    batch = batch_of(progress=Progress("painting", picture=1, pictures=2, step=step))
    told = [describe(cast(Desk, SimpleNamespace(remaining_s=lambda _, s=s: s)), batch) for s in (29.7, 0.01, None)]
    assert told == ["1/2 · 30 s left · step 3 of 20", "1/2 · 1 s left · step 3 of 20", "1/2 · step 3 of 20"]
