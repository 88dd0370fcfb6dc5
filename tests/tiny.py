"""Folders of random weights of the other families, seconds on a CPU: they paint nothing to look at, and run.

Their parts are of the real classes, in the files of the real repositories, and small.
"""

import json
from pathlib import Path

from tests.writers.tiny_vlm import PICTURE_FORMAT, SPECIAL, make_tokenizer, vlm_config

HIDDEN = 32  #: of the text encoder; the transformer is given three of its layers side by side


def make_tiny_fibo2(folder: Path, *, seed: int = 0, dim: int = 64) -> Path:
    """Writes a pipeline of BriaFibo2Pipeline's parts, 1.5 million parameters, into ``folder``.

    ``dim`` is the width of the transformer.
    """
    import torch
    from diffusers import AutoencoderKLFlux2, BriaFibo2Transformer2DModel, FlowMatchEulerDiscreteScheduler
    from transformers import Qwen3VLForConditionalGeneration

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    reader = vlm_config(hidden=HIDDEN, inner=48, layers=36, heads=2, kv_heads=1)  # the pipeline reads the 35th layer
    Qwen3VLForConditionalGeneration(reader).save_pretrained(folder / "text_encoder")
    BriaFibo2Transformer2DModel(
        in_channels=32, dim=dim, n_layers=6, n_refiner_layers=1, n_heads=dim // 32, cap_feat_dim=3 * HIDDEN,
        injection_layer_ids=(1, 2, 3, 4, 5), perceiver_num_layers=1, min_num_gist_tokens=8, max_num_gist_tokens=16,
        gist_step=4, axes_dims=(8, 12, 12),
    ).save_pretrained(folder / "transformer")  # fmt: skip
    vae = AutoencoderKLFlux2(block_out_channels=(16, 16, 16, 16), layers_per_block=1, norm_num_groups=4)
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2.0)
    vae.save_pretrained(folder / "vae")
    FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096
    ).save_pretrained(folder / "scheduler")
    processor = folder / "processor"
    processor.mkdir(exist_ok=True)
    make_tokenizer(['{"short_description":"a red ball"}']).save(str(processor / "tokenizer.json"))
    (processor / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Qwen2Tokenizer", "pad_token": SPECIAL[0], "eos_token": SPECIAL[2]})
    )
    (processor / "preprocessor_config.json").write_text(json.dumps(PICTURE_FORMAT))
    index = {
        "_class_name": "BriaFibo2Pipeline",
        "processor": ["transformers", "Qwen3VLProcessor"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3VLForConditionalGeneration"],
        "transformer": ["diffusers", "BriaFibo2Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLFlux2"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def make_tiny_fibo_edit(folder: Path, *, seed: int = 0) -> Path:
    """Writes a pipeline of BriaFiboEditPipeline's parts into ``folder``: FIBO 1's, with a plane for each picture."""
    import torch
    from diffusers import AutoencoderKLWan, BriaFiboTransformer2DModel, FlowMatchEulerDiscreteScheduler
    from transformers import PreTrainedTokenizerFast, SmolLM3Config, SmolLM3ForCausalLM

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    reader = SmolLM3Config(
        vocab_size=128_256,  # the pipeline reads token 128,000 where a text is empty
        hidden_size=16, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2, num_key_value_heads=1,
        max_position_embeddings=3072, tie_word_embeddings=True, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    SmolLM3ForCausalLM(reader).save_pretrained(folder / "text_encoder")
    BriaFiboTransformer2DModel(
        in_channels=8, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=2 * 16, text_encoder_dim=16, axes_dims_rope=[4, 6, 6], rope_theta=100, time_theta=10_000,
        patch_size=1,
    ).save_pretrained(folder / "transformer")  # fmt: skip
    AutoencoderKLWan(
        base_dim=8, decoder_base_dim=8, z_dim=8, dim_mult=[1, 1, 1, 1], num_res_blocks=1, attn_scales=[],
        temperal_downsample=[False, False, False], is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        scale_factor_temporal=1, scale_factor_spatial=16, latents_mean=[0.0] * 8, latents_std=[1.0] * 8,
    ).save_pretrained(folder / "vae")  # fmt: skip
    FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096
    ).save_pretrained(folder / "scheduler")
    tokenizer = make_tokenizer(['{"short_description":"a red ball"}'])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=SPECIAL[0]).save_pretrained(folder / "tokenizer")
    index = {
        "_class_name": "BriaFiboEditPipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "SmolLM3ForCausalLM"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "BriaFiboTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
