"""The one gate for records: what a sidecar, a PNG's text or a row may hold, and what a bad one harms."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.errors import InputError, PictureError
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.writers import Usage

from .conftest import Paint
from .pictures import request_of

RECORD = Generation(
    id="01K00000000000000000000000",
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    mode="generate",
    words="a ball",
    request=request_of("a red ball"),
    writer="offline",
    edited=False,
    image_path="outputs/2026/01/02/01K00000000000000000000000.png",
    duration_s=1.5,
    device="cpu",
    precision="float32",
    versions={"torch": "2.13"},
    usage=Usage(1, 2),
).to_record()

WRONG = [
    ("edited", "no"),
    ("duration_s", None),
    ("duration_s", float("inf")),
    ("usage", {"input_tokens": 2**70, "output_tokens": 1}),
    ("usage", {"input_tokens": 1}),
    ("adapters", "abc"),
    ("adapters", [1]),
    ("versions", []),
    ("parent_id", 7),
    ("source_path", {}),
    ("created_at", "1800-01-01T00:00:00+00:00"),
    ("seed", True),
    ("seed", 2**70),
    ("guidance_scale", "4"),
    ("structured_prompt", "a red ball"),
    ("mode", ["generate"]),
    ("id", "\ud800"),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_part_of_the_wrong_kind_is_named_with_its_value(name: str, value: object) -> None:
    """Whoever changed the file learns which part it was."""
    with pytest.raises(InputError) as refused:
        Generation.from_record({**RECORD, name: value})
    assert name in str(refused.value) or name == "structured_prompt"


@given(st.sampled_from(sorted(RECORD)), json_values)
def test_any_value_in_any_place_is_read_or_refused(name: str, value: Any) -> None:
    """No value of a record ends in an error that nobody foresaw; what is read can be written again."""
    try:
        generation = Generation.from_record({**RECORD, name: value})
    except InputError:
        return
    json.dumps(generation.to_record())


@given(st.dictionaries(st.text(max_size=8), json_values))
def test_a_record_that_is_not_complete_is_refused(record: dict[str, Any]) -> None:
    """Some other program's JSON is no record of ours."""
    with pytest.raises(PictureError):
        Generation.from_record({"format": RECORD["format"], **record})


def test_rebuild_goes_on_past_every_bad_sidecar_and_names_it(
    history: History, database: Database, paint: Paint, workspace: Path
) -> None:
    """Each wrong part in a file of its own; the PNG's own text is used in place of the sidecar, and one without either
    is named."""
    pictures = [paint(f"ball {number}") for number in range(len(WRONG) + 1)]
    for picture, (name, value) in zip(pictures, WRONG, strict=False):
        sidecar = workspace / Path(picture.image_path).with_suffix(".json")
        sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), name: value}))
    lost = workspace / pictures[-1].image_path
    lost.with_suffix(".json").unlink()
    lost.write_bytes(lost.read_bytes()[:200])
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM generation")
    report = history.rebuild()
    assert (report.added, len(report.unreadable)) == (len(WRONG), 1)
    assert pictures[-1].id in report.unreadable[0]
    assert {each.id for each in history.page(HistoryQuery()).items} == {each.id for each in pictures[:-1]}
