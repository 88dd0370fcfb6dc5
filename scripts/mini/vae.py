"""Stage 1, vae: pictures ⇄ latents. L1, squared error, gradients, a little KL, on crops; most near edges."""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scripts.mini.batches import scene_of, to_tensor
from scripts.mini.drawing import render
from scripts.mini.networks import new_vae
from scripts.mini.run import Run, train


def vae_so_far(run: Run) -> nn.Module:
    """The VAE with its averaged weights, else with those to begin with. Ends the run where there are neither."""
    vae: Any = new_vae()
    file = run.folder / "vae.pt"
    if file.exists():
        vae.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["averaged"])
    elif run.start_from:
        vae.load_state_dict(exported_vae(run.start_from).state_dict())
    else:
        raise SystemExit(f"There is no VAE in {run.folder}. Run the stage vae first, or name weights by --start-from.")
    return vae.to(run.device).eval()


def exported_vae(weights: Path) -> Any:
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
