"""StructuredPrompt: what is read, what is refused and how, and the text the model is given."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fibo_core.errors import PromptError
from fibo_core.prompts import json_alignment
from fibo_core.prompts.structured_prompt import (
    KEYS,
    MAX_DEPTH,
    MAX_TEXT_BYTES,
    MISSING,
    Change,
    Hint,
    StructuredPrompt,
    diff,
    json_schema,
    locate,
)

GOLDEN = Path(__file__).parents[1] / "golden"
SCORES = {"preference_score": "very high", "aesthetic_score": "very high"}


def prompt(**document: Any) -> StructuredPrompt:
    return StructuredPrompt.from_dict(document)


def still_life() -> StructuredPrompt:
    things = [("ball", "red"), ("box", "blue"), ("cat", "black")]
    return prompt(
        short_description="three things",
        objects=[{"description": name, "shape_and_color": color, "texture": "smooth"} for name, color in things],
    )


def model_sees(document: dict[str, Any]) -> Any:
    return json.loads(StructuredPrompt.from_dict(document).canonical())


# The text for the model


@pytest.mark.parametrize("name", ["complete", "untidy"])
def test_canonical_text_is_what_upstreams_cleaning_gives(name: str) -> None:
    """Byte for byte what upstream's cleaning (boltons, ujson) wrote for the same captions."""
    typed = (GOLDEN / f"{name}.json").read_text("utf-8")
    assert StructuredPrompt.parse(typed).canonical() == (GOLDEN / f"{name}.canonical.txt").read_text("utf-8")


def test_top_level_keys_are_put_in_order_and_inner_keys_stay_as_typed() -> None:
    """Ten keys in canonical order, whatever the order typed; nested keys are not sorted."""
    backwards = {key: "words" for key in reversed(KEYS) if key not in ("objects", "lighting", "text_render")}
    del backwards["aesthetics"], backwards["photographic_characteristics"]
    backwards["lighting"] = {"shadows": "long", "conditions": "dusk"}
    seen = model_sees(backwards)
    assert [*seen] == [key for key in KEYS if key in backwards] + ["aesthetics"]
    assert [*seen["lighting"]] == ["shadows", "conditions"]


@pytest.mark.parametrize("nothing", [None, "", {}, [], float("nan"), {"a": {"b": [None, {}]}}, [[], [""]]])
def test_what_is_empty_is_dropped_with_all_that_it_empties(nothing: Any) -> None:
    """None, "", {}, [] and NaN vanish at any depth, and so does a container left empty."""
    document = {
        "lighting": {"conditions": "dusk", "rays": [nothing, "thin"]},
        "objects": [{"extra": nothing}],
    }
    assert model_sees(document) == {
        "lighting": {"conditions": "dusk", "rays": ["thin"]},
        "aesthetics": SCORES,
    }


@pytest.mark.parametrize("something", [0, 0.0, False, " ", "null", -1])
def test_zero_false_and_a_space_survive(something: Any) -> None:
    """Only emptiness is dropped; values that merely look false are rendered."""
    seen = model_sees({"objects": [{"count": something}]})
    assert seen["objects"] == [{"count": something}]


def test_scores_are_set_where_they_stand() -> None:
    """A score typed by the user keeps its place and is told to the model as the highest."""
    aesthetics = {"aesthetic_score": "low", "composition": "centred"}
    assert prompt(aesthetics=aesthetics, context="a test").canonical() == (
        '{"aesthetics":{"aesthetic_score":"very high","composition":"centred",'
        '"preference_score":"very high"},"context":"a test"}'
    )


@pytest.mark.parametrize("document", [{}, {"aesthetics": None}, {"aesthetics": {}}, {"aesthetics": {"mood": ""}}])
def test_an_absent_or_emptied_aesthetics_is_created_last(document: dict[str, Any]) -> None:
    """Cleaning comes before the scores: what cleaning removes from the middle comes back at the end."""
    seen = model_sees({**document, "artistic_style": "flat", "short_description": "a kite"})
    assert [*seen.items()] == [
        ("short_description", "a kite"),
        ("artistic_style", "flat"),
        ("aesthetics", SCORES),
    ]


