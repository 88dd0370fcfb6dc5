"""What happens between two denoising steps: the cancel flag is asked, the observer told, a preview shown."""

import sys
import time
from typing import TYPE_CHECKING, Any

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent, StepObserver
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import EngineError

if TYPE_CHECKING:
    from fibo_core.engine.preview import LatentPreview
    from fibo_core.engine.repaint import Repaint

PREVIEW_INTERVAL_S = 0.25  #: an eye follows four pictures a second; more would only cost time


class StepCallback:
    """The pipeline's callback_on_step_end.

    Raising here ends the pipeline's call at once and leaves it as before it. With ``repaint`` the latents are what that
    makes of them, and its steps are counted.
    """

    def __init__(
        self,
        request: GenerationRequest,
        noise: Any,
        on_step: StepObserver | None,
        cancel: CancelFlag,
        preview: "LatentPreview | None",
        started: float,
        repaint: "Repaint | None" = None,
    ) -> None:
        self._request = request
        self._before = noise  # the latents before the step, in the pipeline's shape
        self._on_step = on_step
        self._cancel = cancel
        self._preview = preview
        self._started = started
        self._repaint = repaint
        self._total = request.num_inference_steps if repaint is None else repaint.steps
        self._first_done = 0.0
        self._shown = float("-inf")

    def __call__(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        latents = tensors["latents"]
        if latents.is_cuda:  # kernels run behind: a step is done when its numbers are there
            sys.modules["torch"].cuda.synchronize()
        self._cancel.check()
        if index + 1 == self._total and not bool(latents.isfinite().all()):
            ways = (
                "Leave the adapters out or lower their strength, lower the guidance, or choose another seed."
                if self._request.adapters
                else f"Lower the guidance, or choose another seed. If that does not help, the weights of "
                f"{self._request.model} are damaged: bring them again."
            )
            raise EngineError(
                f"What the model computed is no picture: its numbers have run over (NaN), and it would be black. {ways}"
            )
        if self._on_step is not None:
            self._on_step(self._event(index + 1, pipe.scheduler.sigmas, latents))
        if self._repaint is not None:
            latents = self._repaint.held(latents, float(pipe.scheduler.sigmas[index + 1]))
        self._before = latents
        return {"latents": latents}

    def _event(self, step: int, sigmas: Any, latents: Any) -> StepEvent:
        total, now = self._total, time.monotonic()
        elapsed = now - self._started
        if step == 1:
            self._first_done, step_s = now, elapsed
        else:  # the first step carries the text encoding and the warm-up: leave it out of the mean
            step_s = (now - self._first_done) / (step - 1)
        shown = None
        if self._preview is not None and (now - self._shown >= PREVIEW_INTERVAL_S or step == total):
            self._shown = now
            finished = predicted_latents(self._before[:1], latents[:1], float(sigmas[step - 1]), float(sigmas[step]))
            put_in = None if self._repaint is None else self._repaint.previewed
            shown = self._preview.jpeg(finished, self._request.width, self._request.height, put_in)
        return StepEvent(step, total, elapsed, step_s * (total - step), shown, len(latents))


def predicted_latents(before: Any, after: Any, sigma: float, sigma_next: float) -> Any:
    """The finished latents as one Euler step from ``sigma`` to ``sigma_next`` foresees them; exact at the last."""
    before, after = before.float().cpu(), after.float().cpu()
    velocity = (after - before) / (sigma_next - sigma)
    return after - sigma_next * velocity
