"""``fibo-studio history``: list, show, delete, restore, verify, rebuild, export, import."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fibo_core.settings import Settings
from fibo_core.store.generation import Generation, StoredMode
from studio.cli import labels, related, trash
from studio.cli.door import Door, Page, as_ours, door_of, only_here
from studio.cli.in_and_out import export, import_
from studio.cli.labels import tell_files
from studio.cli.output import print_json, print_table, print_text, result_block, whole_record
from studio.cli.painting import Json
from studio.cli.setup import begin, open_history
from studio.imports import importing
from studio.remedies import rebuild_command

if TYPE_CHECKING:
    from fibo_core.store.history import History, HistoryPage

app = typer.Typer(rich_markup_mode=None)
app.command("label")(labels.label)
app.command("undo")(labels.undo)
app.add_typer(labels.collections, name="collections", help="Collections of pictures, and kept searches.")
app.add_typer(trash.app, name="trash")

related.add_to(app)
Ids = Annotated[list[str], typer.Argument(help="Pictures' ids.", metavar="ID...")]


LEFT = "Pictures lie on the disk that the history does not know: its database is new, or was lost."


@app.command("list")
def list_(
    context: typer.Context,
    search: Annotated[
        list[str] | None,
        typer.Argument(
            help="A search: words, '\"a phrase\"', path:value, seed:42, tag:…; -word behind --.", metavar="[SEARCH]..."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    query: Annotated[str, typer.Option(help="The same, where it begins with a minus.", show_default=False)] = "",
    mode: Annotated[StoredMode | None, typer.Option(help="Only those made this way.")] = None,
    favorite: Annotated[bool, typer.Option("--favorite", help="Only favourites.")] = False,
    cursor: Annotated[str | None, typer.Option(help="Go on where an earlier list ended.")] = None,
    as_json: Json = False,
) -> None:
    """List pictures, newest first."""
    settings = begin()
    query = " ".join([*(search or ()), query]).strip()
    nothing = "No pictures." if query or mode or favorite or cursor else "No pictures yet."
    unsearched, here = 0, datetime.now().astimezone()  # days begin where the command is given
    if (door := door_of(context, settings)) is not None:
        page: Page | HistoryPage = door.page(query, mode, favorite, cursor, limit, zone=here.isoformat()[-6:])
        trouble = door.storage().trouble
    else:
        from fibo_core.store.history import HistoryQuery

        with open_history(settings) as history:
            asked = HistoryQuery(text=query, mode=mode, favorite=favorite, zone=here.tzinfo or UTC)
            page = history.page(asked, cursor=cursor, limit=limit)
            unsearched = history.unsearched() if query else 0
            trouble = history.trouble()
            if not trouble and not page.items and not page.damaged and cursor is None and history.has_pictures_left():
                nothing = f"{LEFT} {rebuild_command()}"
    if as_json:
        print_json(whole_records(door, settings, page.items))
    else:
        print_table(picture_row(picture) for picture in page.items)
    if trouble:
        print(trouble, file=sys.stderr)
    if unsearched:
        print(
            f"{unsearched:,} older pictures are not read for the search yet, and not found by their words. A running "
            "studio reads them.",
            file=sys.stderr,
        )
    print_page_end(page, nothing)


@app.command()
def show(
    context: typer.Context, id: Annotated[str, typer.Argument(help="A picture's id.")], as_json: Json = False
) -> None:
    """Show one picture's whole recipe."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        picture = door.get(id)
    else:
        with open_history(settings) as history:
            picture = history.get(id)
    place = _place(door, settings, picture)
    if as_json:
        print_json(whole_record(picture, place))
        return
    print_text(result_block(picture, place))
    print_text(f"  {picture.mode} on {picture.created_at:%Y-%m-%d %H:%M} UTC on {picture.device}, {picture.precision}")
    if picture.usage is not None:
        print_text(f"  tokens: {picture.usage.input_tokens:,} read, {picture.usage.output_tokens:,} written")
    if picture.words:
        print_text(f"  words: {picture.words}")
    said = [
        *(["★"] if picture.favorite else []),
        *([f"{picture.rating} of 5"] if picture.rating else []),
        *(f"#{tag}" for tag in picture.tags),
        *(f"in {name}" for name in picture.collections),
    ]
    if said:
        print_text(f"  labels: {', '.join(said)}")
    if picture.parent_id is not None:
        print_text(f"  from: {picture.parent_id}")
    print_text(picture.prompt.to_json())


@app.command()
def delete(context: typer.Context, ids: Ids, as_json: Json = False) -> None:
    """Take pictures out of the gallery; their files stay."""
    change(context, ids, lambda history: history.delete(ids), "deleted", as_json)


