"""What a card does with FIBO: loading, memory of each plan, seconds a step, each speed-up, cancel, preview, no memory.

    PYTHONPATH=. python scripts/bench/gpu.py [--family fibo1] [--only steps]… [--keep FOLDER] [--no-document]
    PYTHONPATH=. python scripts/bench/gpu.py --small

Random weights of the published sizes are made first (50 GB for both families, in --keep or a temporary folder), since
time and memory do not mind what the weights say; what a shortcut does to the picture they cannot tell, and --model NAME
measures the real ones of the catalogue instead. Writes "On a GPU" of docs/PERFORMANCE.md, with the card's name. --small
runs every check with small weights, on a CPU too, and writes nothing: its figures mean nothing.
"""

import argparse
import gc
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine import Engine, loading
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.process import ProcessEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, FiboError, OutOfMemory
from fibo_core.models import device, plans
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, find_model, register
from fibo_core.models.families import FIBO1, FIBO2
from fibo_core.models.memory import release_memory
from fibo_core.models.plans import GB, Wish
from fibo_core.models.weights import weights_folder
from fibo_core.prompts.structured_prompt import StructuredPrompt
from scripts.bench.overhead import preview_and_step
from scripts.bench.random_weights import make_fibo1, make_fibo2

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "PERFORMANCE.md"
TITLE = "## On a GPU"
TOKENS = 1000  #: of the prompt, as a caption of FIBO's has
WORDS = "a quiet harbour at dusk with small wooden boats and long soft reflections of yellow lamps on dark water, "
Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Bench:
    """One model and how it is painted with: ``side``² pixels."""

    spec: ModelSpec
    hub: Path
    side: int
    steps: int

    def engine(self, wish: Wish | None = None, *, compiled: bool = False) -> FiboEngine:
        return FiboEngine(self.spec.name, hub_cache=self.hub, wish=wish or Wish(), compiled=compiled)

    def request(self, engine: FiboEngine, seed: int = 7, **asked: Any) -> GenerationRequest:
        asked = {"num_inference_steps": self.steps, "guidance_scale": 5.0} | asked
        settings = RenderSettings.of(self.spec, size=(self.side, self.side), negative_prompt="fog", **asked)
        return settings.request(self.prompt(engine), seed, engine.revision(self.spec.name))

    def prompt(self, engine: FiboEngine, words: str = "") -> StructuredPrompt:
        """A caption of about TOKENS tokens in the model's own tokenizer."""
        wanted = TOKENS if self.side >= 1024 else 60
        each = engine.count_tokens(self.spec.name, WORDS * 20) / 20
        return StructuredPrompt.from_dict({"short_description": words + WORDS * max(1, round(wanted / each))})

    def parts(self) -> plans.Parts:
        return device.parts_of(self.spec, weights_folder(self.spec, self.hub))


# What is measured. Each check gives rows of a table, and has the device for itself.


def loading_time(bench: Bench) -> Rows:
    engine, started = bench.engine(), time.perf_counter()
    engine.load(bench.spec.name)
    whole = time.perf_counter() - started
    with released(engine):
        return [("loading, its files in the page cache", f"{whole:.1f} s, {engine.status().device}")]


def steps(bench: Bench) -> Rows:
    engine, rows = bench.engine(), []
    with released(engine):
        for words, guidance in (("with guidance", 5.0), ("without guidance", 1.0)):
            request = bench.request(engine, guidance_scale=guidance)
            engine.render(request)
            _, each, whole = timed(engine, request)
            rows.append((f"a step {words}", f"{each:.3f} s, {bench.steps} steps and the rest {whole:.2f} s"))
        held: Any = engine._held
        with calls(held.pipe.vae, "decode") as spent:
            engine.render(bench.request(engine))
        rows.append(("decoding", f"{sum(spent):.2f} s"))
        cost = preview_and_step(engine, bench.request(engine))
        preview, step = cost["a preview"], cost["a step"]
        rows.append(("a preview", f"{1000 * preview:.1f} ms, {100 * preview / step:.1f} % of a step"))
        rows.append(("from a cancel to a free engine", f"{cancel_latency(bench, engine):.2f} s"))
    return rows


