"""Whatever holds a caption becomes a prompt: `mend` for texts and files, `mend_texts` for the texts of a picture."""

from fibo_core.prompts.mend.mend import (
    Mended,
    SeveralCaptions,
    decoded,
    holds_caption,
    mend,
    mend_document,
    mend_texts,
    require_said,
    says_something,
)
from fibo_core.prompts.mend.names import doubtful_keys, doubts
from fibo_core.prompts.mend.recipe import Recipe

__all__ = [
    "Mended",
    "Recipe",
    "SeveralCaptions",
    "decoded",
    "doubtful_keys",
    "doubts",
    "holds_caption",
    "mend",
    "mend_document",
    "mend_texts",
    "require_said",
    "says_something",
]