@app.command()
def restore(context: typer.Context, ids: Ids, as_json: Json = False) -> None:
    """Bring deleted pictures back into the gallery."""
    change(context, ids, lambda history: history.restore(ids), "restored", as_json)


@app.command()
def backup(context: typer.Context, as_json: Json = False) -> None:
    """Copy the database into backups/; SQLite checks the copy, and the newest seven are kept."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            made = door.studio.backup()
        path, size = made.path if door.workspace is None else str(door.workspace / made.path), made.bytes
    else:
        with importing():
            from fibo_core.work.workspace import build_database
        database = build_database(settings)
        try:
            file = database.backup()
        finally:
            database.close()
        path, size = str(file), file.stat().st_size
    if as_json:
        print_json({"path": path, "bytes": size})
    else:
        print_text(f"{path}  ({size / 1e6:,.1f} MB)")


@app.command()
def verify(
    context: typer.Context,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Move files that were altered or cannot be read to trash/quarantine/.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look whether every picture and its recipe are there and as they were; change nothing. Exit 1 when something is
    amiss."""
    only_here(context)
    settings = begin()
    with open_history(settings) as history:
        from fibo_core.store.verify import sentences

        report = history.verify(_told_on_a_terminal)
        amiss = list(sentences(report))
        moved = history.quarantine(report.files_amiss) if quarantine else ()
    if as_json:
        print_json(asdict(report) | ({"quarantined": [asdict(each) for each in moved]} if quarantine else {}))
    else:
        print_text(f"{report.pictures} can be read, {len(amiss)} amiss")
        for sentence in amiss:
            print(sentence, file=sys.stderr)
        if moved:
            print_text(f"{len(moved)} files moved to trash/quarantine/, which has a list; nothing was deleted")
        if report.unknown:
            print(
                f"Whether the pixels of {report.unknown:,} pictures are still theirs cannot be known: they were stored "
                "by a version that kept no hash of the file.",
                file=sys.stderr,
            )
    raise typer.Exit(1 if amiss else 0)


def _told_on_a_terminal(looked_at: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{looked_at:,} pictures looked at ", end="", file=sys.stderr, flush=True)


@app.command()
def rebuild(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Bring pictures that lie on the disk back into the history, and mend damaged rows, from their own recipes. Exit 1
    when the database's file is damaged."""
    only_here(context)
    settings = begin()
    with open_history(settings) as history:
        report = history.rebuild(dry_run=dry_run)
    if report.database_fault:
        print(report.database_fault, file=sys.stderr)
    if as_json:
        print_json(asdict(report))
        raise typer.Exit(1 if report.database_fault else 0)
    done = "would be added" if dry_run else "added"
    print_text(
        f"{report.added} {done}, {report.replaced} damaged ones {'would be ' if dry_run else ''}replaced, "
        f"{report.already_there} already there, {report.moved} found elsewhere, {len(report.duplicates)} copies, "
        f"{len(report.unreadable)} unreadable"
    )
    for sentence in (*report.unreadable, *report.duplicates, *report.damaged_sidecars):
        print(sentence, file=sys.stderr)
    raise typer.Exit(1 if report.database_fault else 0)


app.command()(export)
app.command("import")(import_)


def print_page_end(page: "Page | HistoryPage", nothing: str) -> None:
    """What follows a list: what was not understood, which rows cannot be read, how to go on, that there is nothing."""
    for problem in page.problems:
        print(problem, file=sys.stderr)
    if page.damaged:
        from fibo_core.store.picture_rows import not_read

        print(not_read(page.damaged), rebuild_command(), file=sys.stderr)
    if page.next_cursor is not None:
        print(f"More: --cursor {page.next_cursor}", file=sys.stderr)
    elif not page.items and not page.damaged and not page.problems:
        print(nothing, file=sys.stderr)


def whole_records(door: Door | None, settings: Settings, pictures: Iterable[Generation]) -> list[dict[str, Any]]:
    return [whole_record(picture, _place(door, settings, picture)) for picture in pictures]


def change(
    context: typer.Context, ids: list[str], work: "Callable[[History | Door], list[str]]", verb: str, as_json: bool
) -> None:
    """Changes pictures, and says which were and which were not."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        done = work(door)
    else:
        with open_history(settings) as history:
            done = work(history)
            tell_files(history)
    if as_json:
        print_json({verb: done})
    else:
        print_text(f"{len(done)} {verb}")
    if left := [id for id in ids if id not in done]:
        print(f"Not {verb}, unknown or so already: {', '.join(left)}", file=sys.stderr)


def _place(door: Door | None, settings: Settings, picture: Generation) -> str:
    return str(settings.workspace_dir / picture.image_path) if door is None else door.place(picture)


def picture_row(picture: Generation) -> tuple[str, ...]:
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
