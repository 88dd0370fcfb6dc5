"""What pictures have to do with one another, as the API gives it: a tree, a comparison, a second painting.

The command line prints these values too, whether it asks a studio or works by itself.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from fibo_core.prompts.change_words import Stretch, marked_words, shown, title_of_change
from fibo_core.prompts.json_paths import MISSING, Change
from fibo_core.prompts.side_by_side import Row
from fibo_core.store.generation import Generation, StoredMode
from fibo_core.store.lineage import Lineage, Node, Standing, branch_line
from fibo_core.work.again import AgainReport
from fibo_core.work.comparison import Comparison
from studio.web.api.models import AgainGiven, BatchGiven, ChangedGiven, DifferenceGiven, Given, Taken

_ID = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"
CHANGES_MAX = 50  #: of one picture of a tree
VALUE_CHARS = 4_000  #: of one value in a comparison, as text


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


def lineage_given(tree: Lineage) -> LineageGiven:
    branches = []
    for depth, branch in tree.walk():
        parent = tree.node(branch.parent_id) if branch.parent_id is not None else None
        branches.append(
            BranchGiven(
                parent_id=branch.parent_id,
                depth=depth,
                words=next((node.words for node in branch.nodes if node.words), ""),
                line=branch_line(branch, None if parent is None else parent.generation),
                ids=[node.id for node in branch.nodes],
            )
        )
    return LineageGiven(of=tree.of, branches=branches, nodes=[_node(node) for node in tree.nodes], notes=tree.notes)


def _node(node: Node) -> NodeGiven:
    it, changes = node.generation, node.changes
    return NodeGiven(
        id=node.id,
        parent_id=node.parent_id,
        standing=node.standing,
        words=node.words,
        mode=None if it is None else it.mode,
        seed=None if it is None else str(it.request.seed),
        model=None if it is None else it.request.model,
        created_at=None if it is None else it.created_at,
        changes=None if changes is None else [change_given(change) for change in changes[:CHANGES_MAX]],
        changes_left_off=0 if changes is None else max(0, len(changes) - CHANGES_MAX),
        image=None if it is None else f"/img/{node.id}.png",
        thumbnail=None if it is None else f"/img/thumb/{node.id}.webp",
    )


def change_given(change: Change) -> StepChangeGiven:
    return StepChangeGiven(
        path=change.path,
        kind="added" if change.before is MISSING else "removed" if change.after is MISSING else "changed",
        title=title_of_change(change),
        before=None if change.before is MISSING else change.before,
        after=None if change.after is MISSING else change.after,
        words=_words(marked_words(change.before, change.after)),
    )


def comparison_given(found: Comparison) -> ComparisonGiven:
    rows = [_row("recipe", row) for row in found.recipe] + [_row("prompt", row) for row in found.prompt]
    return ComparisonGiven(
        pictures=[_compared(picture) for picture in found.pictures],
        rows=rows,
        same=found.same,
        left_off=found.left_off,
    )


def _row(part: Literal["prompt", "recipe"], row: Row) -> RowGiven:
    values = [
        ValueGiven(there=value is not MISSING, value=_bounded(value), words=_words(row.marked(number)))
        for number, value in enumerate(row.values)
    ]
    return RowGiven(part=part, path=row.path, differs=row.differs, values=values)


def _bounded(value: Any) -> Any:
    if value is MISSING:
        return None
    if isinstance(value, dict | list | str) and len(text := shown(value)) > VALUE_CHARS:
        return f"{text[:VALUE_CHARS]}…"
    return value


def _words(stretches: Sequence[Stretch]) -> list[StretchGiven]:
    """At most VALUE_CHARS of them."""
    told, left = [], VALUE_CHARS
    for each in stretches:
        if left <= 0:
            break
        text = each.text if len(each.text) <= left else f"{each.text[:left]}…"
        told.append(StretchGiven(side=each.side, text=text))
        left -= len(each.text)
    return told


def _compared(picture: Generation) -> ComparedGiven:
    request = picture.request
    words = picture.words or str(picture.prompt.get("short_description") or "")
    return ComparedGiven(
        id=picture.id,
        title=" ".join(words.split())[:200] or "Untitled",
        created_at=picture.created_at,
        duration_s=picture.duration_s,
        width=request.width,
        height=request.height,
        seed=str(request.seed),
        model=request.model,
        image=f"/img/{picture.id}.png",
        thumbnail=f"/img/thumb/{picture.id}.webp",
    )


def again_given(report: AgainReport) -> AgainGiven:
    apart = report.difference
    return AgainGiven(
        of=report.of,
        same=report.same,
        sentence=report.sentence,
        difference=None
        if apart is None
        else DifferenceGiven(share=apart.share, mean=apart.mean, most=apart.most, box=apart.box, where=apart.where),
        changed=[ChangedGiven(name=it.name, before=it.before, after=it.after) for it in report.changed],
        duration_s=report.duration_s,
        generation_id=report.generation_id,
        image=f"/img/{report.generation_id}.png"
        if report.generation_id is not None
        else None
        if report.aside is None
        else f"/img/again/{report.aside}.png",
    )