def test_letters_beyond_ascii_are_escaped_but_not_u007f() -> None:
    """As upstream's ujson writes them: an emoji as two escapes, half of one as one, U+007F raw."""
    text = prompt(short_description='é 🎈 \ud83c / "\x7f" \\u007f \\\x7f').canonical()
    assert text.startswith(
        r'{"short_description":"\u00e9 \ud83c\udf88 \ud83c / \"' + "\x7f" + r"\" \\u007f \\" + '\x7f","aes'
    )


def test_unknown_keys_inside_are_rendered_and_on_top_are_left_out() -> None:
    """An unknown key in an object reaches the model; a top-level one does not, is reported, and is kept."""
    typed = '{"seed": 7, "objects": [{"description": "a kite", "tail": {"length": "long"}}]}'
    kite = StructuredPrompt.parse(typed)
    assert json.loads(kite.canonical())["objects"] == [{"description": "a kite", "tail": {"length": "long"}}]
    assert "seed" not in kite.canonical()
    assert [*kite.document] == ["seed", "objects"]
    assert "ten keys" in next(hint.message for hint in kite.hints() if hint.path == "seed")


def test_tokens_are_counted_on_the_canonical_text() -> None:
    """The counter is given the text that the model is given, not what was typed."""
    kite = prompt(short_description="a kite", unknown="x" * 1000)
    assert kite.token_count(len) == len(kite.canonical()) < 200


# What was typed


def test_the_document_stays_as_typed() -> None:
    """Order, unknown keys, empties and letters are kept, readable, for rows and editors."""
    typed = '{\n  "artistic_style": "naïve 🎈",\n  "mine": null,\n  "objects": []\n}'
    kite = StructuredPrompt.parse(typed)
    assert kite.to_json() == typed
    assert kite.to_json(indent=None) == '{"artistic_style":"naïve 🎈","mine":null,"objects":[]}'


def test_half_a_letter_can_still_be_stored() -> None:
    """A lone surrogate, which models do emit, survives and never breaks a UTF-8 file."""
    half = StructuredPrompt.parse('{"short_description": "\\ud83d!", "\\udc00": {"[x]": 1}}')
    assert half.document["short_description"] == "\ud83d!"
    assert StructuredPrompt.parse(half.to_json().encode("utf-8").decode("utf-8")) == half
    assert [half.get(path) for path in half.paths()] == ["\ud83d!", 1]
    said = [*half.hints(), *diff(half, prompt())]
    assert "udc00" in "".join(str(each).encode("utf-8").decode("utf-8") for each in said)


def test_a_prompt_cannot_be_changed_through_what_it_hands_out() -> None:
    """Documents are copies: the caller's edits, before or after, do not reach the prompt."""
    given = {"objects": [{"description": "a kite"}]}
    kite = StructuredPrompt.from_dict(given)
    given["objects"].append({"description": "a dog"})
    kite.document["objects"].clear()
    kite.get("objects").clear()
    assert kite.document == {"objects": [{"description": "a kite"}]}


def test_equal_prompts_are_equal_in_order_too() -> None:
    """Prompts can be keys of a dict; the order of keys counts, since the model reads it."""
    assert len({prompt(context="a", lighting={}), StructuredPrompt.parse('{"context":"a","lighting":{}}')}) == 1
    assert prompt(context="a", lighting={}) != prompt(lighting={}, context="a")
    assert prompt(objects=[{"n": 1}]) != prompt(objects=[{"n": True}])


# Hints


def test_a_complete_caption_gets_no_hints() -> None:
    """Nothing is said about a caption as FIBO wants it."""
    assert StructuredPrompt.parse((GOLDEN / "complete.json").read_text("utf-8")).hints() == ()


