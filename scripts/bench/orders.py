"""Many orders at once: whether each is painted exactly once, and how fast the studio answers meanwhile.

    PYTHONPATH=. python scripts/bench/orders.py [ORDERS] [THREADS]

A whole studio in one process: its desk, its queue, the real pipeline on mini (one step, 64×64 pixels, so that what is
measured is the studio) and its /health over HTTP, which a process of its own asks every 20 ms. A machine that does
other work at the same time makes the times meaningless, not the counts.
"""

import http.client
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from fibo_core.settings import Settings
from fibo_core.store.history import HistoryQuery
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime, build_runtime
from studio.web import routes

ASK_EVERY_S = 0.02


def main() -> None:
    if sys.argv[1:2] == ["--ask"]:
        ask(int(sys.argv[2]))
        return
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environ({"WORKSPACE_DIR": folder, "FIBO_MODEL": "mini", "FIBO_WRITER": "offline"})
        runtime = build_runtime(settings)
        runtime.tools.engine.load("mini")
        server, port = serve_health(runtime)
        asking = subprocess.Popen(
            [sys.executable, __file__, "--ask", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert asking.stdout is not None
        asking.stdout.readline()  # it has begun
        started = time.perf_counter()
        batch_ids, placed_s = place(runtime, orders, threads)
        all_placed_s = time.perf_counter() - started
        for batch_id in batch_ids:
            runtime.desk.wait(batch_id)
        painted_s = time.perf_counter() - started
        said, _ = asking.communicate("that is all\n")
        painted = Counter(id for batch_id in batch_ids for id in runtime.desk.get(batch_id).generation_ids)
        stored = runtime.tools.history.count(HistoryQuery())
        server.should_exit = True
        runtime.close()

    print(f"{orders} orders of one picture from {threads} threads")
    print(f"lost {orders - len(painted)}, painted twice {stored - orders}, in two batches {max(painted.values()) > 1}")
    print(f"all placed after {all_placed_s:.1f} s, all painted after {painted_s:.1f} s")
    print(f"{'place an order':16} {quantiles(placed_s)}")
    print(f"{'/health':16} {quantiles([float(text) for text in said.split()])}")


def place(runtime: Runtime, orders: int, threads: int) -> tuple[list[str], list[float]]:
    """The batches of all orders, and how long each order took to be taken."""
    batch_ids: list[str] = []
    seconds: list[float] = []
    together = threading.Barrier(threads)

    def work(numbers: range) -> None:
        together.wait()
        for number in numbers:
            order = Order(kind="generate", words=f"ball number {number}", size=(64, 64), steps=1, seed=number)
            started = time.perf_counter()
            batch_ids.append(runtime.desk.place(order).id)
            seconds.append(time.perf_counter() - started)

    workers = [threading.Thread(target=work, args=(range(first, orders, threads),)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return batch_ids, seconds


def serve_health(runtime: Runtime) -> tuple[uvicorn.Server, int]:
    """The studio's own /health on a free port of this process."""
    routes.get_runtime = lambda: runtime  # type: ignore[attr-defined]
    app = Starlette(routes=[Route("/health", routes.health)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server, server.servers[0].sockets[0].getsockname()[1]


def ask(port: int) -> None:
    """Asks for /health until there is something on stdin; prints how many seconds each answer took."""
    done = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), done.set()), daemon=True).start()
    print("begun", flush=True)
    seconds = []
    while not done.is_set():
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        seconds.append(time.perf_counter() - started)
        assert answer.status == 200, answer.status
        time.sleep(ASK_EVERY_S)
    print(*seconds)


def quantiles(seconds: list[float]) -> str:
    """Median, 95th percentile and the longest, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20)
    median, most, longest = (round(each * 1000) for each in (cuts[9], cuts[18], max(seconds)))
    return f"{median:6} ms median, {most:6} ms at 95 %, {longest:6} ms longest of {len(seconds)}"


if __name__ == "__main__":
    main()