def memory_of_plans(bench: Bench) -> Rows:
    rows = []
    for plan in plans.plans_of(bench.parts()):
        engine = bench.engine(Wish(plan.hold, plan.precision))
        with released(engine):
            try:
                with peak_gb() as peak:
                    engine.render(bench.request(engine))
                _, each, _ = timed(engine, bench.request(engine))
                figure = f"{peak[0]:.1f} GB of {plan.gpu_gb:.1f} computed, {each:.3f} s a step"
            except FiboError as error:
                figure = f"not measured: {error}"
        rows.append((plan.how, figure))
    return rows


def speed_ups(bench: Bench) -> Rows:
    rows = []
    for hold in ("card", "parts"):
        engine = bench.engine(Wish(hold, "bf16"))
        with released(engine):
            engine.render(bench.request(engine))
            other = replace(bench.request(engine), prompt=bench.prompt(engine, "another "))
            anew, _, _ = timed(engine, other)
            kept, _, _ = timed(engine, replace(other, seed=8))
        rows.append((f"first step of a prompt's next seed, over its first, {plans.HOLDS[hold]}", ratio(kept, anew)))
    engine = bench.engine()
    with released(engine):
        request = bench.request(engine)
        engine.render(request)
        _, plain, whole = timed(engine, request)
        for count in (2, 4):
            rows.append((f"{count} seeds in one pass, a picture, over one alone", batch(engine, request, count, whole)))
    engine = bench.engine(compiled=True)
    with released(engine):
        _, _, first = timed(engine, request)
        _, compiled, _ = timed(engine, request)
        rows.append(("a step of compiled blocks", f"{ratio(compiled, plain)}; the first picture {first:.0f} s"))
    return rows


def shortcuts(bench: Bench) -> Rows:
    """Fewer steps against no guidance in the last ones, and against a cache of the blocks: what each saves, and how far
    the picture moves."""
    engine, rows = bench.engine(), []
    with released(engine):
        request = bench.request(engine)
        engine.render(request)
        plain, _, whole = picture(engine, request)
        for share in (0.6, 0.4):
            fewer = max(1, round(share * bench.steps))
            other, _, took = picture(engine, replace(request, num_inference_steps=fewer))
            rows.append((f"{fewer} of {bench.steps} steps", f"{ratio(took, whole)}, {apart(plain, other)}"))
            with without_guidance_after(engine, round(share * bench.steps)):
                other, _, took = picture(engine, request)
            rows.append((f"no guidance after step {fewer}", f"{ratio(took, whole)}, {apart(plain, other)}"))
        for threshold in (0.05, 0.1, 0.2):
            with first_block_cached(engine, threshold) as passes:
                other, _, took = picture(engine, request)
            figure = f"{ratio(took, whole)}, {apart(plain, other)}, {passes.whole} of {passes.all} passes in full"
            rows.append((f"blocks passed over where the first moved less than {threshold:g}", figure))
    return rows


def own_process(bench: Bench) -> Rows:
    """The same picture by an engine in a process of its own: to be the default on a GPU where it is not slower."""
    here = bench.engine()
    with released(here):
        request = bench.request(here)
        here.render(request)
        one, _, whole = picture(here, request)
    there = ProcessEngine(bench.spec.name, hub_cache=bench.hub)
    try:
        there.render(request)
        other, _, took = picture(there, request)
    finally:
        there.close()
    return [
        ("a picture by an engine in its own process, over one in this", f"{ratio(took, whole)}, {apart(one, other)}")
    ]


