"""Where pictures come in from: a zip, a folder, a file. Each gives what it holds one after another, and holds none.

A name out of a zip or a folder is told to people and never becomes a path of the workspace.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from fibo_core.errors import InputError, PictureError
from fibo_core.limits import BYTES_MAX
from fibo_core.store.inputs import INPUTS
from fibo_core.store.reconcile import SOURCE_SUFFIX, TRASH
from fibo_core.store.zip_reading import ZipEntry, ZipReader, is_zip

FILES_MAX = 5_000_000  #: of one folder, with those below it
SIDECAR_BYTES = 4 << 20

_PICTURE = re.compile(r".+\.(png|jpe?g|jfif|webp|avif|gif|bmp|tiff?|hei[cf])", re.IGNORECASE | re.DOTALL)
_KEPT_INPUT = re.compile(rf"(?:.*/)?{INPUTS}/[0-9a-f]{{64}}\.png")
_OUTPUTS = re.compile(r"(.*?)outputs/")

Reads = Callable[[], bytes]


@dataclass(frozen=True)
class Found:
    """A picture that may come in. ``read`` gives its bytes; ``beside`` those of the file of the same stem with that
    ending, ``other`` those of a file by its path in the workspace that it comes from; None where there is none.

    Each raises PictureError for what cannot be read, with a reason and no name.
    """

    name: str
    modified: datetime | None
    read: Reads
    beside: Callable[[str], bytes | None]
    other: Callable[[str], bytes | None]


@dataclass(frozen=True)
class LeftOut:
    """A file that is not looked at, and why; ``reason`` is "" where nobody would expect it to be."""

    name: str
    reason: str = ""


class ZipSource:
    """The pictures of a zip. Raises PictureError for what is no zip that can be read."""

    def __init__(self, path: Path, name: str = "") -> None:
        self.name = name or path.name
        self._zip = ZipReader(path)
        self.count = self._zip.count
        self.bytes = self._zip.size

    def close(self) -> None:
        self._zip.close()

    def remarks(self) -> Iterator[str]:
        """What is to be said of the zip itself."""
        if self._zip.cut_short:
            yield f"{self.name} is cut short: what stands whole before the cut was read. Copy it again for the rest."
        for name in self._zip.twice:
            yield f"{self.name}: {_told(name)} stands there twice, and the first one was read."

    def __iter__(self) -> Iterator[Found | LeftOut]:
        for _, entry in self._zip.entries():
            yield self._looked_at(entry)

    def collections(self) -> bytes | None:
        """The list of collections beside the pictures."""
        entry = self._zip.find("collections.json")
        return None if entry is None else self._zip.read(entry, SIDECAR_BYTES)

    def _looked_at(self, entry: ZipEntry) -> Found | LeftOut:
        name = entry.name
        if kind := _kind(name):
            if kind == "sidecar" and not entry.flaw and self._zip.find(name[:-5] + ".png") is None:
                return LeftOut(name, "its picture is not there")
            if kind == "zip":
                return LeftOut(name, "it is a zip in the zip; unpack it, and give it by itself")
            if kind != "other" or not entry.flaw:
                return LeftOut(name)
        if entry.flaw:
            return LeftOut(name, entry.flaw)
        if name.endswith(SOURCE_SUFFIX) and self._zip.find(name.removesuffix(SOURCE_SUFFIX) + ".png"):
            return LeftOut(name)
        root = match[1] if (match := _OUTPUTS.match(name)) else ""
        return Found(
            name,
            entry.modified,
            lambda: self._zip.read(entry, BYTES_MAX),
            lambda ending: self._content(str(PurePosixPath(name).with_suffix("")) + ending),
            lambda path: self._content(root + path),
        )

    def _content(self, name: str) -> bytes | None:
        entry = self._zip.find(name)
        return None if entry is None else self._zip.read(entry, BYTES_MAX)


class FolderSource:
    """The pictures below a folder; links are not followed, nor is what is hidden looked at."""

    def __init__(self, path: Path) -> None:
        self.name = path.name or str(path)
        self._path = path
        self.count = 0  #: not known
        self.bytes = 0
        try:
            os.scandir(path).close()
        except OSError as exc:
            raise PictureError(f"{path} cannot be read ({exc.strerror}). Look at its owner.") from exc

    def close(self) -> None:
        """Nothing is held."""

    def remarks(self) -> Iterator[str]:
        return iter(())

    def __iter__(self) -> Iterator[Found | LeftOut]:
        own = (self._path / "outputs").is_dir()  # a workspace, whose other folders hold no pictures of their own
        folders, files = [self._path], 0
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            if not (own and folder == self._path and entry.name == TRASH):
                                folders.append(Path(entry.path))
                            continue
                        files += 1
                        if files > FILES_MAX:
                            yield LeftOut(
                                self.name, f"it holds more than {FILES_MAX:,} files, and no more are looked at; "
                                "give its folders one after another"
                            )  # fmt: skip
                            return
                        yield self._looked_at(entry)
            except OSError as exc:
                yield LeftOut(str(folder), f"it cannot be read ({exc.strerror})")

    def collections(self) -> bytes | None:
        return _read_file(self._path / "collections.json", SIDECAR_BYTES)

    def _looked_at(self, entry: "os.DirEntry[str]") -> Found | LeftOut:
        path = Path(entry.path)
        name = path.relative_to(self._path).as_posix()
        if kind := _kind(name):
            if kind == "zip":
                return LeftOut(name, "it is a zip; give it by itself")
            if kind == "sidecar" and not path.with_suffix(".png").exists():
                return LeftOut(name, "its picture is not there" if _is_ours(path) else "")
            return LeftOut(name)
        if not entry.is_file(follow_symlinks=False):
            return LeftOut(name, "it is a link" if entry.is_symlink() else "it is no file")
        if name.endswith(SOURCE_SUFFIX) and path.with_name(path.name.removesuffix(SOURCE_SUFFIX) + ".png").exists():
            return LeftOut(name)
        return found_file(path, name)


class FileSource:
    """One picture by itself, or one of several that were sent together: ``others`` are all of them by their names,
    sidecars and what a picture began with among them."""

    def __init__(self, path: Path, name: str = "", others: Mapping[str, Path] = MappingProxyType({})) -> None:
        self.name = name or path.name
        self._path = path
        self._others = others
        self.count, self.bytes = 1, 0

    def close(self) -> None:
        """Nothing is held."""

    def remarks(self) -> Iterator[str]:
        return iter(())

    def collections(self) -> bytes | None:
        return None

    def __iter__(self) -> Iterator[Found | LeftOut]:
        name, found = self.name, found_file(self._path, self.name)
        stem = str(PurePosixPath(name).with_suffix(""))
        if len(self._others) > 1 and (kind := _kind(name)):
            lost = kind == "sidecar" and f"{stem}.png" not in self._others and _is_ours(self._path)
            yield LeftOut(name, "its picture is not there" if lost else "")
        elif name.endswith(SOURCE_SUFFIX) and name.removesuffix(SOURCE_SUFFIX) + ".png" in self._others:
            yield LeftOut(name)
        else:
            root = match[1] if (match := _OUTPUTS.match(name)) else ""
            yield replace(
                found,
                beside=lambda ending: self._sent(stem + ending) or found.beside(ending),
                other=lambda path: self._sent(root + path) or found.other(path),
            )

    def _sent(self, name: str) -> bytes | None:
        path = self._others.get(name)
        return None if path is None else _read_file(path, BYTES_MAX)


Source = ZipSource | FolderSource | FileSource


def source_of(path: Path, name: str = "", others: Mapping[str, Path] = MappingProxyType({})) -> Source:
    """What a path holds; ``name`` is what its owner calls it, ``others`` what was sent with it.

    Raises PictureError, and InputError for what is not there.
    """
    try:
        if path.is_dir():
            return FolderSource(path)
        with path.open("rb") as file:
            head = file.read(8)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise InputError(f"{str(path)!r:.200} cannot be read ({reason}). Name a zip, a folder or a picture.") from exc
    return ZipSource(path, name) if is_zip(head) or path.suffix.lower() == ".zip" else FileSource(path, name, others)


def found_file(path: Path, name: str) -> Found:
    """A picture that lies in a folder."""
    try:
        modified: datetime | None = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        modified = None
    parts = path.parts
    root = Path(*parts[: parts.index("outputs")]) if "outputs" in parts else path.parent
    return Found(
        name,
        modified,
        lambda: _whole_file(path),
        lambda ending: _read_file(path.with_name(path.stem + ending), BYTES_MAX),
        lambda other: _read_file(root / other, BYTES_MAX),
    )


def _kind(name: str) -> str:
    """ "" for a picture; else what kind of another file it is."""
    base = name.rpartition("/")[2]
    lower = base.lower()
    if name.startswith("__MACOSX/") or base.startswith("."):
        return "hidden"
    if lower.endswith(".zip"):
        return "zip"
    if _KEPT_INPUT.fullmatch(name):
        return "input"
    if _PICTURE.fullmatch(base):
        return ""
    return "sidecar" if lower.endswith(".json") and base not in ("manifest.json", "collections.json") else "other"


def _is_ours(path: Path) -> bool:
    """Whether a JSON file is a sidecar of ours, by its beginning."""
    try:
        with path.open("rb") as file:
            return b'"fibo-studio/' in file.read(100)
    except OSError:
        return False


def _whole_file(path: Path) -> bytes:
    content = _read_file(path, BYTES_MAX)
    if content is None:
        raise PictureError("it is not there any more")
    return content


def _read_file(path: Path, most: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= most else b""  # room is made for all that is asked for
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise PictureError(f"it cannot be read ({exc.strerror})") from exc
    if size > most or len(content) > most:
        raise PictureError(f"it has more than the {most / 2**20:,.0f} MB that are read")
    return content


def _told(name: str) -> str:
    return name if len(name) <= 200 else name[:199] + "…"
