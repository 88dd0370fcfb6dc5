"""Trains mini, the embedded model, from nothing: VAE, tokenizer, text encoder and transformer, to a diffusers folder.

    python -m scripts.mini.train                                # every stage, in order, from where it stopped
    python -m scripts.mini.train --minutes 30                   # half an hour of it
    python -m scripts.mini.train --start-from fibo_core/models/mini/weights --keep-latents

Everything lies under `--folder` (git ignores `training/`): one checkpoint a stage, the log, sample grids, and the
exported weights. The same seed on the same machine with the same number of processes gives the same weights; a run
that was stopped goes on from its last checkpoint. Stages:

1. vae      pictures ⇄ latents: L1, squared error, gradients, a little KL, on crops; most on what lies near edges
2. latents  scenes are drawn and encoded once
3. text     the text encoder learns to read: from a caption's last token, what stands in which cell, the light…
4. flow     flow matching on the latents, the text encoder trained along

What is not FIBO's recipe, and why: the heads that read a caption (stage 3) and that name thing and colour of each
image token (stage 4) are thrown away at the end. They bind words to pixels many times faster than the flow's own
loss does, which on such small data learns shapes last (Yu et al. 2024, "Representation Alignment for Generation",
has the idea; here the renderer knows the labels).
"""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

from scripts.mini.flow import train_flow
from scripts.mini.latents import encode_scenes
from scripts.mini.networks import attend, see_one_frame
from scripts.mini.painter import train_text
from scripts.mini.run import Run
from scripts.mini.vae import train_vae

STAGES: dict[str, Callable[[Run, argparse.Namespace], bool]] = {
    "vae": train_vae,
    "latents": encode_scenes,
    "text": train_text,
    "flow": train_flow,
}


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of a run."""
    if args.processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{args.meeting}", rank=rank, world_size=args.processes)
    torch.set_num_threads(max(1, args.threads // args.processes))
    if args.compile:  # each process has a cache of its own: two that write one file at once spoil it
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(args.folder / "compiled" / str(rank))
    run = Run(
        args.folder, args.seed, torch.device(args.device), rank, args.processes, args.ends_at, args.captions,
        args.start_from, args.new_tokenizer, args.bfloat16, args.samples, args.sample_steps,
    )  # fmt: skip
    see_one_frame()
    if args.device == "cpu" and args.bfloat16:
        F.scaled_dot_product_attention = attend
    for name in args.stages:
        torch.manual_seed(args.seed)
        run.say(f"stage {name}")
        if not STAGES[name](run, args):
            return
    run.say("done")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("training/mini"))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long, ready to go on")
    parser.add_argument("--start-from", type=Path, help="begin with these exported weights instead of with noise")
    parser.add_argument("--new-tokenizer", action="store_true", help="with --start-from: learn a new one all the same")
    parser.add_argument("--seed", type=int, default=0)
    cuda = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument(
        "--bfloat16", action=argparse.BooleanOptionalAction, default=cuda,
        help="products in bfloat16: up to thrice as fast where a CPU has matrix units (AMX), far slower with AVX2",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=1 if cuda else min(2, os.cpu_count() or 1))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--samples", type=int, default=8, help="pictures in a row of a sample grid")
    parser.add_argument("--sample-steps", type=int, default=20, help="that each of them is painted in")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--vae-steps", type=int, default=10_000)
    parser.add_argument("--vae-rate", type=float, default=3e-3)
    parser.add_argument("--vae-batch", type=int, default=16)
    parser.add_argument(
        "--keep-latents",
        action="store_true",
        help="train the VAE's decoder alone: latents keep their meaning, for a transformer that knows them",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="steps of the VAE and the flow a quarter to a half shorter, after some minutes",
    )
    parser.add_argument("--edge-weight", type=float, default=4.0, help="of pixels near an edge, beyond that of others")
    parser.add_argument("--vae-pool", type=int, default=2_000, help="pictures whose crops the VAE sees")
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--captions", type=int, default=20_000, help="that the tokenizer learns from")
    parser.add_argument("--text-steps", type=int, default=4_000)
    parser.add_argument("--text-rate", type=float, default=3e-3)
    parser.add_argument("--text-batch", type=int, default=64)
    parser.add_argument(
        "--dispute-steps", type=int, default=0, help="of the text's steps, how many first read disputes alone"
    )
    parser.add_argument("--flow-steps", type=int, default=20_000)
    parser.add_argument("--flow-rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--hold", type=float, default=0.4, help="share of the flow's steps before its rate falls")
    parser.add_argument("--drop-until", type=float, default=0.65, help="share of the flow's steps with half the tokens")
    parser.add_argument("--object-weight", type=float, default=4.0)
    parser.add_argument("--seeing-weight", type=float, default=0.1)
    args = parser.parse_args()

    args.folder = args.folder.absolute()
    args.folder.mkdir(parents=True, exist_ok=True)
    args.ends_at = time.monotonic() + args.minutes * 60
    args.meeting = args.folder / f"meeting-{os.getpid()}"
    if args.processes > 1:
        args.meeting.unlink(missing_ok=True)  # of a run that was killed, under the same number
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # a way out on which daemons are ended too
        torch.multiprocessing.spawn(work, (args,), nprocs=args.processes, daemon=True)
        args.meeting.unlink(missing_ok=True)
    else:
        work(0, args)


if __name__ == "__main__":
    main()
