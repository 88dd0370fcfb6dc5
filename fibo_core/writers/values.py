"""Values for one place of a prompt, to paint it with each: how many are wished for, what the vocabulary has, how an
answer is read.
"""

import re
from collections import Counter
from collections.abc import Collection

from fibo_core.errors import WriterAnswerError, WriterUnavailable
from fibo_core.prompts.json_text import read_tolerantly
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.vocabulary import suggestions_at

COUNT, COUNT_MAX = 4, 12  #: where a wish names none, and the most that are asked for
VALUE_CHARS_MAX = 300
WISH_CHARS_MAX = 500
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTED = re.compile(rf"\b(?:([0-9]{{1,3}})|({'|'.join(_NUMBERS)}))\b", re.IGNORECASE)


def count_wished(wish: str) -> int:
    """How many values a wish such as "six kinds of light" asks for; COUNT where it names no number."""
    match = _COUNTED.search(wish)
    if match is None:
        return COUNT
    count = int(match[1]) if match[1] else _NUMBERS.index(match[2].lower()) + 2
    return min(max(count, 1), COUNT_MAX)


def stands_at(prompt: StructuredPrompt, path: str) -> str:
    """What a prompt has at a place, as text; "" where it has nothing."""
    value = prompt.get(path)
    return value.strip() if isinstance(value, str) else "" if value in (None, {}, []) else str(value)


def from_vocabulary(path: str, wish: str, count: int, without: Collection[str], now: str = "") -> tuple[str, ...]:
    """At most ``count`` usual values for a place, but for ``now``, which it holds, and ``without``; those with a word
    of the wish come first.

    Raises WriterUnavailable for a place that has no others.
    """
    known = known_values(path, wish, without, now)
    if not known:
        raise WriterUnavailable(
            f"The offline writer knows no other values for {path}. Write them by hand, or choose another writer."
        )
    return known[:count]


def known_values(path: str, wish: str = "", without: Collection[str] = (), now: str = "") -> tuple[str, ...]:
    """The usual values for a place, but for ``now``, which it holds, and ``without``; those with a word of the wish
    come first."""
    known = [value for value in suggestions_at(path, now) if value != now and value not in without]
    spread = Counter(word for value in known for word in _words(value))
    telling = {word for word in _words(wish) if 0 < spread[word] <= len(known) / 2}  # "light" says nothing of a light
    return tuple(sorted(known, key=lambda value: -len(telling & _words(value))))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def read_values(text: str, *, without: Collection[str], count: int) -> tuple[str, ...]:
    """At most ``count`` different values of a writer's answer, a JSON list or an object that holds one.

    Raises WriterAnswerError where there is none.
    """
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    value = None if start < 0 else read_tolerantly(text, start).value
    if isinstance(value, dict):
        value = next((each for each in value.values() if isinstance(each, list)), None)
    said = [" ".join(str(each).split()) for each in value or () if isinstance(each, str | int | float)]
    values = [each for each in dict.fromkeys(said) if each and each not in without and len(each) <= VALUE_CHARS_MAX]
    if not values:
        raise WriterAnswerError("The writer's answer holds no values. Ask again, or write them by hand.", text)
    return tuple(values[:count])
