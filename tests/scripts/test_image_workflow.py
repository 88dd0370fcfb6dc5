"""docker-build.yml and tests.yml: their shell steps, run in a real repository as GitHub runs them, with its events.

Actions and conditions are GitHub's own and cannot run here: what they are given is read from the files.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = CHECKOUT / ".github" / "scripts"
BUILD, TESTS = "docker-build.yml", "tests.yml"
SHA = "0123456789" * 4
DIGEST = "sha256:" + "0123456789abcdef" * 4
BASE_DIGEST = "sha256:" + "fedcba9876543210" * 4
AMD64 = "sha256:" + "a" * 64


def text_of(workflow: str) -> str:
    return (CHECKOUT / ".github" / "workflows" / workflow).read_text("utf-8")


def jobs(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of(workflow))["jobs"]
    return found


def triggers(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of(workflow))[True]  # `on` is a truth value to YAML
    return found


def step_of(workflow: str, job: str, name: str) -> dict[str, Any]:
    (found,) = (step for step in jobs(workflow)[job]["steps"] if name in (step.get("id"), step.get("name")))
    return dict(found)


@dataclass(frozen=True)
class Ended:
    """How a step ended: its status, what it said, and what it left for other steps and for the summary."""

    status: int
    said: str
    output: dict[str, str]
    summary: str


def run_step(folder: Path, workflow: str, job: str, name: str, path: str = "", **variables: str) -> Ended:
    """Runs a step's script as `shell: bash` does. The variables must be those that it names, beside GitHub's own."""
    step = step_of(workflow, job, name)
    assert set(step.get("env", {})) <= set(variables)
    output, summary = folder.parent / "output", folder.parent / "summary"
    for file in (output, summary):
        file.write_text("", "utf-8")
    environment = {
        "PATH": f"{path}:{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "IMAGE": "me/studio",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        **variables,
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    left = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
    return Ended(done.returncode, done.stdout + done.stderr, left, summary.read_text("utf-8"))


def git(folder: Path, *arguments: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=own, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, text: str, *names: str) -> str:
    """Writes the files and commits; the commit."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the real scripts; the program's version is 1.2.3."""
    folder = tmp_path / "repository"
    shutil.copytree(SCRIPTS, folder / ".github" / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet")
    commit(folder, '"""x"""\n\n__version__ = "1.2.3"\n', "fibo_core/__init__.py")
    return folder


# ---- The secrets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{"DOCKER_USERNAME"}, {"DOCKER_PASSWORD"}, {"DOCKER_USERNAME", "DOCKER_PASSWORD"}])
def test_a_missing_secret_ends_the_run_with_a_sentence_that_says_where_it_goes(
    repository: Path, missing: set[str]
) -> None:
    """Those that are there are not named, and not shown."""
    given = {name: "" if name in missing else "hidden" for name in ("DOCKER_USERNAME", "DOCKER_PASSWORD")}
    ended = run_step(repository, BUILD, "plan", "Are the secrets there?", **given)
    assert ended.status == 1
    assert re.findall(r"^::error title=Secrets::(\w+) is not set\. Add it under Settings", ended.said, re.M) == sorted(
        missing, reverse=True
    )
    assert "hidden" not in ended.said


def test_with_both_secrets_nothing_is_said(repository: Path) -> None:
    ended = run_step(
        repository, BUILD, "plan", "Are the secrets there?", DOCKER_USERNAME="me", DOCKER_PASSWORD="hidden"
    )
    assert (ended.status, ended.said) == (0, "")


def test_the_secrets_are_looked_for_and_tried_before_anything_else_runs() -> None:
    """Every other job waits for the first one, whose first step looks and whose last one logs in."""
    steps = jobs(BUILD)["plan"]["steps"]
    assert steps[0]["name"] == "Are the secrets there?"
    assert steps[-1]["uses"].startswith("docker/login-action@")
    assert {name for name, job in jobs(BUILD).items() if "needs" not in job} == {"plan"}


def test_the_secrets_have_the_names_that_the_repository_has_and_need_no_environment() -> None:
    """One is taken only where a variable of the repository names it."""
    assert set(re.findall(r"secrets\.(\w+)", text_of(BUILD))) == {"DOCKER_USERNAME", "DOCKER_PASSWORD"}
    with_secrets = {name for name, job in jobs(BUILD).items() if "secrets." in str(job)}
    environments = {name: job["environment"] for name, job in jobs(BUILD).items() if "environment" in job}
    assert environments == dict.fromkeys(with_secrets, "${{ vars.DOCKER_ENVIRONMENT }}")
    assert "secrets." not in text_of(TESTS)


# ---- Versions and tags -------------------------------------------------------------------------------------


def plan(folder: Path, event: str = "push", ref: str = "main", asked: str = "") -> Ended:
    """The plan for an event as GitHub names it; a ref that begins with v is a git tag."""
    kind = "tag" if ref.startswith("v") else "branch"
    given = {"GITHUB_EVENT_NAME": event, "GITHUB_REF_TYPE": kind, "GITHUB_REF_NAME": ref, "GITHUB_SHA": SHA}
    return run_step(folder, BUILD, "plan", "plan", ASKED=asked, **given)


def tags(ended: Ended) -> list[str]:
    """The image's tags."""
    assert ended.status == 0
    return ended.output["tags"].split(",")


def test_a_version_tag_gives_its_number_its_minor_version_and_latest(repository: Path) -> None:
    """git tag v1.2.3 && git push origin v1.2.3"""
    ended = plan(repository, ref="v1.2.3")
    assert ended.output == {"version": "1.2.3", "tags": "1.2.3,1.2,latest"}
    assert ended.said == ended.summary == ""


def test_the_tag_decides_the_version_and_a_program_of_another_number_is_told_and_built(repository: Path) -> None:
    ended = plan(repository, ref="v1.0.0")
    assert ended.output["version"] == "1.0.0"
    assert tags(ended) == ["1.0.0", "1.0", "latest"]
    told = "The image is 1.0.0, as its tag says; fibo_core/__init__.py says 1.2.3, which the pages show."
    assert ended.said == f"::warning title=Version::{told}\n"
    assert told in ended.summary


def test_a_pre_release_is_known_by_its_own_number_alone(repository: Path) -> None:
    assert tags(plan(repository, ref="v2.0.0-rc.1")) == ["2.0.0-rc.1"]


@pytest.mark.parametrize("tag", ["v1", "v1.0", "v1.0.0.0", "vienna", "v01.0.0", "v1.0.0+x", "v1.0.0-é", "v1.0.0-"])
def test_a_git_tag_that_is_no_version_is_refused_with_one_that_is(repository: Path, tag: str) -> None:
    ended = plan(repository, ref=tag)
    assert (ended.status, ended.output) == (1, {})
    assert ended.said.startswith(f"::error title=Tag::'{tag}' is no version. Tag the commit v1.0.0")


@pytest.mark.parametrize(
    ("tags", "names"), [("manual", "me/studio:manual"), ("1.2.3,1.2", "me/studio:1.2.3,me/studio:1.2")]
)
def test_each_tag_becomes_a_name_of_the_image(repository: Path, tags: str, names: str) -> None:
    assert run_step(repository, BUILD, "image", "names", TAGS=tags).output == {"names": names}


def test_no_job_that_has_the_user_name_hands_on_or_shows_the_images_name() -> None:
    """GitHub masks secrets: an output with one in it arrives empty, and a command in a summary has stars in it."""
    with_secrets = [job for job in jobs(BUILD).values() if "secrets." in str(job)]
    assert len(with_secrets) == 3
    for job in with_secrets:
        assert "steps.names" not in str(job.get("outputs"))
        assert "image_summary.py" not in str(job)
    assert "image_summary.py" in str(jobs(BUILD)["result"])


def test_main_gives_latest_and_a_tag_of_its_commit(repository: Path) -> None:
    ended = plan(repository)
    assert (ended.output["version"], tags(ended)) == ("1.2.3", ["latest", "main-0123456"])


def test_a_run_by_hand_needs_no_tag(repository: Path) -> None:
    """Neither in the form nor in what is made of it, on a branch or on a version's commit."""
    offered = triggers(BUILD)["workflow_dispatch"]["inputs"]["tag"]
    assert (offered["default"], offered["required"]) == ("manual", False)
    for asked in ("", " ", "manual"):
        for ref in ("feature", "v1.2.3"):
            assert tags(plan(repository, "workflow_dispatch", ref, asked)) == ["manual"]


@pytest.mark.parametrize("tag", ["try-1", "latest", "main-0123456", "2026-11-29", "3d", "_x", "v", "A.b-c", "x" * 128])
def test_a_run_by_hand_may_use_any_tag_that_is_no_versions(repository: Path, tag: str) -> None:
    assert tags(plan(repository, "workflow_dispatch", "feature", tag)) == [tag]


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.3", "1.2", "v2", "2", "1.2.3-rc.1", "v1.2.3-rc.1"])
def test_a_tag_of_versions_is_not_to_be_had_by_hand(repository: Path, tag: str) -> None:
    """Also where no git tag has made it yet."""
    ended = plan(repository, "workflow_dispatch", "feature", tag)
    assert (ended.status, ended.output) == (1, {})
    assert ended.said.startswith(f"::error title=Tag::'{tag}' is a tag of versions")


@pytest.mark.parametrize(
    "tag", ["a b", "a\nversion=9", "-x", ".x", "é", "a/b", "a,me/other:b", "x" * 129, "buildcache"]
)
def test_what_can_be_no_tag_is_refused_in_one_line(repository: Path, tag: str) -> None:
    """It can write no other line, neither into the answer nor into the log."""
    ended = plan(repository, "workflow_dispatch", "feature", tag)
    assert (ended.status, ended.output, ended.said.count("\n")) == (1, {}, 1)
    assert ended.said.startswith("::error title=Tag::")


def test_the_programs_number_stands_in_one_file() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "fibo_core/__init__.py"}
    assert 'VERSION_FILE = "fibo_core/__init__.py"' in (SCRIPTS / "plan_image.py").read_text("utf-8")


