"""``fibo-studio history lineage``, ``report``, ``compare`` and ``again``: pictures and one another."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fibo_core.errors import InputError, StoreError
from studio.cli.door import as_ours, door_of
from studio.cli.output import PaintingProgress, StatusLine, print_json, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, ended_by_ctrl_c, open_history, open_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from studio.web.api.related_models import BranchGiven, ComparisonGiven, LineageGiven, NodeGiven, StretchGiven

Id = Annotated[str, typer.Argument(help="A picture's id.")]
VALUE_CHARS = 300  #: of one value on a terminal
_MARKS = {"both": "{}", "before": "[-{}-]", "after": "{{+{}+}}"}  # as git's --word-diff has them


def add_to(app: typer.Typer) -> None:
    """Makes these commands ones of ``app``."""
    for command in (lineage, report, compare, again):
        app.command()(command)


def lineage(context: typer.Context, id: Id, as_json: Json = False) -> None:
    """Show the tree a picture belongs to, and what each step changed."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            given = door.studio.lineage(id)
    else:
        from studio.web.api.related import lineage_given

        with open_history(settings) as history:
            given = lineage_given(history.lineage(id))
    if as_json:
        print_json(given.model_dump(mode="json"))
        return
    for line in _tree_lines(given):
        print_text(line)
    for note in given.notes:
        print(note, file=sys.stderr)


def report(
    context: typer.Context,
    id: Id,
    out: Annotated[Path, typer.Argument(help="The file to write.", metavar="OUT.html")],
) -> None:
    """Write the tree a picture belongs to into one HTML file: pictures, changes and recipes."""
    settings = begin()
    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise InputError(f"The report would be {str(out)[:80]!r}, and it is an HTML file. Name a .html file.")
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            _write(out, [door.studio.report(id)])
    else:
        from studio.report import report as pieces

        with open_history(settings) as history:
            _write(out, (piece.encode("utf-8") for piece in pieces(history, id)))
    print_text(str(out.absolute()))


def compare(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(help="Two to nine pictures' ids.", metavar="ID ID...")],
    whole: Annotated[bool, typer.Option("--all", help="Also what is the same in all of them.")] = False,
    as_json: Json = False,
) -> None:
    """Compare pictures: their JSON by path and their parameters, only what differs."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            given = door.studio.compare(ids, whole=whole)
    else:
        from fibo_core.work import comparison
        from studio.web.api.related import comparison_given

        with open_history(settings) as history:
            given = comparison_given(comparison.compare(history, ids, whole=whole))
    if as_json:
        print_json(given.model_dump(mode="json"))
        return
    for line in _comparison_lines(given):
        print_text(line)


def again(
    context: typer.Context,
    id: Id,
    keep: Annotated[bool, typer.Option("--keep", help="Also store the new picture, beside the first.")] = False,
    as_json: Json = False,
) -> None:
    """Paint a picture's stored recipe once more, and say whether it is the same and what has changed since."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        from studio.cli.there import painted_again

        given = painted_again(door, id, keep=keep)
    else:
        from fibo_core.work import workflows
        from studio.web.api.related import again_given

        line = StatusLine()
        with open_tools(settings) as tools, ended_by_ctrl_c() as cancel:
            progress = PaintingProgress(line, cancel)
            try:
                workflows.again(tools, id, progress, cancel, keep=keep)
            finally:
                line.clear()
        assert progress.again is not None
        given = again_given(progress.again)
    if as_json:
        print_json(given.model_dump(mode="json"))
        return
    print_text(given.sentence)
    if given.generation_id is not None:
        print_text(f"  kept: {given.generation_id}")


def _write(out: Path, pieces: "Iterable[bytes]") -> None:
    """Writes a file whole or not at all. Raises StoreError."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(out)
    except OSError as exc:
        raise StoreError(f"The report could not be written to {out} ({exc.strerror}). Name another file.") from exc
    finally:
        part.unlink(missing_ok=True)


def _tree_lines(given: "LineageGiven") -> "Iterator[str]":
    nodes = {node.id: node for node in given.nodes}
    for branch in given.branches:
        before = "  " * branch.depth
        yield f"{before}{_said(branch)}"
        for id in branch.ids:
            yield f"{before}  {_node(nodes[id])}{'  <' if id == given.of else ''}"


def _said(branch: "BranchGiven") -> str:
    told = [part for part in (branch.words, branch.line) if part]
    return ": ".join(told) if told else "(nothing was said)"


def _node(node: "NodeGiven") -> str:
    return f"{node.id}  seed {node.seed}, {node.model}" if node.standing == "here" else f"{node.id}  {node.standing}"


def _comparison_lines(given: "ComparisonGiven") -> "Iterator[str]":
    for number, picture in enumerate(given.pictures, 1):
        yield f"{number}  {picture.id}  {picture.title}"
    for row in given.rows:
        yield ""
        yield row.path
        for number, value in enumerate(row.values, 1):
            yield f"  {number}  {_marked(value.words) if value.there else '(not there)'}"
    yield ""
    yield f"{given.same:,} the same in all" + (f", {given.left_off:,} more differ" if given.left_off else "")


def _marked(words: "Iterable[StretchGiven]") -> str:
    text = "".join(_MARKS[each.side].format(each.text) for each in words)
    text = " ".join(text.split())
    return text if len(text) <= VALUE_CHARS else f"{text[: VALUE_CHARS - 1]}…"
