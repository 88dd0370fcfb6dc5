"""The user's own models: put into the workspace's `models.toml` and out of it, checked before anything is written."""

from collections.abc import Callable

from fibo_core.errors import InputError
from fibo_core.models.added import (
    FILE,
    REPO,
    SIDE,
    Added,
    as_toml,
    family_of_folder,
    family_of_index,
    read_added,
    register_own,
)
from fibo_core.models.catalogue import ModelSpec
from fibo_core.models.weights import damaged_file, is_whole
from fibo_core.paths import typed_path
from fibo_core.settings import Settings
from fibo_core.store.disk import disk_errors, folder_lock, write_files


def add_model(
    settings: Settings, name: str, source: str, *, steps: int = 0, guidance: float = 0.0, side: int = SIDE
) -> ModelSpec:
    """Adds a folder or a repository to the catalogue; of a repository the hub is asked what it is.

    Raises InputError for a source that is no pipeline of a known family, a DownloadFailed where the hub does not say.
    """
    name, folder, named = name.strip().lower(), typed_path(source), settings.fibo_folder
    if folder.is_dir():
        family = family_of_folder(folder)
        if not is_whole(folder, family.layout):
            raise InputError(
                f"{folder} is a {family.pipeline} and not whole: each of {', '.join(family.layout.weighed)} needs its "
                f"config.json and weights, and {', '.join(family.layout.needed)} must be there."
            )
        if damaged := damaged_file(folder, family.layout):
            raise InputError(f"{folder} is a {family.pipeline} and damaged: {damaged}. Bring that file again.")
        source = str(folder)
    elif REPO.fullmatch(source):
        from fibo_core.models.download import read_index

        family = family_of_index(read_index(source, settings.hub_cache, settings.hf_token), source)
    else:
        raise InputError(f"{source!r:.200} is no folder here, and no repository's name such as briaai/FIBO.")
    added = Added(name, source, family.name, steps, guidance, side)
    if named is not None and named.is_other_than(added):
        raise InputError(f"FIBO_MODEL names a folder that is called {name!r}: {named.source}. Choose another name.")

    def with_added(models: tuple[Added, ...]) -> tuple[Added, ...]:
        if any(each.name == name for each in models):
            raise InputError(f"There is a model called {name!r} already. Remove it first, or choose another name.")
        return (*models, added)

    _change(settings, with_added)
    return added.spec


def remove_model(settings: Settings, name: str) -> None:
    """Takes a model that was added out of the catalogue; its weights stay where they are. Raises InputError."""
    name = name.strip().lower()

    def without(models: tuple[Added, ...]) -> tuple[Added, ...]:
        kept = tuple(each for each in models if each.name != name)
        if kept == models and settings.fibo_folder is not None and settings.fibo_folder.name == name:
            raise InputError(f"{name} is the folder that FIBO_MODEL names. Set FIBO_MODEL to another model instead.")
        if kept == models:
            raise InputError(f"No model called {name!r:.60} was added. Models of the program itself cannot be removed.")
        return kept

    _change(settings, without)


def _change(settings: Settings, change: Callable[[tuple[Added, ...]], tuple[Added, ...]]) -> None:
    """Reads the list, changes and writes it, while no other thread or process does."""
    workspace, what = settings.workspace_dir, "The list of models"
    with disk_errors(what, workspace), folder_lock(workspace):
        models = change(read_added(workspace))
        write_files(workspace, workspace, {FILE: as_toml(models).encode()}, what)
        register_own(models, settings.fibo_folder)
