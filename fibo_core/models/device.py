"""This machine: its GPU and memory, the model that FIBO_MODEL means here, and what a model lacks.

Nothing here imports torch: pages and health checks are answered from the driver's files and the kernel's.
"""

import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from fibo_core.errors import ModelMissing
from fibo_core.models import plans
from fibo_core.models.catalogue import CATALOGUE, FIBO_VLM, ModelSpec, WeightsSpec, find_model
from fibo_core.models.plans import ANY, CUDA_GB, GB, Machine, Parts, Plan, Wish
from fibo_core.models.weights import downloaded, weight_bytes, weights_folder

MEGAPIXEL = 1e6


def default_model(setting: str, hub_cache: Path) -> ModelSpec:
    """The model FIBO_MODEL means: "auto" is FIBO where its weights are and a GPU that it fits, else mini."""
    if setting != "auto":
        return find_model(setting)
    fibo = CATALOGUE["fibo"]
    if has_cuda_gpu() and downloaded(fibo, hub_cache) is not None and not lacks_for(fibo):
        return fibo
    return CATALOGUE["mini"]


def lacks_for(spec: WeightsSpec) -> str:
    """What this machine's GPU or memory lacks for a model, in a sentence; "" where it will do, or cannot be told."""
    return plans.lack([plan for plan in plans.PLANS if plan.model == spec.name], machine())


def machine() -> Machine:
    """This machine, as the driver and the kernel say."""
    return Machine(gpu_memory_gb(), plans.main_memory_gb(), gpu_capability(), plans.libraries_here())


def outlook(spec: ModelSpec, hub_cache: Path, wish: Wish = ANY) -> str:
    """How a model will be held on this machine's GPU, or what it lacks; "" without a GPU, or where nothing is known."""
    if not has_cuda_gpu():
        return ""
    said = plans.outlook(_plans(spec, hub_cache), machine(), wish)
    if not said.startswith("fits") or downloaded(FIBO_VLM, hub_cache) is None:
        return said
    plan = plans.best(_plans(spec, hub_cache), machine(), wish)
    (writer,) = (each for each in plans.PLANS if each.model == FIBO_VLM.name)
    together = plan is not None and plan.gpu_gb + writer.gpu_gb - CUDA_GB <= (gpu_memory_gb() or 0)
    return f"{said}; the local writer {'stays beside it' if together else 'and it take turns'}"


def _plans(spec: ModelSpec, hub_cache: Path) -> tuple[Plan, ...]:
    """By the weights that are here, else by published sizes; none where neither is."""
    try:
        return plans.plans_of(parts_of(spec, weights_folder(spec, hub_cache)))
    except ModelMissing:
        return tuple(plan for plan in plans.PLANS if plan.model == spec.name)


def parts_of(spec: ModelSpec, folder: Path) -> Parts:
    """What a model's own files take, and painting its largest shape, for the arithmetic of `plans.py`."""
    gb = {name: size / GB for name, size in weight_bytes(folder, spec.layout).items()}
    largest = max(width * height for width, height in spec.sizes.values())
    return Parts(
        *(spec.name, spec.title, gb["transformer"], gb["text_encoder"], gb["vae"], sum(gb.values())),
        painting_gb=spec.working_gb * largest / MEGAPIXEL,
    )


@lru_cache(maxsize=1)
def has_cuda_gpu() -> bool:
    """Whether this process may use an NVIDIA GPU, as the driver says; asked once, without torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    listing = Path("/proc/driver/nvidia/gpus")
    if listing.is_dir() and any(listing.iterdir()):
        return True
    return "GPU " in _nvidia_smi("-L")  # the one way to ask under WSL


@lru_cache(maxsize=1)
def gpu_memory_gb() -> float | None:
    """The GPU's whole memory in GB, as the driver says; None where it does not. Asked once, without torch."""
    return plans.card_gb(_nvidia_smi("--query-gpu=name,memory.total", "--format=csv,noheader"))


def gpu_free_gb() -> float | None:
    """The GPU's memory in GB that nobody has now, as the driver says; None where it does not."""
    return plans.card_gb(_nvidia_smi("--query-gpu=name,memory.free", "--format=csv,noheader"))


@lru_cache(maxsize=1)
def gpu_capability() -> tuple[int, int] | None:
    """The GPU's CUDA compute capability, as the driver says; None where it does not. Asked once, without torch."""
    major, _, minor = _nvidia_smi("--query-gpu=compute_cap", "--format=csv,noheader").split("\n")[0].partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.strip().isdigit() else None


def _nvidia_smi(*arguments: str) -> str:
    """What the driver's own tool prints, "" where it fails or is not here."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        answer = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def available_memory() -> int | None:
    """Bytes of main memory this process may still take, its container's limit counted; None where unknown."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    limit = _cgroup("memory.max")
    if limit.isdigit():
        free = min(free, max(0, int(limit) - int(_cgroup("memory.current") or 0)))
    return free


def usable_cores() -> int:
    """Cores this process may really keep busy: what it is pinned to, and its container's share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _cgroup("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def _cgroup(name: str) -> str:
    """A control of this container's cgroup (version 2), or "" where there is none."""
    try:
        return (Path("/sys/fs/cgroup") / name).read_text().strip()
    except OSError:
        return ""