# ---- What is tested and built ------------------------------------------------------------------------------


def only_documents(
    folder: Path, before: str, event: str = "push", ref_type: str = "branch", workflow: str = BUILD
) -> bool:
    """What a workflow is told of a push."""
    job = {BUILD: "plan", TESTS: "changes"}[workflow]
    given = {"GITHUB_EVENT_NAME": event, "GITHUB_REF_TYPE": ref_type, "BEFORE": before, "DEFAULT_BRANCH": "main"}
    ended = run_step(folder, workflow, job, "changes", **given)
    assert (ended.status, ended.said) == (0, "")
    return {"true": True, "false": False}[ended.output["only_documents"]]


@pytest.mark.parametrize("workflow", [BUILD, TESTS])
def test_a_push_of_documents_alone_is_told_from_one_of_more(repository: Path, workflow: str) -> None:
    """One file of the program among them, a past that is not known, or no change at all: it is more."""
    first = commit(repository, "a", "docs/USAGE.md", "README.md")
    documents = commit(repository, "b", "docs/USAGE.md", "README.md", "docs/images/a.png")
    assert only_documents(repository, first, workflow=workflow)
    program = commit(repository, "c", "docs/USAGE.md", "studio/ui/app.py")
    for before in (documents, first, program, "0" * 40, "1" * 40, "", "--output=x"):
        assert not only_documents(repository, before, workflow=workflow)


