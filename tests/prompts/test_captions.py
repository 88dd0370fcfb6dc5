"""Caption rules: what a model of each family is given for a prompt, against the pipelines' own cleaning."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.captions import CAPTION_RULES, EDIT_RULES, fibo2_caption, fibo2_edit_prompt, fibo2_edit_text
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.prompts.scenes import few
from tests.prompts.test_prompt_properties import prompts


def test_fibo_1_is_given_the_canonical_text() -> None:
    """Its hashes of before stay: nothing in its rule may move."""
    prompt = StructuredPrompt.from_dict({"style_medium": "Öl", "short_description": "a fox", "note": "mine"})
    assert CAPTION_RULES["fibo1"](prompt) == prompt.canonical()
    assert '"style_medium":"\\u00d6l"' in prompt.canonical()


def test_fibo_2_is_given_no_scores_nothing_empty_and_letters_as_they_are() -> None:
    """Keys stay in the order typed, those of nobody's caption too."""
    document = {
        "style_medium": "Öl", "short_description": "a fox", "context": "",
        "objects": [{"description": "fox", "pose": None}],
        "aesthetics": {"aesthetic_score": "low", "composition": "centred"}, "lighting": {"preference_score": "low"},
        "preference_score": "low", "note": "mine", "text_render": [],
    }  # fmt: skip
    told = fibo2_caption(StructuredPrompt.from_dict(document))
    assert told == (
        '{"style_medium":"Öl","short_description":"a fox","objects":[{"description":"fox"}],'
        '"aesthetics":{"composition":"centred"},"note":"mine"}'
    )


def test_fibo_2_is_told_that_a_short_prompt_has_no_text() -> None:
    """An empty list of texts beside the description alone says so; anywhere else it says nothing."""
    short = StructuredPrompt.from_dict({"text_render": [], "short_description": "a fox"})
    assert fibo2_caption(short) == '{"short_description":"a fox","text_render":[]}'
    others_empty = StructuredPrompt.from_dict({"text_render": [{"text": "x"}], "short_description": "a", "mine": None})
    assert fibo2_caption(others_empty) == '{"short_description":"a","text_render":[{"text":"x"}]}'
    unsaid = StructuredPrompt.from_dict({"text_render": [], "short_description": False})
    assert fibo2_caption(unsaid) == '{"short_description":"","text_render":[]}'


def test_an_edits_parts_never_reach_fibo_2s_caption_of_a_picture() -> None:
    """Its pipeline would take them for the order to change a picture, and drop everything else."""
    prompt = StructuredPrompt.from_dict(
        {"short_description": "a fox", "edit_instruction": "x", "structured_caption": {}}
    )
    assert fibo2_caption(prompt) == '{"short_description":"a fox"}'


@given(prompts())
@few
def test_fibo_2s_own_pipeline_leaves_its_caption_as_it_is(prompt: StructuredPrompt) -> None:
    """So the text in the recipe is the text that was read."""
    from diffusers.pipelines.bria_fibo2.pipeline_bria_fibo2 import BriaFibo2Pipeline

    caption, instruction = BriaFibo2Pipeline._parse_prompt(fibo2_caption(prompt))
    assert json.dumps(caption or {}, separators=(",", ":"), ensure_ascii=False) == fibo2_caption(prompt)
    assert instruction is None
    if not any("\ud800" <= letter <= "\udfff" for letter in json.dumps(prompt.document, ensure_ascii=False)):
        theirs, _ = BriaFibo2Pipeline._parse_prompt(prompt.to_json(None))
        again, _ = BriaFibo2Pipeline._parse_prompt(json.dumps(theirs or {}))
        assert again == caption  # of the prompt as typed it makes the same, once it is stable


@given(prompts(), st.text(max_size=40), st.integers(1, 5))
@few
def test_what_fibo_2_reads_of_an_edit_is_what_its_own_pipeline_makes_of_it(
    prompt: StructuredPrompt, instruction: str, pictures: int
) -> None:
    """Marks of the pictures, of the drawn texts too, the caption of the result, the instruction."""
    from diffusers.pipelines.bria_fibo2.pipeline_bria_fibo2 import BriaFibo2Pipeline

    given = fibo2_edit_prompt(prompt, instruction)
    theirs = BriaFibo2Pipeline._get_edit_prompt(given, pictures, text_images='"text_render":[{' in given)
    assert fibo2_edit_text(prompt, instruction, pictures) == theirs


def test_fibo_edit_is_given_fibo_1s_text_with_the_instruction_as_one_more_key() -> None:
    """It is JSON that its pipeline takes; pictures are called as in the examples that it was taught with."""
    from diffusers.pipelines.bria_fibo.pipeline_bria_fibo_edit import is_valid_edit_json

    prompt = StructuredPrompt.from_dict({"short_description": "a fox", "edit_instruction": "mine"})
    told = EDIT_RULES["fibo-edit"](prompt, 'Put <image_2> on "it" of <image_1>, größer', 2)
    assert is_valid_edit_json(told)
    assert json.loads(told) == json.loads(prompt.canonical()) | {
        "edit_instruction": 'Put the second image on "it" of the first image, größer'
    }
    assert told.startswith(prompt.canonical()[:-1])
    assert told.isascii()
    assert json.loads(EDIT_RULES["fibo-edit"](StructuredPrompt.from_dict({}), "x", 1))["edit_instruction"] == "x"
