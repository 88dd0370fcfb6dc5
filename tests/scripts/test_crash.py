"""A process that writes, labels, deletes and purges is killed a few times: nothing is lost, and nothing dangles."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def test_kills_lose_no_picture_no_file_and_no_label() -> None:
    """The short form of the bench, which does the same two hundred times."""
    done = subprocess.run(
        [sys.executable, "scripts/bench/crash.py", "--kills", "4", "--seed", "20261129"],
        cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    first, *counts = done.stdout.splitlines()
    assert int(first.split()[2].replace(",", "")) > 0  # changes were acknowledged before the kills
    assert len(counts) == 7
    assert all(line.endswith(": 0") for line in counts)