def no_memory(bench: Bench) -> Rows:
    """A picture for which there is no memory: said, freed, and the next one is as it was."""
    engine = bench.engine()
    with released(engine):
        request = bench.request(engine)
        before = engine.render(request).image.tobytes()
        held: Any = engine._held

        def fail(*_: Any) -> None:
            import torch

            if not torch.cuda.is_available():
                raise MemoryError
            torch.empty(2**46, device="cuda", dtype=torch.uint8)

        hook = held.pipe.transformer.register_forward_pre_hook(fail)
        try:
            engine.render(request)
            said = "nothing: it was painted by another plan"
        except OutOfMemory as error:
            said = str(error)
        finally:
            hook.remove()
        same = engine.render(request).image.tobytes() == before
    return [("no memory in the middle of a picture", said), ("the next picture", "the same" if same else "ANOTHER ONE")]


CHECKS: dict[str, Callable[[Bench], Rows]] = {
    "loading": loading_time,
    "steps": steps,
    "plans": memory_of_plans,
    "speed-ups": speed_ups,
    "shortcuts": shortcuts,
    "process": own_process,
    "no memory": no_memory,
}

# How it is measured.


def timed(engine: Engine, request: GenerationRequest) -> tuple[float, float, float]:
    """Seconds to the end of the first step, of each later one (median), and of the whole picture."""
    _, (first, each), whole = picture(engine, request)
    return first, each, whole


def picture(engine: Engine, request: GenerationRequest) -> tuple[Any, tuple[float, float], float]:
    ends: list[float] = []
    started = time.perf_counter()
    image = engine.render(request, lambda event: ends.append(time.perf_counter()), previews=False).image
    whole = time.perf_counter() - started
    between = [later - earlier for earlier, later in pairwise(ends)]
    return image, (ends[0] - started, statistics.median(between or [0.0])), whole


def batch(engine: FiboEngine, request: GenerationRequest, count: int, alone: float) -> str:
    """Several seeds in one pass, and how far the first one's pixels are from those that it has alone."""
    requests = [replace(request, seed=request.seed + number) for number in range(count)]
    painted = engine.render_together(requests, previews=False)
    if len(painted) < count:
        return f"there is memory for {len(painted)}"
    started = time.perf_counter()
    painted = engine.render_together(requests, previews=False)
    each = (time.perf_counter() - started) / count
    return f"{ratio(each, alone)}, {apart(engine.render(request).image, painted[0].image)}"


@contextmanager
def without_guidance_after(engine: FiboEngine, step: int) -> Iterator[None]:
    """Inside, the transformer is not asked for the negative prompt after so many steps."""
    held: Any = engine._held
    if held.spec.family == FIBO2:
        with guidance_off_in_loop(held.pipe, step):
            yield
        return
    import torch
    from diffusers.hooks import HookRegistry, ModelHook

    class HalfAsked(ModelHook):  # type: ignore[misc]
        """FIBO 1 paints both halves in one pass, whatever the guidance is by then: the first is left out."""

        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def new_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls <= step:
                return self.fn_ref.original_forward(*args, **kwargs)
            for name in ("hidden_states", "timestep", "encoder_hidden_states"):
                kwargs[name] = kwargs[name].chunk(2)[1]
            kwargs["text_encoder_layers"] = [layer.chunk(2)[1] for layer in kwargs["text_encoder_layers"]]
            joint = dict(kwargs["joint_attention_kwargs"] or {})
            if (mask := joint.get("attention_mask")) is not None:
                joint["attention_mask"] = mask.chunk(2)[1]
            out = self.fn_ref.original_forward(*args, **kwargs | {"joint_attention_kwargs": joint})[0]
            return (torch.cat([out, out]),)

    registry = HookRegistry.check_if_exists_or_initialize(held.pipe.transformer)
    registry.register_hook(HalfAsked(), "half")
    try:
        yield
    finally:
        registry.remove_hook("half", recurse=False)


@dataclass
class Passes:
    """How often the transformer was asked, and how often all its blocks were reckoned for it."""

    all: int = 0
    whole: int = 0


