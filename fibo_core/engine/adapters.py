"""Adapters (LoRA): small files that change what a model paints, checked by shapes before anything is loaded.

They lie in the workspace's `adapters/`, each a file NAME.safetensors in the form that diffusers saves. A file whose
layers are of another width than the model's can spoil a loaded model without a word, so none is given to diffusers that
does not fit the model's own weights on disk to the last row.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fibo_core.errors import ModelMissing, RequestError
from fibo_core.models.catalogue import CATALOGUE, ModelSpec
from fibo_core.models.tensor_files import REAL, find_not_finite, read_header, read_types
from fibo_core.models.weights import file_digest, weights_folder

FOLDER = "adapters"
SUFFIX = ".safetensors"
STRENGTH_MAX = 4.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_ASKED = re.compile(r"(?P<name>[^:@*]+?)(?::(?P<strength>[^:@*]*))?")
_RECORDED = re.compile(r"(?P<name>[^:@*]+)@(?P<revision>[0-9a-f]{16})\*(?P<strength>-?[0-9.]+(?:e-[0-9]+)?)")
_KEY = re.compile(r"transformer\.(?P<layer>.+)\.lora_(?P<half>[AB])\.weight")


@dataclass(frozen=True)
class Adapter:
    """One adapter of a recipe: which file by its content, and how strong. ``text`` is how a recipe holds it."""

    name: str
    revision: str  #: 16 hex digits of the file's SHA-256
    strength: float

    @property
    def text(self) -> str:
        return f"{self.name}@{self.revision}*{self.strength:g}"

    @property
    def asked(self) -> str:
        """The same as a user asks for it: whichever file has the name now."""
        return f"{self.name}:{self.strength:g}"

    @classmethod
    def of_recipe(cls, text: str) -> "Adapter":
        """What `text` gave. Raises RequestError for an adapter that no version of the studio could paint with."""
        match = _RECORDED.fullmatch(text)
        if match is None:
            raise RequestError(
                f"The recipe has the adapter {text!r:.60}, which does not say which file it was. Start from its prompt "
                "and seed instead: the picture will differ."
            )
        return cls(match["name"], match["revision"], float(match["strength"]))


def asked_of(adapters: Sequence[str]) -> tuple[str, ...]:
    """What a recipe holds, as a user asks for it. Raises RequestError for one that does not say which file it was."""
    return tuple(Adapter.of_recipe(text).asked for text in adapters)


def read_asked(text: str) -> tuple[str, float]:
    """Name and strength of "NAME" or "NAME:0.8", as a user asks for it. Raises RequestError."""
    match = _ASKED.fullmatch(text.strip())
    if match is None or not NAME.fullmatch(match["name"]):
        raise RequestError(
            f"The adapter is {text!r:.60}. Say its name (letters, digits, dots and dashes, no blanks), or its name and "
            "strength, such as sepia:0.8."
        )
    try:
        strength = 1.0 if match["strength"] is None else float(match["strength"])
    except ValueError:
        strength = math.nan
    if not -STRENGTH_MAX <= strength <= STRENGTH_MAX:
        raise RequestError(
            f"The strength of {match['name']} is {match['strength']!r:.20}. Choose a number from {-STRENGTH_MAX:g} to "
            f"{STRENGTH_MAX:g}."
        )
    return match["name"], strength


def adapter_file(folder: Path, name: str) -> Path:
    """The file of an adapter. Raises RequestError, which names those that are here."""
    file = folder / f"{name}{SUFFIX}"
    if not NAME.fullmatch(name) or not file.is_file():
        known = ", ".join(list_adapters(folder)) or "none"
        raise RequestError(
            f"There is no LoRA called {name!r:.60} here (those that are: {known}). Add its file, or leave it out."
        )
    return file


def recorded_file(folder: Path, adapter: Adapter) -> Path:
    """The very file that a recipe was painted with. Raises RequestError."""
    if adapter.name not in list_adapters(folder):
        raise RequestError(
            f"The recipe is with the LoRA {adapter.name}, which is not here any more. Add the same file "
            "under this name, or start from its prompt and seed: the picture will differ."
        )
    file = adapter_file(folder, adapter.name)
    if (revision := file_digest(file)) != adapter.revision:
        raise RequestError(
            f"The recipe is with the adapter {adapter.name} at revision {adapter.revision}, and {revision} is here. "
            "Start from its prompt and seed instead: the picture will differ."
        )
    return file


def list_adapters(folder: Path) -> list[str]:
    """The names of the adapters in a folder."""
    if not folder.is_dir():
        return []
    return sorted(file.stem for file in folder.glob(f"*{SUFFIX}") if NAME.fullmatch(file.stem) and file.is_file())


def resolve(asked: Sequence[str], folder: Path, spec: ModelSpec, hub_cache: Path) -> tuple[str, ...]:
    """What a recipe holds of the adapters asked for, each checked against the model's weights. What a recipe holds may
    be asked for too: then it must be the very file. Raises RequestError, and ModelMissing where the weights are not
    here."""
    adapters: list[Adapter] = []
    for text in asked:
        if _RECORDED.fullmatch(text):
            recorded = Adapter.of_recipe(text)
            (name, strength), file = read_asked(recorded.asked), recorded_file(folder, recorded)
        else:
            name, strength = read_asked(text)
            file = adapter_file(folder, name)
        if any(each.name == name for each in adapters):
            raise RequestError(f"The adapter {name} is asked for twice. Say it once, with its strength.")
        check_fits(file, spec, hub_cache)
        check_numbers(file)
        adapters.append(Adapter(name, file_digest(file), strength))
    return tuple(adapter.text for adapter in adapters)


def check_is_lora(file: Path) -> None:
    """Raises RequestError for a file without a layer of a LoRA. Only its header is read."""
    _check_numbers_are_real(file)
    if not any(map(_KEY.fullmatch, _header(file))):
        raise RequestError(f"{file.name} holds no LoRA of a transformer. Choose a LoRA that diffusers has saved.")


def check_fits(file: Path, spec: ModelSpec, hub_cache: Path) -> None:
    """Raises RequestError unless every layer of an adapter is one of the model's, of the model's own width; it names
    the models here that the adapter belongs to. Raises ModelMissing for a model whose weights are not here.

    Only headers are read.
    """
    misfit = _misfit(file, spec, hub_cache)
    if misfit is not None:
        owners = " or ".join(each.title for each in models_of(file, hub_cache))
        raise RequestError(
            f"The adapter {file.stem} does not belong to {spec.title}: {misfit}. "
            f"{f'It fits {owners}: choose that model' if owners else 'Choose one that was trained on it'}."
        )


def models_of(file: Path, hub_cache: Path) -> Iterator[ModelSpec]:
    """Those of the models here that an adapter belongs to. Raises RequestError for a file that is no whole adapter."""
    for spec in CATALOGUE.values():
        try:
            if _misfit(file, spec, hub_cache) is None:
                yield spec
        except ModelMissing:
            continue


def _misfit(file: Path, spec: ModelSpec, hub_cache: Path) -> str | None:
    """What of an adapter is none of the model's, as a sentence goes on; None where it fits. Raises as `check_fits`."""
    layers = _linear_layers(weights_folder(spec, hub_cache) / "transformer")
    _check_numbers_are_real(file)
    halves: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, shape in _header(file).items():
        match = _KEY.fullmatch(key)
        if match is None or match["layer"] not in layers or len(shape) != 2:
            return f"it has {key!r:.80}, and the model has no such layer"
        halves.setdefault(match["layer"], {})[match["half"]] = shape
    if not halves:
        raise RequestError(f"The adapter {file.stem} is empty. Choose a LoRA that diffusers has saved.")
    for layer, shapes in halves.items():
        if shapes.keys() != {"A", "B"}:
            raise RequestError(
                f"The adapter {file.stem} is cut short: of {layer} it has one half. Fetch its file again."
            )
        (rank, width), (height, rank_too) = shapes["A"], shapes["B"]
        if rank == 0:
            raise RequestError(
                f"The adapter {file.stem} is empty: {layer} has rank 0. Choose another, or train it anew."
            )
        if (height, width) != layers[layer] or rank != rank_too:
            out, into = layers[layer]
            return f"{layer} takes {into} numbers and gives {out}, and the adapter's takes {width} and gives {height}"
    return None


