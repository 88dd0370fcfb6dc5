"""The one Runtime of the server's process."""

from fibo_core.work.runtime import Runtime
from studio.shell import get_shell


def get_runtime() -> Runtime:
    """The Shell's Runtime. Raises the FiboError that says why it cannot be built; the next call tries again."""
    return get_shell().runtime
