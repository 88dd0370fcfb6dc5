"""How local a change of one JSON path is: the same seed, one field changed, and what of the picture changes with it.

    PYTHONPATH=. python scripts/bench/locality.py [--model mini] [--scenes 10] [--steps 10]

Each scene has two things, and each field of its second one, or of the scene, is changed once. For the plain repaint
and behind a mask of that thing (before and after): which share of the pixels differ by more than 8 of 255 outside the
mask and inside, the median over scenes; in how many scenes at most 1 % outside do, and none, with Wilson's interval
(95 %). Of colours: ΔE00 (CIEDE2000) between the colour asked for and the nearest of the main colours inside (k-means in
CIELAB, five, those of a tenth of the mask and more). Then the seam of edits of colour and thing behind the mask, as the
mean step across the mask's edge over the source's own there; and what an edit costs over a plain picture, by the
processor (by the clock on a GPU), best of three.

Ready for any model of the catalogue that paints from a prompt: the scenes are of mini's words, which FIBO knows too.
Nothing is stored.
"""

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fibo_core.engine import RenderedImage
from fibo_core.engine.edits import Edit
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.masks import composed, moved_outside, read_mask
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.models.catalogue import find_model
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.store.images import png_bytes
from fibo_core.store.inputs import Inputs, kept_picture
from fibo_core.work.edit_ways import keep_mask, of_object, paint_edit
from fibo_core.work.tasks import EditTask, Painting
from fibo_core.writers.offline import OfflineWriter

Floats = NDArray[np.float64]

COLORS = ("green", "blue", "yellow", "purple", "orange", "white")
THINGS = ("box", "ball", "cup", "house", "star", "tree")
MOVED_BY = 8  #: of 255
LOCAL = 0.01  #: of the pixels outside
CLUSTERS, LEAST = 5, 0.1
Z = 1.96  #: of a 95 % interval


@dataclass(frozen=True)
class Scene:
    """Two things side by side, and what the second one is to become."""

    color: str
    thing: str
    next_color: str
    next_thing: str

    @property
    def words(self) -> str:
        return f"a red ball on the left and a {self.color} {self.thing} on the right"


@dataclass(frozen=True)
class Trial:
    """What one change did: shares of the pixels outside and inside the mask, plain and behind it."""

    outside: float
    inside: float
    masked_outside: float
    masked_inside: float
    way: str
    seam: float
    distance: float | None  #: ΔE00 of the colour asked for, behind the mask


def scenes(count: int) -> list[Scene]:
    """The same for every model: each colour and thing in turn."""
    return [
        Scene(
            COLORS[number % len(COLORS)],
            THINGS[number % len(THINGS)],
            COLORS[(number + 3) % len(COLORS)],
            THINGS[(number + 2) % len(THINGS)],
        )
        for number in range(count)
    ]


def changes(scene: Scene, prompt: StructuredPrompt) -> dict[str, StructuredPrompt]:
    """Each field's change. A colour or a thing is said anew as a writer does, in its object and in the short
    description; the others are one path."""
    return {
        "colour": written(replace(scene, color=scene.next_color)),
        "thing": written(replace(scene, thing=scene.next_thing)),
        "size": prompt.set("objects[1].relative_size", "large"),
        "place": prompt.set("objects[1].location", "bottom-right corner"),
        "light": prompt.set("lighting.conditions", "night"),
        "background": prompt.set("background_setting", "a green meadow under a blue sky"),
    }


def written(scene: Scene) -> StructuredPrompt:
    return OfflineWriter().expand(scene.words).prompt


def wilson(hits: int, of: int) -> str:
    """Hits as "7 of 10 (40 to 89 %)"."""
    share = hits / of
    middle = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2)) / (1 + Z**2 / of)
    return f"{hits} of {of} ({100 * max(middle - half, 0):.0f} to {100 * min(middle + half, 1):.0f} %)"


def moved(one: Image.Image, other: Image.Image) -> NDArray[np.bool_]:
    apart = np.abs(np.asarray(one, dtype=np.int16) - np.asarray(other, dtype=np.int16)).max(axis=2)
    beyond: NDArray[np.bool_] = apart > MOVED_BY
    return beyond


