"""A judge of mini's pictures: three small networks that learn from the renderer's pictures what stands where.

They never saw a painted picture, and are themselves examined on renders they never saw; `mini_eval.py` prints that
first, since no painted picture can be judged better than a drawn one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from fibo_core.models.catalogue import MINI_SIZES
from fibo_core.models.mini.world import world
from scripts.mini.drawing import render
from scripts.mini.scenes import Scene, Thing, draw_scene

SEED = 77  # of the judge's own scenes: neither the trainer's nor the evaluation's
WINDOW, EDGE = 150, 80  # pixels of a 256² picture around a cell's middle, and what they are made to
NEAR = 96  # pixels, seen as they are: a pencil's line and a wash's rim are one or two of them wide
WHOLE = 96
SHAPES, SHARES = tuple(MINI_SIZES.values()), (0.6, 0.1, 0.1, 0.1, 0.1)  # the square first
NOTHING = "nothing"
LOOKERS = ("_cells", "_near", "_whole")  # what a judge looks with


@dataclass(frozen=True)
class Seen:
    """What the judge sees in a cell; ``kind`` is NOTHING where no thing stands there."""

    kind: str
    colour: str
    size: str


@dataclass(frozen=True)
class Verdict:
    """What the judge sees in a picture."""

    cells: dict[str, Seen]  #: by place
    background: str
    light: str
    medium: str


def _cell_names() -> list[list[str]]:
    w = world()
    return [[NOTHING, *w.things], [NOTHING, *w.colours], [NOTHING, *w.sizes]]


def _whole_names() -> list[list[str]]:
    w = world()
    return [list(w.backgrounds), list(w.lights), list(w.media)]


class _Looker(nn.Module):
    """(B, 3, H, W) from 0 to 1 → one answer (B, n) for each list of names."""

    def __init__(self, names: list[list[str]]) -> None:
        super().__init__()
        self.sizes = [len(each) for each in names]
        widths = (3, 32, 64, 96, 128)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(5), nn.Flatten(), nn.Dropout(0.1))
        self.answer = nn.Linear(128 * 25, sum(self.sizes))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return self.answer(self.layers(pixels * 2 - 1)).split(self.sizes, dim=1)


def _pixels(picture: Image.Image, edge: int) -> Tensor:
    """(3, edge, edge), from 0 to 1."""
    small = picture.convert("RGB").resize((edge, edge), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255


def _window(picture: Image.Image, place: str, window: int = WINDOW, edge: int = EDGE) -> Tensor:
    """What the judge looks at for a place: a square around the cell's middle, its outside as the nearest edge."""
    width, height = picture.size
    column, row = world().cells[place]
    half = round(window / 256 * (width * height) ** 0.5 / 2)
    padded = np.pad(np.asarray(picture.convert("RGB")), ((half, half), (half, half), (0, 0)), mode="edge")
    x, y = round((column + 0.5) / 3 * width), round((row + 0.5) / 3 * height)
    return _pixels(Image.fromarray(padded[y : y + 2 * half, x : x + 2 * half]), edge)