@contextmanager
def first_block_cached(engine: FiboEngine, threshold: float) -> Iterator[Passes]:
    """Inside, the blocks after a first one are passed over, by diffusers' own FirstBlockCache, where that one gives
    nearly what it gave the step before. It knows neither family's blocks, and is told here that these take and give one
    tensor: all of FIBO 2's, and FIBO 1's single ones (38 of 46; those before them are always reckoned)."""
    import torch
    from diffusers import CacheMixin, FirstBlockCacheConfig
    from diffusers.hooks import HookRegistry, ModelHook
    from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry

    class Blocks(torch.nn.Module, CacheMixin):  # type: ignore[misc]
        """Those that are passed over."""

    class Named(ModelHook):  # type: ignore[misc]
        """Prompt and negative prompt are two passes of FIBO 2's: each is compared with its own of the step before."""

        def new_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
            passes.all += 1
            with cached.cache_context(str(kwargs["encoder_hidden_states"].data_ptr())):
                return self.fn_ref.original_forward(*args, **kwargs)

    def count(*_: Any) -> None:
        passes.whole += 1

    held: Any = engine._held
    name = "layers" if held.spec.family == FIBO2 else "single_transformer_blocks"
    blocks = getattr(held.pipe.transformer, name)
    takes = TransformerBlockMetadata(return_hidden_states_index=0, _cached_parameter_indices={"hidden_states": 0})
    TransformerBlockRegistry.register(type(blocks[0]), takes)
    passes, cached = Passes(), Blocks()
    cached.add_module(name, blocks)
    cached.enable_cache(FirstBlockCacheConfig(threshold))
    registry = HookRegistry.check_if_exists_or_initialize(held.pipe.transformer)
    registry.register_hook(Named(), "named")
    counting = next(blocks[-1].children()).register_forward_pre_hook(count)
    try:
        yield passes
    finally:
        counting.remove()
        registry.remove_hook("named", recurse=False)
        cached.disable_cache()


@contextmanager
def guidance_off_in_loop(pipe: Any, step: int) -> Iterator[None]:
    """FIBO 2 asks before each step whether there is guidance."""
    own = pipe.scheduler.step

    def counting(*args: Any, **kwargs: Any) -> Any:
        answer = own(*args, **kwargs)
        if pipe.scheduler.step_index >= step:
            pipe._guidance_scale = 1.0
        return answer

    pipe.scheduler.step = counting
    try:
        yield
    finally:
        del pipe.scheduler.step


def cancel_latency(bench: Bench, engine: FiboEngine) -> float:
    """Seconds from a cancel in the middle of a step to an engine that takes the next picture."""
    cancel, asked = CancelFlag(), 0.0
    held: Any = engine._held

    def ask(*_: Any) -> None:
        nonlocal asked
        if not asked:
            asked = time.perf_counter()
            cancel.cancel()

    hook = held.pipe.transformer.register_forward_pre_hook(ask)
    try:
        engine.render(bench.request(engine), None, cancel)
    except Cancelled:
        return time.perf_counter() - asked
    finally:
        hook.remove()
    raise AssertionError("The cancel was not heard.")


@contextmanager
def calls(owner: Any, name: str) -> Iterator[list[float]]:
    """Seconds of each call inside, to the end of what the device does for it."""
    spent: list[float] = []
    own = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        finish()
        started = time.perf_counter()
        answer = own(*args, **kwargs)
        finish()
        spent.append(time.perf_counter() - started)
        return answer

    setattr(owner, name, call)
    try:
        yield spent
    finally:
        delattr(owner, name)


def finish() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def peak_gb() -> Iterator[list[float]]:
    """The most memory that was taken inside: the card's, or without one this process's."""
    import torch

    peak: list[float] = []
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        yield peak
        peak.append(torch.cuda.max_memory_reserved() / GB + plans.CUDA_GB)
        return
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    yield peak
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    peak.append(int(found[1]) * 1024 / GB if found else 0.0)


@contextmanager
def released(engine: FiboEngine) -> Iterator[None]:
    """The model is in memory inside, and gone afterwards."""
    try:
        yield
    finally:
        engine.unload()
        gc.collect()
        release_memory()


def ratio(now: float, before: float) -> str:
    return f"{now / before:.2f}"


