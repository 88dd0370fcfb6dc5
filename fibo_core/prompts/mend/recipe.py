"""What stands beside a caption and belongs to a picture: seed, size, steps, guidance, negative prompt, model.

Found to be offered: nothing here is ever taken by itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from fibo_core.prompts.foreign import ForeignRecipe
from fibo_core.prompts.mend.find import has_summary
from fibo_core.prompts.mend.names import spelled

LEVELS = 3  # of objects looked into beside a caption: a workflow's node, its inputs
SIDE_MAX = 16_384  # px; no picture is larger
SEED_MAX = 2**64 - 1  # other programs draw unsigned ones

_NAMES = {
    "seed": ("seed", "noise_seed", "random_seed"),
    "width": ("width",),
    "height": ("height",),
    "num_inference_steps": ("num_inference_steps", "steps", "steps_num", "num_steps", "sampling_steps"),
    "guidance_scale": ("guidance_scale", "guidance", "cfg", "cfg_scale"),
    "negative_prompt": ("negative_prompt", "negative"),
    "model": ("model", "model_name"),
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names}
_SIZE = re.compile(r"\s*([0-9]{2,5})\s*[x×*]\s*([0-9]{2,5})\s*")
_SIZES = ("size", "image_size", "resolution")


@dataclass(frozen=True)
class Recipe:
    """Settings that stood beside a caption; None where one was not given. ``ours`` where they are a record of ours."""

    seed: int | None = None
    width: int | None = None
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    model: str | None = None
    ours: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything to offer."""
        return any(getattr(self, field.name) is not None for field in fields(self) if field.name != "ours")

    def __str__(self) -> str:
        """ "seed 7, 1024×1024, 20 steps" """
        told = []
        if self.seed is not None:
            told.append(f"seed {self.seed}")
        if self.width is not None and self.height is not None:
            told.append(f"{self.width}×{self.height}")
        if self.num_inference_steps is not None:
            told.append(f"{self.num_inference_steps} steps")
        if self.guidance_scale is not None:
            told.append(f"guidance {self.guidance_scale:g}")
        if self.negative_prompt is not None:
            told.append("a negative prompt")
        if self.model is not None:
            told.append(f"model {self.model}")
        return ", ".join(told)


def recipe_beside(caption: Mapping[str, Any], around: tuple[Mapping[str, Any], ...]) -> Recipe:
    """The settings nearest to a caption: among its own other keys, then in the objects around it, innermost first."""
    found: dict[str, Any] = {}
    _gather(caption, found, 0, caption)
    for outer in reversed(around):
        _gather(outer, found, LEVELS, caption)
    if not ("width" in found and "height" in found):
        found.pop("width", None)
        found.pop("height", None)
    return Recipe(**found, ours=any(map(is_ours, around)))


def recipe_of(foreign: ForeignRecipe | None) -> Recipe:
    """What another program's own account of a picture says of its settings."""
    if foreign is None:
        return Recipe()
    sized = foreign.width is not None and foreign.height is not None
    return Recipe(
        seed=foreign.seed,
        width=foreign.width if sized else None,
        height=foreign.height if sized else None,
        num_inference_steps=foreign.steps,
        guidance_scale=foreign.guidance,
        negative_prompt=foreign.negative_words or None,
        model=foreign.model or None,
    )


def is_ours(record: Mapping[str, Any]) -> bool:
    """Whether an object is a record of ours: a sidecar, or what the command line prints as JSON."""
    if str(record.get("format", "")).startswith("fibo-studio/"):
        return True
    return {"id", "image_path", "seed", "structured_prompt", "writer", "duration_s"} <= set(record)


def _gather(value: Mapping[str, Any], found: dict[str, Any], levels: int, caption: Mapping[str, Any]) -> None:
    layer: list[Any] = [value]
    for level in range(levels + 1):
        for each in layer:
            for name, setting in _settings(each):
                found.setdefault(name, setting)
        if level < levels:
            layer = [inner for each in layer for inner in _parts(each, caption)]


def _parts(value: Mapping[str, Any], caption: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for inner in value.values():
        for each in inner[:20] if isinstance(inner, list) else [inner]:
            if isinstance(each, Mapping) and each is not caption and not has_summary(each):
                yield each


def _settings(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, given in value.items():
        name = spelled(key)
        if name in _SIZES and isinstance(given, str) and (size := _SIZE.fullmatch(given)):
            yield "width", int(size[1])
            yield "height", int(size[2])
        elif (field := _FIELDS.get(name)) and (setting := _setting(field, given)) is not None:
            yield field, setting


def _setting(field: str, given: Any) -> Any:
    """What is given as this setting's type; None for what cannot be one, such as a workflow's link to another node."""
    if field == "negative_prompt":
        if isinstance(given, Mapping) and given:
            return json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        return given if isinstance(given, str) and given.strip() not in ("", "{}") else None
    if field == "model":
        return given if isinstance(given, str) and 0 < len(given) <= 200 else None
    if isinstance(given, str) and re.fullmatch(r"\s*[0-9]{1,20}(?:\.[0-9]{1,6})?\s*", given):
        given = float(given) if "." in given else int(given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if field == "guidance_scale":
        return float(given) if 0 <= given <= 1000 else None
    if given != int(given) if isinstance(given, int) or abs(given) < 2**53 else True:
        return None
    most = {"seed": SEED_MAX, "num_inference_steps": 10_000}.get(field, SIDE_MAX)
    least = 0 if field == "seed" else 1
    return int(given) if least <= given <= most else None
