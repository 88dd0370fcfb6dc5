"""The catalogue of models: what each is called, where its weights come from, its sizes and defaults.

Adding a model that paints is adding an entry to BUILT_IN; nothing else in the program names one. A user adds others
(`added.py`), which are registered here when the settings are read.
"""

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fibo_core.errors import InputError
from fibo_core.limits import SIZE_MIN, SIZE_MULTIPLE
from fibo_core.models.families import FIBO1, FIBO2, FIBO_EDIT, NEEDED, Ability, Family, Layout

MINI_WEIGHTS = Path(__file__).parent / "mini" / "weights"

#: Width × height in pixels, near one megapixel, every side a multiple of 64 or 32 (FIBO's own buckets).
FIBO_SIZES: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (896, 1152),
    "4:3": (1152, 896),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
}

#: Near half a megapixel, every side a multiple of 32: for GPUs with less memory.
FIBO_SMALL_SIZES: Mapping[str, tuple[int, int]] = {
    "1:1": (704, 704),
    "2:3": (576, 864),
    "3:2": (864, 576),
    "3:4": (640, 832),
    "4:3": (832, 640),
    "4:5": (640, 768),
    "5:4": (768, 640),
    "9:16": (544, 960),
    "16:9": (960, 544),
}

#: Near 256² pixels' area.
MINI_SIZES: Mapping[str, tuple[int, int]] = {
    "1:1": (256, 256),
    "2:3": (208, 320),
    "3:2": (320, 208),
    "9:16": (192, 336),
    "16:9": (336, 192),
}


#: What the local writer reads: a transformers model with its tokenizer and its pictures' format.
VISION_LANGUAGE = Layout(
    fetched=("*.json", "*.safetensors"),
    needed=("config.json", "tokenizer.json", "preprocessor_config.json"),
    weighed=("",),
)


@dataclass(frozen=True, kw_only=True)
class WeightsSpec:
    """A model's weights: identity, licence, where they come from.

    ``folder`` is set where the weights come with the program, ``repo`` where they are fetched from the hub.
    """

    name: str
    title: str
    repo: str | None
    folder: Path | None
    licence: str
    licence_url: str
    gated: bool
    download_gb: float
    layout: Layout
    about: str = ""
    added: bool = False  #: by the user

    def is_called(self, name: str) -> bool:
        """Whether a name, in any case, is this model's own or its repository's."""
        return name.lower() in (self.name, (self.repo or self.name).lower())


