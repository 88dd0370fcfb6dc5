"""The log: where it goes, and that no secret gets into it."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.settings import Settings
from studio.logs import OnceAMinute, start_logging

log = logging.getLogger("studio.test")


@pytest.fixture(autouse=True)
def handlers_restored() -> Iterator[None]:
    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


def settings(workspace: Path, **environment: str) -> Settings:
    return Settings.from_environ({"WORKSPACE_DIR": str(workspace)} | environment)


def test_no_secret_reaches_the_log_in_a_message_an_argument_or_a_trace(tmp_path: Path, monkeypatch):
    """Neither the file nor stderr, though a library puts it there; one secret may begin with another."""
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    start_logging(settings(tmp_path, HF_TOKEN="hf_abc", GOOGLE_API_KEY="hf_abcdef"), "test.log", stderr=True)
    log.warning("the token is hf_abc")
    logging.getLogger("uvicorn.error").error("key %s refused", "hf_abcdef")
    try:
        raise ValueError("bad header: Bearer hf_abc")
    except ValueError:
        log.exception("It failed.")
    for text in ((tmp_path / "logs" / "test.log").read_text(), stderr.getvalue()):
        assert "hf_abc" not in text
        assert "def" not in text
        assert "the token is ***" in text
        assert "key *** refused" in text
        assert "Traceback" in text


def test_a_workspace_without_room_for_a_log_costs_only_the_file(tmp_path: Path, monkeypatch):
    """Here a file stands where the folder should be."""
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    (tmp_path / "logs").write_text("")
    start_logging(settings(tmp_path), "test.log", stderr=True)
    log.info("still here")
    assert "No log file" in stderr.getvalue()
    assert "still here" in stderr.getvalue()


def test_the_log_level_is_for_our_own_lines(tmp_path: Path):
    """DEBUG tells more of the studio, and no more of its libraries."""
    start_logging(settings(tmp_path, LOG_LEVEL="DEBUG"), "test.log", stderr=False)
    log.debug("ours")
    logging.getLogger("httpx").info("theirs")
    assert "ours" in (tmp_path / "logs" / "test.log").read_text()
    assert "theirs" not in (tmp_path / "logs" / "test.log").read_text()


def test_a_warning_that_strangers_cause_is_logged_once_a_minute(tmp_path: Path):
    """As uvicorn's of each request that is none. Another warning, and every error, passes all the same."""
    now = 1000.0
    often = logging.getLogger("studio.test.often")
    often.addFilter(OnceAMinute(clock=lambda: now))
    start_logging(settings(tmp_path), "test.log", stderr=False)
    for passed_s in (0, 30, 29, 2):
        now += passed_s
        for client in range(100):
            often.warning("Invalid request from %d", client)
    often.warning("Another warning")
    often.error("A bug")
    often.error("A bug")
    lines = [line.rpartition(": ")[2] for line in (tmp_path / "logs" / "test.log").read_text().splitlines()]
    assert lines == ["Invalid request from 0"] * 2 + ["Another warning"] + ["A bug"] * 2


def test_uvicorns_warnings_are_among_those_however_often_the_log_is_begun(tmp_path: Path):
    for _ in range(2):
        start_logging(settings(tmp_path), "test.log", stderr=False)
    assert [type(each) for each in logging.getLogger("uvicorn.error").filters] == [OnceAMinute]
