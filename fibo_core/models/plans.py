"""What fits a machine: each way to hold a model, with the memory and disk it takes, and what this machine has.

Standard library only, so that scripts/preflight.py can ask before anything is installed. All figures are GB (powers of
ten), computed from published sizes in bfloat16 and not measured; once weights are here `engine/placement.py` puts the
sizes of their files into the same arithmetic. The tables in docs/DEPLOYMENT.md are printed from here.
"""

import importlib.util
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

GB, GIB = 1e9, 2**30

CUDA_GB = 0.8  #: of a card's memory that CUDA itself takes
PROGRAM_GB = 2.0  #: of main memory for the studio beside a model's weights
PAINTING_GB = 4.2  #: beside the weights, for a megapixel
PIECES_GB = 1.0  #: of weights that are on the card at once piece by piece: the largest layers, two at a time
SHARD_GB = 10.0  #: of weights that wait in main memory to be rounded
BATCH_MAX = 4  #: pictures in one pass, beyond which nothing is won
CARDS_GIB = (6, 8, 10, 12, 16, 20, 24, 32, 48, 80)  #: cards as they are sold

#: Each figure above with where it comes from.
SOURCES: Mapping[str, tuple[float, str]] = {
    "CUDA itself": (CUDA_GB, "0.7 GiB, as others report of torch's context"),
    "painting a megapixel": (
        PAINTING_GB,
        "the larger of 3,000 tokens with guidance (3.4) and of decoding (3.0), by the shapes of their tensors, and a "
        "fifth for what falls between",
    ),
    "piece by piece": (PIECES_GB, "the text encoder's table of words (0.5 to 0.8) and two layers of 0.1"),
    "the program": (PROGRAM_GB, "torch and the studio: 0.7 measured on mini, and room for pictures"),
    "waiting to be rounded": (SHARD_GB, "the largest file that diffusers writes"),
}


@dataclass(frozen=True)
class Precision:
    """How a transformer's weights are held; the other parts stay in bfloat16.

    ``share`` is of their size in bfloat16. ``library`` is the package without which it cannot be, ``capability`` the
    CUDA compute capability that a card must have.
    """

    name: str
    about: str
    share: float
    source: str
    library: str = ""
    capability: tuple[int, int] = (0, 0)


#: Best first.
PRECISIONS: Mapping[str, Precision] = {
    each.name: each
    for each in (
        Precision("bf16", "as published", 1.0, "the model's own files"),
        Precision(
            "fp8", "8 bits, stored only", 0.621, "9.58 of 15.43 GiB: what diffusers casts, layer by layer",
            capability=(8, 9),
        ),
        Precision("int8", "8 bits", 0.501, "7.72 of 15.43 GiB: a byte a weight", library="torchao"),
        Precision("nf4", "4 bits", 0.282, "4.34 of 15.43 GiB: half a byte a weight, and its scales",
                  library="bitsandbytes"),
    )
}  # fmt: skip

#: Packages that round weights.
LIBRARIES = tuple(each.library for each in PRECISIONS.values() if each.library)

#: How a model is held, best first: in words, and as the setting has it.
HOLDS: Mapping[str, str] = {
    "card": "all of it on the card",
    "parts": "part by part, a little slower",
    "pieces": "piece by piece, slower",
}


