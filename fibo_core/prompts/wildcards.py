"""Wildcards in the words: "{red|blue} ball" stands for "red ball" and "blue ball", one for each picture of a batch.

Braces hold choices divided by `|`; a choice may be empty, and may hold braces of its own. `\\{`, `\\}` and `\\|` stand
for the signs themselves. Braces without a `|` are the user's own and stay.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from fibo_core.errors import InputError

MAX_NESTING = 8  # deeper than anybody means

# {} or {"key": …}, and {"key… where a paste was cut off; not {close-up: a face|wide}, whose first choice has a colon
_JSON = re.compile(r'\{\s*(?:\}|"[^|]*$|["\']?[^"\'{}|]*["\']?\s*:(?![^{}"\']*\|))')
_TOKEN = re.compile(r"\\[{}|]|[{}|]|\\|[^\\{}|]+")


class WildcardError(InputError):
    """The braces in the words do not pair."""


@dataclass(frozen=True)
class _Sequence:
    """Text and choices, one after another."""

    parts: "tuple[str | _Choice, ...]"

    @property
    def count(self) -> int:
        return prod(part.count for part in self.parts if isinstance(part, _Choice))

    def text(self, index: int) -> str:
        """The ``index``-th of `count` texts; the last choice changes fastest."""
        pieces = []
        for part in reversed(self.parts):
            if isinstance(part, str):
                pieces.append(part)
            else:
                index, own = divmod(index, part.count)
                pieces.append(part.text(own))
        return "".join(reversed(pieces))


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Sequence, ...]

    @property
    def count(self) -> int:
        return sum(option.count for option in self.options)

    def text(self, index: int) -> str:
        for option in self.options:
            if index < option.count:
                return option.text(index).strip()
            index -= option.count
        raise IndexError(index)


@dataclass(frozen=True)
class Wildcards:
    """Words that were read for wildcards. ``count`` combinations; 1 where there are none.

    ``note`` is the sentence that says why braces were left as they are, where that is not what they look like.
    """

    words: str
    note: str | None = None
    _sequence: _Sequence | None = None

    @property
    def count(self) -> int:
        return 1 if self._sequence is None else self._sequence.count

    @property
    def found(self) -> bool:
        """Whether there is anything to choose from."""
        return self._sequence is not None and any(isinstance(part, _Choice) for part in self._sequence.parts)

    def text(self, index: int) -> str:
        """The ``index``-th combination, in the order in which they stand, the last choice changing fastest."""
        if self._sequence is None:
            return self.words
        text = self._sequence.text(index)
        return " ".join(text.split()) if self.found else text  # an empty choice leaves two blanks


def read_wildcards(words: str) -> Wildcards:
    """Reads ``words``; never raises. A JSON paste and braces without a partner are left as they are."""
    if looks_like_json(words) or not re.search(r"[{}]", words):
        return Wildcards(words)
    try:
        return Wildcards(words, None, _parse(words))
    except WildcardError as exc:
        return Wildcards(words, str(exc))


def expand_wildcards(words: str, count: int, seed: int = 0) -> list[str]:
    """The words of ``count`` pictures.

    As many pictures as combinations, or more: all of them in order, again from the first where more are asked for.
    Fewer pictures: ``seed`` draws which combinations, all different, in order; the same seed draws the same.
    """
    wildcards = read_wildcards(words)
    total = wildcards.count
    if count >= total:
        return [wildcards.text(index % total) for index in range(count)]
    drawn: set[int] = set()
    rng = random.Random(seed)
    while len(drawn) < count:
        drawn.add(rng.randrange(total))
    return [wildcards.text(index) for index in sorted(drawn)]


def deal(words: str, seeds: Sequence[int]) -> list[tuple[str, tuple[int, ...]]]:
    """Which words each seed is painted with: the distinct words in order, each with its seeds."""
    if not seeds:
        return []
    dealt: dict[str, tuple[int, ...]] = {}
    for text, seed in zip(expand_wildcards(words, len(seeds), seeds[0]), seeds, strict=True):
        dealt[text] = (*dealt.get(text, ()), seed)
    return list(dealt.items())


def looks_like_json(words: str) -> bool:
    """Whether ``words`` are JSON rather than an idea, whole or cut off: they open as an object does."""
    return _JSON.match(words.strip()) is not None


def _parse(words: str) -> _Sequence:
    """Raises WildcardError where a brace has no partner."""
    open_at: list[int] = []  # where each brace that is open stands
    options: list[list[list[str | _Choice]]] = [[[]]]  # of each of them, and of the words themselves
    for match in _TOKEN.finditer(words):
        token = match[0]
        if token == "{":
            if len(open_at) == MAX_NESTING:
                raise WildcardError(f"More than {MAX_NESTING} braces stand inside one another: none was read.")
            open_at.append(match.start())
            options.append([[]])
        elif token == "}" and not open_at:
            raise _unpaired(words, match.start(), "}")
        elif token == "}":
            open_at.pop()
            inner = options.pop()
            options[-1][-1] += _closed(inner)
        elif token == "|" and open_at:
            options[-1].append([])
        else:
            options[-1][-1].append(token[1:] if len(token) == 2 and token[0] == "\\" else token)
    if open_at:
        raise _unpaired(words, open_at[-1], "{")
    return _Sequence(tuple(options[0][0]))


def _closed(options: list[list[str | _Choice]]) -> list[str | _Choice]:
    """What a pair of braces stands for; where they hold a single choice, themselves."""
    if len(options) == 1:
        return ["{", *options[0], "}"]
    return [_Choice(tuple(_Sequence(tuple(parts)) for parts in options))]


def _unpaired(words: str, position: int, brace: str) -> WildcardError:
    where = " ".join(words[max(0, position - 12) : position + 20].split())
    return WildcardError(
        f'The {brace} at "{where}" has no partner, so the words are taken as they stand. '
        f"Close it, or write \\{brace} for the sign itself."
    )
