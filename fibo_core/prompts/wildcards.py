"""Wildcards in the words: "{red|blue} ball" stands for "red ball" and "blue ball", one for each picture of a batch.

Braces hold choices divided by `|`; a choice may be empty, and may hold braces of its own. `{2$$red|blue|green}` stands
for two of them, `{red::3|blue}` for a red that is drawn three times as often. `\\{`, `\\}` and `\\|` stand for the
signs themselves. Braces without a `|` are the user's own and stay.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from fibo_core.errors import InputError

MAX_NESTING = 8  # deeper than anybody means
MAX_PICKS = 20  #: choices taken at once
TRIES = 100  #: draws for each picture, before weights give way so that all differ

# {} or {"key": …}, and {"key… where a paste was cut off; not {close-up: a face|wide}, whose first choice has a colon
_JSON = re.compile(r'\{\s*(?:\}|"[^|]*$|["\']?[^"\'{}|]*["\']?\s*:(?![^{}"\']*\|))')
_TOKEN = re.compile(r"\\[{}|]|[{}|]|\\|[^\\{}|]+")


class WildcardError(InputError):
    """The braces in the words do not pair."""


_PICKS = re.compile(r"\s*(\d{1,4})(?:-(\d{1,4}))?\$\$(?:([^$]*)\$\$)?")
_WEIGHT_BEFORE = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)::")
_WEIGHT_AFTER = re.compile(r"::\s*(\d{1,6}(?:\.\d{1,6})?)\s*$")


@dataclass(frozen=True)
class _Sequence:
    """Text and choices, one after another."""

    parts: "tuple[str | _Choice, ...]"

    @property
    def choices(self) -> "list[_Choice]":
        return [part for part in self.parts if isinstance(part, _Choice)]

    @cached_property
    def count(self) -> int:
        return prod(choice.count for choice in self.choices)

    @property
    def weighted(self) -> bool:
        return any(choice.weighted for choice in self.choices)

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

    def draw(self, rng: random.Random) -> int:
        """The index of a text that is drawn by the weights."""
        index = 0
        for choice in self.choices:
            index = index * choice.count + choice.draw(rng)
        return index


@dataclass(frozen=True)
class _Choice:
    """From ``least`` to ``most`` of the options, in the order in which they stand, with ``joiner`` between them."""

    options: tuple[_Sequence, ...]
    weights: tuple[float, ...]
    least: int = 1
    most: int = 1
    joiner: str = ", "

    @cached_property
    def _ways(self) -> list[list[int]]:
        """``_ways[i][n]``: how many texts there are of ``n`` of the options from the ``i``-th on."""
        ways = [[1] + [0] * self.most]
        for option in reversed(self.options):
            after = ways[-1]
            ways.append([1] + [after[n] + option.count * after[n - 1] for n in range(1, self.most + 1)])
        return ways[::-1]

    @cached_property
    def count(self) -> int:
        return sum(self._ways[0][self.least : self.most + 1])

    @property
    def weighted(self) -> bool:
        return len(set(self.weights)) > 1 or any(option.weighted for option in self.options)

    def text(self, index: int) -> str:
        size = self.least
        while index >= self._ways[0][size]:
            index -= self._ways[0][size]
            size += 1
        texts = []
        for number, option in enumerate(self.options):
            if not size:
                break
            rest = self._ways[number + 1][size - 1]
            if index < option.count * rest:
                own, index = divmod(index, rest)
                texts.append(option.text(own).strip())
                size -= 1
            else:
                index -= option.count * rest
        return self.joiner.join(texts)

    def draw(self, rng: random.Random) -> int:
        size, left = rng.randint(self.least, self.most), list(range(len(self.options)))
        index = sum(self._ways[0][self.least : size])
        taken = []
        for _ in range(size):
            weights = [self.weights[number] for number in left]
            taken.append(rng.choices(left, weights if any(weights) else None)[0])
            left.remove(taken[-1])
        for number, option in enumerate(self.options):
            if not size:
                break
            rest = self._ways[number + 1][size - 1]
            if number in taken:
                index += option.draw(rng) * rest
                size -= 1
            else:
                index += option.count * rest
        return index


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
        return self._sequence is not None and bool(self._sequence.choices)

    def text(self, index: int) -> str:
        """The ``index``-th combination, in the order in which they stand, the last choice changing fastest."""
        if self._sequence is None:
            return self.words
        text = self._sequence.text(index)
        return " ".join(text.split()) if self.found else text  # an empty choice leaves two blanks

    def draw(self, count: int, seed: int) -> list[int]:
        """Which ``count`` combinations ``seed`` draws, all different, in order; fewer than there are."""
        rng, drawn = random.Random(seed), set[int]()
        if self._sequence is not None and self._sequence.weighted:
            for _ in range(TRIES * count):
                if len(drawn) < count:
                    drawn.add(self._sequence.draw(rng))
        while len(drawn) < count:
            drawn.add(rng.randrange(self.count))
        return sorted(drawn)


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
    Fewer pictures: ``seed`` draws which combinations, all different, in order; the same seed draws the same. Weights
    count in such a draw alone.
    """
    wildcards = read_wildcards(words)
    total = wildcards.count
    if count >= total:
        return [wildcards.text(index % total) for index in range(count)]
    return [wildcards.text(index) for index in wildcards.draw(count, seed)]


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
    picks = _PICKS.match(options[0][0]) if options[0] and isinstance(options[0][0], str) else None
    least = most = 1
    if picks:
        options[0][0] = str(options[0][0])[picks.end() :]
        least, most = sorted(min(int(picks[group] or picks[1]), len(options)) for group in (1, 2))
        if most > MAX_PICKS:
            raise WildcardError(f"{most} choices at once are asked for, and {MAX_PICKS} can be taken: none was read.")
    weighed = [_weighed(option) for option in options]
    joiner = ", " if not picks or picks[3] is None else picks[3]
    sequences = tuple(_Sequence(tuple(parts)) for parts, _ in weighed)
    return [_Choice(sequences, tuple(weight for _, weight in weighed), least, most, joiner)]


def _weighed(option: list[str | _Choice]) -> tuple[list[str | _Choice], float]:
    """An option without its weight, and that: 1 where it says none."""
    parts = list(option)
    for place, pattern in ((0, _WEIGHT_BEFORE), (-1, _WEIGHT_AFTER)):
        text = parts[place] if parts else ""
        if isinstance(text, str) and (match := pattern.search(text) if place else pattern.match(text)):
            parts[place] = text[: match.start()] + text[match.end() :]
            return parts, float(match[1])
    return parts, 1.0


def _unpaired(words: str, position: int, brace: str) -> WildcardError:
    where = " ".join(words[max(0, position - 12) : position + 20].split())
    return WildcardError(
        f'The {brace} at "{where}" has no partner, so the words are taken as they stand. '
        f"Close it, or write \\{brace} for the sign itself."
    )
