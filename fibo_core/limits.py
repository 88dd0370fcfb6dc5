"""The limits of what is given: of a request's numbers, of an order's size, of a file."""

import math

from fibo_core.errors import RequestError

SEED_MAX = 2**63 - 1  #: SQLite's largest integer; torch takes any of these
SIZE_MULTIPLE = 16  #: BriaFiboPipeline.check_inputs
SIZE_MIN, SIZE_MAX = 64, 2048
STEPS_MIN, STEPS_MAX = 1, 200
GUIDANCE_MIN, GUIDANCE_MAX = 1.0, 30.0
UNCONFIRMED_MAX = 64  #: pictures of an order, or values of one axis, beyond which it must be confirmed
GIVEN_MAX = 4  #: pictures that make one prompt
BYTES_MAX = 50 * 2**20  #: of a file that is given to the studio, by whatever way


def check_seed(seed: int) -> None:
    """Raises RequestError unless 0 ≤ seed ≤ 2⁶³−1."""
    if not 0 <= seed <= SEED_MAX:
        raise RequestError(f"The seed is {seed}. Choose a whole number from 0 to {SEED_MAX}.")


def check_size(width: int, height: int) -> None:
    """Raises RequestError unless both sides are within the limits."""
    if not all(SIZE_MIN <= side <= SIZE_MAX for side in (width, height)):
        raise RequestError(f"The size is {width}×{height}. Each side must be {SIZE_MIN} to {SIZE_MAX} pixels long.")


def check_steps(num_inference_steps: int) -> None:
    """Raises RequestError unless a picture can be painted in so many steps."""
    if not STEPS_MIN <= num_inference_steps <= STEPS_MAX:
        raise RequestError(f"The number of steps is {num_inference_steps}. Choose {STEPS_MIN} to {STEPS_MAX}.")


def check_guidance(guidance_scale: float) -> None:
    """Raises RequestError unless the guidance is a number within its limits."""
    if not (math.isfinite(guidance_scale) and GUIDANCE_MIN <= guidance_scale <= GUIDANCE_MAX):
        raise RequestError(f"The guidance is {guidance_scale:g}. Choose {GUIDANCE_MIN:g} to {GUIDANCE_MAX:g}.")
