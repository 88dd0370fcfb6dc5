"""``fibo-studio models``: list, check, download, add, remove, load, unload."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fibo_core.errors import Cancelled, InputError, ModelMissing
from fibo_core.models.added import SIDE
from fibo_core.models.catalogue import CATALOGUE, FIBO_VLM, ModelSpec, WeightsSpec, find_weights
from fibo_core.models.weights import revision_of, weights_folder
from fibo_core.settings import Settings
from studio.cli.door import Door, absolute, as_ours, door_of, only_here
from studio.cli.output import StatusLine, print_json, print_table, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, ended_by_ctrl_c
from studio.program import command

if TYPE_CHECKING:
    from studio.web.api.models import ModelGiven

app = typer.Typer(rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="A name or repository of the catalogue.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the models that paint and the one that writes, whether their weights are here, and which one paints."""
    settings = begin()
    door = door_of(context, settings)
    models = _here(settings) if door is None else _there(door)
    if as_json:
        print_json(models)
        return
    print_table(
        (
            "→" if model["default"] else " ",
            str(model["name"]),
            f"here, revision {model['revision']}" if model["revision"] else f"not here, {model['download_gb']:g} GB",
            str(model["licence"]),
            _memory(model),
        )
        for model in models
    )


def _memory(model: dict[str, Any]) -> str:
    """How it fits this GPU; where there is none, which would do."""
    from fibo_core.models.plans import needs

    cards = needs(model["name"])
    return str(model["fits"]) or (f"needs a GPU with {cards}" if cards else "")


def _here(settings: Settings) -> list[dict[str, Any]]:
    from fibo_core.models.device import default_model, outlook

    default = default_model(settings.fibo_model, settings.hub_cache)
    return [
        {
            "name": spec.name,
            "title": spec.title,
            "repo": spec.repo,
            "licence": spec.licence,
            "gated": spec.gated,
            "download_gb": spec.download_gb,
            "revision": _revision(spec, settings),
            "default": spec is default,
            "fits": outlook(spec, settings.hub_cache, settings.wish) if isinstance(spec, ModelSpec) else "",
        }
        for spec in (*CATALOGUE.values(), FIBO_VLM)
    ]


def _there(door: Door) -> list[dict[str, Any]]:
    """The same of a studio that runs, whose default is the model that it uses."""
    with as_ours():
        models = door.studio.models()
    defaults = [model.name for model in models.items if model.default]
    fits = {model.name: model.fits for model in models.items}
    return [
        {**weights.model_dump(), "default": weights.name in defaults, "fits": fits.get(weights.name, "")}
        for weights in models.weights
    ]


@app.command()
def check(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Say whether a model's weights are here or, if not, whether they may be fetched (asks the hub)."""
    from fibo_core.models.download import check_access

    only_here(context)
    settings, spec = begin(), find_weights(name)
    revision = _revision(spec, settings)
    if revision is None:
        check_access(spec, settings.hf_token)
    if as_json:
        print_json({"name": spec.name, "here": revision is not None, "revision": revision, "access": True})
    elif revision is not None:
        print_text(f"The weights of {spec.title} are here, revision {revision}.")
    else:
        todo = command(f"models download {spec.name}")
        print_text(f"The weights of {spec.title} are not here, and may be fetched: {todo}")


@app.command()
def download(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Fetch a model's weights; waits out what passes by itself, and run again goes on with one that was ended."""
    from fibo_core.models.download import DownloadEvent
    from fibo_core.models.download import download as fetch

    only_here(context)
    settings, spec, line = begin(), find_weights(name), StatusLine()

    def tell(event: DownloadEvent) -> None:
        left = "" if event.remaining_s is None else f", about {event.remaining_s / 60:.0f} min left"
        if event.wait_s is not None:
            left = f", waiting {event.wait_s:.0f} s, then it goes on: {event.reason}"
        line.show(f"{event.done_bytes / 1e9:.1f} of {event.total_bytes / 1e9:.1f} GB{left}")

    try:
        with ended_by_ctrl_c() as cancel:
            folder = fetch(spec, settings.hub_cache, settings.hf_token, tell, cancel)
    except Cancelled as exc:
        raise Cancelled("Cancelled. What has arrived is kept: run it again to go on.") from exc
    finally:
        line.clear()
    if as_json:
        print_json({"name": spec.name, "path": str(folder)})
    else:
        print_text(str(folder))


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Argument(help="A folder with a pipeline, or a repository of the hub.")],
    steps: Annotated[int, typer.Option(min=0, help="Steps where none are asked for.", show_default=False)] = 0,
    guidance: Annotated[float, typer.Option(min=0, help="Guidance likewise.", show_default=False)] = 0.0,
    side: Annotated[int, typer.Option(help="Pixels of a square of its shapes' area.")] = SIDE,
    as_json: Json = False,
) -> None:
    """Add a model to the catalogue. Nothing is fetched or loaded; what it is, its model_index.json says."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            added = door.studio.add_model(name, absolute(door, source), steps=steps, guidance=guidance, side=side)
        family, names = added.family, added.name
    else:
        from fibo_core.work.models import add_model

        spec = add_model(settings, name, source, steps=steps, guidance=guidance, side=side)
        family, names = spec.family.name, spec.name
    if as_json:
        print_json({"name": names, "family": family})
    else:
        print_text(f"{names} is in the catalogue, of the family {family}.")


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a model that was added out of the catalogue; its weights and its pictures stay."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            door.studio.remove_model(name)
    else:
        from fibo_core.work.models import remove_model

        remove_model(settings, name)
    if as_json:
        print_json({"removed": name})
    else:
        print_text(f"{name} is no longer in the catalogue.")


@app.command()
def load(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Have the running studio use a model from now on."""
    _in_the_studio(context, name, as_json, lambda door: door.studio.load_model(name), "paints from now on")


@app.command()
def unload(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Have the running studio free a model's memory."""
    _in_the_studio(context, name, as_json, lambda door: door.studio.unload_model(name), "is unloaded")


def _in_the_studio(
    context: typer.Context, name: str, as_json: bool, change: "Callable[[Door], ModelGiven]", done: str
) -> None:
    door = door_of(context, begin())
    if door is None:
        raise InputError("No studio runs on this workspace. Start one, or name one with --server.")
    with as_ours():
        model = change(door)
    if as_json:
        print_json({"name": model.name, "loaded": model.loaded})
    else:
        print_text(f"{model.title} {done}.")


def _revision(spec: WeightsSpec, settings: Settings) -> str | None:
    """Which weights are here; None where there are none."""
    try:
        return revision_of(spec, weights_folder(spec, settings.hub_cache))
    except ModelMissing:
        return None
