"""One way in for every JSON: what people and programs give becomes the prompt it means, with a note, or a sentence.

The cases of tests/golden/field-cases/json stand for kinds that were seen; 00-plain.txt is the caption they mean.
"""

import html
import json
import random
import urllib.parse
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fibo_core.errors import PromptError
from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.json_text import MAX_DEPTH, first_fault, marked_line
from fibo_core.prompts.mend import Mended, SeveralCaptions, holds_caption, mend, mend_texts, require_said
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.picture_texts import read_texts

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = GOLDEN / "field-cases" / "json"
TEXT = (CASES / "00-plain.txt").read_text("utf-8")
PLAIN = StructuredPrompt.parse(TEXT)
MINIFIED = PLAIN.to_json(None)


def given(case: str) -> Mended:
    return mend((CASES / case).read_bytes())


def noted(mended: Mended) -> str:
    return " ".join(mended.notes)


@pytest.mark.parametrize(
    ("case", "note"),
    [
        ("01-fal-response.txt", "taken from structured_prompt"),
        ("03b-fence-only.txt", "fence around the JSON"),
        ("04-smart-quotes.txt", "curly quotes (“)"),
        ("05-trailing-comma.txt", "a comma too many before } (line 39, column 35)"),
        ("05b-comments.txt", "a comment"),
        ("07-json-string.txt", "written as text"),
        ("07c-csv-cell.txt", "CSV quoting"),
        ("09a-text-none-string.txt", 'text_render (was "None")'),
        ("10e-style-list.txt", "artistic_style (was a list)"),
        ("10f-style-medium-list.txt", "style_medium (was a list)"),
        ("13-list-wrapper.txt", "taken from [0]"),
        ("13b-prompt-key.txt", "taken from prompt"),
        ("13c-json-prompt-text.txt", "taken from json_prompt, where it was written as text"),
        ("14b-caps.txt", "SHORT_DESCRIPTION as short_description"),
        ("16-two-lines.jsonl.txt", "stands there 2 times"),
        ("18-comfy-api.txt", "taken from 6.inputs.text"),
        ("18b-comfy-ui.txt", "taken from nodes[0].widgets_values[0]"),
        ("22-newline-in-string.txt", "a line break inside a text"),
        ("25-nbsp.txt", "a blank that JSON does not know"),
    ],
)
def test_a_caption_in_other_clothes_is_the_caption_and_a_note_says_what_was_done(case: str, note: str) -> None:
    mended = given(case)
    assert mended.prompt.canonical() == PLAIN.canonical()
    assert note in noted(mended)


@pytest.mark.parametrize("case", ["00-plain.txt", "17-utf16.txt", "17b-bom.txt"])
def test_a_plain_caption_comes_out_as_it_is_without_a_note(case: str) -> None:
    """In whatever encoding an editor has saved it."""
    mended = given(case)
    assert mended.prompt.to_json() == TEXT.strip()
    assert mended.notes == ()


@pytest.mark.parametrize(
    ("case", "path", "expected"),
    [
        ("06-python-repr.txt", "photographic_characteristics", None),
        ("06-python-repr.txt", "context", "a children's book"),
        ("09b-text-string.txt", "text_render", [{"text": "OPEN"}]),
        ("09c-text-list-of-strings.txt", "text_render", [{"text": "OPEN"}, {"text": "24h"}]),
        ("09d-text-object.txt", "text_render[0].color", "red"),
        ("10a-photo-na.txt", "photographic_characteristics", "absent"),
        ("10b-lighting-string.txt", "lighting", {"conditions": "soft morning light"}),
        ("10c-aesthetics-string.txt", "aesthetics", {"composition": "symmetrical, warm"}),
        ("10d-background-object.txt", "background_setting", "meadow, sunny"),
        ("11a-objects-dict.txt", "objects[1]", {"description": "a blue box", "location": "right"}),
        ("11b-objects-strings.txt", "objects[0]", {"description": "a red ball on the left"}),
        ("11c-objects-single.txt", "objects[0].shape_and_color", "round, red"),
        ("12a-desc-list.txt", "objects[0].appearance_details", "shiny, new"),
        ("12b-color-list.txt", "aesthetics.color_scheme", "#ff0000, #0000ff"),
        ("12e-size-object.txt", "objects[0].location", "left"),
        ("23-unescaped-quotes.txt", "short_description", 'A sign that says "OPEN" over a door'),
    ],
)
def test_another_shape_is_taken_over_and_told(case: str, path: str, expected: Any) -> None:
    mended = given(case)
    assert mended.prompt.get(path, "absent") == expected
    assert mended.notes != ()
    same = [key for key in KEYS if not path.startswith(key) and key not in ("objects", "photographic_characteristics")]
    assert {key: mended.prompt.get(key) for key in same if case[:2] != "23"} == {
        key: PLAIN.get(key) for key in same if case[:2] != "23"
    }


