"""GenerationRequest: limits told in one sentence, and a hash that changes with anything that changes the picture."""

import math
from dataclasses import replace
from typing import Any

import pytest

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import (
    GenerationRequest,
    check_tokens,
    draw_seed,
    draw_seeds,
)
from fibo_core.errors import InputError, RequestError
from fibo_core.limits import SEED_MAX
from fibo_core.models.catalogue import CATALOGUE, find_model, find_weights
from fibo_core.models.families import FIBO1, FIBO2, PHOTOGRAPH_NEGATIVE
from fibo_core.prompts.structured_prompt import StructuredPrompt

BALL = StructuredPrompt.from_dict({"short_description": "a red ball"})


def request(**changes: Any) -> GenerationRequest:
    base: dict[str, Any] = {
        "prompt": BALL, "negative_prompt": "{}", "seed": 7, "width": 256, "height": 256,
        "num_inference_steps": 20, "guidance_scale": 4.0, "model": "mini", "revision": "abc",
    }  # fmt: skip
    return GenerationRequest(**{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 17, "height": 17}, ["17×17", "64 to 2048"]),
        ({"width": 4096}, ["4096×256", "2048"]),
        ({"seed": -1}, ["-1", str(SEED_MAX)]),
        ({"seed": 2**64}, [str(2**64), str(SEED_MAX)]),
        ({"num_inference_steps": 0}, ["0", "1 to 200"]),
        ({"guidance_scale": float("nan")}, ["nan", "1 to 30"]),
        ({"guidance_scale": 0.5}, ["0.5", "1 to 30"]),
    ],
)
def test_a_value_outside_its_limits_is_refused_with_value_and_limits(changes: dict[str, Any], words: list[str]) -> None:
    """One sentence: what, the value, what to choose."""
    with pytest.raises(RequestError) as error:
        request(**changes)
    for word in words:
        assert word in str(error.value)


def test_the_largest_seed_is_a_seed() -> None:
    """The limit is 2⁶³−1 itself."""
    assert request(seed=SEED_MAX).seed == 2**63 - 1


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": StructuredPrompt.from_dict({"short_description": "a blue ball"})},
        {"negative_prompt": ""},
        {"seed": 8},
        {"width": 272},
        {"height": 272},
        {"num_inference_steps": 21},
        {"guidance_scale": 4.5},
        {"model": "fibo"},
        {"revision": "abd"},
        {"adapters": ("a",)},
        {"approximation": "nf4"},
        {"width": 250},
    ],
)
def test_the_recipe_hash_changes_with_everything_that_changes_the_picture(changes: dict[str, Any]) -> None:
    """Equal hashes mean equal pictures, so nothing may be left out."""
    assert request(**changes).recipe_hash != request().recipe_hash


@pytest.mark.parametrize(
    ("precision", "approximation"),
    [("float32", ""), ("bfloat16", ""), ("unknown", ""), ("bfloat16, tiled", "tiled"), ("nf4, tiled", "nf4, tiled")],
)
def test_a_machines_own_precision_is_no_part_of_the_recipe(precision: str, approximation: str) -> None:
    """What was given up for memory is."""
    painted = request().painted_in(precision)
    assert painted.approximation == approximation
    assert (painted.recipe_hash == request().recipe_hash) == (not approximation)


def test_the_recipe_hash_ignores_what_the_model_never_sees() -> None:
    """Spacing and unknown top-level keys are the user's own; guidance 4 and 4.0 are one value."""
    note = StructuredPrompt.from_dict({"my_note": "keep", "short_description": "a red ball"})
    assert request(prompt=note).recipe_hash == request().recipe_hash
    assert request(guidance_scale=4).recipe_hash == request(guidance_scale=4.0).recipe_hash


def test_too_many_tokens_are_refused_with_their_count() -> None:
    """The pipeline would cut the prompt's end silently."""
    check_tokens(3000, FIBO1)
    check_tokens(3001, FIBO2)
    with pytest.raises(RequestError, match="3,001 tokens"):
        check_tokens(3001, FIBO1)


def test_photographs_get_fibos_own_negative_prompt_and_nothing_else_does() -> None:
    """As FIBO's command line does when the user gives none."""
    photo = StructuredPrompt.from_dict({"style_medium": "Photograph"})
    painting = StructuredPrompt.from_dict({"style_medium": "oil painting"})
    assert FIBO1.default_negative(photo) == PHOTOGRAPH_NEGATIVE
    assert FIBO1.default_negative(painting) == FIBO1.default_negative(BALL) == ""


def test_the_request_of_mini_always_sends_its_own_negative_prompt() -> None:
    """mini has no token for an empty prompt; whatever the user typed, it gets {}."""
    settings = RenderSettings.of(CATALOGUE["mini"], negative_prompt="ugly")
    assert settings.request(BALL, 7, "r").negative_prompt == "{}"


