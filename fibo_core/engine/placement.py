"""Where a model runs: which device, in which precision, and how painter and prompt writer share it.

What this machine has, asked without torch, is `models/device.py`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from fibo_core.cancel import CancelFlag
from fibo_core.errors import OutOfMemory
from fibo_core.models import device
from fibo_core.models.catalogue import ModelSpec, WeightsSpec
from fibo_core.models.plans import GB
from fibo_core.models.weights import weight_bytes

MEGAPIXEL = 1e6
WRITER_WORKING_GB = 2.0  #: beside FIBO-vlm's weights: 4,096 tokens on top of a picture, computed, not measured
WRITER_CPU_GB = 1.0  #: of weights; without a GPU a larger writer would take an hour for one prompt
SPARE_GB = 4.0  #: of main memory that a model waiting there leaves to everybody else


class Occupied(OutOfMemory):
    """The GPU is large enough, but other programs hold its memory now; it may be worth waiting."""


@dataclass(frozen=True)
class Placement:
    """With ``offload`` each part waits in main memory for its turn on the GPU: less VRAM, a little slower."""

    device: Literal["cpu", "cuda"]
    device_text: str  #: "cpu", or "cuda: NVIDIA L40S"
    precision: Literal["float32", "bfloat16"]
    offload: bool = False


def torch_version() -> str:
    """torch's version, and the CUDA it was built for."""
    import torch

    return f"{torch.__version__}, {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'without CUDA'}"


def choose(spec: ModelSpec, folder: Path, *, held: float = 0.0) -> Placement:
    """CUDA in bfloat16 where torch can use a GPU (resident if it fits, else part by part), else CPU in float32.

    ``held`` bytes of the GPU's memory are the studio's own, and count as free. Raises OutOfMemory when the weights do
    not fit either way, Occupied when they would on an idle GPU.
    """
    import torch

    sizes, working = weight_bytes(folder, spec.layout), _working_bytes(spec)
    if not torch.cuda.is_available():
        needed, main = 2 * (sum(sizes.values()) + working), device.available_memory()
        if main is not None and main < needed:
            raise OutOfMemory(
                f"{spec.title} needs about {needed / GB:.1f} GB of memory on a CPU, and {main / GB:.1f} GB are "
                "free. Close other programs, or choose a machine with a GPU."
            )
        return Placement("cpu", "cpu", "float32")

    name = f"cuda: {torch.cuda.get_device_name()}"
    unused, total = torch.cuda.mem_get_info()
    free = unused + held
    if free >= sum(sizes.values()) + working:
        return Placement("cuda", name, "bfloat16")
    needed = max(sizes.values()) + working
    if free >= needed:
        return Placement("cuda", name, "bfloat16", offload=True)
    if total >= needed:
        raise Occupied(
            f"{spec.title} needs about {needed / GB:.1f} GB of GPU memory, and {free / GB:.1f} of the "
            f"{total / GB:.0f} GB of {torch.cuda.get_device_name()} are free. End the other programs that use it."
        )
    raise OutOfMemory(
        f"{spec.title} needs about {needed / GB:.0f} GB of GPU memory, and {torch.cuda.get_device_name()} "
        f"has {total / GB:.0f} GB. Choose mini, or a larger GPU."
    )


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


def painter_bytes(spec: ModelSpec, folder: Path, capacity: float) -> float:
    """The device's memory that a painter takes at most: all parts at once where they fit, else one at a time."""
    sizes, working = weight_bytes(folder, spec.layout), _working_bytes(spec)
    together = sum(sizes.values()) + working
    return together if together <= capacity else max(sizes.values()) + working


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


def _working_bytes(spec: ModelSpec) -> float:
    """What painting a picture of the model's largest shape takes beside the weights."""
    largest = max(width * height for width, height in spec.sizes.values())
    return spec.working_gb * GB * largest / MEGAPIXEL


def check_main_memory(spec: ModelSpec, width: int, height: int) -> None:
    """Raises OutOfMemory when a picture of this size would not fit beside the loaded model on a CPU.

    There an allocation is seldom refused: the kernel ends the process instead, and with it the whole studio.
    """
    needed, free = 2 * spec.working_gb * GB * width * height / MEGAPIXEL, device.available_memory()
    if free is not None and free < needed:
        smaller = spec.smaller_shape(width, height)
        raise OutOfMemory(
            f"{width}×{height} pixels need about {needed / GB:.1f} GB of memory with {spec.title}, and "
            f"{free / GB:.1f} GB are free. {f'Choose the shape {smaller}, or close' if smaller else 'Close'} "
            "other programs."
        )