@pytest.mark.parametrize("case", ["08-nulls.txt", "11d-objects-null-item.txt", "12c-count-string.txt"])
def test_what_fibo_reads_as_it_is_stays_as_it_was_typed(case: str) -> None:
    """Nulls and a number as text were hints before and are now."""
    mended = given(case)
    assert mended.prompt == StructuredPrompt.parse((CASES / case).read_text("utf-8"))
    assert mended.notes == ()


def test_a_caption_that_was_cut_off_is_what_is_there_and_what_is_missing_is_told() -> None:
    mended = given("24-truncated.txt")
    assert mended.prompt.get("lighting") == {"conditions": "daylight", "direction": "from above"}
    assert mended.notes == (
        "The JSON is cut off in lighting.direction; what was to follow is missing.",
        "Missing and left to FIBO: aesthetics, context.",
    )


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "15-hackathon-fields.txt",
            'it has subject, environment, camera, lighting, render.*background_setting "a mea',
        ),
        ("21-empty-object.txt", "object is empty"),
        ("27-yaml.txt", "This is YAML"),
        ("31-empty-template.txt", "Nothing is said under FIBO's keys"),
    ],
)
def test_what_says_nothing_to_fibo_is_refused_in_one_sentence(case: str, said: str) -> None:
    """Before anything is painted; what could be used is named."""
    with pytest.raises(PromptError, match=said) as refusal:
        given(case)
    assert "\n" not in str(refusal.value)


def test_every_case_from_the_field_is_told_of_here() -> None:
    named = Path(__file__).read_text("utf-8")
    assert [case.name for case in sorted(CASES.iterdir()) if f'"{case.name}"' not in named] == []


def test_a_record_of_ours_gives_its_prompt_and_offers_its_settings() -> None:
    """Exactly: a seed above 2**53 is not rounded."""
    mended = given("30-own-sidecar.txt")
    record = json.loads((CASES / "30-own-sidecar.txt").read_text("utf-8"))
    assert mended.prompt.document == record["structured_prompt"]
    assert mended.recipe.ours
    assert mended.recipe.seed == 9007199254740993
    assert str(mended.recipe) == "seed 9007199254740993, 256×256, 20 steps, guidance 3, model mini"
    printed = {key: record[key] for key in ("id", "image_path", "seed", "structured_prompt", "writer", "duration_s")}
    for text in (json.dumps(printed), json.dumps([printed], indent=2)):
        assert mend(text).prompt == mended.prompt
        assert mend(text).recipe.ours


# ---- Where a caption stands ---------------------------------------------------------------------------------

GEMINI = {"candidates": [{"content": {"parts": [{"text": f"```json\n{TEXT}\n```"}], "role": "model"}}]}
OPENAI = {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"Here it is:\n{TEXT}\nEnjoy!"}}]}
FAL = {"data": {"result": {"structured_prompt": MINIFIED, "seed": 7, "image": {"width": 512, "height": 768}}}}
WORKFLOW = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 5, "steps": 20, "cfg": 4.5, "positive": ["6", 0], "negative": ["7", 0]},
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": TEXT}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": '{"short_description": "blurry"}'}},
}
NEGATIVE = {"short_description": "blurry"}
UI_WORKFLOW = {
    "nodes": [
        {"id": 3, "inputs": [{"name": "positive", "link": 1}, {"name": "negative", "link": 2}]},
        {"id": 6, "widgets_values": [TEXT]},
        {"id": 7, "widgets_values": ['{"short_description": "blurry"}']},
    ],
    "links": [[1, 6, 0, 3, 0, "CONDITIONING"], [2, 7, 0, 3, 1, "CONDITIONING"]],
}


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        (json.dumps(GEMINI), ""),
        (json.dumps(OPENAI), ""),
        (json.dumps(FAL), "seed 7, 512×768"),
        (json.dumps(json.dumps(json.dumps({"prompt": PLAIN.document}))), ""),
        (json.dumps(WORKFLOW), "seed 5, 1024×768, 20 steps, guidance 4.5"),
        (json.dumps(UI_WORKFLOW), ""),
        (json.dumps({"prompt": PLAIN.document, "negative_prompt": NEGATIVE}), "a negative prompt"),
        (json.dumps({"input": {"prompt": TEXT, "size": "832x1216", "steps": "30"}}), "832×1216, 30 steps"),
        (f"Sure {{here}} you are [as asked]:\n\n```json\n{TEXT}```\n\nSay {{more}} if you like.", ""),
        (f"prompt = {MINIFIED};", ""),
        (f"{TEXT}\n\n{TEXT}", ""),
        (f"id,prompt\n1,\"{MINIFIED.replace(chr(34), chr(34) * 2)}\"\n", ""),
        (MINIFIED.replace('"', '\\"'), ""),
        (MINIFIED.replace('"', "&quot;").replace("'", "&#39;"), ""),
        (MINIFIED[1:-1], ""),
        (TEXT.replace('"', "”"), ""),
        (TEXT.replace('": "', "”： “").replace('",', "”，"), ""),
        (repr(PLAIN.document), ""),
        (repr({"objects": tuple(PLAIN.document["objects"]), **PLAIN.document}), ""),
    ],
)  # fmt: skip
def test_the_caption_is_found_wherever_it_stands(text: str, offered: str) -> None:
    """And the negative prompt is never taken for it; settings beside it are offered."""
    mended = mend(text)
    assert mended.prompt.canonical() == PLAIN.canonical()
    assert str(mended.recipe) == offered
    assert mended.notes != ()


