"""From a model's text to a structured prompt, or an error that keeps the text.

The JSON is found in the prose around it, closed where it was cut off, mended by the json-repair library where it is
broken, and put into FIBO's shape (`reshape.py`). What cannot be known is left out and told, never made up.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import json_repair

from fibo_core.errors import PromptError, WriterAnswerError
from fibo_core.prompts.caption_schema import KEYS, Caption
from fibo_core.prompts.json_paths import excerpt
from fibo_core.prompts.structured_prompt import MAX_DEPTH, StructuredPrompt
from fibo_core.writers.reshape import CORE_SCORE, caption_score, reshape

MAX_ANSWER_CHARS = 100_000  # a full prompt has some 4,000; to mend far more takes long
MAX_DOCUMENTS = 20  # beginnings of JSON looked at in one answer
MAX_WRAPPERS = 4  # {"result": {"structured_prompt": …

_DECODER = json.JSONDecoder()
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")


@dataclass(frozen=True)
class Repaired:
    """A prompt and sentences on what was repaired; `cut_off` where the answer ended before its end."""

    prompt: StructuredPrompt
    notes: tuple[str, ...] = ()
    cut_off: bool = False


@dataclass(frozen=True)
class _Found:
    """One JSON document of an answer: what in it looks most like a caption, and how much so."""

    caption: dict[str, Any]
    score: int
    cut_off: bool = False
    mended: bool = False


def repair(text: str) -> Repaired:
    """The structured prompt in what a model said.

    Raises WriterAnswerError, with the text, where there is none: no JSON, or neither a summary nor an object in it.
    Of a text that is too long to be read its beginning is kept: it goes into a row and an editor.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise _no_prompt(
            f"it has {len(text):,} characters, and at most {MAX_ANSWER_CHARS:,} are read", text[:MAX_ANSWER_CHARS]
        )
    try:
        found = _documents(text)
        if not found:
            raise _no_prompt(f"there is no JSON in {excerpt(text, 40)}" if text.strip() else "it is empty", text)
        best = max(found, key=lambda each: each.score)
        document, reshaped = reshape(best.caption)
        notes = _complete(document, text)
        prompt = StructuredPrompt.from_dict(document)
    except RecursionError as exc:
        raise _no_prompt(f"its JSON is nested more than {MAX_DEPTH} levels deep", text) from exc
    except PromptError as exc:
        raise _no_prompt(str(exc).removesuffix("."), text) from exc
    if best.cut_off:
        notes = [f"The answer was cut off in {prompt.paths()[-1]}; what was to follow is missing.", *notes]
    elif best.mended:
        notes = ["The answer was broken JSON and was mended; look it through.", *notes]
    return Repaired(prompt, (*notes, *reshaped), best.cut_off)


def _no_prompt(why: str, text: str) -> WriterAnswerError:
    return WriterAnswerError(
        f"The writer's answer is no structured prompt: {why}. Try again, or say it otherwise.", text
    )


def _complete(document: dict[str, Any], text: str) -> list[str]:
    """Fills a missing summary from the objects; sentences on that and on what stays missing."""
    objects = [item["description"] for item in document.get("objects", []) if "description" in item]
    if "short_description" not in document and not objects:
        raise _no_prompt("it says neither what the picture shows nor what is in it", text)
    notes = []
    if "short_description" not in document:
        joined = "; ".join(description.strip().rstrip(".") for description in objects)
        document["short_description"] = f"{joined}."
        notes.append("The answer had no short_description: the descriptions of its objects stand there.")
    required = [key for key in KEYS if Caption.model_fields[key].is_required()]
    if missing := [key for key in required if key not in document]:
        notes.append(f"Missing in the answer and left to FIBO: {', '.join(missing)}.")
    return notes


def _found(value: Any, *, cut_off: bool = False, mended: bool = False) -> _Found:
    score, caption = _likest(value, 0)
    return _Found(caption, score, cut_off, mended)


def _likest(value: Any, depth: int) -> tuple[int, dict[str, Any]]:
    """The object that looks most like a caption, after its score: itself, or in wrappers, lists or JSON as text."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            value = json.loads(value)
        except ValueError:
            return 0, {}
    best = (caption_score(value), value) if isinstance(value, dict) else (0, {})
    if depth < MAX_WRAPPERS and best[0] < CORE_SCORE and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            # of equals the outer one: an object of a caption has a description too
            best = max(best, _likest(inner, depth + 1), key=lambda scored: scored[0])
    return best


def _documents(text: str) -> list[_Found]:
    """The JSON objects and lists in the text, from its beginning on."""
    text = text.strip().removeprefix("\ufeff")
    if (whole := _parse_json(text)) is not None:
        return [whole]
    found: list[_Found] = []
    start = _next(text, 0)
    while start >= 0 and len(found) < MAX_DOCUMENTS:
        try:
            value, end = _DECODER.raw_decode(text, start)
            found.append(_found(value))
        except (ValueError, RecursionError):
            end, closed = _end(text, start)
            found.append(_mend(closed or text[start:end], cut_off=closed is not None))
        start = _next(text, end)
    if found and not any(each.score for each in found):
        found.append(_mend(text, cut_off=False))  # a quote out of place may have misled the search for the end
    return found


def _parse_json(text: str, *, cut_off: bool = False) -> _Found | None:
    try:
        return _found(json.loads(text), cut_off=cut_off)
    except (ValueError, RecursionError):
        return None


def _next(text: str, start: int) -> int:
    match = re.compile(r"[{\[]").search(text, start)
    return match.start() if match else -1


def _mend(text: str, *, cut_off: bool) -> _Found:
    if cut_off and (closed := _parse_json(text, cut_off=True)) is not None:
        return closed
    try:
        return _found(json_repair.loads(text), cut_off=cut_off, mended=True)
    except Exception:  # whatever a guess at broken text stumbles over, there was nothing to read here
        return _found(None)


def _end(text: str, start: int) -> tuple[int, str | None]:
    """Where the JSON that begins at `start` ends; and where it does not, its text closed at the last sure place.

    A value cut in the middle of its words keeps them; a key without its value, and half a number, go.
    """
    closers: list[str] = []
    sure = start  # the text up to here, and the closers, are whole
    in_string = is_key = expects_key = False
    escape = -1  # where the escape begins that is being read
    position = opened = start  # `opened`: where the last string began
    while position < len(text):
        char = text[position]
        if in_string:
            if escape >= 0:
                if (text[escape + 1] != "u") or position - escape == 5:
                    escape = -1
            elif char == "\\":
                escape = position
            elif char == '"':
                in_string = False
                sure = sure if is_key else position + 1
        elif char == '"':
            in_string, is_key, opened = True, expects_key, position
        elif char in "{[":
            closers.append("}" if char == "{" else "]")
            if len(closers) > MAX_DEPTH:
                raise RecursionError  # no prompt, and slow to mend
            expects_key, sure = char == "{", position + 1
        elif char in "}]":
            closers.pop()
            sure = position + 1
            if not closers:
                return sure, None
            expects_key = False
        elif char == ",":
            if not expects_key:
                sure = position  # a bare number or word before it is whole
            expects_key = closers[-1] == "}"
        elif char == ":":
            expects_key = False
        position += 1
    tail = "".join(reversed(closers))
    if in_string and not is_key:
        words = text[opened : escape if escape >= 0 else len(text)]
        return len(text), text[start:opened] + _HALF_PAIR.sub("", words) + '"' + tail
    return len(text), text[start:sure] + tail