@dataclass(frozen=True)
class Plan:
    """One way to hold a model, by its name in the catalogue.

    ``gpu_gb`` and ``main_gb`` are what the card and the machine (its container) must have altogether; ``disk_gb`` is
    what the weights take. ``painting_gb``, of ``gpu_gb``, is for each picture of a pass.
    """

    model: str
    title: str
    how: str
    gpu_gb: float
    main_gb: float
    disk_gb: float
    hold: str = "card"
    precision: str = "bf16"
    painting_gb: float = PAINTING_GB

    @property
    def card_gib(self) -> int:
        """The smallest card that is sold and has this much."""
        return next(gib for gib in CARDS_GIB if gib * GIB / GB >= self.gpu_gb)

    def batch(self, gpu_gb: float) -> int:
        """How many pictures one pass may paint on a card of so much memory."""
        return max(1, min(BATCH_MAX, 1 + int((gpu_gb - self.gpu_gb) // self.painting_gb)))


@dataclass(frozen=True)
class Parts:
    """What a model's weights take in bfloat16, part by part, and on disk."""

    model: str
    title: str
    transformer_gb: float
    text_encoder_gb: float
    vae_gb: float
    disk_gb: float
    painting_gb: float = PAINTING_GB

    @property
    def whole_gb(self) -> float:
        return self.transformer_gb + self.text_encoder_gb + self.vae_gb


@dataclass(frozen=True)
class Machine:
    """What there is, in GB; None is not known, and taken for enough. ``libraries`` can be imported."""

    gpu_gb: float | None = None
    main_gb: float | None = None
    capability: tuple[int, int] | None = None
    libraries: frozenset[str] = frozenset()

    def holds(self, plan: Plan) -> bool:
        return self.allows(plan) and not _too_little(self.gpu_gb, plan.gpu_gb) and self.has_main(plan)

    def has_main(self, plan: Plan) -> bool:
        return not _too_little(self.main_gb, plan.main_gb)

    def allows(self, plan: Plan) -> bool:
        """Whether card and libraries know the plan's precision at all."""
        precision = PRECISIONS[plan.precision]
        return (self.capability is None or self.capability >= precision.capability) and (
            not precision.library or precision.library in self.libraries
        )


@dataclass(frozen=True)
class Wish:
    """What the user has set: a name of HOLDS and one of PRECISIONS, or "auto"."""

    hold: str = "auto"
    precision: str = "auto"

    def allows(self, plan: Plan) -> bool:
        return self.hold in ("auto", plan.hold) and self.precision in ("auto", plan.precision)


ANY = Wish()

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


def plans_of(parts: Parts) -> tuple[Plan, ...]:
    """Every way to hold a model, best first: those that paint the model's own pixels before those that round.

    All of it on the card; or part by part, where the largest counts; or piece by piece, where hardly anything does.
    All weights pass through main memory, and what takes turns waits there; what is rounded as it is read waits as it
    will be, but for the file that is being read.
    """
    return tuple(_plans(parts))


def _plans(parts: Parts) -> Iterator[Plan]:
    beside = parts.painting_gb + CUDA_GB
    for precision in PRECISIONS.values():
        transformer = parts.transformer_gb * precision.share
        whole = parts.whole_gb - parts.transformer_gb + transformer
        on_card = {"card": whole, "parts": max(transformer, parts.text_encoder_gb, parts.vae_gb), "pieces": PIECES_GB}
        main = whole + min(parts.transformer_gb, SHARD_GB) if precision.library else parts.whole_gb
        for hold, how in HOLDS.items():
            if hold == "pieces" and precision.name != "bf16":
                continue  # nobody has tried them together
            if hold == "pieces" and on_card[hold] >= on_card["parts"]:
                continue  # a model so small that its largest part is no more
            yield Plan(
                parts.model,
                parts.title,
                how if precision.name == "bf16" else f"{how}, in {precision.name} ({precision.about})",
                on_card[hold] + beside,
                main + PROGRAM_GB,
                parts.disk_gb,
                hold,
                precision.name,
                parts.painting_gb,
            )


#: Best first, for each model. FIBO-vlm is 8.9, and takes 2 to write.
PLANS: tuple[Plan, ...] = (
    *(plan for parts in PAINTERS for plan in plans_of(parts)),
    Plan(
        "fibo-vlm", "FIBO-vlm", "beside FIBO from 40 GB on, else in turns", 8.9 + 2.0 + CUDA_GB, 8.9 + PROGRAM_GB, 9.0
    ),
)


def libraries_here() -> frozenset[str]:
    """Which of the libraries that round weights can be imported here."""
    return frozenset(name for name in LIBRARIES if importlib.util.find_spec(name) is not None)


def best(plans: Collection[Plan], machine: Machine, wish: Wish = ANY) -> Plan | None:
    """The best of a model's plans that the machine holds and the user allows; None where there is none."""
    return next((plan for plan in plans if wish.allows(plan) and machine.holds(plan)), None)


def plan_for(model: str, gpu_gb: float | None, main_gb: float | None) -> Plan | None:
    """The best way to hold the model on such a card and machine, without libraries that round; None where none fits.

    Memory of None is not known, and taken for enough.
    """
    return best([plan for plan in PLANS if plan.model == model], Machine(gpu_gb, main_gb))


def shortfall(model: str, gpu_gb: float | None, main_gb: float | None) -> str:
    """What such a card or machine lacks for the model's most modest plan, as a sentence; "" where some plan fits."""
    return lack([plan for plan in PLANS if plan.model == model], Machine(gpu_gb, main_gb))


def lack(plans: Collection[Plan], machine: Machine, wish: Wish = ANY) -> str:
    """What a machine lacks for the most modest of a model's plans that it knows and the user allows, as a sentence."""
    if not plans or best(plans, machine, wish) is not None:
        return ""
    known = [plan for plan in plans if wish.allows(plan) and machine.allows(plan)]
    if not known:
        return f"cannot be held as FIBO_PLACEMENT and FIBO_PRECISION say: {cannot_hold(wish, machine)}"
    least, lacks = min(known, key=lambda plan: plan.gpu_gb), []
    if _too_little(machine.gpu_gb, least.gpu_gb):
        lacks.append(f"{least.gpu_gb:.1f} GB of GPU memory, and this GPU has {machine.gpu_gb:.1f}")
    if not machine.has_main(least):
        lacks.append(f"{least.main_gb:.1f} GB of main memory, and this machine has {machine.main_gb:.1f}")
    more = _other_ways(plans, machine, wish)
    return f"{least.title} needs about {'; and '.join(lacks)}.{more}"


def _other_ways(plans: Collection[Plan], machine: Machine, wish: Wish) -> str:
    """What would fit, if the user wished otherwise or a library were here."""
    if (plan := best(plans, machine)) is not None:
        return f" Without what FIBO_PLACEMENT and FIBO_PRECISION say it fits: {plan.how}."
    every = Machine(machine.gpu_gb, machine.main_gb, machine.capability, frozenset(LIBRARIES))
    if (plan := best(plans, every)) is not None:
        return f" With {PRECISIONS[plan.precision].library} installed it fits: {plan.how}."
    return ""


def cannot_hold(wish: Wish, machine: Machine) -> str:
    """Why no plan at all is as the user wishes, as a sentence goes on."""
    wanted = PRECISIONS.get(wish.precision)
    if wanted is not None and wanted.library and wanted.library not in machine.libraries:
        return f"{wanted.library} is not installed (pip install {wanted.library}, into the studio's environment)"
    if wanted is not None and machine.capability is not None and machine.capability < wanted.capability:
        return f"it needs a card of compute capability {wanted.capability[0]}.{wanted.capability[1]} or more"
    return "the two do not go together"


def outlook(plans: Collection[Plan], machine: Machine, wish: Wish = ANY) -> str:
    """How a model fits a card, shown before it is loaded: "fits with 4.2 GB to spare, …"; "" where nothing is known."""
    plan = best(plans, machine, wish)
    if machine.gpu_gb is None or not plans:
        return ""
    if plan is not None:
        return f"fits with {machine.gpu_gb - plan.gpu_gb:.1f} GB to spare: {plan.how}"
    return lack(plans, machine, wish)


def disk_gb(model: str) -> float:
    """What the model's weights take."""
    return next(plan.disk_gb for plan in PLANS if plan.model == model)


def needs(model: str) -> str:
    """Which cards hold the model without rounding, and how: "32 GB (all of it on the card), 24 GB (part by part) or
    6 GB (piece by piece)"; "" where nothing is known of it."""
    plans = [plan for plan in PLANS if plan.model == model and plan.precision == "bf16"]
    *more, last = [f"{plan.card_gib} GB ({plan.how})" for plan in plans] or [""]
    return f"{', '.join(more)} or {last}" if more else last


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
    """The plans as the documentation has them; models of the same size share a line."""
    alike: dict[tuple[object, ...], list[Plan]] = {}
    for plan in PLANS:
        alike.setdefault((plan.how, plan.gpu_gb, plan.main_gb, plan.disk_gb), []).append(plan)
    rows = [
        f"| {', '.join(plan.title for plan in plans)} | {plans[0].how} | {plans[0].gpu_gb:.1f} GB: a card of "
        f"{plans[0].card_gib} GB | {plans[0].main_gb:.0f} GB | {plans[0].disk_gb:.0f} GB |"
        for plans in alike.values()
    ]
    mini = "| mini | without a GPU | – | 1 GB | comes with the program |"
    return "\n".join(["| Model | How | GPU memory | Main memory | Volume |", "|---|---|---|---|---|", *rows, mini])


def arithmetic_table() -> str:
    """The figures that the plans are computed from, and where each comes from."""
    rows = [f"| {what} | {figure:g} GB | {source} |" for what, (figure, source) in SOURCES.items()]
    rows += [
        f"| a transformer in {each.name} | {each.share:g} of bfloat16 | {each.source}"
        + (f"; needs {each.library}" if each.library else "")
        + (f"; needs compute capability {each.capability[0]}.{each.capability[1]}" if any(each.capability) else "")
        + " |"
        for each in PRECISIONS.values()
    ]
    return "\n".join(["| Figure | Is | Computed from |", "|---|---|---|", *rows])
