"""How often mini paints what its prompt says: a table for the model card.

    PYTHONPATH=. python scripts/bench/mini_eval.py                              # 200 prompts a row; about an hour
    PYTHONPATH=. python scripts/bench/mini_eval.py --count 40 --rows one edits
    PYTHONPATH=. python scripts/bench/mini_eval.py --weights training/mini/weights

Scenes never trained on, each painted with a seed of its own, judged by `mini_judge.py`, which is examined first on
pictures that the renderer drew. A thing counts as found where the judge sees any thing in its cell; colour and size are
counted of the things found, `thing` of all. `stray` is the share of pictures with a thing where none was asked for.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mini_judge import NOTHING, Judge, Verdict
from PIL import Image

from fibo_core.models.catalogue import CATALOGUE, MINI_SIZES, MINI_WEIGHTS
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.offline import OfflineWriter
from scripts.mini.captions import describe
from scripts.mini.captions import sentence as told_in_a_line
from scripts.mini.drawing import render, render_with_cover
from scripts.mini.scenes import Scene, Seed, Thing, draw_scene

SEED = 4_242
COLUMNS = ("place", "thing", "colour", "size", "background", "light", "medium", "stray")
JUDGE = Path("training/mini-judge.pt")
SQUARE, *OTHER_SHAPES = MINI_SIZES.values()  # width, height
LONG = json.loads((Path(__file__).parent / "long_captions.json").read_text())
Painter = Callable[[StructuredPrompt, int, tuple[int, int]], Image.Image]


# --- prompts ----------------------------------------------------------------------------------------------------------


def scenes(name: str, count: int, things: tuple[int, ...]) -> Iterator[tuple[Scene, Seed]]:
    """Scenes of a row with so many things, each with the chance that words its prompt."""
    number = 0
    while count > 0:
        rng = np.random.default_rng([SEED, *name.encode(), number])
        number += 1
        scene = draw_scene(rng)
        if len(scene.things) in things:
            count -= 1
            yield scene, rng


def plain(scene: Scene) -> StructuredPrompt:
    """Every field, each in its plainest words."""
    w = world()
    wall = scene.background == "wall"
    return StructuredPrompt.from_dict(
        {
            "short_description": f"{_list(f'{_article(t.colour)} {t.kind}' for t in scene.things)}.",
            "objects": [
                {
                    "description": f"{_article(thing.colour)} {thing.kind}",
                    "location": thing.place,
                    "relationship": "standing alone" if len(scene.things) == 1 else "near the other objects",
                    "relative_size": thing.size,
                    "shape_and_color": f"{thing.kind}-shaped, {thing.colour}",
                }
                for thing in scene.things
            ],
            "background_setting": f"a plain {scene.wall} wall" if wall else w.backgrounds[scene.background][0],
            "lighting": {
                "conditions": w.lights[scene.light][0], "direction": w.directions[scene.direction or "left"][0],
            },
            "photographic_characteristics": {
                "depth_of_field": w.focus[scene.focus][0], "camera_angle": w.cameras[scene.camera][0],
            },
            "style_medium": w.media[scene.medium][0],
        }
    )  # fmt: skip


SENTENCES = (
    "{medium}: there is {thing} {where}. Behind it, {background}. The light is {light}.",
    "Imagine {background} under {light}, and {where} {thing}, done as {medium}.",
    "{thing}, placed {where}; {light}; setting: {background}; medium: {medium}",
    "I would like to see {thing} {where}. Behind that comes {background}, and {light}. Make it look like {medium}.",
    "{light}. {background}. {where}: {thing}. {medium}.",
    "A scene for a card near {background} with {light}, where {thing} can be seen {where}; made in {medium}",
)


def sentence(scene: Scene, rng: Seed) -> StructuredPrompt:
    """One field of prose, in sentences that the trainer does not know."""
    w, thing = world(), scene.things[0]
    text = str(rng.choice(SENTENCES)).format(
        thing=f"{_article(thing.size)} {thing.colour} {thing.kind}", where=_where(thing),
        background=w.backgrounds[scene.background][0], light=w.lights[scene.light][0], medium=w.media[scene.medium][0],
    )  # fmt: skip
    return StructuredPrompt.from_dict({"short_description": text})


def by_rules(scene: Scene) -> StructuredPrompt:
    """What the offline writer makes of the scene in one line; it says nothing of camera and depth of field."""
    return OfflineWriter().expand(told_in_a_line(scene)).prompt


def at_length(scene: Scene, rng: Seed) -> StructuredPrompt:
    """One of the captions of some five hundred words that were written by hand, in FIBO's own manner."""
    w, thing = world(), scene.things[0]
    text = json.dumps(LONG[int(rng.integers(len(LONG)))])
    for name, words in {
        "thing": thing.kind, "colour": thing.colour, "size": thing.size, "size-article": _article(thing.size),
        "place": thing.place, "where": _where(thing), "shape": f"{thing.kind}-shaped",
        "background": w.backgrounds[scene.background][0], "light": w.lights[scene.light][0],
        "medium": w.media[scene.medium][0],
    }.items():  # fmt: skip
        text = text.replace(f"<{name}>", words)
    return StructuredPrompt.parse(text)


