"""Draws a scene: the ground behind, then its things, in its light and medium. Some ten milliseconds."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fibo_core.models.mini.world import world
from scripts.mini.scenes import Scene, Seed, box_of
from scripts.mini.shapes import KINDS, Field

#: Towards the light, in the picture's own axes (x right, y down, z to the viewer).
TOWARDS = {
    "left": (-0.72, -0.38, 0.58),
    "right": (0.72, -0.38, 0.58),
    "above": (0.0, -0.88, 0.48),
    "behind": (0.0, -0.75, -0.3),
}
TINT = {
    "day": (1.0, 1.0, 1.0),
    "golden": (1.06, 0.94, 0.78),
    "night": (0.7, 0.73, 0.92),
    "overcast": (0.9, 0.91, 0.93),
    "studio": (1.03, 1.03, 1.02),
}
HORIZON = {"eye": 0.62, "close": 0.66, "far": 0.56, "low": 0.76, "high": 0.42}


def render(scene: Scene, width: int = 256, height: int = 256) -> Image.Image:
    """The scene as a picture, RGB, ``width`` × ``height`` pixels; the same scene gives the same picture."""
    pixels, _ = render_with_cover(scene, width, height)
    return Image.fromarray(pixels)


def render_with_cover(scene: Scene, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """The picture as (H, W, 3) bytes, and which thing covers each pixel: (H, W), -1 where none does."""
    rng = np.random.default_rng(scene.variant)
    direction = scene.direction or str(rng.choice(["left", "right", "above"]))
    canvas = _background(scene, direction, width, height, rng)
    cover = np.full((height, width), -1, dtype=np.int8)
    order = sorted(range(len(scene.things)), key=lambda i: world().cells[scene.things[i].place][1])
    for index in order:
        _paint_thing(canvas, cover, scene, index, direction)
    if scene.medium == "watercolour":
        canvas += (_mottle(width, height, rng) * 0.03)[..., None]
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8), cover


# --- the ground behind ------------------------------------------------------------------------------------------


def _rgb(red: int, green: int, blue: int) -> Field:
    return np.array((red, green, blue), dtype=np.float32) / 255


#: Sky at the top and at the horizon, by light.
SKY = {
    "day": (_rgb(92, 168, 240), _rgb(206, 232, 250)),
    "golden": (_rgb(250, 166, 96), _rgb(255, 226, 168)),
    "night": (_rgb(12, 16, 46), _rgb(44, 52, 104)),
    "overcast": (_rgb(168, 176, 186), _rgb(208, 212, 216)),
    "studio": (_rgb(170, 204, 236), _rgb(226, 238, 246)),
}
#: Grounds from the horizon to the lower edge, furthest first: colours, and how far their line waves (pixels).
GROUNDS: dict[str, tuple[tuple[Field, float, float], ...]] = {  # colour, start below the horizon (share), wave
    "sea": ((_rgb(40, 112, 190), 0.0, 0.0), (_rgb(28, 88, 164), 0.16, 2.0)),
    "beach": ((_rgb(52, 142, 200), 0.0, 0.0), (_rgb(236, 208, 148), 0.12, 5.0)),
    "meadow": ((_rgb(134, 190, 96), 0.0, 9.0), (_rgb(94, 162, 70), 0.14, 6.0)),
    "desert": ((_rgb(236, 182, 112), 0.0, 12.0), (_rgb(220, 154, 84), 0.16, 9.0)),
    "mountains": ((_rgb(110, 150, 92), 0.06, 4.0),),
    "forest": ((_rgb(92, 128, 72), 0.04, 4.0),),
    "city": ((_rgb(78, 78, 92), 0.05, 0.0),),
    "stars": ((_rgb(36, 40, 66), 0.18, 9.0),),
    "snow": ((_rgb(206, 218, 232), 0.0, 10.0), (_rgb(240, 244, 250), 0.12, 6.0)),
}
#: The light of a window on a wall: its colour, and as shares of the picture its upper and lower edge, half its width
#: and half its bar's (below nothing: no bar).
WINDOW = {
    "day": (_rgb(255, 255, 250), 0.07, 0.5, 0.17, 0.014),
    "golden": (_rgb(255, 176, 84), 0.2, 0.46, 0.24, -1.0),
}
PAPER, INK = _rgb(246, 243, 235), _rgb(70, 70, 76)


def _background(scene: Scene, direction: str, width: int, height: int, rng: Seed) -> Field:
    """(H, W, 3), from 0 to 1: everything behind the things, in the scene's light, medium and depth of field."""
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    layer = np.zeros((height, width), dtype=np.int8)  # where it changes, a pencil draws a line
    if scene.background == "wall":
        picture = _wall(scene, direction, x, y, layer)
    else:
        picture = _outdoors(scene, direction, x, y, layer, rng)
    paper = PAPER
    if scene.light == "studio":
        lamp = _lamp(x, y, width / height)[..., None]
        if scene.medium == "flat":
            lamp = np.where(lamp > 0.8, 1.06, 0.72)
        picture = picture * lamp
        paper = PAPER * (0.4 + 0.6 * lamp)
    if scene.medium == "sketch":
        grey = picture.mean(axis=2, keepdims=True)
        keep = 0.5 if scene.light == "night" else 0.4
        picture = paper * (1 - keep) + (0.6 * picture + 0.4 * grey) * keep
        edge = np.zeros(layer.shape, dtype=bool)
        edge[1:] |= layer[1:] != layer[:-1]
        edge[:, 1:] |= layer[:, 1:] != layer[:, :-1]
        picture[edge] = picture[edge] * 0.35 + INK * 0.65
    elif scene.medium == "watercolour":
        pigment = (0.86 if scene.light == "night" else 0.68) * _washed(x, y, width / height, rng)[..., None]
        picture = PAPER * (1 - pigment) + picture * pigment
    if scene.focus == "shallow":
        image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5))
        picture = np.asarray(image, dtype=np.float32) / 255
    return np.ascontiguousarray(picture, dtype=np.float32)