def seam(picture: Image.Image, mask: NDArray[np.bool_]) -> float:
    """The mean step between neighbours of which one lies inside the mask and one outside."""
    values = np.asarray(picture, dtype=np.float64)
    across = mask[:, 1:] != mask[:, :-1]
    down = mask[1:] != mask[:-1]
    steps = [
        np.abs(values[:, 1:] - values[:, :-1]).mean(axis=2)[across],
        np.abs(np.diff(values, axis=0)).mean(axis=2)[down],
    ]
    return float(np.concatenate(steps).mean())


def lab(rgb: Floats) -> Floats:
    """CIELAB (D65) of sRGB, 0 to 255: (N, 3)."""
    linear = rgb / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def delta_e00(one: Floats, other: Floats) -> float:
    """CIEDE2000 between two colours in CIELAB (Sharma, Wu, Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    d_l, d_c, d_h = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    cos = lambda degrees: math.cos(math.radians(degrees))  # noqa: E731
    t = 1 - 0.17 * cos(mean_h - 30) + 0.24 * cos(2 * mean_h) + 0.32 * cos(3 * mean_h + 6) - 0.2 * cos(4 * mean_h - 63)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / math.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    turned = 30 * math.exp(-(((mean_h - 275) / 25) ** 2))
    r_t = -2 * math.sqrt(mean_c**7 / (mean_c**7 + 25**7)) * math.sin(math.radians(2 * turned))
    return math.sqrt((d_l / s_l) ** 2 + (d_c / s_c) ** 2 + (d_h / s_h) ** 2 + r_t * d_c / s_c * d_h / s_h)


def main_colors(pixels: Floats) -> Iterator[Floats]:
    """The centres of k-means in CIELAB that have a share of the pixels; begun far from one another."""
    points = lab(pixels)
    centers = points[:1]
    while len(centers) < CLUSTERS:
        centers = np.vstack([centers, points[_far(points, centers).argmax()]])
    for _ in range(12):
        nearest = _squares(points, centers).argmin(axis=1)
        centers = np.stack(
            [
                points[nearest == number].mean(axis=0) if (nearest == number).any() else centers[number]
                for number in range(CLUSTERS)
            ]
        )
    nearest = _squares(points, centers).argmin(axis=1)
    return (centers[number] for number in range(CLUSTERS) if (nearest == number).mean() >= LEAST)


def _squares(points: Floats, centers: Floats) -> Floats:
    squares: Floats = ((points[:, None] - centers[None]) ** 2).sum(axis=2)
    return squares


def _far(points: Floats, centers: Floats) -> Floats:
    return _squares(points, centers).min(axis=1)


class Bench:
    """An engine, and where the pictures of its edits are kept meanwhile."""

    def __init__(self, model: str, steps: int, folder: Path) -> None:
        settings = Settings.from_environ()
        self.engine = FiboEngine(model, hub_cache=settings.hub_cache, pictures=partial(kept_picture, folder))
        self.inputs = Inputs(folder)
        spec = find_model(model)
        self.settings = RenderSettings.of(spec, aspect=next(iter(spec.shapes)), num_inference_steps=steps)
        self.revision = self.engine.revision(model)

    def request(self, prompt: StructuredPrompt, seed: int) -> GenerationRequest:
        return self.settings.request(prompt, seed, self.revision)

    def try_change(self, scene: Scene, prompt: StructuredPrompt, source: Image.Image, seed: int, name: str) -> Trial:
        changed = changes(scene, prompt)[name]
        plain = self.engine.render(self.request(changed, seed))
        mask = read_mask(of_object([prompt, changed], "objects[1]", source.size), source.size)
        task = EditTask(
            "", prompt, Painting(self.settings, (seed,)), self.inputs.keep(png_bytes(source)), source_seed=seed,
            mask=keep_mask(self.inputs, mask),
        )  # fmt: skip

        def render(request: GenerationRequest) -> RenderedImage:
            if request.edit is None or request.edit.way != "paste":
                return self.engine.render(request)
            image = composed(source, plain.image, mask, request.edit.feather)  # as the engine does, and not twice
            return replace(plain, image=image, moved_outside=moved_outside(source, plain.image, mask))

        made, recipe = paint_edit(task, self.request(changed, seed), render, self.inputs)
        inside = np.asarray(mask) > 0
        plain_moved, masked_moved = moved(source, plain.image), moved(source, made.image)
        bits = (np.asarray(source) != np.asarray(made.image)).any(axis=2)
        distance = None
        if name == "colour":
            target = lab(np.array([world().rgb[scene.next_color]], dtype=np.float64))[0]
            colors = main_colors(np.asarray(made.image, dtype=np.float64)[inside])
            distance = min(delta_e00(target, each) for each in colors)
        assert recipe.edit is not None
        return Trial(
            float(plain_moved[~inside].mean()),
            float(plain_moved[inside].mean()),
            float(bits[~inside].mean()),
            float(masked_moved[inside].mean()),
            recipe.edit.way,
            seam(made.image, inside) / max(seam(source, inside), 1e-9),
            distance,
        )

    def costs(self, prompt: StructuredPrompt, source: Image.Image, seed: int) -> dict[str, float]:
        """Best of three, each way in turn."""
        changed = prompt.set("objects[1].shape_and_color", "purple")
        mask = keep_mask(self.inputs, of_object([prompt], "objects[1]", source.size))
        edit = Edit(self.inputs.keep(png_bytes(source)), mask)
        plain = self.request(changed, seed)
        ways = {
            "plain": plain,
            "paste": replace(plain, edit=edit),
            "hold": replace(plain, edit=replace(edit, way="hold")),
        }
        clock: Callable[[], float] = time.perf_counter if self.engine.status().gpu_available else time.process_time
        best: dict[str, float] = {}
        for _ in range(3):
            for name, request in ways.items():
                began = clock()
                self.engine.render(request, previews=False)
                best[name] = min(best.get(name, math.inf), clock() - began)
        return best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="mini")
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.model, given.steps, Path(folder))
        found: dict[str, list[Trial]] = {}
        for number, scene in enumerate(scenes(given.scenes)):
            prompt = written(scene)
            source = bench.engine.render(bench.request(prompt, number)).image
            for name in changes(scene, prompt):
                found.setdefault(name, []).append(bench.try_change(scene, prompt, source, number, name))
            print(f"scene {number + 1} of {given.scenes}", flush=True)
        costs = bench.costs(prompt, source, number)
    report(found, costs)


def report(found: dict[str, list[Trial]], costs: dict[str, float]) -> None:
    print("\n| Changed | Outside, plain | At most 1 % there | Inside, plain | Masked, none | Inside, masked | Held |")
    print("|---|---|---|---|---|---|---|")
    for name, trials in found.items():
        local = sum(each.outside <= LOCAL for each in trials)
        untouched = sum(each.masked_outside == 0 for each in trials)
        held = sum(each.way == "hold" for each in trials)
        print(
            f"| {name} | {_percent([each.outside for each in trials])} | {wilson(local, len(trials))} "
            f"| {_percent([each.inside for each in trials])} | {wilson(untouched, len(trials))} "
            f"| {_percent([each.masked_inside for each in trials])} | {held} of {len(trials)} |"
        )
    distances = [each.distance for each in found["colour"] if each.distance is not None]
    low, middle, high = min(distances), statistics.median(distances), max(distances)
    print(f"\ncolour asked for: ΔE00 {middle:.1f} (median), {low:.1f} to {high:.1f}")
    seams = [each.seam for name in ("colour", "thing") for each in found[name]]
    print(
        f"seam over the source's own, {len(seams)} edits of colour and thing: mean {statistics.mean(seams):.2f}, "
        f"median {statistics.median(seams):.2f}, most {max(seams):.2f}; "
        f"at most 1.2 in {sum(each <= 1.2 for each in seams)}"
    )
    plain = costs["plain"]
    print(
        f"cost over a plain picture: paste {costs['paste'] / plain:.2f}, hold {costs['hold'] / plain:.2f}, "
        f"paste and then hold {(costs['paste'] + costs['hold']) / plain:.2f} (a plain one {plain:.2f} s)"
    )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * statistics.median(shares):.1f} %"


if __name__ == "__main__":
    main()
