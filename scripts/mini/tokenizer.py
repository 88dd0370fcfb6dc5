"""The tokenizer: trained on captions, read from its file, and asked for a batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scripts.mini.networks import VOCABULARY


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


def tokenizer_from(file: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(file), bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", padding_side="right",
        model_max_length=3000,
    )  # fmt: skip


def tokens(tokenizer: Any, texts: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    batch = tokenizer(  # of few lengths: the processor's programs for a shape are made once
        texts, padding=True, pad_to_multiple_of=32, truncation=True, max_length=2016, return_tensors="pt"
    )
    return batch.input_ids.to(device), batch.attention_mask.to(device)
