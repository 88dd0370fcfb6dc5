"""Flags as Midjourney's and other command lines' users type them behind their words: `--ar 16:9 --v 6 --no cats`.

A flag is known by its name; two dashes before any other word are the user's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fibo_core.prompts.emphasis import QUOTED

_SETTINGS = {
    "seed": "Seed", "steps": "Steps", "cfg": "CFG scale", "cfg_scale": "CFG scale", "guidance": "CFG scale",
    "guidance_scale": "CFG scale", "width": "Width", "w": "Width", "height": "Height", "h": "Height",
}  # fmt: skip
#: What follows a flag, by the flag's name; after a switch nothing does.
_KINDS = {
    name: kind
    for kind, names in {
        "shape": "ar aspect aspect_ratio size",
        "text": "no neg negative negative_prompt",
        "number": "v version niji q quality s stylize chaos c weird iw stop repeat r cw sw sv ow exp bs motion "
        "sameseed batch_size n_iter subseed subseed_strength denoising_strength strength " + " ".join(_SETTINGS),
        "word": "style sampler sampler_name scheduler visibility model",
        "links": "sref cref oref",
        "code": "p profile personalize",
        "": "tile tiling raw video uplight upbeta upanime upalpha creative fast relax turbo draft public stealth loop "
        "test testp hd",
    }.items()
    for name in names.split()
}
_NAME = re.compile(
    rf"{QUOTED}|" r"(?:(?<=[\s,.;])|^)(?P<dash>--|—|–)(?P<name>[a-z]+(?:[_-][a-z]+)*)(?![\w-])", re.IGNORECASE
)
_GAP = r"(?:[ \t]*=[ \t]*|[ \t]+)"
_END = r"(?=[\s,;.]|$)"
_VALUES = {
    "shape": re.compile(rf"{_GAP}(\d{{1,5}}(?:\.\d{{1,3}})?[ \t]?[:x×/][ \t]?\d{{1,5}}(?:\.\d{{1,3}})?){_END}"),
    "text": re.compile(rf"{_GAP}((?:(?!\s(?:--|[—–])[a-z])[^\n])+)", re.IGNORECASE),
    "number": re.compile(rf"{_GAP}(-?\d{{1,20}}(?:\.\d{{1,6}})?){_END}"),
    "word": re.compile(rf"{_GAP}(?!--|—)([^\s,]{{1,100}})"),
    "links": re.compile(r"((?:[ \t]+(?:https?://\S{1,300}|\d{1,20}|random)(?:::\d)?)+)"),
    "code": re.compile(rf"{_GAP}((?=\w*\d)\w{{4,20}}){_END}"),
}


@dataclass
class Flags:
    """What the flags say. ``settings`` as A1111's line has them ("Seed: 5"), ``aspect`` is a shape ("16:9"), ``unread``
    is as it was typed."""

    settings: list[str] = field(default_factory=list)
    aspect: str = ""
    negative: str = ""
    unread: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.settings or self.aspect or self.negative or self.unread)


def without_flags(text: str) -> tuple[str, Flags]:
    """``text`` without its flags, and what they say. What stands between quotation marks stays."""
    flags, pieces, position = Flags(), [], 0
    for start, end, name, value in _found(text):
        pieces.append(text[position:start])
        position = end
        _read(flags, name, value, " ".join(text[start:end].split()))
    sides = [line for line in flags.settings if line.startswith(("Width", "Height"))]
    if len(sides) == 1:  # `--w` alone is Midjourney's, and means something else
        flags.settings.remove(sides[0])
        flags.unread.append(f"--{sides[0].lower().replace(': ', ' ')}")
    return (" ".join((*pieces, text[position:])), flags) if pieces else (text, flags)


def _found(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Where each flag begins and ends, its name, and its value, "" where it has none."""
    position = 0
    while match := _NAME.search(text, position):
        position = match.end()
        if not match["name"]:
            continue  # between quotation marks
        name = match["name"].lower().replace("-", "_")
        kind = _KINDS.get(name, "number")
        value = _VALUES[kind].match(text, position) if kind else None
        sure = name in _KINDS and match["dash"] == "--" and (len(name) > 1 or name == "p")
        if value is None and not sure:
            continue  # two dashes, or a long one, before a word of the user's own
        if match["dash"] != "--" and kind not in ("shape", "number"):
            continue
        position = match.end() if value is None else value.end()
        yield match.start(), position, name, "" if value is None else value[1].strip(" \t,")


def _read(flags: Flags, name: str, value: str, said: str) -> None:
    if not value:
        flags.unread.append(said)
    elif _KINDS.get(name) == "text":
        flags.negative = ", ".join(part for part in (flags.negative, value) if part)
    elif name == "size":
        flags.settings.append(f"Size: {value.replace(' ', '').replace(':', 'x').replace('/', 'x')}")
    elif _KINDS.get(name) == "shape":
        flags.aspect = re.sub(r"\s?[x×/]\s?", ":", value).replace(" ", "")
    elif name in _SETTINGS:
        flags.settings.append(f"{_SETTINGS[name]}: {value}")
    else:
        flags.unread.append(said)
