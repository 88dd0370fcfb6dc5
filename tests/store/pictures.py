"""Requests and pictures to store; second processes import this too."""

import shutil
from pathlib import Path

from PIL import Image

from fibo_core.engine import RenderedImage
from fibo_core.engine.request import GenerationRequest
from fibo_core.prompts.structured_prompt import StructuredPrompt


def request_of(text: str = "a red ball", seed: int = 7, model: str = "mini") -> GenerationRequest:
    """What a picture of ``text`` is painted by."""
    prompt = StructuredPrompt.from_dict({"zoom": 1, "short_description": text, "lighting": {"shadows": "soft"}})
    return GenerationRequest(prompt, "blurry", seed, 64, 96, 5, 4.5, model, "r1", ("soft-light",))


def rendered(color: str = "red") -> RenderedImage:
    """A finished picture of one colour, as an engine hands it over."""
    return RenderedImage(Image.new("RGB", (64, 96), color), 1.25, "cpu", "float32", {"torch": "2.13"})


def fill(disk: Path, leave: int = 0) -> Path:
    """Fills a disk but for ``leave`` bytes; the file that does it, to be removed."""
    filler = disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - leave))
    return filler