def test_a_new_branch_is_compared_with_the_default_branch(repository: Path) -> None:
    """It had no commit before; what main has got since is not the branch's."""
    git(repository, "branch", "-M", "main")
    git(repository, "switch", "--quiet", "--create", "words")
    commit(repository, "a", "README.md")
    git(repository, "switch", "--quiet", "main")
    git(repository, "update-ref", "refs/remotes/origin/main", commit(repository, "a", "studio/ui/app.py"))
    git(repository, "switch", "--quiet", "words")
    assert only_documents(repository, "0" * 40)
    commit(repository, "b", "studio/other.py")
    assert not only_documents(repository, "0" * 40)


def test_a_version_a_pull_request_and_a_run_by_hand_are_never_documents_only(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    commit(repository, "a", "README.md")
    assert only_documents(repository, first)
    for event, ref_type in (("push", "tag"), ("pull_request", "branch"), ("workflow_dispatch", "branch")):
        assert not only_documents(repository, first, event, ref_type)


def test_documents_are_validated_and_all_else_is_tested_on_the_pods_python_and_in_a_pull_request_on_three() -> None:
    more_than_documents = "${{ needs.changes.outputs.only_documents != 'true' }}"
    tests = jobs(TESTS)["tests"]
    assert (tests["needs"], tests["if"]) == ("changes", more_than_documents)
    assert not {"needs", "if"} & set(jobs(TESTS)["validate"])
    image = jobs(BUILD)["image"]
    assert (image["needs"], image["if"]) == (["plan", "tests"], more_than_documents.replace("changes", "plan", 1))

    python = re.fullmatch(
        r"\$\{\{ fromJSON\(github\.event_name == 'pull_request' && '(.+)' \|\| '(.+)'\) \}\}",
        tests["strategy"]["matrix"]["python"],
    )
    assert python is not None
    assert json.loads(python[1]) == ["3.11", "3.12", "3.13"]
    (of_pushes,) = json.loads(python[2])
    assert f"Python {of_pushes} on Ubuntu" in (CHECKOUT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "validate", "tests", "status"),
    [
        ("success", "success", "success", 0),
        ("success", "success", "skipped", 0),
        ("success", "failure", "skipped", 1),
        ("success", "success", "failure", 1),
        ("success", "success", "cancelled", 1),
        ("failure", "success", "skipped", 1),
    ],
)
def test_tests_are_green_where_all_that_was_to_run_has_passed(
    repository: Path, changes: str, validate: str, tests: str, status: int
) -> None:
    """Tests that were skipped because their question failed are not."""
    given = {"CHANGES": changes, "VALIDATE": validate, "TESTS": tests}
    ended = run_step(repository, TESTS, "result", "How it went", **given)
    assert (ended.status, f"| scripts/test.sh | {tests} |" in ended.summary) == (status, True)


