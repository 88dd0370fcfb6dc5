"""Models that a user added to the catalogue: a folder on this machine or a repository of the hub.

They stand in `models.toml` of the workspace. Which kind of pipeline each is, its own model_index.json says.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from fibo_core.errors import InputError
from fibo_core.limits import check_guidance, check_steps
from fibo_core.models.catalogue import BUILT_IN, ModelSpec, near_sizes, register
from fibo_core.models.families import FAMILIES, Family

FILE = "models.toml"
NAME = re.compile("[a-z0-9][a-z0-9._-]{0,39}", re.ASCII)
REPO = re.compile(r"\w[\w.-]{0,94}/\w[\w.-]{0,94}", re.ASCII)
TEXT_MAX = 4 << 20  #: bytes of a file that says what a model is
SIDE, SIDE_MIN, SIDE_MAX = 1024, 64, 2048
#: Of an entry's values, what each is.
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "source": str,
    "family": str,
    "steps": int,
    "guidance": (int, float),
    "side": int,
}


@dataclass(frozen=True)
class Added:
    """One entry: ``source`` is an absolute folder or a repository; what is None or 0 is the family's own."""

    name: str
    source: str
    family: str
    steps: int = 0
    guidance: float = 0.0
    side: int = SIDE  #: px, of the square of the area that its shapes have

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name == "auto":
            raise InputError(
                f"A model cannot be called {self.name!r:.60}. Take up to 40 small letters, digits, dots and dashes."
            )
        if self.name in BUILT_IN or any(spec.is_called(self.name) for spec in BUILT_IN.values()):
            raise InputError(f"The catalogue has a model called {self.name!r} already. Choose another name.")
        if self.family not in FAMILIES:
            raise InputError(f"{self.name} is of the family {self.family!r:.40}. {_known()}")
        if not SIDE_MIN <= self.side <= SIDE_MAX:
            raise InputError(f"The side is {self.side}. Choose {SIDE_MIN} to {SIDE_MAX} pixels.")
        if self.steps:
            check_steps(self.steps)
        if self.guidance:
            check_guidance(self.guidance)

    @property
    def spec(self) -> ModelSpec:
        """Its entry of the catalogue."""
        family = FAMILIES[self.family]
        is_repo = not Path(self.source).is_absolute()
        return ModelSpec(
            name=self.name,
            title=self.name,
            repo=self.source if is_repo else None,
            folder=None if is_repo else Path(self.source),
            licence="as its source says",
            licence_url=f"https://huggingface.co/{self.source}" if is_repo else "",
            gated=False,
            download_gb=0.0,
            family=family,
            sizes=near_sizes(self.side),
            num_inference_steps=self.steps or family.num_inference_steps,
            guidance_scale=self.guidance or family.guidance_scale,
            about=f"Added by you: {self.source}, a model of the family {family.title}.",
            added=True,
        )

    def is_other_than(self, other: "Added") -> bool:
        """Whether the two have one name and are different weights."""
        return self.name == other.name and _whereabouts(self.source) != _whereabouts(other.source)


def family_of_index(text: str, source: str) -> Family:
    """The family that a model_index.json is of. Raises InputError for one of another kind of pipeline."""
    try:
        named = json.loads(text)["_class_name"]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise InputError(f"The model_index.json of {source} names no pipeline. {_known()}") from exc
    for family in FAMILIES.values():
        if family.pipeline == named:
            return family
    raise InputError(f"{source} is a {named!r:.60}. {_known()}")


def family_of_folder(folder: Path) -> Family:
    """The family of a folder's pipeline. Raises InputError for a folder that is none."""
    try:
        text = _read_text(folder / "model_index.json")
    except (OSError, ValueError) as exc:
        raise InputError(
            f"{folder} is no pipeline: it has no model_index.json that can be read. Name the folder that holds it."
        ) from exc
    return family_of_index(text, str(folder))


def read_added(workspace: Path) -> tuple[Added, ...]:
    """The models in the workspace's `models.toml`; none where there is no file. Raises InputError that names it."""
    file = workspace / FILE
    try:
        entries = tomllib.loads(_read_text(file)).get("models", {})
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"{file} cannot be read: {exc}. Mend it, or move it away.") from exc
    models, name = [], "models"
    try:
        for name, entry in entries.items():
            _check_kinds(entry)
            models.append(Added(name=name, **entry))
    except (TypeError, AttributeError, OverflowError, InputError) as exc:
        said = str(exc).rstrip(".")
        raise InputError(f"{file} holds what is no model: {name}: {said}. Mend it, or move it away.") from exc
    return tuple(models)


def _check_kinds(entry: Mapping[str, Any]) -> None:
    for key, value in entry.items():
        if key in KINDS and (isinstance(value, bool) or not isinstance(value, KINDS[key])):
            raise TypeError(f"its {key} is {value!r:.40}")


def _read_text(file: Path) -> str:
    """A small file's text. Raises OSError and ValueError; of what is no file, such as a pipe, nothing is read."""
    found = file.stat()
    if not S_ISREG(found.st_mode):
        raise ValueError("it is no file")
    if found.st_size > TEXT_MAX:
        raise ValueError(f"it has more than {TEXT_MAX >> 20} MB")
    return file.read_text(encoding="utf-8")


def as_toml(models: tuple[Added, ...]) -> str:
    """The text of a `models.toml` that `read_added` reads."""
    lines = ["# Models that were added to FIBO Studio's catalogue.", ""]
    for model in models:
        lines.append(f"[models.{json.dumps(model.name)}]")
        entries = {name: value for name, value in asdict(model).items() if name != "name"}
        lines += [*(f"{name} = {json.dumps(value)}" for name, value in entries.items()), ""]
    return "\n".join(lines)


def added_folder(folder: Path) -> Added:
    """The entry of a folder that FIBO_MODEL names, called as the folder is. Raises InputError for one that is none."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip(".-_")[:40] or "model"
    if name in BUILT_IN:
        name = f"my-{name}"
    return Added(name=name, source=str(folder.absolute()), family=family_of_folder(folder).name)


def register_own(listed: Iterable[Added], named: Added | None) -> None:
    """The user's own models from now on: those of the list, and the folder that FIBO_MODEL names, which stays what it
    is whatever the list says."""
    own = {each.name: each for each in listed}
    if named is not None and (named.name not in own or named.is_other_than(own[named.name])):
        own[named.name] = named
    register(each.spec for each in own.values())


def _whereabouts(source: str) -> str:
    return str(Path(source).resolve()) if Path(source).is_absolute() else source.lower()


def _known() -> str:
    return f"Known are {', '.join(f'{family.pipeline} ({family.title})' for family in FAMILIES.values())}."
