"""Where in a text the caption stands: in a fence, in prose, in wrappers, lists, workflows, in JSON written as text.

Finds and reads; what is found is put into FIBO's shape elsewhere. Nothing is chosen here: all captions come back, in
the order in which they stand.
"""

import ast
import html
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fibo_core.prompts.caption_schema import Caption
from fibo_core.prompts.json_text import MAX_DEPTH, Fault, Pairs, goes_on, read_strictly, read_tolerantly
from fibo_core.prompts.mend.names import Place, spelled, spelling_of
from fibo_core.prompts.mend.reshape import CORE_SCORE, caption_score

MAX_DOCUMENTS = 200  # beginnings of JSON looked at in one text
MAX_TEXTS = 6  # JSON as text within JSON as text
MAX_NODES = 50_000  # of one search; a large workflow has some thousand
MAX_BROKEN_CHARS = 1_000_000  # of a text that is read tolerantly

#: Keys whose value is a caption even where it has one of the ten keys only.
WRAPPERS = ("structured_prompt", "json_prompt", "prompt", "caption", "fibo_prompt", "structured_caption")

_STRICT = json.JSONDecoder(object_pairs_hook=Pairs)
_OPENING = re.compile(r"[{\[]")
_OBJECT = re.compile(
    "\\{[\\s\ufeff\u200b]*(?:[}{[\"'“”„‟«‘’‚「『]|[A-Za-z_$][\\w$-]*[\"'“”]?\\s*[:：]|//|/\\*|#|,|\\Z)"
)
_LIST = re.compile('\\[[\\s\ufeff\u200b]*(?:[{["“„]|\\])')
_FIRST_KEY = re.compile("[\\s\ufeff]*[\"'“„][^\"'“”„\n]{1,80}[\"'”“]\\s*[:：]")
_PYTHON = re.compile(r"[{\[]\s*[{\[]?\s*'")
_CELL = re.compile(r'"((?:[^"]|"")*[{\[]\s*(?:\{\s*)?""(?:[^"]|"")*)(?:"|\Z)')
_CELL_KEY = re.compile(r'""\w[^"\n]*""\s*:')
_ESCAPED = re.compile(r'[{\[]\s*(?:\{\s*)?(?:\\+[nrt]\s*)*\\+(?:"|u0022)')
_HTML = re.compile(r"[{\[]\s*(?:\{\s*)?&(?:quot|#34|#x22);")
_URL = re.compile(r"%7B(?:%22|%0A|%20|\+)[^\s&\"'<>]+", re.IGNORECASE)
_PREFIXES = [
    re.compile(rf"^{prefix}(?=.)", re.MULTILINE) for prefix in (r"(?:> ?)+", r"data: ?", r"[+|] ?", r" *[0-9]+[:.|)]? ")
]  # of a quoted mail, a stream of events, a diff or table, a listing with numbers
_INSIDE = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


@dataclass(frozen=True)
class Document:
    """One JSON value of a text. ``start`` to ``end`` is where it stands; ``text`` what the faults' positions mean."""

    value: Any
    text: str
    start: int
    end: int
    faults: tuple[Fault, ...] = ()
    cut_off: bool = False
    unwrapped: str = ""  # what was taken off its text: "CSV quoting"


@dataclass(frozen=True)
class Found:
    """Something like a caption. ``place`` is where it stands in the document, ``around`` are the objects around it,
    outermost first; ``inner`` where its JSON was written as text."""

    caption: Mapping[str, Any]
    score: int
    document: Document
    place: Place = ()
    around: tuple[Mapping[str, Any], ...] = ()
    as_text: bool = False


def documents(text: str) -> list[Document]:
    """The JSON objects and lists in a text, from its beginning on. Raises RecursionError for 64 levels and more."""
    try:
        return [Document(read_strictly(text.strip("\ufeff \t\r\n")), text, 0, len(text))]
    except ValueError:
        if len(text) > MAX_BROKEN_CHARS:
            return []
    if (unwrapped := _unwrapped(text)) is not None:
        how, inner = unwrapped
        if found := documents(inner):
            return [replace(each, unwrapped=how) for each in found]
    found = []
    start = _next(text, 0)
    while start >= 0 and len(found) < MAX_DOCUMENTS:
        found.append(_document(text, start))
        start = _next(text, max(found[-1].end, start + 1))
    return found


def captions(found: list[Document], *, by_meaning: bool = False) -> list[Found]:
    """Everything in documents that looks like a caption, those that look most like one alone."""
    search = _Search(by_meaning)
    for document in found:
        search.look(document.value, document, (), ())
    return search.best()


def _document(text: str, start: int) -> Document:
    try:
        if text[start] in "{[":
            value, end = _STRICT.raw_decode(text, start)
            if not (text[start] == "{" and goes_on(text, end)):
                return Document(value, text, start, end)
    except ValueError:
        pass
    if (literal := _python_literal(text, start)) is not None:
        return literal
    reading = read_tolerantly(text, start)
    return Document(reading.value, text, start, reading.end, reading.faults, reading.cut_off)


def _python_literal(text: str, start: int) -> Document | None:
    """What Python prints of a dict or a list, which Python reads back whatever quotes stand in it."""
    end = max(text.rfind("}"), text.rfind("]")) + 1
    if _PYTHON.match(text, start) is None or end <= start:
        return None
    try:
        value = ast.literal_eval(text[start:end])
        json.dumps(value)  # sets and bytes are no JSON
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    fault = Fault(text.index("'", start), "single quotes where double quotes belong, as Python prints it")
    return Document(value, text, start, end, (fault,))