@pytest.mark.parametrize(
    ("up_to_the_push", "after_it", "status", "said"),
    [
        ("plan success, tests success, image success", "scan success, release skipped", 0, "Pushed to me/studio."),
        ("plan success, tests success, image success", "scan failure, release skipped", 0, "::warning title=Image::"),
        ("plan success, tests success, image success", "scan success, release failure", 0, "::warning title=Image::"),
        ("plan success, tests success, image skipped", "scan skipped, release skipped", 0, "only documents"),
        ("plan failure, tests skipped, image skipped", "scan skipped, release skipped", 1, "::error title=Image::"),
        ("plan success, tests failure, image skipped", "scan skipped, release skipped", 1, "::error title=Image::"),
        ("plan success, tests success, image failure", "scan skipped, release skipped", 1, "::error title=Image::"),
    ],
)
def test_a_run_is_red_where_the_image_was_not_pushed_and_never_for_what_follows(
    repository: Path, up_to_the_push: str, after_it: str, status: int, said: str
) -> None:
    given = {"UP_TO_THE_PUSH": up_to_the_push, "AFTER_IT": after_it}
    ended = run_step(repository, BUILD, "result", "How it went", **given)
    assert (ended.status, said in ended.said) == (status, True)
    assert ended.summary == f"Result: {up_to_the_push}; {after_it}.\n"


# ---- After the push ----------------------------------------------------------------------------------------


