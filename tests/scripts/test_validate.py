"""scripts/validate.sh: what should not be committed is named, all of it in one pass, and nothing else is.

Each test plants its faults in a small repository of its own, which has the real scripts. What looks like a secret is
put together here, so that this file is none.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = ("validate.sh", "validate_files.py", "runpod/template.schema.json", "runpod/template.json")
PINNED = f"actions/checkout@{'0123456789' * 4} # v1.2.3"
LETTERS = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ"

#: One of each form, by its kind.
SECRETS = [
    ("Hugging Face token", "_".join(["hf", LETTERS + "fgHJkl"])),
    ("Google API key", "".join(["AI", "za", LETTERS, "012345678"])),
    ("Google API key", "".join(["AQ", ".A", LETTERS, LETTERS])),
    ("Google client secret", "-".join(["GOCSPX", LETTERS])),
    ("RunPod key", "_".join(["rpa", LETTERS + "0123456789"])),
    ("GitHub token", "_".join(["ghp", LETTERS + "0123456789"])),
    ("GitHub token", "_".join(["github", "pat", LETTERS])),
    ("Docker Hub token", "_".join(["dckr", "pat", LETTERS])),
    ("private key", " ".join(["-----BEGIN", "RSA", "PRIVATE", "KEY-----"])),
    ("private key", " ".join(["-----BEGIN", "ENCRYPTED", "PRIVATE", "KEY-----"])),
    ("private key", "-".join(["PuTTY", "User", "Key", "File", "2: ssh-rsa"])),
    ("AWS key", "".join(["AK", "IA", "ABCDEFGHIJKLMNOP"])),
    ("AWS key", "aws_secret_key = '" + (LETTERS * 2)[:40] + "'"),
    ("Azure storage key", "=".join(["AccountKey", (LETTERS * 4)[:86] + "=="])),
    ("GitLab token", "-".join(["glpat", LETTERS])),
    ("JSON web token", ".".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", LETTERS])),
    ("npm token", "_".join(["npm", (LETTERS * 2)[:36]])),
    ("PyPI token", "-".join(["pypi", "AgEIcHlwaS5vcmc" + LETTERS * 3])),
    ("OpenAI key", "".join(["sk", "-", LETTERS[:20], "T3Blbk", "FJ", LETTERS[:20]])),
    ("Slack token", "-".join(["xoxb", "123456789012", LETTERS.lower()])),
    ("Slack token", "/".join(["https://hooks.slack.com", "services", "T0ABC", "B0ABC", LETTERS])),
    ("Discord token", ".".join(["M" + LETTERS[:24], LETTERS[:6], (LETTERS * 2)[:27]])),
    ("Telegram token", ":".join(["123456789", (LETTERS * 2)[:35]])),
    ("SendGrid key", ".".join(["SG", LETTERS[:22], (LETTERS * 2)[:43]])),
    ("Mailchimp key", "-".join(["0123456789abcdef" * 2, "us7"])),
    ("Square secret", "-".join(["sq0csp", (LETTERS * 2)[:43]])),
    ("Stripe key", "_".join(["sk", "live", LETTERS[:24]])),
    ("Twilio key", "".join(["AC", "0123456789abcdef" * 2])),
]
TOKEN = dict(SECRETS)

WORKFLOW = """
name: W
on: push
permissions: {{}}
jobs:
  a:
    name: A
    runs-on: ubuntu-24.04
    permissions: {{}}
    steps:
      - uses: {action}
        with:
          persist-credentials: false
      - run: {run}
