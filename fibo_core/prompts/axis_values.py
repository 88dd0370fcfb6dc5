"""How the values of an axis are written: ``golden hour|night``, and numbers also ``1,5,9``, ``1..8``, ``10,20,..,50``.

`\\|` stands for a bar itself. A range may count down, and is counted before it is written out.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from fibo_core.errors import InputError
from fibo_core.prompts.json_paths import excerpt

VALUES_MAX = 1_000  #: of one axis
CHARS_MAX = 2_000  #: of one value, since every answer about a batch has them all; a whole prompt has some 12,000

Value = str | int | float

_NUMBER, _DOTS, _COMMA = r"([+-]?[0-9]{1,40}(?:\.[0-9]{1,20})?)", r"(?:\.{2,3}|…)", r"\s*[|,]\s*"
_ITEM = re.compile(  # 7, or 1..8, or 10,20,..,50; and what divides it from the next
    rf"\s*{_NUMBER}(?:(?:{_COMMA}{_NUMBER}{_COMMA}{_DOTS}{_COMMA}|\s*{_DOTS}\s*){_NUMBER})?\s*([|,]|$)"
)


class AxisError(InputError):
    """What should vary cannot: its name, its values, or how many pictures they make."""


class Range(NamedTuple):
    """Which numbers an axis takes: whole ones (int) or any (float), both ends included."""

    kind: type[int] | type[float]
    low: float
    high: float


def read_values(name: str, values: Sequence[Value] | str, numbers: Range | None, only_text: bool) -> tuple[Value, ...]:
    """The values of the axis ``name``, read where they are a text: numbers in a range, or else text.

    Without ``only_text`` a sequence may hold numbers where text is read. Raises AxisError for none, for more than
    VALUES_MAX, and for one that is empty, longer than CHARS_MAX, of another kind, outside the range or there twice.
    """
    given: Sequence[Value | Fraction] = values
    if isinstance(values, str):
        given = _texts(values) if numbers is None else _numbers(name, values)
    if not 0 < len(given) <= VALUES_MAX:
        raise _too_many(name, len(given))
    read: list[Value] = [
        _plain(name, value, only_text) if numbers is None else _within(name, value, numbers) for value in given
    ]
    (most, times), *_ = Counter(read).most_common(1)
    if times > 1:
        raise AxisError(f"{name} has the value {excerpt(most)} more than once. Leave it once.")
    return tuple(read)


def _texts(text: str) -> list[str]:
    return [each.replace(r"\|", "|") for each in re.split(r"(?<!\\)\|", text)]


def _numbers(name: str, text: str) -> list[Fraction]:
    found: list[Fraction] = []
    position, more = 0, True
    while more:
        if (match := _ITEM.match(text, position)) is None:
            raise _no_number(name, re.split(r"[|,]", text[position:], maxsplit=1)[0].strip())
        start = Fraction(match[1])
        second, end = (None if each is None else Fraction(each) for each in match.group(2, 3))
        if end is None:
            found.append(start)
        else:
            step = second - start if second is not None else Fraction(1 if end >= start else -1)
            further = (end - start) / step if step else Fraction(-1)
            if further.denominator != 1 or further < (0 if second is None else 1):
                shown = match[0].strip(" |,")
                raise AxisError(f"{name}: {shown} does not end on one of its steps. Write 1..8 or 10,20,..,50.")
            if len(found) + further >= VALUES_MAX:
                raise _too_many(name, len(found) + int(further) + 1)
            found += [start + index * step for index in range(int(further) + 1)]
        position, more = match.end(), match[4] != ""
    return found


def _within(name: str, value: Any, numbers: Range) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not math.isfinite(value):
        raise _no_number(name, value)
    exact = Fraction(value)  # a seed has more digits than a float
    if numbers.kind is int and exact.denominator != 1:
        raise AxisError(f"A value of {name} is {float(exact):g}, where a whole number belongs. Round it.")
    number = int(exact) if exact.denominator == 1 else float(exact)
    if not numbers.low <= number <= numbers.high:
        raise AxisError(f"A value of {name} is {number}. Choose {numbers.low} to {numbers.high}.")
    return number if numbers.kind is int else float(number)


def _plain(name: str, value: Any, only_text: bool) -> Value:
    if isinstance(value, str):
        if not (text := value.strip()):
            raise _empty(name)
        if len(text) > CHARS_MAX:
            raise AxisError(
                f"A value of {name} has {len(text):,} characters, and at most {CHARS_MAX:,} are taken. Shorten it."
            )
        return text
    if only_text or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AxisError(f"A value of {name} is {excerpt(value)}, where text belongs. Write it as text.")
    return value


def _empty(name: str) -> AxisError:
    return AxisError(f"A value of {name} is empty. Write one there, or take out its bar or comma.")


def _no_number(name: str, value: Any) -> AxisError:
    if value == "":
        return _empty(name)
    return AxisError(f"A value of {name} is {excerpt(value)}, which is no number. Write 1,5,9 or 1..8 or 10,20,..,50.")


def _too_many(name: str, count: int) -> AxisError:
    return AxisError(f"{name} has {count:,} values. Give at least 1 and at most {VALUES_MAX:,}.")
