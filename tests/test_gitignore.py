"""What `git add .` takes of a checkout: everything of the program, and nothing that lies beside it."""

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]

BESIDE_THE_PROGRAM = (
    ".env",
    ".env.local",
    ".envrc",
    "secrets/hf.txt",
    "docs/secrets/a.md",
    "hf_token",
    "hf_token.txt",
    "scripts/runpod/api_token.json",
    "fibo_core/hf_token.txt",
    "client_secret.json",
    "my_secrets.yaml",
    "key.pem",
    "server.key",
    ".streamlit/secrets.toml",
    "models/fibo/model_index.json",
    "checkpoints/step-1/state.json",
    "generated/fox.png",
    "workspace/studio.db",
    "studio.log",
    "logs/studio.txt",
    "docs/notes.log",
    "weights.safetensors",
    "fibo_core/models/fibo.safetensors",
    ".vscode/settings.json",
    ".idea/workspace.xml",
    "studio/.app.py.swp",
    "README.md~",
    ".ipynb_checkpoints/a-checkpoint.ipynb",
    ".DS_Store",
    "docs/images/._generate.png",
    "docs/Thumbs.db",
    "desktop.ini",
    "uv.lock",
    ".venv/lib/a_token.py",
    "fibo_core/__pycache__/x_token.py",
)
OF_THE_PROGRAM = (
    ".env.example",
    "fibo_core/models/__init__.py",
    "fibo_core/models/catalogue.toml",
    "fibo_core/checkpoints/state.py",
    "studio/generated/schema.json",
    "fibo_core/prompts/count_tokens.py",
    "studio/web/session_token.py",
    "scripts/find_secrets.py",
    "tests/studio/test_access_token.py",
    "fibo_core/models/mini/weights/tokenizer/special_tokens_map.json",
    "fibo_core/models/mini/weights/vae/other.safetensors",
    "docs/secrets.md",
)


def git(folder: Path, *arguments: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(["git", *arguments], cwd=folder, env=own, check=True, capture_output=True, text=True).stdout


def names(listing: str) -> set[str]:
    return {name for name in listing.split("\0") if name}


@pytest.fixture
def tracked() -> set[str]:
    """The names that this checkout's git has."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("This is no git checkout.")
    return names(git(CHECKOUT, "ls-files", "-z"))


def test_git_takes_the_program_and_nothing_that_lies_beside_it(tracked: set[str], tmp_path: Path) -> None:
    """In a new repository of empty files with these names, and of files such as a user or a later program has.

    The wheel is made by the same patterns, so that nothing of the program is missing there either.
    """
    for name in {*tracked, *BESIDE_THE_PROGRAM, *OF_THE_PROGRAM}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_bytes((CHECKOUT / ".gitignore").read_bytes())
    git(tmp_path, "init", "--quiet")
    would_add = git(tmp_path, "-c", "core.quotePath=false", "add", "--all", "--dry-run").splitlines()
    taken = {line.removeprefix("add '").removesuffix("'") for line in would_add}
    assert taken == {*tracked, *OF_THE_PROGRAM}


def test_no_tracked_file_is_ignored(tracked: set[str]) -> None:
    """A file added by force would be left out of the wheel, and its next sibling out of git."""
    assert names(git(CHECKOUT, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")) == set()