def test_missing_keys_are_hints() -> None:
    """Every absent key of the ten is named, and what FIBO needs inside a part that is there."""
    hints = prompt(lighting={"conditions": "dusk"}, objects=[{"description": "a kite", "location": None}]).hints()
    missing = {hint.path for hint in hints if hint.message == "is missing"}
    assert missing == {*KEYS} - {"lighting", "objects"} | {"lighting.direction", "objects[0].relationship"}
    assert Hint("objects[0].location", "is null") in hints


def test_another_scalar_is_rendered_with_a_hint() -> None:
    """A number where text belongs (or the reverse) is no reason to refuse: upstream renders it."""
    kite = prompt(objects=[{"number_of_objects": "3", "texture": 5}])
    assert '"number_of_objects":"3","texture":5' in kite.canonical()
    said = {hint.path: hint.message for hint in kite.hints()}
    assert said["objects[0].number_of_objects"] == 'is text ("3"), where a whole number is expected'
    assert said["objects[0].texture"] == "is a number (5), where text is expected"


def test_more_than_fibo_expects_is_a_hint() -> None:
    """Too many objects or words are said with their count and the limit."""
    crowded = prompt(objects=[{}] * 6, short_description="so " * 201, artistic_style="a b c d")
    said = {hint.path: hint.message for hint in crowded.hints()}
    assert said["objects"] == "has 6 objects; FIBO expects at most 5"
    assert "201 words" in said["short_description"]
    assert "4 words" in said["artistic_style"]


def test_a_repeated_key_counts_once_and_is_reported() -> None:
    """JSON readers take the last of two equal keys; the user is told that there were two."""
    kite = StructuredPrompt.parse('{"lighting": {"conditions": "day", "conditions": "night"}}')
    assert kite.get("lighting.conditions") == "night"
    assert Hint("lighting.conditions", "is there more than once; the last one counts") in kite.hints()


# Refusals


@pytest.mark.parametrize(
    ("typed", "said", "line", "column"),
    [
        ("", "empty", None, None),
        (" \n\t", "empty", None, None),
        ("a red ball", 'begins with "a red ball"', 1, 1),
        ('{\n  "context": "a"\n  "objects": []\n}', 'a comma is missing before "objects"', 3, 3),
        ("{'context': 1}", "double quotes", 1, 2),
        ('{"context": "a\nb"}', "a line break inside a text", 1, 15),
        ('{"context": 1} and more', "something stands after its end", 1, 16),
    ],
)
def test_text_that_is_not_json_is_refused_at_its_line(
    typed: str, said: str, line: int | None, column: int | None
) -> None:
    """The sentence says what is wrong and where, so that an editor can point there."""
    with pytest.raises(PromptError, match=said) as refusal:
        StructuredPrompt.parse(typed)
    assert (refusal.value.line, refusal.value.column) == (line, column)


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ({"lighting": ["soft"]}, "lighting", 'is a list (["soft"]), but it should be an object'),
        ({"aesthetics": "nice"}, "aesthetics", 'is text ("nice"), but it should be an object'),
        ({"aesthetics": []}, "aesthetics", "is a list ([]), but it should be an object"),
        ({"objects": {"a": 1}}, "objects", 'is an object ({"a": 1}), but it should be a list'),
        ({"objects": [{}, "a kite"]}, "objects[1]", 'is text ("a kite"), but it should be an object'),
        ({"objects": [{"location": ["left"]}]}, "objects[0].location", "but it should be text"),
        ({"text_render": [3]}, "text_render[0]", "is a number (3), but it should be an object"),
        ({"short_description": {"x": "y" * 99}}, "short_description", "y…), but it should be text"),
    ],
)
def test_a_wrong_shape_names_path_value_and_expectation(document: dict[str, Any], path: str, said: str) -> None:
    """From a dict, and from text, which adds the line."""
    with pytest.raises(PromptError) as refusal:
        StructuredPrompt.from_dict(document)
    assert str(refusal.value).startswith(f"{path} is")
    assert said in str(refusal.value)
    assert (refusal.value.path, refusal.value.line) == (path, None)
    typed = json.dumps({"context": "first", **document}, indent=2)
    with pytest.raises(PromptError, match=r"\(line [345], column \d+\)$") as refusal:
        StructuredPrompt.parse(typed)
    assert (refusal.value.line, refusal.value.column) == locate(typed, path)


