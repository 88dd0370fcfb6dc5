"""Trains mini, the embedded model, from nothing: VAE, tokenizer, text encoder and transformer, to a diffusers folder.

    PYTHONPATH=. python scripts/train_mini.py                      # every stage, in order, from where it stopped
    PYTHONPATH=. python scripts/train_mini.py --minutes 30         # half an hour of it
    PYTHONPATH=. python scripts/train_mini.py --start-from fibo_core/engine/mini/weights --keep-latents

Everything lies under `--folder` (git ignores `training/`): one checkpoint a stage, the log, sample grids, and the
exported weights. The same seed on the same machine with the same number of processes gives the same weights; a run
that was stopped goes on from its last checkpoint. Stages:

1. vae      pictures ⇄ latents: L1, squared error, gradients, a little KL, on crops; most on what lies near edges
2. latents  scenes are drawn and encoded once
3. text     the text encoder learns to read: from a caption's last token, what stands in which cell, the light…
4. flow     flow matching on the latents, the text encoder trained along

What is not FIBO's recipe, and why: the heads that read a caption (stage 3) and that name thing and colour of each
image token (stage 4) are thrown away at the end. They bind words to pixels many times faster than the flow's own
loss does, which on such small data learns shapes last (Yu et al. 2024, "Representation Alignment for Generation",
has the idea; here the renderer knows the labels).
"""

import argparse
import functools
import hashlib
import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from fibo_core.engine.mini.captions import before, describe, describe_at_length, describe_in_dispute, edited, sentence
from fibo_core.engine.mini.drawing import render, render_with_cover
from fibo_core.engine.mini.scenes import Scene, draw_scene
from fibo_core.engine.mini.world import world
from fibo_core.engine.models import CATALOGUE, MINI_SIZES
from fibo_core.prompt import StructuredPrompt
from fibo_core.writers.offline import OfflineWriter

SIZES = tuple(MINI_SIZES.values())  # width, height
SHARE_OF_SIZES = (0.52, 0.12, 0.12, 0.12, 0.12)
CHANNELS = 16
VOCABULARY = 2048
EMPTY = "{}"  # mini's only negative prompt
LEARNED = ("things", "backgrounds", "media")  # of the world, told beside the weights: the pages name what is not there


# --- models ---------------------------------------------------------------------------------------------------------


def new_vae() -> nn.Module:
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan(
        base_dim=24, decoder_base_dim=32, z_dim=CHANNELS, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
        temperal_downsample=[False] * 3, is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        scale_factor_spatial=16, scale_factor_temporal=1, latents_mean=[0.0] * CHANNELS, latents_std=[1.0] * CHANNELS,
    )  # fmt: skip


def new_text_encoder(size: int) -> nn.Module:
    from transformers import SmolLM3Config, SmolLM3ForCausalLM

    return SmolLM3ForCausalLM(
        SmolLM3Config(
            vocab_size=size, hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=3072, initializer_range=0.06, tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1e4}, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, use_cache=False,
        )
    )  # fmt: skip


def new_transformer() -> nn.Module:
    from diffusers import BriaFiboTransformer2DModel

    model = BriaFiboTransformer2DModel(
        in_channels=CHANNELS, num_layers=1, num_single_layers=5, attention_head_dim=64, num_attention_heads=3,
        joint_attention_dim=256, text_encoder_dim=128, axes_dims_rope=[0, 32, 32], rope_theta=100,
        pooled_projection_dim=None, guidance_embeds=False,
    )  # fmt: skip
    for name, weight in model.named_parameters():  # diffusers does not start the modulation at zero
        if ("norm" in name and "linear" in name) or name.startswith("proj_out"):
            nn.init.zeros_(weight)
    return model


def scheduler() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.7, max_shift=1.15, shift=1.0, base_image_seq_len=256,
        max_image_seq_len=4096,
    )  # fmt: skip


