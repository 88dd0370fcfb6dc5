"""JSON as people type, paste and cut it off: read to its end all the same, each fault named in words at its place.

Python's reader says that text is JSON; this one says what is wrong where it is not, and what was meant. Nothing is
dropped without a fault that says so.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 64  # lists and objects inside one another; a caption needs 3

_QUOTES = "\"'`“”„‟«»‘’‚‛「」『』"
#: What may end a text, by what began it: word processors turn quotes, and of a pair sometimes one only.
_CLOSING = {
    '"': '"”“', "'": "'’‘", "`": "`", "“": '”“"‟', "”": '”"', "„": '“”"‟', "‟": '”‟"', "«": '»"', "»": '«»"', "‘": "’‘'",
    "’": "’'", "‚": "‘’'", "‛": "’'", "「": "」", "『": "』", "」": "」", "』": "』",
}  # fmt: skip
_PLAIN_QUOTES = "\"'`"  # one of them may stand where another belongs
_COMMAS, _COLONS, _CLOSERS = ",，、;", ":：=;", "}])"
_ODD_BLANKS = "\ufeff\u200b\u200c\u200d\u2060"  # no blanks for Python
_PAIR = {"{": "}", "[": "]", "(": ")"}  # the last is Python's
_KEY = re.compile(
    rf"[{_QUOTES}]{{1,2}}([^{_QUOTES}\n]{{0,200}})[{_QUOTES}]{{1,2}}\s*[:：]"
    rf"|[{_QUOTES}][A-Za-z_]\w{{0,60}}\s*[:：]\s*[{_QUOTES}\[{{0-9]"  # its closing quote is missing
    rf"|[A-Za-z_]\w{{0,60}}[{_QUOTES}]\s*[:：]"  # its opening one
)
_ENDED_KEY = re.compile(rf"[{_QUOTES}]\s*[:：]")
_HALF_KEY = re.compile(rf"[A-Za-z_]\w{{0,60}}[{_QUOTES}]\s*[:：]")
_BEFORE_KEY = re.compile(r",\s*(?:\{\s*)?\Z")
#: A key with something else than a colon after it, where a value follows.
_NO_COLON_KEY = re.compile(rf"[{_QUOTES}][A-Za-z_]\w{{0,60}}[{_QUOTES}](?:\s*[=;]\s*|\s+)[{_QUOTES}\[{{0-9]")
_NEXT_KEY = re.compile(rf"[}}\]\s]*,\s*(?:\{{\s*)?(?=[{_QUOTES}]\w+[{_QUOTES}]\s*:)")
_BARE_KEY = re.compile(r"[A-Za-z_$][\w$-]{0,60}\s*[:：]")
_CUT_KEY = re.compile(rf"[{_QUOTES}][^{_QUOTES}\n]{{0,200}}(?:[{_QUOTES}]\s*)?\Z")
_COLON = re.compile(r"(?:[:：=]|=>|;(?=\s*[\"'{\[]))[:：=>]*")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.])")
_LITERAL = re.compile(r"(true|false|null|none|undefined|nan)(?!\w)", re.IGNORECASE)
_LITERALS = {"true": True, "false": False}
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|#(?![0-9a-fA-F]{3,8}\b)[^\n]*", re.DOTALL)
_ELLIPSIS = re.compile(r"(?:\.{3,}|…)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_STRICT = json.JSONDecoder()


class Pairs(dict[str, Any]):
    """A JSON object that remembers which of its keys were written more than once; the last one counts."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        many = len(self) < len(pairs)
        self.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1] if many else []


@dataclass(frozen=True)
class Fault:
    """What is wrong at a position of the text, in words; ``lost`` where something of it is not in the value."""

    position: int
    message: str
    lost: bool = False

    def told(self, text: str) -> str:
        """The sentence's part with line and column: "a comma too many before ] (line 3, column 5)"."""
        line, column = line_and_column(text, self.position)
        return f"{self.message} (line {line}, column {column})"


@dataclass(frozen=True)
class Reading:
    """What was read from one beginning on. ``cut_off`` where the text ended before the JSON did."""

    value: Any
    end: int
    faults: tuple[Fault, ...] = ()
    cut_off: bool = False


def read_strictly(text: str) -> Any:
    """The value of a text that is JSON. Raises ValueError, and RecursionError for a thousand levels."""
    return json.loads(text, object_pairs_hook=Pairs)


