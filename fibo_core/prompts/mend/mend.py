"""One way in for every JSON: whatever is pasted, dropped, piped or answered becomes a prompt, or one sentence.

The caption is found (`find.py`), read even where it is broken (`json_text.py`) and put into FIBO's shape
(`reshape.py`). A plain caption comes out as it is. What was done is told; where several captions stand, none is taken.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from fibo_core.errors import PromptError
from fibo_core.prompts.caption_schema import KEYS, Caption
from fibo_core.prompts.foreign import foreign_recipe
from fibo_core.prompts.json_paths import excerpt, format_path, read
from fibo_core.prompts.json_text import MAX_DEPTH, Pairs
from fibo_core.prompts.mend.find import Document, Found, captions, documents
from fibo_core.prompts.mend.names import doubtful_keys, spelling_of
from fibo_core.prompts.mend.recipe import Recipe, recipe_beside, recipe_of
from fibo_core.prompts.mend.reshape import MAX_TOLD, listed, reshape, said
from fibo_core.prompts.structured_prompt import MAX_TEXT_BYTES, StructuredPrompt

RECORD = "fibo-studio"  # under which our pictures carry their record
MAX_CHARS = 20_000_000  # of a text that holds a caption among other things, such as an answer with a picture in it

_FENCE = re.compile(r"```\w*")
_NAMED = re.compile(
    r"(?:short|scene)[_ -]?description|background[_ -]?setting|(?:structured|json)[_ -]?prompt|text[_ -]?render"
    r"|photographic[_ -]?characteristics|artistic[_ -]?style|style[_ -]?medium|objects|lighting|aesthetics",
    re.IGNORECASE,
)
_KEY_BEFORE = re.compile(r"[\"'“”„«‘’`{,]\s*\Z|(?:&quot;|&#34;|u0022|%22)\Z")
_KEY_AFTER = re.compile(r"(?:\\*[\"'“”»‘’`]+|&quot;|&#34;|\\+u0022)?\s*[:：]|%22%3A|%22:")
_YAML = re.compile(r"\s*(?:---\s*)?(?:- )?([A-Za-z_]+)\s*:(?:\s|\Z)")

TEXTS_MAX = 64  #: of a picture that are looked into; programs write one or two


@dataclass(frozen=True)
class Mended:
    """A prompt, sentences on what was done for it (none for a plain caption), and the settings that stood beside it."""

    prompt: StructuredPrompt
    notes: tuple[str, ...] = ()
    recipe: Recipe = field(default_factory=Recipe)

    def told(self) -> tuple[str, ...]:
        """The notes, and a sentence on the settings found, for where nobody can take them by a press."""
        if not self.recipe:
            return self.notes
        return (*self.notes, f"Found beside the prompt and not used: {self.recipe}.")

    @property
    def title(self) -> str:
        """What the prompt is about, in at most 40 characters."""
        about = self.prompt.get("short_description") or self.prompt.get("objects[0].description")
        title = " ".join(str(about or self.prompt.to_json(None)).split())
        return title if len(title) <= 40 else f"{title[:39]}…"


class SeveralCaptions(PromptError):
    """Several different captions stand in what was given; ``captions`` are they, in the order in which they stand."""

    def __init__(self, found: Sequence[Mended]):
        titles = [f'"{each.title}"' for each in found]
        super().__init__(f"{len(found)} different captions stand there: {listed(titles)}. Give one of them alone.")
        self.captions = tuple(found)


def mend(data: str | bytes) -> Mended:
    """The prompt in what somebody has: JSON, broken or whole, alone or in something else; bytes in UTF-8 or UTF-16.

    Raises PromptError, with line and column where there is a place to show: for no JSON, for JSON in which none of
    FIBO's keys says anything, for what cannot be put into its shape. Raises SeveralCaptions where there are.
    """
    text = data if isinstance(data, str) else decoded(data)
    if len(text) > MAX_CHARS:
        raise PromptError(
            f"The text has {len(text):,} characters, and at most {MAX_CHARS:,} are searched for a caption."
        )
    fault: PromptError | None = None
    try:
        prompt = StructuredPrompt.parse(text)
    except PromptError as exc:
        fault = exc
    else:
        document = prompt.document
        if said(document) and not reshape(document)[1]:
            repeated = [f"{hint}." for hint in prompt.hints() if hint.message.startswith("is there more than once")]
            return Mended(prompt, (*repeated, *doubtful_keys(document)), recipe_beside(document, ()))
    try:
        there = documents(text)
        mended = list(_distinct(captions(there), text, there))
    except RecursionError as exc:
        raise _too_deep() from exc
    if len(mended) > 1:
        raise SeveralCaptions(mended)
    if mended:
        return mended[0]
    raise _no_caption(text, there, fault) from fault


def mend_document(document: Mapping[str, Any]) -> Mended:
    """The same for JSON that was read already, such as the body of a request. Raises PromptError as `mend` does."""
    try:
        return mend(json.dumps(document))
    except RecursionError as exc:
        raise _too_deep() from exc


def mend_texts(texts: Mapping[str, str]) -> Mended | None:
    """The prompt in the texts of a picture file, by their names; None where no text holds a caption that says anything.

    Our own record counts before all else, and of ComfyUI's two texts the one that was run. Raises PromptError as
    `mend` does.
    """
    place = Document({RECORD: texts[RECORD]} if RECORD in texts else dict(islice(texts.items(), TEXTS_MAX)), "", 0, 0)
    try:
        found = captions([place])
    except RecursionError:
        return None
    run = [each for each in found if each.place[:1] != ("workflow",)]
    mended = list(_distinct(run or found, "", []))
    if len(mended) > 1:
        raise SeveralCaptions(mended)
    if not mended:
        return None
    return replace(mended[0], recipe=mended[0].recipe or recipe_of(foreign_recipe(texts)))


def holds_caption(words: str) -> bool:
    """Whether words that somebody typed or pasted hold a caption, rather than an idea; quick, and never raises."""
    named = [match for match in _NAMED.finditer(words[:MAX_TEXT_BYTES]) if _KEY_AFTER.match(words, match.end())]
    if _YAML.match(words) and sum(words[: match.start()].endswith("\n") for match in named) > 0:
        return True
    return any(_KEY_BEFORE.search(words, max(0, match.start() - 20), match.start()) for match in named)


def says_something(prompt: StructuredPrompt) -> bool:
    """Whether any of FIBO's ten keys says something, so that there is something to paint."""
    return bool(said(prompt.document))


