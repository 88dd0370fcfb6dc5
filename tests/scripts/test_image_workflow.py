"""What image.yml runs beside actions: the plan, in a real repository, and the summary, from a registry of files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.containers import write_python

SCRIPTS = Path(__file__).parents[2] / ".github" / "scripts"
DIGEST = "sha256:" + "0123456789abcdef" * 4
BASE_DIGEST = "sha256:" + "fedcba9876543210" * 4
AMD64 = "sha256:" + "a" * 64


def run(name: str, folder: Path, **variables: str) -> tuple[int, str, str]:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **variables}
    done = subprocess.run(
        [sys.executable, "-I", SCRIPTS / name], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def commit(folder: Path, **files: str) -> str:
    """Writes and commits; names with `__` for `/`. Prints the commit."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_md", ".md").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=folder, env=own, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    return git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "fibo_core").mkdir()
    (tmp_path / "fibo_core" / "__init__.py").write_text('"""x"""\n\n__version__ = "1.2.3"\n', encoding="utf-8")
    return tmp_path


def plan(folder: Path, event: str = "push", ref_type: str = "branch", **variables: str) -> tuple[int, str, str]:
    given = {"GITHUB_EVENT_NAME": event, "GITHUB_REF_TYPE": ref_type, "GITHUB_REF_NAME": "main", **variables}
    return run("plan_image.py", folder, **given)


def test_a_push_of_documents_alone_builds_nothing(repository: Path) -> None:
    """One file of the program among them, an unknown past, or no change at all: it is built."""
    first = commit(repository, docs__USAGE_md="a", README_md="a")
    documents = commit(repository, docs__USAGE_md="b", README_md="b")
    assert plan(repository, BEFORE=first)[1] == "build=false\nversion=1.2.3\ncustom=\n"
    commit(repository, docs__USAGE_md="c", studio__app_py="c")
    for before in (documents, first, "0" * 40, "1" * 40, "", "--output=x"):
        assert plan(repository, BEFORE=before)[1] == "build=true\nversion=1.2.3\ncustom=\n"


def test_a_version_tag_must_be_the_programs_version(repository: Path) -> None:
    assert plan(repository, ref_type="tag", GITHUB_REF_NAME="v1.2.3")[:2] == (0, "build=true\nversion=1.2.3\ncustom=\n")
    status, said, told = plan(repository, ref_type="tag", GITHUB_REF_NAME="v1.2.4")
    assert (status, said) == (1, "")
    assert told.startswith("::error::The tag is v1.2.4, the program's version 1.2.3.")


@pytest.mark.parametrize("tag", ["", "latest", "buildcache", "main-abc", "1.2.3", "v2", "a b", "a\nversion=9", "-x"])
def test_a_tag_asked_for_by_hand_cannot_be_one_that_others_rely_on(repository: Path, tag: str) -> None:
    """Nor can it write other lines into the answer."""
    status, said, told = plan(repository, "workflow_dispatch", CUSTOM=tag)
    assert (status, said) == (1, "")
    assert told.startswith("::error::")
    assert told.count("\n") == 1


def test_a_tag_of_ones_own_is_taken(repository: Path) -> None:
    assert plan(repository, "workflow_dispatch", CUSTOM="try-1")[1] == "build=true\nversion=1.2.3\ncustom=try-1\n"


def summary(folder: Path, ours: list[int], base: list[int]) -> tuple[str, str]:
    """What it says of an index with one image and one attestation, over a base without an index."""
    folder /= "my image"
    folder.mkdir()
    platforms = [(AMD64, "linux", "amd64"), (DIGEST, "unknown", "unknown")]
    index = [{"digest": digest, "platform": {"os": os, "architecture": cpu}} for digest, os, cpu in platforms]
    registry = {
        f"me/studio@{DIGEST}": {"manifests": index},
        f"me/studio@{AMD64}": {"layers": [{"size": size} for size in [*base, *ours]]},
        f"runpod/pytorch@{BASE_DIGEST}": {"layers": [{"size": size} for size in base]},
    }
    (folder / "registry.json").write_text(json.dumps(registry), encoding="utf-8")
    (folder / "Dockerfile").write_text(
        f"FROM --platform=linux/amd64 runpod/pytorch:1@{BASE_DIGEST}\n", encoding="utf-8"
    )
    program = folder / "docker.py"
    program.write_text(
        "import json, sys\n"
        'assert sys.argv[1:-1] == ["buildx", "imagetools", "inspect", "--raw"]\n'
        f"print(json.dumps(json.load(open({str(folder / 'registry.json')!r}))[sys.argv[-1]]))\n",
        encoding="utf-8",
    )
    write_python(folder / "docker", program)
    path = f"{folder}:{os.environ['PATH']}"
    given = {"IMAGE": "me/studio", "DIGEST": DIGEST, "TAGS": "me/studio:1.2.3\nme/studio:1.2", "PATH": path}
    status, said, told = run("image_summary.py", folder, **given)
    assert status == 0
    return said, told


def test_the_summary_tells_how_to_pull_what_to_write_and_how_large_it_is(tmp_path: Path) -> None:
    said, told = summary(tmp_path, ours=[18_000_000, 2_000_000], base=[9_000_000_000])
    for line in (
        "- `docker pull me/studio:1.2.3`",
        f"- By its digest: `docker pull me/studio@{DIGEST}`",
        "container image: `me/studio:1.2.3`, or `scripts/runpod/template.py --image me/studio:1.2.3 --apply`",
        "| whole image | 9.02 GB |",
        "| of that, the base image | 9.00 GB |",
        "| **of that, ours** | 20 MB |",
    ):
        assert line in said
    assert told == ""


def test_an_image_far_beyond_its_base_is_a_warning(tmp_path: Path) -> None:
    said, told = summary(tmp_path, ours=[5_100_000_000], base=[9_000_000_000])
    assert told == ("::warning title=Image::The image is 5.1 GB larger than its base; more than 5 GB is too much.\n")
    assert "**The image is 5.1 GB larger" in said
