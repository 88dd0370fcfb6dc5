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
