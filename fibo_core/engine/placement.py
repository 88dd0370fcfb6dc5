"""Where a model runs: which device, in which precision, and how painter and prompt writer share it.

What this machine has, asked without torch, is `models/device.py`; how a model can be held at all, `models/plans.py`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from fibo_core.cancel import CancelFlag
from fibo_core.engine.request import TILED
from fibo_core.errors import ModelLoadFailed, OutOfMemory
from fibo_core.models import device, plans
from fibo_core.models.catalogue import ModelSpec, WeightsSpec
from fibo_core.models.plans import ANY, BATCH_MAX, CUDA_GB, GB, HOLDS, Machine, Plan, Wish
from fibo_core.models.weights import weight_bytes

WRITER_WORKING_GB = 2.0  #: beside FIBO-vlm's weights: 4,096 tokens on top of a picture, computed, not measured
WRITER_CPU_GB = 1.0  #: of weights; without a GPU a larger writer would take an hour for one prompt
UNROUNDED = ("float32", "bfloat16")
SPARE_GB = 4.0  #: of main memory that a model waiting there leaves to everybody else


class Occupied(OutOfMemory):
    """The GPU is large enough, but other programs hold its memory now; it may be worth waiting."""


@dataclass(frozen=True)
class Placement:
    """How a model is held: ``hold`` is one of `plans.HOLDS`, ``precision`` that of its transformer's weights.

    With ``tiled`` pictures are decoded tile by tile, which takes less memory and changes some pixels a little.
    ``batch`` pictures of a megapixel may be painted in one pass.
    """

    device: Literal["cpu", "cuda"]
    device_text: str  #: "cpu", or "cuda: NVIDIA L40S"
    precision: str  #: "float32", "bfloat16", or a rounded one of `plans.PRECISIONS`: "fp8", "int8", "nf4"
    hold: str = "card"
    tiled: bool = False
    batch: int = 1

    @property
    def offload(self) -> bool:
        """Whether weights wait in main memory for their turn on the GPU."""
        return self.hold != "card"

    @property
    def dtype(self) -> str:
        """torch's name of what is computed in."""
        return self.precision if self.precision in UNROUNDED else "bfloat16"

    @property
    def where(self) -> str:
        """Device and hold, as a recipe has them: "cuda: NVIDIA L40S, part by part"."""
        return f"{self.device_text}, {HOLDS[self.hold].split(',')[0]}" if self.offload else self.device_text

    @property
    def in_words(self) -> str:
        """How a picture is painted so, as a sentence goes on."""
        tiles = "decoded tile by tile, which changes some pixels a little"
        return tiles if self.tiled else HOLDS[self.hold].split(",")[0]

    @property
    def how(self) -> str:
        """Precision and tiles, as a recipe has them: "nf4, tiled"."""
        return f"{self.precision}, {TILED}" if self.tiled else self.precision


def torch_version() -> str:
    """torch's version, and the CUDA it was built for."""
    import torch

    return f"{torch.__version__}, {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'without CUDA'}"


