"""Whether a push has changed documents only, as a line for GITHUB_OUTPUT: ``only_documents=true``, or ``false``.

Reads GITHUB_EVENT_NAME, GITHUB_REF_TYPE, BEFORE (the branch's commit before the push) and DEFAULT_BRANCH. Of a new
branch, which had no commit before, everything counts that the default branch has not. Pull requests, tags and runs by
hand are ``false``, as is a change that cannot be told.
"""

import os
import re
import subprocess
import sys

DOCUMENTS = re.compile(r"docs/.*|.*\.md|\.github/ISSUE_TEMPLATE/.*")


def git(*arguments: str) -> str | None:
    """What git answers; None where it refuses."""
    asked = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return asked.stdout if asked.returncode == 0 else None


def before_the_push(before: str, default_branch: str) -> str | None:
    """The commit to compare with."""
    if re.fullmatch(r"[0-9a-f]{40}", before) and git("cat-file", "-e", before + "^{commit}") is not None:
        return before
    found = git("merge-base", "HEAD", f"refs/remotes/origin/{default_branch}")
    return found.strip() if found else None


def only_documents(before: str, default_branch: str) -> bool:
    start = before_the_push(before, default_branch)
    listed = start and git("diff", "--name-only", "--no-renames", "-z", start, "HEAD")
    changed = [name for name in (listed or "").split("\0") if name]
    return bool(changed) and all(DOCUMENTS.fullmatch(name) for name in changed)


def main() -> int:
    pushed = os.environ["GITHUB_EVENT_NAME"] == "push" and os.environ["GITHUB_REF_TYPE"] == "branch"
    answer = pushed and only_documents(os.environ.get("BEFORE", ""), os.environ.get("DEFAULT_BRANCH", ""))
    print(f"only_documents={str(answer).lower()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
