"""The page on the studio's port while its environment is made: "Setting up, step 3 of 6".

    python3 scripts/setup_page.py HOST PORT STEPS_FILE

Standard library only. The steps' file is written by scripts/runtime_setup.sh, a name a line; the last one is shown.
`/health` answers with the studio's own fields, status "loading", and the step. The page asks for it and loads itself
anew once the studio answers instead. Ended by SIGTERM, when the studio is about to listen.
"""

import json
import re
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

STEPS = {
    "machine": "Looking at the machine",
    "installer": "Finding the installer",
    "packages": "Installing the packages",
    "torch": "Adding PyTorch",
    "check": "Checking what was installed",
    "studio": "Starting the studio",
}
ROOT = Path(__file__).resolve().parent.parent

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>FIBO Studio is being set up</title>
<noscript><meta http-equiv="refresh" content="5"></noscript>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #121214; color: #dcdce0;
         font: 15px/1.5 system-ui, sans-serif; }
  main { width: min(26rem, calc(100vw - 3rem)); }
  h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 .25rem; }
  p { margin: 0 0 1.5rem; color: #a5a5ad; }
  ol { list-style: none; margin: 0 0 1.5rem; padding: 0; }
  li { padding: .5rem .75rem; border-left: 3px solid #2c2c32; color: #85858d; }
  li.done { border-color: #7d4a29; color: #a5a5ad; }
  li.now { border-color: #b0622d; background: #1c1c20; color: #fff; }
</style>
</head>
<body>
<main>
<h1>FIBO Studio</h1>
<p id="title" role="status">%(title)s</p>
<ol id="steps">
%(items)s
</ol>
<p>The first start takes a few minutes, a later one some seconds. The studio opens here by itself.</p>
</main>
<script>
  async function look() {
    try {
      const health = await (await fetch("/health", {cache: "no-store"})).json();
      if (!health.setup) return location.reload();
      const {step, of, doing} = health.setup;
      document.getElementById("title").textContent = `Setting up, step ${step} of ${of}: ${doing}`;
      [...document.getElementById("steps").children].forEach((item, index) => {
        item.className = index + 1 < step ? "done" : index + 1 === step ? "now" : "";
      });
    } catch { /* between this page and the studio nobody listens for a moment */ }
    setTimeout(look, 1000);
  }
  setTimeout(look, 1000);
</script>
</body>
</html>
"""


def step_of(file: Path) -> int:
    """The number of the step that was reached last; 1 before there is any."""
    try:
        reached = [name for name in file.read_text("utf-8").split() if name in STEPS]
    except OSError:
        reached = []
    return list(STEPS).index(reached[-1]) + 1 if reached else 1


def health(step: int) -> dict[str, object]:
    """The fields of the studio's own /health, and how far the set-up is."""
    version = re.search(r'__version__ = "(.*)"', (ROOT / "fibo_core" / "__init__.py").read_text("utf-8"))
    return {
        "status": "loading",
        "model_loaded": False,
        "gpu_available": False,
        "vram_used_gb": 0.0,
        "model": "",
        "queue": {"queued": 0, "running": 0},
        "version": version.group(1) if version else "",
        "setup": {"step": step, "of": len(STEPS), "doing": list(STEPS.values())[step - 1]},
    }


def page(step: int) -> str:
    """The page at a step."""
    titles = list(STEPS.values())
    kinds = ["done" if number < step else "now" if number == step else "" for number in range(1, len(titles) + 1)]
    items = "\n".join(f'<li class="{kind}">{title}</li>' for kind, title in zip(kinds, titles, strict=True))
    return PAGE % {"title": f"Setting up, step {step} of {len(titles)}: {titles[step - 1]}", "items": items}


class Handler(BaseHTTPRequestHandler):
    """`/` and `/health` with 200; all else, the API and old tabs' sockets, is told to come again later."""

    server_version, sys_version = "FIBO-Studio", ""
    timeout = 10
    steps_file = Path()

    def answer(self) -> None:
        path, step = self.path.split("?")[0], step_of(self.steps_file)
        kind, body = "text/html; charset=utf-8", page(step)
        if path == "/health":
            kind, body = "application/json", json.dumps(health(step))
        sent = body.encode()
        self.send_response(200 if path in ("/", "/health") else 503)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Retry-After", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """The container's log has better things to tell."""


class Server(ThreadingTCPServer):
    """Not http.server's own, which asks the name service for this machine's name before it listens."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that went away is no news."""


def main() -> int:
    host, port, Handler.steps_file = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Server.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = Server((host, port), Handler)
    except OSError as exc:
        print(f"studio: The set-up cannot be shown at {host}:{port}: {exc.strerror}.", file=sys.stderr)
        return 1
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
