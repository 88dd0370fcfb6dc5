"""How long short commands take, and as how many bare starts of Python; beside another checkout's, in the same run.

    PYTHONPATH=. python scripts/bench/commands.py [ROUNDS] [OTHER_CHECKOUT]

Medians of processor time, which other work on the machine moves less than the clock's; on an idle one the two agree.
All commands are started in turn, and then the next round begins, so that a slow minute is slow for all of them. Each
checkout lists pictures of a workspace that it made itself.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PICTURES = 300
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import fibo_core": ("-c", "import fibo_core"),
    "import sqlmodel": ("-c", "import sqlmodel"),  # the least that whatever asks the database takes
    "fibo-studio --version": ("-m", "studio", "--version"),
    "fibo-studio models list": ("-m", "studio", "models", "list"),
    "fibo-studio history list": ("-m", "studio", "history", "list"),
}
FILL = f"""
from pathlib import Path
from tests.studio.processes import add_picture, opened
with opened(Path("workspace").absolute()) as (_, history):
    for seed in range({PICTURES}):
        add_picture(history, f"a ball and {{seed}} boxes", seed=seed)
"""


@dataclass
class Checkout:
    """A checkout under measurement: its environment, and seconds by command."""

    root: Path
    folder: Path
    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in COMMANDS})

    def start(self, *arguments: str) -> float:
        """Runs Python on this checkout's modules and returns the seconds of processor time that it took."""
        environment = os.environ | {"PYTHONPATH": str(self.root), "WORKSPACE_DIR": str(self.folder / "workspace")}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed in {self.root}.")
        return usage.ru_utime + usage.ru_stime

    def median(self, command: str) -> float:
        return statistics.median(self.times[command])


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    roots = (CHECKOUT, *(Path(other).resolve() for other in sys.argv[2:3]))
    with tempfile.TemporaryDirectory() as folder:
        checkouts = [Checkout(root, Path(folder) / str(number)) for number, root in enumerate(roots)]
        for checkout in checkouts:
            checkout.folder.mkdir()
            checkout.start("-c", FILL)
            for arguments in COMMANDS.values():  # compiles what was not, and brings it into the disk's cache
                checkout.start(*arguments)
        for _ in range(rounds):
            for name, arguments in COMMANDS.items():
                for checkout in checkouts:
                    checkout.times[name].append(checkout.start(*arguments))
    here, *others = checkouts
    for name in COMMANDS:
        line = f"{name:26} {here.median(name):6.3f} s   {here.median(name) / here.median('python -c pass'):5.1f}"
        for other in others:
            line += f"   there {other.median(name):6.3f} s   here/there {here.median(name) / other.median(name):4.2f}"
        print(line)


if __name__ == "__main__":
    main()
