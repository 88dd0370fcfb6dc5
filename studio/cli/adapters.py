"""``fibo-studio adapters``: list, add."""

from dataclasses import asdict
from typing import Annotated

import typer

from fibo_core.work.adapters import AdapterHere
from studio.cli.door import only_here
from studio.cli.output import print_json, print_table, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the LoRAs of the workspace, and which of the models here each fits."""
    from fibo_core.work.adapters import adapters_here

    only_here(context)
    adapters = adapters_here(begin())
    if as_json:
        print_json([asdict(adapter) for adapter in adapters])
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
    from fibo_core.work.adapters import add_adapter

    only_here(context)
    adapter = add_adapter(begin(), name, source)
    if as_json:
        print_json(asdict(adapter))
    else:
        print_text(f"{adapter.name} is here: {_in_words(adapter)}.")


def _in_words(adapter: AdapterHere) -> str:
    if adapter.fault:
        return adapter.fault.rstrip(".")
    return f"fits {', '.join(adapter.fits)}" if adapter.fits else "fits none of the models here"
