"""What a command takes beside a studio that runs on its workspace, in seconds of the clock, over what the work takes.

    PYTHONPATH=. python scripts/bench/beside.py [ROUNDS]

Medians. `generate` is compared with the time its picture took in the studio, of the same run; `history list` lists 20
of 300 pictures. `--here` is the same command in its own process. The machine's load stands beside the figures.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.studio.processes import add_picture, opened, served

CHECKOUT = Path(__file__).resolve().parents[2]
PICTURES = 300


def seconds_of(workspace: Path, *arguments: str) -> tuple[float, str]:
    """How long a command takes from its start to its end, and what it prints."""
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "WORKSPACE_DIR": str(workspace), "FIBO_MODEL": "mini"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "studio", *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - began, done.stdout


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder, "workspace")
        with opened(workspace) as (_, history):
            for seed in range(PICTURES):
                add_picture(history, f"a ball and {seed} boxes", seed=seed)
        with served(workspace) as server:
            server.wait_for(lambda state: state["status"] == "healthy")
            for number in range(rounds + 1):
                for where in ((), ("--here",)):
                    name = " ".join(where)
                    took, printed = seconds_of(workspace, *where, "generate", "a red ball", "--json")
                    listed, _ = seconds_of(workspace, *where, "history", "list")
                    if number:  # the first round compiles what was not, and fills the disk's cache
                        painting = json.loads(printed)["duration_s"]
                        times.setdefault(f"painting {name}", []).append(painting)
                        times.setdefault(f"generate {name}, more than the painting", []).append(took - painting)
                        times.setdefault(f"history list {name}", []).append(listed)
    for name, each in times.items():
        print(f"{name:45} {statistics.median(each):6.2f} s   {min(each):6.2f} to {max(each):6.2f}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