@dataclass(frozen=True, kw_only=True)
class ModelSpec(WeightsSpec):
    """One model that paints: its weights and its defaults.

    ``family`` is the kind of its pipeline, ``lacks`` what others of it can do. ``sizes`` are width and height in pixels
    by aspect ratio, ``small_sizes`` smaller ones, where the model has them. ``fixed_negative`` is sent whatever the
    user asks for (mini knows no other). ``between_places`` is whether it knows words for what lies between the nine
    places and the three sizes of things.
    """

    sizes: Mapping[str, tuple[int, int]]
    small_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    family: Family = FIBO1
    lacks: frozenset[Ability] = frozenset()
    layout: Layout = field(init=False)
    num_inference_steps: int
    guidance_scale: float
    fixed_negative: str | None = None
    between_places: bool = True
    working_gb: float = 4.0  #: memory a render takes beside the weights, for each megapixel, in bfloat16

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", self.family.layout)

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can do."""
        return self.family.abilities - self.lacks

    def can(self, kind: str) -> bool:
        """Whether it works off orders of a kind: "generate", "refine", "inspire", "edit"."""
        return bool(NEEDED[kind] & self.abilities)

    def check_can(self, kind: str) -> None:
        """Raises InputError where it does not work off orders of that kind."""
        if not self.can(kind):
            raise InputError(
                f"{self.title} only edits pictures that are there. Choose a model that paints from a prompt, such as "
                f"{next(spec.name for spec in CATALOGUE.values() if spec.can(kind))}."
                if kind != "edit"
                else f"{self.title} cannot edit. Choose another model."
            )

    @property
    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Every width and height to choose by its name: "3:2", and "3:2-small" where the model has one."""
        return {**self.sizes, **{f"{aspect}-small": size for aspect, size in self.small_sizes.items()}}

    def size(self, aspect: str) -> tuple[int, int]:
        """Width and height in pixels of a shape such as "3:2". Raises InputError if the model has none of that name."""
        if aspect not in self.shapes:
            raise InputError(f"{self.title} has no shape {aspect!r}. Choose {', '.join(self.shapes)}.")
        return self.shapes[aspect]

    def nearest_aspect(self, width: int, height: int) -> str:
        """The shape of this very size, else the aspect ratio that comes nearest to width : height."""
        exact = [name for name, size in self.shapes.items() if size == (width, height)]
        return exact[0] if exact else self._nearest_ratio(width, height)

    def smaller_shape(self, width: int, height: int) -> str | None:
        """The largest shape like width : height that has fewer pixels, with its size; None where there is none.

        Such as "3:2-small (864×576 pixels)".
        """
        aspect = self._nearest_ratio(width, height)
        for name in (aspect, f"{aspect}-small"):
            if name in self.shapes and math.prod(self.shapes[name]) < width * height:
                return f"{name} ({self.shapes[name][0]}×{self.shapes[name][1]} pixels)"
        return None

    def _nearest_ratio(self, width: int, height: int) -> str:
        return min(self.sizes, key=lambda aspect: abs(self.sizes[aspect][0] / self.sizes[aspect][1] - width / height))


def near_sizes(side: int) -> dict[str, tuple[int, int]]:
    """Width and height by aspect ratio, near ``side``² pixels in area, every side a multiple of 16."""
    ratios = {name: width / height for name, (width, height) in FIBO_SIZES.items()}
    return {
        name: (_multiple(side * math.sqrt(ratio)), _multiple(side / math.sqrt(ratio))) for name, ratio in ratios.items()
    }


def _multiple(pixels: float) -> int:
    return max(SIZE_MIN, round(pixels / SIZE_MULTIPLE) * SIZE_MULTIPLE)


def _bria(**entry: Any) -> ModelSpec:
    """A model of Bria's own: gated, and of their shapes."""
    return ModelSpec(
        folder=None,
        licence="CC BY-NC 4.0",
        licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
        gated=True,
        sizes=FIBO_SIZES,
        small_sizes=FIBO_SMALL_SIZES,
        **entry,
    )


