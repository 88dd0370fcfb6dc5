"""The two lock files: fit for every machine, and in step with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
APP_LOCK = ROOT / "requirements.lock"
TEST_LOCK = ROOT / "tests" / "requirements.lock"

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[A-Za-z0-9.+!]+)( ; [a-z_]+ [^/#@]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: Path) -> dict[str, set[str]]:
    """Name to versions; a package has several where its version depends on the Python."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text("utf-8").splitlines():
        if pin := PIN.fullmatch(line):
            found.setdefault(pin["name"], set()).add(pin["version"])
    return found


@pytest.mark.parametrize("lock", [APP_LOCK, TEST_LOCK], ids=["app", "test"])
def test_a_lock_holds_names_versions_markers_and_hashes_and_nothing_else(lock: Path):
    """No address, folder, index or comment of the machine that wrote it."""
    strange = [
        line for line in lock.read_text("utf-8").splitlines() if not PIN.fullmatch(line) and not HASH.fullmatch(line)
    ]
    assert strange == []
    assert pins(lock)


@pytest.mark.parametrize("lock", [APP_LOCK, TEST_LOCK], ids=["app", "test"])
def test_a_lock_leaves_torch_to_the_machine(lock: Path):
    """Neither torch nor the CUDA libraries that one of its builds pulls in."""
    assert [name for name in pins(lock) if name.startswith(("torch", "triton", "nvidia-", "cuda-"))] == []


def test_both_locks_name_the_same_version_of_what_they_share():
    """The test environment installs both at once."""
    app, test = pins(APP_LOCK), pins(TEST_LOCK)
    assert {name for name in app.keys() & test.keys() if app[name] != test[name]} == set()


def test_every_dependency_of_the_project_is_locked_in_a_version_it_accepts():
    """A change of pyproject.toml without scripts/lock.sh is noticed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for lock, wanted in [
        (APP_LOCK, project["project"]["dependencies"]),
        (TEST_LOCK, project["dependency-groups"]["dev"]),
    ]:
        locked = pins(lock)
        for requirement in map(Requirement, wanted):
            if requirement.name == "torch":
                continue
            versions = locked.get(canonicalize_name(requirement.name), set())
            assert versions, f"{requirement.name} is not in {lock.name}"
            assert all(version in requirement.specifier for version in versions), requirement
