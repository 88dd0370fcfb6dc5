"""From a model's text to a structured prompt, or an error that keeps the text.

The answer goes the way of every JSON (`prompts/mend`), read by its meaning: a model has been told FIBO's names and
gives others all the same. What a writer's answer must have besides, and how that is told, stands here. What cannot be
known is left out and told, never made up.
"""

from dataclasses import dataclass
from typing import Any

from fibo_core.errors import PromptError, WriterAnswerError
from fibo_core.prompts.json_paths import excerpt
from fibo_core.prompts.mend.find import captions, documents
from fibo_core.prompts.mend.mend import missing_keys
from fibo_core.prompts.mend.reshape import reshape
from fibo_core.prompts.structured_prompt import MAX_DEPTH, StructuredPrompt

MAX_ANSWER_CHARS = 100_000  # a full prompt has some 4,000; to mend far more takes long


@dataclass(frozen=True)
class Repaired:
    """A prompt and sentences on what was repaired; `cut_off` where the answer ended before its end."""

    prompt: StructuredPrompt
    notes: tuple[str, ...] = ()
    cut_off: bool = False


def repair(text: str) -> Repaired:
    """The structured prompt in what a model said; of several the one that looks most like one.

    Raises WriterAnswerError, with the text, where there is none: no JSON, or neither a summary nor an object in it.
    Of a text that is too long to be read its beginning is kept: it goes into a row and an editor.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise _no_prompt(
            f"it has {len(text):,} characters, and at most {MAX_ANSWER_CHARS:,} are read", text[:MAX_ANSWER_CHARS]
        )
    try:
        there = documents(text)
        if not there:
            raise _no_prompt(f"there is no JSON in {excerpt(text, 40)}" if text.strip() else "it is empty", text)
        found = captions(there, by_meaning=True)
        if not found:
            raise _no_prompt("it says neither what the picture shows nor what is in it", text)
        best = max(found, key=lambda each: each.score)
        broken, cut_off = bool(best.document.faults), best.document.cut_off
        document, reshaped = reshape(best.caption, by_meaning=True, broken=broken or cut_off)
        notes = _complete(document, text)
        prompt = StructuredPrompt.from_dict(document)
    except RecursionError as exc:
        raise _no_prompt(f"its JSON is nested more than {MAX_DEPTH} levels deep", text) from exc
    except PromptError as exc:
        raise _no_prompt(str(exc).removesuffix("."), text) from exc
    if cut_off:
        notes = [f"The answer was cut off in {prompt.paths()[-1]}; what was to follow is missing.", *notes]
    elif broken:
        notes = ["The answer was broken JSON and was mended; look it through.", *notes]
    return Repaired(prompt, (*notes, *reshaped), cut_off)


def _no_prompt(why: str, text: str) -> WriterAnswerError:
    return WriterAnswerError(
        f"The writer's answer is no structured prompt: {why}. Try again, or say it otherwise.", text
    )


def _complete(document: dict[str, Any], text: str) -> list[str]:
    """Fills a missing summary from the objects; sentences on that and on what stays missing."""
    objects = [item["description"] for item in document.get("objects", []) if "description" in item]
    if "short_description" not in document and not objects:
        raise _no_prompt("it says neither what the picture shows nor what is in it", text)
    notes = []
    if "short_description" not in document:
        joined = "; ".join(description.strip().rstrip(".") for description in objects)
        document["short_description"] = f"{joined}."
        notes.append("The answer had no short_description: the descriptions of its objects stand there.")
    if missing := missing_keys(document):
        notes.append(f"Missing in the answer and left to FIBO: {', '.join(missing)}.")
    return notes