@pytest.mark.parametrize("typed", ["[]", '"words"', "7", "null", "NaN"])
def test_json_that_is_no_object_is_refused(typed: str) -> None:
    """A structured prompt has keys."""
    with pytest.raises(PromptError, match=r"begins with {|is a JSON object"):
        StructuredPrompt.parse(typed)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999", "1" * 400, "1" * 5000])
def test_a_number_beyond_json_is_refused(number: str) -> None:
    """Infinity is no JSON, and would break every reader of the stored recipe."""
    with pytest.raises(PromptError, match=r"infinite or too large|thousands of digits"):
        StructuredPrompt.parse(f'{{"objects": [{{"n": {number}}}]}}')


@pytest.mark.parametrize("value", [{1: "a"}, {"objects": [{"n": {3}}]}, {"context": b"bytes"}])
def test_a_dict_of_other_things_than_json_is_refused(value: Any) -> None:
    """Only JSON can be stored, and shown to the model."""
    with pytest.raises(PromptError, match=r"not text|JSON does not know"):
        StructuredPrompt.from_dict(value)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 1_000, 80_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_deep_nesting_is_refused_in_a_sentence(levels: int, opening: str, closing: str) -> None:
    """However deep: a sentence, and never Python's recursion error."""
    inner = levels - 1
    with pytest.raises(PromptError, match=f"more than {MAX_DEPTH} levels"):
        StructuredPrompt.parse('{"mine":' + opening * inner + "1" + closing * inner + "}")


def test_the_deepest_allowed_nesting_can_be_read_edited_and_compared() -> None:
    """At the limit everything still works, comparing lists inside lists too."""
    inner = MAX_DEPTH - 1
    before, after = (StructuredPrompt.parse('{"mine":' + "[" * inner + n + "]" * inner + "}") for n in "12")
    assert [(change.before, change.after) for change in diff(before, after)] == [(1, 2)]
    with pytest.raises(PromptError, match="levels"):
        before.set("mine" + "[0]" * inner, [])


