"""The LoRAs of the workspace: which are here and what they fit, and another one put there, checked before it is."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fibo_core.engine.adapters import FOLDER, NAME, SUFFIX, check_fits, check_is_lora, check_numbers, list_adapters
from fibo_core.errors import InputError, ModelMissing, RequestError
from fibo_core.models.added import REPO
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.weights import weights_folder
from fibo_core.settings import Settings
from fibo_core.store.disk import write_files

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
    if name in list_adapters(folder):
        raise InputError(f"There is an adapter called {name} already. Choose another name, or remove its file.")
    file = _file_of(settings, source)
    check_is_lora(file)
    check_numbers(file)

    def copy(out: BinaryIO) -> None:
        with file.open("rb") as opened:
            shutil.copyfileobj(opened, out)

    write_files(settings.workspace_dir, folder, {f"{name}{SUFFIX}": copy}, "The adapter")
    return _here(settings, name)


def _file_of(settings: Settings, source: str) -> Path:
    """The safetensors file that a source means; of a repository it is fetched."""
    path = Path(source).expanduser()
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
    except RequestError as error:
        return AdapterHere(name, file.stat().st_size, (), str(error))
    fits = []
    for spec in CATALOGUE.values():
        try:
            check_fits(file, weights_folder(spec, settings.hub_cache))
        except (ModelMissing, RequestError):
            continue
        fits.append(spec.name)
    return AdapterHere(name, file.stat().st_size, tuple(fits))