def test_whatever_follows_the_push_may_fail() -> None:
    """By its job where all of it does, and step by step where the summary is to tell which."""
    for job in ("scan", "release"):
        assert jobs(BUILD)[job]["continue-on-error"] is True
    after_it = [step_of(BUILD, "image", "size"), *jobs(BUILD)["result"]["steps"][:-1]]
    assert [step for step in after_it if step.get("continue-on-error") is not True] == []
    before_the_summary = [
        step for step in jobs(BUILD)["scan"]["steps"][:-1] if step.get("name") != "Make room for the image"
    ]
    assert [step.get("uses", "").split("@")[0] for step in before_the_summary if "continue-on-error" not in step] == [
        "actions/checkout"
    ]


def test_the_scan_logs_in_first_and_may_ask_about_its_run() -> None:
    """As a private image and a private repository need it."""
    scan = jobs(BUILD)["scan"]
    actions = [step["uses"].split("@")[0] for step in scan["steps"] if "uses" in step]
    assert actions[1:3] == ["docker/login-action", "aquasecurity/trivy-action"]
    assert scan["permissions"] == {"actions": "read", "contents": "read", "security-events": "write"}


def report(folder: Path, *packages: str) -> None:
    """A report as Trivy writes it, with a vulnerability for each package."""
    results = [
        {
            "ruleId": f"CVE-2026-{number}",
            "message": {
                "text": f"Package: {package}\nInstalled Version: 1.0\nVulnerability CVE-2026-{number}\n"
                f"Severity: HIGH\nFixed Version: 1.1\nLink: [CVE-2026-{number}](https://example.invalid)"
            },
        }
        for number, package in enumerate(packages, 1000)
    ]
    (folder / "trivy.sarif").write_text(json.dumps({"runs": [{"results": results}]}), encoding="utf-8")


def scanned(folder: Path, scan: str = "success", upload: str = "success") -> Ended:
    ended = run_step(folder, BUILD, "scan", "Summary", SCAN=scan, UPLOAD=upload)
    assert ended.status == 0
    return ended


def test_a_clean_image_is_told_without_a_warning(repository: Path) -> None:
    report(repository)
    ended = scanned(repository)
    assert "No vulnerability" in ended.summary
    assert "::warning" not in ended.said


def test_findings_are_a_warning_and_a_table_in_the_summary(repository: Path) -> None:
    """Of the first thirty, a row each."""
    report(repository, *(f"lib{number}" for number in range(40)))
    ended = scanned(repository)
    assert "::warning title=Scan::Vulnerabilities of severity HIGH or CRITICAL that have a remedy: 40." in ended.said
    assert "| CVE-2026-1000 | HIGH | lib0 | 1.0 | 1.1 |" in ended.summary
    assert ended.summary.count("| CVE-") == 30
    assert "And 10 more" in ended.summary


def test_a_report_that_github_refuses_is_a_warning_and_its_findings_stand_in_the_summary(repository: Path) -> None:
    report(repository, "libx")
    ended = scanned(repository, upload="failure")
    assert "::warning title=Scan::GitHub did not take the report (failure)" in ended.said
    assert "| libx |" in ended.summary


def test_a_scan_that_failed_is_a_warning(repository: Path) -> None:
    """As is a report that cannot be read."""
    assert (
        "::warning title=Scan::The image was not scanned (failure)." in scanned(repository, "failure", "skipped").said
    )
    for text in ("", "{}", '{"runs": [{"results": [{}]}]}', "[]"):
        (repository / "trivy.sarif").write_text(text, "utf-8")
        assert "::warning title=Scan::Trivy's report cannot be read: " in scanned(repository).said


