"""Pictures painted out of others, on both families: nothing moves outside a mask, and a later beginning is exact."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.edits import Edit
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.masks import composed, feathered, mask_of_change, moved_outside
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.repaint import _tail_class
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, InputGone, RequestError
from fibo_core.models.catalogue import CATALOGUE, find_model
from fibo_core.models.families import FIBO2
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.tiny import make_tiny_fibo2

BALL = StructuredPrompt.from_dict({"short_description": "a red ball", "lighting": {"conditions": "noon"}})
BOX = StructuredPrompt.from_dict({"short_description": "a blue box", "lighting": {"conditions": "night"}})
STEPS = 6


@dataclass
class Easel:
    """An engine, one of its models, and the pictures that it can be told to edit."""

    engine: FiboEngine
    model: str
    kept: dict[str, Image.Image]

    def request(self, prompt: StructuredPrompt = BALL, seed: int = 7, **edit: Any) -> GenerationRequest:
        spec = find_model(self.model)
        settings = RenderSettings.of(
            spec, aspect=next(iter(spec.shapes)), num_inference_steps=STEPS, guidance_scale=3.0
        )
        request = settings.request(prompt, seed, self.engine.revision(self.model))
        return replace(request, edit=Edit(**edit)) if edit else request

    def keep(self, picture: Image.Image) -> str:
        name = hashlib.sha256(picture.tobytes() + str(picture.size).encode()).hexdigest()
        self.kept[name] = picture
        return name

    def mask(self, size: tuple[int, int]) -> Image.Image:
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).rectangle((size[0] // 2, size[1] // 4, size[0] - 5, size[1] - 9), fill=255)
        return mask


@pytest.fixture(scope="module")
def easel_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    tiny = replace(
        CATALOGUE["mini"], name="tiny2", title="tiny2", family=FIBO2, fixed_negative=None, sizes={"3:2": (96, 64)},
        folder=make_tiny_fibo2(tmp_path_factory.mktemp("tiny2")),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", {"mini": CATALOGUE["mini"], "tiny2": tiny})
        kept: dict[str, Image.Image] = {}

        def found(name: str) -> Image.Image:
            if name not in kept:
                raise InputGone(f"The picture {name[:12]!r} is not here. Give it again.")
            return kept[name]

        engines = {
            name: FiboEngine(name, hub_cache=tmp_path_factory.mktemp("hub"), pictures=found)
            for name in ("mini", "tiny2")
        }
        yield lambda model: Easel(engines[model], model, kept)


@pytest.fixture(params=["mini", "tiny2"])
def easel(request: pytest.FixtureRequest, easel_of: Callable[[str], Easel]) -> Easel:
    return easel_of(request.param)


def pixels(image: Image.Image) -> Any:
    return np.asarray(image, dtype=int)


@pytest.mark.parametrize(
    "how",
    [{"way": "paste"}, {"way": "hold"}, {"way": "hold", "start_sigma": 0.7}, {"way": "paste", "feather": 0}],
)
def test_outside_a_mask_no_pixel_moves_in_any_way_of_either_family(easel: Easel, how: dict[str, Any]) -> None:
    """And inside many do; the recipe alone paints it again."""
    source = easel.engine.render(easel.request()).image
    mask = easel.mask(source.size)
    request = easel.request(BOX, source=easel.keep(source), mask=easel.keep(mask), **how)
    first, again = (easel.engine.render(request).image for _ in range(2))
    moved = (pixels(first) != pixels(source)).any(axis=2)
    black = np.asarray(mask) == 0
    assert moved[black].sum() == 0
    assert moved[~black].mean() > 0.5
    assert (pixels(first) == pixels(again)).all()


def test_a_preview_behind_a_mask_has_the_source_around_it(easel: Easel) -> None:
    """From the first step on, when all of the picture is noise."""
    source = easel.engine.render(easel.request()).image
    mask = easel.mask(source.size)
    events: list[StepEvent] = []
    request = easel.request(BOX, seed=8, source=easel.keep(source), mask=easel.keep(mask), way="hold")
    easel.engine.render(request, events.append)
    first = next(event.preview for event in events if event.preview is not None)
    shown = Image.open(BytesIO(first))
    apart = np.abs(pixels(shown) - pixels(source.resize(shown.size))).mean(axis=2)
    outside = np.asarray(mask.resize(shown.size).filter(ImageFilter.MaxFilter(31))) == 0
    assert apart[outside].mean() < 8  # a JPEG of it
    assert apart[np.asarray(mask.resize(shown.size)) == 255].mean() > 16


def test_held_latents_move_less_outside_before_anything_is_put_back(easel: Easel) -> None:
    """What the way is for: the picture inside goes with what stays around it."""
    source = easel.engine.render(easel.request()).image
    named = {"source": easel.keep(source), "mask": easel.keep(easel.mask(source.size))}
    shares = [
        easel.engine.render(easel.request(BOX, seed=8, way=way, **named)).moved_outside for way in ("paste", "hold")
    ]
    assert shares[1] < shares[0]


def test_a_later_beginning_is_exact_and_its_steps_are_counted(easel: Easel) -> None:
    """The last steps of a picture, begun from what the first ones made, are that picture bit by bit."""
    request = easel.request()
    whole = easel.engine.render(request).image
    held: Any = easel.engine._held
    pipe, own = held.pipe, held.pipe.scheduler
    between: dict[int, Any] = {}

    def write_down(pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        between[index] = (tensors["latents"].clone(), float(pipe.scheduler.sigmas[index + 1]))
        return {}

    def paint(latents: Any, **more: Any) -> Image.Image:
        return pipe(
            prompt=request.caption, negative_prompt=request.negative_prompt, width=request.width, height=request.height,
            num_inference_steps=STEPS, guidance_scale=request.guidance_scale, latents=latents,
            **held.family.arguments(request), **more,
        ).images[0]  # fmt: skip

    paint(held.family.noise(request, pipe), callback_on_step_end=write_down)
    latents, sigma = between[2]
    tail = _tail_class().from_config(own.config)
    tail.begin_at(3, sigma, sigma)
    pipe.scheduler = tail
    try:
        assert (pixels(paint(latents)) == pixels(whole)).all()
    finally:
        pipe.scheduler = own

    events: list[StepEvent] = []
    varied = easel.engine.render(easel.request(source=easel.keep(whole), way="vary", start_sigma=0.6), events.append)
    assert 0 < varied.skipped < STEPS
    assert [(event.step, event.total) for event in events] == [
        (number + 1, STEPS - varied.skipped) for number in range(STEPS - varied.skipped)
    ]
    assert pipe.scheduler is own
    assert (pixels(easel.engine.render(request).image) == pixels(whole)).all()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_strength_counts_where_steps_are_few_too(easel: Easel, steps: int) -> None:
    """The last step of few begins with much noise: it begins with less, and a little strength moves little."""
    source = easel.engine.render(easel.request()).image
    kept = easel.keep(source)

    def varied(sigma: float) -> Any:
        request = easel.request(BOX, seed=8, source=kept, way="vary", start_sigma=sigma)
        return pixels(easel.engine.render(replace(request, num_inference_steps=steps)).image)

    little, more, all_of_it = (varied(sigma) for sigma in (0.02, 0.3, 1.0))
    assert (little != more).any()
    assert (more != all_of_it).any()
    if easel.model == "mini":  # what random weights paint out of a picture is not like it
        moved = [np.abs(each - pixels(source)).mean() for each in (little, more, all_of_it)]
        assert moved == sorted(moved)


def test_a_cancelled_edit_leaves_the_next_picture_as_it_would_have_been(easel: Easel) -> None:
    """Its scheduler is taken back too."""
    whole, cancel = easel.engine.render(easel.request()).image, CancelFlag()
    request = easel.request(BOX, source=easel.keep(whole), way="vary", start_sigma=0.8)
    with pytest.raises(Cancelled):
        easel.engine.render(request, lambda event: cancel.cancel(), cancel)
    assert (pixels(easel.engine.render(easel.request()).image) == pixels(whole)).all()


def test_a_recipe_whose_pictures_are_gone_or_of_another_size_is_refused(easel_of: Callable[[str], Easel]) -> None:
    """Before anything is loaded."""
    easel = easel_of("mini")
    with pytest.raises(InputGone, match="is not here"):
        easel.engine.render(easel.request(source="0" * 64, way="vary", start_sigma=0.5))
    small = easel.keep(Image.new("RGB", (128, 128)))
    with pytest.raises(RequestError, match="leave the size out"):
        easel.engine.render(easel.request(source=small, way="vary", start_sigma=0.5))


def test_the_hash_holds_what_of_an_edit_makes_pixels_and_no_recipe_without_one_changes(
    easel_of: Callable[[str], Easel],
) -> None:
    """The steps that are skipped follow from the rest."""
    plain = easel_of("mini").request()
    edit = Edit(source="a" * 64, mask="b" * 64)
    changed = [
        replace(edit, source="c" * 64), replace(edit, mask="c" * 64), replace(edit, way="hold"),
        replace(edit, start_sigma=0.5), replace(edit, feather=2), replace(edit, instruction="x"),
        replace(edit, references=("c" * 64,)),
    ]  # fmt: skip
    hashes = {replace(plain, edit=each).recipe_hash for each in (None, edit, *changed)}
    assert len(hashes) == 2 + len(changed)
    assert replace(plain, edit=replace(edit, skip=3)).recipe_hash == replace(plain, edit=edit).recipe_hash


def test_a_change_is_marked_with_room_around_and_specks_are_not() -> None:
    before = Image.new("RGB", (200, 100), "gray")
    after = before.copy()
    draw = ImageDraw.Draw(after)
    draw.rectangle((50, 30, 90, 70), fill="red")
    draw.rectangle((150, 10, 154, 14), fill="red")  # 25 of 20,000 pixels
    mask = np.asarray(mask_of_change(before, after)) > 0
    assert mask[24:76, 44:96].all()
    assert not mask[:, 110:].any()
    assert mask_of_change(before, before).getbbox() is None


def test_what_has_moved_outside_is_counted_and_put_back() -> None:
    source, painted = Image.new("RGB", (100, 100), "white"), Image.new("RGB", (100, 100), "white")
    mask = Image.new("L", (100, 100))
    ImageDraw.Draw(mask).rectangle((0, 0, 49, 99), fill=255)
    ImageDraw.Draw(painted).rectangle((40, 0, 59, 99), fill="black")
    assert moved_outside(source, painted, mask) == pytest.approx(0.2)
    after = pixels(composed(source, painted, mask, 4))
    assert (after[:, 50:] == 255).all()
    assert (after[:, 40] <= 3).all()


def test_a_stroke_thinner_than_its_edge_shows_all_the_same() -> None:
    mask = Image.new("L", (100, 100))
    ImageDraw.Draw(mask).line((10, 50, 90, 50), fill=255, width=3)
    after = pixels(composed(Image.new("RGB", (100, 100), "white"), Image.new("RGB", (100, 100), "black"), mask, 4))
    assert (after[50, 12:88] < 128).all()
    assert (after[np.asarray(mask) == 0] == 255).all()


def test_every_thin_part_of_a_mask_shows_whatever_the_feather() -> None:
    """A single pixel, stripes, a checkerboard, and the line that leads out of a round blot: white is painted."""
    masks = {name: Image.new("L", (120, 120)) for name in ("pixel", "stripes", "squares", "blot with a line")}
    masks["pixel"].putpixel((60, 60), 255)
    for x in range(0, 120, 12):
        ImageDraw.Draw(masks["stripes"]).rectangle((x, 0, x + 5, 119), fill=255)
        for y in range(0, 120, 12):
            ImageDraw.Draw(masks["squares"]).rectangle((x, y, x + 5, y + 5), fill=255)
            ImageDraw.Draw(masks["squares"]).rectangle((x + 6, y + 6, x + 11, y + 11), fill=255)
    ImageDraw.Draw(masks["blot with a line"]).ellipse((10, 30, 70, 90), fill=255)
    ImageDraw.Draw(masks["blot with a line"]).line((60, 60, 119, 60), fill=255, width=3)
    for (name, mask), px in product(masks.items(), (0, 4, 16)):
        shown, white = np.asarray(feathered(mask, px)), np.asarray(mask) > 0
        assert (shown[~white] == 0).all(), (name, px)
        near = np.asarray(feathered(mask, px).filter(ImageFilter.MaxFilter(7)))
        thin = near[60, 70:] if name.startswith("blot") else near[white]
        assert thin.min() > 100, (name, px)


def test_a_thick_masks_edge_blends_as_broad_as_it_is_asked_to() -> None:
    """No thinner part, such as a curve's outermost pixels, is made hard by those rules."""
    mask = Image.new("L", (120, 120))
    ImageDraw.Draw(mask).ellipse((10, 10, 110, 110), fill=255)
    ImageDraw.Draw(mask).rectangle((10, 60, 60, 110), fill=255)
    core = mask.filter(ImageFilter.MinFilter(9)).filter(ImageFilter.GaussianBlur(2))
    assert (np.asarray(feathered(mask, 4)) == np.minimum(np.asarray(core), np.asarray(mask))).all()


@pytest.mark.parametrize(
    "given",
    [{"source": "x"}, {"source": "a" * 64, "way": "paste"}, {"source": "a" * 64, "way": "vary", "start_sigma": 0.0},
     {"source": "a" * 64, "way": "vary", "feather": 65}, {"source": "a" * 64, "way": "redo"},
     {"source": "a" * 64, "way": "vary", "references": ("b" * 64,) * 5}],
)  # fmt: skip
def test_an_edit_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        Edit(**given)
