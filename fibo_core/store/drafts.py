"""What a browser has left on the pages, kept so that a reload or another tab of it finds it again: one small file for
each browser under `drafts/`.

What a draft holds is its writer's affair (`studio/ui/drafts.py`): here it is JSON for each page, and beside it what was
typed there and not committed yet.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from fibo_core.errors import DraftTooLarge
from fibo_core.store.disk import disk_errors, remove_leftovers, write_files

log = logging.getLogger(__name__)

VERSION = 1  #: stands in the file's name: another version's files are neither read nor written over
FILE_BYTES_MAX = 4_000_000
FILES_MAX = 500  #: of which the oldest goes when another browser comes
_SHA256 = re.compile(rb"\b[0-9a-f]{64}\b")
KEPT_S = 30 * 86_400.0  #: since a browser last changed its draft


@dataclass(frozen=True)
class BrowserDrafts:
    """By page: what its last run left, and what has been typed into it since."""

    pages: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    typed: Mapping[str, dict[str, Any]] = field(default_factory=dict)


class DraftStore:
    """The drafts of one workspace. A browser is named by a text of its own, which stands in no file or file's name."""

    _lock = threading.Lock()  # one session reads and writes at a time; the workspace belongs to one process

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.folder = workspace / "drafts"

    def load(self, browser: str) -> BrowserDrafts:
        """What this browser has left; nothing where its file is not there, damaged or of another version."""
        try:
            content = self._file(browser).read_bytes()
        except OSError:
            return BrowserDrafts()
        try:
            record = json.loads(content)
            return BrowserDrafts(_by_page(record["pages"]), _by_page(record["typed"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            log.warning("A draft in %s cannot be read, and is passed over.", self.folder)
            return BrowserDrafts()

    def keep(self, browser: str, pages: Mapping[str, dict[str, Any]], *, committed: Collection[str] = ()) -> None:
        """Keeps what these pages hold, in place of what they held; others stay.

        What was typed into the pages in ``committed`` is forgotten: it is in their record, or its user replaced it.
        Raises WorkspaceUnwritable, and DraftTooLarge for more than FILE_BYTES_MAX.
        """
        with self._lock:
            before = self.load(browser)
            typed = {page: each for page, each in before.typed.items() if page not in committed}
            self._write(browser, BrowserDrafts({**before.pages, **pages}, typed))

    def keep_typed(self, browser: str, page: str, typed: dict[str, Any]) -> None:
        """Keeps what stands in a page's fields and has not been committed. Raises as :meth:`keep`."""
        with self._lock:
            before = self.load(browser)
            self._write(browser, BrowserDrafts(before.pages, {**before.typed, page: typed}))

    def inputs(self) -> set[str]:
        """The kept input pictures that a draft of any version may name, by their SHA-256. Raises WorkspaceUnwritable
        where drafts cannot be read."""
        with disk_errors("Drafts", self._workspace):
            return {name.decode() for _, file in self._files() for name in _SHA256.findall(file.read_bytes())}

    def sweep(self) -> int:
        """Removes the drafts of browsers that have not been here for thirty days, and half-written files; how many.
        Raises WorkspaceUnwritable."""
        over = time.time() - KEPT_S
        with self._lock, disk_errors("Old drafts", self._workspace):
            old = [file for changed, file in self._files() if changed < over]
            for file in old:
                file.unlink(missing_ok=True)
            return len(old) + remove_leftovers(self.folder)

    def _write(self, browser: str, drafts: BrowserDrafts) -> None:
        record = {"pages": drafts.pages, "typed": drafts.typed}
        content = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()
        if len(content) > FILE_BYTES_MAX:
            raise DraftTooLarge(
                f"The drafts of this browser have {len(content) / 1e6:.1f} MB, and at most {FILE_BYTES_MAX / 1e6:.0f} "
                "are kept; those before stay. Shorten a long text, or drop a draft."
            )
        file = self._file(browser)
        if not file.is_file():
            self._make_room()
        write_files(self._workspace, self.folder, {file.name: content}, "Your draft", mode=0o600)

    def _make_room(self) -> None:
        with disk_errors("Old drafts", self._workspace):
            for _, file in sorted(self._files())[: -(FILES_MAX - 1)]:
                file.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, Path]]:
        """Every version's, each with when it was changed."""
        for file in self.folder.glob("*.json"):
            try:
                yield file.stat().st_mtime, file
            except FileNotFoundError:
                continue

    def _file(self, browser: str) -> Path:
        return self.folder / f"{sha256(browser.encode()).hexdigest()[:40]}.v{VERSION}.json"


def _by_page(record: Any) -> dict[str, dict[str, Any]]:
    """Raises TypeError for what is none."""
    if not isinstance(record, dict) or not all(isinstance(each, dict) for each in record.values()):
        raise TypeError("no records of pages")
    return record
