"""Other programs' recipes: the words and settings come out of what each of them writes into its pictures."""

import json
from pathlib import Path

import pytest

from fibo_core.prompts.foreign import ForeignRecipe, foreign_recipe
from fibo_core.store.picture_texts import read_texts

FIELD = Path("tests/golden/field-cases/pictures")


def of_file(name: str) -> ForeignRecipe | None:
    return foreign_recipe(read_texts((FIELD / name).read_bytes()))


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        (
            "a1111.png",
            ForeignRecipe(
                *("A1111", "a red ball and a blue box on grass, masterpiece", "blurry", 1234567890, 512, 512, 20, 7.0),
                model="demo",
            ),
        ),
        ("invoke.png", ForeignRecipe("InvokeAI", "a red ball", "", 5, 512, 512, 20)),
        ("swarm.png", ForeignRecipe("SwarmUI", "a red ball", seed=5, steps=20)),
    ],
)
def test_the_words_and_settings_of_pictures_from_the_field_come_out(name: str, recipe: ForeignRecipe) -> None:
    assert of_file(name) == recipe


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fibo-json-parameters.png", "seed 7, 1024×1024, 50 steps"),
        ("mflux.png", "seed 7, 20 steps"),
        ("comfy.png", "seed 5, 20 steps"),
    ],
)
def test_settings_beside_a_caption_of_fibos_are_found_and_the_caption_is_given_as_it_stands(
    name: str, settings: str
) -> None:
    found = of_file(name)
    assert found is not None
    assert json.loads(found.words)["short_description"].startswith("A red ball")
    assert found.settings() == settings


@pytest.mark.parametrize("name", ["comfy-nan.png", "transparent.png", "fibo-caption-in-prompt.png"])
def test_where_no_words_stand_there_is_nothing_to_offer(name: str) -> None:
    """A NaN breaks nothing, and a bare caption is no program's recipe."""
    assert of_file(name) is None


KSAMPLER = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            **{"seed": ["20", 0], "steps": 28, "cfg": 4.5, "denoise": float("nan")},
            **{"model": ["4", 0], "positive": ["10", 0], "negative": ["7", 0], "latent_image": ["5", 0]},
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "demo.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["21", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "10": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["6", 0], "back": ["10", 0]}},
    "20": {"class_type": "PrimitiveInt", "inputs": {"value": 99}},
    "21": {"class_type": "StringConstant", "inputs": {"string": "a fox in snow"}},
}
FLUX = {
    "1": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"noise": ["2", 0], "guider": ["3", 0], "sigmas": ["4", 0], "latent_image": ["5", 0]},
    },
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 99}},
    "3": {"class_type": "BasicGuider", "inputs": {"model": ["7", 0], "conditioning": ["6", 0]}},
    "4": {"class_type": "BasicScheduler", "inputs": {"steps": 28, "model": ["7", 0]}},
    "5": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 832, "height": 1216}},
    "6": {"class_type": "FluxGuidance", "inputs": {"guidance": 4.5, "conditioning": ["8", 0]}},
    "7": {"class_type": "UNETLoader", "inputs": {"unet_name": "demo.safetensors"}},
    "8": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox in snow"}},
}
DRAWN = {
    "nodes": [
        {
            **{"id": 3, "type": "KSampler", "widgets_values": [99, "randomize", 28, 4.5, "euler", "normal", 1]},
            "inputs": [
                *({"name": "model", "link": 1}, {"name": "positive", "link": 2}, {"name": "negative", "link": 3}),
                {"name": "latent_image", "link": 4},
            ],
        },
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["demo.safetensors"]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a fox in snow"], "inputs": None},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
        {"id": 8, "type": "KSampler", "mode": 4, "widgets_values": [1, "fixed", 1, 1]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [832, 1216, 1]},
    ],
    "links": [[1, 4, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "X"], [3, 7, 0, 3, 2, "X"], [4, 5, 0, 3, 3, "LATENT"], None],
}


@pytest.mark.parametrize(
    "texts",
    [{"prompt": json.dumps(KSAMPLER), "workflow": "{}"}, {"prompt": json.dumps(FLUX)}, {"workflow": json.dumps(DRAWN)}],
    ids=["links and a circle", "a guider", "only as drawn"],
)
def test_a_comfyui_graph_is_followed_back_from_the_node_that_samples(texts: dict[str, str]) -> None:
    """Through links, primitives and conditioning; the negative words are not taken for the words."""
    found = foreign_recipe(texts)
    assert found == ForeignRecipe("ComfyUI", "a fox in snow", "", 99, 832, 1216, 28, 4.5, "demo.safetensors")


@pytest.mark.parametrize(
    ("texts", "program", "settings"),
    [
        (
            {"parameters": "a fox\nNegative prompt: \nSteps: 8, Seed: 3, Size: 640x480, Version: f2.0.1v1.10.1"},
            *("Forge", "seed 3, 640×480, 8 steps"),
        ),
        (
            {"UserComment": 'a fox\nSteps: 8, Lora hashes: "a: 1, Seed: 9", Seed: 3, Size: 640x480'},
            *("A1111", "seed 3, 640×480, 8 steps"),
        ),
        (
            {
                "fooocus_scheme": "fooocus",
                "parameters": '{"prompt": "a fox", "seed": "3", "steps": 8, "resolution": "(640, 480)"}',
            },
            *("Fooocus", "seed 3, 640×480, 8 steps"),
        ),
        (
            {"UserComment": '{"mflux_version": "0.9", "prompt": "a fox", "seed": 3, "width": 640, "height": 480}'},
            *("mflux", "seed 3, 640×480"),
        ),
        (
            {"Software": "NovelAI", "Comment": '{"prompt": "a fox", "uc": "blurry", "seed": 3, "scale": 5}'},
            *("NovelAI", "seed 3"),
        ),
        (
            {"sd-metadata": '{"image": {"prompt": [{"prompt": "a fox", "weight": 1}], "seed": 3, "steps": 8}}'},
            *("InvokeAI", "seed 3, 8 steps"),
        ),
    ],
)
def test_each_programs_own_way_is_read(texts: dict[str, str], program: str, settings: str) -> None:
    found = foreign_recipe(texts)
    assert found is not None
    assert (found.program, found.words, found.settings()) == (program, "a fox", settings)


@pytest.mark.parametrize(
    "settings",
    [
        '"seed": NaN, "steps": Infinity, "width": 1e400, "height": -5',
        '"seed": -1, "steps": true, "width": [512], "height": null',
        '"seed": "12a", "steps": "", "cfg_scale": "high", "size": "huge"',
        '"seed": ' + "9" * 60 + ', "steps": 1e9, "width": 512',
    ],
)
def test_settings_that_are_none_are_left_out_and_the_words_stay(settings: str) -> None:
    found = foreign_recipe({"parameters": f'{{"prompt": "a fox", {settings}}}'})
    assert found == ForeignRecipe("another program", "a fox")


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"parameters": ""},
        {"parameters": "[" * 100_000},
        {"parameters": '{"a":' * 100_000},
        {"prompt": '{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "positive": ["3", 0]}}}'},
        {"workflow": '{"nodes": [3, {"id": {}}], "links": [[], 7]}'},
        {"invokeai_metadata": "[]", "sd-metadata": '{"image": []}', "Comment": "{}"},
        {"UserComment": "made by a phone"},
    ],
)
def test_what_is_no_recipe_gives_none_and_never_a_trace(texts: dict[str, str]) -> None:
    assert foreign_recipe(texts) is None
