"""Stage 4, flow: flow matching on the latents, the text encoder trained along."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fibo_core.models.mini.world import world
from scripts.mini.batches import LONG, POOL, Captioned, at_length, by_length, labels_of, one_by_one, scene_of
from scripts.mini.export import export, sample_grid
from scripts.mini.latents import load_latents
from scripts.mini.networks import EMPTY
from scripts.mini.painter import load_tokenizer, painter_so_far, reading_loss
from scripts.mini.run import Run, train
from scripts.mini.tokenizer import tokens


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
