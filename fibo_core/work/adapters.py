"""The LoRAs of the workspace: which are here and what they fit; another put there, checked before; one taken out."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fibo_core.engine.adapters import FOLDER, NAME, SUFFIX, check_is_lora, check_numbers, list_adapters, models_of
from fibo_core.errors import InputError, RequestError
from fibo_core.models.added import REPO
from fibo_core.paths import typed_path
from fibo_core.settings import Settings
from fibo_core.store.adapter_use import jobs_with_adapter, pictures_with_adapter
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, folder_lock, sync_folder, write_files

USUAL = f"pytorch_lora_weights{SUFFIX}"  #: as diffusers calls the one of a folder or a repository


@dataclass(frozen=True)
class AdapterHere:
    """One LoRA: ``fits`` names those of the models here that it belongs to; ``fault`` says why it is none."""

    name: str
    bytes: int
    fits: tuple[str, ...]
    fault: str = ""


def adapters_here(settings: Settings) -> list[AdapterHere]:
    """Every LoRA of the workspace. Only the headers of files are read."""
    return [_here(settings, name) for name in list_adapters(settings.workspace_dir / FOLDER)]


def add_adapter(settings: Settings, name: str, source: str) -> AdapterHere:
    """Copies the LoRA of a file, a folder or a repository into the workspace, as ``name``.

    Raises InputError for a name or a source that cannot be, RequestError for a file that is no LoRA, a DownloadFailed
    where the hub does not give it, WorkspaceUnwritable.
    """
    folder = settings.workspace_dir / FOLDER
    if not NAME.fullmatch(name):
        raise InputError(
            f"An adapter cannot be called {name!r:.60}. Take up to 80 letters, digits, dots and dashes, no blanks."
        )
    _check_name_is_free(folder, name)  # before anything is fetched
    file = _file_of(settings, source)
    check_is_lora(file)
    check_numbers(file)

    def copy(out: BinaryIO) -> None:
        with file.open("rb") as opened:
            shutil.copyfileobj(opened, out)

    with disk_errors("The adapter", settings.workspace_dir), folder_lock(settings.workspace_dir):
        _check_name_is_free(folder, name)  # nor was it taken meanwhile
        write_files(settings.workspace_dir, folder, {f"{name}{SUFFIX}": copy}, "The adapter")
    return _here(settings, name)


def _check_name_is_free(folder: Path, name: str) -> None:
    if name in list_adapters(folder):
        raise InputError(f"There is an adapter called {name} already. Remove it first, or choose another name.")


@dataclass(frozen=True)
class AdapterUse:
    """What still names a LoRA: jobs that have not ended, and pictures of the gallery."""

    jobs: int
    pictures: int

    @property
    def sentence(self) -> str:
        """What its removal means for them; "" where nothing names it."""
        if self.jobs:
            return f"{_count(self.jobs, 'job')} in the queue {'paints' if self.jobs == 1 else 'paint'} with it."
        if self.pictures:
            return (
                f"{_count(self.pictures, 'picture')} {'was' if self.pictures == 1 else 'were'} painted with it: "
                f"{'it stays' if self.pictures == 1 else 'they stay'}, and cannot be painted again until the same file "
                "is added under this name."
            )
        return ""


def adapter_use(database: Database, name: str) -> AdapterUse:
    """What still names a LoRA."""
    return AdapterUse(jobs_with_adapter(database, name), pictures_with_adapter(database, name))


def remove_adapter(settings: Settings, database: Database, name: str) -> AdapterUse:
    """Takes a LoRA's file out of the workspace; returns what still names it. The recipes of pictures stay.

    Raises InputError for one that is not here, or that a job in the queue paints with, and WorkspaceUnwritable.
    """
    folder = settings.workspace_dir / FOLDER
    if name not in (known := list_adapters(folder)):
        raise InputError(f"There is no adapter called {name!r:.60} to remove (there: {', '.join(known) or 'none'}).")
    use = adapter_use(database, name)
    if use.jobs:
        raise InputError(f"{name} is in use. {use.sentence} Cancel what waits, or wait until it is painted.")
    with disk_errors("The adapter", folder):
        (folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
        sync_folder(folder)
    return use


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _file_of(settings: Settings, source: str) -> Path:
    """The safetensors file that a source means; of a repository it is fetched."""
    path = typed_path(source)
    if path.is_file():
        return path
    if path.is_dir():
        files = sorted(path.glob(f"*{SUFFIX}"))
        if (path / USUAL) in files:
            return path / USUAL
        if len(files) == 1:
            return files[0]
        names = ", ".join(file.name for file in files) or "none"
        raise InputError(f"{path} has to hold {USUAL} or one other {SUFFIX} file (there: {names:.200}). Name the file.")
    if REPO.fullmatch(source):
        from fibo_core.models.download import fetch_file

        fetched = fetch_file(source, USUAL, settings.hub_cache, settings.hf_token)
        if fetched is None:
            raise InputError(f"{source} holds no {USUAL}. Download the LoRA's file, and name that.")
        return fetched
    raise InputError(f"{source!r:.200} is no file or folder here, and no repository's name such as briaai/Fibo-lite.")


def _here(settings: Settings, name: str) -> AdapterHere:
    file = settings.workspace_dir / FOLDER / f"{name}{SUFFIX}"
    try:
        check_is_lora(file)
        fits = tuple(spec.name for spec in models_of(file, settings.hub_cache))
    except RequestError as error:
        return AdapterHere(name, file.stat().st_size, (), str(error))
    return AdapterHere(name, file.stat().st_size, fits)