def apart(one: Any, other: Any) -> str:
    import numpy as np

    difference = np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int))
    return f"{difference.mean():.2f} of 255 apart, at most {difference.max()}"


def card() -> str:
    import torch

    if not torch.cuda.is_available():
        return "a CPU"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name()}, {free / GB:.0f} of {total / GB:.0f} GB free"


# What comes of it.


def models(arguments: argparse.Namespace, folder: Path) -> Iterator[ModelSpec]:
    if arguments.model:
        yield find_model(arguments.model)
        return
    for family, make in ((FIBO1, make_fibo1), (FIBO2, make_fibo2)):
        if arguments.family and family.name not in arguments.family:
            continue
        weights = folder / f"{family.name}{'-small' if arguments.small else ''}"
        if not (weights / "model_index.json").exists():
            make(weights, small=arguments.small)
        like = CATALOGUE["fibo" if family is FIBO1 else "fibo-2"]
        spec = replace(like, name=f"random-{family.name}", title=f"{family.title}, random weights", repo=None,
                       folder=weights, gated=False, added=True)  # fmt: skip
        register([spec])
        yield spec


def section(title: str, tables: dict[str, Rows]) -> str:
    """The document's section: a table for each model."""
    lines = [TITLE, "", title, ""]
    for name, rows in tables.items():
        lines += [f"**{name}**", "", "| What | Figure |", "|---|---|"]
        lines += [f"| {what} | {figure.replace('|', '/')} |" for what, figure in rows]
        lines.append("")
    return "\n".join(lines)


def with_section(document: str, text: str) -> str:
    """The document with this in place of its section."""
    before, _, rest = document.partition(f"{TITLE}\n")
    following = re.search(r"^## ", rest, re.MULTILINE)
    return before + text + "\n" + (rest[following.start() :] if following else "")


def measure(arguments: argparse.Namespace, folder: Path) -> str:
    torch, transformers, diffusers = loading.libraries()
    transformers.logging.set_verbosity_error()
    loading.COMPILER = "aot_eager" if arguments.small else loading.COMPILER  # a compiler of C takes minutes

    side, count = (64, 4) if arguments.small else (1024, 20)
    tables: dict[str, Rows] = {}
    for spec in models(arguments, folder):
        bench = Bench(spec, arguments.hub, side, count)
        tables[spec.title] = rows = []
        for name in arguments.only or CHECKS:
            try:
                found = CHECKS[name](bench)
            except Exception as error:  # the other checks go on
                found = [(name, f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")]
            rows.extend(found)
            print("\n".join(f"{spec.title}: {what}: {figure}" for what, figure in found), flush=True)
    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    what = f"{side}×{side} pixels, {count} steps, guidance 5, a prompt of about {TOKENS:,} tokens"
    return section(f"{card()}; {versions}; {date.today()}. {what}, by `scripts/bench/gpu.py`.", tables)


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="small weights, to try the checks themselves")
    parser.add_argument("--family", action="append", choices=[FIBO1.name, FIBO2.name])
    parser.add_argument("--only", action="append", choices=list(CHECKS))
    parser.add_argument("--model", help="real weights of the catalogue, which are here")
    parser.add_argument("--hub", type=Path, default=Path.home() / ".cache/huggingface/hub", help="where those lie")
    parser.add_argument("--keep", type=Path, help="a folder for the random weights, which stay")
    parser.add_argument("--no-document", action="store_true", help="print alone")
    arguments = parser.parse_args(given)
    if not arguments.small and not device.has_cuda_gpu():
        parser.error("No CUDA GPU is here. Run it with --small to try the checks themselves.")
    with tempfile.TemporaryDirectory() as temporary:
        text = measure(arguments, arguments.keep or Path(temporary))
    if arguments.small or arguments.no_document:
        print(text)
    else:
        DOCUMENT.write_text(with_section(DOCUMENT.read_text("utf-8"), text), "utf-8")
    return 1 if "failed: " in text or "ANOTHER ONE" in text else 0


if __name__ == "__main__":
    raise SystemExit(main())
