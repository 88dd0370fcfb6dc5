"""The idle stop: a clock that tests turn, a RunPod that listens on loopback, and sockets that are counted."""

import asyncio
import http.server
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fibo_core.errors import StoreError
from fibo_core.settings import Pod, Settings
from studio.pod.idle import (
    FORGOTTEN_TAB_S,
    RETRY_S,
    Activity,
    IdleStop,
    StopFailed,
    begin_idle_stop,
    cannot_stop_because,
    stop_pod,
)
from studio.web.gate import Gate
from tests.studio.processes import served

MINUTE = 60.0
KEY = "fake-key-for-tests"
POD = {"RUNPOD_POD_ID": "abc", "RUNPOD_API_KEY": KEY, "IDLE_STOP_MINUTES": "30"}


class Clock:
    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


class Pods:
    """A pod with half an hour to itself: its clock, who is there, and how often it was stopped."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.activity = Activity(self.clock)
        self.busy: bool | Exception = False
        self.stops = 0
        self.trouble: StopFailed | None = None
        self.idle = IdleStop(30 * MINUTE, self.activity, self.is_busy, self.stop, self.clock)

    def is_busy(self) -> bool:
        if isinstance(self.busy, Exception):
            raise self.busy
        return self.busy

    def stop(self) -> None:
        self.stops += 1
        if self.trouble:
            raise self.trouble

    def after(self, seconds: float) -> int:
        """How often it was stopped, when so much time has passed, looked at every few seconds."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + 5)
            self.idle.look()
        return self.stops


@pytest.fixture
def pod() -> Pods:
    return Pods()


def test_a_pod_that_nobody_uses_stops_when_its_time_is_up(pod):
    """Not before, and it is asked for once, though the pod takes a while to go."""
    assert pod.after(29 * MINUTE) == 0
    assert pod.after(2 * MINUTE) == 1
    assert pod.after(2 * MINUTE) == 1


def test_work_keeps_the_pod_and_the_clock_begins_when_it_is_done(pod):
    """Hours of queue or download, without any browser."""
    pod.busy = True
    assert pod.after(600 * MINUTE) == 0
    pod.busy = False
    assert pod.after(29 * MINUTE) == 0
    assert pod.after(2 * MINUTE) == 1


def test_a_call_begins_the_clock_anew(pod):
    for _ in range(5):
        assert pod.after(29 * MINUTE) == 0
        pod.activity.mark_used()


def test_a_connected_browser_keeps_the_pod_until_it_leaves(pod):
    """An open tab is a browser; the last one counts; the half hour begins when it goes."""
    with pod.activity.browser():
        with pod.activity.browser():
            assert pod.after(60 * MINUTE) == 0
        assert pod.after(55 * MINUTE) == 0
    assert pod.after(29 * MINUTE) == 0
    assert pod.after(2 * MINUTE) == 1


def test_a_tab_forgotten_for_hours_no_longer_counts_and_shows_how_long_is_left(pod):
    """Else one tab left open over the night pays for a GPU until morning. "Keep running" gives it its hours back."""
    with pod.activity.browser():
        pod.after(FORGOTTEN_TAB_S)
        assert pod.idle.left_s() == 30 * MINUTE
        assert not pod.idle.is_near
        assert pod.after(26 * MINUTE) == 0
        assert pod.idle.is_near
        assert pod.idle.left_s() == 4 * MINUTE
        pod.idle.keep_running()
        assert not pod.idle.is_near
        assert pod.after(FORGOTTEN_TAB_S + 29 * MINUTE) == 0
        assert pod.after(2 * MINUTE) == 1


def test_a_stop_that_fails_is_said_and_tried_again(pod, caplog):
    """One sentence each time; in between, and when somebody comes, nothing."""
    pod.trouble = StopFailed("RunPod answered 500.")
    assert pod.after(31 * MINUTE) == 1
    assert pod.after(RETRY_S - MINUTE - 10) == 1
    assert pod.after(MINUTE) == 2
    assert caplog.messages.count("RunPod answered 500.") == 2
    pod.activity.mark_used()
    assert pod.after(29 * MINUTE) == 2


def test_a_database_that_does_not_answer_neither_keeps_the_pod_nor_ends_the_watch(pod):
    """What cannot be told does not turn the clock back; work seen since does."""
    pod.busy = True
    pod.after(60 * MINUTE)
    pod.busy = StoreError("locked")
    assert pod.after(29 * MINUTE) == 0
    assert pod.after(2 * MINUTE) == 1


@pytest.fixture
def runpod() -> Iterator["RunPod"]:
    server = RunPod()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


class RunPod(http.server.ThreadingHTTPServer):
    """RunPod's API v2 on loopback, as far as it is documented: notes what it is asked, answers ``status``, and with an
    error its ``detail``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.status = 200
        self.detail: str | None = "what is wrong"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v2"

    def answer(self) -> Any:
        if self.status == 200:
            return {"id": "abc", "status": "EXITED", "actions": ["start", "terminate"]}
        return {"title": http.HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}

    def pod(self, key: str = KEY) -> Pod:
        environ = POD | {"RUNPOD_API_URL": self.address, "RUNPOD_API_KEY": key, "WORKSPACE_DIR": "/nowhere"}
        pod = Settings.from_environ(environ).pod
        assert pod is not None
        return pod


class _Asked(http.server.BaseHTTPRequestHandler):
    server: RunPod

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.command, self.path, self.headers["Authorization"], body))
        said = json.dumps(self.server.answer()).encode()
        self.send_response(self.server.status)
        self.send_header("Location", f"{self.server.address}/elsewhere")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Not onto the tests' own output."""