def program(folder: Path, name: str, text: str) -> None:
    """A program in ``folder`` that stands for one of GitHub's machine."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def release(folder: Path, tag: str, gh: str) -> tuple[Ended, str]:
    """The step with another `gh`, and the notes that it wrote."""
    program(folder / "bin", "gh", f'#!/bin/sh\necho "gh $*"\n{gh}\n')
    given = {"GH_TOKEN": "t", "VERSION": tag.removeprefix("v"), "DIGEST": DIGEST, "GITHUB_REF_NAME": tag}
    ended = run_step(folder, BUILD, "release", "Make the release", str(folder / "bin"), **given)
    return ended, (folder / "notes.md").read_text("utf-8")


def test_a_versions_part_of_the_changelog_becomes_its_release_notes(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text(
        "# C\n\n## 1.2.30\n\n- No.\n\n## 1.2.3 (today)\n\n- Yes.\n\n## 1.2.2\n\n- No.\n"
    )
    ended, notes = release(repository, "v1.2.3", '[ "$2" != view ]')
    assert "gh release create v1.2.3 --verify-tag --title FIBO Studio 1.2.3" in ended.said
    assert "--prerelease" not in ended.said
    assert notes.split() == ["-", "Yes.", "Image:", "me/studio:1.2.3,", DIGEST]
    assert "--prerelease" in release(repository, "v1.3.0-rc.1", '[ "$2" != view ]')[0].said
    assert "gh release edit v1.2.3" in release(repository, "v1.2.3", "exit 0")[0].said


def test_release_notes_that_github_refuses_are_a_warning(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("# C\n")
    ended, _ = release(repository, "v1.2.3", "exit 1")
    assert ended.status == 0
    assert "::warning title=Release::The release notes of v1.2.3 could not be written" in ended.said


def size(folder: Path, ours: list[int], base: list[int]) -> Ended:
    """What is said of an index with one image and one attestation, over a base without an index."""
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
    program(
        folder / "bin",
        "docker",
        f"#!{sys.executable}\nimport json, sys\n"
        'assert sys.argv[1:-1] == ["buildx", "imagetools", "inspect", "--raw"]\n'
        f'print(json.dumps(json.load(open("{folder}/registry.json"))[sys.argv[-1]]))\n',
    )
    return run_step(folder, BUILD, "image", "size", str(folder / "bin"), DIGEST=DIGEST)


def test_the_size_is_that_of_the_layers_for_amd64_beside_the_bases(repository: Path) -> None:
    ended = size(repository, ours=[18_000_000, 2_000_000], base=[9_000_000_000])
    assert (ended.status, ended.said, ended.output) == (0, "", {"whole_gb": "9.020", "base_gb": "9.000"})


def test_a_size_that_cannot_be_asked_is_a_warning(repository: Path) -> None:
    program(repository / "bin", "docker", "#!/bin/sh\nexit 1")
    (repository / "Dockerfile").write_text(f"FROM runpod/pytorch:1@{BASE_DIGEST}\n", encoding="utf-8")
    ended = run_step(repository, BUILD, "image", "size", str(repository / "bin"), DIGEST=DIGEST)
    assert (ended.status, ended.output) == (0, {})
    assert "::warning title=Image::The image's size is not known" in ended.said
    assert "Its size is not known." in summary(repository, "", "").summary


def summary(folder: Path, whole_gb: str, base_gb: str) -> Ended:
    given = {"DIGEST": DIGEST, "TAGS": "1.2.3,1.2", "WHOLE_GB": whole_gb, "BASE_GB": base_gb}
    ended = run_step(folder, BUILD, "result", "Summary", **given)
    assert ended.status == 0
    return ended


def test_the_summary_tells_how_to_pull_what_to_write_and_how_large_it_is(repository: Path) -> None:
    ended = summary(repository, "9.020", "9.000")
    for line in (
        "- `docker pull me/studio:1.2.3`",
        "- `docker pull me/studio:1.2`",
        f"- By its digest: `docker pull me/studio@{DIGEST}`",
        "container image: `me/studio:1.2.3`, or `scripts/runpod/template.py --image me/studio:1.2.3 --apply`",
        "| whole image | 9.02 GB |",
        "| of that, the base image | 9.00 GB |",
        "| **of that, ours** | 20 MB |",
    ):
        assert line in ended.summary
    assert "::" not in ended.said


def test_an_image_far_beyond_its_base_is_a_warning(repository: Path) -> None:
    ended = summary(repository, "14.100", "9.000")
    told = "The image is 5.1 GB larger than its base; more than 5 GB is too much."
    assert f"::warning title=Image::{told}\n" in ended.said
    assert f"**{told}**" in ended.summary