def see_one_frame() -> None:
    """Makes Wan's causal 3-D convolutions plain 2-D ones.

    Of a single frame they see only the last temporal tap; the rest multiplies zeros, and is exported as zeros.
    """
    from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d

    def forward(conv: Any, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        frame, weight = x[:, :, -1], conv.weight[:, :, -1]
        padding = (conv._padding[2], conv._padding[0])
        return F.conv2d(frame, weight, conv.bias, stride=conv.stride[1:], padding=padding)[:, :, None]

    WanCausalConv3d.forward = forward


def attend(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """Attention as two products and a softmax, in place of `F.scaled_dot_product_attention`; without dropout.

    On a CPU, in bfloat16, forwards and backwards took two fifths of the time of torch's fused one, which there saves
    memory alone.
    """
    if enable_gqa:
        key, value = (each.repeat_interleave(query.shape[1] // each.shape[1], dim=1) for each in (key, value))
    scores = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-1, -2)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -1e4) if attn_mask.dtype == torch.bool else scores + attn_mask
    return scores.softmax(dim=-1) @ value


def train_tokenizer(texts: Iterator[str], file: Path) -> None:
    """A byte-level BPE in which the JSON between two values, keys and all, is one unit: captions become short."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    pieces = Regex(r'[{}\[\],:"]+(?:[a-z_]+":[{\["]*)*| ?[^\s{}\[\],:"]+|\s+')
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pieces, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<pad>", "<bos>", "<eos>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    tokenizer.save(str(file))


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices and, flattened, for kernels: momentum, made orthogonal."""

    def __init__(
        self, weights: list[Tensor], lr: float, dtype: torch.dtype, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "decay": decay})
        self.dtype = dtype  #: in which it is made orthogonal; bfloat16 is exact enough

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                rows, columns = update.shape
                update = _orthogonal(update.to(self.dtype)).to(weight.dtype) * max(1.0, rows / columns) ** 0.5
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(update.view_as(weight), alpha=-group["lr"])


def _orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows or columns, by five Newton–Schulz steps."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def optimizers(model: nn.Module, rate: float, dtype: torch.dtype) -> list[torch.optim.Optimizer]:
    """Muon on the matrices inside, AdamW on embeddings, modulation, norms, biases and ends, those of blocks too."""
    inner: list[Tensor] = []
    outer: list[Tensor] = []
    ends = ("embed", "norm", "proj_out", "head", "conv_in", "conv_out", "time_embed")
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        (inner if weight.ndim >= 2 and not any(end in name for end in ends) else outer).append(weight)
    return [Muon(inner, rate, dtype), torch.optim.AdamW(outer, lr=rate * 0.75, betas=(0.9, 0.98), weight_decay=0.0)]


# --- a run: processes, checkpoints, time ----------------------------------------------------------------------------


@dataclass
class Run:
    """What every stage needs to know about the process it runs in."""

    folder: Path
    seed: int
    device: torch.device
    rank: int
    processes: int
    ends_at: float  #: `time.monotonic()`
    captions: int  #: that the tokenizer learns from
    start_from: Path | None  #: exported weights to begin with, instead of noise
    new_tokenizer: bool  #: not that of the weights to begin with
    bfloat16: bool  #: products of matrices in it
    samples: int  #: pictures in a row of a sample grid, and of which the VAE's likeness is the mean

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def say(self, text: str) -> None:
        if self.leads:
            line = f"{time.strftime('%H:%M:%S')} {text}"
            print(line, flush=True)
            with (self.folder / "log.txt").open("a") as log:
                log.write(line + "\n")

    def average(self, model: nn.Module) -> None:
        """The mean of every process's gradients."""
        if self.processes > 1:
            grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
            flat = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(flat)
            flat /= self.processes
            for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
                grad.copy_(part.view_as(grad))

    def meet(self) -> None:
        """Waits until every process is here: what one has written, all can read."""
        if self.processes > 1:
            dist.barrier()

    def out_of_time(self) -> bool:
        """Whether this run shall stop; every process answers alike."""
        late = torch.tensor(float(time.monotonic() > self.ends_at))
        if self.processes > 1:
            dist.broadcast(late, 0)
        return bool(late)


def train(
    run: Run, name: str, model: nn.Module, steps: int, rate: float, loss_of: Callable[[int], tuple[Tensor, str]],
    *, ema: float, grid: Callable[[nn.Module], Any] | None = None, every: int = 500, hold: float = 0.3,
) -> bool:  # fmt: skip
    """Trains ``model`` to the end of its steps, or to the end of time; whether it got to the end.

    ``loss_of(step)`` gives the loss and what to log. The rate rises for 2 %, holds until ``hold`` of the steps and
    falls to zero. The averaged weights are what the next stage and the export take.
    """
    file = run.folder / f"{name}.pt"
    optims = optimizers(model, rate, torch.bfloat16 if run.bfloat16 else torch.float32)
    rates = [group["lr"] for optim in optims for group in optim.param_groups]
    start, averaged = 0, {key: value.detach().clone() for key, value in model.state_dict().items()}
    if file.exists():
        saved = torch.load(file, map_location=run.device, weights_only=True)
        start, averaged = saved["step"], saved["averaged"]
        model.load_state_dict(saved["model"])
        for optim, state in zip(optims, saved["optimizers"], strict=True):
            optim.load_state_dict(state)
    if start >= steps:
        model.load_state_dict(averaged)
        return True

    def save(step: int) -> None:
        if run.leads and grid is not None:  # before the checkpoint: where there is one, what it exports is there too
            present = {key: value.clone() for key, value in model.state_dict().items()}
            model.load_state_dict(averaged)
            run.say(f"{name} {grid(model)}")
            model.load_state_dict(present)
        if run.leads:
            part = file.with_suffix(".part")
            torch.save(
                {"step": step, "model": model.state_dict(), "averaged": averaged,
                 "optimizers": [optim.state_dict() for optim in optims]}, part,
            )  # fmt: skip
            part.replace(file)

    began, logged = time.monotonic(), start
    for step in range(start, steps):
        done = step / steps
        scale = min(1.0, (step + 1) / (0.02 * steps + 1), (1 - done) / (1 - hold))
        groups = [group for optim in optims for group in optim.param_groups]
        for group, full in zip(groups, rates, strict=True):
            group["lr"] = full * scale
        torch.manual_seed(run.seed * 1_000_003 + step * run.processes + run.rank)
        loss, note = loss_of(step)
        model.zero_grad(set_to_none=True)
        loss.backward()
        run.average(model)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
        keep = min(ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.is_floating_point():
                    averaged[key].lerp_(value, 1 - keep)
        if (step + 1) % 50 == 0:
            speed = (step + 1 - logged) / (time.monotonic() - began)
            run.say(f"{name} {step + 1}/{steps} {note} {speed:.2f} steps/s")
            began, logged = time.monotonic(), step + 1
        late = (step + 1) % 10 == 0 and run.out_of_time()
        if late or (step + 1) % every == 0 or step + 1 == steps:
            save(step + 1)
        if late:
            run.say(f"{name} stopped at {step + 1} of {steps}; run again to go on")
            return False
    run.meet()
    model.load_state_dict(averaged)
    return True


#: What a batch is made of: where its latents are kept, the scene, its caption.
Captioned = tuple[Any, Scene, str]
POOL = 48  #: batches that are drawn together and sorted by the length of their captions
LONG = 12  #: for so many batches of a shape there is one, at least one, smaller, of captions as long as FIBO's own


# --- scenes ---------------------------------------------------------------------------------------------------------


def scene_of(seed: int, index: int) -> tuple[Scene, tuple[int, int]]:
    """The scene of this number, and its width and height; the same for every run of a seed."""
    rng = np.random.default_rng([seed, index])
    return draw_scene(rng), SIZES[int(rng.choice(len(SIZES), p=SHARE_OF_SIZES))]


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """The scene as a prompt, canonical text: mostly `describe`, else the offline writer's prompt for a sentence.

    Of that, too, a field may have been edited since. A few are disputes.
    """
    if rng.random() < 0.08:
        return describe_in_dispute(scene, rng).canonical()
    if scene.camera == "eye" and scene.focus == "deep" and rng.random() < 0.5:  # of the others a sentence is silent
        told = before(scene, rng)
        document = OfflineWriter().expand(sentence(told)).prompt.document
        return StructuredPrompt.from_dict(edited(document, told, scene, rng)).canonical()
    return describe(scene, rng).canonical()


def by_length(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """Batches of ``each`` captioned scenes, the shortest captions in the first: no long one pads the short ones."""
    captioned = [(row, scene, caption(scene, rng)) for row, scene in scenes]
    captioned.sort(key=lambda entry: len(entry[2]))
    return [captioned[start : start + each] for start in range(0, len(captioned), each)]


def at_length(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """For every LONG batches that ``scenes`` would fill, one of a fifth of the size: captions as long as FIBO's own."""
    small = max(1, each // 5)
    some = scenes[: small * max(1, len(scenes) // each // LONG)]
    captioned = [(row, scene, describe_at_length(scene, rng).canonical()) for row, scene in some]
    return [captioned[start : start + small] for start in range(0, len(captioned), small)]


def in_dispute(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """Batches of captions that are short and contradict themselves."""
    captioned = [(row, scene, describe_in_dispute(scene, rng).canonical()) for row, scene in scenes]
    return [captioned[start : start + each] for start in range(0, len(captioned), each)]


def one_by_one(pool: Callable[[int], list[list[Captioned]]], size: int) -> Callable[[int], list[Captioned]]:
    """The batch of a step, out of pools of ``size`` batches, each made when its first batch is asked for."""
    kept = functools.lru_cache(maxsize=1)(pool)
    return lambda step: kept(step // size)[step % size]


def to_tensor(picture: Any) -> Tensor:
    """A picture (H, W, 3) of bytes as (3, H, W), from -1 to 1."""
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 127.5 - 1


def labels_of(scene: Scene) -> Tensor:
    """What a caption's reader shall know, as class numbers: for each of 9 cells thing, colour, size (0: nothing)."""
    w, cells = world(), [[0, 0, 0] for _ in range(9)]
    for thing in scene.things:
        column, row = w.cells[thing.place]
        cells[row * 3 + column] = [
            1 + list(group).index(value)
            for group, value in ((w.things, thing.kind), (w.colours, thing.colour), (w.sizes, thing.size))
        ]
    whole = [
        list(group).index(value)
        for group, value in (
            (w.backgrounds, scene.background), (w.walls, scene.wall), (w.lights, scene.light),
            (["", *w.directions], scene.direction), (w.media, scene.medium), (w.cameras, scene.camera),
            (w.focus, scene.focus),
        )
    ]  # fmt: skip
    return torch.tensor([value for cell in cells for value in cell] + whole)


def label_sizes() -> list[int]:
    w = world()
    cell = [1 + len(w.things), 1 + len(w.colours), 1 + len(w.sizes)]
    groups = (w.backgrounds, w.walls, w.lights, ["", *w.directions], w.media, w.cameras, w.focus)
    return cell * 9 + [len(group) for group in groups]


# --- stage 1: the VAE -----------------------------------------------------------------------------------------------


def vae_so_far(run: Run) -> nn.Module:
    """The VAE with its averaged weights, else with those to begin with. Ends the run where there are neither."""
    vae: Any = new_vae()
    file = run.folder / "vae.pt"
    if file.exists():
        vae.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["averaged"])
    elif run.start_from:
        vae.load_state_dict(_exported_vae(run.start_from).state_dict())
    else:
        raise SystemExit(f"There is no VAE in {run.folder}. Run the stage vae first, or name weights by --start-from.")
    return vae.to(run.device).eval()


def _exported_vae(weights: Path) -> Any:
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan.from_pretrained(weights, subfolder="vae")


def psnr(vae: Any, run: Run, first: int = 10_000_000) -> float:
    """Mean over scenes never trained on, in dB of full scale."""
    values = []
    with torch.no_grad():
        for index in range(first, first + run.samples):
            scene, (width, height) = scene_of(run.seed, index)
            x = to_tensor(render(scene, width, height))[None, :, None].to(run.device)
            y = vae.decode(vae.encode(x).latent_dist.mode()).sample
            values.append(10 * math.log10(4 / float(F.mse_loss(y, x))))
    return sum(values) / len(values)


TRIES = 3  #: crops of which the one with the most edges is taken


def _edges(x: Tensor) -> Tensor:
    """Where (B, 3, H, W), of -1 to 1, changes from one pixel to the next: 1 there, (B, 1, H, W)."""
    across = F.pad(x.diff(dim=-1).abs().amax(dim=1, keepdim=True), (0, 1))
    down = F.pad(x.diff(dim=-2).abs().amax(dim=1, keepdim=True), (0, 0, 0, 1))
    return (torch.maximum(across, down) > 0.1).float()


def train_vae(run: Run, args: argparse.Namespace) -> bool:
    begun = args.start_from or (run.folder / "vae.pt").exists()
    vae: Any = (vae_so_far(run) if begun else new_vae().to(run.device)).train()
    if args.keep_latents:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    vae.to(run.device)
    crop, each = 128, args.vae_batch // run.processes
    pool: list[Tensor] = []

    def likeness(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(run.device.type, torch.bfloat16, enabled=run.bfloat16):
            posterior = vae.encode(x).latent_dist
            blur = 0.02 * torch.randn_like(posterior.mean) * posterior.mean.detach().std()
            y = vae.decode(posterior.mean + blur).sample.float()
        difference = y - x
        across, down = (
            difference.diff(dim=-1).abs() * weight[..., 1:],
            difference.diff(dim=-2).abs() * weight[..., 1:, :],
        )
        squares = difference.square()
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        kl = (mean.square() + logvar.exp() - logvar - 1).mean()
        error = (weight * (difference.abs() + 2 * squares)).mean() + across.mean() + down.mean()
        return error + 1e-4 * kl, squares.detach().mean()

    if args.compile:
        likeness = torch.compile(likeness)

    def loss_of(step: int) -> tuple[Tensor, str]:
        rng = np.random.default_rng([run.seed, 1, step, run.rank])
        while len(pool) < args.vae_pool // run.processes:
            scene, (width, height) = scene_of(run.seed, 20_000_000 + len(pool) * run.processes + run.rank)
            pool.append((to_tensor(render(scene, width, height)) * 127.5 + 127.5).byte())
        crops = []
        for number in rng.integers(len(pool), size=each):
            picture = pool[number]
            tops = rng.integers(picture.shape[1] - crop + 1, size=TRIES)
            lefts = rng.integers(picture.shape[2] - crop + 1, size=TRIES)
            pieces = [picture[:, y : y + crop, x : x + crop] for y, x in zip(tops, lefts, strict=True)]
            piece = max(pieces, key=lambda piece: float(_edges(piece[None].float() / 127.5).sum()))
            crops.append(piece.flip(2) if rng.random() < 0.5 else piece)
        x = (torch.stack(crops).float() / 127.5 - 1).to(run.device)
        near = F.max_pool2d(_edges(x), 9, stride=1, padding=4)
        x, weight = x[:, :, None], (1 + args.edge_weight * near)[:, :, None]
        weight = weight / weight.mean()
        loss, squares = likeness(x, weight)
        return loss, f"loss {loss.item():.4f} psnr {10 * math.log10(4 / squares.item()):.2f}"

    return train(
        run, "vae", vae, args.vae_steps, args.vae_rate, loss_of, ema=0.998,
        grid=lambda model: f"psnr {psnr(model, run):.2f} dB", every=args.every, hold=0.2,
    )  # fmt: skip


# --- stage 2: latents -----------------------------------------------------------------------------------------------

CHUNK = 25


def latents_folder(run: Run) -> Path:
    """Where the encoded scenes are kept. Ends the run where they are not those that it would draw."""
    folder, scenes = run.folder / "latents", repr([scene_of(run.seed, index) for index in range(100)])
    mark, present = folder / "of", f"{run.seed} {hashlib.sha256(scenes.encode()).hexdigest()}\n"
    if run.leads and not mark.exists():
        folder.mkdir(exist_ok=True)
        mark.write_text(present)
    run.meet()
    if (kept := mark.read_text()) != present:
        raise SystemExit(
            f"The latents in {folder} show scenes of seed {kept.split()[0]}, not what seed {run.seed} draws today. "
            "Delete them, and they are made anew."
        )
    return folder


def encode_scenes(run: Run, args: argparse.Namespace) -> bool:
    """Draws and encodes the scenes, CHUNK to a file: latents (C, h, w) and what covers each token."""
    vae: Any = vae_so_far(run)
    folder = latents_folder(run)
    for chunk in range(run.rank, args.scenes // CHUNK, run.processes):
        file = folder / f"{chunk:05d}.pt"
        if file.exists():
            continue
        if time.monotonic() > run.ends_at:
            break
        rows = []
        with torch.no_grad():
            for index in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                scene, (width, height) = scene_of(run.seed, index)
                pixels, cover = render_with_cover(scene, width, height)
                with torch.autocast(run.device.type, torch.bfloat16, enabled=run.bfloat16):
                    latent = vae.encode(to_tensor(pixels)[None, :, None].to(run.device)).latent_dist.mode()[0, :, 0]
                rows.append((index, latent.half().cpu(), _token_cover(cover)))
        part = file.with_suffix(".part")
        torch.save(rows, part)
        part.replace(file)
        run.say(f"latents {chunk + 1} of {args.scenes // CHUNK} files")
    run.meet()
    return all((folder / f"{chunk:05d}.pt").exists() for chunk in range(args.scenes // CHUNK))


def _token_cover(cover: np.ndarray) -> Tensor:
    """(H, W) → (h, w): the thing that covers a quarter of a token's 16 × 16 pixels or more, -1 where none does."""
    height, width = cover.shape
    tiles = (
        cover.reshape(height // 16, 16, width // 16, 16).transpose(0, 2, 1, 3).reshape(height // 16, width // 16, -1)
    )
    best = np.full(tiles.shape[:2], -1, dtype=np.int8)
    most = np.full(tiles.shape[:2], 64)
    for index in range(int(cover.max()) + 1):
        count = (tiles == index).sum(axis=2)
        best[count >= most] = index
        most = np.maximum(most, count)
    return torch.from_numpy(best)


@dataclass
class Encoded:
    """Every encoded scene of one size."""

    indices: list[int]
    latents: Tensor  #: (n, C, h, w), normalised, float16
    cover: Tensor  #: (n, h, w), int8


def load_latents(run: Run, args: argparse.Namespace) -> tuple[dict[tuple[int, int], Encoded], Tensor, Tensor]:
    """The encoded scenes by (h, w), and the mean and standard deviation of the latents' channels."""
    rows: dict[tuple[int, int], list[Any]] = {}
    folder = latents_folder(run)
    for chunk in range(args.scenes // CHUNK):
        for row in torch.load(folder / f"{chunk:05d}.pt", weights_only=True):
            rows.setdefault(tuple(row[1].shape[1:]), []).append(row)
    some = torch.cat([row[1].float().flatten(1) for each in rows.values() for row in each[:400]], dim=1)
    mean, std = some.mean(dim=1), some.std(dim=1)
    if args.keep_latents and run.start_from:
        config = _exported_vae(run.start_from).config
        mean, std = torch.tensor(config.latents_mean), torch.tensor(config.latents_std)
    return (
        {
            shape: Encoded(
                [row[0] for row in each],
                ((torch.stack([row[1] for row in each]).float() - mean[:, None, None]) / std[:, None, None]).half(),
                torch.stack([row[2] for row in each]),
            )
            for shape, each in rows.items()
        },
        mean,
        std,
    )


# --- stages 3 and 4: reading and painting ---------------------------------------------------------------------------


class Painter(nn.Module):
    """Text encoder and transformer, with the heads that only training needs."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.text_encoder = new_text_encoder(vocabulary)
        self.transformer = new_transformer()
        self.reading_head = nn.Linear(128, sum(label_sizes()))
        self.seeing_head = nn.Linear(192, 2 + len(world().things) + len(world().colours))

    def read(self, ids: Tensor, mask: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Every layer's hidden states (B, T, 128), and the reading head's answer at the last token (B, labels)."""
        layers = self.text_encoder.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        last = layers[-1][torch.arange(len(ids)), mask.sum(dim=1) - 1]
        return layers, self.reading_head(last)

    def forward(
        self, layers: tuple[Tensor, ...], mask: Tensor, x: Tensor, t: Tensor, image_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Velocity (B, N, C) of the tokens ``x`` at time ``t`` (0 to 1), and what the seeing head sees in each."""
        blocks = len(self.transformer.transformer_blocks) + len(self.transformer.single_transformer_blocks)
        per_block = (list(layers) + [layers[-1]] * blocks)[:blocks]
        keys = torch.cat([mask.bool(), torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)], dim=1)
        seen: list[Tensor] = []
        hook = self.transformer.single_transformer_blocks[2].register_forward_hook(
            lambda _module, _inputs, output: seen.append(output[:, mask.shape[1] :])
        )
        velocity = self.transformer(
            hidden_states=x, timestep=t * 1000, encoder_hidden_states=torch.cat([layers[-1], layers[-2]], dim=-1),
            text_encoder_layers=per_block, txt_ids=torch.zeros(mask.shape[1], 3, device=x.device), img_ids=image_ids,
            joint_attention_kwargs={"attention_mask": keys[:, None, None, :]}, return_dict=False,
        )[0]  # fmt: skip
        hook.remove()
        return velocity, self.seeing_head(seen[0])


def painter_so_far(run: Run, tokenizer: Any) -> Painter:
    """Text encoder and transformer: with the weights to begin with, if any, and what the stage `text` has learned."""
    painter = Painter(len(tokenizer))
    if run.start_from:
        from diffusers import BriaFiboTransformer2DModel
        from transformers import SmolLM3ForCausalLM

        transformer = BriaFiboTransformer2DModel.from_pretrained(run.start_from, subfolder="transformer")
        painter.transformer.load_state_dict(transformer.state_dict())
        reader = SmolLM3ForCausalLM.from_pretrained(run.start_from, subfolder="text_encoder", dtype=torch.float32)
        if run.new_tokenizer:
            _inherit_embeddings(reader, tokenizer, tokenizer_from(run.start_from / "tokenizer" / "tokenizer.json"))
        painter.text_encoder.load_state_dict(reader.state_dict())
    file = run.folder / "text.pt"
    if file.exists():
        saved = torch.load(file, map_location="cpu", weights_only=True)["averaged"]
        painter.load_state_dict(saved, strict=False)
    return painter.to(run.device)


def _inherit_embeddings(reader: Any, tokenizer: Any, before: Any) -> None:
    """Each token of a new tokenizer begins as the mean of what its text was to the tokenizer before."""
    old = reader.get_input_embeddings().weight.detach().clone()
    reader.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    new = reader.get_input_embeddings().weight.data
    for token in range(len(tokenizer)):
        if token not in tokenizer.all_special_ids:
            new[token] = old[before(tokenizer.decode([token]), add_special_tokens=False).input_ids].mean(dim=0)


def load_tokenizer(run: Run) -> Any:
    """The tokenizer; where there is none yet, that of the weights to begin with, else one that is trained first."""
    file = run.folder / "tokenizer.json"
    if run.leads and not file.exists() and run.start_from and not run.new_tokenizer:
        shutil.copyfile(run.start_from / "tokenizer" / "tokenizer.json", file)
    elif run.leads and not file.exists():
        rng = np.random.default_rng([run.seed, 2])
        train_tokenizer((caption(draw_scene(rng), rng) for _ in range(run.captions)), file)
    run.meet()
    return tokenizer_from(file)


def tokenizer_from(file: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(file), bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", padding_side="right",
        model_max_length=3000,
    )  # fmt: skip


def reading_loss(answer: Tensor, labels: Tensor) -> tuple[Tensor, float]:
    """Mean cross-entropy over the labels, and the share of them that is right."""
    losses, right = [], 0.0
    for part, label in zip(answer.split(label_sizes(), dim=1), labels.T, strict=True):
        losses.append(F.cross_entropy(part, label))
        right += float((part.argmax(dim=1) == label).float().mean())
    return torch.stack(losses).sum() / 10, right / len(losses)


def tokens(tokenizer: Any, texts: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    batch = tokenizer(  # of few lengths: the processor's programs for a shape are made once
        texts, padding=True, pad_to_multiple_of=32, truncation=True, max_length=2016, return_tensors="pt"
    )
    return batch.input_ids.to(device), batch.attention_mask.to(device)


def train_text(run: Run, args: argparse.Namespace) -> bool:
    tokenizer = load_tokenizer(run)
    painter = painter_so_far(run, tokenizer)
    reader = nn.ModuleDict({"text_encoder": painter.text_encoder, "reading_head": painter.reading_head})
    each = args.text_batch // run.processes

    disputes = POOL // 4
    size = POOL + disputes + POOL // LONG

    def pool(number: int) -> list[list[Captioned]]:
        rng = np.random.default_rng([run.seed, 3, number, run.rank])
        scenes = [(None, draw_scene(rng)) for _ in range(each * size)]
        if number * size < args.dispute_steps:
            return in_dispute(scenes, each, rng)
        batches = [
            *by_length(scenes[: each * POOL], each, rng),
            *in_dispute(scenes[each * POOL : each * (POOL + disputes)], each, rng),
            *at_length(scenes[: each * POOL], each, rng),
        ]
        return [batches[i] for i in np.random.default_rng([run.seed, 3, number]).permutation(size)]

    batch = one_by_one(pool, size)

    def loss_of(step: int) -> tuple[Tensor, str]:
        _, scenes, texts = zip(*batch(step), strict=True)
        ids, mask = tokens(tokenizer, list(texts), run.device)
        labels = torch.stack([labels_of(scene) for scene in scenes]).to(run.device)
        with torch.autocast(run.device.type, torch.bfloat16, enabled=run.bfloat16):
            answer = painter.read(ids, mask)[1]
        loss, right = reading_loss(answer.float(), labels)
        return loss, f"loss {loss.item():.3f} right {right:.3f} tokens {ids.shape[1]}"

    return train(run, "text", reader, args.text_steps, args.text_rate, loss_of, ema=0.995, every=args.every, hold=0.4)


def train_flow(run: Run, args: argparse.Namespace) -> bool:
    tokenizer = load_tokenizer(run)
    painter = painter_so_far(run, tokenizer)
    if args.compile:
        for block in (*painter.transformer.transformer_blocks, *painter.transformer.single_transformer_blocks):
            block.compile(dynamic=True)
    encoded, mean, std = load_latents(run, args)
    total = sum(len(data.indices) for data in encoded.values())
    shares = {shape: max(1, round(POOL * len(data.indices) / total)) for shape, data in encoded.items()}
    each = args.batch // run.processes
    things, colours = list(world().things), list(world().colours)

    def pool(number: int) -> list[list[Captioned]]:
        """Batches of one size each; every process draws as many of each size, and of like length at the same time."""
        rng = np.random.default_rng([run.seed, 4, number, run.rank])
        batches = []
        for shape, data in encoded.items():
            rows = rng.integers(len(data.indices), size=each * shares[shape])
            scenes = [((shape, row), scene_of(run.seed, data.indices[row])[0]) for row in rows]
            batches += by_length(scenes, each, rng)
            batches += at_length(scenes, each, rng)
        return [batches[i] for i in np.random.default_rng([run.seed, 4, number]).permutation(len(batches))]

    batch = one_by_one(pool, sum(share + max(1, share // LONG) for share in shares.values()))

    def loss_of(step: int) -> tuple[Tensor, str]:
        places, scenes, texts = zip(*batch(step), strict=True)
        data = encoded[places[0][0]]
        rows = np.array([row for _, row in places])
        height, width = data.latents.shape[2:]
        picked = torch.from_numpy(rows)
        x0 = data.latents[picked].float().flatten(2).transpose(1, 2).to(run.device)  # (B, N, C)
        cover = data.cover[picked].flatten(1).long().to(run.device)
        ids = torch.zeros(height, width, 3)
        ids[..., 1], ids[..., 2] = torch.arange(height)[:, None], torch.arange(width)[None, :]
        ids = ids.view(-1, 3).to(run.device)
        if step < args.flow_steps * args.drop_until:  # half of the tokens: twice as fast, and nearly as good
            kept = torch.randperm(x0.shape[1])[: x0.shape[1] // 2].sort().values
            x0, cover, ids = x0[:, kept], cover[:, kept], ids[kept]
        noise = torch.randn_like(x0)
        u = torch.sigmoid(1.1 * torch.randn(len(x0), device=run.device))
        t = (2 * u / (1 + u))[:, None, None]  # the scheduler's shift at 256 tokens
        told = torch.rand(len(x0), device=run.device) >= 0.1
        told[0] = True
        texts = [text if known else EMPTY for text, known in zip(texts, told, strict=True)]
        text_ids, mask = tokens(tokenizer, texts, run.device)
        with torch.autocast(run.device.type, torch.bfloat16, enabled=run.bfloat16):
            layers, answer = painter.read(text_ids, mask)
            velocity, seen = painter(layers, mask, t * noise + (1 - t) * x0, t[:, 0, 0], ids)
        weight = 1 + args.object_weight * (cover >= 0).float()
        error = (velocity.float() - (noise - x0)).square().mean(dim=2)
        flow = (error * weight).sum() / weight.sum()
        kinds = torch.zeros_like(cover)
        paints = torch.zeros_like(cover)
        for row, scene in enumerate(scenes):
            for index, thing in enumerate(scene.things):
                kinds[row][cover[row] == index] = 1 + things.index(thing.kind)
                paints[row][cover[row] == index] = 1 + colours.index(thing.colour)
        kind_answer, paint_answer = seen.float().split([1 + len(things), 1 + len(colours)], dim=2)
        seeing = F.cross_entropy(kind_answer[told].flatten(0, 1), kinds[told].flatten()) + F.cross_entropy(
            paint_answer[told].flatten(0, 1), paints[told].flatten()
        )
        labels = torch.stack([labels_of(scene) for scene in scenes]).to(run.device)
        reading, right = reading_loss(answer[told].float(), labels[told])
        loss = flow + args.seeing_weight * seeing + 0.02 * reading
        on_things = float(error.detach()[cover >= 0].mean())
        return loss, f"flow {flow.item():.3f} things {on_things:.3f} seen {seeing.item():.3f} read {right:.3f}"

    def grid(model: nn.Module) -> str:
        export(run, model, mean, std)
        return f"grid {sample_grid(run)}"

    return train(
        run, "flow", painter, args.flow_steps, args.flow_rate, loss_of, ema=0.998, grid=grid, every=args.every,
        hold=args.hold,
    )  # fmt: skip


# --- export and samples ---------------------------------------------------------------------------------------------


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
            describe(scene, rng).canonical(), negative_prompt=EMPTY, width=256, height=256, num_inference_steps=20,
            guidance_scale=CATALOGUE["mini"].guidance_scale, generator=torch.Generator().manual_seed(number),
        ).images[0]  # fmt: skip
        left, top = number % columns * 260, number // columns * 520
        grid.paste(render(scene), (left, top))
        grid.paste(painted, (left, top + 260))
    folder = run.folder / "grids"
    folder.mkdir(exist_ok=True)
    file = folder / f"{int(time.time())}.png"
    grid.save(file)
    return file.name


# --- the command ----------------------------------------------------------------------------------------------------

STAGES: dict[str, Callable[[Run, argparse.Namespace], bool]] = {
    "vae": train_vae,
    "latents": encode_scenes,
    "text": train_text,
    "flow": train_flow,
}


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of a run."""
    if args.processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{args.meeting}", rank=rank, world_size=args.processes)
    torch.set_num_threads(max(1, args.threads // args.processes))
    if args.compile:  # each process has a cache of its own: two that write one file at once spoil it
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(args.folder / "compiled" / str(rank))
    run = Run(
        args.folder, args.seed, torch.device(args.device), rank, args.processes, args.ends_at, args.captions,
        args.start_from, args.new_tokenizer, args.bfloat16, args.samples,
    )  # fmt: skip
    see_one_frame()
    if args.device == "cpu" and args.bfloat16:
        F.scaled_dot_product_attention = attend
    for name in args.stages:
        torch.manual_seed(args.seed)
        run.say(f"stage {name}")
        if not STAGES[name](run, args):
            return
    run.say("done")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("training/mini"))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long, ready to go on")
    parser.add_argument("--start-from", type=Path, help="begin with these exported weights instead of with noise")
    parser.add_argument("--new-tokenizer", action="store_true", help="with --start-from: learn a new one all the same")
    parser.add_argument("--seed", type=int, default=0)
    cuda = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument(
        "--bfloat16", action=argparse.BooleanOptionalAction, default=cuda,
        help="products in bfloat16: up to thrice as fast where a CPU has matrix units (AMX), far slower with AVX2",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=1 if cuda else min(2, os.cpu_count() or 1))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--samples", type=int, default=8, help="pictures in a row of a sample grid")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--vae-steps", type=int, default=10_000)
    parser.add_argument("--vae-rate", type=float, default=3e-3)
    parser.add_argument("--vae-batch", type=int, default=16)
    parser.add_argument(
        "--keep-latents",
        action="store_true",
        help="train the VAE's decoder alone: latents keep their meaning, for a transformer that knows them",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="steps of the VAE and the flow a quarter to a half shorter, after some minutes",
    )
    parser.add_argument("--edge-weight", type=float, default=4.0, help="of pixels near an edge, beyond that of others")
    parser.add_argument("--vae-pool", type=int, default=2_000, help="pictures whose crops the VAE sees")
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--captions", type=int, default=20_000, help="that the tokenizer learns from")
    parser.add_argument("--text-steps", type=int, default=4_000)
    parser.add_argument("--text-rate", type=float, default=3e-3)
    parser.add_argument("--text-batch", type=int, default=64)
    parser.add_argument(
        "--dispute-steps", type=int, default=0, help="of the text's steps, how many first read disputes alone"
    )
    parser.add_argument("--flow-steps", type=int, default=20_000)
    parser.add_argument("--flow-rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--hold", type=float, default=0.4, help="share of the flow's steps before its rate falls")
    parser.add_argument("--drop-until", type=float, default=0.65, help="share of the flow's steps with half the tokens")
    parser.add_argument("--object-weight", type=float, default=4.0)
    parser.add_argument("--seeing-weight", type=float, default=0.1)
    args = parser.parse_args()

    args.folder = args.folder.absolute()
    args.folder.mkdir(parents=True, exist_ok=True)
    args.ends_at = time.monotonic() + args.minutes * 60
    args.meeting = args.folder / f"meeting-{os.getpid()}"
    if args.processes > 1:
        args.meeting.unlink(missing_ok=True)  # of a run that was killed, under the same number
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # a way out on which daemons are ended too
        torch.multiprocessing.spawn(work, (args,), nprocs=args.processes, daemon=True)
        args.meeting.unlink(missing_ok=True)
    else:
        work(0, args)


if __name__ == "__main__":
    main()
