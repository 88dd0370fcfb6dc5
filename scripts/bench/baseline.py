"""How soon a picture begins, and is there: the Gradio program's way, the studio's, and the bare pipeline, on mini.

    PYTHONPATH=. python scripts/bench/baseline.py [ROUNDS]

The Gradio program that came before starts a process for each picture, which imports the libraries, loads the pipeline,
paints and writes a PNG. The studio holds the model, and takes an order through its desk, its queue, a file and a row.
The bare pipeline is the call alone, its model in memory. In turn in one run; medians. What the studio costs over the
bare pipeline, for both families, is `overhead.py`'s. On a machine that does other work the seconds on the clock mean
little; those of the processor, up to the first step, stay what they are.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fibo_core.models.catalogue import MINI_WEIGHTS
from scripts.bench.overhead import WarmStudio, bare, warm_studio

#: A picture of the Gradio program: all that it imports for one, and the same call.
ONE_PICTURE = """
import sys
import time
import torch
from diffusers import BriaFiboPipeline

folder, caption, negative, width, height, steps, guidance, seed, file = sys.argv[1:]
torch.set_num_threads({threads})
pipe = BriaFiboPipeline.from_pretrained(folder)
pipe.set_progress_bar_config(disable=True)

def note(pipe, index, timestep, tensors):
    if index == 0:
        print("first step", time.process_time(), flush=True)
    return {{}}

pipe(
    prompt=caption, negative_prompt=negative, width=int(width), height=int(height), num_inference_steps=int(steps),
    guidance_scale=float(guidance), generator=torch.Generator().manual_seed(int(seed)), callback_on_step_end=note,
).images[0].save(file)
"""
WAYS = ("a process for each picture", "the studio", "the bare pipeline")


#: Seconds to the first step, to the picture, and of the processor to the first step.
Seconds = tuple[float, float, float]


def a_process(studio: WarmStudio, folder: Path) -> Seconds:
    import torch

    request, file = studio.request(), folder / "picture.png"
    told = (request.caption, request.negative_prompt, request.width, request.height, request.num_inference_steps)
    arguments = [str(MINI_WEIGHTS), *map(str, told), str(request.guidance_scale), str(request.seed), str(file)]
    script = ONE_PICTURE.format(threads=torch.get_num_threads())
    started = time.perf_counter()
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("first step "):
                first, worked = time.perf_counter() - started, float(line.split()[2])
        code = process.wait()
    assert code == 0
    assert file.stat().st_size > 0
    return first, time.perf_counter() - started, worked


def the_studio(studio: WarmStudio, folder: Path) -> Seconds:
    started, worked = time.perf_counter(), time.process_time()
    studio.paint()
    first_at, worked_then = studio.first_step
    return first_at - started, time.perf_counter() - started, worked_then - worked


def the_bare_pipeline(studio: WarmStudio, folder: Path) -> Seconds:
    first: list[float] = []
    started, worked = time.perf_counter(), time.process_time()
    bare(studio, lambda: first.extend((time.perf_counter() - started, time.process_time() - worked)))
    return first[0], time.perf_counter() - started, first[1]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    ways = dict(zip(WAYS, (a_process, the_studio, the_bare_pipeline), strict=True))
    with tempfile.TemporaryDirectory() as temporary, warm_studio("mini", Path(temporary)) as studio:
        times: dict[str, list[Seconds]] = {way: [] for way in WAYS}
        for paint in ways.values():  # files into the page cache, imports, the preview's fit
            paint(studio, Path(temporary))
        for _ in range(rounds):
            for way, paint in ways.items():
                times[way].append(paint(studio, Path(temporary)))
    medians = {way: [statistics.median(each) for each in zip(*seconds, strict=True)] for way, seconds in times.items()}
    titles = ("first step", "picture", "processor, first step")
    print(f"{f'mini, {rounds} rounds':27}" + "".join(f"{title:>22} sooner" for title in titles))
    for way, seconds in medians.items():
        cells = (f"{each:20.3f} s {base / each:6.1f}" for each, base in zip(seconds, medians[WAYS[0]], strict=True))
        print(f"{way:27}" + "".join(cells))
    print(f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