def test_five_megabytes_are_refused_in_a_sentence() -> None:
    """Whether the bulk is one text or many parts, and also when it is built up by edits."""
    for bulk in ('"' + "x" * 5_000_000 + '"', "[" + "{}," * 1_700_000 + "{}]"):
        with pytest.raises(PromptError, match=r"has 5,\d{3},\d{3} bytes, and at most 500,000"):
            StructuredPrompt.parse(f'{{"objects": {bulk}}}')
    with pytest.raises(PromptError, match="bytes"):
        prompt().set("context", "é" * (MAX_TEXT_BYTES // 2))
    with pytest.raises(PromptError, match="objects has 150,000 items"):
        StructuredPrompt.parse('{"objects": [' + "{}," * 149_999 + "{}]}")


def test_the_mark_of_a_windows_editor_is_read_over() -> None:
    """A byte order mark in a dropped file is no fault of the user's."""
    assert StructuredPrompt.parse('\ufeff{"context": "a"}') == prompt(context="a")


# Paths and edits


def test_paths_name_every_leaf_and_lead_back_to_it() -> None:
    """In document order; awkward keys are quoted."""
    odd = prompt(objects=[{"description": "a kite"}, {}], mine={"a.b": {"c[0]": None}, "": 1, "two words": []})
    assert odd.paths() == (
        "objects[0].description",
        "objects[1]",
        'mine["a.b"]["c[0]"]',
        'mine[""]',
        "mine.two words",
    )
    assert [odd.get(path) for path in odd.paths()] == ["a kite", {}, None, 1, []]
    assert prompt().paths() == ()


def test_get_gives_the_default_only_where_nothing_is() -> None:
    """A null that was typed is a value; a place that does not exist is not."""
    kite = prompt(context=None, objects=[{"description": "a kite"}])
    assert kite.get("context", "none") is None
    for absent in (
        "lighting.conditions",
        "objects[1]",
        "objects.description",
        "objects[0].description.x",
        "context[0]",
    ):
        assert kite.get(absent, "none") == "none"


def test_set_makes_missing_parents_and_appends() -> None:
    """Also where a parent is null; the original prompt stays as it was."""
    empty = prompt(lighting=None)
    made = (
        empty.set("objects[0].shape_and_color", "red").set("objects[1].texture", "soft").set("lighting.conditions", "")
    )
    assert made.document == {
        "lighting": {"conditions": ""},
        "objects": [{"shape_and_color": "red"}, {"texture": "soft"}],
    }
    assert empty.document == {"lighting": None}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("", {}, "the path is empty"),
        ("objects[4]", {}, "objects has 3 items"),
        ("short_description.x", "y", "short_description is not an object"),
        ("objects.description", "y", "objects is not an object"),
        ("objects[0][0]", "y", r"objects\[0\] is not a list"),
        ("lighting", "soft", "should be an object"),
        ("objects[0].number_of_objects", float("inf"), "infinite"),
        ("objects[-1]", {}, "not a JSON path"),
        ("objects[0", {}, "not a JSON path"),
        (".objects", {}, "not a JSON path"),
        ('["a\\x"]', {}, "not a JSON path"),
    ],
)
def test_an_impossible_edit_is_refused_in_a_sentence(path: str, value: Any, said: str) -> None:
    """Nothing is guessed: no padding of lists, no replacing of text by an object."""
    with pytest.raises(PromptError, match=said):
        still_life().set(path, value)


def test_without_takes_a_place_out() -> None:
    """Later items of a list move up; taking out what is not there changes nothing."""
    things = still_life()
    assert [o["description"] for o in things.without("objects[1]").get("objects")] == ["ball", "cat"]
    assert things.without("short_description").paths()[0] == "objects[0].description"
    assert things.without("lighting.conditions") == things == things.without("objects[9].texture")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("context", (2, 14)),
        ("objects[1].location", (6, 18)),
        ("objects[1]", (5, 5)),
        ('["a.b"]', (8, 20)),
        ("objects[2]", None),
        ("context.x", None),
        ("objects.x", None),
        ("nothing", None),
    ],
)
def test_locate_finds_the_line_of_a_path(path: str, place: tuple[int, int] | None) -> None:
    """Line and column of the value, in text laid out in any way; of a repeated key the one that counts."""
    typed = """{
  "context" :"a \\" [{",
  "objects": [
    {"location": "left"},
    {"description": [1, {"x": "}"}],
     "location": "right"}
  ],
  "a.b": 1, "a.b": 2
}"""
    assert locate(typed, path) == place


def test_locate_says_nothing_about_text_that_is_not_json() -> None:
    """The editor asks on every keystroke; broken text is the normal case then."""
    for typed in ("", "{", '{"context"', '{"context" 1}', "[" * 100_000, '{"x": nope, "context": 1}'):
        assert locate(typed, "context") is None


# Differences


def test_diff_names_what_an_edit_changed() -> None:
    """One change a leaf; a new part is one change with its whole value."""
    before = still_life()
    after = (
        before.set("objects[0].shape_and_color", "green")
        .set("lighting.conditions", "night")
        .without("short_description")
    )
    assert diff(before, after) == (
        Change("short_description", "three things", MISSING),
        Change("objects[0].shape_and_color", "red", "green"),
        Change("lighting", MISSING, {"conditions": "night"}),
    )
    assert [str(change) for change in diff(before, after)] == [
        'short_description: "three things" → absent',
        'objects[0].shape_and_color: "red" → "green"',
        'lighting: absent → {"conditions": "night"}',
    ]


