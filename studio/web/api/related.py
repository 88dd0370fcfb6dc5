"""What pictures have to do with one another, as the API gives it: a tree, a comparison, a second painting.

The command line prints these values too, whether it asks a studio or works by itself.
"""

from collections.abc import Sequence
from typing import Any, Literal

from fibo_core.prompts.change_words import Stretch, marked_words, shown, title_of_change
from fibo_core.prompts.json_paths import MISSING, Change
from fibo_core.prompts.side_by_side import Row
from fibo_core.store.generation import Generation
from fibo_core.store.lineage import Lineage, Node, branch_line
from fibo_core.work.again import AgainReport
from fibo_core.work.comparison import Comparison
from studio.web.api.models import AgainGiven, ChangedGiven, DifferenceGiven
from studio.web.api.related_models import (
    BranchGiven,
    ComparedGiven,
    ComparisonGiven,
    LineageGiven,
    NodeGiven,
    RowGiven,
    StepChangeGiven,
    StretchGiven,
    ValueGiven,
)

CHANGES_MAX = 50  #: of one picture of a tree
VALUE_CHARS = 4_000  #: of one value in a comparison, as text


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
