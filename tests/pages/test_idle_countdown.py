"""The countdown of the idle stop, as a page shows it."""

import pytest
from streamlit.testing.v1 import AppTest

from studio.pod.idle import FORGOTTEN_TAB_S, Activity, IdleStop
from studio.shell import get_shell

from .conftest import press, says


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_countdown_stands_above_the_page_when_the_end_is_near_and_can_be_put_off(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a tab nobody has used for hours; "Keep running" takes it away."""
    clock = Clock()
    activity = Activity(clock)
    monkeypatch.setattr(get_shell(), "idle_stop", IdleStop(1800, activity, lambda: False, lambda: None, clock))
    with activity.browser():
        assert "the pod stops" not in says(app.run())
        clock.now = FORGOTTEN_TAB_S + 1800 - 120
        assert "the pod stops in about 2 min" in says(app.run())
        assert "still costs its disk" in says(app)
        assert "the pod stops" not in says(press(app, "Keep running"))
        assert activity.quiet_s() == 0


def test_without_an_idle_stop_no_page_speaks_of_one(app: AppTest) -> None:
    assert "the pod stops" not in says(app)
    assert "Keep running" not in [button.label for button in app.button]