def choose(spec: ModelSpec, folder: Path, *, held: float = 0.0, wish: Wish = ANY) -> Placement:
    """The best plan for this machine that ``wish`` allows; without a GPU the CPU in float32, whatever is wished for.

    ``held`` bytes of the GPU's memory are the studio's own, and count as free. Raises OutOfMemory when no plan fits,
    Occupied when one would on an idle GPU, and ModelLoadFailed for a precision that cannot be had here.
    """
    import torch

    parts = device.parts_of(spec, folder)
    if not torch.cuda.is_available():
        needed, main = 2 * (parts.whole_gb + parts.painting_gb) * GB, device.available_memory()
        if main is not None and main < needed:
            raise OutOfMemory(
                f"{spec.title} needs about {needed / GB:.1f} GB of memory on a CPU, and {main / GB:.1f} GB are "
                "free. Close other programs, or choose a machine with a GPU."
            )
        return Placement("cpu", "cpu", "float32")

    card = torch.cuda.get_device_name()
    unused, total = torch.cuda.mem_get_info()
    free_gb = (unused + held) / GB
    machine = Machine(
        free_gb + CUDA_GB,  # CUDA has taken its own before it could be asked
        plans.main_memory_gb(),
        torch.cuda.get_device_capability(),
        plans.libraries_here(),
    )
    ways = [plan for plan in plans.plans_of(parts) if wish.allows(plan) and machine.allows(plan)]
    if not ways:
        raise ModelLoadFailed(
            f"FIBO_PLACEMENT is {wish.hold} and FIBO_PRECISION {wish.precision}, which cannot be had here: "
            f"{plans.cannot_hold(wish, machine)}. Set them to auto, or mend that."
        )
    # Main memory too small is tried all the same: what is computed of it is the most that could be.
    plan = plans.best(ways, machine) or plans.best(ways, replace(machine, main_gb=None))
    if plan is not None:
        return _placed(plan, f"cuda: {card}", machine)
    needed_gb = min(plan.gpu_gb for plan in ways) - CUDA_GB
    if total / GB >= needed_gb:
        raise Occupied(
            f"{spec.title} needs about {needed_gb:.1f} GB of GPU memory, and {free_gb:.1f} of the "
            f"{total / GB:.0f} GB of {card} are free. End the other programs that use it."
        )
    raise OutOfMemory(
        f"{spec.title} needs about {needed_gb:.0f} GB of GPU memory, and {card} has {total / GB:.0f} GB. "
        "Choose mini, or a larger GPU."
    )


def _placed(plan: Plan, device_text: str, machine: Machine) -> Placement:
    precision = "bfloat16" if plan.precision == "bf16" else plan.precision
    batch = 1 if machine.gpu_gb is None else plan.batch(machine.gpu_gb)
    return Placement("cuda", device_text, precision, plan.hold, batch=batch)


def next_below(place: Placement, wish: Wish = ANY) -> Placement | None:
    """How to hold a model whose memory ran out: less of it on the card, at last decoded by tiles; None after that.

    Its precision stays: the next picture is still the same recipe's, but for the tiles.
    """
    if place.device == "cuda" and place.precision in UNROUNDED and wish.hold == "auto":
        holds = tuple(HOLDS)
        for hold in holds[holds.index(place.hold) + 1 :]:
            return replace(place, hold=hold, batch=1)
    return None if place.tiled else replace(place, tiled=True, batch=1)


def choose_for_writer(spec: WeightsSpec, folder: Path) -> Placement:
    """CUDA in bfloat16, whole; without a GPU the CPU in float32, and only for small weights. Raises OutOfMemory."""
    import torch

    weights = sum(weight_bytes(folder, spec.layout).values())
    if not torch.cuda.is_available():
        if weights > WRITER_CPU_GB * GB:
            raise OutOfMemory(
                f"{spec.title} needs a CUDA GPU: on a CPU one prompt would take an hour. Choose another writer."
            )
        return Placement("cpu", "cpu", "float32")
    needed, name = weights + WRITER_WORKING_GB * GB, torch.cuda.get_device_name()
    free, total = torch.cuda.mem_get_info()
    if free < needed:
        raise OutOfMemory(
            f"{spec.title} needs about {needed / GB:.1f} GB of GPU memory, and {free / GB:.1f} of the "
            f"{total / GB:.0f} GB of {name} are free. End other programs that use it, or choose another writer."
        )
    return Placement("cuda", f"cuda: {name}", "bfloat16")


def painter_bytes(spec: ModelSpec, folder: Path, capacity: float, wish: Wish = ANY) -> float:
    """The device's memory that a painter takes at most, by the best plan that fits ``capacity`` bytes."""
    ways = [plan for plan in plans.plans_of(device.parts_of(spec, folder)) if wish.allows(plan)]
    if not ways:
        return 0.0  # `choose` says why
    sizes = [(plan.gpu_gb - CUDA_GB) * GB for plan in ways if plan.precision == ways[0].precision]
    return next((size for size in sizes if size <= capacity), min(sizes))


