"""StructuredPrompt, FIBO's JSON caption as a frozen value: read tolerantly and edited by path.

The document stays as the user typed it; `canonical` makes of it the text the model was trained on, by the
rules of upstream FIBO's cleaning before inference.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fibo_core.errors import PromptError
from fibo_core.prompts import json_paths
from fibo_core.prompts.caption_schema import KEYS, Hint, check_shape, json_schema, kind
from fibo_core.prompts.json_paths import MISSING, Change, Step, excerpt, format_path, locate, parse_path
from fibo_core.prompts.json_text import MAX_DEPTH, Pairs, first_fault, line_and_column

__all__ = [
    "KEYS",
    "MAX_DEPTH",
    "MAX_TEXT_BYTES",
    "MISSING",
    "Change",
    "Hint",
    "StructuredPrompt",
    "diff",
    "json_schema",
    "locate",
]

MAX_TEXT_BYTES = 500_000  # of UTF-8; FIBO reads 3,000 tokens, some 12,000 bytes
MAX_HINTS = 50  # nobody reads more

TOP_SCORE = "very high"  # the best bucket of the scores FIBO was trained with
SCORES = ("preference_score", "aesthetic_score")  # in the order in which upstream appends them

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u007f|.)")


@dataclass(frozen=True, repr=False)
class StructuredPrompt:
    """A structured prompt, made by `parse` or `from_dict`. Equal where the documents are, order included."""

    _text: str  # the document as minified JSON: what makes the value hashable, and safe from edits
    _hints: tuple[Hint, ...] = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> "StructuredPrompt":
        """The prompt in a JSON text. Of a repeated key the last one counts, with a hint.

        Raises PromptError: with line and column where the text is not JSON, with JSON path, line and column
        where it is JSON of another shape, and for text above MAX_TEXT_BYTES or nested deeper than MAX_DEPTH.
        """
        _check_size(text)
        text = text.removeprefix("\ufeff")  # the mark some Windows editors put first
        if not text.strip():
            raise PromptError('The prompt is empty. Write JSON such as {"short_description": "a red ball"}.')
        try:
            return cls.from_dict(json.loads(text, object_pairs_hook=Pairs))
        except json.JSONDecodeError as exc:
            raise _not_json(text, exc) from exc
        except ValueError as exc:  # Python refuses whole numbers of more than 4,300 digits
            raise PromptError("The JSON holds a number of thousands of digits. Write it as text, or shorter.") from exc
        except RecursionError as exc:
            raise _too_deep() from exc
        except PromptError as exc:
            line, column = locate(text, exc.path) or (None, None)
            where = f" (line {line}, column {column})" if exc.path and line else ""
            raise PromptError(f"{exc}{where}", path=exc.path, line=line, column=column) from exc

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "StructuredPrompt":
        """The prompt in a document of JSON values. Raises PromptError as `parse` does, but without a line."""
        hints: list[Hint] = []
        document = _plain(data, (), hints)
        if not isinstance(document, dict):
            raise PromptError(
                f"A structured prompt is a JSON object, and this is {kind(document)} ({excerpt(document)}). "
                "Put it between { and }."
            )
        hints += check_shape(document)
        text = _readable(document, None)
        _check_size(text)
        return cls(text, tuple(hints[:MAX_HINTS]))

    @property
    def document(self) -> dict[str, Any]:
        """The document as typed, its order and unknown keys kept; a copy of the caller's own."""
        document: dict[str, Any] = json.loads(self._text)
        return document

    def to_json(self, indent: int | None = 2) -> str:
        """The document as readable JSON; always encodable as UTF-8. Minified with `indent` None."""
        return self._text if indent is None else _readable(self.document, indent)

    def cleaned(self) -> dict[str, Any]:
        """The document as the model is given it.

        The ten keys in canonical order, the keys inside as typed; None, "", {} and [] dropped, and what that
        empties, while 0, False and " " stay; both scores of `aesthetics` set to the highest, where they stand
        or appended. An `aesthetics` that is absent, or empty once cleaned, is created after all other keys
        (so that reading this back as a prompt moves it to its place among the ten: another text for the model).
        """
        document = self.document
        cleaned: dict[str, Any] = without_empty({key: document[key] for key in KEYS if key in document})
        aesthetics = cleaned.setdefault("aesthetics", {})
        for score in SCORES:
            aesthetics[score] = TOP_SCORE
        return cleaned

    def canonical(self) -> str:
        """The exact text for the model: `cleaned`, minified, with all but ASCII escaped.

        U+007F stays as it is, because upstream's JSON library (ujson) does not escape it where Python's does.
        """
        text = json.dumps(self.cleaned(), separators=(",", ":"))
        return _ESCAPE.sub(lambda match: "\x7f" if match[0] == "\\u007f" else match[0], text)

    def token_count(self, count: Callable[[str], int]) -> int:
        """How many tokens the canonical text has for the tokenizer behind `count`."""
        return count(self.canonical())

    def hints(self) -> tuple[Hint, ...]:
        """What FIBO would miss or not expect: a missing key, an unknown one, too many objects or words."""
        return self._hints

    def paths(self) -> tuple[str, ...]:
        """The JSON paths of all scalars and empty containers, in document order."""
        document = self.document
        return tuple(map(format_path, json_paths.leaves(document))) if document else ()

    def get(self, path: str, default: Any = None) -> Any:
        """A copy of the value at `path`, or `default` where nothing is. Raises PromptError for no path."""
        value = json_paths.read(self.document, parse_path(path))
        return default if value is MISSING else value

    def set(self, path: str, value: Any) -> "StructuredPrompt":
        """A copy with `value` at `path`; missing parents are created, and one past a list's end appends.

        Raises PromptError where the path leads through text or a number, or the result would be no prompt.
        """
        document = self.document
        json_paths.write(document, _place(path), value)
        return self.from_dict(document)

    def without(self, path: str) -> "StructuredPrompt":
        """A copy that has nothing at `path`; later items of a list move up. Equal where nothing was there."""
        document = self.document
        json_paths.remove(document, _place(path))
        return self.from_dict(document)

    def __repr__(self) -> str:
        return f"StructuredPrompt({self._text if len(self._text) <= 80 else self._text[:79] + '…'})"


