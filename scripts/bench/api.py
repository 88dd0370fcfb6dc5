"""How fast the API answers, and what many clients do to it.

    PYTHONPATH=. python scripts/bench/api.py

One server on a new workspace, painting with mini. In turn: orders one after another, each painted before the next
(POST); pages of the history (GET); 500 orders by 20 clients while mini paints them, with /health asked all the while;
the same with 50 clients following a batch. A machine that does other work at the same time makes the figures
meaningless.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).resolve().parents[2]
ORDER = {"words": "a red ball", "steps": 1}
ROUNDS, CLIENTS, EACH, STREAMS = 40, 20, 25, 50


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as workspace,
        serving(workspace) as home,
        httpx.Client(base_url=f"{home}/api/v1", timeout=120) as api,
    ):
        posts = [timed(lambda: api.post("/generations", json=ORDER)) for _ in range(ROUNDS)]
        gets = [timed(lambda: api.get("/generations")) for _ in range(ROUNDS)]
        print(f"POST /generations: {told([each for each, _ in posts])}")
        print(f"GET /generations, {ROUNDS} pictures: {told([each for each, _ in gets])}")
        with health_watched(home) as waits:
            began = time.perf_counter()
            ids = many_orders(home)
            took = time.perf_counter() - began
        listed = all_batches(api) - {batch["id"] for _, batch in posts}
        print(
            f"{CLIENTS * EACH} orders by {CLIENTS} clients in {took:.1f} s: {len(set(ids))} batches answered, "
            f"{len(listed)} stored, the same: {set(ids) == listed}; /health {told(waits)}"
        )
        with following(home, ids[-1]), health_watched(home) as waits:
            time.sleep(10)
        print(f"{STREAMS} streams: /health {told(waits)}")


def timed(ask: Callable[[], httpx.Response]) -> tuple[float, Any]:
    """How long an answer took, in seconds, and the answer; a batch has ended before the next."""
    began = time.perf_counter()
    answer = ask()
    took = time.perf_counter() - began
    assert answer.is_success, answer.text
    result = answer.json()
    while not result.get("ended", True):
        url = f"{answer.url.copy_with(path='/api/v1/batches/')}{result['id']}"
        result = httpx.get(url, params={"wait": 20}, timeout=60).json()
    return took, result


def many_orders(home: str) -> list[str]:
    """The ids of the batches that 500 orders became, each with a key of its own."""
    ids: list[str] = []

    def one_client(number: int) -> None:
        with httpx.Client(base_url=f"{home}/api/v1", timeout=120) as api:
            for each in range(EACH):
                answer = api.post("/generations", json=ORDER, headers={"Idempotency-Key": f"{number}-{each}"})
                assert answer.status_code == 202, answer.text
                ids.append(answer.json()["id"])

    in_threads(one_client, CLIENTS)
    return ids


def all_batches(api: httpx.Client) -> set[str]:
    found: set[str] = set()
    asked: dict[str, Any] = {"limit": 100}
    while True:
        page = api.get("/batches", params=asked).json()
        found |= {each["id"] for each in page["items"]}
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


@contextmanager
def health_watched(home: str) -> Iterator[list[float]]:
    """How long /health took each time, asked every 50 ms meanwhile."""
    waits: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.wait(0.05):
                began = time.perf_counter()
                client.get(f"{home}/health")
                waits.append(time.perf_counter() - began)

    watching = threading.Thread(target=watch)
    watching.start()
    yield waits
    over.set()
    watching.join()


@contextmanager
def following(home: str, batch_id: str) -> Iterator[None]:
    """Fifty clients that hear a batch's events; it is cancelled in the end, and they go."""
    heard = threading.Semaphore(0)

    def follow(number: int) -> None:
        with httpx.stream("GET", f"{home}/api/v1/batches/{batch_id}/events", timeout=60) as stream:
            for _ in stream.iter_lines():
                heard.release()

    streams = threading.Thread(target=in_threads, args=(follow, STREAMS))
    streams.start()
    for _ in range(STREAMS):
        heard.acquire()
    yield
    httpx.delete(f"{home}/api/v1/batches/{batch_id}", timeout=60)
    streams.join()


def in_threads(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def told(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms"


@contextmanager
def serving(workspace: str) -> Iterator[str]:
    """The address of a studio that is ready to paint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"WORKSPACE_DIR": workspace, "STUDIO_PORT": str(port), "FIBO_MODEL": "mini"}
    command = [sys.executable, "-m", "studio", "serve"]
    server = subprocess.Popen(command, env=environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
    home = f"http://127.0.0.1:{port}"
    try:
        while True:
            with suppress(httpx.TransportError):  # not listening yet
                if httpx.get(f"{home}/health").json()["status"] == "healthy":
                    break
            time.sleep(0.1)
        yield home
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