def require_said(prompt: StructuredPrompt) -> None:
    """Raises PromptError where there is nothing to paint."""
    if not says_something(prompt):
        raise _nothing_said(prompt.document)


def decoded(data: bytes) -> str:
    """Text in UTF-8, UTF-16 or UTF-32, with a byte order mark or without. Raises PromptError for other bytes."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if data[1:2] == b"\0" and data[3:4] == b"\0" and data[:1] != b"\0":
        return data.decode("utf-16-le", "replace")
    if data[:1] == b"\0" and data[2:3] == b"\0" and data[1:2] != b"\0":
        return data.decode("utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise PromptError(f"This is neither UTF-8 nor UTF-16 text (byte {exc.start}). Save it as UTF-8.") from exc


def _distinct(found: Sequence[Found], text: str, there: Sequence[Document]) -> Iterator[Mended]:
    """Each different caption that says something, once."""
    by_meaning: dict[str, tuple[Mended, int]] = {}
    refused: PromptError | None = None
    for each in found:
        try:
            mended = _mended(each, text, there)
        except PromptError as exc:
            refused = refused or exc
            continue
        if mended is not None:
            text_for_model = mended.prompt.canonical()
            first, count = by_meaning.get(text_for_model, (mended, 0))
            by_meaning[text_for_model] = first, count + 1
    if refused is not None and not by_meaning:
        raise refused
    for mended, count in by_meaning.values():
        same = f"The same caption stands there {count} times; it was taken once."
        yield mended if count == 1 or not there else replace(mended, notes=(same, *mended.notes))


def _mended(found: Found, text: str, there: Sequence[Document]) -> Mended | None:
    document = found.document
    broken = bool(document.faults) or document.cut_off
    shaped, reshaped = reshape(found.caption, broken=broken)
    if not said(shaped):
        return None
    prompt = StructuredPrompt.from_dict(shaped if reshaped else found.caption)
    notes = [
        *_surroundings(found, text, there),
        *_mending(document, prompt, text),
        *(f"{path} is there more than once; the last one counts." for path in _repeated(found.caption, ())),
        *reshaped,
        *doubtful_keys(prompt.document),
    ]
    return Mended(prompt, tuple(notes), recipe_beside(found.caption, found.around))


def _surroundings(found: Found, text: str, there: Sequence[Document]) -> Iterator[str]:
    """What was left aside to come to the caption."""
    place = format_path(found.place)
    if found.document.unwrapped:
        yield f"The JSON's {found.document.unwrapped} was taken off."
    elif there and found.document.text != text:
        pass
    elif there and (rest := _outside(text, there)).strip():
        words = " ".join(_FENCE.sub(" ", rest).split())
        if "```" in rest and not words:
            yield "The fence around the JSON was taken off."
        elif not re.search(r"\w", words):
            yield "The marks around the JSON were taken off."
        else:
            yield f"The words around the JSON were left out: {excerpt(words, 80)}."
    if place:
        written = ", where it was written as text" if found.as_text else ""
        yield f"The caption was taken from {place}{written}."
    elif found.as_text:
        yield "The caption was written as text; it was taken out of its quotes."


def _outside(text: str, there: Sequence[Document]) -> str:
    rest, begin = [], 0
    for document in there:
        rest.append(text[begin : document.start])
        begin = max(begin, document.end)
    return "".join([*rest, text[begin:]]).replace("\ufeff", "")


def _mending(document: Document, prompt: StructuredPrompt, text: str) -> Iterator[str]:
    """What was broken, and what is missing because of it."""
    faults = [fault for fault in document.faults if not (document.cut_off and fault.message.endswith("at the end"))]
    if faults:
        faults.sort(key=lambda fault: not fault.lost)
        told = [fault.told(text) if document.text == text else fault.message for fault in faults]
        yield f"The JSON was broken and was mended: {listed(told)}."
    if document.cut_off:
        last = prompt.paths()[-1] if prompt.paths() else "its beginning"
        yield f"The JSON is cut off in {last}; what was to follow is missing."
    lost = document.cut_off or any(fault.lost for fault in document.faults)
    if lost and (missing := missing_keys(prompt.document)):
        yield f"Missing and left to FIBO: {', '.join(missing)}."


def _too_deep() -> PromptError:
    return PromptError(f"The JSON is nested more than {MAX_DEPTH} levels deep. A structured prompt needs 3.")


def missing_keys(document: Mapping[str, Any]) -> list[str]:
    """FIBO's keys that a complete caption has and this one has not."""
    return [key for key in KEYS if Caption.model_fields[key].is_required() and key not in document]


