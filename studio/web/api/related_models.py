"""What pictures have to do with one another, as it stands in the OpenAPI document; `related.py` makes it of the core's
values. Apart from there, so that the client knows it without the database's libraries.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from fibo_core.store.generation import StoredMode
from studio.web.api.models import BatchGiven, Given, Taken

_ID = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"
#: Whether a picture of a tree is here, or why there is a gap (`store/lineage.py`).
Standing = Literal["here", "deleted", "missing", "damaged"]


class AgainTaken(Taken):
    """How a picture is painted again."""

    keep: bool = Field(False, description="Also stores the new picture, beside the first")


class AgainStanding(Given):
    """Whether a picture can be painted again here, and the newest batch that did or does so."""

    why: str | None = Field(description="Why it cannot, one sentence; null where it can")
    batch: BatchGiven | None = Field(description="When it has ended, its job's `again` is what came of it")


class StretchGiven(Given):
    """Some words of a value: in both of its states, or only before, or only after."""

    side: Literal["both", "before", "after"]
    text: str


class StepChangeGiven(Given):
    """What one place of a prompt holds otherwise."""

    path: str = Field(examples=["objects[0].shape_and_color"])
    kind: Literal["changed", "added", "removed"]
    title: str = Field(description="The path, or what came or went by its name")
    before: Any = Field(description="Null where it was not there, too: `kind` tells")
    after: Any
    words: Sequence[StretchGiven]


class NodeGiven(Given):
    """One picture of a tree, or the gap where it was."""

    id: str = Field(examples=[_ID])
    parent_id: str | None
    standing: Standing = Field(description="`here`; or why there is a gap")
    words: str
    mode: StoredMode | None
    seed: str | None = Field(description="As text: a seed may be larger than JavaScript's numbers")
    model: str | None
    created_at: datetime | None
    changes: Sequence[StepChangeGiven] | None = Field(description="From its parent; null where that was not compared")
    changes_left_off: int
    image: str | None
    thumbnail: str | None


class BranchGiven(Given):
    """Pictures made from one in one go."""

    parent_id: str | None
    depth: int
    words: str
    line: str = Field(description="What it did to the prompt, in short")
    ids: Sequence[str]


class LineageGiven(Given):
    """The tree that a picture belongs to: its branches, each before what hangs on its pictures."""

    of: str = Field(examples=[_ID])
    branches: Sequence[BranchGiven]
    nodes: Sequence[NodeGiven]
    notes: Sequence[str] = Field(description="Sentences about what is not shown")


class ComparedGiven(Given):
    """One of the pictures that are compared."""

    id: str = Field(examples=[_ID])
    title: str
    created_at: datetime
    duration_s: float
    width: int
    height: int
    seed: str
    model: str
    image: str
    thumbnail: str


class ValueGiven(Given):
    """What one picture has at a place."""

    there: bool
    value: Any = Field(description="Null where it is not there, too; a long one is cut, as text")
    words: Sequence[StretchGiven] = Field(description="Those marked that the first picture has otherwise")


class RowGiven(Given):
    """One place of the prompts, or one parameter: a value for each picture."""

    part: Literal["prompt", "recipe"]
    path: str
    differs: bool
    values: Sequence[ValueGiven]


class ComparisonGiven(Given):
    """Pictures side by side, in the order that was asked for."""

    pictures: Sequence[ComparedGiven]
    rows: Sequence[RowGiven]
    same: int = Field(description="Rows that are the same in all")
    left_off: int = Field(description="Rows beyond the 2,000 that are given")