def _lamp(x: Field, y: Field, aspect: float) -> Field:
    """A lamp on the middle: a factor on brightness, darker towards the corners."""
    far = np.hypot((x - 0.5) * min(aspect, 1.4), y - 0.5)
    return 1.06 - 1.1 * np.clip(far - 0.18, 0, 0.5)


def _washed(x: Field, y: Field, aspect: float, rng: Seed) -> Field:
    """How much of the paper a wash covers, 0 to 1: an uneven margin stays bare."""
    a, b = rng.uniform(0, 2 * math.pi, 2)
    wave = 0.011 * (np.sin(x * 19 + a + 3 * y) + np.sin(y * 23 + b - 4 * x))
    margin = np.minimum(np.minimum(x, 1 - x) * aspect, np.minimum(y, 1 - y)) / min(aspect, 1.0)
    return np.clip((margin - 0.035 + wave) / 0.016, 0, 1)


def _wall(scene: Scene, direction: str, x: Field, y: Field, layer: NDArray[np.int8]) -> Field:
    """A plain wall and its floor; a window's light falls on it: by day white and barred, low and golden in the evening.

    Without a window: at night bluish and dim, under clouds greyish and even, with a lamp darker towards the corners.
    """
    wall = _rgb(*world().walls[scene.wall]) * np.array(TINT[scene.light], dtype=np.float32)
    if scene.light == "overcast":
        wall = 0.55 * wall + 0.45 * wall.mean()
    floor = HORIZON[scene.camera] + 0.16
    cx, cy = {"left": (0.1, 0.2), "right": (0.9, 0.2), "above": (0.5, 0.0), "behind": (0.5, 0.5)}[direction]
    depth = {"overcast": 0.0, "studio": 0.2}.get(scene.light, 0.3)
    bright = 1.06 - depth * np.hypot(x - cx, (y - cy) * 0.8)
    if scene.medium == "flat":
        bright = np.full_like(bright, 0.97)
    picture = wall * (bright * np.where(y > floor, 0.84, 1.0))[..., None]
    layer[np.broadcast_to(y > floor, layer.shape)] = 1
    if scene.light in WINDOW:
        glow, top, low, half, bar = WINDOW[scene.light]
        slant = {"left": 0.35, "right": -0.35, "above": 0.0, "behind": 0.0}[direction]
        aside = np.abs(x - slant * (y - 0.3) - 0.5 + 0.8 * slant)
        pane = np.minimum(np.minimum(half - aside, aside - bar), np.minimum(y - top, low - y)) * layer.shape[1]
        picture = picture * 0.9  # the light shows on a white wall too
        picture += (glow - picture) * 0.6 * np.clip(pane / 3 + 0.5, 0, 1)[..., None]
        layer[pane > 0] = 2
    return picture


