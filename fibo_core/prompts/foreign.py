"""What other programs write into their pictures: the words, the seed, the size and the steps, read to be offered.

A1111 and Forge, ComfyUI, InvokeAI, SwarmUI, Fooocus, mflux and NovelAI. Their words are prose; where a caption of
FIBO's stands in their place, it is given as it is. Nothing here raises for a text it does not understand.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fibo_core.prompts.comfy import read_graph

SIDE_MAX = 16_384  # px
SEED_MAX = 2**64 - 1  # other programs' seeds are unsigned
STEPS_MAX = 10_000
GUIDANCE_MAX = 1_000

_STEPS_LINE = re.compile(r"^\s*Steps: \d+", re.MULTILINE)
_PAIR = re.compile(r'\s*(\w[\w \-/]*):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_NEGATIVE = "Negative prompt:"
_SIZE = re.compile(r"\(?\s*(\d{1,5})\s*[x×*,]\s*(\d{1,5})\s*\)?")


@dataclass(frozen=True)
class ForeignRecipe:
    """How another program made a picture, as far as it says; None and "" where it does not. Sizes are pixels."""

    program: str
    words: str
    negative_words: str = ""
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    model: str = ""
    aspect: str = ""  #: "16:9", where no more than the shape is said

    def settings(self) -> str:
        """ "seed 7, 1024×1024, 20 steps", as much of it as is known."""
        told = [
            *([f"seed {self.seed}"] if self.seed is not None else []),
            *([f"{self.width}×{self.height}"] if self.width and self.height else []),
            *([f"shape {self.aspect}"] if self.aspect else []),
            *([f"{self.steps} steps"] if self.steps is not None else []),
        ]
        return ", ".join(told)


def foreign_recipe(texts: Mapping[str, str]) -> ForeignRecipe | None:
    """The recipe in the texts of a picture, by keyword; None where no program that is known has left its words."""
    for found in _recipes(texts):
        if found.words.strip():
            return found
    return None


def _recipes(texts: Mapping[str, str]) -> Iterator[ForeignRecipe]:
    if graph := read_graph(_object(texts.get("prompt")), _object(texts.get("workflow"))):
        yield _recipe("ComfyUI", graph["words"], graph)
    if said := _object(texts.get("invokeai_metadata")):
        yield _recipe("InvokeAI", said.get("positive_prompt"), said, said.get("negative_prompt"))
    if said := _object(texts.get("sd-metadata")):
        yield _old_invoke(said)
    for keyword in ("parameters", "UserComment", "Comment", "Description"):
        text = texts.get(keyword, "")
        if said := _object(text):
            yield _from_object(said, texts)
        elif _STEPS_LINE.search(text) or (keyword == "parameters" and not text.lstrip().startswith(("{", "["))):
            yield _from_lines(text)


def _from_object(said: dict[str, Any], texts: Mapping[str, str]) -> ForeignRecipe:
    """SwarmUI's, Fooocus's, mflux's, NovelAI's: settings by name around a `prompt`."""
    if isinstance(swarm := said.get("sui_image_params"), dict):
        return _recipe("SwarmUI", swarm.get("prompt"), swarm, swarm.get("negativeprompt"))
    if "fooocus_scheme" in texts or "metadata_scheme" in said or str(said.get("version", "")).startswith("Fooocus"):
        program = "Fooocus"
    elif "mflux_version" in said:
        program = "mflux"
    else:
        program = texts.get("Software", "").split("\n")[0][:40] or "another program"
    return _recipe(program, said.get("prompt"), said, said.get("negative_prompt") or said.get("uc"))


def _from_lines(text: str) -> ForeignRecipe:
    """A1111's way, which many have taken over: the words, the negative ones, a line of settings."""
    starts = [match.start() for match in _STEPS_LINE.finditer(text)]
    before, line = (text[: starts[-1]], text[starts[-1] :]) if starts else (text, "")
    words, _, negative = before.partition(_NEGATIVE)
    return recipe_of_settings(words, negative, line)


def recipe_of_settings(words: str, negative: str, line: str) -> ForeignRecipe:
    """What words, negative ones and a line of settings come to: "Steps: 20, Seed: 5, Size: 512x768"."""
    said = {key: value.strip('"') for key, value in _PAIR.findall(line.replace("\n", ", "))}
    version = said.get("Version", "")
    program = "A1111"
    if version.startswith("f") or "Distilled CFG Scale" in said:
        program = "Forge"
    elif version and not re.match(r"v?\d", version):
        program = version[:40]
    return _recipe(program, words.strip(), said, negative.strip())


def _old_invoke(said: dict[str, Any]) -> ForeignRecipe:
    """InvokeAI 2: the words may be a list of weighted ones."""
    image = said["image"] if isinstance(said.get("image"), dict) else {}
    words = image.get("prompt")
    if isinstance(words, list):
        words = ", ".join(str(part.get("prompt", "")) for part in words if isinstance(part, dict))
    return _recipe("InvokeAI", words, image | {"model": said.get("model_weights")})


def _recipe(program: str, words: Any, said: Mapping[str, Any], negative: Any = "") -> ForeignRecipe:
    """The recipe in ``said``, whose keys each program spells in its own way."""
    by_name = {re.sub("[^a-z]", "", str(key).lower()): value for key, value in said.items()}

    def first(*names: str) -> Any:
        return next((by_name[name] for name in names if by_name.get(name) is not None), None)

    width, height = _whole(first("width"), 1, SIDE_MAX), _whole(first("height"), 1, SIDE_MAX)
    size = _SIZE.fullmatch(str(first("size", "resolution") or ""))
    if size and not (width and height):
        width, height = _whole(size[1], 1, SIDE_MAX), _whole(size[2], 1, SIDE_MAX)
    model = first("model", "basemodel", "modelname")
    if isinstance(model, dict):
        model = model.get("name") or model.get("model_name")
    return ForeignRecipe(
        program,
        words.strip() if isinstance(words, str) else "",
        negative.strip() if isinstance(negative, str) else "",
        seed=_whole(first("seed", "noiseseed"), 0, SEED_MAX),
        width=width if height else None,
        height=height if width else None,
        steps=_whole(first("steps", "numinferencesteps"), 1, STEPS_MAX),
        guidance=_number(first("cfgscale", "guidancescale", "guidance", "cfg", "scale"), GUIDANCE_MAX),
        model=model if isinstance(model, str) else "",
    )


def _object(text: str | None) -> dict[str, Any]:
    """The JSON object in a text, {} where there is none. NaN, which Python writes, is read as a number that is none."""
    if not text or not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def _whole(value: Any, least: int, most: int) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,20}\s*", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None
