"""What a text encoder said of the last prompts, kept in main memory for their next seeds.

It saves little time (1 % of a picture of mini) and, where parts take turns on a card, the encoder's way there and back.
"""

import hashlib
import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from PIL import Image

from fibo_core.errors import OutOfMemory

KEPT_MAX = 6  #: answers; a picture of FIBO 1 takes one, one of FIBO 2 up to three
KEPT_BYTES_MAX = 1e9  #: of all answers together; 3,000 tokens of FIBO with guidance are 0.9 GB


class KeptEmbeddings:
    """Those of one model in memory; they go when it goes."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}  # what was used last stands last

    def __len__(self) -> int:
        return len(self._kept)

    @contextmanager
    def lent(self, pipe: Any) -> Iterator[None]:
        """Inside, the pipeline asks its text encoder only what it has not asked lately: the same pixels either way."""
        pipe.encode_prompt = self._remembering(pipe.encode_prompt)
        try:
            yield
        except OutOfMemory:
            self._kept.clear()
            raise
        finally:
            del pipe.encode_prompt  # the class's own is left

    def _remembering(self, encode_prompt: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(encode_prompt)

        def remember(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            device = given.arguments["device"]
            key = _question(given.arguments)
            if key is None:
                return encode_prompt(*args, **kwargs)
            if key in self._kept:
                self._kept[key] = kept = self._kept.pop(key)
                return _on(kept, device)
            answer = encode_prompt(*args, **kwargs)
            self._keep(key, _on(answer, "cpu"))
            return answer

        return remember

    def _keep(self, key: Hashable, answer: Any) -> None:
        self._kept[key] = answer
        while len(self._kept) > KEPT_MAX or sum(map(_bytes, self._kept.values())) > KEPT_BYTES_MAX:
            del self._kept[next(iter(self._kept))]


def _question(arguments: Mapping[str, Any]) -> Hashable | None:
    """All that an answer depends on: the arguments but the device, and of the guidance whether there is any.

    None where a tensor is among them, which says nothing of itself.
    """
    asked = {name: value for name, value in arguments.items() if name != "device"}
    if not all(map(_is_known, asked.values())):
        return None
    if "guidance_scale" in asked:
        asked["guidance_scale"] = asked["guidance_scale"] > 1
    return tuple((name, _comparable(value)) for name, value in asked.items())


def _is_known(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_known, value))
    return value is None or isinstance(value, str | int | float | Image.Image)


def _comparable(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(map(_comparable, value))
    if isinstance(value, Image.Image):
        return value.mode, value.size, hashlib.sha256(value.tobytes()).hexdigest()
    return cast(Hashable, value)


def _on(answer: Any, device: Any) -> Any:
    """An answer, tensors in tuples and lists, with each tensor on the device."""
    if isinstance(answer, list | tuple):
        moved = [_on(each, device) for each in answer]
        return moved if isinstance(answer, list) else tuple(moved)
    return answer if answer is None else answer.to(device)


def _bytes(answer: Any) -> int:
    if isinstance(answer, list | tuple):
        return sum(map(_bytes, answer))
    return 0 if answer is None else answer.numel() * answer.element_size()
