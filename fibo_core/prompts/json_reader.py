"""The lists and objects of broken JSON: which bracket, comma or colon is missing, doubled or another's.

Where a bracket may be meant in several ways, the way counts in which what follows it fits.
"""

from collections import Counter
from typing import Any

from fibo_core.prompts.json_signs import (
    ABSENT,
    CLOSERS,
    COLON,
    COMMAS,
    KEY,
    NUMBER,
    PAIR,
    QUOTES,
    blank_end,
    cited,
    goes_on,
)
from fibo_core.prompts.json_words import Words

MAX_DEPTH = 64  # lists and objects inside one another; a caption needs 3


class Pairs(dict[str, Any]):
    """A JSON object that remembers which of its keys were written more than once; the last one counts."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        many = len(self) < len(pairs)
        self.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1] if many else []


class Reader(Words):
    """One pass over the text."""

    def value(self) -> Any:
        """The value that begins here, or ABSENT."""
        self.skip()
        if self.end_of_text():
            return ABSENT
        char = self.text[self.at]
        if char in PAIR:
            self.at += 1
            return self.nested(PAIR[char])
        if char in QUOTES and self.open and (text := self.clean_string()) is not None:
            return text
        if self.is_key(self.at):
            self.fault(self.at, "{ is missing before " + self.cite())
            return self.nested("}")
        if char in QUOTES:
            return self.string()
        return self.bare()

    def nested(self, closer: str) -> Any:
        if len(self.open) >= MAX_DEPTH:
            raise RecursionError
        self.open.append(closer)
        return self.pairs() if closer == "}" else self.items()

    def pairs(self) -> Any:
        """The object that is open: its pairs, or a list where it was one all along."""
        found: list[tuple[str, Any]] = []
        lonely: list[tuple[Any, int]] = []  # values without keys, and where: a list that stands in braces
        comma, first = -1, True
        gathers = False  # whether the last value has become a list, because objects follow it without a key
        while True:
            self.skip()
            if self.end_of_text():
                break
            char = self.text[self.at]
            if char in CLOSERS:
                comma = self.needless(comma, char)
                if gathers and char == "]":
                    self.at, gathers = self.at + 1, False
                elif self.closed():
                    break
            elif char in COMMAS or (char == "." and self.is_key(blank_end(self.text, self.at + 1))):
                comma = self.comma(comma, first)
            elif char in PAIR and first:
                self.fault(self.at - 1, "{ where [ belongs")
                self.open[-1] = "]"
                return self.items()
            elif char == "{" and self.is_next_item(found):
                self.fault(self.at, f"}} is missing before {self.cite()}")
                self.open.pop()
                self.at = comma if comma >= 0 else self.at
                break
            else:
                if char in PAIR:
                    gathers = self.gather(found, lonely, gathers)
                else:
                    self.missing(comma, first)
                    self.pair(found, lonely)
                comma, first = -1, False
        if lonely and not found:
            self.fault(lonely[0][1], "{ where [ belongs")
            return [value for value, _ in lonely if value is not ABSENT]
        for value, position in lonely:
            self.fault(position, f"{cited(str(value))} has no value", lost=True)
        return Pairs(found)

    def pair(self, found: list[tuple[str, Any]], lonely: list[tuple[Any, int]]) -> None:
        """Adds the key that stands here and its value; a key that has none to the lonely ones."""
        begin = self.at
        key = self.key()
        if key is ABSENT:
            return
        self.skip()
        if colon := COLON.match(self.text, self.at):
            if colon[0] != ":":
                self.fault(self.at, f"{colon[0]} where : belongs", once=True)
            self.at = colon.end()
        elif self.end_of_text():
            return
        elif self.text[self.at] in (*PAIR, *QUOTES) or NUMBER.match(self.text, self.at):
            self.fault(self.at, f"a colon is missing after {cited(key)}")
        else:
            lonely.append((key, begin))
            return
        value = self.value()
        if value is not ABSENT:
            found.append((key, value))
        elif not self.cut_off:
            self.fault(begin, f"{cited(key)} has no value", lost=True)

    def gather(self, found: list[tuple[str, Any]], lonely: list[tuple[Any, int]], gathers: bool) -> bool:
        """Adds the list or object that stands where a key belongs to the value before it; whether it could."""
        begin, value = self.at, self.value()
        if not found:
            lonely.append((value, begin))
            return False
        key, last = found[-1]
        if not gathers:
            self.fault(begin, f'[ is missing after "{key}"')
        found[-1] = key, [*last, value] if gathers else [last, value]
        return True

    def is_next_item(self, found: list[tuple[str, Any]]) -> bool:
        """Whether an object that begins here is the next one of the list around, this one's bracket being forgotten."""
        return bool(found) and self.open[-2:-1] == ["]"] and not isinstance(found[-1][1], dict | list)

    def items(self) -> Any:
        """The list that is open: its items, or an object where it was one all along."""
        found: list[Any] = []
        comma, first = -1, True
        while True:
            self.skip()
            if self.end_of_text():
                break
            char = self.text[self.at]
            if char in CLOSERS:
                comma = self.needless(comma, char)
                if self.closed():
                    break
                continue
            if char in COMMAS:
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
            self.missing(comma, first)
            comma, first, begin = -1, False, self.at
            value = self.value()
            if value is not ABSENT:
                found.append(value)
            elif self.at == begin:
                self.at += 1
        return found

    def begins_another(self, found: list[Any]) -> bool:
        """Whether the key that stands here is one that the list's last object has too: it begins the next object."""
        key = KEY.match(self.text, self.at)
        return key is not None and bool(found) and isinstance(found[-1], dict) and key["name"] in found[-1]

    def comma(self, comma: int, first: bool) -> int:
        """Over a comma; its position, which is remembered until something follows it."""
        if self.text[self.at] != ",":
            self.fault(self.at, f"{self.text[self.at]} where a comma belongs", once=True)
        if comma >= 0 or first:
            self.fault(self.at, "a comma too many")
        self.at += 1
        return self.at - 1

    def needless(self, comma: int, closer: str) -> int:
        """Tells of a comma that nothing followed; none is left to be told of."""
        if comma >= 0:
            self.fault(comma, f"a comma too many before {closer}")
        return -1

    def missing(self, comma: int, first: bool) -> None:
        """Tells of a comma that should stand before what stands here."""
        if not first and comma < 0:
            self.fault(self.at, f"a comma is missing before {self.cite()}")

    def closed(self) -> bool:
        """Whether the closer that stands here ends what is open; it is passed over where it is its own or nobody's."""
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
