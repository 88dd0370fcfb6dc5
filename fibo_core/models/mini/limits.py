"""What a prompt asks for that mini was never shown: it paints something else in its place.

`learned.json` tells which entries of `world.toml` the weights have learned.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fibo_core.models.mini.world import Words, world
from fibo_core.prompts.structured_prompt import StructuredPrompt

#: Where a thing's name ends: in "a wise, old owl with amber eyes" after the owl, in "a dragon, breathing fire. It …"
#: after the dragon.
_AFTER_THE_NAME = re.compile(
    r"[.;:(]|,(?= (?:a|an|the|its|his|her|their|\w+ing|\w+ed)\b)"
    r"| (?:with|of|in|on|at|and|that|which|from|under|behind|near|wearing|made)\b"
)
_ARTICLE = re.compile(r"^(?:an?|the) ", re.IGNORECASE)


def not_trained_on(prompt: StructuredPrompt) -> tuple[str, ...]:
    """The things, the background and the medium of ``prompt`` that mini does not know, in the prompt's own words.

    A thing is known by any wording of it in its `description` or `shape_and_color`; else its name is taken to be the
    last word before the description's first break.
    """
    document = prompt.document
    unknown = [name for entry in _entries(document.get("objects")) if (name := _unknown_thing(entry))]
    for key, group in (("background_setting", "backgrounds"), ("style_medium", "media")):
        value = document.get(key)
        if isinstance(value, str) and value.strip() and not _mentions(value, group):
            unknown.append(_ARTICLE.sub("", _AFTER_THE_NAME.split(value)[0].strip(" ,")))
    return tuple(dict.fromkeys(unknown))


@cache
def learned(group: str) -> tuple[str, ...]:
    """The plain names of what mini has learned of "things", "backgrounds" or "media"."""
    file = Path(__file__).parent / "learned.json"
    return tuple(json.loads(file.read_text(encoding="utf-8"))[group])


def _entries(objects: object) -> Iterator[dict[str, object]]:
    for entry in objects if isinstance(objects, list) else []:
        if isinstance(entry, dict):
            yield entry


def _unknown_thing(entry: dict[str, object]) -> str:
    described = " ".join(str(entry.get(key) or "") for key in ("description", "shape_and_color"))
    if _mentions(described, "things"):
        return ""
    name = _AFTER_THE_NAME.split(str(entry.get("description") or "").lower())[0].strip(" ,").split()
    return name[-1] if name else ""


def _mentions(text: str, group: str) -> bool:
    return bool(set(re.findall(r"[a-z0-9'-]+", text.lower())) & _telling(group))


@cache
def _telling(group: str) -> frozenset[str]:
    """The words that tell entries of a group from others, singular and plural: of "a quiet beach" just "beach".

    A thing's is the last of each wording, since "a beach ball" is no beach.
    """
    words: Words = getattr(world(), group)
    wordings = [wording.lower().split() for name in learned(group) for wording in words[name]]
    telling = {wording[-1] for wording in wordings} if group == "things" else {w for each in wordings for w in each}
    return frozenset(form for word in telling - _COMMON for form in _forms(word))


def _forms(word: str) -> Iterable[str]:
    return word, f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies"


#: Words of the backgrounds' and the media's wordings that stand beside anything.
_COMMON = frozenset(
    re.findall(
        r"[\w-]+",
        """a an the of in with by under over on at before behind full calm quiet open blue green sandy grassy rolling
        dark lit soft digital realistic hand-drawn empty plain night outer range sky street windows line design art room
        painting dense deep distant landscape horizon dusk""",
    )
)
