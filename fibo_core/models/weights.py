"""Where a model's weights lie on this machine, whether they are whole, and which ones they are.

Reads files and imports no hub client and no torch, so that pages, health checks and the start may ask at any
time.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from fibo_core.errors import ModelLoadFailed, ModelMissing
from fibo_core.models.catalogue import WeightsSpec
from fibo_core.models.families import Layout
from fibo_core.models.tensor_files import read_header

BLOCK = 1 << 20
WHOLLY_READ = 256 << 20  #: bytes of a file whose every byte counts in a folder's hash
SAMPLES = 64  #: blocks of a larger one that count


def weights_folder(spec: WeightsSpec, hub_cache: Path) -> Path:
    """The folder to load, in the layout of its kind. Raises ModelMissing, which says how to get it."""
    if spec.folder is not None:
        if is_whole(spec.folder, spec.layout):
            return spec.folder
        if spec.added:
            raise ModelMissing(
                f"The weights of {spec.title} are not in {spec.folder}. Bring that folder back, or remove the model "
                "from the catalogue."
            )
        raise ModelMissing(
            f"The weights of {spec.title} are not in {spec.folder}. They come with the program: "
            "restore that folder from the repository."
        )
    folder = downloaded(spec, hub_cache)
    if folder is None:
        raise ModelMissing(
            f"The weights of {spec.title} are not on this machine (looked in {hub_cache}). Download them.",
            remedy=f"download {spec.name}",
        )
    return folder


def is_here(spec: WeightsSpec, hub_cache: Path) -> bool:
    """Whether a model's weights are on this machine: they came with the program, or all of them were fetched."""
    return spec.folder is not None or downloaded(spec, hub_cache) is not None


def downloaded(spec: WeightsSpec, hub_cache: Path) -> Path | None:
    """The snapshot folder of a repository in the hub's cache, or None unless every file needed is there.

    While a newer snapshot is only half fetched, the whole one before it counts.
    """
    if spec.repo is None:
        return None
    storage = storage_folder(spec.repo, hub_cache)
    try:
        newest_first = sorted((storage / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        main = storage / "snapshots" / (storage / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return next((folder for folder in (main, *newest_first) if is_whole(folder, spec.layout)), None)


def storage_folder(repo: str, hub_cache: Path) -> Path:
    """Where the hub's cache keeps a repository."""
    return hub_cache / f"models--{repo.replace('/', '--')}"


def is_whole(folder: Path, layout: Layout) -> bool:
    """Whether a folder holds a model's every file. A download links a file in only once it is complete."""
    return all((folder / name).is_file() for name in layout.needed) and all(
        _component_is_whole(folder / name) for name in layout.weighed
    )


def _component_is_whole(folder: Path) -> bool:
    if not (folder / "config.json").is_file():
        return False
    try:
        index = next(folder.glob("*.safetensors.index.json"), None)
        if index is None:
            return any(part.is_file() for part in folder.glob("*.safetensors"))
        if not index.is_file():  # a pipe would be waited for
            return False
        parts = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return all((folder / part).is_file() for part in parts)


def damaged_file(folder: Path, layout: Layout) -> str:
    """A file of a model that is cut short or holds something else, with what is wrong: "vae/x.safetensors (it has 3 of
    9 bytes)"; "" where none is, as far as what describes it and the weights' headers tell."""
    described = {folder / name for name in layout.needed if name.endswith(".json")}
    described |= {folder / name / "config.json" for name in layout.weighed}
    weights = {file for name in layout.weighed for file in (folder / name).glob("*.safetensors")}
    for file in (*sorted(described), *sorted(weights)):
        if fault := _fault(file, *_stamp(file)):
            return f"{file.relative_to(folder)} ({fault})"
    return ""


def check_complete(spec: WeightsSpec, folder: Path) -> None:
    """Raises ModelLoadFailed where a file of weights cannot be loaded: before anything makes room for them."""
    if damaged := damaged_file(folder, spec.layout):
        raise ModelLoadFailed(
            f"The weights of {spec.title} in {folder} are damaged: {damaged}. "
            f"{'Remove that file, and download it again.' if spec.repo else 'Bring that file again.'}",
            remedy=f"download {spec.name}" if spec.repo else "",
        )


@lru_cache(maxsize=64)
def _fault(file: Path, size: int, changed_ns: int) -> str:
    """What is wrong with a safetensors or JSON file, "" where nothing is seen; asked again when its size or time
    changes."""
    try:
        return _fault_of_json(file) if file.suffix == ".json" else _fault_of_weights(file)
    except OSError:  # which may pass: loading tries again
        return ""


def _fault_of_weights(file: Path) -> str:
    try:
        read_header(file)
    except ValueError as exc:
        return str(exc)
    return ""


def _fault_of_json(file: Path) -> str:
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return "it is no JSON, or cut short"
    if not isinstance(value, dict):
        return "it holds no JSON object"
    if file.name == "model_index.json" and not isinstance(value.get("_class_name"), str):
        return "it names no pipeline"
    return ""


def revision_of(spec: WeightsSpec, folder: Path) -> str:
    """Which weights these are: a snapshot's commit hash, or 16 hex digits of a SHA-256 over a folder's files."""
    if spec.repo is not None:
        return folder.name
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stamps = tuple((path.relative_to(folder).as_posix(), *_stamp(path)) for path in files)
    return _digest(folder, stamps)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=8)
def _digest(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    """The hash over names, sizes and contents; read again only when a file's size or time has changed.

    Of a large file, which would take minutes to read, its beginning, its end and what lies at even steps between count.
    """
    digest = hashlib.sha256()
    for name, size, _ in stamps:
        digest.update(f"{name}\0{size}\0".encode())
        with (folder / name).open("rb") as file:
            if size > WHOLLY_READ:
                for part in range(SAMPLES):
                    file.seek((size - BLOCK) * part // (SAMPLES - 1))
                    digest.update(file.read(BLOCK))
            while size <= WHOLLY_READ and (block := file.read(BLOCK)):
                digest.update(block)
    return digest.hexdigest()[:16]


def weight_bytes(folder: Path, layout: Layout) -> dict[str, int]:
    """Bytes of weights on disk for each component that has some."""
    return {name: sum(part.stat().st_size for part in (folder / name).glob("*.safetensors")) for name in layout.weighed}


def file_digest(file: Path) -> str:
    """16 hex digits of the SHA-256 over a file's content; read again only when its size or time has changed."""
    return _digest_of_file(file, *_stamp(file))


@lru_cache(maxsize=64)
def _digest_of_file(file: Path, size: int, changed_ns: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
