"""Presets: named parts of a prompt (a light, a camera, a style) that are merged into any other.

Some thirty come with the studio (`presets.toml`); the user's own lie in `presets.json` on the workspace.
"""

import json
import threading
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from fibo_core.errors import FiboError, InputError, StoreError
from fibo_core.prompts.edits import merged
from fibo_core.prompts.json_paths import parse_path
from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt
from fibo_core.store.disk import disk_errors, sync_folder, write_files

#: What a preset of each group holds, as JSON paths of the prompt.
GROUPS: dict[str, tuple[str, ...]] = {
    "lighting": ("lighting",),
    "camera": ("photographic_characteristics",),
    "style": ("style_medium", "artistic_style"),
    "composition": ("aesthetics.composition",),
    "palette": ("aesthetics.color_scheme",),
    "mood": ("aesthetics.mood_atmosphere",),
    "setting": ("background_setting",),
    "look": ("lighting", "aesthetics", "photographic_characteristics", "style_medium", "artistic_style"),
}
MAX_NAME_CHARS = 60
FILE_NAME = "presets.json"


@dataclass(frozen=True)
class Preset:
    """A named part of a prompt. Raises InputError for a name, group or part that cannot be one."""

    name: str
    group: str
    part: dict[str, Any]
    own: bool = False  #: the user's, not one that came with the studio

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME_CHARS:
            raise InputError(f"A preset's name has 1 to {MAX_NAME_CHARS} characters, and this one {len(self.name)}.")
        if self.group not in GROUPS:
            raise InputError(f"There is no group of presets called {self.group!r}. Choose {', '.join(GROUPS)}.")
        paths = [path for path in StructuredPrompt.from_dict(self.part).paths() if path]
        outside = [path for path in paths if not _within(path, GROUPS[self.group])]
        if outside or not paths:
            what = outside[0] if outside else "nothing"
            raise InputError(
                f"The preset {self.name!r} holds {what}; one for {self.group} holds {' and '.join(GROUPS[self.group])}."
            )


def apply(prompt: StructuredPrompt, preset: Preset) -> StructuredPrompt:
    """A copy of ``prompt`` with the preset's values; what the preset does not name stays as it is."""
    return merged(prompt, preset.part)


def take(prompt: StructuredPrompt, group: str, name: str) -> Preset:
    """A preset of the user's own: what ``prompt`` says of ``group``. Raises InputError where it says nothing."""
    part: dict[str, Any] = {}
    cleaned = StructuredPrompt.from_dict(prompt.cleaned()) if prompt.document else prompt
    for path in GROUPS.get(group, ()):
        value = cleaned.get(path)
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if key not in SCORES}
        if not value:
            continue
        first, *rest = parse_path(path)
        if rest:
            part.setdefault(str(first), {})[rest[0]] = value
        else:
            part[str(first)] = value
    if group in GROUPS and not part:
        raise InputError(f"This prompt says nothing of {group}, so there is nothing to keep as a preset.")
    return Preset(" ".join(name.split()), group, part, own=True)


@lru_cache
def shipped() -> tuple[Preset, ...]:
    """The presets that come with the studio."""
    text = resources.files("fibo_core.prompts").joinpath("presets.toml").read_text(encoding="utf-8")
    return tuple(
        Preset(name, group, part) for group, presets in tomllib.loads(text).items() for name, part in presets.items()
    )


class OwnPresets:
    """The user's presets, in one small file of the workspace, written whole or not at all.

    A file that is damaged is never written over: it is set aside under another name when the next preset is saved.
    An entry that cannot be read stays in the file as it is.
    """

    _lock = threading.Lock()  # one session reads and writes at a time; the workspace belongs to one process

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.file = workspace / FILE_NAME

    def load(self) -> tuple[Preset, ...]:
        """The presets, oldest first. Raises StoreError for a damaged file, in one sentence."""
        return tuple(preset for entry in self._entries() if (preset := _read(entry)) is not None)

    def unread(self) -> int:
        """How many entries of the file are no presets. Raises StoreError as `load` does."""
        return sum(_read(entry) is None for entry in self._entries())

    def save(self, preset: Preset) -> None:
        """Adds one. Raises InputError where its group has its name already, WorkspaceUnwritable for a full disk."""
        with self._lock:
            try:
                entries = self._entries()
            except DamagedPresets:
                self._set_aside()
                entries = []
            taken = [*shipped(), *(known for entry in entries if (known := _read(entry)) is not None)]
            if any((known.group, known.name.lower()) == (preset.group, preset.name.lower()) for known in taken):
                raise InputError(
                    f"There is a preset called {preset.name!r} for {preset.group} already. Choose another name."
                )
            self._write([*entries, _entry(preset)])

    def delete(self, preset: Preset) -> None:
        """Takes one out; nothing happens where it is not there. Raises StoreError as `load` does."""
        with self._lock:
            self._write([entry for entry in self._entries() if _read(entry) != preset])

    def _entries(self) -> list[Any]:
        """What stands in the file, preset or not."""
        try:
            data = json.loads(self.file.read_bytes())
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StoreError(f"Your presets in {self.file} cannot be read ({exc.strerror}). Check the disk.") from exc
        except (ValueError, RecursionError) as exc:
            raise self._damaged() from exc
        if not isinstance(data, dict) or not isinstance(data.get("presets"), list):
            raise self._damaged()
        entries: list[Any] = data["presets"]
        return entries

    def _damaged(self) -> "DamagedPresets":
        return DamagedPresets(
            f"Your presets in {self.file} cannot be read: it is no longer the JSON that was written. Mend it, or save "
            "a preset: that sets the file aside under another name and begins a new one."
        )

    def _set_aside(self) -> None:
        aside = self.file.with_name(f"presets-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json")
        with disk_errors("The damaged presets", self._workspace):
            self.file.rename(aside)
            sync_folder(self._workspace)

    def _write(self, entries: list[Any]) -> None:
        text = json.dumps({"presets": entries}, ensure_ascii=True, indent=1)
        write_files(self._workspace, self._workspace, {FILE_NAME: text.encode()}, "Your presets")


class DamagedPresets(StoreError):
    """The file of the user's presets is not JSON any more, or of another shape."""


def _within(path: str, places: tuple[str, ...]) -> bool:
    return path in places or path.startswith(tuple(f"{place}{step}" for place in places for step in (".", "[")))


def _entry(preset: Preset) -> dict[str, Any]:
    return {"name": preset.name, "group": preset.group, "part": preset.part}


def _read(entry: Any) -> Preset | None:
    """The preset of an entry; None where it is none, such as one of a newer studio."""
    try:
        return Preset(entry["name"], entry["group"], entry["part"], own=True)
    except (TypeError, KeyError, AttributeError, FiboError):
        return None
