"""A Qwen3-VL of random weights, 300,000 parameters, in the files of the real one: it knows nothing, and runs."""

import json
from pathlib import Path

TOKENS = 700
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

#: How a picture is cut into tokens; the real one says the same, and more.
PICTURE_FORMAT = {
    "image_processor_type": "Qwen2VLImageProcessorFast",
    "size": {"shortest_edge": 65536, "longest_edge": 16777216},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def vlm_config(*, hidden: int, inner: int, layers: int, heads: int, kv_heads: int):
    """A small Qwen3-VL of the real one's parts; its special tokens are the first ones."""
    from transformers import Qwen3VLConfig

    token = {word: index for index, word in enumerate(SPECIAL)}
    return Qwen3VLConfig(
        text_config={
            "vocab_size": TOKENS,
            "hidden_size": hidden,
            "intermediate_size": inner,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "out_hidden_size": hidden,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=token["<|image_pad|>"],
        video_token_id=token["<|video_pad|>"],
        vision_start_token_id=token["<|vision_start|>"],
        vision_end_token_id=token["<|vision_end|>"],
    )


def make_tiny_vlm(folder: Path, lessons: list[str], seed: int = 0) -> Path:
    """Writes model, tokenizer (learnt from ``lessons``) and picture format into ``folder``."""
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(lessons)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = vlm_config(hidden=64, inner=96, layers=2, heads=4, kv_heads=2)
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    _like_quotes(model, [index for word, index in tokenizer.get_vocab().items() if '"' in word])
    token = tokenizer.token_to_id
    model.generation_config.eos_token_id = [token("<|im_end|>"), token("<|endoftext|>")]
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PICTURE_FORMAT))
    return folder


def _like_quotes(model, quotes: list[int]) -> None:
    """Makes the tokens that end a text likelier, so that an answer takes some hundred tokens and not thousands.

    One number is the same in every embedding, and through it the last layer has a bias for each token.
    """
    import torch

    with torch.no_grad():
        model.model.language_model.embed_tokens.weight[:, 0] = 1.0
        model.lm_head.weight[:, 0] = 0.0
        model.lm_head.weight[quotes, 0] = 0.09


def make_tokenizer(lessons: list[str]):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS - 20,  # as in the real one the model has rows that no token uses
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lessons, trainer)
    return tokenizer