def writer_bytes(spec: WeightsSpec, folder: Path) -> float:
    """The device's memory that the local writer takes at most."""
    return sum(weight_bytes(folder, spec.layout).values()) + WRITER_WORKING_GB * GB


def waits_in_main_memory(weights: float) -> bool:
    """Whether weights that leave the GPU may wait in main memory; else they are read from disk again."""
    free = device.available_memory()
    return free is not None and free > weights + SPARE_GB * GB


class Tenant(Protocol):
    """A model that has a share of the device's memory."""

    def move_out(self) -> bool:
        """Takes the model off the device, then ``SharedDevice.release_share``; False while the model is at work.

        Both in one turn of its own lock: it could come back in between, and would work with a share it has lost.
        Never waits for that lock.
        """
        ...


def device_memory() -> float:
    """Bytes of the GPU that this process has or may take; without limit where there is no GPU.

    Main memory has no tenants: a model there is checked against what is free when it is loaded.
    """
    if not device.has_cuda_gpu():
        return float("inf")
    import torch

    return torch.cuda.mem_get_info()[0] + held_memory() if torch.cuda.is_available() else 0.0


def held_memory() -> float:
    """Bytes of the GPU that this process has."""
    import torch

    return float(torch.cuda.memory_reserved()) if torch.cuda.is_available() else 0.0


class SharedDevice:
    """Who is on the device, and who has to leave it: the one place where painter and prompt writer meet.

    Each is given the memory it takes at most while it works. Where that is enough for both, both stay, and work at
    the same time; else who comes sends the other away, once it is idle. They come one at a time.
    """

    def __init__(self, memory: Callable[[], float] = device_memory) -> None:
        self.memory = memory
        self._coming = threading.Lock()
        self._shares: dict[Tenant, float] = {}

    def has(self, tenant: Tenant) -> bool:
        return tenant in self._shares

    @contextmanager
    def arrival(self, tenant: Tenant, needed: float, cancel: CancelFlag) -> Iterator[None]:
        """Inside, ``needed`` bytes are the tenant's, to move in; they stay its own unless that fails.

        The tenant must have left before: who waits here while it holds memory could be waited for in turn.
        """
        assert tenant not in self._shares
        with cancel.turn(self._coming):
            with cancel.clock_stopped():
                while (others := tuple(self._shares)) and sum(self._shares.values()) + needed > self.memory():
                    if not others[0].move_out():
                        cancel.wait(0.1)
            self._shares[tenant] = needed
            try:
                yield
            except BaseException:
                self.release_share(tenant)
                raise

    def release_share(self, tenant: Tenant) -> None:
        """The tenant has nothing on the device any more."""
        self._shares.pop(tenant, None)


def at_once(place: Placement, spec: ModelSpec, width: int, height: int) -> int:
    """How many pictures of this size one pass has memory for, beside the loaded model; at least one."""
    megapixels = width * height / device.MEGAPIXEL
    if place.device == "cpu":
        each, free = 2 * spec.working_gb * GB * megapixels, device.available_memory()
        count = BATCH_MAX if free is None else int(free / each)
    else:
        count = int(place.batch / megapixels)
    return max(1, min(BATCH_MAX, count))


def check_main_memory(spec: ModelSpec, width: int, height: int) -> None:
    """Raises OutOfMemory when a picture of this size would not fit beside the loaded model on a CPU.

    There an allocation is seldom refused: the kernel ends the process instead, and with it the whole studio.
    """
    needed, free = 2 * spec.working_gb * GB * width * height / device.MEGAPIXEL, device.available_memory()
    if free is not None and free < needed:
        smaller = spec.smaller_shape(width, height)
        raise OutOfMemory(
            f"{width}×{height} pixels need about {needed / GB:.1f} GB of memory with {spec.title}, and "
            f"{free / GB:.1f} GB are free. {f'Choose the shape {smaller}, or close' if smaller else 'Close'} "
            "other programs."
        )
