"""``fibo-studio adapters``: list, add, remove."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.door import absolute, as_ours, door_of
from studio.cli.output import print_json, print_table, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, open_database

if TYPE_CHECKING:
    from fibo_core.work.adapters import AdapterHere
    from studio.web.api.models import AdapterGiven

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the LoRAs of the workspace, and which of the models here each fits."""
    settings = begin()
    adapters: Sequence[AdapterHere | AdapterGiven]
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            adapters = door.studio.adapters().items
    else:
        from fibo_core.work.adapters import adapters_here

        adapters = adapters_here(settings)
    if as_json:
        print_json([_record(adapter) for adapter in adapters])
        return
    print_table((adapter.name, f"{adapter.bytes / 1e6:.1f} MB", _in_words(adapter)) for adapter in adapters)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Argument(help="A LoRA's file, a folder with one, or a repository of the hub.")],
    as_json: Json = False,
) -> None:
    """Copy a LoRA into the workspace, where it is painted with by --adapter NAME; it is checked before."""
    settings = begin()
    adapter: AdapterHere | AdapterGiven
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            adapter = door.studio.add_adapter(name, absolute(door, source))
    else:
        from fibo_core.work.adapters import add_adapter

        adapter = add_adapter(settings, name, source)
    if as_json:
        print_json(_record(adapter))
    else:
        print_text(f"{adapter.name} is here: {_in_words(adapter)}.")


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A LoRA of the workspace.")],
    as_json: Json = False,
) -> None:
    """Take a LoRA out of the workspace; pictures painted with it stay."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            removed = door.studio.remove_adapter(name)
        pictures, told = removed.pictures, removed.told
    else:
        from fibo_core.work.adapters import remove_adapter

        with open_database(settings) as database:
            use = remove_adapter(settings, database, name)
        pictures, told = use.pictures, use.sentence
    if as_json:
        print_json({"removed": name, "pictures": pictures, "told": told})
    else:
        print_text(f"{name} is no longer here.{f' {told}' if told else ''}")


def _record(adapter: "AdapterHere | AdapterGiven") -> dict[str, object]:
    return {
        "name": adapter.name,
        "bytes": adapter.bytes,
        "fits": list(adapter.fits),
        "fault": adapter.fault,
    }


def _in_words(adapter: "AdapterHere | AdapterGiven") -> str:
    if adapter.fault:
        return adapter.fault.rstrip(".")
    return f"fits {', '.join(adapter.fits)}" if adapter.fits else "fits none of the models here"
