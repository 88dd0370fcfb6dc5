"""What a run leaves: the weights as a diffusers folder, and grids of drawn beside painted scenes."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.mini.world import world
from scripts.mini.captions import describe
from scripts.mini.drawing import render
from scripts.mini.networks import EMPTY, scheduler
from scripts.mini.run import Run
from scripts.mini.scenes import draw_scene
from scripts.mini.tokenizer import tokenizer_from
from scripts.mini.vae import vae_so_far

LEARNED = ("things", "backgrounds", "media")  # of the world, told beside the weights: the pages name what is not there


def export(run: Run, painter: Any, mean: Tensor, std: Tensor) -> Path:
    """Writes `weights/`, a diffusers folder in half precision, and `learned.json` beside it; gives the folder."""
    from diffusers import BriaFiboTransformer2DModel
    from transformers import SmolLM3ForCausalLM

    target = run.folder / "weights"
    vae: Any = vae_so_far(run).cpu()
    for module in vae.modules():  # taps that a single frame never meets
        if isinstance(module, nn.Conv3d) and module.kernel_size[0] > 1:
            module.weight.data[:, :, :-1] = 0
    vae.register_to_config(
        latents_mean=[round(float(v), 5) for v in mean], latents_std=[round(float(v), 5) for v in std]
    )
    transformer = BriaFiboTransformer2DModel.from_config(painter.transformer.config)
    transformer.load_state_dict(painter.transformer.state_dict())
    text_encoder = SmolLM3ForCausalLM(painter.text_encoder.config)
    text_encoder.load_state_dict(painter.text_encoder.state_dict())
    vae.half().save_pretrained(target / "vae")
    transformer.half().save_pretrained(target / "transformer")
    text_encoder.half().save_pretrained(target / "text_encoder")
    scheduler().save_pretrained(target / "scheduler")
    tokenizer_from(run.folder / "tokenizer.json").save_pretrained(target / "tokenizer")
    index = {
        "_class_name": "BriaFiboPipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "SmolLM3ForCausalLM"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "BriaFiboTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (target / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    learned = {group: list(getattr(world(), group)) for group in LEARNED}
    (run.folder / "learned.json").write_text(json.dumps(learned) + "\n")
    for file in target.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
    return target


def sample_grid(run: Run) -> str:
    """Scenes never trained on: drawn above, painted below; gives the file's name."""
    from diffusers import BriaFiboPipeline
    from PIL import Image

    pipe = BriaFiboPipeline.from_pretrained(run.folder / "weights", dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    columns = run.samples
    grid = Image.new("RGB", (columns * 260, 4 * 260))
    for number in range(columns * 2):
        rng = np.random.default_rng([run.seed, 5, number])
        scene = draw_scene(rng)
        painted = pipe(
            describe(scene, rng).canonical(), negative_prompt=EMPTY, width=256, height=256,
            num_inference_steps=run.sample_steps, guidance_scale=CATALOGUE["mini"].guidance_scale,
            generator=torch.Generator().manual_seed(number),
        ).images[0]  # fmt: skip
        left, top = number % columns * 260, number // columns * 520
        grid.paste(render(scene), (left, top))
        grid.paste(painted, (left, top + 260))
    folder = run.folder / "grids"
    folder.mkdir(exist_ok=True)
    file = folder / f"{int(time.time())}.png"
    grid.save(file)
    return file.name
