"""What the stages learn from: scenes by their number, captions in batches of like length, labels."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fibo_core.models.catalogue import MINI_SIZES
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.offline import OfflineWriter
from scripts.mini.captions import before, describe, describe_at_length, describe_in_dispute, edited, sentence
from scripts.mini.scenes import Scene, draw_scene

SIZES = tuple(MINI_SIZES.values())  # width, height
SHARE_OF_SIZES = (0.52, 0.12, 0.12, 0.12, 0.12)
#: What a batch is made of: where its latents are kept, the scene, its caption.
Captioned = tuple[Any, Scene, str]
POOL = 48  #: batches that are drawn together and sorted by the length of their captions
LONG = 12  #: for so many batches of a shape there is one, at least one, smaller, of captions as long as FIBO's own


def scene_of(seed: int, index: int) -> tuple[Scene, tuple[int, int]]:
    """The scene of this number, and its width and height; the same for every run of a seed."""
    rng = np.random.default_rng([seed, index])
    return draw_scene(rng), SIZES[int(rng.choice(len(SIZES), p=SHARE_OF_SIZES))]


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """The scene as a prompt, canonical text: mostly `describe`, else the offline writer's prompt for a sentence.

    Of that, too, a field may have been edited since. A few are disputes.
    """
    if rng.random() < 0.08:
        return describe_in_dispute(scene, rng).canonical()
    if scene.camera == "eye" and scene.focus == "deep" and rng.random() < 0.5:  # of the others a sentence is silent
        told = before(scene, rng)
        document = OfflineWriter().expand(sentence(told)).prompt.document
        return StructuredPrompt.from_dict(edited(document, told, scene, rng)).canonical()
    return describe(scene, rng).canonical()


def by_length(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """Batches of ``each`` captioned scenes, the shortest captions in the first: no long one pads the short ones."""
    captioned = [(row, scene, caption(scene, rng)) for row, scene in scenes]
    captioned.sort(key=lambda entry: len(entry[2]))
    return [captioned[start : start + each] for start in range(0, len(captioned), each)]


def at_length(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """For every LONG batches that ``scenes`` would fill, one of a fifth of the size: captions as long as FIBO's own."""
    small = max(1, each // 5)
    some = scenes[: small * max(1, len(scenes) // each // LONG)]
    captioned = [(row, scene, describe_at_length(scene, rng).canonical()) for row, scene in some]
    return [captioned[start : start + small] for start in range(0, len(captioned), small)]


def in_dispute(scenes: list[tuple[Any, Scene]], each: int, rng: np.random.Generator) -> list[list[Captioned]]:
    """Batches of captions that are short and contradict themselves."""
    captioned = [(row, scene, describe_in_dispute(scene, rng).canonical()) for row, scene in scenes]
    return [captioned[start : start + each] for start in range(0, len(captioned), each)]


def one_by_one(pool: Callable[[int], list[list[Captioned]]], size: int) -> Callable[[int], list[Captioned]]:
    """The batch of a step, out of pools of ``size`` batches, each made when its first batch is asked for."""
    kept = functools.lru_cache(maxsize=1)(pool)
    return lambda step: kept(step // size)[step % size]


def to_tensor(picture: Any) -> Tensor:
    """A picture (H, W, 3) of bytes as (3, H, W), from -1 to 1."""
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 127.5 - 1


def labels_of(scene: Scene) -> Tensor:
    """What a caption's reader shall know, as class numbers: for each of 9 cells thing, colour, size (0: nothing)."""
    w, cells = world(), [[0, 0, 0] for _ in range(9)]
    for thing in scene.things:
        column, row = w.cells[thing.place]
        cells[row * 3 + column] = [
            1 + list(group).index(value)
            for group, value in ((w.things, thing.kind), (w.colours, thing.colour), (w.sizes, thing.size))
        ]
    whole = [
        list(group).index(value)
        for group, value in (
            (w.backgrounds, scene.background), (w.walls, scene.wall), (w.lights, scene.light),
            (["", *w.directions], scene.direction), (w.media, scene.medium), (w.cameras, scene.camera),
            (w.focus, scene.focus),
        )
    ]  # fmt: skip
    return torch.tensor([value for cell in cells for value in cell] + whole)


def label_sizes() -> list[int]:
    w = world()
    cell = [1 + len(w.things), 1 + len(w.colours), 1 + len(w.sizes)]
    groups = (w.backgrounds, w.walls, w.lights, ["", *w.directions], w.media, w.cameras, w.focus)
    return cell * 9 + [len(group) for group in groups]
