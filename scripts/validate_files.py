"""The checks of scripts/validate.sh that no other program has.

    validate_files.py python|json|toml           every file of that kind can be read
    validate_files.py sizes                      nothing above 1 MB but what is allowed, in the tree or staged
    validate_files.py workflows                  what can be told of GitHub's files without a YAML parser
    validate_files.py actions                    every action of a workflow is named by its commit
    validate_files.py run-blocks                 the shell scripts inside workflows, by shellcheck
    validate_files.py secrets [--since REVISION] no key, token or private key in the tree, staged, or in those commits

Each is asked in a git checkout and prints a line a fault, with its place and never the secret. Exit 0 or 1. All but
run-blocks need the standard library alone, of Python 3.10 (toml: 3.11).
"""

import argparse
import fnmatch
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST_BYTES = 1_000_000
#: What may be larger: the weights of the model that comes with the program.
LARGE = ("fibo_core/models/mini/weights/*/*.safetensors",)

#: Tokens that can be told by their form: what looks like one is a fault, whatever stands around it. Guesses (entropy,
#: words such as "password") are left out, which would want a list of exceptions.
SECRETS = {
    "Hugging Face token": r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}",
    "Google API key": r"(?<![A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{35}|AQ\.A[A-Za-z0-9_-]{40,})",
    "Google client secret": r"(?<![A-Za-z0-9])GOCSPX-[A-Za-z0-9_-]{24,}",
    "RunPod key": r"(?<![A-Za-z0-9])rpa_[A-Za-z0-9]{30,}",
    "GitHub token": r"(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9_]{36}|github_pat_[A-Za-z0-9_]{22,})",
    "Docker Hub token": r"(?<![A-Za-z0-9])dckr_[a-z]{3}_[A-Za-z0-9_-]{20,}",
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY|PuTTY-User-Key-File-\d",
    "AWS key": r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?i:aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?['\"][A-Za-z0-9/+]{40}['\"])",
    "Azure storage key": r"AccountKey=[A-Za-z0-9+/=\\]{88}",
    "GitLab token": r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[A-Za-z0-9_-]{20,}|GR1348941[A-Za-z0-9_-]{20,}",
    "JSON web token": r"eyJ[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+",
    "npm token": r"//.+/:_authToken=\s*(?:npm_.+|[A-Fa-f0-9-]{36})|(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}",
    "PyPI token": r"pypi-AgE[A-Za-z0-9_-]{70,}",
    "OpenAI key": r"sk-[A-Za-z0-9_-]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
    "Slack token": r"(?i:xox[abopsr]-(?:\d+-)+[a-z0-9]+)|hooks\.slack\.com/services/T\w+/B\w+/\w+",
    "Discord token": r"[MNO][A-Za-z\d_-]{23,25}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27}",
    "Telegram token": r"\d{8,10}:[A-Za-z0-9_-]{35}",
    "SendGrid key": r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "Mailchimp key": r"[0-9a-z]{32}-us\d{1,2}",
    "Square secret": r"sq0csp-[A-Za-z0-9\\_-]{43}",
    "Stripe key": r"[rs]k_live_[A-Za-z0-9]{24}",
    "Twilio key": r"(?:AC|SK)[a-z0-9]{32}",
}
PATTERNS = {kind: re.compile(pattern) for kind, pattern in SECRETS.items()}


@dataclass(frozen=True)
class Content:
    """Text to look through, and how to name its lines."""

    where: str
    data: bytes
    first_line: int = 1


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, stdout=subprocess.PIPE).stdout


def names(listing: bytes) -> list[str]:
    return [name.decode("utf-8", "surrogateescape") for name in listing.split(b"\0") if name]