def _repeated(value: Any, place: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, Pairs):
        yield from (format_path((*place, key)) for key in value.repeated)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _repeated(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated(item, (*place, index))


def _no_caption(text: str, there: Sequence[Document], fault: PromptError | None) -> PromptError:
    """Why there is nothing to paint, said of the first object there is."""
    for document in there:
        value = document.value
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, Mapping) and (value or fault is None):  # what is broken and gave nothing is not empty
            return _nothing_said(value)
    if "{" not in text and (yaml := _YAML.match(text)) and spelling_of(yaml[1], Caption):
        return PromptError("This is YAML, and a structured prompt is JSON. Write it as JSON.")
    return fault or PromptError(
        "There is no structured prompt in this JSON. Write one, with a short_description at least."
    )


def _nothing_said(document: Mapping[str, Any]) -> PromptError:
    if not document:
        why = "The JSON object is empty"
    elif all(spelling_of(key, Caption) for key in document):
        why = "Nothing is said under FIBO's keys: they are empty"
    else:
        why = f"None of FIBO's ten keys says anything in this JSON (it has {listed(list(map(excerpt_key, document)))})"
    meant, _ = reshape(document, by_meaning=True)
    usable = [f"{format_path(place)} {excerpt(read(meant, place), 40)}" for place in said(meant)][:MAX_TOLD]
    help_in_it = f" Usable in it: {', '.join(usable)}." if usable else ""
    doubtful = "".join(f" {sentence}" for sentence in doubtful_keys(document)[:MAX_TOLD])
    return PromptError(
        f'{why}.{help_in_it or doubtful} Write at least a short description: {{"short_description": "a red ball"}}.'
    )


def excerpt_key(key: str) -> str:
    """A key as it is named in a sentence."""
    return key if len(key) <= 30 else f"{key[:29]}…"