def _where(thing: Thing) -> str:
    return {"top": "at the top", "left": "on the left", "right": "on the right", "center": "in the center"}.get(
        thing.place, f"at the {thing.place.replace('-', ' ')}"
    )


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _list(parts: Iterator[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


#: Of each row of the table: how many things its scenes hold, and how a scene becomes a prompt.
ROWS: dict[str, tuple[tuple[int, ...], Callable[[Scene, Seed], StructuredPrompt]]] = {
    "one": ((1,), lambda scene, rng: plain(scene)),
    "three": ((3,), lambda scene, rng: plain(scene)),
    "worded": ((1, 2, 3), describe),
    "sentence": ((1,), sentence),
    "rules": ((1, 2), lambda scene, rng: by_rules(scene)),
    "long": ((1,), at_length),
}


# --- counting ---------------------------------------------------------------------------------------------------------


class Tally:
    """Right answers and answers, by column."""

    def __init__(self) -> None:
        self.right = dict.fromkeys(COLUMNS, 0)
        self.of = dict.fromkeys(COLUMNS, 0)

    def add(self, scene: Scene, seen: Verdict) -> None:
        for thing in scene.things:
            cell = seen.cells[thing.place]
            self._count("place", cell.kind != NOTHING)
            self._count("thing", cell.kind == thing.kind)
            if cell.kind != NOTHING:
                self._count("colour", cell.colour == thing.colour)
                self._count("size", cell.size == thing.size)
        for column in ("background", "light", "medium"):
            self._count(column, getattr(seen, column) == getattr(scene, column))
        asked = {thing.place for thing in scene.things}
        self._count("stray", any(cell.kind != NOTHING for place, cell in seen.cells.items() if place not in asked))

    def _count(self, column: str, right: bool) -> None:
        self.of[column] += 1
        self.right[column] += right

    def row(self) -> str:
        return " | ".join(
            f"{self.right[c] / self.of[c]:.3f} ({self.of[c]})" if self.of[c] else "–" for c in COLUMNS
        )  # fmt: skip


#: One field changed each: of colour and thing `shape_and_color`, or `description` while the other says the old.
EDITS = (
    "colour", "colour described", "thing", "thing described", "place", "size", "background", "light", "medium",
    "wall", "direction", "camera", "focus",
)  # fmt: skip
#: Of these the judge knows nothing: the painted picture is held against the renderer's, of every value.
BY_PIXELS = ("wall", "direction", "camera", "focus")
VARIANTS = 4  # drawings of a scene, each with its own chance


def fit(scene: Scene, field: str) -> Scene:
    """The scene, altered where a change of ``field`` would not be seen in it."""
    if field == "light" and scene.background == "stars":  # where it is always night
        return replace(scene, background="meadow")
    if field in BY_PIXELS:  # the renderer would else choose the side that the light comes from
        scene = replace(scene, direction=scene.direction or "left")
    if field == "wall":
        return replace(scene, background="wall")
    if field == "direction":  # clouds cast no shadow, and only a render is shaded
        return replace(scene, medium="render", light="day" if scene.light == "overcast" else scene.light)
    if field == "focus" and scene.background == "wall":  # which is as sharp when it is blurred
        return replace(scene, background="meadow")
    return scene


def edit(scene: Scene, field: str, rng: Seed) -> tuple[Scene, StructuredPrompt]:
    """The scene with one field of its prompt changed, that field alone, and the prompt."""
    w, thing, document = world(), scene.things[0], plain(scene).document

    def other(names: Any, now: str) -> str:
        return str(rng.choice([name for name in names if name != now]))

    entry = document["objects"][0]
    if field.startswith("colour"):
        thing = replace(thing, colour=other(w.colours, thing.colour))
    elif field.startswith("thing"):
        thing = replace(thing, kind=other(w.things, thing.kind))
    elif field == "place":
        thing = replace(thing, place=other(w.places, thing.place))
        entry["location"] = thing.place
    elif field == "size":
        thing = replace(thing, size=other(w.sizes, thing.size))
        entry["relative_size"] = thing.size
    elif field == "background":
        scene = replace(
            scene, background=other([b for b in w.backgrounds if b not in ("wall", "stars")], scene.background)
        )
        document["background_setting"] = w.backgrounds[scene.background][0]
    elif field == "light":
        scene = replace(scene, light=other(w.lights, scene.light))
        document["lighting"]["conditions"] = w.lights[scene.light][0]
    elif field == "wall":
        scene = replace(scene, wall=other(w.walls, scene.wall))
        document["background_setting"] = f"a plain {scene.wall} wall"
    elif field == "direction":
        scene = replace(scene, direction=other(w.directions, scene.direction))
        document["lighting"]["direction"] = w.directions[scene.direction][0]
    elif field == "camera":
        scene = replace(scene, camera=other(w.cameras, scene.camera))
        document["photographic_characteristics"]["camera_angle"] = w.cameras[scene.camera][0]
    elif field == "focus":
        scene = replace(scene, focus=other(w.focus, scene.focus))
        document["photographic_characteristics"]["depth_of_field"] = w.focus[scene.focus][0]
    else:
        scene = replace(scene, medium=other(w.media, scene.medium))
        document["style_medium"] = w.media[scene.medium][0]
    if field in ("colour", "thing"):
        entry["shape_and_color"] = f"{thing.kind}-shaped, {thing.colour}"
    elif field in ("colour described", "thing described"):
        entry["description"] = f"{_article(thing.colour)} {thing.kind}"
    return replace(scene, things=(thing,)), StructuredPrompt.from_dict(document)


def followed(field: str, before: Scene, after: Scene, seen: Verdict) -> bool:
    """Whether a picture shows the change of ``field``, from the one scene to the other."""
    if field in ("background", "light", "medium"):
        return bool(getattr(seen, field) == getattr(after, field))
    cell = seen.cells[after.things[0].place]
    if field == "place":
        return cell.kind != NOTHING and seen.cells[before.things[0].place].kind == NOTHING
    name = {"thing": "kind"}.get(field.split()[0], field.split()[0])
    return bool(getattr(cell, name) == getattr(after.things[0], name))


def nearest(picture: Image.Image, field: str, scene: Scene) -> str:
    """Of all values that ``field`` of the scene may have, drawn by the renderer, the one to which a picture is nearest.

    In mean squared error, where the chance that moves the ground fits best; of the focus, in how hard edges behind are.
    """
    w = world()
    names = {"wall": w.walls, "direction": w.directions, "camera": w.cameras, "focus": w.focus}[field]
    ground = _away_from_things((scene,), picture)

    def distance(scene: Scene) -> float:
        drawn = [render(replace(scene, variant=number), *picture.size) for number in range(VARIANTS)]
        if field == "focus":
            hard = sum(_hardness(each, ground) for each in drawn) / VARIANTS
            return abs(math.log(_hardness(picture, ground) / hard))
        return min(float(np.square(np.asarray(picture, dtype=float) - np.asarray(each)).mean()) for each in drawn)

    distances = {name: distance(replace(scene, **{field: name})) for name in names}
    return min(distances, key=distances.__getitem__)


def _hardness(picture: Image.Image, where: Any) -> float:
    """The greatest step of brightness from one pixel to the one below it in a column: of six columns one has more."""
    steps = np.abs(np.diff(np.asarray(picture.convert("L"), dtype=float), axis=0))
    return float(np.percentile(np.where(where[1:] & where[:-1], steps, 0).max(axis=0), 85)) + 1


def edits(paint: Painter, judge: Judge, count: int) -> None:
    """One field changed, same seed: whether the picture followed, and how much changed where nothing should."""
    print("\n| One field changed | done | elsewhere, mean change of full scale |\n|---|---|---|")
    for field in EDITS:
        done, changes = 0, []
        for number, (scene, rng) in enumerate(scenes(f"edit {field}", count, (1,))):
            scene = fit(scene, field)
            changed, prompt = edit(scene, field, rng)
            after = paint(prompt, number, SQUARE)
            if field in BY_PIXELS:
                done += nearest(after, field, changed) == getattr(changed, field)
            else:
                done += followed(field, scene, changed, judge.look(after))
            if field not in (*BY_PIXELS, "background", "light", "medium"):
                changes.append(_elsewhere(paint(plain(scene), number, SQUARE), after, scene, changed))
        elsewhere = f"{100 * sum(changes) / len(changes):.2f} %" if changes else "–"
        print(f"| {field} | {done / count:.3f} ({count}) | {elsewhere} |", flush=True)


def _elsewhere(before: Image.Image, after: Image.Image, scene: Scene, changed: Scene) -> float:
    """Mean difference, as a share of full scale, away from where a thing stood or stands."""
    difference = np.abs(np.asarray(before, dtype=float) - np.asarray(after, dtype=float)).mean(axis=2)
    return float(difference[_away_from_things((scene, changed), before)].mean() / 255)


def _away_from_things(these: tuple[Scene, ...], picture: Image.Image, margin: int = 20) -> Any:
    """(H, W), true further than ``margin`` pixels from any thing of the scenes, in a picture of this size."""
    away = np.ones((picture.height, picture.width), dtype=bool)
    for scene in these:
        rows, columns = np.nonzero(render_with_cover(scene, picture.width, picture.height)[1] >= 0)
        area = (
            slice(max(rows.min() - margin, 0), rows.max() + margin),
            slice(max(columns.min() - margin, 0), columns.max() + margin),
        )
        away[area] = False
    return away


def sharpness(weights: Path, count: int = 120) -> float:
    """What the VAE gives back of a drawn picture, in dB of full scale: the mean over scenes never trained on."""
    from diffusers import AutoencoderKLWan

    vae: Any = AutoencoderKLWan.from_pretrained(weights, subfolder="vae", local_files_only=True).float()
    values = []
    for scene, _ in scenes("vae", count, (1, 2, 3)):
        x = torch.from_numpy(np.array(render(scene))).permute(2, 0, 1).float()[None, :, None] / 127.5 - 1
        with torch.no_grad():
            y = vae.decode(vae.encode(x).latent_dist.mode()).sample
        values.append(10 * math.log10(4 / float((y - x).square().mean())))
    return sum(values) / count


# --- the command ------------------------------------------------------------------------------------------------------


def painter(weights: Path, steps: int, guidance: float) -> Painter:
    from diffusers import BriaFiboPipeline

    pipe: Any = BriaFiboPipeline.from_pretrained(weights, dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    negative = CATALOGUE["mini"].fixed_negative

    def paint(prompt: StructuredPrompt, seed: int, size: tuple[int, int]) -> Image.Image:
        picture: Image.Image = pipe(
            prompt.canonical(), negative_prompt=negative, width=size[0], height=size[1], num_inference_steps=steps,
            guidance_scale=guidance, generator=torch.Generator().manual_seed(seed),
        ).images[0]  # fmt: skip
        return picture

    return paint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=MINI_WEIGHTS)
    parser.add_argument("--count", type=int, default=200, help="prompts a row")
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, "shapes", "edits"], default=[*ROWS, "shapes", "edits"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=CATALOGUE["mini"].guidance_scale)
    parser.add_argument("--judge", type=Path, default=JUDGE, help="where the judge is kept; made when missing")
    parser.add_argument("--pictures", type=Path, help="a folder to keep the painted pictures in")
    args = parser.parse_args()

    judge = Judge.learned(args.judge)
    paint = painter(args.weights, args.steps, args.guidance)
    print(f"VAE {sharpness(args.weights):.1f} dB; {args.steps} steps, guidance {args.guidance:g}\n")
    print(f"| Row | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name, sizes in (("drawn, not painted", [SQUARE]), ("drawn, in the other shapes", OTHER_SHAPES)):
        drawn = Tally()
        for number, (scene, _) in enumerate(scenes("drawn", args.count, (1, 2, 3))):
            drawn.add(scene, judge.look(render(scene, *sizes[number % len(sizes)])))
        print(f"| {name} | {drawn.row()} |", flush=True)
    for name in args.rows:
        if name == "edits":
            continue
        things, words = ROWS["one" if name == "shapes" else name]
        tally = Tally()
        for number, (scene, rng) in enumerate(scenes(name, args.count, things)):
            size = OTHER_SHAPES[number % len(OTHER_SHAPES)] if name == "shapes" else SQUARE
            picture = paint(words(scene, rng), number, size)
            tally.add(scene, judge.look(picture))
            if args.pictures:
                args.pictures.mkdir(parents=True, exist_ok=True)
                picture.save(args.pictures / f"{name}-{number:03d}.png")
        print(f"| {name} | {tally.row()} |", flush=True)
    if "edits" in args.rows:
        edits(paint, judge, max(args.count // 4, 1))


if __name__ == "__main__":
    main()