def _next(text: str, start: int) -> int:
    """Where the next thing begins that reads as an object or a list, and not as a word in brackets; -1 for nowhere."""
    if start == 0 and _FIRST_KEY.match(text):
        return len(text) - len(text.lstrip("\ufeff \t\r\n"))
    for match in _OPENING.finditer(text, start):
        if (_OBJECT if match[0] == "{" else _LIST).match(text, match.start()):
            return match.start()
    return -1


def _unwrapped(text: str) -> tuple[str, str] | None:
    """A text whose JSON is quoted as a whole, with its quoting taken off; None for any other."""
    if _CELL_KEY.search(text) and (cell := _CELL.search(text)):
        return "CSV quoting", cell[1].replace('""', '"')
    if _HTML.search(text):
        return "HTML quoting", html.unescape(text)
    if "%7B" in text and (encoded := _URL.search(text)):
        return "URL quoting", urllib.parse.unquote_plus(encoded[0])
    for prefix in _PREFIXES:
        if len(prefix.findall(text)) == len(text.split("\n")) - len(re.findall(r"^\s*$", text, re.MULTILINE)) > 2:
            return "mark before each line", prefix.sub("", text)
    escaped, plain = _ESCAPED.search(text), _next(text, 0)
    if escaped is None or 0 <= plain < escaped.start():
        return None
    inside = _INSIDE.match(text, escaped.start())
    words = _HALF_ESCAPE.sub("", inside[0] if inside else "")
    try:
        return "quoting with \\", str(json.loads(f'"{words}"', strict=False))
    except ValueError:
        return "quoting with \\", words.replace('\\"', '"').replace("\\n", "\n")


class _Search:
    def __init__(self, by_meaning: bool):
        self.by_meaning = by_meaning
        self.found: list[Found] = []
        self.nodes = 0

    def best(self) -> list[Found]:
        """Those with a core where one has it, and of them those with a summary; else all that have a score."""
        core = [each for each in self.found if each.score >= CORE_SCORE]
        with_summary = [each for each in core if has_summary(each.caption)]
        of_own = [each for each in core if not any(_holds(each, other) for other in with_summary)]
        whole = [each for each in of_own if each in with_summary or each.score > CORE_SCORE + 1]
        return (whole if with_summary else core) or self.found

    def look(
        self, value: Any, document: Document, place: Place, around: tuple[Mapping[str, Any], ...], texts: int = 0
    ) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(place) > MAX_DEPTH:
            return
        if isinstance(value, str):
            self.look_in_text(value, document, place, around, texts)
        elif isinstance(value, Mapping):
            score = caption_score(value, by_meaning=self.by_meaning)
            if self.is_caption(value, score, place):
                self.found.append(Found(value, score, document, place, around, texts > 0))
            if has_summary(value):
                return
            skipped = _negative_nodes(value)
            for key, item in value.items():
                if not spelled(key).startswith("negative") and key not in skipped:
                    self.look(item, document, (*place, key), (*around, value), texts)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if not (isinstance(item, Mapping) and _is_negative(item, around)):
                    self.look(item, document, (*place, index), around, texts)

    def look_in_text(
        self, text: str, document: Document, place: Place, around: tuple[Mapping[str, Any], ...], texts: int
    ) -> None:
        if texts >= MAX_TEXTS or len(text) < 2 or not ("{" in text or '"' in text[:2]):
            return
        for inner in documents(text):
            if not isinstance(inner.value, str) or inner.value != text:
                faulty = inner if inner.faults or inner.cut_off else document
                self.look(inner.value, faulty, place, around, texts + 1)

    def is_caption(self, value: Mapping[str, Any], score: int, place: Place) -> bool:
        if self.by_meaning or score >= CORE_SCORE:
            return score > 0
        names = [step for step in place if isinstance(step, str)]
        return score >= 2 or (score == 1 and (not names or spelled(names[-1]) in WRAPPERS))


def has_summary(value: Mapping[str, Any]) -> bool:
    """Whether an object has a short_description, however that is spelled."""
    return any(spelling_of(key, Caption) == "short_description" for key in value)


def _holds(outer: Found, inner: Found) -> bool:
    return (
        outer is not inner
        and inner.place[: len(outer.place)] == outer.place
        and any(each is outer.caption for each in inner.around)
    )


def _negative_nodes(nodes: Mapping[str, Any]) -> set[str]:
    """The nodes of a ComfyUI workflow (API form) whose text is the negative prompt: samplers point to them."""
    links = [
        node["inputs"].get(name)
        for node in nodes.values()
        if isinstance(node, Mapping) and isinstance(node.get("inputs"), Mapping)
        for name in ("negative", "positive")
    ]
    ends = [str(link[0]) if isinstance(link, list) and link else "" for link in links]
    return set(ends[0::2]) - set(ends[1::2]) - {""}


def _is_negative(node: Mapping[str, Any], around: tuple[Mapping[str, Any], ...]) -> bool:
    """The same for a node of the form in which ComfyUI saves a workflow: its links go through a list."""
    if not around or "id" not in node or not isinstance(links := around[-1].get("links"), list):
        return False
    nodes = around[-1].get("nodes")
    asked = {
        slot.get("name"): slot.get("link")
        for each in (nodes if isinstance(nodes, list) else ())
        if isinstance(each, Mapping)
        for slot in _slots(each)
        if isinstance(slot, Mapping) and slot.get("name") in ("negative", "positive")
    }
    from_node = {link[0]: link[1] for link in links if isinstance(link, list) and len(link) > 1}
    negative = from_node.get(asked.get("negative"))
    return negative is not None and negative == node["id"] and negative != from_node.get(asked.get("positive"))


def _slots(node: Mapping[str, Any]) -> list[Any]:
    slots = node.get("inputs")
    return slots if isinstance(slots, list) else []