"""
FAULTS = {
    "syntax.sh": "if true; then\n",
    "lint.sh": "#!/usr/bin/env bash\necho $1\n",
    "tools/without-suffix": "#!/usr/bin/env bash\nrm $1\n",
    ".hidden/with-options": "#!/bin/sh -e\nrm $1\n",
    "-dash.sh": "#!/bin/sh\nrm $1\n",
    "broken.py": "def f(:\n",
    "unused.py": "import os\n",
    "broken.json": '{\n  "a": 1,\n}\n',
    "broken.toml": "a =\n",
    "ugly.py": "x = {  'a':1 }\n",
    "Dockerfile": "FROM debian\n",
    ".github/workflows/schema.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    stepz: []\n",
    ".github/workflows/tab.yml": "on: push\npermissions: {}\njobs:\n\ta:\n",
    ".github/workflows/tag.yml": WORKFLOW.format(action="actions/checkout@v7", run="true"),
    ".github/workflows/injection.yml": WORKFLOW.format(
        action=PINNED.split(" #")[0], run='echo "${{ github.event.head_commit.message }}"'
    ),
    ".github/workflows/shell.yml": WORKFLOW.format(action=PINNED, run="rm $1"),
    ".github/actions/own/action.yml": "runs:\n  using: composite\n  steps:\n    - run: mv $1\n",
    ".github/dependabot.yml": "version: 2\nupdates:\n  - package-ecosystem: pipp\n    directory: /\n",
    ".github/ISSUE_TEMPLATE/fault.yml": "name: A\nbody: []\n",
    "scripts/runpod/template.json": json.dumps({"name": "x", "image": "x/y", "env": [{"key": "A", "value": "b"}]}),
    "large.bin": "0" * 1_000_001,
}


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment(), capture_output=True, text=True)


def environment() -> dict[str, str]:
    """This one's, without a repository that a hook may have named, and with the tools of this Python."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**own, "VALIDATE_PYTHON": sys.executable, "GIT_CONFIG_GLOBAL": os.devnull}


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def validate(folder: Path, *options: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    script = folder / "scripts" / "validate.sh"
    run = subprocess.run([script, *options], cwd="/", env=env or environment(), capture_output=True, text=True)
    assert run.stdout == ""
    return run.returncode, run.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which all is well, with one commit."""
    for name in SCRIPTS:
        (tmp_path / "scripts" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "scripts" / name, tmp_path / "scripts" / name)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    write(tmp_path, ".gitignore", "/ignored/\n")
    write(tmp_path, "ignored/notes.txt", TOKEN["Hugging Face token"])
    write(tmp_path, "fine.py", "x = 1\n")
    write(tmp_path, "fibo_core/models/mini/weights/vae/model.safetensors", "0" * 1_500_000)
    write(tmp_path, ".github/workflows/fine.yml", WORKFLOW.format(action=PINNED, run='echo "$HOME"'))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "all is well")
    assert git(tmp_path, "rev-parse", "HEAD").returncode == 0
    return tmp_path


#: What bash, git and Python tell by themselves, and where it is in FAULTS.
CHECKS = {
    "shell scripts: syntax",
    "Python: syntax",
    "JSON: syntax",
    "TOML: syntax",
    "workflows: form",
    "workflows: every action by its commit",
    "no secrets",
    "no large files",
}
PLACES = [
    "syntax.sh: line",
    "broken.py:1",
    "broken.json:3",
    "broken.toml: ",
    "schema.yml:1: it has no permissions",
    "tab.yml:4: a tab indents it",
    "tag.yml:11: actions/checkout@v7 is named by no commit",
    "large.bin: 1.0 MB",
    *(f"notes/{number}.txt:2: {kind}" for number, (kind, _) in enumerate(SECRETS)),
]
LINTERS = {
    "shell scripts: shellcheck",
    "Python: ruff check",
    "Python: ruff format",
    "Dockerfile: hadolint",
    "workflows: schema",
    "workflows: shellcheck",
    "workflows: zizmor",
    "Dependabot: schema",
    "issue forms: schema",
    "RunPod template: schema",
}


def plant_faults(folder: Path) -> None:
    for name, text in FAULTS.items():
        write(folder, name, text)
    for number, (_, secret) in enumerate(SECRETS):
        write(folder, f"notes/{number}.txt", f"one line\nand {secret} here\n")


def failed(said: str) -> set[str]:
    return {line.removeprefix("validate.sh: FAULT: ") for line in said.splitlines() if "FAULT: " in line}


def bare_machine(folder: Path) -> dict[str, str]:
    """The environment of a machine that has bash, git and a Python without any package."""
    folder.mkdir()
    for program in ("bash", "git"):
        (folder / program).symlink_to(str(shutil.which(program)))
    (folder / "python3").write_text(f'#!/bin/bash\nexec {sys.executable} -S "$@"\n', "utf-8")
    (folder / "python3").chmod(0o755)
    return {"PATH": str(folder), "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}


def test_every_fault_is_listed_in_one_pass_and_no_secret_is_shown(repository: Path) -> None:
    """Every kind at once: each check fails by name, each fault has its place."""
    plant_faults(repository)
    status, said = validate(repository, "--all")
    assert status == 1
    assert failed(said) == CHECKS | LINTERS
    assert "Left to GitHub" not in said
    for place in (
        *PLACES,
        "lint.sh line 2",
        "tools/without-suffix line 2",
        ".hidden/with-options line 2",
        "-dash.sh line 2",
        "unused.py:1",
        "ugly.py",
        "DL3006",
        "stepz",
        "injection.yml:11: actions/checkout@",
        "template-injection",
        "shell.yml: job a, step 2: line 1:4",
        "action.yml: action, step 1: line 1:4",
        "pipp",
        "'description' is a required property",
        "'disk' is a required property",
        "[{'key': 'A', 'value': 'b'}] is not of type 'object'",
        "'x/y' does not match",
    ):
        assert place in said, place


def test_a_machine_with_bash_git_and_python_alone_checks_what_these_can(repository: Path, tmp_path: Path) -> None:
    """No other program on the PATH, no package for Python, no network: the same faults by their places, and the
    linters that were left out by their names."""
    plant_faults(repository)
    status, said = validate(repository, env=bare_machine(tmp_path / "bare machine"))
    assert status == 1
    assert failed(said) == CHECKS
    for place in PLACES:
        assert place in said, place
    (left,) = (line for line in said.splitlines() if "Left to GitHub" in line)
    assert set(left.removesuffix(".").removeprefix("validate.sh: Left to GitHub, or to --all: ").split("; ")) == LINTERS
    for name in ("fine.py", "fine.yml", "model.safetensors", "ignored/"):
        assert name not in said
    for _, secret in SECRETS:
        assert secret not in said.replace("private key", "")


def test_a_python_that_is_too_old_is_said(repository: Path, tmp_path: Path) -> None:
    env = bare_machine(tmp_path / "bare machine")
    (tmp_path / "bare machine" / "python3").write_text("#!/bin/bash\nexit 1\n")
    assert validate(repository, env=env) == (
        2,
        "validate.sh: Python 3.10 or newer is needed, and no python3 on the PATH is one.\n",
    )


def test_a_secret_is_found_in_any_form_of_text_and_under_any_name(repository: Path) -> None:
    """UTF-16, as PowerShell writes it; a name that is no UTF-8; among bytes; forced past .gitignore; in the
    middle of an address."""
    token = TOKEN["Hugging Face token"]
    (repository / "utf16.txt").write_bytes(f"one\r\n{token}\r\n".encode("utf-16"))
    (repository / os.fsdecode(b"caf\xe9.txt")).write_text(token)
    (repository / "bytes.dat").write_bytes(b"\x89PNG\r\n\x1a\n" + token.encode() + bytes(range(256)))
    write(repository, "address.txt", f"https://user_{token}@example.invalid/")
    git(repository, "add", "--force", "ignored/notes.txt")
    assert secrets(repository) == {
        "utf16.txt:2: Hugging Face token",
        "caf\\udce9.txt:1: Hugging Face token",
        "bytes.dat:3: Hugging Face token",
        "address.txt:1: Hugging Face token",
        "ignored/notes.txt:1: Hugging Face token",
        "ignored/notes.txt (staged):1: Hugging Face token",
    }


def secrets(folder: Path, *options: str) -> set[str]:
    """What the part of it that looks for secrets says."""
    command = [sys.executable, "-I", folder / "scripts" / "validate_files.py", "secrets", *options]
    run = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (int(run.stdout != ""), "")
    return set(run.stdout.splitlines())


def test_a_secret_that_only_a_commit_or_the_index_still_holds_is_found(repository: Path) -> None:
    """The tree says nothing of it any more: it was staged and then removed, or removed by a later commit."""
    token = TOKEN["RunPod key"]
    for text in (f"a\nb\r{token}\n", "a\nb\n"):
        write(repository, "once.txt", text)
        (repository / "utf16.txt").write_bytes(text.encode("utf-16"))
        git(repository, "add", "once.txt", "utf16.txt")
        git(repository, "commit", "--quiet", "-m", "once")
    write(repository, "staged.txt", f"{token}\n")
    git(repository, "add", "staged.txt")
    write(repository, "staged.txt", "nothing\n")
    commit = git(repository, "rev-parse", "--short", "HEAD~1").stdout.strip()

    status, said = validate(repository, "--since", "HEAD~2")
    assert status == 1
    assert f"once.txt (commit {commit}):2: RunPod key" in said
    assert f"utf16.txt (commit {commit}):2: RunPod key" in said
    assert "staged.txt (staged):1: RunPod key" in said
    assert token not in said

    git(repository, "rm", "--quiet", "--force", "--cached", "staged.txt")
    assert secrets(repository, "--since", "HEAD") == set()


def test_as_a_hook_it_keeps_a_fault_from_being_committed(repository: Path) -> None:
    """With and without a fault, through the link that .pre-commit-config.yaml names."""
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    (repository / ".git" / "hooks" / "pre-commit").symlink_to("../../scripts/validate.sh")
    write(repository, "mail.txt", f"my token: {TOKEN['GitHub token']}\n")
    git(repository, "add", "mail.txt")
    refused = git(repository, "commit", "-m", "oh")
    assert refused.returncode == 1
    assert "mail.txt:1: GitHub token" in refused.stderr
    write(repository, "mail.txt", "my token is mine\n")
    git(repository, "add", "mail.txt")
    done = git(repository, "commit", "-m", "good")
    assert (done.returncode, "All fine." in done.stderr) == (0, True)


def test_what_it_does_not_know_is_refused_before_anything_is_looked_at(repository: Path) -> None:
    """A misspelt option or revision must not pass for a clean tree."""
    assert validate(repository, "--sinse", "HEAD") == (
        2,
        "validate.sh: Unknown option --sinse. There are --all and --since REVISION.\n",
    )
    assert validate(repository, "--since", "nowhere") == (2, "validate.sh: There is no commit nowhere.\n")