def _outdoors(scene: Scene, direction: str, x: Field, y: Field, layer: NDArray[np.int8], rng: Seed) -> Field:
    """Sky, sun or moon, and the grounds one before the other."""
    height, width = layer.shape
    horizon = HORIZON[scene.camera]
    tint = np.array(TINT[scene.light], dtype=np.float32) * (0.7 if scene.light == "night" else 1.0)
    top, low = SKY[scene.light]
    if scene.background == "city" and scene.light in ("day", "studio"):
        top, low = _rgb(104, 110, 176), _rgb(250, 190, 150)  # the city is seen at dusk
    share = np.clip(y / horizon, 0, 1)[..., None]
    if scene.medium == "flat":
        share = np.floor(share * 2.99) / 2  # in three bands
    picture = np.broadcast_to(top * (1 - share) + low * share, (height, width, 3)).copy()

    if scene.light != "overcast":  # the sun, or the moon at night, as a soft disc
        cx, cy = {"left": (0.14, 0.12), "right": (0.86, 0.12), "above": (0.5, 0.06), "behind": (0.5, horizon - 0.08)}[
            direction
        ]
        aspect = width / height
        far = np.hypot((x - cx) * aspect, y - cy) * height / 256
        disc = _rgb(236, 238, 250) if scene.light == "night" else _rgb(255, 250, 222)
        glow = np.clip(1 - far / 0.3, 0, 1) ** 2 * (0.35 if scene.light == "night" else 0.6)
        glow = np.maximum(glow * (scene.medium != "flat"), np.clip((0.055 - far) * 40, 0, 1))[..., None]
        picture = picture * (1 - glow) + disc * glow
    if scene.background == "stars":
        stars = np.random.default_rng(7)  # the same sky for everyone
        for sx, sy, size in zip(stars.random(20), stars.random(20), stars.uniform(1.8, 3.4, 20), strict=True):
            r, c = int(sy * horizon * height), int(sx * width)
            area = np.s_[max(r - 4, 0) : r + 5, max(c - 4, 0) : c + 5]
            yy, xx = np.mgrid[area[0].start : area[0].stop, area[1].start : area[1].stop][:, : picture[area].shape[0]]
            alpha = np.clip(size + 0.5 - np.hypot(yy - r, xx - c), 0, 1)[
                : picture[area].shape[0], : picture[area].shape[1]
            ]
            picture[area] += (1 - picture[area]) * alpha[..., None]
    column = x[0]
    if scene.background == "mountains":
        peaks = np.full(width, 9.0, dtype=np.float32)
        for centre, tall in ((0.16, 0.26), (0.5, 0.38), (0.86, 0.3)):
            centre += rng.uniform(-0.04, 0.04)
            peaks = np.minimum(peaks, horizon + 0.06 - tall + np.abs(column - centre) * 1.15)
        _lay(picture, layer, peaks * height, _rgb(122, 132, 156) * tint, 1)
        snowline = horizon - 0.16
        cap = (y * height > (peaks * height)[None, :]) & (y < snowline + 0.02 * np.sin(x * 60))
        picture[cap] = _rgb(244, 247, 252) * tint
        layer[cap] = 5
    elif scene.background == "forest":
        spacing = 9.0
        shift = rng.uniform(0, 1)
        tops = horizon - 0.2 + np.abs(((column * spacing + shift) % 1) - 0.5) * 0.36
        _lay(picture, layer, tops * height, _rgb(34, 84, 60) * tint, 1)
    elif scene.background == "city":
        blocks = 9
        heights = np.random.default_rng(int(rng.integers(4))).uniform(0.12, 0.4, blocks)
        index = np.minimum((column * blocks).astype(int), blocks - 1)
        _lay(picture, layer, (horizon + 0.05 - heights[index]) * height, _rgb(58, 60, 84) * tint, 1)
        within = (y > (horizon + 0.09 - heights[index])[None, :]) & (y < horizon)
        lit = within & (((column * blocks * 3) % 1) > 0.45)[None, :] & (((y * 22) % 1) > 0.55)
        lit &= ((index[None, :] * 7 + (y * 22).astype(int) * 5) % 3) > 0
        picture[lit] = _rgb(255, 214, 120)
    for number, (colour, start, wave) in enumerate(GROUNDS[scene.background], start=2):
        phase = rng.uniform(0, 2 * math.pi)
        line = (horizon + start) * height + wave * np.sin(column * 5.5 + phase) * height / 256
        _lay(picture, layer, line, colour * tint, number)
    return picture


def _lay(picture: Field, layer: NDArray[np.int8], line: Field, colour: Field, number: int) -> None:
    """Paints everything below ``line`` (one height in pixels for each column), its edge smooth."""
    rows = np.arange(picture.shape[0], dtype=np.float32)[:, None] + 0.5
    alpha = np.clip(rows - line[None, :] + 0.5, 0, 1)[..., None]
    picture += (colour - picture) * alpha
    layer[alpha[..., 0] > 0.5] = number


