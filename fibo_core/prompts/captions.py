"""The exact text that each family of models is given for a prompt: its caption rule.

Rules are found by the family's name, so that a recipe is hashed without the model that painted it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt, is_empty, without_empty

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Keys that BriaFibo2Pipeline reads as an edit's parts, wherever they come from.
_EDIT_KEYS = ("edit_instruction", "structured_caption")
_SHORT_FORM = ("short_description", "text_render")


def fibo1_caption(prompt: StructuredPrompt) -> str:
    """FIBO 1's: the ten keys in canonical order, both scores "very high", minified, all but ASCII escaped."""
    return prompt.canonical()


def fibo2_caption(prompt: StructuredPrompt) -> str:
    """FIBO 2's: the keys as typed, without scores and empty values, minified, letters as they are.

    As BriaFibo2Pipeline makes it of any JSON, so that it leaves this text as it is. A prompt of `short_description`
    and `text_render` alone keeps both, in this order, also empty: it then says that the picture has no text. Half a
    surrogate pair, which no tokenizer reads, becomes U+FFFD.
    """
    document = {key: value for key, value in prompt.document.items() if key not in _EDIT_KEYS}
    sections = {
        key: {name: item for name, item in value.items() if name not in SCORES} if isinstance(value, dict) else value
        for key, value in without_empty(document).items()
        if key not in SCORES
    }
    caption = {key: value for key, value in sections.items() if not is_empty(value)}
    if set(_SHORT_FORM) in (set(document), set(caption)):  # the pipeline reads this text, and finds nothing else in it
        caption = {
            "short_description": caption.get("short_description") or "",
            "text_render": caption.get("text_render") or [],
        }
    return _minified(caption)


CAPTION_RULES: Mapping[str, Callable[[StructuredPrompt], str]] = {"fibo1": fibo1_caption, "fibo2": fibo2_caption}


def _minified(caption: dict[str, Any]) -> str:
    text = json.dumps(caption, separators=(",", ":"), ensure_ascii=False)
    return _SURROGATE.sub("�", text)
