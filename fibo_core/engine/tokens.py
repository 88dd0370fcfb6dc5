"""Models' own tokenizers, read once each, without torch: pages count tokens while somebody types."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@lru_cache(maxsize=8)
def tokenizer_of(file: Path) -> "Tokenizer":
    """The tokenizer of a tokenizer.json, its beginning-of-text token included."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    return tokenizer
