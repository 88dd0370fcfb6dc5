"""Presets: named parts of a prompt (a light, a camera, a style) that are merged into any other.

Some thirty come with the studio (`presets.toml`); the user's own are kept by `store/own_presets.py`.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from fibo_core.errors import InputError
from fibo_core.prompts.edits import merged
from fibo_core.prompts.json_paths import parse_path
from fibo_core.prompts.parts import AESTHETICS, CAMERA, LIGHT, STYLE
from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt

#: What a preset of each group holds, as JSON paths of the prompt.
GROUPS: dict[str, tuple[str, ...]] = {
    "lighting": LIGHT.keys,
    "camera": CAMERA.keys,
    "style": STYLE.keys,
    "composition": ("aesthetics.composition",),
    "palette": ("aesthetics.color_scheme",),
    "mood": ("aesthetics.mood_atmosphere",),
    "setting": ("background_setting",),
    "look": (*LIGHT.keys, *AESTHETICS.keys, *CAMERA.keys, *STYLE.keys),
}
MAX_NAME_CHARS = 60


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


def apply_preset(prompt: StructuredPrompt, preset: Preset) -> StructuredPrompt:
    """A copy of ``prompt`` with the preset's values; what the preset does not name stays as it is."""
    return merged(prompt, preset.part)


def preset_from(prompt: StructuredPrompt, group: str, name: str) -> Preset:
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
def shipped_presets() -> tuple[Preset, ...]:
    """The presets that come with the studio."""
    text = resources.files("fibo_core.prompts").joinpath("presets.toml").read_text(encoding="utf-8")
    return tuple(
        Preset(name, group, part) for group, presets in tomllib.loads(text).items() for name, part in presets.items()
    )


def _within(path: str, places: tuple[str, ...]) -> bool:
    return path in places or path.startswith(tuple(f"{place}{step}" for place in places for step in (".", "[")))