def test_the_request_of_fibo_sends_the_users_negative_prompt_or_the_default() -> None:
    photo = StructuredPrompt.from_dict({"style_medium": "photo"})
    mine = RenderSettings.of(CATALOGUE["fibo"], negative_prompt=" blurry ")
    none = RenderSettings.of(CATALOGUE["fibo"])
    assert mine.request(photo, 7, "r").negative_prompt == "blurry"
    assert none.request(photo, 7, "r").negative_prompt == PHOTOGRAPH_NEGATIVE


def test_a_batch_is_a_list_of_following_seeds() -> None:
    """Any picture of a batch can be painted again alone."""
    assert draw_seeds(3, 7) == (7, 8, 9)
    assert draw_seeds(2, SEED_MAX) == (SEED_MAX, 0)
    assert len(set(draw_seeds(8))) == 8
    with pytest.raises(RequestError, match="0"):
        draw_seeds(0)


def test_drawn_seeds_differ_and_are_seeds() -> None:
    drawn = {draw_seed() for _ in range(50)}
    assert len(drawn) > 45
    assert all(0 <= seed < 2**32 for seed in drawn)


def test_every_shape_of_every_model_is_a_size_it_can_paint() -> None:
    """A shape in a form must never end in a refusal."""
    for spec in CATALOGUE.values():
        for aspect, (width, height) in spec.shapes.items():
            settings = RenderSettings.of(spec, aspect=aspect)
            assert replace(settings).request(BALL, 0, "r").width == width
            assert spec.nearest_aspect(width, height) == aspect


def test_fibo_has_half_a_megapixel_of_each_shape_and_names_it_where_a_picture_is_larger() -> None:
    """The same form, in the steps that FIBO's sizes have; a photograph of a few pixels is no reason to paint so few."""
    fibo = CATALOGUE["fibo"]
    for aspect, (width, height) in fibo.sizes.items():
        small = fibo.size(f"{aspect}-small")
        assert 0.45e6 < math.prod(small) < 0.55e6
        assert abs(small[0] / small[1] - width / height) < 0.03
        assert all(side % 32 == 0 for side in small)
        assert fibo.smaller_shape(width, height) == f"{aspect}-small ({small[0]}×{small[1]} pixels)"
        assert fibo.smaller_shape(*small) is None
    assert fibo.smaller_shape(2048, 2048) == "1:1 (1024×1024 pixels)"
    assert fibo.nearest_aspect(700, 700) == "1:1"


def test_an_unknown_shape_or_model_names_those_there_are() -> None:
    with pytest.raises(InputError, match="1:1"):
        CATALOGUE["mini"].size("7:5")
    with pytest.raises(InputError, match="mini, fibo"):
        find_model("dall-e")


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_no_model(name: str) -> None:
    """mini has no repository; that does not make it the one without a name."""
    with pytest.raises(InputError, match="mini, fibo"):
        find_model(name)
    with pytest.raises(InputError, match=r"fibo-edit-1\.5-turbo, fibo-vlm"):
        find_weights(name)


def test_settings_like_a_recipe_ask_for_its_adapters_by_name_and_strength() -> None:
    """One of a recipe that does not say which file it was cannot be asked for again."""
    stored = request(adapters=("sepia@0123456789abcdef*0.5",))
    assert RenderSettings.like(stored, CATALOGUE["mini"]).adapters == ("sepia:0.5",)
    with pytest.raises(RequestError, match="'soft-light', which does not say which file"):
        RenderSettings.like(request(adapters=("soft-light",)), CATALOGUE["mini"])


PHOTOGRAPH = StructuredPrompt.from_dict({"style_medium": "photograph", "short_description": "a red ball"})
UMBRELLA = StructuredPrompt.from_dict({"mine": ["größe", "☂", 1.5, None], "short_description": "傘 \u2028 \U0001f302"})


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (request(), "bd55acf7019ee7aa2016a05a27031e19c84f5f8a81a5757fbd5440034d3b4862"),
        (
            RenderSettings.of(find_model("fibo")).request(PHOTOGRAPH, 42, "r1"),
            "9482f712c25225ee21b5b07248029dd19a0bd05d4f93b08fd0760cdfcdb5b714",
        ),
        (
            request(adapters=("loras/soft.safetensors", "größe")),
            "a8478482e9e83025e862da8c29cd0930b5d5a0f1a391f74015aeb76f4bb8240f",
        ),
        (
            request(prompt=UMBRELLA, negative_prompt="'☂'"),
            "a2f6bfc72785102f7384897b975c16c790ee5cef0cb1d04e65a055567d9474b9",
        ),
        (
            request(seed=SEED_MAX, width=2048, height=64),
            "2bb9ed44fbb12a8924ea8fed844feed12a27e22e182ebd85918b75c79403ae46",
        ),
        (
            request(guidance_scale=4.25, num_inference_steps=1),
            "1463cd36cc42f752ff77bbd7437a6b40dabc77743e5ed812ebca651e304aa659",
        ),
    ],
    ids=["plain", "photograph", "adapters", "unicode", "largest seed", "guidance"],
)
def test_the_hash_of_a_recipe_never_changes(recipe: GenerationRequest, expected: str) -> None:
    """Pictures of earlier versions are found by it: a change here would lose every twin in every history."""
    assert recipe.recipe_hash == expected