class Judge:
    """Says what a picture shows. Made by `learned`."""

    def __init__(self) -> None:
        self._cells, self._near, self._whole = (
            _Looker(names) for names in (_cell_names(), [list(world().media)], _whole_names())
        )

    @classmethod
    def learned(cls, file: Path, scenes: int = 10_000) -> "Judge":
        """The judge kept in ``file``, or one that learns now (three quarters of an hour on one core) and is kept there.

        Ends the program where the file holds a judge of other layers or of pictures that were drawn otherwise.
        """
        judge = cls()
        if file.exists():
            saved = torch.load(file, weights_only=True)
            try:
                for name in LOOKERS:
                    getattr(judge, name).load_state_dict(saved[name])
                if saved["learned_from"] != _drawn_today():
                    raise KeyError("learned_from")
            except (RuntimeError, KeyError):
                raise SystemExit(f"The judge in {file} is not today's. Delete it, and another learns.") from None
        else:
            judge._learn_from_renders(scenes)
            file.parent.mkdir(parents=True, exist_ok=True)
            states = {name: getattr(judge, name).state_dict() for name in LOOKERS}
            torch.save(states | {"learned_from": _drawn_today()}, file)
        for looker in (judge._cells, judge._near, judge._whole):
            looker.eval()
        return judge

    def _learn_from_renders(self, scenes: int) -> None:
        torch.manual_seed(SEED)
        rng = np.random.default_rng(SEED)
        windows, labels, nears, media, pictures, wholes = [], [], [], [], [], []
        for _ in range(scenes):
            scene = draw_scene(rng)
            picture = render(scene, *SHAPES[int(rng.choice(len(SHAPES), p=SHARES))])
            standing = {thing.place: thing for thing in scene.things}
            empty = [place for place in world().places if place not in standing]
            for place in [*standing, *rng.choice(empty, 2, replace=False)]:
                windows.append((_window(picture, str(place)) * 255).byte())
                labels.append(_cell_label(standing.get(str(place))))
            nears.append((_window(picture, scene.things[0].place, NEAR, NEAR) * 255).byte())
            media.append([list(world().media).index(scene.medium)])
            pictures.append((_pixels(picture, WHOLE) * 255).byte())
            wholes.append(_whole_label(scene))
        _learn(self._cells, torch.stack(windows), torch.tensor(labels), epochs=8)
        _learn(self._near, torch.stack(nears), torch.tensor(media), epochs=8)
        _learn(self._whole, torch.stack(pictures), torch.tensor(wholes), epochs=8)

    @torch.no_grad()
    def look(self, picture: Image.Image) -> Verdict:
        """What stands in each cell of a picture of any shape, and what the whole of it is."""
        places = list(world().places)
        answers = _both_ways(self._cells, torch.stack([_window(picture, place) for place in places]))
        best = [answer.argmax(dim=1).tolist() for answer in answers]
        names = _cell_names()
        cells = {
            place: Seen(*(name[part[row]] for name, part in zip(names, best, strict=True)))
            for row, place in enumerate(places)
        }
        things = [place for place in places if cells[place].kind != NOTHING] or places
        (near,) = _both_ways(self._near, torch.stack([_window(picture, place, NEAR, NEAR) for place in things]))
        background, light, medium = _both_ways(self._whole, _pixels(picture, WHOLE)[None])
        medium = medium + near.mean(dim=0)  # seen from afar and from near
        return Verdict(
            cells,
            *(
                names[int(answer.argmax())]
                for names, answer in zip(_whole_names(), (background, light, medium), strict=True)
            ),
        )


def _drawn_today() -> str:
    """Tells the renderer and the world from what they were before: a hash of some pictures and their answers."""
    rng, seen = np.random.default_rng(SEED), hashlib.sha256(repr((_cell_names(), _whole_names())).encode())
    for _ in range(20):
        seen.update(render(draw_scene(rng)).tobytes())
    return seen.hexdigest()


def _both_ways(looker: _Looker, pixels: Tensor) -> list[Tensor]:
    """Each answer's log-probabilities (B, n): the mean of what is seen and of what is seen in a mirror."""
    seen, mirrored = looker(pixels), looker(pixels.flip(-1))
    return [(a.log_softmax(dim=1) + b.log_softmax(dim=1)) / 2 for a, b in zip(seen, mirrored, strict=True)]


def _cell_label(thing: Thing | None) -> list[int]:
    if thing is None:
        return [0, 0, 0]
    parts = (thing.kind, thing.colour, thing.size)
    return [names.index(part) for names, part in zip(_cell_names(), parts, strict=True)]


def _whole_label(scene: Scene) -> list[int]:
    parts = (scene.background, scene.light, scene.medium)
    return [names.index(part) for names, part in zip(_whole_names(), parts, strict=True)]


def _learn(looker: _Looker, pixels: Tensor, labels: Tensor, epochs: int, batch: int = 64) -> None:
    steps = epochs * (len(pixels) // batch)
    optimizer: Any = torch.optim.AdamW(looker.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule: Any = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for rows in _batches(len(pixels), batch, steps):
        x = pixels[rows].float() / 255
        if torch.rand(()) < 0.5:
            x = x.flip(-1)  # a mirrored scene is a scene, and its answers are the same
        x = (x + 0.02 * torch.randn_like(x)).clamp(0, 1)  # painted pictures are not as clean as drawn ones
        if torch.rand(()) < 0.5:
            x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)  # nor as sharp
        answers = looker(x)
        loss = torch.stack([F.cross_entropy(a, y) for a, y in zip(answers, labels[rows].T, strict=True)]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _batches(count: int, batch: int, steps: int) -> Iterator[Tensor]:
    order = torch.randperm(count)
    place = 0
    for _ in range(steps):
        if place + batch > count:
            order, place = torch.randperm(count), 0
        yield order[place : place + batch]
        place += batch
