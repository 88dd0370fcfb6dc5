"""The one grouping of the ten keys: complete, and the same for form, locks and presets."""

from fibo_core.prompts import vocabulary
from fibo_core.prompts.caption_schema import KEYS, SHAPES
from fibo_core.prompts.parts import PARTS
from fibo_core.prompts.presets import GROUPS
from fibo_core.prompts.structured_prompt import SCORES


def test_every_key_of_a_caption_is_in_one_part_and_every_field_in_one_row_of_it() -> None:
    """A form can show the whole prompt, but for the two scores, which are always the same."""
    assert sorted(key for part in PARTS for key in part.keys) == sorted(KEYS)
    for part in PARTS:
        shown = [name for row in (*part.rows, *part.more) for name in row]
        fields = [
            key if key not in SHAPES else name if part.item else f"{key}.{name}"
            for key in part.keys
            for name in (SHAPES[key].model_fields if key in SHAPES else [key])
            if name not in SCORES
        ]
        assert sorted(shown) == sorted(fields), part.title
        for name in shown:
            spec = vocabulary.field_spec(f"{part.keys[0]}.{name}" if part.item else name)
            assert spec.help.endswith("."), name
            assert len(set(spec.suggestions)) == len(spec.suggestions)


def test_a_preset_holds_whole_parts_or_a_field_of_one() -> None:
    """So what the form shows together is kept, and laid over another prompt, together."""
    keys = {key: part.keys for part in PARTS for key in part.keys}
    for group, paths in GROUPS.items():
        whole = {path for path in paths if "." not in path}
        assert group == "setting" or all(set(keys[path]) <= whole for path in whole), group


def test_no_suggestion_stands_under_a_name_that_no_field_has() -> None:
    for name in vocabulary._suggestions():
        assert vocabulary.field_spec(name).suggestions
