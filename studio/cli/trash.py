"""``fibo-studio history trash``: list, restore, purge, empty."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fibo_core.errors import InputError
from studio.cli.door import Door, Page, as_ours, door_of
from studio.cli.output import print_json, print_table, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, open_history

if TYPE_CHECKING:
    from fibo_core.store.history import HistoryPage

app = typer.Typer(rich_markup_mode=None, help="Deleted pictures: look, bring back, free the disk.")

Ids = Annotated[list[str], typer.Argument(help="Pictures' ids.", metavar="ID...")]
UNFINISHED = (
    "A purge was killed, or runs: its files still take room. fibo-studio history trash empty --yes takes them away."
)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on where an earlier list ended.")] = None,
    as_json: Json = False,
) -> None:
    """List deleted pictures, newest first."""
    from studio.cli.history import picture_row, print_page_end, whole_records

    settings, unfinished = begin(), False
    if (door := door_of(context, settings)) is not None:
        page: Page | HistoryPage = door.page("", None, False, cursor, limit, deleted=True)
        storage = door.storage()
        count, size, unfinished = storage.trash_pictures, storage.trash_bytes, storage.trash_unfinished
    else:
        from fibo_core.store.history import HistoryQuery

        with open_history(settings) as history:
            page = history.page(HistoryQuery(deleted=True), cursor=cursor, limit=limit)
            usage, unfinished = history.disk_usage(), history.trash.is_unfinished()
        count, size = usage.deleted, usage.trash_bytes
    if as_json:
        print_json(whole_records(door, settings, page.items))
    else:
        print_table(picture_row(picture) for picture in page.items)
    print_page_end(page, UNFINISHED if unfinished else "The trash is empty.")
    if count:
        print(f"{_pictures(count)} in the trash, {size / 1e6:,.1f} MB.", file=sys.stderr)


@app.command()
def restore(context: typer.Context, ids: Ids, as_json: Json = False) -> None:
    """Bring deleted pictures back into the gallery."""
    from studio.cli.history import change

    change(context, ids, lambda history: history.restore(ids), "restored", as_json)


@app.command()
def purge(context: typer.Context, ids: Ids, yes: Yes = False, as_json: Json = False) -> None:
    """Take deleted pictures' files off the disk, for good."""
    _purge(context, ids, yes, as_json)


@app.command()
def empty(context: typer.Context, yes: Yes = False, as_json: Json = False) -> None:
    """Purge everything that was deleted, for good."""
    _purge(context, None, yes, as_json)


def _purge(context: typer.Context, ids: list[str] | None, yes: bool, as_json: bool) -> None:
    settings = begin()
    what = "everything in the trash" if ids is None else _pictures(len(ids))
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"Purging {what} cannot be undone, and nobody is here to be asked. Add --yes.")
        typer.confirm(f"Purge {what}? That cannot be undone.", abort=True, err=True)
    if (door := door_of(context, settings)) is not None:
        purged, freed = _purged_there(door, ids)
    else:
        with open_history(settings) as history:
            report = history.trash.purge(ids, progress=_progress)
        purged, freed = report.purged, report.freed_bytes
    if as_json:
        print_json({"purged": purged, "freed_bytes": freed})
    else:
        print_text(f"{purged} purged, {freed / 1e6:,.1f} MB freed")
    if ids is not None and purged < len(set(ids)):
        print(f"{_pictures(len(set(ids)) - purged)} not in the trash.", file=sys.stderr)


def _purged_there(door: Door, ids: list[str] | None) -> tuple[int, int]:
    with as_ours():
        given = door.studio.empty_trash() if ids is None else door.studio.purge(ids)
    return given.purged, given.freed_bytes


def _progress(purged: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if purged >= total else ""
        print(f"\r{purged:,} of {total:,}", end=end, file=sys.stderr, flush=True)


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"