def _mottle(width: int, height: int, rng: Seed) -> Field:
    """The uneven drying of a wash: smooth noise, -1 to 1, about 40 pixels a blot."""
    coarse = (rng.random((6, 6)) * 255).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32) / 127.5 - 1


# --- the things ---------------------------------------------------------------------------------------------------


def _paint_thing(canvas: Field, cover: NDArray[np.int8], scene: Scene, index: int, direction: str) -> None:
    thing = scene.things[index]
    height, width = cover.shape
    cx, cy, radius = box_of(thing, scene, width, height)
    reach = radius * 1.35
    left, right = max(int(cx - reach), 0), min(int(cx + reach) + 1, width)
    upper, lower = max(int(cy - reach), 0), min(int(cy + reach) + 1, height)
    x = (np.arange(left, right, dtype=np.float32)[None, :] + 0.5 - cx) / radius
    y = (np.arange(upper, lower, dtype=np.float32)[:, None] + 0.5 - cy) / radius
    x, y = np.broadcast_arrays(x, y)
    area = canvas[upper:lower, left:right]
    colour = _rgb(*world().rgb[thing.colour])
    tint = 0.5 + 0.5 * np.array(TINT[scene.light], dtype=np.float32)  # half of it: white stays white at night
    light = np.array(TOWARDS[direction], dtype=np.float32)

    shapes = [part.shape(x, y).astype(np.float32) * radius for part in KINDS[thing.kind]]
    whole = np.minimum.reduce(shapes)
    if scene.medium in ("render", "watercolour") and scene.light != "overcast":
        dx, dy = {"left": (9, 6), "right": (-9, 6), "above": (0, 11), "behind": (0, 9)}[direction]
        shift = radius / 45
        down, across = round(dy * shift), round(dx * shift)
        cast = np.pad(whole, ((max(down, 0), 0), (max(across, 0), max(-across, 0))), constant_values=99.0)
        shadow = cast[: whole.shape[0], max(-across, 0) :][:, : whole.shape[1]]
        deep = 0.34 if scene.medium == "render" else 0.16
        area *= 1 - deep * np.clip(0.5 - shadow / (9 * shift), 0, 1)[..., None]
    for part, shape in zip(KINDS[thing.kind], shapes, strict=True):
        own = colour * part.tone if isinstance(part.tone, float) else _rgb(*part.tone)
        alpha = np.clip(0.5 - shape, 0, 1)[..., None]
        paint = _paint(scene, shape, own, tint, light, direction, part.round * radius)
        area += (paint - area) * alpha
        if scene.medium == "sketch":
            line = np.clip(1.6 - np.abs(shape), 0, 1)[..., None] * 0.8
            area += (INK * (0.7 if scene.light == "night" else 1) - area) * line
    cover[upper:lower, left:right][whole < 0] = index


def _paint(
    scene: Scene, shape: Field, colour: Field, tint: Field, light: Field, direction: str, rounding: float
) -> Field:
    """The colour of every pixel of one part, (h, w, 3) or (3,)."""
    if scene.medium == "flat":
        return np.clip(colour, 0.06, 1) * tint
    if scene.medium == "sketch":
        return PAPER * 0.3 + colour * 0.7 * tint
    if scene.medium == "watercolour":
        rim = np.clip(1 + shape / 4.0, 0, 1)[..., None] * 0.22  # pigment gathers at the edge
        return (PAPER * 0.16 + colour * 0.84) * (1 - rim) * tint
    # A soft 3-D render: the edge rounds off within `rounding` pixels, lit from one side.
    down, across = np.gradient(shape)
    inwards = np.clip(1 + shape / max(rounding, 1.0), 0, 1)  # 1 at the edge, 0 where it is flat
    nz = np.sqrt(np.clip(1 - inwards**2, 0, 1))
    lit = across * inwards * light[0] + down * inwards * light[1] + nz * light[2]
    rim = 0.7 + 0.75 * np.clip(inwards - 0.55, 0, 1)  # from behind: bright round a darker face
    shade = rim if direction == "behind" else 0.58 + 0.5 * np.clip(lit, -0.4, 1)
    if scene.light == "overcast":
        shade = 0.82 + (shade - 0.82) * 0.35
    paint = np.clip(colour, 0.07, 1) * tint * shade[..., None]
    if direction != "behind" and scene.light != "overcast":
        half = light + np.array((0, 0, 1), dtype=np.float32)
        half /= np.linalg.norm(half)
        shine = np.clip(across * inwards * half[0] + down * inwards * half[1] + nz * half[2], 0, 1) ** 24
        paint += 0.3 * shine[..., None]
    return paint
