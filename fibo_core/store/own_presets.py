"""The user's own presets: `presets.json` on the workspace."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fibo_core.errors import FiboError, InputError, StoreError
from fibo_core.prompts.presets import Preset, shipped_presets
from fibo_core.store.disk import disk_errors, sync_folder, write_files

FILE_NAME = "presets.json"


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
        return tuple(preset for entry in self._entries() if (preset := _preset_of(entry)) is not None)

    def unread(self) -> int:
        """How many entries of the file are no presets. Raises StoreError as `load` does."""
        return sum(_preset_of(entry) is None for entry in self._entries())

    def save(self, preset: Preset) -> None:
        """Adds one. Raises InputError where its group has its name already, WorkspaceUnwritable for a full disk."""
        with self._lock:
            try:
                entries = self._entries()
            except DamagedPresets:
                self._set_aside()
                entries = []
            taken = [*shipped_presets(), *(known for entry in entries if (known := _preset_of(entry)) is not None)]
            if any((known.group, known.name.lower()) == (preset.group, preset.name.lower()) for known in taken):
                raise InputError(
                    f"There is a preset called {preset.name!r} for {preset.group} already. Choose another name."
                )
            self._write([*entries, _entry(preset)])

    def delete(self, preset: Preset) -> None:
        """Takes one out; nothing happens where it is not there. Raises StoreError as `load` does."""
        with self._lock:
            self._write([entry for entry in self._entries() if _preset_of(entry) != preset])

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


def _entry(preset: Preset) -> dict[str, Any]:
    return {"name": preset.name, "group": preset.group, "part": preset.part}


def _preset_of(entry: Any) -> Preset | None:
    """The preset of an entry; None where it is none, such as one of a newer studio."""
    try:
        return Preset(entry["name"], entry["group"], entry["part"], own=True)
    except (TypeError, KeyError, AttributeError, FiboError):
        return None
