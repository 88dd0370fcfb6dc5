"""Emphasis as other programs write it: `(red ball:1.2)`, `((best quality))`, `[blurry]`. The words stay, the signs go.

Parentheses and brackets that prose has, as in "a (small) ball" or "a photo [sic]", stay as they are, and so does what
stands between quotation marks.
"""

import re
from dataclasses import dataclass, field

NESTING_MAX = 40  #: deeper brackets are left as they are
WEIGHT_MAX = 10.0  #: a larger number behind a colon is no weight

QUOTED = r'"[^"\n]{1,200}"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|「[^」\n]{1,200}」|『[^』\n]{1,200}』'
_TOKEN = re.compile(rf"(?P<kept>{QUOTED}|https?://[^\s()\[\]]+)|\\[()\[\]]|[()\[\]]|[^()\[\]\\\"“«「『h]+|.", re.DOTALL)
_WEIGHT = re.compile(r"(?P<words>.*[^\s:])\s*:\s*(?P<weight>[+-]?(?:\d{1,3}(?:\.\d{0,6})?|\.\d{1,6}))\s*", re.DOTALL)
_SWITCH = re.compile(r":\s*(?:\d{1,4}(?:\.\d{1,6})?|\.\d{1,6})\s*$")
_PARTNER = {")": "(", "]": "["}
_AFTER = re.compile(r"(?:[+-]{1,6}|\d\.\d{1,4})(?=[\s,.;)]|$)")  # InvokeAI's: (red ball)++, (red ball)1.3
_TRAILING = re.compile(
    r"(?P<word>\b[^\W\d_][\w-]{0,40}):\d?\.\d{1,4}(?=\s*(?:,|\n|$))"
)  # of an item of a list: "red ball:1.2"
_DOUBLED = re.compile(r"\{{2,8}([^{}|:\"]{1,400})\}{2,8}")  # NovelAI's
_EDITORIAL = re.compile(r"\s*(?:sic!?|…|\.\.\.|[\d,\s–-]*)\s*", re.IGNORECASE)


@dataclass
class _Open:
    """A bracket that is open. ``pieces`` stand in it; ``child`` are the words of a bracket that is all there is."""

    sign: str
    start: int
    pieces: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def only_child(self) -> str | None:
        if len(self.children) == 1 and sum(bool(piece.strip()) for piece in self.pieces) == 1:
            return self.children[0]
        return None


def without_emphasis(text: str) -> tuple[str, list[str]]:
    """``text`` without weights and the brackets of emphasis, and what they looked like: "(red ball:1.2)".

    The words in them stay, in their order.
    """
    found: list[str] = []
    text = _DOUBLED.sub(lambda match: _noted(found, match[0], match[1]), text)
    stack, position, listed = [_Open("", 0)], 0, "," in text
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None
        token, position = match[0], match.end()
        here = stack[-1]
        if match["kept"]:
            here.pieces.append(token)
        elif len(token) == 2 and token[0] == "\\":
            found.append(token)
            here.pieces.append(token[1])
        elif token in ("(", "[") and len(stack) <= NESTING_MAX:
            stack.append(_Open(token, match.start()))
        elif token in _PARTNER and _PARTNER[token] == here.sign:
            stack.pop()
            position = _close(stack[-1], here, text, position, listed, found)
        else:
            here.pieces.append(token)
    while len(stack) > 1:  # without a partner: the sign itself
        left = stack.pop()
        stack[-1].pieces += [left.sign, *left.pieces]
    return _TRAILING.sub(lambda match: _noted(found, match[0], match["word"]), stack[0].text), found


def _close(outer: _Open, inner: _Open, text: str, end: int, listed: bool, found: list[str]) -> int:
    """Puts a bracket that ends at ``end`` into the one around it, with its signs or without; where to go on."""
    said, content = text[inner.start : end], inner.text
    after = _AFTER.match(text, end) if inner.sign == "(" else None
    words = inner.only_child
    if words is None:
        words = _bare(inner.sign, content)
    if words is None and (after or (listed and content.strip() and _is_item(text, inner.start, end))):
        words = content
    if words is None and inner.sign == "[" and content.strip() and text[end : end + 1] != "(":
        words = None if _EDITORIAL.fullmatch(content) else content
    outer.children.append(content.strip() if words is None else words)
    if words is None:
        outer.pieces.append(f"{inner.sign}{content}{text[end - 1]}")
        return end
    if after:
        said, end = said + after[0], after.end()
    while found and found[-1] in said and inner.children:
        found.pop()  # told by the bracket around it
    found.append(said)
    outer.pieces.append(words)
    return end


def _bare(sign: str, content: str) -> str | None:
    """The words of a weight, or of A1111's switches `[cat:dog:0.5]` and `[cat|dog]`; None where it is neither."""
    if sign == "[":
        if _SWITCH.search(content):
            return " ".join(part for part in _SWITCH.sub("", content).split(":") if part.strip())
        return " ".join(content.split("|")) if "|" in content and "{" not in content else None
    match = _WEIGHT.fullmatch(content)
    if match is None or abs(float(match["weight"])) > WEIGHT_MAX:
        return None
    if match["words"][-1].isdigit() and not re.search(r"\.\d", match["weight"]):
        return None  # (3:2), (at 10:30)
    return match["words"] if re.search(r"[^\W\d_]", match["words"]) else None


def _is_item(text: str, start: int, end: int) -> bool:
    """Whether a bracket is a whole item of a list with commas."""
    before, behind = text[max(0, start - 80) : start].rstrip(" \t"), text[end : end + 80].lstrip(" \t")
    return (not before or before[-1] in ",\n") and (not behind or behind[0] in ",\n")


def _noted(found: list[str], said: str, words: str) -> str:
    found.append(said)
    return words
