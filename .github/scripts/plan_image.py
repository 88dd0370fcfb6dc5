"""What image.yml is to do, as lines for GITHUB_OUTPUT: whether to build, which version, which tag of one's own.

Reads GITHUB_EVENT_NAME, GITHUB_REF_TYPE, GITHUB_REF_NAME, BEFORE (the commit before the push) and CUSTOM (the tag that
was asked for by hand). Exit 1, with an annotation, for a tag that may not be.
"""

import os
import re
import subprocess
import sys

DOCUMENTS = re.compile(r"docs/.*|.*\.md|\.github/ISSUE_TEMPLATE/.*")
VERSION_FILE = "fibo_core/__init__.py"


class NotAllowed(Exception):
    """The tag may not be."""


def program_version() -> str:
    with open(VERSION_FILE, encoding="utf-8") as file:
        found = re.search(r'^__version__ = "(.+)"', file.read(), re.MULTILINE)
    if found is None:
        raise NotAllowed(f"{VERSION_FILE} names no version.")
    return found[1]


def custom_tag(asked: str) -> str:
    """The tag asked for by hand. What main and versions are known by stays theirs."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}", asked) or asked in ("latest", "buildcache"):
        raise NotAllowed(f"{asked!r} is no tag of one's own: a letter first, then letters, digits, «.», «_», «-».")
    if asked.startswith("main-") or re.match(r"v?\d", asked):
        raise NotAllowed(f"{asked!r} looks like a tag of main or of a version. Choose another one.")
    return asked


def only_documents(before: str) -> bool:
    """Whether the push has changed documents only; False where what was before is not known."""
    if not re.fullmatch(r"[0-9a-f]{40}", before) or set(before) == {"0"}:
        return False
    asked = subprocess.run(
        ["git", "diff", "--name-only", "--no-renames", "-z", before, "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    changed = [name for name in asked.stdout.split("\0") if name]
    return asked.returncode == 0 and bool(changed) and all(DOCUMENTS.fullmatch(name) for name in changed)


def plan() -> dict[str, str]:
    version, custom, build = program_version(), "", True
    if os.environ["GITHUB_EVENT_NAME"] == "workflow_dispatch":
        custom = custom_tag(os.environ.get("CUSTOM", ""))
    elif os.environ["GITHUB_REF_TYPE"] == "tag":
        tag = os.environ["GITHUB_REF_NAME"]
        if tag != f"v{version}":
            raise NotAllowed(
                f"The tag is {tag}, the program's version {version}. Tag v{version}, or change the version."
            )
    else:
        build = not only_documents(os.environ.get("BEFORE", ""))
    return {"build": str(build).lower(), "version": version, "custom": custom}


def main() -> int:
    try:
        answers = plan()
    except NotAllowed as exc:
        print(f"::error::{exc}", file=sys.stderr)
        return 1
    for name, answer in answers.items():
        print(f"{name}={answer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
