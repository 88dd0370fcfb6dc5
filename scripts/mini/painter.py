"""Stage 3, text: the text encoder learns to read. And the Painter, which stages 3 and 4 train.

From a caption's last token it tells what stands in which cell, the light, and so on.
"""

import argparse
import shutil
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fibo_core.models.mini.world import world
from scripts.mini.batches import (
    LONG,
    POOL,
    Captioned,
    at_length,
    by_length,
    caption,
    in_dispute,
    label_sizes,
    labels_of,
    one_by_one,
)
from scripts.mini.networks import new_text_encoder, new_transformer
from scripts.mini.run import Run, train
from scripts.mini.scenes import draw_scene
from scripts.mini.tokenizer import tokenizer_from, tokens, train_tokenizer


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


def reading_loss(answer: Tensor, labels: Tensor) -> tuple[Tensor, float]:
    """Mean cross-entropy over the labels, and the share of them that is right."""
    losses, right = [], 0.0
    for part, label in zip(answer.split(label_sizes(), dim=1), labels.T, strict=True):
        losses.append(F.cross_entropy(part, label))
        right += float((part.argmax(dim=1) == label).float().mean())
    return torch.stack(losses).sum() / 10, right / len(losses)


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
