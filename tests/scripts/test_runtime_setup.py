"""scripts/runtime_setup.sh, the one maker of environments: interrupted, raced, out of disk, and again.

Each test makes real environments with the real installer, from a lock of one tiny package that lies on disk,
so that neither the network nor torch is needed. Importing that package waits as long as the file named by
TINY_GATE exists, which holds a build at its last step, before the stamp.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "runtime_setup.sh"
BIN = Path(sys.executable).parent

TINY = """import os, time
while os.path.exists(os.environ.get("TINY_GATE", "")):
    time.sleep(0.02)
"""


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Returns as soon as `true()` holds; fails where it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class Bench:
    """A folder with wheels, a lock, and a place for environments; its path holds a space."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a place"
        self.wheels = self.folder / "wheels"
        self.lock = self.folder / "requirements.lock"
        self.environments = self.folder / "environments"
        self.gate = self.folder / "gate"
        self.wheels.mkdir(parents=True)
        self.more: dict[str, str] = {}  #: variables, beside or in place of the usual ones; "" for none
        self.started: list[subprocess.Popen[str]] = []
        self.write_lock("1.0")

    def write_lock(self, version: str) -> None:
        """Builds the tiny package in `version` and locks it."""
        name, info = f"tiny-{version}-py3-none-any.whl", f"tiny-{version}.dist-info"
        with zipfile.ZipFile(self.wheels / name, "w") as wheel:
            wheel.writestr("tiny/__init__.py", TINY)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"tiny/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
        digest = hashlib.sha256((self.wheels / name).read_bytes()).hexdigest()
        self.lock.write_text(f"tiny=={version} \\\n    --hash=sha256:{digest}\n", "utf-8")

    def start(
        self,
        imports: str = "tiny",
        *,
        mode: str = "app",
        torch: tuple[str, ...] = ("--torch", "none"),
        inside: tuple[object, ...] = (),
    ) -> "subprocess.Popen[str]":
        """A run of the script, not waited for, in a process group of its own; ``inside`` goes before it."""
        process = subprocess.Popen(
            [*map(str, inside), SCRIPT, mode, *torch, "--lock", self.lock, "--imports", imports],
            env=os.environ
            | {
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "STUDIO_ENV_DIR": str(self.environments),
                "UV_CACHE_DIR": str(self.folder / "cache"),
                "UV_FIND_LINKS": str(self.wheels),
                "UV_OFFLINE": "1",
                "TINY_GATE": str(self.gate),
            }
            | self.more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def make(self) -> tuple[Path, str]:
        """Runs the script to its good end: the environment's folder, and what it said."""
        process = self.start()
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        python = Path(out.removesuffix("\n"))
        assert python.name == "python", out
        return python.parent.parent, said

    def half_made(self) -> list[Path]:
        """Environments whose package is installed and that have no stamp yet."""
        return [
            path
            for path in self.environments.glob("app-*")
            if [*path.glob("lib/*/site-packages/tiny/__init__.py")] and not (path / ".complete").exists()
        ]


def works(environment: Path) -> bool:
    """Whether the tiny package can be imported with this environment's Python."""
    return subprocess.run([environment / "bin" / "python", "-c", "import tiny"]).returncode == 0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A Bench, with every process started at it ended."""
    bench = Bench(tmp_path)
    yield bench
    for process in bench.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_an_environment_is_made_once_and_then_only_named(bench: Bench):
    """The second run makes nothing, says nothing, and names the same environment."""
    first, said = bench.make()
    assert "Making the environment" in said
    assert works(first)
    assert (bench.environments / "current").resolve() == first
    before = (first / ".complete").stat().st_mtime_ns

    assert bench.make() == (first, "")
    assert (first / ".complete").stat().st_mtime_ns == before


def test_a_folder_without_a_stamp_is_made_anew(bench: Bench):
    """Whatever lies in an unfinished environment, none of it stays."""
    first, _ = bench.make()
    (first / ".complete").unlink()
    (first / "leftover").touch()
    next(first.glob("lib/*/site-packages/tiny/__init__.py")).unlink()

    again, _ = bench.make()
    assert again == first
    assert works(again)
    assert not (again / "leftover").exists()


def test_a_build_killed_in_the_middle_is_made_whole_by_the_next_run(bench: Bench):
    """kill -9 before the stamp leaves nothing that the next run would trust."""
    bench.gate.touch()
    process = bench.start()
    wait_until(bench.half_made)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (half,) = bench.half_made()
    next(half.glob("lib/*/site-packages/tiny/__init__.py")).unlink()  # what such a kill does to an install
    bench.gate.unlink()

    environment, said = bench.make()
    assert environment == half
    assert "Making the environment" in said
    assert works(environment)


def test_runs_at_the_same_time_make_one_environment(bench: Bench):
    """The second waits for the first, and both name the same environment."""
    bench.gate.touch()
    first = bench.start()
    wait_until(bench.half_made)
    others = [bench.start(), bench.start()]
    assert all("Waiting" in process.stderr.readline() for process in others)
    bench.gate.unlink()

    results = [process.communicate(timeout=120) for process in (first, *others)]
    assert len({out for out, _ in results}) == 1
    assert sum("Making the environment" in said for _, said in results) == 1
    assert all(process.returncode == 0 for process in (first, *others))


def test_an_environment_that_is_replaced_goes_unless_a_program_runs_in_it(bench: Bench):
    """An update never takes the files from under a running studio."""
    first, _ = bench.make()
    with (first / ".in-use").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        bench.write_lock("2.0")
        second, said = bench.make()
        assert second != first
        assert works(first)
        assert str(first) in said
    bench.write_lock("3.0")
    third, _ = bench.make()
    assert [*bench.environments.glob("app-*")] == [third]


def test_an_environment_that_cannot_be_imported_is_never_handed_out(bench: Bench):
    """The check comes before the stamp; nothing is printed for a caller to run."""
    process = bench.start(imports="tiny absent_module")
    out, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == ""
    assert "absent_module" in said
    assert "does not work" in said
    assert [*bench.environments.glob("app-*/.complete")] == []


def test_a_wheel_other_than_the_locked_one_is_refused(bench: Bench):
    """A hash that does not match ends the build, and no environment is handed out."""
    bench.lock.write_text("tiny==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", "utf-8")
    process = bench.start()
    out, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == ""
    assert "hash" in said.lower()


def test_too_little_disk_is_said_before_anything_is_installed(bench: Bench):
    """One sentence names the folder, what is free and what is needed."""
    bench.environments.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", bench.environments]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        process = bench.start()
        out, said = process.communicate(timeout=120)
        left = [*bench.environments.glob("app-*")]
    finally:
        subprocess.run(["umount", bench.environments], check=True)
    assert process.returncode == 1
    assert out == ""
    assert f"Too little disk space for the environment: {bench.environments} has" in said
    assert "500 MB are needed" in said
    assert left == []


def test_a_python_that_is_too_old_is_named_with_what_to_install(bench: Bench, tmp_path: Path):
    """Where no Python on the PATH will do, the one sentence says which was found and what to get."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "readlink", "env"):
        (tools / tool).symlink_to(shutil.which(tool))
    (tools / "python3").write_text("#!/bin/bash\nprintf '%s\\n' old 3.9.2 /usr/bin/python3.9 ''\n")
    (tools / "python3").chmod(0o755)
    done = subprocess.run([SCRIPT, "app"], env={"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert "python3 is 3.9.2" in done.stderr
    assert "apt-get install" in done.stderr


def test_pods_on_one_volume_have_an_environment_each_and_those_of_pods_long_gone_are_removed(bench: Bench):
    """A pod is known by its id. Only a folder that a pod's start has left, and not for three months, may go."""
    pods = bench.folder / ".studio"
    bench.more = {"STUDIO_ENV_DIR": "", "WORKSPACE_DIR": str(bench.folder), "RUNPOD_POD_ID": "first"}
    first, _ = bench.make()
    bench.more["RUNPOD_POD_ID"] = "second"
    second, _ = bench.make()
    assert (first.parent, second.parent) == (pods / "first", pods / "second")

    hundred_days_ago = time.time() - 100 * 24 * 3600
    os.utime(pods / "first" / ".started", (hundred_days_ago, hundred_days_ago))
    (pods / "mine").mkdir()
    os.utime(pods / "mine", (hundred_days_ago, hundred_days_ago))
    bench.more["RUNPOD_POD_ID"] = "third"
    _, said = bench.make()
    assert {path.name for path in pods.iterdir()} == {"second", "third", "mine"}
    assert f"Removing {pods}/first" in said


def test_the_linters_have_an_environment_beside_the_programs_and_no_torch(bench: Bench):
    """What scripts/validate.sh --all asks for. Neither environment takes the other's place."""
    program, _ = bench.make()
    process = bench.start(mode="lint", torch=())
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    linters = Path(out.strip()).parent.parent
    assert linters.name.startswith("lint-")
    assert "torch: none" in (linters / ".complete").read_text()
    assert works(linters)
    assert works(program)
    assert bench.make()[0] == program


def test_the_steps_are_told_to_whom_it_concerns(bench: Bench):
    """The set-up's page shows them; a start that finds all made goes to the last one at once."""
    steps = bench.folder / "steps"
    bench.more = {"STUDIO_STEPS_FILE": str(steps)}
    bench.make()
    told = steps.read_text().split()
    assert [name for index, name in enumerate(told) if name not in told[:index]] == [
        "installer",
        "packages",
        "torch",
        "check",
        "studio",
    ]
    steps.unlink()
    bench.make()
    assert steps.read_text().split() == ["studio"]


def test_the_torch_of_a_pods_image_is_used_and_none_is_fetched(bench: Bench):
    """A system Python with a CUDA build of torch, as RunPod's image has: its environment sees that very torch."""
    base = subprocess.run(
        ["python3", "-I", "-c", "import sys; print(getattr(sys, '_base_executable', None) or sys.executable)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    where = "import site; print(site.getsitepackages()[0])"
    packages = subprocess.run([base, "-I", "-c", where], capture_output=True, text=True).stdout.strip()
    torch = bench.folder / "image" / "torch"
    torch.mkdir(parents=True)
    (torch / "__init__.py").write_text("from torch.version import __version__\n")
    (torch / "version.py").write_text("__version__ = '2.9.1+cu128'\ncuda = '12.8'\n")
    script = f"mkdir -p '{packages}' && mount --bind '{torch.parent}' '{packages}' && exec \"$@\""
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    if os.geteuid() != 0 or subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        pytest.skip("such a Python can only be put together by root")

    bench.more = {"PATH": f"{Path(base).parent}:{os.environ['PATH']}:{BIN}"}
    process = bench.start("tiny torch", torch=(), inside=inside)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    environment = Path(out.strip()).parent.parent
    assert "torch: system 2.9.1+cu128" in (environment / ".complete").read_text()
    assert [*environment.glob("lib/*/site-packages/torch*")] == []
