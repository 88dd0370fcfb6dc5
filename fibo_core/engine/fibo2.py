"""FIBO 2: diffusers' BriaFibo2Pipeline, which reads words and pictures with Qwen3-VL."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from fibo_core.engine.request import GenerationRequest
from fibo_core.engine.tokens import tokenizer_of
from fibo_core.prompts.captions import VISION_MARK, fibo2_caption, fibo2_edit_prompt

if TYPE_CHECKING:
    from fibo_core.engine.repaint import Given

CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"  #: what the pipeline puts around a prompt
VAE_STRIDE = 8
SAMPLE_SIZE = 128  #: BriaFibo2Pipeline's `default_sample_size`: a megapixel


class Fibo2Pipeline:
    """Latents of 8 × 8 pixels, not packed, and float32 in every precision."""

    stride = VAE_STRIDE

    def read(self, folder: Path, how: Mapping[str, Any], quantization: Any = None) -> Any:
        import transformers
        from diffusers import BriaFibo2Pipeline

        text_encoder, loaded = transformers.Qwen3VLForConditionalGeneration.from_pretrained(
            folder / "text_encoder", output_loading_info=True, **how
        )
        if loaded["missing_keys"]:  # transformers would draw them at random; diffusers refuses by itself
            raise ValueError(f"the text encoder lacks {sorted(loaded['missing_keys'])[0]}")
        return BriaFibo2Pipeline.from_pretrained(
            folder,
            text_encoder=text_encoder,
            processor=_processor(folder / "processor"),
            quantization_config=quantization,
            **how,
        )

    def noise(self, request: GenerationRequest, pipe: Any) -> Any:
        """(1, C, H/8, W/8). The pipeline takes noise of another shape, and paints another size."""
        import torch

        shape = (1, pipe.transformer.config.in_channels, request.height // self.stride, request.width // self.stride)
        generator = torch.Generator("cpu").manual_seed(request.seed)
        return torch.randn(shape, generator=generator, dtype=torch.float32)

    def arguments(self, request: GenerationRequest) -> dict[str, Any]:
        return {}

    def edit_arguments(self, request: GenerationRequest, given: "Given", pipe: Any) -> dict[str, Any]:
        """Its pipeline writes the text that is read by itself, out of the caption and the instruction.

        It brings each of several pictures to one area, which is the painted one's where that is smaller than its own.
        """
        assert request.edit is not None
        pipe.default_sample_size = _sample_size(request, pipe)
        return {
            "prompt": fibo2_edit_prompt(request.prompt, request.edit.instruction),
            "image": [given.source, *given.references],
            "mask": given.mask_shown,
        }

    def count_tokens(self, folder: Path, text: str) -> int:
        tokenizer = tokenizer_of(folder / "processor" / "tokenizer.json")
        return len(tokenizer.encode(CHAT.format(text), add_special_tokens=False).ids)

    def tokens_read(self, request: GenerationRequest, pipe: Any, given: "Given | None") -> int:
        """The pictures that it is shown take tokens too: those to edit, and the texts of the caption, drawn."""
        from diffusers.pipelines.bria_fibo2.text_images import draw_text_image

        caption, _ = pipe._parse_prompt(fibo2_caption(request.prompt))
        entries = caption.get("text_render") or [] if isinstance(caption, dict) else []
        texts = [entry["text"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("text"), str)]
        pictures = [draw_text_image(text) for text in texts if text]
        text = request.caption
        if given is not None and given.is_own:
            pictures = [*_looked_at(request, pipe, [given.source, *given.references]), *pictures]
        else:
            text += VISION_MARK * len(pictures)
        inputs = pipe.processor(text=[CHAT.format(text)], images=pictures or None)
        return len(inputs["input_ids"][0])

    def encode(self, pipe: Any, pictures: Any, device: str) -> Any:
        import torch

        each = pipe.prepare_image_latents([picture[None] for picture in pictures], 1, device, pipe.vae.dtype)
        return torch.cat(each).float().cpu().permute(0, 2, 3, 1)

    def grid(self, latents: Any, width: int, height: int) -> Any:
        """(1, C, H/8, W/8) → (H/8, W/8, C)."""
        return latents[0].detach().float().cpu().permute(1, 2, 0)

    def from_grid(self, grid: Any) -> Any:
        """(1, H/8, W/8, C) → (1, C, H/8, W/8)."""
        return grid.permute(0, 3, 1, 2)

    def picture_tokens(self, request: GenerationRequest, pipe: Any) -> int:
        side = self.stride * pipe.transformer.config.patch_size
        return (request.height // side) * (request.width // side)


def _sample_size(request: GenerationRequest, pipe: Any) -> int:
    """The side, in latents, of the square as which large references are looked at."""
    return min(SAMPLE_SIZE, round((request.width * request.height) ** 0.5 / pipe.vae_scale_factor))


def _looked_at(request: GenerationRequest, pipe: Any, pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Pictures of the sizes in which the text encoder sees these: one as it is painted, several each at its own."""
    own, longest = pipe.image_processor, pipe.text_encoder_image_size
    area = (_sample_size(request, pipe) * pipe.vae_scale_factor) ** 2
    sizes = [(request.width, request.height)]
    if len(pictures) > 1:
        sizes = [own.get_image_size(picture.width / picture.height, area=area) for picture in pictures]
    seen = [Image.new("RGB", size) for size in sizes]
    for picture in seen:
        picture.thumbnail((longest, longest))
    return seen


def _processor(folder: Path) -> Any:
    """What makes a text and pictures into Qwen3-VL's input.

    transformers' own wants torchvision, for films. This one has its own parts without: pictures are cut by its twin
    that needs Pillow only, wherever it runs, so that a recipe means the same with and without torchvision.
    """
    from transformers import PreTrainedTokenizerFast, Qwen3VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    class WithoutFilms(Qwen3VLProcessor):
        def __init__(self, image_processor: Any, tokenizer: Any) -> None:
            self.image_processor, self.tokenizer = image_processor, tokenizer
            self.video_processor = self.chat_template = None
            for name, mark in _MARKS.items():
                setattr(self, name, mark)
                setattr(self, f"{name}_id", tokenizer.convert_tokens_to_ids(mark))

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="<|endoftext|>")
    pictures = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    return WithoutFilms(pictures, tokenizer)


_MARKS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
PIPELINE = Fibo2Pipeline()
