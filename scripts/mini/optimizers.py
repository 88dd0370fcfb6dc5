"""The optimizers: Muon for matrices, AdamW for the rest."""

from typing import Any

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices and, flattened, for kernels: momentum, made orthogonal."""

    def __init__(
        self, weights: list[Tensor], lr: float, dtype: torch.dtype, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "decay": decay})
        self.dtype = dtype  #: in which it is made orthogonal; bfloat16 is exact enough

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                rows, columns = update.shape
                update = _orthogonal(update.to(self.dtype)).to(weight.dtype) * max(1.0, rows / columns) ** 0.5
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(update.view_as(weight), alpha=-group["lr"])


def _orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows or columns, by five Newton–Schulz steps."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def optimizers(model: nn.Module, rate: float, dtype: torch.dtype) -> list[torch.optim.Optimizer]:
    """Muon on the matrices inside, AdamW on embeddings, modulation, norms, biases and ends, those of blocks too."""
    inner: list[Tensor] = []
    outer: list[Tensor] = []
    ends = ("embed", "norm", "proj_out", "head", "conv_in", "conv_out", "time_embed")
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        (inner if weight.ndim >= 2 and not any(end in name for end in ends) else outer).append(weight)
    return [Muon(inner, rate, dtype), torch.optim.AdamW(outer, lr=rate * 0.75, betas=(0.9, 0.98), weight_decay=0.0)]
