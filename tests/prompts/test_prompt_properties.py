"""Laws of StructuredPrompt that hold for any document, tried on many."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.prompts import json_alignment
from fibo_core.prompts.json_paths import format_path, parse_path, read, remove, write
from fibo_core.prompts.structured_prompt import KEYS, MISSING, Change, StructuredPrompt, diff, locate

text = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(["\x7f", "\\u007f", "a.b", "[0]", '"', " "])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True, allow_infinity=False) | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=8,
)
things = st.fixed_dictionaries(
    {"description": text}, optional={"texture": scalars, "number_of_objects": scalars, "extra": values}
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "short_description": scalars,
        "lighting": st.none() | st.dictionaries(st.sampled_from(["glow", "shadows", "rays"]), scalars),
        "aesthetics": st.just({"composition": "centred"})
        | st.dictionaries(st.sampled_from(["aesthetic_score", "composition", "grid"]), scalars),
        "objects": st.lists(things, max_size=4),
        "text_render": st.lists(st.none() | things, max_size=3),
        "mine": values,
    },
)


@st.composite
def prompts(draw: st.DrawFn) -> StructuredPrompt:
    document = draw(documents)
    order = draw(st.permutations(list(document)))
    return StructuredPrompt.from_dict({key: document[key] for key in order})


few = settings(max_examples=60, deadline=None)


@few
@given(prompts())
def test_a_prompt_written_and_read_is_the_same(prompt: StructuredPrompt) -> None:
    """Through text, indented or not, through UTF-8, and through its document."""
    for written in (prompt.to_json(), prompt.to_json(indent=None)):
        assert StructuredPrompt.parse(written.encode("utf-8").decode("utf-8")) == prompt
    assert StructuredPrompt.from_dict(prompt.document) == prompt


@few
@given(prompts())
def test_canonical_text_is_its_own_canonical_text(prompt: StructuredPrompt) -> None:
    """Reading back what the model was given changes nothing once `aesthetics` has its place among the ten."""
    text = prompt.canonical()
    again = StructuredPrompt.parse(text).canonical()
    assert StructuredPrompt.parse(again).canonical() == again
    assert sorted_json(json.loads(again)) == sorted_json(json.loads(text))
    if prompt.get("aesthetics.composition") == "centred":
        assert again == text
    assert text.isascii()
    assert json.loads(text) == prompt.cleaned()
    assert {*json.loads(text)} <= {*KEYS}


@few
@given(prompts())
def test_every_path_leads_to_its_value_and_its_line(prompt: StructuredPrompt) -> None:
    """Paths survive being written out, and `locate` finds in the text what `get` finds in the document."""
    typed = prompt.to_json()
    for path in prompt.paths():
        assert format_path(parse_path(path)) == path
        line, column = locate(typed, path) or (0, 0)
        rest = "\n".join([typed.split("\n")[line - 1][column - 1 :], *typed.split("\n")[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == prompt.get(path)


@few
@given(prompts(), st.data())
def test_what_is_set_can_be_got_and_taken_out(prompt: StructuredPrompt, data: st.DataObject) -> None:
    """An edit changes its own place, whatever stood there, and nothing else."""
    keys = [path for path in prompt.paths() if isinstance(parse_path(path)[-1], str) and "mine" in path]
    path = data.draw(st.sampled_from([*keys, "lighting.rays", "objects[0].texture", "context"]))
    value = data.draw(st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.none())
    edited = prompt.set(path, value)
    assert edited.get(path, MISSING) == value
    assert edited.without(path).get(path, MISSING) is MISSING
    assert edited.set(path, value) == edited


@few
@given(prompts(), prompts())
def test_a_diff_applied_to_the_old_gives_the_new(before: StructuredPrompt, after: StructuredPrompt) -> None:
    """The changes say all that changed, with nothing left over."""
    assert sorted_json(applied(before, diff(before, after))) == sorted_json(after.document)


@few
@given(st.lists(things, max_size=5), st.data())
def test_a_diff_of_shuffled_objects_applied_gives_the_new(objects: list[Any], data: st.DataObject) -> None:
    """Removals, insertions and edits mixed in one list."""
    others = data.draw(st.lists(st.sampled_from(objects) | things if objects else things, max_size=5))
    before, after = (StructuredPrompt.from_dict({"objects": items}) for items in (objects, others))
    assert sorted_json(applied(before, diff(before, after))) == sorted_json(after.document)


@few
@given(st.lists(things, max_size=6), st.data())
def test_a_diff_of_long_lists_applied_gives_the_new(objects: list[Any], data: st.DataObject) -> None:
    """Where equal objects are paired first; here each list counts as long."""
    others = data.draw(st.lists(st.sampled_from(objects) | things if objects else things, max_size=6))
    before, after = (StructuredPrompt.from_dict({"objects": items}) for items in (objects, others))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_alignment, "ALIGN_LIMIT", 0)
        assert sorted_json(applied(before, diff(before, after))) == sorted_json(after.document)


@few
@given(prompts(), prompts())
def test_a_diff_is_empty_exactly_for_the_same_content(before: StructuredPrompt, after: StructuredPrompt) -> None:
    """The order of keys aside."""
    assert diff(before, before) == ()
    assert (diff(before, after) == ()) == (sorted_json(before.document) == sorted_json(after.document))


def applied(before: StructuredPrompt, changes: tuple[Change, ...]) -> dict[str, Any]:
    """Level by level: at each, take out from the back, then put in and set from the front."""
    document = before.document
    places = [(parse_path(change.path), change) for change in changes]
    for depth in range(1, 1 + max((len(place) for place, _ in places), default=0)):
        level = [(place, change) for place, change in places if len(place) == depth]
        for place, _ in reversed([item for item in level if item[1].after is MISSING]):
            remove(document, place)
        for place, change in [item for item in level if item[1].before is MISSING]:
            parent = read(document, place[:-1])
            if isinstance(parent, list):
                write(document, place[:-1], [*parent[: place[-1]], change.after, *parent[place[-1] :]])
            else:
                write(document, place, change.after)
        for place, change in level:
            if MISSING not in (change.before, change.after):
                write(document, place, change.after)
    return document


def sorted_json(document: Any) -> str:
    return json.dumps(document, sort_keys=True)
