"""What a refinement leaves alone, made sure by code: a model sees less than the document and writes all of it anew."""

from typing import Any

from pydantic import BaseModel

from fibo_core.errors import WriterAnswerError
from fibo_core.prompts.caption_schema import Caption
from fibo_core.prompts.mend.names import wanted
from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt
from fibo_core.writers.repair import Repaired


def shown(prompt: StructuredPrompt) -> StructuredPrompt:
    """The prompt as a writer is shown it: FIBO's keys only, nothing empty, without the two scores."""
    document = _known(prompt.cleaned(), Caption)
    for score in SCORES:
        document["aesthetics"].pop(score, None)
    if not document["aesthetics"]:
        del document["aesthetics"]
    return StructuredPrompt.from_dict(document)


def _known(value: Any, shape: Any) -> Any:
    """`value` without the keys that `shape`, as `wanted` gives it, does not have."""
    if isinstance(shape, list):
        return [_known(item, shape[0]) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or not issubclass(shape, BaseModel):
        return value
    fields = shape.model_fields
    return {key: _known(item, wanted(fields[key].annotation)) for key, item in value.items() if key in fields}


def carried_over(before: StructuredPrompt, repaired: Repaired) -> Repaired:
    """The refined prompt with what `before` holds and no writer was shown: other keys, empty places, scores, order.

    A part that the answer lacks and every caption needs is kept as it was, and a note says so. Raises
    WriterAnswerError where the answer was cut off before its last parts: they would be lost.
    """
    old, seen, new = before.document, shown(before).document, repaired.prompt.document
    lost = [key for key in seen if key not in new]
    if repaired.cut_off and lost:
        raise WriterAnswerError(
            f"The changed prompt was cut off before {', '.join(lost)}. Ask again, or ask for less at once.",
            repaired.prompt.to_json(),
        )
    kept = [key for key in lost if Caption.model_fields[key].is_required()]
    new = {key: value for key, value in new.items() if value not in ([], {}) or key in old}  # said of what is not there
    new.update({key: seen[key] for key in kept})
    if isinstance(new.get("aesthetics"), dict):
        new["aesthetics"] = {key: value for key, value in new["aesthetics"].items() if key not in SCORES}
    notes = tuple(note for note in repaired.notes if not note.startswith("Missing in the answer"))
    if kept:
        notes = (*notes, f"Missing in the answer and kept as before: {', '.join(kept)}.")
    return Repaired(StructuredPrompt.from_dict(_merged(old, seen, new)), notes, repaired.cut_off)


def _merged(old: Any, seen: Any, new: Any) -> Any:
    """`new` in the order of `old`, with what stands in `old` and not in `seen`."""
    if isinstance(old, dict) and isinstance(seen, dict) and isinstance(new, dict):
        merged = {}
        for key, value in old.items():
            if key in new:
                merged[key] = _merged(value, seen.get(key), new[key])
            elif key not in seen:
                merged[key] = value
        return merged | {key: value for key, value in new.items() if key not in merged}
    if isinstance(old, list) and isinstance(seen, list) and isinstance(new, list) and len(old) == len(seen) == len(new):
        return [_merged(*three) for three in zip(old, seen, new, strict=True)]
    return new