def test_runpod_is_asked_to_stop_this_pod_with_its_key(runpod):
    stop_pod(runpod.pod())
    assert runpod.asked == [("POST", "/v2/pods/abc/action", f"Bearer {KEY}", {"action": "stop"})]


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 302, 307])
def test_a_refusal_says_what_to_do_and_the_key_goes_nowhere_else(runpod, status):
    """Redirects are not followed; the sentence holds the status and RunPod's reason, but never the key."""
    runpod.status = status
    runpod.detail = f"the token\n{KEY} is {'long ' * 100}"
    with pytest.raises(StopFailed, match=rf"answered {status}.*\(the token … is long.*console") as failed:
        stop_pod(runpod.pod())
    assert len(runpod.asked) == 1
    assert KEY not in str(failed.value)
    assert len(str(failed.value)) < 400


def test_no_part_of_the_key_is_left_where_a_long_reason_is_cut(runpod):
    runpod.status = 401
    runpod.detail = "x" * 195 + KEY
    with pytest.raises(StopFailed) as failed:
        stop_pod(runpod.pod())
    assert KEY[:5] not in str(failed.value)


def test_a_state_that_allows_no_stop_is_said_so(runpod):
    """RunPod's 409: the pod may be on its way already, so nobody claims that it goes on."""
    runpod.status = 409
    runpod.detail = "stop is not valid for EXITED"
    with pytest.raises(StopFailed, match=r"present state \(stop is not valid for EXITED\)\. If it goes on, it costs\."):
        stop_pod(runpod.pod())


@pytest.mark.parametrize("detail", [None, ""])
def test_a_refusal_without_a_reason_has_no_empty_brackets(runpod, detail):
    runpod.status, runpod.detail = 500, detail
    with pytest.raises(StopFailed, match="answered 500 instead of stopping the pod; it goes on"):
        stop_pod(runpod.pod())


def test_a_runpod_that_cannot_be_reached_is_said_so_without_the_key(runpod):
    """Nobody listens there; or the key cannot even be sent."""
    for wrong in ({"api": "http://127.0.0.1:1/v2"}, {"api_key": SecretStr("broken\nkey")}):
        with pytest.raises(StopFailed, match="could not be asked") as failed:
            stop_pod(runpod.pod().model_copy(update=wrong))
        assert "key" not in str(failed.value)


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"RUNPOD_POD_ID": ""}, "no RunPod pod"),
        ({"RUNPOD_API_KEY": ""}, "RUNPOD_API_KEY is not set"),
        (
            {"RUNPOD_VOLUME_ID": "vol1"},
            "network volume vol1.*terminate it.*a stopped pod waits for a GPU.*IDLE_STOP_FORCE=1",
        ),
    ],
)
def test_where_a_pod_cannot_or_should_not_stop_itself_the_log_says_why(environ, reason, caplog):
    """One sentence, and no watch."""
    settings = Settings.from_environ(POD | {"WORKSPACE_DIR": "/nowhere"} | environ)
    assert begin_idle_stop(settings, Activity(), lambda: False, threading.Event()) is None
    (message,) = caplog.messages
    assert message == f"IDLE_STOP_MINUTES does nothing: {cannot_stop_because(settings)}"
    assert re.search(reason, message)


def test_a_network_volume_does_not_matter_to_who_insists():
    environ = POD | {"WORKSPACE_DIR": "/nowhere", "RUNPOD_VOLUME_ID": "vol1", "IDLE_STOP_FORCE": "1"}
    assert cannot_stop_because(Settings.from_environ(environ)) == ""


def test_nothing_is_said_where_no_idle_stop_was_asked_for(caplog):
    settings = Settings.from_environ({"WORKSPACE_DIR": "/nowhere", "RUNPOD_POD_ID": "abc"})
    begin_idle_stop(settings, Activity(), lambda: False, threading.Event())
    assert caplog.messages == []


def test_the_gate_counts_sockets_and_calls_that_pass_and_no_others(tmp_path: Path):
    """A health check or a stranger's knocking keeps no pod running."""
    clock = Clock()
    activity = Activity(clock)
    seen: list[int] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.append(activity.browsers)

    gate = Gate(behind, login=None, activity=activity)

    def pass_through(kind: str, path: str, host: str = "localhost") -> float:
        clock.now += 100
        scope = {
            "type": kind, "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", host.encode())]
        }  # fmt: skip
        asyncio.run(gate(scope, nothing, nothing))
        return activity.quiet_s()

    assert pass_through("http", "/health") == 100
    assert pass_through("http", "/", host="stranger.example") == 200
    assert pass_through("websocket", "/_stcore/stream", host="stranger.example") == 300
    assert pass_through("http", "/img/x.png") == 0
    assert pass_through("websocket", "/_stcore/stream") == 0
    assert seen == [0, 0, 1]
    assert activity.browsers == 0


async def nothing(*_: Any) -> Any:
    return {}


def test_browsers_that_come_and_go_in_many_threads_are_all_counted():
    activity = Activity()
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(activity.browser())
        assert activity.browsers == 50
    assert activity.browsers == 0


def test_a_served_studio_says_at_its_start_whether_it_will_stop(tmp_path: Path):
    """Not on a pod: one sentence in the log, and everything works."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with served(workspace, IDLE_STOP_MINUTES="30") as server:
        server.wait_for(lambda _: "IDLE_STOP_MINUTES does nothing: this is no RunPod pod" in server.log.read_text())


@pytest.fixture(autouse=True)
def warnings_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "studio.pod.idle")
