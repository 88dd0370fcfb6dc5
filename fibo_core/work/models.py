"""The user's own models: put into the workspace's `models.toml` and out of it, checked before anything is written."""

from pathlib import Path

from fibo_core.errors import InputError
from fibo_core.models.added import FILE, REPO, SIDE, Added, as_toml, family_of_folder, family_of_index, read_added
from fibo_core.models.catalogue import ModelSpec, register
from fibo_core.models.weights import damaged_file, is_whole
from fibo_core.settings import Settings
from fibo_core.store.disk import write_files


def add_model(
    settings: Settings, name: str, source: str, *, steps: int = 0, guidance: float = 0.0, side: int = SIDE
) -> ModelSpec:
    """Adds a folder or a repository to the catalogue; of a repository the hub is asked what it is.

    Raises InputError for a source that is no pipeline of a known family, a DownloadFailed where the hub does not say.
    """
    workspace, name, folder = settings.workspace_dir, name.strip().lower(), Path(source).expanduser()
    if folder.is_dir():
        family = family_of_folder(folder)
        if not is_whole(folder, family.layout):
            raise InputError(
                f"{folder} is a {family.pipeline} and not whole: each of {', '.join(family.layout.weighed)} needs its "
                f"config.json and weights, and {', '.join(family.layout.needed)} must be there."
            )
        if damaged := damaged_file(folder, family.layout):
            raise InputError(f"{folder} is a {family.pipeline} and damaged: {damaged}. Bring that file again.")
        source = str(folder.absolute())
    elif REPO.fullmatch(source):
        from fibo_core.models.download import read_index

        family = family_of_index(read_index(source, settings.hub_cache, settings.hf_token), source)
    else:
        raise InputError(f"{source!r:.200} is no folder here, and no repository's name such as briaai/FIBO.")
    added = Added(name, source, family.name, steps, guidance, side)
    models = read_added(workspace)
    if any(each.name == added.name for each in models):
        raise InputError(f"There is a model called {added.name!r} already. Remove it first, or choose another name.")
    _write(workspace, (*models, added))
    return added.spec


def remove_model(workspace: Path, name: str) -> None:
    """Takes a model that was added out of the catalogue; its weights stay where they are. Raises InputError."""
    models = read_added(workspace)
    kept = tuple(each for each in models if each.name != name.strip().lower())
    if kept == models:
        raise InputError(f"No model called {name!r:.60} was added. Models of the program itself cannot be removed.")
    _write(workspace, kept)


def _write(workspace: Path, models: tuple[Added, ...]) -> None:
    write_files(workspace, workspace, {FILE: as_toml(models).encode()}, "The list of models")
    register(each.spec for each in models)
