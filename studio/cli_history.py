"""``fibo-studio history``: list, show, rebuild."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from fibo_core.store.generation import Generation, Mode
from studio.cli_output import print_json, print_table, print_text, result_block, whole_record
from studio.cli_painting import Json
from studio.cli_setup import begin, open_tools

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    query: Annotated[str, typer.Option(help="Words that must be in the words or the prompt.", show_default=False)] = "",
    mode: Annotated[Mode | None, typer.Option(help="Only those made this way.")] = None,
    favorite: Annotated[bool, typer.Option("--favorite", help="Only favourites.")] = False,
    cursor: Annotated[str | None, typer.Option(help="Go on where an earlier list ended.")] = None,
    as_json: Json = False,
) -> None:
    """List pictures, newest first."""
    from fibo_core.store.history import HistoryQuery

    settings = begin()
    with open_tools(settings) as tools:
        page = tools.history.page(HistoryQuery(text=query, mode=mode, favorite=favorite), cursor=cursor, limit=limit)
    if as_json:
        print_json([whole_record(picture, settings.workspace_dir) for picture in page.items])
    else:
        print_table(_row(picture) for picture in page.items)
    if page.next_cursor is not None:
        print(f"More: --cursor {page.next_cursor}", file=sys.stderr)
    elif not page.items:
        print("No pictures." if query or mode or favorite or cursor else "No pictures yet.", file=sys.stderr)


@app.command()
def show(id: Annotated[str, typer.Argument(help="A picture's id.")], as_json: Json = False) -> None:
    """Show one picture's whole recipe."""
    settings = begin()
    with open_tools(settings) as tools:
        picture = tools.history.get(id)
    if as_json:
        print_json(whole_record(picture, settings.workspace_dir))
        return
    print_text(result_block(picture, settings.workspace_dir))
    print_text(f"  {picture.mode} on {picture.created_at:%Y-%m-%d %H:%M} UTC on {picture.device}, {picture.precision}")
    if picture.usage is not None:
        print_text(f"  tokens: {picture.usage.input_tokens:,} read, {picture.usage.output_tokens:,} written")
    if picture.words:
        print_text(f"  words: {picture.words}")
    if picture.parent_id is not None:
        print_text(f"  from: {picture.parent_id}")
    print_text(picture.prompt.to_json())


@app.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Bring pictures that lie on the disk back into the history, from their own recipes."""
    settings = begin()
    with open_tools(settings) as tools:
        report = tools.history.rebuild(dry_run=dry_run)
    if as_json:
        print_json(asdict(report))
        return
    done = "would be added" if dry_run else "added"
    print_text(f"{report.added} {done}, {report.already_there} already there, {len(report.unreadable)} unreadable")
    for sentence in report.unreadable:
        print(sentence, file=sys.stderr)


def _row(picture: Generation) -> tuple[str, ...]:
    request = picture.request
    return (
        picture.id,
        f"{picture.created_at:%Y-%m-%d %H:%M}",
        "*" if picture.favorite else " ",
        picture.mode,
        request.model,
        f"{request.width}×{request.height}",
        str(request.seed),
        picture.words or str(picture.prompt.get("short_description", "")),
    )
