"""What fits a machine: each way to hold a model, with the memory and disk it takes, and what this machine has.

Standard library only, so that scripts/preflight.py can ask before anything is installed. All figures are GB (powers of
ten), computed from published sizes in bfloat16 and not measured; once weights are here `engine/placement.py` goes by
the weights themselves. The table in docs/DEPLOYMENT.md is printed from PLANS.
"""

from dataclasses import dataclass
from pathlib import Path

GB, GIB = 1e9, 2**30

CUDA_GB = 0.8  #: of a card's memory that CUDA itself takes
PROGRAM_GB = 2.0  #: of main memory for the studio beside a model's weights
CARDS_GIB = (12, 16, 20, 24, 32, 48, 80)  #: cards as they are sold


@dataclass(frozen=True)
class Plan:
    """One way to hold a model, by its name in the catalogue.

    ``gpu_gb`` and ``main_gb`` are what the card and the machine (its container) must have altogether; ``disk_gb`` is
    what the weights take.
    """

    model: str
    title: str
    how: str
    gpu_gb: float
    main_gb: float
    disk_gb: float

    @property
    def card_gib(self) -> int:
        """The smallest card that is sold and has this much."""
        return next(gib for gib in CARDS_GIB if gib * GIB / GB >= self.gpu_gb)


@dataclass(frozen=True)
class Parts:
    """What a model's weights take in bfloat16, part by part, and on disk."""

    model: str
    title: str
    transformer_gb: float
    text_encoder_gb: float
    vae_gb: float
    disk_gb: float

    @property
    def whole_gb(self) -> float:
        return self.transformer_gb + self.text_encoder_gb + self.vae_gb


#: By published sizes. Those distilled from FIBO are taken to be as large as it.
PAINTERS: tuple[Parts, ...] = (
    Parts("fibo", "FIBO", 16.57, 6.15, 1.41, 25.0),
    Parts("fibo-lite", "FIBO lite", 16.57, 6.15, 1.41, 25.0),
    Parts("fibo-1.5", "FIBO 1.5", 16.57, 6.15, 1.41, 25.0),
    Parts("fibo-2", "FIBO 2", 16.3, 8.9, 0.3, 25.5),
    Parts("fibo-2-turbo", "FIBO 2 turbo", 16.3, 8.9, 0.3, 25.5),
    Parts("fibo-edit", "FIBO Edit", 16.57, 6.15, 1.41, 25.0),
    Parts("fibo-edit-1.5", "FIBO Edit 1.5", 16.57, 6.15, 1.41, 25.0),
    Parts("fibo-edit-1.5-turbo", "FIBO Edit 1.5 turbo", 16.57, 6.15, 1.41, 25.0),
)
PAINTING_GB = 4.2  #: beside the weights, for a megapixel


def _plans_of(parts: Parts) -> tuple[Plan, ...]:
    """All of it on the card; or part by part, and the largest part alone counts. All weights pass through main memory,
    and parts that take turns wait there."""
    main = parts.whole_gb + PROGRAM_GB
    beside = PAINTING_GB + CUDA_GB
    return (
        Plan(parts.model, parts.title, "all of it on the card", parts.whole_gb + beside, main, parts.disk_gb),
        Plan(
            parts.model,
            parts.title,
            "part by part, a little slower",
            parts.transformer_gb + beside,
            main,
            parts.disk_gb,
        ),
    )


#: Best first, for each model. FIBO-vlm is 8.9, and takes 2 to write.
PLANS: tuple[Plan, ...] = (
    *(plan for parts in PAINTERS for plan in _plans_of(parts)),
    Plan(
        "fibo-vlm", "FIBO-vlm", "beside FIBO from 40 GB on, else in turns", 8.9 + 2.0 + CUDA_GB, 8.9 + PROGRAM_GB, 9.0
    ),
)


def plan_for(model: str, gpu_gb: float | None, main_gb: float | None) -> Plan | None:
    """The best way to hold the model on such a card and machine; None where none fits.

    Memory of None is not known, and taken for enough.
    """
    for plan in PLANS:
        if plan.model == model and not _too_little(gpu_gb, plan.gpu_gb) and not _too_little(main_gb, plan.main_gb):
            return plan
    return None


def shortfall(model: str, gpu_gb: float | None, main_gb: float | None) -> str:
    """What such a card or machine lacks for the model's most modest plan, as a sentence; "" where some plan fits."""
    plans = [plan for plan in PLANS if plan.model == model]
    if not plans or plan_for(model, gpu_gb, main_gb) is not None:
        return ""
    least, lacks = plans[-1], []
    if _too_little(gpu_gb, least.gpu_gb):
        lacks.append(f"{least.gpu_gb:.1f} GB of GPU memory, and this GPU has {gpu_gb:.1f}")
    if _too_little(main_gb, least.main_gb):
        lacks.append(f"{least.main_gb:.1f} GB of main memory, and this machine has {main_gb:.1f}")
    return f"{least.title} needs about {'; and '.join(lacks)}."


def disk_gb(model: str) -> float:
    """What the model's weights take."""
    return next(plan.disk_gb for plan in PLANS if plan.model == model)


def least_gpu_gb(model: str) -> float | None:
    """The least GPU memory that the model is held in; None where nothing is known of it."""
    return min((plan.gpu_gb for plan in PLANS if plan.model == model), default=None)


def weights_a_pod_fetches(
    fibo_model: str, fibo_writer: str, *, has_token: bool, has_key: bool, fits: bool
) -> tuple[str, ...]:
    """Which weights a pod fetches by itself, in this order: FIBO where a token is and ``auto`` finds that it fits, or
    the model of Bria's that is asked for by name; then the local writer's where no service is set up to write
    (`has_key`), or where it is asked for by name."""
    painter = "fibo" if fibo_model == "auto" else fibo_model
    if not has_token or painter not in {parts.model for parts in PAINTERS} or (fibo_model == "auto" and not fits):
        return ()
    writes = fibo_writer == "local" or (fibo_writer == "auto" and not has_key)
    return (painter, "fibo-vlm") if writes else (painter,)


def main_memory_gb(root: Path = Path("/")) -> float | None:
    """Main memory that this process may ever have: the machine's, or its container's limit; None where unknown."""
    try:
        lines = dict(line.split(":", 1) for line in (root / "proc/meminfo").read_text().splitlines())
        total = int(lines["MemTotal"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    for control in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroups, version 2 and 1
        try:
            limit = (root / "sys/fs/cgroup" / control).read_text().strip()
        except OSError:
            continue
        if limit.isdigit():
            total = min(total, int(limit))
    return total / GB


def card_gb(listing: str) -> float | None:
    """The memory of the largest card in what `nvidia-smi` lists ("…, 24564 MiB, …"); None where it names none."""
    sizes = [
        int(part.split()[0]) * 2**20 / GB
        for line in listing.splitlines()
        for part in line.split(",")
        if part.strip().endswith("MiB") and part.split()[0].isdigit()
    ]
    return max(sizes, default=None)


def _too_little(has: float | None, needed: float) -> bool:
    return has is not None and has < needed


def markdown_table() -> str:
    """The plans as the documentation has them."""
    rows = [
        f"| {plan.title} | {plan.how} | {plan.gpu_gb:.1f} GB: a card of {plan.card_gib} GB | {plan.main_gb:.0f} GB "
        f"| {plan.disk_gb:.0f} GB |"
        for plan in PLANS
    ]
    mini = "| mini | without a GPU | – | 1 GB | comes with the program |"
    return "\n".join(["| Model | How | GPU memory | Main memory | Volume |", "|---|---|---|---|---|", *rows, mini])
