"""scripts/studio.sh: between the shell it was called from and the program, it adds nothing and loses nothing.

A checkout of four files stands in for the project: the real studio.sh, a setup that names this Python, and a
program that tells what reached it. What the real setup does is test_runtime_setup.py's subject.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.scripts.containers import write_python

STUDIO = Path(__file__).parent.parent.parent / "scripts" / "studio.sh"

PROGRAM = """import json, os, sys
if "wait" in sys.argv:
    print("ready", flush=True)
    sys.stdin.read()
told = {"arguments": sys.argv[1:], "folder": os.getcwd(), "typed": sys.stdin.read(), "home": __file__}
print(json.dumps(told))
sys.exit(2 if "misuse" in sys.argv else 0)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose path has a space, with an environment beside it whose path has one too."""
    root, environment = tmp_path / "my checkout", tmp_path / "my environment"
    for folder in (root / "scripts", root / "studio", environment / "bin"):
        folder.mkdir(parents=True)
    shutil.copy(STUDIO, root / "scripts")
    python = environment / "bin" / "python"
    write_python(python)
    (environment / ".in-use").touch()
    setup = root / "scripts" / "runtime_setup.sh"
    setup.write_text(f"#!/bin/sh\necho 'Making the environment' >&2\ncat >&2\necho '{python}'\n")
    setup.chmod(0o755)
    (root / "studio" / "__init__.py").touch()
    (root / "studio" / "__main__.py").write_text(PROGRAM)
    return root


def run(checkout: Path, *arguments: str, cwd: Path, typed: str = "") -> "subprocess.CompletedProcess[str]":
    command = [checkout / "scripts" / "studio.sh", *arguments]
    return subprocess.run(command, cwd=cwd, input=typed, capture_output=True, text=True, timeout=60)


def test_arguments_input_folder_and_status_pass_through(checkout: Path, tmp_path: Path):
    """From any folder, even one with a module of the same name; stdout is the program's alone."""
    (tmp_path / "studio.py").write_text("raise SystemExit('the wrong studio')")
    done = run(checkout, "misuse", "a red ball", "*", cwd=tmp_path, typed="{}")
    assert json.loads(done.stdout) == {
        "arguments": ["misuse", "a red ball", "*"],
        "folder": str(tmp_path),
        "typed": "{}",
        "home": str(checkout / "studio" / "__main__.py"),
    }
    assert done.returncode == 2
    assert done.stderr == "Making the environment\n"


def test_without_arguments_the_studio_is_served(checkout: Path, tmp_path: Path):
    """The first command of the README."""
    assert json.loads(run(checkout, cwd=tmp_path).stdout)["arguments"] == ["serve"]


def test_called_by_a_link_it_finds_its_checkout(checkout: Path, tmp_path: Path):
    """A link in a folder of the PATH serves as well as the script."""
    link = tmp_path / "fibo"
    link.symlink_to(checkout / "scripts" / "studio.sh")
    done = subprocess.run([link, "doctor"], input="", capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["arguments"] == ["doctor"]


def test_a_signal_reaches_the_program(checkout: Path):
    """The program takes the script's place, so that a supervisor's SIGTERM ends it and nothing is left."""
    process = subprocess.Popen(
        [checkout / "scripts" / "studio.sh", "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_a_start_script_of_the_tests_finds_a_python_whose_path_has_a_space(tmp_path: Path) -> None:
    """As where the checkout, with its environment, lies in a folder called "my fibo"."""
    python, program, start = (tmp_path / name for name in ("my python", "my program.py", "start"))
    write_python(python)
    program.write_text("import sys; print(sys.argv[1:])")
    write_python(start, program, executable=python)
    assert subprocess.run([start, "a", "b c"], capture_output=True, text=True, check=True).stdout == "['a', 'b c']\n"