def test_an_object_taken_out_of_the_middle_is_one_change() -> None:
    """Even when its neighbour was edited in the same go; the edit has its new position."""
    before = still_life()
    box = before.get("objects[1]")
    assert diff(before, before.without("objects[1]")) == (Change("objects[1]", box, MISSING),)
    assert diff(before, before.without("objects[1]").set("objects[1].texture", "furry")) == (
        Change("objects[1]", box, MISSING),
        Change("objects[1].texture", "smooth", "furry"),
    )


def test_an_object_put_in_front_is_one_change() -> None:
    """What moved back is not reported."""
    before = still_life()
    house = {"description": "house", "shape_and_color": "white", "texture": "brick"}
    after = before.set("objects", [house, *before.get("objects")])
    assert diff(before, after) == (Change("objects[0]", MISSING, house),)


def test_diff_tells_one_from_true_and_null_from_nothing() -> None:
    """Python holds 1, 1.0 and True for equal; JSON and the model do not."""
    assert [c.path for c in diff(prompt(mine=[1, 1, None]), prompt(mine=[True, 1.0, 0]))] == [
        "mine[0]",
        "mine[1]",
        "mine[2]",
    ]
    assert diff(prompt(context=None), prompt()) == (Change("context", None, MISSING),)


def test_very_long_lists_are_compared_by_position() -> None:
    """Matching by likeness would take too long; every difference is still named."""
    before = prompt(mine=[*range(2_000)])
    after = prompt(mine=[-n for n in range(2_001)])
    changes = diff(before, after)
    assert len(changes) == 2_000
    assert changes[-1] == Change("mine[2000]", MISSING, -2_000)


def many_things(count: int, *, kind: str = "thing") -> list[dict[str, str]]:
    return [{"description": f"{kind} {number}", "location": "left", "texture": "smooth"} for number in range(count)]


def test_in_the_longest_list_an_object_taken_out_is_one_change() -> None:
    """As in a short one; another one's change beside it is its own."""
    before = many_things(1_000)
    after = [*before[1:500], before[500] | {"location": "right"}, *before[501:]]
    assert diff(prompt(objects=before), prompt(objects=after)) == (
        Change("objects[0]", before[0], MISSING),
        Change("objects[499].location", "left", "right"),
    )


def test_twice_as_many_objects_take_twice_as_many_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in twenty is as it was, the rest rewritten, the first taken out: up to as many as a prompt may have."""
    compare, counted = json_alignment._distance, Counter[int]()

    def comparisons(count: int) -> int:
        before, after = many_things(count), many_things(count, kind="other")
        after[::20] = before[::20]

        def counting(one: Any, other: Any) -> int:
            counted[count] += 1
            return compare(one, other)

        monkeypatch.setattr(json_alignment, "_distance", counting)
        assert len(diff(prompt(objects=before), prompt(objects=after[1:]))) > count / 2
        return counted[count]

    few, more, most = map(comparisons, (250, 500, 1_000))
    assert 0 < few < more < 2.2 * few
    assert most < 2.2 * more


# The schema


def test_the_schema_describes_a_complete_caption() -> None:
    """Valid draft 2020-12; it accepts a complete caption, and points at a wrong shape."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    complete = json.loads((GOLDEN / "complete.json").read_text("utf-8"))
    validator.validate(complete)
    faults = list(validator.iter_errors({**complete, "lighting": ["soft"]}))
    assert [fault.json_path for fault in faults] == ["$.lighting"]
    assert tuple(schema["properties"]) == KEYS


def test_every_key_of_the_schema_says_what_belongs_there() -> None:
    """Editors show these as help."""
    schema = json_schema()
    shapes = [schema, *schema["$defs"].values()]
    described = {
        name: "description" in key or "$ref" in str(key)
        for shape in shapes
        for name, key in shape["properties"].items()
    }
    assert [name for name, is_described in described.items() if not is_described] == []
