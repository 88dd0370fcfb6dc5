"""The words of broken JSON: texts in any quotes, keys, numbers, words without quotes, blanks; where each ends.

What a text's closing quote is can only be told by what follows it, which is what most of this module is about.
"""

import json
import re
from typing import Any

from fibo_core.prompts.json_signs import (
    ABSENT,
    BARE_KEY,
    BEFORE_KEY,
    CLOSERS,
    CLOSING,
    COLONS,
    COMMAS,
    COMMENT,
    CUT_KEY,
    ELLIPSIS,
    ENDED_KEY,
    HALF_KEY,
    KEY,
    LITERAL,
    NEAR_KEY,
    NEXT_KEY,
    NO_COLON_KEY,
    NUMBER,
    ODD_BLANKS,
    PAIR,
    PLAIN_QUOTES,
    QUOTED_END,
    QUOTES,
    RARE_QUOTES,
    Fault,
    blank_end,
    cited,
    goes_on,
)

_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"true": True, "false": False}
_STRICT = json.JSONDecoder()


class Words:
    """A place in a text, and what was wrong before it. ``open`` are the closers of what is open, outermost first."""

    def __init__(self, text: str, start: int):
        self.text, self.at = text, start
        self.open: list[str] = []
        self.wrong: list[Fault] = []
        self.cut_off = False
        self.key_quote = ""  # what the first key began with
        self.bare_keys = False  # whether this document writes keys without quotes
        self.last_quote = max(text.rfind(quote) for quote in QUOTES)
        self._told: set[str] = set()

    # ---- What is told ----

    def fault(self, position: int, message: str, *, lost: bool = False, once: bool = False) -> None:
        if once and message in self._told:
            return
        self._told.add(message)
        self.wrong.append(Fault(position, message, lost))

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
            if char.isspace() or char in ODD_BLANKS:
                if char not in " \t\r\n":
                    self.fault(self.at, "a blank that JSON does not know, such as a no-break space", once=True)
                self.at += 1
            elif char in "/#" and (comment := COMMENT.match(self.text, self.at)):
                self.fault(self.at, "a comment, which JSON does not know", once=True)
                self.at = comment.end()
            else:
                return

    def fits(self, position: int, left_open: list[str]) -> bool:
        """Whether what follows may follow inside the innermost of ``left_open``."""
        position = blank_end(self.text, position)
        if position >= len(self.text):
            return not left_open
        if not left_open:
            comma = self.text[position] in COMMAS
            after = blank_end(self.text, position + 1) if comma else position
            return not goes_on(self.text, position) and not (comma and self.text[after : after + 1] in ("{", '"'))
        char, own = self.text[position], left_open[-1]
        if char in COMMAS:
            position = blank_end(self.text, position + 1)
            key = self.is_key(position)
            return key if own == "}" else not key and self.text[position : position + 1] in (*PAIR, *QUOTES)
        return char == own

    # ---- Texts, keys, words without quotes ----

    def is_key(self, position: int) -> bool:
        """Whether a key stands there."""
        if KEY.match(self.text, position) is not None:
            return self.text[position] not in RARE_QUOTES or self.key_quote in (*RARE_QUOTES, "")
        return self.bare_keys and BARE_KEY.match(self.text, position) is not None

    def follows(self, position: int) -> str:
        """The first sign that is no blank; "" at the end."""
        after = blank_end(self.text, position)
        return self.text[after : after + 1]

    def key(self) -> Any:
        char = self.text[self.at]
        if char in QUOTES:
            self.key_quote = self.key_quote or char
            return self.string(is_key=True)
        if bare := re.compile(r"[A-Za-z_$][\w$-]*").match(self.text, self.at):
            after = bare.end()
            if self.text[after : after + 1] in tuple(QUOTES):
                after += 1
                self.fault(self.at, f"a quote is missing before {cited(bare[0])}")
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
            if self.at > begin and (char in "{}[]\n" or char in COMMAS or self.is_key(self.at)):
                break
            self.at += 1
        words = self.text[begin : self.at].strip()
        if not ELLIPSIS.fullmatch(words):
            self.fault(begin, f"words that do not belong there: {cited(words)}", lost=True)
        else:
            self.fault(begin, "dots that stand for something left out")
        return ABSENT

    def string(self, *, is_key: bool = False) -> Any:
        begin, quote = self.at, self.text[self.at]
        if (text := self.clean_string(is_key=is_key)) is not None:
            return text
        if quote == "'":
            self.fault(begin, "single quotes where double quotes belong", once=True)
        elif quote != '"':
            self.fault(begin, f"curly quotes ({quote}) where straight double quotes belong", once=True)
        return self.loose_string(quote, is_key=is_key)

    def clean_string(self, *, is_key: bool = False) -> str | None:
        """The text that begins here where it is JSON's and what follows agrees; else None."""
        try:
            text, end = _STRICT.raw_decode(self.text, self.at)
        except ValueError:
            return None
        if not self.ends_text(end, is_key) or (is_key and ENDED_KEY.search(text)):
            return None
        self.at = end
        return str(text)

    def loose_string(self, quote: str, *, is_key: bool) -> Any:
        begin, words = self.at, []
        position = begin + 1
        while position < len(self.text):
            char = self.text[position]
            if char == "\\":
                meant, position = self.escape(position)
                words.append(meant)
                continue
            ends = char in CLOSING[quote] and self.ends_text(position + 1, is_key)
            if ends and (is_key or char == CLOSING[quote][0] or not self.ends_later(position + 1, quote)):
                self.at = position + 1
                return self.unpaired("".join(words), begin)
            otherwise = (
                char != quote
                and char in PLAIN_QUOTES
                and quote in PLAIN_QUOTES
                and self.ends_otherwise(position + 1, is_key)
            )
            if otherwise and (is_key or not self.ends_later(position + 1, quote)):
                self.fault(position, f"{char} where {quote} belongs")
                self.at = position + 1
                return "".join(words)
            if is_key and char in ":：" and re.fullmatch(r"\w+", "".join(words)):
                self.fault(position, f"a quote is missing after {cited(''.join(words))}")
                self.at = position
                return "".join(words)
            if char in ",}]" and not is_key and self.goes_on_here(position):
                self.fault(position, f"the closing quote of {cited(''.join(words))} is missing")
                self.at = position
                return "".join(words)
            if char in "\r\n":
                if self.left_unclosed(position, is_key):
                    self.fault(position, f"the closing quote of {cited(''.join(words))} is missing")
                    text = "".join(words).rstrip()
                    comma = len(text) - len(text.rstrip(",，"))
                    self.at = self.text.rindex(text[-comma:], begin, position) if comma else position
                    return text.rstrip(",，") if comma else text
                self.fault(position, "a line break inside a text", once=True)
                while position < len(self.text) and self.text[position].isspace():
                    position += 1
                words.append("" if words and words[-1].endswith(" ") else " ")
                continue
            if char in CLOSING[quote]:
                if char == quote and char in "\"'":
                    self.fault(position, f"a {char} inside a text, without a \\ before it", once=True)
            elif char < " ":
                self.fault(position, "a tab or control sign inside a text", once=True)
            words.append(char)
            position += 1
        self.at = len(self.text)
        if is_key:
            return ABSENT
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

    def goes_on_here(self, position: int) -> bool:
        """Whether closers, a comma and another key follow in the middle of a line, as nothing but JSON has them."""
        following = NEXT_KEY.match(self.text, position)
        return following is not None and ("]" in self.open or "{" not in following[0])

    def left_unclosed(self, position: int, is_key: bool) -> bool:
        """Whether a text goes no further than this line's end, where its closing quote was forgotten."""
        after = blank_end(self.text, position)
        if is_key or after >= len(self.text):
            return False
        if self.is_key(after):
            return True
        return self.text[after] in CLOSERS and re.compile(r"[}\]]\s*(?:[,}\]]|\Z)").match(self.text, after) is not None

    def ends_text(self, position: int, is_key: bool) -> bool:
        """Whether a quote before ``position`` ends the text, by what follows; else it is one of its words' own."""
        after = blank_end(self.text, position)
        char = self.text[after : after + 1]
        if is_key:
            if after > position and (char in QUOTES or NUMBER.match(self.text, after)):
                return True
            return char in ("", *COLONS, *PAIR, *COMMAS, *CLOSERS)
        if after > position and QUOTED_END.search(self.text, position, after):
            return False  # what looks like a comment goes on to the quote that ends the text
        if not char or not self.open or self.text.startswith("```", after):
            return True
        if char in CLOSERS:
            return char in self.open or self.fits(after + 1, self.open[:-1])
        if char == "." and self.is_key(blank_end(self.text, after + 1)):
            return True
        if (
            after == position
            and HALF_KEY.match(self.text, after)
            and BEFORE_KEY.search(self.text, max(0, position - 20), position - 1)
        ):
            return False  # it begins a key, and the quote that should end the text before it was forgotten
        in_list = self.open[-1] != "}"
        if char in COMMAS:
            then = blank_end(self.text, after + 1)
            follows = self.text[then : then + 1]
            if not follows or follows in CLOSERS or self.is_key(then) or CUT_KEY.match(self.text, then):
                return True
            if not in_list and ((follows == "{" and "]" in self.open) or NO_COLON_KEY.match(self.text, then)):
                return True
            if follows in COMMAS or ELLIPSIS.match(self.text, then):
                return True
            return in_list and (follows in (*QUOTES, "{", "[") or bool(NUMBER.match(self.text, then)))
        if NEAR_KEY.match(self.text, after) or ("\n" in self.text[position:after] and self.is_key(after)):
            return True  # the comma is missing
        if after > self.last_quote and "\n" in self.text[position:after]:
            return True
        if not in_list:
            return False
        return char in PAIR or (char in QUOTES and "\n" in self.text[position:after])

    def ends_later(self, position: int, quote: str) -> bool:
        """Whether the quote that belongs to ``quote`` ends the text further on in this line, before another begins."""
        for later in range(position, len(self.text)):
            char = self.text[later]
            if char == CLOSING[quote][0] and self.ends_text(later + 1, False):
                return True
            if char in ("\n", quote):
                return False
        return False

    def ends_otherwise(self, position: int, is_key: bool) -> bool:
        """The same for a quote of another kind than the one that began the text, where nothing else can be meant."""
        after = blank_end(self.text, position)
        if is_key:
            return self.text[after : after + 1] in (":", "：")
        if self.open[-1:] != ["}"]:
            return False
        comma = blank_end(self.text, after + 1)
        return (
            NEAR_KEY.match(self.text, after) is not None
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
        for pattern in (NUMBER, LITERAL):
            match = pattern.match(self.text, begin)
            if match is None:
                continue
            after = blank_end(self.text, match.end())
            if after >= len(self.text) and self.open:  # perhaps the half of it
                self.at = len(self.text)
                self.end_of_text()
                return ABSENT
            if self.text[after] in (*COMMAS, *CLOSERS) or self.is_key(after) or self.text.startswith("//", after):
                self.at = match.end()
                return self.number(match[0]) if pattern is NUMBER else self.literal(match[0])
        if dots := ELLIPSIS.match(self.text, begin):
            self.fault(begin, "dots that stand for something left out")
            self.at = dots.end()
            return ABSENT
        while self.at < len(self.text):
            char = self.text[self.at]
            if (
                char in "}]\n"
                or (char == ")" and ")" in self.open)
                or (char in COMMAS and self.ends_text(self.at, False))
            ):
                break
            self.at += 1
        if self.at >= len(self.text):
            self.end_of_text()
            return ABSENT
        words = self.text[begin : self.at].strip().rstrip(QUOTES)
        if not words:
            return ABSENT
        self.fault(begin, f"text without quotes: {cited(words)}")
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
        key = KEY.match(self.text, self.at)
        return cited((key[0].rstrip(":： ") if key else self.text[self.at : self.at + 40].split("\n")[0]).strip(QUOTES))
