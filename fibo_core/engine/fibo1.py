"""FIBO 1 and what was distilled from it, mini among them: diffusers' BriaFiboPipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fibo_core.engine.request import GenerationRequest
from fibo_core.engine.tokens import tokenizer_of
from fibo_core.models.families import FIBO1

if TYPE_CHECKING:
    from fibo_core.engine.repaint import Given


class Fibo1Pipeline:
    """A text encoder of language (SmolLM3), packed latents of 16 × 16 pixels, a VAE of films."""

    stride = 16

    def read(self, folder: Path, how: Mapping[str, Any], quantization: Any = None) -> Any:
        from diffusers import BriaFiboPipeline

        return self.read_as(BriaFiboPipeline, folder, how, quantization)

    def read_as(self, pipeline: Any, folder: Path, how: Mapping[str, Any], quantization: Any) -> Any:
        import transformers

        text_encoder, loaded = transformers.SmolLM3ForCausalLM.from_pretrained(
            folder / "text_encoder", output_loading_info=True, **how
        )
        if loaded["missing_keys"]:  # transformers would draw them at random; diffusers refuses by itself
            raise ValueError(f"the text encoder lacks {sorted(loaded['missing_keys'])[0]}")
        return pipeline.from_pretrained(folder, text_encoder=text_encoder, quantization_config=quantization, **how)

    def noise(self, request: GenerationRequest, pipe: Any) -> Any:
        """(1, C, H/16, W/16) → (1, H/16·W/16, C)."""
        import torch

        height, width = request.height // self.stride, request.width // self.stride
        channels = pipe.transformer.config.in_channels
        generator = torch.Generator("cpu").manual_seed(request.seed)
        noise = torch.randn((1, channels, height, width), generator=generator, dtype=torch.float32)
        return noise.permute(0, 2, 3, 1).reshape(1, height * width, channels)

    def arguments(self, request: GenerationRequest) -> dict[str, Any]:
        return {"max_sequence_length": FIBO1.tokens_max}

    def count_tokens(self, folder: Path, text: str) -> int:
        return len(tokenizer_of(folder / "tokenizer" / "tokenizer.json").encode(text).ids)

    def tokens_read(self, request: GenerationRequest, pipe: Any, given: "Given | None") -> int:
        return 0

    def encode(self, pipe: Any, pictures: Any, device: str) -> Any:
        import torch

        vae = pipe.vae
        encoded = vae.encode(pictures.unsqueeze(2).to(device, vae.dtype)).latent_dist.mode()  # (B, C, 1, h, w)
        latents = encoded[:, :, 0].float().cpu().permute(0, 2, 3, 1)
        return (latents - torch.tensor(vae.config.latents_mean)) / torch.tensor(vae.config.latents_std)

    def grid(self, latents: Any, width: int, height: int) -> Any:
        """(1, H/16·W/16, C) → (H/16, W/16, C)."""
        return latents[0].detach().float().cpu().reshape(height // self.stride, width // self.stride, -1)

    def from_grid(self, grid: Any) -> Any:
        """(1, H/16, W/16, C) → (1, H/16·W/16, C)."""
        return grid.flatten(1, 2)

    def picture_tokens(self, request: GenerationRequest, pipe: Any) -> int:
        return (request.height // self.stride) * (request.width // self.stride)


PIPELINE = Fibo1Pipeline()