def tree() -> list[Path]:
    """What git would take: tracked files and new ones, but for what is ignored or deleted."""
    listed = names(git("ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    return [path for path in map(Path, dict.fromkeys(listed)) if path.is_file() and not path.is_symlink()]


def staged() -> Iterator[Content]:
    """What would be committed, which the file in the tree need no longer say."""
    for name in names(git("diff", "--cached", "--name-only", "--diff-filter=d", "-z")):
        yield Content(f"{name} (staged)", git("cat-file", "blob", f":{name}"))


def added_since(revision: str) -> Iterator[Content]:
    """The lines that each commit after ``revision`` has added; a later one may have removed them again."""
    form = ("-p", "-m", "-U0", "--text", "--no-color", "--no-ext-diff", "--no-textconv", "--format=commit %h")
    log = git("log", *form, f"{revision}..HEAD")
    commit = name = ""
    number = 0
    for line in log.split(b"\n"):
        if line.startswith(b"commit "):
            commit = line[7:].decode()
        elif line.startswith(b"+++ "):
            name = line[4:].decode("utf-8", "replace").removeprefix("b/")
        elif found := re.match(rb"@@ -\S+ \+(\d+)", line):
            number = int(found[1])
        elif line.startswith(b"+") and not is_allowed_to_be_large(name):
            yield Content(f"{name} (commit {commit})", line[1:], number)
            number += 1


def secrets(since: str | None) -> Iterator[str]:
    in_tree = (Content(str(path), path.read_bytes()) for path in tree() if not is_allowed_to_be_large(str(path)))
    seen = set()
    for contents in (in_tree, staged(), added_since(since) if since else iter(())):
        for content in contents:
            text = content.data.replace(b"\0", b"").decode("utf-8", "replace")  # UTF-16 is read as well
            for kind, pattern in PATTERNS.items():
                for found in pattern.finditer(text):
                    line = content.first_line + text.count("\n", 0, found.start())
                    if (fault := f"{content.where}:{line}: {kind}") not in seen:
                        seen.add(fault)
                        yield fault


def is_allowed_to_be_large(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in LARGE)


def sizes() -> Iterator[str]:
    sizes = {str(path): path.stat().st_size for path in tree()} | {each.where: len(each.data) for each in staged()}
    for name, size in sizes.items():
        if size > LARGEST_BYTES and not is_allowed_to_be_large(name.removesuffix(" (staged)")):
            yield f"{name}: {size / 1e6:.1f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB may be committed"


def compile_python(data: bytes) -> None:
    compile(data, "", "exec", dont_inherit=True)


def parse_toml(data: bytes) -> None:
    import tomllib  # Python 3.10 has none

    tomllib.loads(data.decode("utf-8"))


def unreadable(suffix: str, read: Callable[[bytes], object]) -> Iterator[str]:
    """Files of a kind that its reader does not take."""
    for path in tree():
        if path.suffix == suffix:
            try:
                read(path.read_bytes())
            except (SyntaxError, ValueError) as exc:
                place = f"{path}:{exc.lineno}" if getattr(exc, "lineno", None) else str(path)
                python = ".".join(map(str, sys.version_info[:2]))
                yield f"{place}: {getattr(exc, 'msg', exc)} (read by Python {python})"


def github_files() -> list[Path]:
    return [path for path in tree() if path.parts[0] == ".github" and path.suffix in (".yml", ".yaml")]


def workflows() -> Iterator[str]:
    """Indentation by tabs, which YAML refuses, and a workflow that lacks a part: triggers, rights or jobs."""
    for path in github_files():
        lines = path.read_text("utf-8", "replace").splitlines()
        tabs = [number for number, line in enumerate(lines, 1) if "\t" in line[: len(line) - len(line.lstrip())]]
        yield from (f"{path}:{number}: a tab indents it" for number in tabs)
        if path.parent.name == "workflows":
            parts = {line.partition(":")[0].strip("\"'") for line in lines if line[:1].strip()}
            yield from (f"{path}:1: it has no {part}" for part in ("on", "permissions", "jobs") if part not in parts)


def actions() -> Iterator[str]:
    """A tag can be moved to other code by whoever gets hold of its repository; a commit cannot."""
    for path in github_files():
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            found = re.match(r"\s*(?:- )?uses:\s*(\S+)(.*)", line)
            if found is None or found[1].startswith("./"):
                continue
            if not re.search(r"@[0-9a-f]{40}$", found[1]):
                yield f"{path}:{number}: {found[1]} is named by no commit"
            elif not re.fullmatch(r"\s+# v\d+\.\d+\.\d+", found[2]):
                yield f"{path}:{number}: {found[1]} lacks its version, as in «# v1.2.3»"


def run_blocks() -> Iterator[str]:
    """GitHub runs them with bash -e; expressions in them are zizmor's subject."""
    import yaml  # comes with the linters

    for path in github_files():
        try:
            document = yaml.safe_load(path.read_bytes())
        except yaml.YAMLError as exc:
            yield f"{path}: {' '.join(str(exc).split())}"
            continue
        for job, number, script in scripts_in(document):
            command = ["shellcheck", "--shell", "bash", "--format", "gcc", "-"]
            asked = subprocess.run(command, input=script, text=True, stdout=subprocess.PIPE, check=False)
            for line in asked.stdout.splitlines():
                yield f"{path}: {job}, step {number}: line {line.removeprefix('-:')}"


def scripts_in(document: object) -> Iterator[tuple[str, int, str]]:
    """Each shell script of a workflow or an action. What has another form than theirs is the schema's to refuse."""
    top = document if isinstance(document, dict) else {}
    jobs = top.get("jobs") if isinstance(top.get("jobs"), dict) else {}
    parts = {"action": top.get("runs"), **{f"job {name}": job for name, job in jobs.items()}}
    for name, part in parts.items():
        steps = part.get("steps") if isinstance(part, dict) else None
        for number, step in enumerate(steps if isinstance(steps, list) else [], 1):
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                yield name, number, step["run"]


def main() -> int:
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "python": lambda: unreadable(".py", compile_python),
        "json": lambda: unreadable(".json", json.loads),
        "toml": lambda: unreadable(".toml", parse_toml),
        "sizes": sizes,
        "workflows": workflows,
        "actions": actions,
        "run-blocks": run_blocks,
        "secrets": lambda: secrets(given.since),
    }
    parser = argparse.ArgumentParser(description="Checks of scripts/validate.sh.")
    parser.add_argument("what", choices=checks)
    parser.add_argument("--since", metavar="REVISION")
    given = parser.parse_args()
    try:
        faults = list(checks[given.what]())
    except subprocess.CalledProcessError as exc:
        faults = [f"git could not be asked ({' '.join(exc.cmd[:2])} ended with {exc.returncode})"]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # a file's name may be no text
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
