"""How the local writer chooses its tokens: only such that the answer becomes a caption, drawn by a seed.

llguidance says after each token which ones may follow; among these temperature and top-p decide. So any model, even
one of random weights, writes valid JSON of FIBO's shape, and the end of the document is the end of the answer.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fibo_core.cancel import CancelFlag
from fibo_core.errors import WriterAnswerError
from fibo_core.prompts.caption_schema import KEYS, MAX_OBJECTS, Caption
from fibo_core.prompts.structured_prompt import SCORES

TEMPERATURE, TOP_P = 0.2, 0.9  #: as upstream samples
#: Longest values, in characters; upstream's examples have 2,300 to 4,400 in a whole prompt.
SUMMARY_CHARS, VALUE_CHARS = 1_500, 600
MAX_TEXTS = 8  #: in text_render
MAX_ALIKE = 1_000  #: number_of_objects
#: What may be null in a caption, but not in an answer: upstream's writers always fill these.
ALWAYS_WRITTEN = ("style_medium", "text_render", "artistic_style", "relative_size", "shape_and_color")
#: Between two tokens of JSON: nothing, a space, or a new line with indentation. The model may lay it out as it learnt.
WHITESPACE = r" |\n {0,12}"


def answer_schema() -> dict[str, Any]:
    """JSON Schema of an answer: FIBO's caption with all its keys, nothing else, and bounds on what can grow.

    The two scores are not a writer's to give.
    """
    schema: dict[str, Any] = Caption.model_json_schema()
    shapes = {**schema["$defs"], "Caption": schema}
    for score in SCORES:
        del shapes["Aesthetics"]["properties"][score]
    for shape in shapes.values():
        shape["additionalProperties"] = False
        for name, about in shape["properties"].items():
            shape["properties"][name] = _bounded(name, about)
    schema["required"] = list(KEYS)
    shapes["CaptionObject"]["required"] += ["relative_size", "shape_and_color"]
    return schema


def _bounded(name: str, about: dict[str, Any]) -> dict[str, Any]:
    """A key's schema without words for people, with bounds, and without null where that is not wanted."""
    if "anyOf" in about:
        choices = [_bounded(name, choice) for choice in about["anyOf"]]
        if name in ALWAYS_WRITTEN:
            choices = [choice for choice in choices if choice.get("type") != "null"]
        return choices[0] if len(choices) == 1 else {"anyOf": choices}
    if about.get("type") == "string":
        longest = SUMMARY_CHARS if name == "short_description" else VALUE_CHARS
        return {"type": "string", "pattern": rf"^\S[\s\S]{{0,{longest - 1}}}$"}  # blank text would say nothing
    if about.get("type") == "integer":
        return {"type": "integer", "minimum": 1, "maximum": MAX_ALIKE}
    if about.get("type") == "array":
        item = next(choice for choice in about["items"]["anyOf"] if "$ref" in choice)
        objects = name == "objects"
        bounds = {"minItems": 1, "maxItems": MAX_OBJECTS} if objects else {"maxItems": MAX_TEXTS}
        return {"type": "array", "items": item, **bounds}
    return {key: value for key, value in about.items() if key in ("$ref", "type")}


class AnswerGrammar:
    """FIBO's caption over the tokens of one model; made once (about a second), asked for each answer."""

    def __init__(self, tokenizer_json: str, vocabulary: int, end_tokens: list[int]) -> None:
        from llguidance import LLMatcher, LLTokenizer

        self._tokenizer = LLTokenizer(
            tokenizer_json, n_vocab=vocabulary, eos_token=end_tokens, slices=LLTokenizer.json_slices()
        )
        grammar = LLMatcher.grammar_from_json_schema(answer_schema(), overrides={"whitespace_pattern": WHITESPACE})
        self._matcher = LLMatcher(self._tokenizer, grammar)
        if self._matcher.is_error():
            raise ValueError(f"the answer's grammar is refused: {self._matcher.get_error()}")

    def start(self) -> "Answering":
        return Answering(self._matcher.deep_copy(), self._tokenizer)


class Answering:
    """One answer being written: which tokens may come next, and what was written."""

    def __init__(self, matcher: Any, tokenizer: Any) -> None:
        self._matcher, self._tokenizer = matcher, tokenizer
        self._written: list[int] = []

    def allowed(self, size: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each of the model's ``size`` tokens whether it may come next; at the end, only those that end."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        known = np.unpackbits(bits, bitorder="little")[:size].astype(bool)
        return np.pad(known, (0, size - known.size))

    def accept(self, token: int) -> None:
        """Goes on past ``token``. Raises WriterAnswerError where the grammar's library gives up."""
        if not self._matcher.consume_token(token):
            raise WriterAnswerError(f"The answer could not be held to its form: {self._matcher.get_error()}", self.text)
        self._written.append(token)

    @property
    def count(self) -> int:
        return len(self._written)

    @property
    def is_whole(self) -> bool:
        return bool(self._matcher.is_accepting() or self._matcher.is_stopped())

    @property
    def text(self) -> str:
        words = [token for token in self._written if not self._tokenizer.is_special_token(token)]
        return bytes(self._tokenizer.decode_bytes(words)).decode("utf-8", errors="ignore")


class TokenChoice:
    """transformers' logits processor that makes the choice itself: what it leaves possible is the one token drawn.

    Drawing by a generator of its own keeps the seed's meaning whatever else draws numbers in this process. A cancel
    ends the answer within a token.
    """

    def __init__(
        self, answering: Answering, seed: int, cancel: CancelFlag, on_tokens: Callable[[int], None] | None
    ) -> None:
        self._answering, self._cancel, self._on_tokens = answering, cancel, on_tokens
        self._random = np.random.default_rng(seed)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._cancel.check()
        logits = scores[0].float()  # (vocabulary,)
        allowed = self._answering.allowed(len(logits))
        token = int(allowed.argmax()) if allowed.sum() == 1 else self._drawn(logits, allowed)
        self._answering.accept(token)
        if self._on_tokens is not None:
            self._on_tokens(self._answering.count)
        only = scores.new_full(scores.shape, float("-inf"))
        only[0, token] = 0
        return only

    def _drawn(self, logits: Any, allowed: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
        import torch

        possible = torch.from_numpy(allowed).to(logits.device)
        chances = (logits / TEMPERATURE).masked_fill(~possible, float("-inf")).softmax(0)
        chances, tokens = chances.sort(descending=True, stable=True)
        summed = chances.cumsum(0)
        nucleus = int((summed - chances < TOP_P).sum())  # the fewest likeliest that make up TOP_P
        aim = self._random.random() * summed[nucleus - 1]
        place = min(int(torch.searchsorted(summed, aim)), nucleus - 1)
        return int(tokens[place])
