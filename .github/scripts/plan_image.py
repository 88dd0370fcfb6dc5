"""Which image docker-build.yml makes, as lines for GITHUB_OUTPUT: its version, and its tags with commas between.

Reads GITHUB_EVENT_NAME, GITHUB_REF_TYPE, GITHUB_REF_NAME, GITHUB_SHA and ASKED (the tag of a run by hand). A git tag
decides the image's version; where the program's own number differs, a warning and GITHUB_STEP_SUMMARY say so. Exit 1,
with an annotation, for a tag that may not be.
"""

import os
import re
import sys

VERSION_FILE = "fibo_core/__init__.py"  #: the one place of the program's number
NUMBER = r"(?:0|[1-9]\d*)"
VERSION = re.compile(rf"v(({NUMBER}\.{NUMBER})\.{NUMBER})(-[0-9A-Za-z.-]+)?", re.ASCII)
#: What a version's image is called, or would be taken for one.
OF_VERSIONS = re.compile(r"v?\d+(\.\d+){0,2}|v?\d+\.\d+\.\d+-.*", re.ASCII)


class NotAllowed(Exception):
    """The tag may not be."""


def program_version() -> str:
    with open(VERSION_FILE, encoding="utf-8") as file:
        found = re.search(r'^__version__ = "(.+)"', file.read(), re.MULTILINE)
    if found is None:
        raise NotAllowed(f"{VERSION_FILE} names no version.")
    return found[1]


def tag_by_hand(asked: str) -> str:
    """The tag that was asked for, `manual` where none was."""
    tag = asked.strip() or "manual"
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag):
        raise NotAllowed(f"{tag!r} is no tag: up to 128 letters, digits, «.», «_» and «-», the first no «.» or «-».")
    if OF_VERSIONS.fullmatch(tag):
        raise NotAllowed(f"{tag!r} is a tag of versions, which are made by git: git tag v1.0.0. Choose another one.")
    if tag == "buildcache":
        raise NotAllowed("'buildcache' holds the layers between builds, and would be overwritten. Choose another one.")
    return tag


def tags_of_version(tag: str) -> tuple[str, list[str]]:
    """The version that a git tag names, and the image's tags; a pre-release is neither `1.0` nor `latest`."""
    found = VERSION.fullmatch(tag)
    if found is None:
        raise NotAllowed(f"{tag!r} is no version. Tag the commit v1.0.0, with three numbers, or v1.0.0-rc.1.")
    number, minor, pre_release = found[1], found[2], found[3] or ""
    return number + pre_release, [number + pre_release] if pre_release else [number, minor, "latest"]


def plan() -> tuple[str, list[str]]:
    """The image's version and its tags."""
    if os.environ["GITHUB_EVENT_NAME"] == "workflow_dispatch":
        return program_version(), [tag_by_hand(os.environ.get("ASKED", ""))]
    if os.environ["GITHUB_REF_TYPE"] == "tag":
        return tags_of_version(os.environ["GITHUB_REF_NAME"])
    return program_version(), ["latest", f"main-{os.environ['GITHUB_SHA'][:7]}"]


def warn(said: str) -> None:
    print(f"::warning title=Version::{said}", file=sys.stderr)
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as summary:
        print(f"**{said}**", file=summary)


def main() -> int:
    try:
        version, tags = plan()
        own = program_version()
    except NotAllowed as exc:
        print(f"::error title=Tag::{exc}", file=sys.stderr)
        return 1
    if own != version:
        warn(f"The image is {version}, as its tag says; {VERSION_FILE} says {own}, which the pages show.")
    print(f"version={version}")
    print(f"tags={','.join(tags)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
