"""The exact text that each family of models is given for a prompt: its caption rule.

Rules are found by the family's name, so that a recipe is hashed without the model that painted it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fibo_core.prompts.picture_names import with_names
from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt, is_empty, without_empty

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Keys that BriaFibo2Pipeline reads as an edit's parts, wherever they come from.
_EDIT_KEYS = ("edit_instruction", "structured_caption")
VISION_MARK = "<|vision_start|><|image_pad|><|vision_end|>"  #: where FIBO 2 is shown a picture
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
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
    return _minified(_fibo2_document(prompt))


def _fibo2_document(prompt: StructuredPrompt) -> dict[str, Any]:
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
    return caption


def fibo2_edit_prompt(prompt: StructuredPrompt, instruction: str) -> str:
    """What FIBO 2's pipeline takes for an edit: the caption of the result, where it says something, and what to do."""
    caption = _fibo2_document(prompt)
    return _minified({"structured_caption": caption, "edit_instruction": instruction} if caption else
                     {"edit_instruction": instruction})  # fmt: skip


def fibo2_edit_text(prompt: StructuredPrompt, instruction: str, pictures: int) -> str:
    """What FIBO 2's pipeline makes of `fibo2_edit_prompt`, and reads: marks for ``pictures``, for the pictures of texts
    too, before the instruction."""
    caption = _fibo2_document(prompt)
    texts = caption.get("text_render")
    for entry in texts if isinstance(texts, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("text"), str) and entry["text"]:
            entry["image_tokens"] = VISION_MARK
    names = ["image"] if pictures == 1 else [f"image_{number}" for number in range(1, pictures + 1)]
    told: dict[str, Any] = dict.fromkeys(names, VISION_MARK)
    if caption:
        told["structured_caption"] = caption
    return _minified(told | {"edit_instruction": instruction})


def fibo_edit_text(prompt: StructuredPrompt, instruction: str, pictures: int) -> str:
    """What FIBO Edit is given and reads: FIBO 1's text with the instruction as an eleventh key, its pictures called as
    its users call them."""
    said = json.dumps(with_names(instruction, _ordinal), separators=(",", ":"))
    return f'{fibo1_caption(prompt).removesuffix("}")},"edit_instruction":{said}}}'


def _ordinal(number: int) -> str:
    return f"the {_ORDINALS[number - 1]} image"


CAPTION_RULES: Mapping[str, Callable[[StructuredPrompt], str]] = {
    "fibo1": fibo1_caption,
    "fibo2": fibo2_caption,
    "fibo-edit": fibo1_caption,
}
#: The text that a family's own edit reads for the caption of the result, an instruction and so many pictures.
EDIT_RULES: Mapping[str, Callable[[StructuredPrompt, str, int], str]] = {
    "fibo2": fibo2_edit_text,
    "fibo-edit": fibo_edit_text,
}


def _minified(caption: dict[str, Any]) -> str:
    text = json.dumps(caption, separators=(",", ":"), ensure_ascii=False)
    return _SURROGATE.sub("�", text)
