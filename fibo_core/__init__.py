"""FIBO Studio's library: structured prompts, the writers that make them, the engine that paints them, the history
that keeps them. It knows nothing of Streamlit or HTTP, and imports no torch until something is painted.
"""

__version__ = "0.1.0"

from fibo_core.engine.request import GenerationRequest, draw_seed, draw_seeds
from fibo_core.prompts.structured_prompt import Change, Hint, StructuredPrompt, diff

__all__ = [
    "Change",
    "GenerationRequest",
    "Hint",
    "StructuredPrompt",
    "__version__",
    "diff",
    "draw_seed",
    "draw_seeds",
]
