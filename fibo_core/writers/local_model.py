"""FIBO-vlm in memory: a Qwen3-VL model that reads words and a picture and writes one caption.

Everything comes from a local folder; no code of a repository is run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine.loading import READING, libraries
from fibo_core.engine.placement import Placement
from fibo_core.errors import InputError
from fibo_core.writers.local_decoding import AnswerGrammar, TokenChoice
from fibo_core.writers.pictures import upright_rgb

MIN_PIXELS, MAX_PIXELS = 256 * 28**2, 1024 * 28**2  #: as upstream sets them; each 32 × 32 pixels are a token
MAX_INPUT_TOKENS = 6_000  #: a full prompt of 3,000, a picture of 784, an instruction; what the memory is counted for
STEEPEST = 100  #: a picture's long side over its short one; the format refuses 200


@dataclass(frozen=True)
class Answer:
    """What the model wrote; not ``whole`` where its tokens were used up before the end."""

    text: str
    whole: bool
    input_tokens: int
    output_tokens: int


class LocalModel:
    """Made by :meth:`load`. Used by one thread at a time."""

    def __init__(self, model: Any, tokenizer: Any, folder: Path, device: str) -> None:
        self._model, self._tokenizer, self._folder, self._device = model, tokenizer, folder, device
        self._grammar = AnswerGrammar(
            tokenizer.to_str(), model.config.text_config.vocab_size, model.generation_config.eos_token_id
        )
        self._pictures: Any = None

    @classmethod
    def load(cls, folder: Path, place: Placement) -> "LocalModel":
        """The model of a folder, where ``place`` says. Whatever the libraries raise comes out."""
        from tokenizers import Tokenizer

        torch, transformers, _ = libraries()
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        with READING:
            model, loaded = transformers.Qwen3VLForConditionalGeneration.from_pretrained(
                folder,
                dtype=getattr(torch, place.dtype),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        if loaded["missing_keys"]:  # transformers would draw them at random
            raise ValueError(f"it lacks {sorted(loaded['missing_keys'])[0]}")
        model.generation_config = transformers.GenerationConfig(
            do_sample=False,  # TokenChoice draws
            eos_token_id=_end_tokens(tokenizer, model.generation_config.eos_token_id),
            pad_token_id=tokenizer.token_to_id("<|im_end|>"),
        )
        return cls(model.eval().to(place.device), tokenizer, folder, place.device)

    def move(self, device: str) -> None:
        """Takes the weights to "cpu" or "cuda"."""
        self._model.to(device)
        self._device = device

    def answer(
        self,
        task: str,
        picture: Image.Image | None,
        *,
        seed: int,
        max_new_tokens: int,
        cancel: CancelFlag,
        on_tokens: Callable[[int], None] | None,
    ) -> Answer:
        """One caption for a task and a picture; the same call gives the same one.

        Raises InputError for a task of more than MAX_INPUT_TOKENS tokens, PictureError, and a Stopped error when
        ``cancel`` says so.
        """
        torch, _, _ = libraries()
        inputs = self._inputs(task, picture)
        answering = self._grammar.start()
        with torch.inference_mode():
            self._model.generate(
                **{name: tensor.to(self._device) for name, tensor in inputs.items()},
                max_new_tokens=max_new_tokens,
                logits_processor=[TokenChoice(answering, seed, cancel, on_tokens)],
            )
        return Answer(answering.text, answering.is_whole, inputs["input_ids"].shape[1], answering.count)

    def _inputs(self, task: str, picture: Image.Image | None) -> dict[str, Any]:
        """One user message, the picture first, in the format of Qwen3-VL's chats: what `generate` is given."""
        torch, _, _ = libraries()
        seen: dict[str, Any] = {}
        marks = ""
        if picture is not None:
            seen = self._seen(picture)
            height, width = seen["image_grid_thw"][0, 1:].tolist()  # in patches; 2 × 2 of them are a token
            marks = f"<|vision_start|>{'<|image_pad|>' * (height * width // 4)}<|vision_end|>"
        words = task.replace("<|", "< |")  # else words could pass for the marks of the format
        chat = f"<|im_start|>user\n{marks}{words}<|im_end|>\n<|im_start|>assistant\n"
        ids = torch.tensor([self._tokenizer.encode(chat, add_special_tokens=False).ids])  # (1, L)
        if ids.shape[1] > MAX_INPUT_TOKENS:
            raise InputError(
                f"The local writer would have to read {ids.shape[1]:,} tokens, and reads at most "
                f"{MAX_INPUT_TOKENS:,}. Say it shorter."
            )
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), **seen}
        if seen:
            inputs["mm_token_type_ids"] = (ids == self._model.config.image_token_id).int()
        return inputs

    def _seen(self, picture: Image.Image) -> dict[str, Any]:
        """The picture as patches (N, 1536), and how many there are: (time, height, width).

        The processor that transformers loads by itself needs torchvision; this one, its twin, needs Pillow only.
        """
        upright = upright_rgb(picture)
        if max(upright.size) > STEEPEST * min(upright.size):
            raise InputError(f"The picture is {upright.width}×{upright.height} pixels, too narrow to be seen. Crop it.")
        if self._pictures is None:
            from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

            self._pictures = Qwen2VLImageProcessorPil.from_pretrained(
                self._folder, local_files_only=True, min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS
            )
        return dict(self._pictures(images=[upright], return_tensors="pt"))


def _end_tokens(tokenizer: Any, named: int | list[int] | None) -> list[int]:
    """The tokens that end an answer: the chat format's own and those that the model names."""
    end = tokenizer.token_to_id("<|im_end|>")
    if end is None:
        raise ValueError("its tokenizer has no <|im_end|>: it is no Qwen3-VL model")
    others = named if isinstance(named, list) else [named]
    return list(dict.fromkeys([end, *(token for token in others if token is not None)]))