TRICKY = StructuredPrompt.from_dict(
    {
        "short_description": 'A sign: "OPEN", says it\'s {24h}, [daily] // no comment, \\ and “more”, "a": 1, see https://x.y',
        "objects": [{"description": "50 mm, f/1.8; #ff0000, 3 things", "location": "left, then: right"}],
        "context": "日本、「本」：",
    }
)


@pytest.mark.parametrize(
    "text",
    [
        repr(TRICKY.document),
        f"p = {TRICKY.document!r}\n",
        json.dumps(TRICKY.to_json()),
        json.dumps({"a": {"b": json.dumps({"prompt": TRICKY.to_json()})}}),
        json.dumps(TRICKY.to_json(None))[1:-1],
        '1,"{}",7\n'.format(TRICKY.to_json(None).replace('"', '""')),
        html.escape(TRICKY.to_json()),
        "?prompt=" + urllib.parse.quote(TRICKY.to_json(None)),
        "".join(f"> {line}\n" for line in TRICKY.to_json().split("\n")),
        "".join(f"data: {line}\n" for line in TRICKY.to_json().split("\n")),
        TRICKY.to_json()[:-2] + ",\n}",
        "// a comment\n" + TRICKY.to_json(),
        f"Use {{seed}} [1]:\n```json\n{TRICKY.to_json()}\n```\nor {{none}}.",
    ],
)
def test_words_that_look_like_json_come_through_every_wrapping_unharmed(text: str) -> None:
    assert mend(text).prompt.canonical() == TRICKY.canonical()


def test_of_several_captions_none_is_taken() -> None:
    """They come with the refusal, each with its own seed, so that one can be chosen."""
    other = PLAIN.set("short_description", "A green cube.")
    records = [{"structured_prompt": PLAIN.document, "seed": 1}, {"structured_prompt": other.document, "seed": 2}]
    for text in (json.dumps(records), f"{MINIFIED}\n{other.to_json()}", f"First:\n{TEXT}\nor {other.to_json(None)}!"):
        with pytest.raises(SeveralCaptions, match=r"2 different captions stand there: .*green cube") as refusal:
            mend(text)
        assert [each.prompt for each in refusal.value.captions] == [PLAIN, other]
    with pytest.raises(SeveralCaptions) as refusal:
        mend(json.dumps(records))
    assert [each.recipe.seed for each in refusal.value.captions] == [1, 2]


def test_the_texts_of_another_programs_picture_hold_a_caption() -> None:
    """InvokeAI, ComfyUI, mflux and others write what they were given, each under names of its own."""
    comfy = {"prompt": json.dumps(WORKFLOW), "workflow": json.dumps(UI_WORKFLOW)}
    mflux = {"Description": "x", "Comment": json.dumps({"prompt": MINIFIED, "seed": 3, "steps": 20})}
    for texts, offered in (
        (comfy, "seed 5, 1024×768, 20 steps, guidance 4.5"),
        (mflux, "seed 3, 20 steps"),
        ({"parameters": TEXT}, ""),
    ):
        mended = mend_texts(texts)
        assert mended is not None
        assert mended.prompt.canonical() == PLAIN.canonical()
        assert str(mended.recipe) == offered
    assert mend_texts({"parameters": "a red ball\nSteps: 20, Seed: 5", "workflow": "{}"}) is None
    assert mend_texts({"prompt": '{"3": {"inputs": {"seed": 5, "denoise": NaN}}}'}) is None


