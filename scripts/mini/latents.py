"""Stage 2, latents: scenes are drawn and encoded once."""

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scripts.mini.batches import scene_of, to_tensor
from scripts.mini.drawing import render_with_cover
from scripts.mini.run import Run
from scripts.mini.vae import exported_vae, vae_so_far

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
        config = exported_vae(run.start_from).config
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