def read_tolerantly(text: str, start: int = 0) -> Reading:
    """The list or object that begins at ``start``. Never raises but RecursionError, above MAX_DEPTH levels."""
    reader = _Reader(text, start)
    value = reader.value()
    faults = sorted(reader.faults, key=lambda fault: fault.position)
    return Reading({} if value is _ABSENT else value, reader.at, tuple(faults), reader.cut_off)


def first_fault(text: str) -> Fault | None:
    """The first thing that is wrong with a text that is meant to be one JSON document; None where nothing is seen."""
    start = _blank_end(text, 0)
    reading = read_tolerantly(text, start)
    faults = list(reading.faults)
    if rest := text[reading.end :].strip():
        after = reading.end + text[reading.end :].index(rest[0])
        faults.append(Fault(after, f"something stands after its end: {_cited(rest)}"))
    return faults[0] if faults else None


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Both from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def marked_line(text: str, line: int, column: int, width: int = 72) -> str:
    """The line with a caret under the column, cut to ``width`` around it; two lines in all."""
    lines = text.split("\n")
    shown = (lines[line - 1] if line <= len(lines) else "").rstrip("\r").replace("\t", " ")
    begin = max(0, column - 1 - width * 2 // 3)
    before, after = "…" if begin else "", "…" if len(shown) > begin + width else ""
    return f"{before}{shown[begin : begin + width]}{after}\n{' ' * (len(before) + column - 1 - begin)}^"


_ABSENT: Any = object()


class _Reader:
    """One pass over the text. ``open`` are the closers of what is open, outermost first."""

    def __init__(self, text: str, start: int):
        self.text, self.at = text, start
        self.open: list[str] = []
        self.faults: list[Fault] = []
        self.cut_off = False
        self.bare_keys = False  # whether this document writes keys without quotes
        self.last_quote = max(text.rfind(quote) for quote in _QUOTES)
        self._told: set[str] = set()

    # ---- What is told ----

    def fault(self, position: int, message: str, *, lost: bool = False, once: bool = False) -> None:
        if once and message in self._told:
            return
        self._told.add(message)
        self.faults.append(Fault(position, message, lost))

    def end_of_text(self) -> bool:
        """Whether nothing follows; a document that is still open was cut off."""
        if self.at < len(self.text) and not self.text.startswith("```", self.at):
            return False
        if self.open and not self.cut_off:
            self.cut_off = True
            self.fault(self.at, f"{self.open[-1]} is missing at the end")
        return True

    def skip(self) -> None:
        """Over blanks and comments."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char.isspace() or char in _ODD_BLANKS:
                if char not in " \t\r\n":
                    self.fault(self.at, "a blank that JSON does not know, such as a no-break space", once=True)
                self.at += 1
            elif char in "/#" and (comment := _COMMENT.match(self.text, self.at)):
                self.fault(self.at, "a comment, which JSON does not know", once=True)
                self.at = comment.end()
            else:
                return

    # ---- Values ----

    def value(self) -> Any:
        """The value that begins here, or _ABSENT."""
        self.skip()
        if self.end_of_text():
            return _ABSENT
        char = self.text[self.at]
        if char in _PAIR:
            self.at += 1
            return self.nested(_PAIR[char])
        if self.is_key(self.at):
            self.fault(self.at, "{ is missing before " + self.cite())
            return self.nested("}")
        if char in _QUOTES:
            return self.string()
        return self.bare()

    def nested(self, closer: str) -> Any:
        if len(self.open) >= MAX_DEPTH:
            raise RecursionError
        self.open.append(closer)
        return self.pairs() if closer == "}" else self.items()

    def pairs(self) -> Any:
        found: list[tuple[str, Any]] = []
        lonely: list[tuple[Any, int]] = []  # values without keys, and where: a list that stands in braces
        comma, first, gathers = -1, True, False
        while True:
            self.skip()
            if self.end_of_text():
                break
            char = self.text[self.at]
            if char in _CLOSERS:
                if comma >= 0:
                    self.fault(comma, f"a comma too many before {char}")
                    comma = -1
                if gathers and char == "]":
                    self.at, gathers = self.at + 1, False
                    continue
                if self.closed():
                    break
                continue
            if char in _COMMAS or (char == "." and self.is_key(_blank_end(self.text, self.at + 1))):
                comma = self.comma(comma, first)
                continue
            if char in _PAIR:
                if first and not found:
                    self.fault(self.at - 1, "{ where [ belongs")
                    self.open[-1] = "]"
                    return self.items()
                if found and char == "{" and self.open[-2:-1] == ["]"] and not isinstance(found[-1][1], dict | list):
                    self.fault(self.at, f"}} is missing before {self.cite()}")
                    self.open.pop()
                    self.at = comma if comma >= 0 else self.at
                    break
                if not found:
                    lonely.append((self.value(), self.at))
                elif (value := self.value()) is not _ABSENT:
                    key, last = found[-1]
                    if not gathers:
                        self.fault(self.at, f'[ is missing after "{key}"')
                    found[-1] = key, [*last, value] if gathers else [last, value]
                    gathers = True
                comma, first = -1, False
                continue
            if not first and comma < 0:
                self.fault(self.at, f"a comma is missing before {self.cite()}")
            comma, first = -1, False
            begin = self.at
            key = self.key()
            if key is _ABSENT:
                if self.at >= len(self.text):
                    self.end_of_text()
                    break
                continue
            self.skip()
            if colon := _COLON.match(self.text, self.at):
                if colon[0] != ":":
                    self.fault(self.at, f"{colon[0]} where : belongs", once=True)
                self.at = colon.end()
            elif self.end_of_text():
                break
            elif self.text[self.at] in (*_PAIR, *_QUOTES) or _NUMBER.match(self.text, self.at):
                self.fault(self.at, f"a colon is missing after {_cited(key)}")
            else:
                lonely.append((key, begin))
                continue
            value = self.value()
            if value is not _ABSENT:
                found.append((key, value))
            elif not self.cut_off:
                self.fault(begin, f"{_cited(key)} has no value", lost=True)
        if lonely and not found:
            self.fault(lonely[0][1], "{ where [ belongs")
            return [value for value, _ in lonely if value is not _ABSENT]
        for value, position in lonely:
            self.fault(position, f"{_cited(str(value))} has no value", lost=True)
        return Pairs(found)

    def items(self) -> Any:
        found: list[Any] = []
        comma, first = -1, True
        while True:
            self.skip()
            if self.end_of_text():
                break
            char = self.text[self.at]
            if char in _CLOSERS:
                if comma >= 0:
                    self.fault(comma, f"a comma too many before {char}")
                    comma = -1
                if self.closed():
                    break
                continue
            if char in _COMMAS:
                comma = self.comma(comma, first)
                continue
            if self.is_key(self.at):
                if first and comma < 0:
                    self.fault(self.at, f"{self.text[self.at - 1 : self.at].strip() or '['} where {{ belongs")
                    self.open[-1] = "}"
                    return self.pairs()
                if "}" in self.open and not self.begins_another(found):
                    self.fault(self.at, f"] is missing before {self.cite()}")
                    self.open.pop()
                    self.at = comma if comma >= 0 else self.at
                    break
            if not first and comma < 0:
                self.fault(self.at, f"a comma is missing before {self.cite()}")
            comma, first, begin = -1, False, self.at
            value = self.value()
            if value is not _ABSENT:
                found.append(value)
            elif self.at == begin:
                self.at += 1
        return found

    def begins_another(self, found: list[Any]) -> bool:
        """Whether the key that stands here is one that the list's last object has too: it begins the next object."""
        key = _KEY.match(self.text, self.at)
        return key is not None and bool(found) and isinstance(found[-1], dict) and key[1] in found[-1]

    def comma(self, comma: int, first: bool) -> int:
        """Over a comma; its position, which is remembered until something follows it."""
        if self.text[self.at] != ",":
            self.fault(self.at, f"{self.text[self.at]} where a comma belongs", once=True)
        if comma >= 0 or first:
            self.fault(self.at, "a comma too many")
        self.at += 1
        return self.at - 1

    def closed(self) -> bool:
        """Whether the closer that stands here ends what is open; it is passed over where it is this one's or nobody's."""
        char, own, here = self.text[self.at], self.open[-1], self.at
        if char == own:
            if len(self.open) == 1 and own == "}" and goes_on(self.text, here + 1):
                self.fault(here, f"a {char} too many", once=True)
                self.at += 1
                return False
            self.open.pop()
            self.at += 1
            return True
        outer = self.open[:-1]
        while outer and outer[-1] != char:
            outer.pop()
        if outer and self.fits(here + 1, outer[:-1]):
            self.fault(here, f"{own} is missing before {char}")
            self.open.pop()
            return True
        replaces = self.fits(here + 1, self.open[:-1])
        if not replaces and self.fits(here + 1, self.open):
            self.fault(here, f"a {char} too many")
            self.at += 1
            return False
        self.fault(here, f"{own} is missing before {char}" if outer and not replaces else f"{char} where {own} belongs")
        self.open.pop()
        self.at += 0 if outer and not replaces else 1
        return True

    def fits(self, position: int, left_open: list[str]) -> bool:
        """Whether what follows may follow inside the innermost of ``left_open``."""
        position = _blank_end(self.text, position)
        if position >= len(self.text):
            return not left_open
        if not left_open:
            comma = self.text[position] in _COMMAS
            after = _blank_end(self.text, position + 1) if comma else position
            return not goes_on(self.text, position) and not (comma and self.text[after : after + 1] in ("{", '"'))
        char, own = self.text[position], left_open[-1]
        if char in _COMMAS:
            position = _blank_end(self.text, position + 1)
            key = self.is_key(position)
            return key if own == "}" else not key and self.text[position : position + 1] in (*_PAIR, *_QUOTES)
        return char == own

    # ---- Texts, keys, words without quotes ----

    def is_key(self, position: int) -> bool:
        if _KEY.match(self.text, position) is not None:
            return True
        return self.bare_keys and _BARE_KEY.match(self.text, position) is not None

    def follows(self, position: int) -> str:
        """The first sign that is no blank; "" at the end."""
        after = _blank_end(self.text, position)
        return self.text[after : after + 1]

    def key(self) -> Any:
        char = self.text[self.at]
        if char in _QUOTES:
            return self.string(is_key=True)
        if bare := re.compile(r"[A-Za-z_$][\w$-]*").match(self.text, self.at):
            after = bare.end()
            if self.text[after : after + 1] in tuple(_QUOTES):
                after += 1
                self.fault(self.at, f"a quote is missing before {_cited(bare[0])}")
            elif self.follows(after) in (":", "："):
                self.fault(self.at, f"a key without quotes: {bare[0]}", once=True)
                self.bare_keys = True
            if self.follows(after) in (":", "：", "="):
                self.at = after
                return bare[0]
        return self.strange()

    def strange(self) -> Any:
        """Over words where a key should stand."""
        begin = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if self.at > begin and (char in "{}[]\n" or char in _COMMAS or self.is_key(self.at)):
                break
            self.at += 1
        words = self.text[begin : self.at].strip()
        if not _ELLIPSIS.fullmatch(words):
            self.fault(begin, f"words that do not belong there: {_cited(words)}", lost=True)
        else:
            self.fault(begin, "dots that stand for something left out")
        return _ABSENT

    def string(self, *, is_key: bool = False) -> Any:
        begin, quote = self.at, self.text[self.at]
        if quote == '"':
            try:
                text, end = _STRICT.raw_decode(self.text, begin)
            except (ValueError, RecursionError):
                pass
            else:
                if self.ends_text(end, is_key) and not (is_key and _ENDED_KEY.search(text)):
                    self.at = end
                    return text
        elif quote == "'":
            self.fault(begin, "single quotes where double quotes belong", once=True)
        else:
            self.fault(begin, f"curly quotes ({quote}) where straight double quotes belong", once=True)
        return self.loose_string(quote, is_key=is_key)

    def loose_string(self, quote: str, *, is_key: bool) -> Any:
        begin, words = self.at, []
        position = begin + 1
        while position < len(self.text):
            char = self.text[position]
            if char == "\\":
                meant, position = self.escape(position)
                words.append(meant)
                continue
            if char in _CLOSING[quote] and self.ends_text(position + 1, is_key):
                self.at = position + 1
                return self.unpaired("".join(words), begin)
            if char in _PLAIN_QUOTES and quote in _PLAIN_QUOTES and self.ends_otherwise(position + 1, is_key):
                self.fault(position, f"{char} where {quote} belongs")
                self.at = position + 1
                return "".join(words)
            if is_key and char in ":：" and re.fullmatch(r"\w+", "".join(words)):
                self.fault(position, f"a quote is missing after {_cited(''.join(words))}")
                self.at = position
                return "".join(words)
            if char in ",}]" and not is_key and (following := _NEXT_KEY.match(self.text, position)):
                if "]" in self.open or "{" not in following[0]:
                    self.fault(position, f"the closing quote of {_cited(''.join(words))} is missing")
                    self.at = position
                    return "".join(words)
            if char in "\r\n":
                if self.left_unclosed(position, is_key):
                    self.fault(position, f"the closing quote of {_cited(''.join(words))} is missing")
                    text = "".join(words).rstrip()
                    comma = len(text) - len(text.rstrip(",，"))
                    self.at = self.text.rindex(text[-comma:], begin, position) if comma else position
                    return text.rstrip(",，") if comma else text
                self.fault(position, "a line break inside a text", once=True)
                position = _blank_end(self.text, position)
                words.append("" if words and words[-1].endswith(" ") else " ")
                continue
            if char in _CLOSING[quote]:
                if char == quote and char in "\"'":
                    self.fault(position, f"a {char} inside a text, without a \\ before it", once=True)
            elif char < " ":
                self.fault(position, "a tab or control sign inside a text", once=True)
            words.append(char)
            position += 1
        self.at = len(self.text)
        if is_key:
            return _ABSENT
        self.end_of_text()
        return re.sub("[\ud800-\udbff]\\Z", "", "".join(words))

    def escape(self, position: int) -> tuple[str, int]:
        """What an escape means, and where it ends; half an escape at the text's end means nothing."""
        after = self.text[position + 1 : position + 2]
        if after in _ESCAPES:
            return _ESCAPES[after], position + 2
        if after in ("u", "x"):
            length = 4 if after == "u" else 2
            digits = self.text[position + 2 : position + 2 + length]
            if re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", digits):
                return chr(int(digits, 16)), position + 2 + length
            if position + 2 + len(digits) >= len(self.text):
                return "", len(self.text)
        elif after == "" or after == "\n":
            return "", position + 1 + len(after)
        elif not after.isalnum():
            if after not in '"\\/':
                self.fault(position, f"\\{after}, which JSON does not know", once=True)
            return after, position + 2
        self.fault(position, f"\\{after}, which JSON does not know", once=True)
        return "\\" + after, position + 2

    def left_unclosed(self, position: int, is_key: bool) -> bool:
        """Whether a text goes no further than this line's end, where its closing quote was forgotten."""
        after = _blank_end(self.text, position)
        if is_key or after >= len(self.text):
            return False
        if self.is_key(after):
            return True
        return self.text[after] in _CLOSERS and re.compile(r"[}\]]\s*(?:[,}\]]|\Z)").match(self.text, after) is not None

    def ends_text(self, position: int, is_key: bool) -> bool:
        """Whether a quote before ``position`` ends the text, by what follows; else it is one of its words' own."""
        after = _blank_end(self.text, position)
        char = self.text[after : after + 1]
        if is_key:
            if after > position and (char in _QUOTES or _NUMBER.match(self.text, after)):
                return True
            return char in ("", *_COLONS, *_PAIR, *_COMMAS, *_CLOSERS)
        if not char or not self.open or self.text.startswith("```", after):
            return True
        if char in _CLOSERS:
            return char in self.open or self.fits(after + 1, self.open[:-1])
        if char == "." and self.is_key(_blank_end(self.text, after + 1)):
            return True
        if after == position and _HALF_KEY.match(self.text, after):
            # this quote begins a key, and the one that should end the text before it was forgotten
            if _BEFORE_KEY.search(self.text, max(0, position - 20), position - 1):
                return False
        in_list = self.open[-1] != "}"
        if char in _COMMAS:
            then = _blank_end(self.text, after + 1)
            follows = self.text[then : then + 1]
            if not follows or follows in _CLOSERS or self.is_key(then) or _CUT_KEY.match(self.text, then):
                return True
            if not in_list and ((follows == "{" and "]" in self.open) or _NO_COLON_KEY.match(self.text, then)):
                return True
            if follows in _COMMAS or _ELLIPSIS.match(self.text, then):
                return True
            return in_list and (follows in (*_QUOTES, "{", "[") or bool(_NUMBER.match(self.text, then)))
        if self.is_key(after) or (after > self.last_quote and "\n" in self.text[position:after]):
            return True
        if not in_list:
            return False
        return char in _PAIR or (char in _QUOTES and "\n" in self.text[position:after])

    def ends_otherwise(self, position: int, is_key: bool) -> bool:
        """The same for a quote of another kind than the one that began the text, where nothing else can be meant."""
        after = _blank_end(self.text, position)
        if is_key:
            return self.text[after : after + 1] in (":", "：")
        if self.open[-1:] != ["}"]:
            return False
        comma = _blank_end(self.text, after + 1)
        return (
            self.is_key(after)
            or (self.text[after : after + 1] == "," and self.is_key(comma))
            or (self.text[after : after + 1] == "}" and "\n" in self.text[position:after])
        )

    def unpaired(self, text: str, begin: int) -> str:
        """A text without the quote that was doubled at its beginning or end, where it holds an odd number of them."""
        if text.count('"') % 2 and (text.startswith('"') or text.endswith('"')) and len(text) > 1:
            self.fault(begin, "a quote too many")
            return text[1:] if text.startswith('"') else text[:-1]
        return text

    def bare(self) -> Any:
        """A number, a word of JSON's or Python's, or words without quotes."""
        begin = self.at
        for pattern in (_NUMBER, _LITERAL):
            match = pattern.match(self.text, begin)
            if match is None:
                continue
            after = _blank_end(self.text, match.end())
            if after >= len(self.text) and self.open:  # perhaps the half of it
                self.at = len(self.text)
                self.end_of_text()
                return _ABSENT
            if self.text[after] in (*_COMMAS, *_CLOSERS) or self.is_key(after) or self.text.startswith("//", after):
                self.at = match.end()
                return self.number(match[0]) if pattern is _NUMBER else self.literal(match[0])
        if dots := _ELLIPSIS.match(self.text, begin):
            self.fault(begin, "dots that stand for something left out")
            self.at = dots.end()
            return _ABSENT
        while self.at < len(self.text):
            char = self.text[self.at]
            if (
                char in "}]\n"
                or (char == ")" and ")" in self.open)
                or (char in _COMMAS and self.ends_text(self.at, False))
            ):
                break
            self.at += 1
        if self.at >= len(self.text):
            self.end_of_text()
            return _ABSENT
        words = self.text[begin : self.at].strip().rstrip(_QUOTES)
        if not words:
            return _ABSENT
        self.fault(begin, f"text without quotes: {_cited(words)}")
        return words

    def number(self, digits: str) -> Any:
        try:
            return _STRICT.decode(digits)
        except ValueError:
            self.fault(self.at - len(digits), f"{digits[:30]}, which is no number of JSON's")
            try:
                return float(digits) if len(digits) < 400 else digits
            except ValueError:
                return digits

    def literal(self, word: str) -> Any:
        if word not in ("true", "false", "null", "NaN"):
            meant = word.lower() if word.lower() in _LITERALS else "null"
            self.fault(self.at - len(word), f"{word} where {meant} belongs", once=True)
        return _LITERALS.get(word.lower())

    def cite(self) -> str:
        """What stands here, to be named in a fault."""
        key = _KEY.match(self.text, self.at)
        return _cited(
            (key[0].rstrip(":： ") if key else self.text[self.at : self.at + 40].split("\n")[0]).strip(_QUOTES)
        )


def goes_on(text: str, position: int) -> bool:
    """Whether another key follows what ended at ``position``, so that a closer before it was one too many."""
    while (position := _blank_end(text, position)) < len(text) and text[position] in _CLOSERS:
        position += 1
    if text[position : position + 1] in tuple(_COMMAS):
        position = _blank_end(text, position + 1)
    return _KEY.match(text, position) is not None


def _blank_end(text: str, position: int) -> int:
    """Where something other than blanks and comments begins."""
    while position < len(text):
        char = text[position]
        if char.isspace() or char in _ODD_BLANKS:
            position += 1
        elif char in "/#" and (comment := _COMMENT.match(text, position)):
            position = comment.end()
        else:
            break
    return position


def _cited(words: str) -> str:
    words = " ".join(words.split())
    return f'"{words}"' if len(words) <= 40 else f'"{words[:39]}…"'