@pytest.mark.parametrize(
    ("picture", "offered"),
    [
        ("fibo-caption-in-prompt", ""),
        ("fibo-json-parameters", "any"),
        ("mflux", "any"),
        ("comfy", "seed 5, 20 steps, guidance 5"),
        ("comfy-nan", None),
        ("a1111", None),
        ("invoke", None),
        ("swarm", None),
    ],
)
def test_pictures_of_other_programs_give_their_caption_where_they_have_one(picture: str, offered: str | None) -> None:
    mended = mend_texts(read_texts((CASES.parent / "pictures" / f"{picture}.png").read_bytes()))
    assert (mended is None) == (offered is None)
    if mended is not None:
        assert mended.prompt.canonical() == PLAIN.canonical()
        assert offered in ("any", str(mended.recipe))


# ---- Keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda key: key.replace("_", " "),
                                   lambda key: key.replace("_", "-"), lambda key: key.replace("_", ""),
                                   lambda key: key[0] + key.title().replace("_", "")[1:]])  # fmt: skip
def test_other_spellings_of_keys_are_fibos_and_told(spell: Any) -> None:
    def respelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {spell(key): respelled(item) for key, item in value.items()}
        return [respelled(item) for item in value] if isinstance(value, list) else value

    mended = mend(json.dumps(respelled(PLAIN.document)))
    assert mended.prompt.canonical() == PLAIN.canonical()
    assert "as short_description" in noted(mended) or spell("context") == "context"


def test_plurals_and_british_colours_are_spellings_too() -> None:
    typed = {"short_descriptions": "x", "object": [{"description": "a ball", "shape_and_colour": "red"}]}
    assert mend(json.dumps(typed)).prompt.document == {
        "short_description": "x",
        "objects": [{"description": "a ball", "shape_and_color": "red"}],
    }


def test_a_likely_typo_is_named_and_the_document_stays_as_typed() -> None:
    typed = (
        '{"short_description": "x", "lightning": {"conditions": "dim"}, "objects": [{"descripton": "a"}], "mine": 1}'
    )
    mended = mend(typed)
    assert mended.prompt == StructuredPrompt.parse(typed)
    assert mended.notes == (
        "lightning: did you mean lighting?",
        "objects[0].descripton: did you mean description?",
    )


def test_keys_of_ones_own_stay_as_typed_without_a_word() -> None:
    typed = '{"zoom": 9007199254740993, "short_description": "x", "aesthetics": {"mine": null}, "note": {"a": []}}'
    assert mend(typed).prompt.to_json(None) == StructuredPrompt.parse(typed).to_json(None)
    assert mend(typed).notes == ()


def test_settings_among_the_keys_of_a_caption_are_offered_and_stay() -> None:
    mended = mend('{"short_description": "x", "seed": 18446744073709551615, "steps": 30, "width": 512}')
    assert mended.prompt.get("seed") == 18446744073709551615
    assert str(mended.recipe) == "seed 18446744073709551615, 30 steps"  # a width alone is no size


def test_repeated_keys_are_told_of_in_what_is_mended_too() -> None:
    mended = mend('```{"short_description": "x", "context": "a", "context": "b"}```')
    assert mended.prompt.get("context") == "b"
    assert "context is there more than once; the last one counts." in mended.notes


# ---- Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a red ball", 'begins with "a red ball"'),
        ("[]", "is a list"),
        ("null", "is null"),
        ('{"error": "overloaded"}', "it has error"),
        ('{"short_desciption": "a ball"}', r"short_desciption: did you mean short_description\?|short_description"),
        ('{"short_description": " ", "objects": [null]}', "Nothing is said"),
        ('{"lighting": {"mainLight": {"type": "area"}}}', "Nothing is said"),
        ("{" * 5000, f"more than {MAX_DEPTH} levels"),
        ('{"objects": ' * 3000, f"more than {MAX_DEPTH} levels"),
        (json.dumps({"prompt": {"objects": ["x"] * 1001}}), "objects has 1,001 items"),
        (b"\x89\xff{", "neither UTF-8 nor UTF-16"),
    ],
)
def test_what_holds_no_caption_is_one_sentence(text: str | bytes, said: str) -> None:
    with pytest.raises(PromptError, match=said) as refusal:
        mend(text)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_a_prompt_that_says_nothing_is_not_painted() -> None:
    require_said(PLAIN)
    require_said(StructuredPrompt.from_dict({"lighting": {"conditions": "dim"}}))
    for nothing in ({}, {"prompt": "a red ball"}, {"aesthetics": {"preference_score": "very high"}}):
        with pytest.raises(PromptError, match="Write at least a short description"):
            require_said(StructuredPrompt.from_dict(nothing))


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (TEXT, True),
        (f"```json\n{TEXT}\n```", True),
        (f"Here you are: {MINIFIED}", True),
        (json.dumps(MINIFIED), True),
        (repr(PLAIN.document), True),
        ("short_description: a red ball\nobjects:\n  - x", True),
        ("{red|blue} ball, soft lighting", False),
        ("a sign that says lighting: on", False),
        ("objects on a table", False),
        ("lighting: soft {warm|cold}", False),
        ("", False),
    ],
)
def test_words_that_hold_a_caption_are_told_from_an_idea(words: str, holds: bool) -> None:
    assert holds_caption(words) is holds