def check_numbers(file: Path) -> None:
    """Raises RequestError for a LoRA with a value that is no number: all that it paints would be black. The file is
    read whole, once for each state of it."""
    if (key := _not_finite(file, file.stat().st_mtime_ns)) is not None:
        raise RequestError(
            f"The adapter {file.stem} is spoilt: {key} holds what is no number (NaN), and all its pictures would be "
            "black. Fetch its file again, or train it anew."
        )


@lru_cache(maxsize=64)
def _not_finite(file: Path, changed_ns: int) -> str | None:
    return find_not_finite(file)


def _check_numbers_are_real(file: Path) -> None:
    """Raises RequestError for a file of other numbers than weights are trained in: they cannot be loaded as these."""
    _header(file)
    odd = next((f"{key} has {kind}" for key, kind in read_types(file).items() if kind not in REAL), None)
    if odd is not None:
        raise RequestError(
            f"The adapter {file.stem} is of numbers that no model is trained in: {odd:.100}, and {', '.join(REAL)} can "
            "be loaded. Choose the file that its training has saved."
        )


def _linear_layers(transformer: Path) -> dict[str, tuple[int, int]]:
    """The transformer's layers that an adapter may change, with what they give and what they take."""
    return _layers_of(tuple((file, file.stat().st_mtime_ns) for file in sorted(transformer.glob(f"*{SUFFIX}"))))


@lru_cache(maxsize=8)
def _layers_of(files: tuple[tuple[Path, int], ...]) -> dict[str, tuple[int, int]]:
    return {
        key.removesuffix(".weight"): (shape[0], shape[1])
        for file, _ in files
        for key, shape in _header(file).items()
        if key.endswith(".weight") and len(shape) == 2
    }


def _header(file: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a safetensors file by their keys. Raises RequestError for a file that is none, or cut short."""
    try:
        return read_header(file)
    except (OSError, ValueError) as exc:
        raise RequestError(
            f"{file.name} is no safetensors file, or is cut short ({str(exc)[:80] or type(exc).__name__}). Fetch it "
            "again."
        ) from exc
