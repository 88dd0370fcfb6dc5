"""Folders of random weights of both families, in the published sizes or small: they paint noise, in honest time.

With the published sizes parameters and memory are those of the real weights: 8,285,836,848 for FIBO 1's transformer,
16.3 GB in bfloat16 for FIBO 2's, and their text encoders and VAEs likewise. A tokenizer is mini's or a toy.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from fibo_core.models.catalogue import MINI_WEIGHTS
from tests.tiny import PICTURE_FORMAT, make_tokenizer
from tests.writers.tiny_vlm import SPECIAL

#: Keyword arguments of diffusers' and transformers' classes, published and small. What is not said is their default,
#: which for BriaFibo2Transformer2DModel, AutoencoderKLFlux2 and SmolLM3 are the published ones.
FIBO1 = {
    False: {
        "transformer": {
            "in_channels": 48, "num_layers": 8, "num_single_layers": 38, "attention_head_dim": 128,
            "num_attention_heads": 24, "joint_attention_dim": 4096, "text_encoder_dim": 2048,
            "axes_dims_rope": [16, 56, 56],
        },
        "text_encoder": {},
        "vae": {
            "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2,
            "temperal_downsample": [False, True, True], "scale_factor_temporal": 4,
        },
    },
    True: {
        "transformer": {
            "in_channels": 16, "num_layers": 1, "num_single_layers": 2, "attention_head_dim": 32,
            "num_attention_heads": 2, "joint_attention_dim": 128, "text_encoder_dim": 64, "axes_dims_rope": [8, 12, 12],
        },
        "text_encoder": {
            "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "vocab_size": 128_256,
        },
        "vae": {
            "base_dim": 8, "decoder_base_dim": 8, "z_dim": 16, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1,
            "temperal_downsample": [False] * 3, "scale_factor_temporal": 1,
        },
    },
}  # fmt: skip
FIBO2 = {
    False: {
        "transformer": {},
        "text_encoder": {
            "text": {
                "vocab_size": 151_936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
                "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
                "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
            },
            "vision": {
                "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2560,
                "num_position_embeddings": 2304, "deepstack_visual_indexes": [5, 11, 17],
            },
        },
        "vae": {},
    },
    True: {
        "transformer": {
            "dim": 64, "n_layers": 6, "n_refiner_layers": 1, "n_heads": 2, "cap_feat_dim": 96,
            "injection_layer_ids": (1, 2, 3, 4, 5), "perceiver_num_layers": 1, "min_num_gist_tokens": 8,
            "max_num_gist_tokens": 16, "gist_step": 4, "axes_dims": (8, 12, 12),
        },
        "text_encoder": {
            "text": {
                "vocab_size": 700, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 36,
                "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
            },
            "vision": {
                "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32,
                "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1],
            },
        },
        "vae": {"block_out_channels": (16, 16, 16, 16), "layers_per_block": 1, "norm_num_groups": 4},
    },
}  # fmt: skip


def make_fibo1(folder: Path, *, small: bool) -> Path:
    import diffusers
    import transformers

    sizes = FIBO1[small]
    channels = sizes["vae"]["z_dim"]
    _save(
        folder / "transformer",
        lambda: diffusers.BriaFiboTransformer2DModel(
            pooled_projection_dim=None, guidance_embeds=False, **sizes["transformer"]
        ),
    )
    encoder = transformers.SmolLM3Config(**sizes["text_encoder"])
    _save(folder / "text_encoder", lambda: transformers.SmolLM3ForCausalLM(encoder))
    _save(
        folder / "vae",
        lambda: diffusers.AutoencoderKLWan(
            is_residual=True, in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16,
            latents_mean=[0.0] * channels, latents_std=[1.0] * channels, **sizes["vae"],
        ),
    )  # fmt: skip
    for part in ("scheduler", "tokenizer"):
        shutil.copytree(MINI_WEIGHTS / part, folder / part)
    shutil.copy(MINI_WEIGHTS / "model_index.json", folder)
    return folder


def make_fibo2(folder: Path, *, small: bool) -> Path:
    import diffusers
    import transformers

    sizes, token = FIBO2[small], {word: index for index, word in enumerate(SPECIAL)}
    _save(folder / "transformer", lambda: diffusers.BriaFibo2Transformer2DModel(**sizes["transformer"]))
    encoder = transformers.Qwen3VLConfig(
        text_config=sizes["text_encoder"]["text"],
        vision_config=sizes["text_encoder"]["vision"],
        tie_word_embeddings=True,
        image_token_id=token["<|image_pad|>"],
        video_token_id=token["<|video_pad|>"],
        vision_start_token_id=token["<|vision_start|>"],
        vision_end_token_id=token["<|vision_end|>"],
    )
    _save(folder / "text_encoder", lambda: transformers.Qwen3VLForConditionalGeneration(encoder))
    _save(folder / "vae", lambda: diffusers.AutoencoderKLFlux2(**sizes["vae"]))
    diffusers.FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096
    ).save_pretrained(folder / "scheduler")
    processor = folder / "processor"
    processor.mkdir()
    make_tokenizer(['{"short_description":"a red ball"}']).save(str(processor / "tokenizer.json"))
    (processor / "preprocessor_config.json").write_text(json.dumps(PICTURE_FORMAT))
    parts = {
        "processor": ["transformers", "Qwen3VLProcessor"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3VLForConditionalGeneration"],
        "transformer": ["diffusers", "BriaFibo2Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLFlux2"],
    }
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "BriaFibo2Pipeline", **parts}))
    return folder


def _save(folder: Path, make: Any) -> None:
    """A model of random numbers in bfloat16, made on the GPU where there is one, since billions take a CPU minutes."""
    import torch

    with torch.device("meta"):
        model = make()
    model = model.to(torch.bfloat16).to_empty(device="cuda" if torch.cuda.is_available() else "cpu")
    if hasattr(model, "tie_weights"):  # emptied, they are two
        model.tie_weights()
    generator = torch.Generator(device=next(model.parameters()).device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or parameter.dim() < 2:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)  # a norm's weight
            else:
                parameter.normal_(0.0, 0.02, generator=generator)
        for name, buffer in model.named_buffers():  # what is saved of them is a norm's mean and variance
            buffer.fill_(1 if name.endswith("running_var") else 0)
    model.save_pretrained(folder)