def _place(path: str) -> tuple[Step, ...]:
    if steps := parse_path(path):
        return steps
    raise PromptError("Name a place in the prompt, such as objects[0].location; the path is empty.")


def diff(before: StructuredPrompt, after: StructuredPrompt) -> tuple[Change, ...]:
    """What changed, in document order: one change a leaf, and one for a part that only one of them has.

    List items are matched by likeness: an object removed from the middle is one change. Paths are those of
    `after`, and of `before` for what was removed. The order of keys does not count.
    """
    return tuple(json_paths.changes(before.document, after.document))


def _plain(value: Any, steps: tuple[Step, ...], hints: list[Hint]) -> Any:
    """A copy of `value` in plain JSON types, NaN as null with a hint. Raises PromptError for the rest."""
    if type(value) is str:  # most values are: a history that is checked reads millions of them
        return value if value.isascii() else _joined(value)
    if isinstance(value, Mapping | list | tuple) and len(steps) >= MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, Mapping):
        for key in getattr(value, "repeated", ()):
            hints.append(Hint(format_path((*steps, key)), "is there more than once; the last one counts"))
        copy = {}
        for key, item in value.items():
            if not isinstance(key, str):
                where = format_path(steps)
                raise PromptError(f"{where or 'The document'} has the key {key!r}, which is not text.", path=where)
            copy[_joined(key)] = _plain(item, (*steps, key), hints)
        return copy
    if isinstance(value, list | tuple):
        return [_plain(item, (*steps, index), hints) for index, item in enumerate(value)]
    if isinstance(value, str):
        return _joined(value)
    if value is None or isinstance(value, bool):
        return value
    path = format_path(steps)
    where = path or "The document"
    if not isinstance(value, int | float):
        raise PromptError(f"{where} is a {type(value).__name__}, which JSON does not know.", path=path)
    if value != value:  # NaN
        hints.append(Hint(path, "is NaN, which JSON does not know; it counts as null"))
        return None
    if abs(value) > sys.float_info.max:
        raise PromptError(f"{where} is infinite or too large for JSON. Write a number, or null.", path=path)
    return value


def _joined(text: str) -> str:
    """`text` with surrogate pairs joined to the character they mean, as a JSON reader joins them."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def without_empty(value: Any) -> Any:
    """A copy without None, "", {} and [], and without what that empties; 0, False and " " stay."""
    if isinstance(value, dict):
        return {key: item for key, raw in value.items() if not is_empty(item := without_empty(raw))}
    if isinstance(value, list):
        return [item for raw in value if not is_empty(item := without_empty(raw))]
    return value


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: None, "", {} or []."""
    return value is None or value in ("", {}, [])


def _readable(document: dict[str, Any], indent: int | None) -> str:
    """JSON with letters as they are; only lone surrogates, which UTF-8 cannot hold, are escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(document, ensure_ascii=False, indent=indent, separators=separators)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _not_json(text: str, refusal: json.JSONDecodeError) -> PromptError:
    message, position = refusal.msg[0].lower() + refusal.msg[1:].removesuffix(" at"), refusal.pos
    if not text.lstrip().startswith(("{", "[")):
        message = f"a structured prompt begins with {{, and this begins with {excerpt(text.strip(), 30)}"
    else:
        try:
            if fault := first_fault(text):
                message, position = fault.message, fault.position
        except RecursionError:
            return _too_deep()
    line, column = line_and_column(text, position)
    return PromptError(f"This is not JSON: {message} (line {line}, column {column}).", line=line, column=column)


def _too_deep() -> PromptError:
    return PromptError(f"The JSON is nested more than {MAX_DEPTH} levels deep. A structured prompt needs 3.")


def _check_size(text: str) -> None:
    if (size := len(text.encode("utf-8", "surrogatepass"))) > MAX_TEXT_BYTES:
        raise PromptError(
            f"The JSON has {size:,} bytes, and at most {MAX_TEXT_BYTES:,} are read. FIBO reads some 12,000."
        )
