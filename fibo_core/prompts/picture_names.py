"""How an instruction names the pictures that it is given with: `<image_1>` is the one that is edited, the references
follow in their order.
"""

import re
from collections.abc import Callable

from fibo_core.errors import InputError

_NAME = re.compile(r"<\s*image[_ ]?(\d{1,3})\s*>", re.IGNORECASE)


def picture_name(number: int) -> str:
    """The name of a picture, from 1."""
    return f"<image_{number}>"


def named_pictures(text: str) -> frozenset[int]:
    """The numbers of the pictures that a text names."""
    return frozenset(int(number) for number in _NAME.findall(text))


def with_names(text: str, called: Callable[[int], str]) -> str:
    """The text with every picture in it called otherwise."""
    return _NAME.sub(lambda match: called(int(match[1])), text)


def check_names(instruction: str, references: int) -> None:
    """Raises InputError for an instruction that names a picture which is not given."""
    given = references + 1
    if unknown := sorted(number for number in named_pictures(instruction) if not 1 <= number <= given):
        has = "one picture is" if given == 1 else f"{given} pictures are"
        raise InputError(
            f"The instruction names {picture_name(unknown[0])}, and {has} given: {picture_name(1)} is the one that is "
            "edited, the references follow. Add that reference, or name another picture."
        )
