"""The signs that JSON is made of, as people and their programs write them, and what is said where one is wrong."""

import re
from dataclasses import dataclass
from typing import Any

QUOTES = "\"'`“”„‟«»‘’‚‛「」『』"
#: What may end a text, by what began it: word processors turn quotes, and of a pair sometimes one only.
CLOSING = {
    '"': '"”“', "'": "'’‘", "`": "`", "“": '”“"‟', "”": '”"', "„": '“”"‟', "‟": '”‟"',
    "«": '»"', "»": '«»"', "‘": "’‘'",
    "’": "’'", "‚": "‘’'", "‛": "’'", "「": "」", "『": "』", "」": "」", "』": "』",
}  # fmt: skip
PLAIN_QUOTES = "\"'`"  # one of them may stand where another belongs
RARE_QUOTES = "‘’‚‛«»「」『』"  # within a text rather than around a key, where the first key has others
COMMAS, COLONS, CLOSERS = ",，、;", ":：=;", "}])"
ODD_BLANKS = "\ufeff\u200b\u200c\u200d\u2060"  # no blanks for Python
PAIR = {"{": "}", "[": "]", "(": ")"}  # the last is Python's
KEY = re.compile(
    rf"([{QUOTES}])\1?(?P<name>[^{QUOTES}\n]{{0,200}})([{QUOTES}])\3?\s*[:：]"
    rf"|[{QUOTES}][A-Za-z_]\w{{0,60}}\s*[:：]\s*[{QUOTES}\[{{0-9]"  # its closing quote is missing
    rf"|[A-Za-z_]\w{{0,60}}[{QUOTES}]\s*[:：]"  # its opening one
)
ENDED_KEY = re.compile(rf"[{QUOTES}]\s*[:：]")
HALF_KEY = re.compile(rf"[A-Za-z_]\w{{0,60}}[{QUOTES}]\s*[:：]")
BEFORE_KEY = re.compile(r",\s*(?:\{\s*)?\Z")
#: A key with something else than a colon after it, where a value follows.
NO_COLON_KEY = re.compile(rf"[{QUOTES}][A-Za-z_]\w{{0,60}}[{QUOTES}](?:\s*[=;]\s*|\s+)[{QUOTES}\[{{0-9]")
NEXT_KEY = re.compile(rf"[}}\]\s]*,\s*(?:\{{\s*)?(?=[{QUOTES}]\w+[{QUOTES}]:\s*[{QUOTES}\[{{0-9tfnTFN])")
QUOTED_END = re.compile(rf"[{QUOTES}]\s*(?:,|\n|\Z)")
#: A key that nothing else can be, in the middle of a line.
NEAR_KEY = re.compile(
    rf"[{QUOTES}]\w+[{QUOTES}]:\s*[{QUOTES}\[{{0-9tfnTFN]|[A-Za-z_]\w*[{QUOTES}]:\s*[{QUOTES}\[{{0-9]"
)
BARE_KEY = re.compile(r"[A-Za-z_$][\w$-]{0,60}\s*[:：]")
CUT_KEY = re.compile(rf"[{QUOTES}][^{QUOTES}\n]{{0,200}}(?:[{QUOTES}]\s*)?\Z")
COLON = re.compile(r"(?:[:：=]|=>|;(?=\s*[\"'{\[]))[:：=>]*")
NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.])")
LITERAL = re.compile(r"(true|false|null|none|undefined|nan)(?!\w)", re.IGNORECASE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|#(?![0-9a-fA-F]{3,8}\b)[^\n]*", re.DOTALL)
ELLIPSIS = re.compile(r"(?:\.{3,}|…)")
ABSENT: Any = object()


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


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Both from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def goes_on(text: str, position: int) -> bool:
    """Whether another key follows what ended at ``position``, so that a closer before it was one too many."""
    while (position := blank_end(text, position)) < len(text) and text[position] in CLOSERS:
        position += 1
    if text[position : position + 1] in tuple(COMMAS):
        position = blank_end(text, position + 1)
    return KEY.match(text, position) is not None


def blank_end(text: str, position: int) -> int:
    """Where something other than blanks and comments begins."""
    while position < len(text):
        char = text[position]
        if char.isspace() or char in ODD_BLANKS:
            position += 1
        elif char in "/#" and (comment := COMMENT.match(text, position)):
            position = comment.end()
        else:
            break
    return position


def cited(words: str) -> str:
    words = " ".join(words.split())
    return f'"{words}"' if len(words) <= 40 else f'"{words[:39]}…"'