BUILT_IN: Mapping[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="mini",
            title="mini",
            repo=None,
            folder=MINI_WEIGHTS,
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            gated=False,
            download_gb=0.0,
            working_gb=0.45,  # measured: 3.4 GB in float32 for 2048×2048
            sizes=MINI_SIZES,
            num_inference_steps=20,
            guidance_scale=3.0,
            fixed_negative="{}",
            between_places=False,  # it paints two balls for one "slightly left of center"
            about="The small model that comes with the studio: FIBO's architecture, toy scenes, any laptop.",
        ),
        _bria(
            name="fibo",
            title="FIBO",
            repo="briaai/FIBO",
            download_gb=25.0,
            working_gb=4.0,  # 3,000 tokens with guidance: 3.5, computed, not measured
            num_inference_steps=50,
            guidance_scale=5.0,
            about="Bria's 8-billion-parameter model. Needs a GPU and Bria's consent; not for commercial use.",
        ),
        _bria(
            name="fibo-lite",
            title="FIBO lite",
            repo="briaai/Fibo-lite",
            download_gb=25.0,
            num_inference_steps=8,
            guidance_scale=1.0,
            about="FIBO distilled to 8 steps without guidance. Not run here yet.",
        ),
        _bria(
            name="fibo-1.5",
            title="FIBO 1.5",
            repo="briaai/Fibo-1.5",
            download_gb=25.0,  # of 42: what the pipeline reads
            num_inference_steps=6,
            guidance_scale=1.0,
            about="FIBO distilled to 6 steps without guidance: 6 passes where FIBO takes 100. Not run here yet.",
        ),
        _bria(
            name="fibo-2",
            title="FIBO 2",
            repo="briaai/Fibo-2.0-dev",
            family=FIBO2,
            download_gb=25.5,
            num_inference_steps=50,
            guidance_scale=5.0,
            about="Bria's second FIBO: other text encoder and VAE, shorter prompts too. Not run here yet.",
        ),
        _bria(
            name="fibo-2-turbo",
            title="FIBO 2 turbo",
            repo="briaai/Fibo-2.0-edit-turbo",
            family=FIBO2,
            download_gb=25.5,
            num_inference_steps=4,
            guidance_scale=1.0,
            about="FIBO 2 distilled to 4 steps without guidance, for pictures and edits. Not run here yet.",
        ),
        _bria(
            name="fibo-edit",
            title="FIBO Edit",
            repo="briaai/Fibo-Edit",
            family=FIBO_EDIT,
            lacks=frozenset({"references"}),
            download_gb=25.0,
            num_inference_steps=50,
            guidance_scale=5.0,
            about="FIBO for edits by instruction, with or without a mask; it generates nothing. Not run here yet.",
        ),
        _bria(
            name="fibo-edit-1.5",
            title="FIBO Edit 1.5",
            repo="briaai/Fibo-Edit-1.5-base",
            family=FIBO_EDIT,
            download_gb=25.0,
            num_inference_steps=30,
            guidance_scale=5.0,
            about="FIBO Edit with references beside the picture; it generates nothing. Not run here yet.",
        ),
        _bria(
            name="fibo-edit-1.5-turbo",
            title="FIBO Edit 1.5 turbo",
            repo="briaai/Fibo-Edit-1.5-turbo",
            family=FIBO_EDIT,
            download_gb=25.0,
            num_inference_steps=4,
            guidance_scale=1.0,
            about="FIBO Edit 1.5 distilled to 4 steps without guidance; it generates nothing. Not run here yet.",
        ),
    )
}
_ADDED: dict[str, ModelSpec] = {}
#: Every model that paints: those of the program, then the user's own.
CATALOGUE: Mapping[str, ModelSpec] = ChainMap(_ADDED, dict(BUILT_IN))


def register(specs: Iterable[ModelSpec]) -> None:
    """The user's own models from now on, in place of those registered before."""
    models = {spec.name: spec for spec in specs}
    for name in _ADDED.keys() - models.keys():
        del _ADDED[name]
    _ADDED.update(models)


#: The model of the local writer. Size as published by others, not measured.
FIBO_VLM = WeightsSpec(
    name="fibo-vlm",
    title="FIBO-vlm",
    repo="briaai/FIBO-vlm",
    folder=None,
    licence="CC BY-NC 4.0",
    licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
    gated=True,
    download_gb=9.0,
    layout=VISION_LANGUAGE,
    about="Bria's 4-billion-parameter prompt writer. Needs a GPU and Bria's consent; not for commercial use.",
)


def find_weights(name: str) -> WeightsSpec:
    """The weights, a painter's or the writer's, that a name or a repository means. Raises InputError for others."""
    if FIBO_VLM.is_called(name):
        return FIBO_VLM
    try:
        return find_model(name)
    except InputError as exc:
        raise InputError(f"{str(exc).removesuffix('.')}, {FIBO_VLM.name}.") from exc


def find_model(name: str) -> ModelSpec:
    """The catalogue's entry for a name or a repository, in any case. Raises InputError for one it has not."""
    for spec in CATALOGUE.values():
        if spec.is_called(name):
            return spec
    raise InputError(f"There is no model called {name!r}. Choose {', '.join(CATALOGUE)}.")