# ---- Faults in words, and every fault there can be -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ('{"a": [1, 2,]}', "a comma too many before ]", 11),
        ('{"a": 1,}', "a comma too many before }", 7),
        ('{"a": 1 "b": 2}', 'a comma is missing before "b"', 8),
        ('{"a" 1}', 'a colon is missing after "a"', 5),
        ('{"a": {"b": 1]}', "] where } belongs", 13),
        ('{"a": [1, 2}', "] is missing before }", 11),
        ('{"a": "x" y"}', 'a " inside a text, without a \\ before it', 8),
        ("{a: 1}", "a key without quotes: a", 1),
        ('{"a": True}', "True where true belongs", 6),
        ('{"a": left}', 'text without quotes: "left"', 6),
        ('{"a": 1', "} is missing at the end", 7),
        ('{"a": 1}}', 'something stands after its end: "}"', 8),
        ('{"a": "x,\n "b": 1}', 'the closing quote of "x" is missing', 8),
    ],
)
def test_the_first_fault_is_named_in_words_at_its_place(text: str, said: str, at: int) -> None:
    fault = first_fault(text)
    assert fault is not None
    assert (fault.message, fault.position) == (said, at)


def test_the_line_of_a_fault_is_shown_with_a_mark_under_it() -> None:
    assert marked_line('{\n  "a": 1,\n}', 2, 9) == '  "a": 1,\n        ^'
    shown, mark = marked_line("x" * 500 + "!" + "y" * 500, 1, 501).split("\n")
    assert shown[mark.index("^")] == "!"
    assert len(shown) < 80


@pytest.mark.parametrize("text", [TEXT, json.dumps(PLAIN.document), (GOLDEN / "complete.json").read_text("utf-8")])
def test_a_quote_bracket_comma_or_colon_that_is_missing_or_doubled_loses_nothing(text: str) -> None:
    """Each in turn. Almost all come out as they were meant; the few others keep their words, or say which went."""
    whole = StructuredPrompt.parse(text)
    outcomes = Counter[str]()
    for position, sign in enumerate(text):
        for instead in ("", sign * 2) if sign in '"{}[],:' else ():
            broken = text[:position] + instead + text[position + 1 :]
            if _is_json(broken):
                continue  # a comma within a text
            mended = mend(broken)
            assert mended.notes != (), broken
            outcomes["same" if mended.prompt.canonical() == whole.canonical() else "other"] += 1
    assert outcomes["same"] > 300
    assert outcomes["other"] <= 5


def test_a_caption_cut_at_every_byte_is_its_beginning_and_says_so() -> None:
    data = TEXT.encode()
    for end in range(data.index(b"A red") + 2, len(data) - 3):
        mended = mend(data[:end].decode("utf-8", "ignore"))
        assert "cut off in" in noted(mended)
        assert _begins(mended.prompt.document, PLAIN.document), f"cut at {end}"


def test_any_text_is_a_prompt_or_a_sentence() -> None:
    """Two thousand documents with several signs changed, moved and cut; no other exception, nothing lost in silence."""
    drawn = random.Random(7)
    signs = "\"{}[],:\\'“”\n `()/*#=;.x0nt"
    for _ in range(2000):
        text = list(drawn.choice((TEXT, MINIFIED, json.dumps(WORKFLOW), f"```\n{TEXT}```")))
        for _ in range(drawn.randint(2, 12)):
            at = drawn.randrange(len(text))
            text[at] = drawn.choice(("", drawn.choice(signs), text[at] + drawn.choice(signs)))
        broken = "".join(text[: drawn.choice((len(text), drawn.randrange(len(text))))])
        with suppress(PromptError):
            mended = mend(broken)
            assert mend(mended.prompt.to_json()).prompt == mended.prompt


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _begins(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _begins(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) <= len(whole) and all(map(_begins, part, whole))
    return bool(whole.startswith(part) if isinstance(part, str) else part == whole)
