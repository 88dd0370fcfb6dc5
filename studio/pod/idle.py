"""The idle stop: a pod that nobody uses ends its own rent, by RunPod's API.

Used is what a job works on, what a browser is connected to, what is called over HTTP, and weights that are being
fetched. A command run in a shell of the pod is not seen.
"""

import functools
import http.client
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from fibo_core.errors import FiboError
from fibo_core.settings import Pod, Settings

log = logging.getLogger(__name__)

FORGOTTEN_TAB_S = 2 * 3600.0  #: an open tab counts as a connected browser for so long after it was last used
NEAR_S = 300.0  #: before its end the countdown is shown
LOOK_S = 5.0  #: between two looks at the clock
RETRY_S = 300.0  #: after a stop was asked for, before it is asked for again
TIMEOUT_S = 30.0
REASON_BYTES = 10_000  #: that are read of an answer


class StopFailed(FiboError):
    """RunPod did not stop the pod."""


class Activity:
    """When the studio was last used, and by how many browsers it is being used. For all threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._browsers = 0
        self._used_at = clock()
        self._left_at = clock()

    @property
    def browsers(self) -> int:
        return self._browsers

    def mark_used(self) -> None:
        """Somebody did something: the clock begins anew."""
        self._used_at = self._clock()

    @contextmanager
    def browser(self) -> Iterator[None]:
        """While inside, one more browser is connected."""
        with self._lock:
            self._browsers += 1
        try:
            yield
        finally:
            with self._lock:
                self._browsers -= 1
                self._left_at = self._clock()

    def quiet_s(self) -> float:
        """For how long nobody has been here. A connected browser is somebody, but for a tab long forgotten."""
        with self._lock:
            since = self._used_at + FORGOTTEN_TAB_S if self._browsers else max(self._used_at, self._left_at)
        return max(0.0, self._clock() - since)


class IdleStop:
    """Calls ``stop`` once nothing has happened for ``limit_s``; when that fails, again after a while.

    ``busy`` tells whether there is work that goes on without a browser.
    """

    def __init__(
        self,
        limit_s: float,
        activity: Activity,
        busy: Callable[[], bool],
        stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_s = limit_s
        self._activity = activity
        self._busy = busy
        self._stop = stop
        self._clock = clock
        self._not_before = clock()

    def left_s(self) -> float:
        """How long until the pod stops, if nothing happens."""
        return max(0.0, self._limit_s - self._activity.quiet_s())

    @property
    def is_near(self) -> bool:
        return self.left_s() < min(NEAR_S, self._limit_s / 2)

    def keep_running(self) -> None:
        """Somebody wants the pod to go on: the clock begins anew."""
        self._activity.mark_used()

    def look(self) -> None:
        """Stops the pod where its time is up. What cannot be told, such as from a database that is not there, is no
        work: it was seen working less than ``limit_s`` ago, or it is not."""
        try:
            busy = self._busy()
        except FiboError as exc:
            log.debug("Whether there is work cannot be told: %s", exc)
            busy = False
        if busy:
            self._activity.mark_used()
        elif self.left_s() <= 0 and self._clock() >= self._not_before:
            self._not_before = self._clock() + RETRY_S
            log.warning(
                "Nobody has used the studio for %.0f minutes: the pod is being stopped. Its volume is kept, and RunPod "
                "goes on billing it.",
                self._limit_s / 60,
            )
            try:
                self._stop()
            except StopFailed as exc:
                log.error("%s", exc)

    def watch(self, ending: threading.Event) -> None:
        """Looks at the clock until ``ending``."""
        while not ending.wait(LOOK_S):
            self.look()


def begin_idle_stop(
    settings: Settings, activity: Activity, busy: Callable[[], bool], ending: threading.Event
) -> IdleStop | None:
    """Watches over the pod in a thread of its own, where that was asked for and can be; the log says why it cannot."""
    if not settings.idle_stop_minutes:
        return None
    if reason := cannot_stop_because(settings):
        log.warning("IDLE_STOP_MINUTES does nothing: %s", reason)
        return None
    pod = settings.pod
    assert pod is not None
    activity.mark_used()
    idle = IdleStop(settings.idle_stop_minutes * 60.0, activity, busy, functools.partial(stop_pod, pod))
    threading.Thread(target=idle.watch, args=(ending,), name="idle-stop", daemon=True).start()
    log.info("The pod stops itself after %d minutes without use.", settings.idle_stop_minutes)
    return idle


def cannot_stop_because(settings: Settings) -> str:
    """Why this machine cannot, or should not, stop itself; "" where it can."""
    pod = settings.pod
    if pod is None:
        return "this is no RunPod pod (RUNPOD_POD_ID is not set)."
    if pod.api_key is None:
        return "RUNPOD_API_KEY is not set, without which RunPod does not stop a pod."
    if pod.network_volume and not settings.idle_stop_force:
        return (
            f"this pod has the network volume {pod.network_volume}. Its files outlive the pod, so terminate it in "
            "RunPod's console and deploy anew: a stopped pod waits for a GPU of the machine it ran on. Set "
            "IDLE_STOP_FORCE=1 to have it stopped all the same."
        )
    return ""


def stop_pod(pod: Pod) -> None:
    """Asks RunPod to stop the pod, after which this process is ended. Raises StopFailed with one sentence."""
    address = urlsplit(pod.api)
    kind = http.client.HTTPConnection if address.scheme == "http" else http.client.HTTPSConnection
    assert pod.api_key is not None
    key = pod.api_key.get_secret_value()
    try:
        connection = kind(address.netloc, timeout=TIMEOUT_S)  # follows no redirect, which would carry the key along
        try:
            connection.request(
                "POST",
                f"{address.path.rstrip('/')}/pods/{pod.id}/action",
                json.dumps({"action": "stop"}),
                {"Authorization": f"Bearer {key}", "User-Agent": "fibo-studio", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            if 200 <= answer.status < 300:
                return
            why = _reason(answer.read(REASON_BYTES), key)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as exc:
        what = type(exc).__name__ if isinstance(exc, ValueError) else exc  # a header's value may stand in its text
        raise StopFailed(f"RunPod could not be asked to stop the pod ({what}); it goes on, and costs. {_NEXT}") from exc
    if answer.status == 409:  # it runs, or nothing would run here: perhaps it is being stopped already, or is locked
        raise StopFailed(f"RunPod does not stop the pod in its present state{why}. If it goes on, it costs. {_NEXT}")
    raise StopFailed(
        f"RunPod answered {answer.status} instead of stopping the pod{why}; it goes on, and costs. {_NEXT}"
    )


def _reason(body: bytes, key: str) -> str:
    """The reason that an error of RunPod's (RFC 9457) gives, in brackets, without the key; "" where it gives none."""
    try:
        detail = " ".join(json.loads(body)["detail"].replace(key, "…").split())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f" ({detail[:200]})" if detail else ""


_NEXT = f"Stop it in RunPod's console; it is tried again in {RETRY_S / 60:.0f} minutes."
