"""What a studio refused, or could not be asked."""

from typing import TYPE_CHECKING

from fibo_core.errors import FiboError

if TYPE_CHECKING:
    from studio.client.batches import Batch


class StudioError(FiboError):
    """A studio refused what was asked. ``detail`` is its sentence, ``status`` the HTTP status that it came with; None
    where there was none."""

    def __init__(self, detail: str, status: int | None = None):
        super().__init__(detail)
        self.detail = detail
        self.status = status


class Unreachable(StudioError):
    """No studio answers at the address."""


class BatchFailed(StudioError):
    """A batch ended without all of its pictures; ``batch`` has those that it painted."""

    def __init__(self, detail: str, batch: "Batch"):
        super().__init__(detail)
        self.batch = batch
