"""A run: its processes, its checkpoints, its time, and the loop that every stage shares."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from scripts.mini.optimizers import optimizers


@dataclass
class Run:
    """What every stage needs to know about the process it runs in."""

    folder: Path
    seed: int
    device: torch.device
    rank: int
    processes: int
    ends_at: float  #: `time.monotonic()`
    captions: int  #: that the tokenizer learns from
    start_from: Path | None  #: exported weights to begin with, instead of noise
    new_tokenizer: bool  #: not that of the weights to begin with
    bfloat16: bool  #: products of matrices in it
    samples: int  #: pictures in a row of a sample grid, and of which the VAE's likeness is the mean
    sample_steps: int  #: that each picture of a grid is painted in

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def say(self, text: str) -> None:
        if self.leads:
            line = f"{time.strftime('%H:%M:%S')} {text}"
            print(line, flush=True)
            with (self.folder / "log.txt").open("a") as log:
                log.write(line + "\n")

    def average(self, model: nn.Module) -> None:
        """The mean of every process's gradients."""
        if self.processes > 1:
            grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
            flat = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(flat)
            flat /= self.processes
            for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
                grad.copy_(part.view_as(grad))

    def meet(self) -> None:
        """Waits until every process is here: what one has written, all can read."""
        if self.processes > 1:
            dist.barrier()

    def out_of_time(self) -> bool:
        """Whether this run shall stop; every process answers alike."""
        late = torch.tensor(float(time.monotonic() > self.ends_at))
        if self.processes > 1:
            dist.broadcast(late, 0)
        return bool(late)


def train(
    run: Run, name: str, model: nn.Module, steps: int, rate: float, loss_of: Callable[[int], tuple[Tensor, str]],
    *, ema: float, grid: Callable[[nn.Module], Any] | None = None, every: int = 500, hold: float = 0.3,
) -> bool:  # fmt: skip
    """Trains ``model`` to the end of its steps, or to the end of time; whether it got to the end.

    ``loss_of(step)`` gives the loss and what to log. The rate rises for 2 %, holds until ``hold`` of the steps and
    falls to zero. The averaged weights are what the next stage and the export take.
    """
    file = run.folder / f"{name}.pt"
    optims = optimizers(model, rate, torch.bfloat16 if run.bfloat16 else torch.float32)
    rates = [group["lr"] for optim in optims for group in optim.param_groups]
    start, averaged = 0, {key: value.detach().clone() for key, value in model.state_dict().items()}
    if file.exists():
        saved = torch.load(file, map_location=run.device, weights_only=True)
        start, averaged = saved["step"], saved["averaged"]
        model.load_state_dict(saved["model"])
        for optim, state in zip(optims, saved["optimizers"], strict=True):
            optim.load_state_dict(state)
    if start >= steps:
        model.load_state_dict(averaged)
        return True

    def save(step: int) -> None:
        if run.leads and grid is not None:  # before the checkpoint: where there is one, what it exports is there too
            present = {key: value.clone() for key, value in model.state_dict().items()}
            model.load_state_dict(averaged)
            run.say(f"{name} {grid(model)}")
            model.load_state_dict(present)
        if run.leads:
            part = file.with_suffix(".part")
            torch.save(
                {"step": step, "model": model.state_dict(), "averaged": averaged,
                 "optimizers": [optim.state_dict() for optim in optims]}, part,
            )  # fmt: skip
            part.replace(file)

    began, logged = time.monotonic(), start
    for step in range(start, steps):
        done = step / steps
        scale = min(1.0, (step + 1) / (0.02 * steps + 1), (1 - done) / (1 - hold))
        groups = [group for optim in optims for group in optim.param_groups]
        for group, full in zip(groups, rates, strict=True):
            group["lr"] = full * scale
        torch.manual_seed(run.seed * 1_000_003 + step * run.processes + run.rank)
        loss, note = loss_of(step)
        model.zero_grad(set_to_none=True)
        loss.backward()
        run.average(model)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
        keep = min(ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.is_floating_point():
                    averaged[key].lerp_(value, 1 - keep)
        if (step + 1) % 50 == 0:
            speed = (step + 1 - logged) / (time.monotonic() - began)
            run.say(f"{name} {step + 1}/{steps} {note} {speed:.2f} steps/s")
            began, logged = time.monotonic(), step + 1
        late = (step + 1) % 10 == 0 and run.out_of_time()
        if late or (step + 1) % every == 0 or step + 1 == steps:
            save(step + 1)
        if late:
            run.say(f"{name} stopped at {step + 1} of {steps}; run again to go on")
            return False
    run.meet()
    model.load_state_dict(averaged)
    return True
