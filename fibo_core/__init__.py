"""FIBO Studio's library: structured prompts, the writers that make them, the engine that paints them, the history
that keeps them. It knows nothing of Streamlit or HTTP, and imports no torch until something is painted.
"""

__version__ = "0.1.0"

from fibo_core.prompt import Change, Hint, StructuredPrompt, diff
from fibo_core.request import GenerationRequest, draw_seed, draw_seeds

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
