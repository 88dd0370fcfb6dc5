"""What becomes of values that a page puts into fields, when runs are broken off and a browser sends what it held."""

from typing import Any

import pytest

from studio.ui.fills import ON_ITS_WAY_S, Fills


@pytest.fixture
def session() -> dict[str, Any]:
    return {"shape": "1:1"}


def test_a_field_that_a_broken_off_run_never_drew_is_filled_again(session: dict[str, Any]) -> None:
    """Two dropped pictures: the run that filled the shape for the first is broken off by the second."""
    fills = Fills()
    fills.begin(session)
    fills.fill("shape", "3:2")
    fills.apply(session)
    assert session["shape"] == "3:2"
    session["shape"] = "1:1"  # the browser was never told, and sends what it holds
    fills.begin(session)
    assert session["shape"] == "3:2"
    fills.ended()
    fills.begin(session)  # the browser has it now
    session["shape"] = "1:1"  # its user chooses the former one
    fills.begin(session)
    assert session["shape"] == "1:1"


def test_what_a_browser_sent_before_it_heard_of_a_filled_field_does_not_take_its_place(session: dict[str, Any]) -> None:
    fills = Fills()
    fills.fill("shape", "3:2")
    fills.begin(session)
    fills.ended(now=10.0)
    session["shape"] = "1:1"
    fills.begin(session, now=10.0 + ON_ITS_WAY_S / 2)
    assert session["shape"] == "3:2"


@pytest.mark.parametrize(("chosen", "after_s"), [("16:9", 0.0), ("1:1", 2 * ON_ITS_WAY_S)])
def test_what_a_user_chooses_after_a_field_was_filled_stays(
    session: dict[str, Any], chosen: str, after_s: float
) -> None:
    """Another value at once; the former one again, once it can be nothing that was on its way."""
    fills = Fills()
    fills.fill("shape", "3:2")
    fills.begin(session)
    fills.ended(now=10.0)
    session["shape"] = chosen
    fills.begin(session, now=10.0 + after_s)
    assert session["shape"] == chosen


def test_another_value_asked_for_takes_the_place_of_one_that_waits(session: dict[str, Any]) -> None:
    fills = Fills()
    fills.fill_now(session, "shape", "3:2")
    fills.fill("shape", "16:9")
    fills.begin(session)
    assert session["shape"] == "16:9"


def test_what_no_browser_holds_is_filled_once(session: dict[str, Any]) -> None:
    """A lock that its user opens at once stays open."""
    session["locked"] = False
    fills = Fills()
    fills.fill("locked", True, in_browser=False)
    fills.begin(session)
    session["locked"] = False
    fills.begin(session)
    assert session["locked"] is False


def test_a_field_filled_again_and_again_before_its_browser_hears_of_it_keeps_the_last(session: dict[str, Any]) -> None:
    """Three presses, each of which draws a seed: the browser still sends the one that stood there before."""
    fills = Fills()
    for value in ("2:3", "3:2", "16:9"):
        fills.fill("shape", value)
        fills.begin(session)
        fills.ended(now=10.0)
        session["shape"] = "1:1"
        assert fills.is_late("shape", "1:1", now=10.1)
        fills.begin(session, now=10.1)
        assert session["shape"] == value
    assert not fills.is_late("shape", "16:9", now=10.1)
    assert not fills.is_late("shape", "9:16", now=10.1)
    assert not fills.is_late("shape", "1:1", now=10.0 + 2 * ON_ITS_WAY_S)
