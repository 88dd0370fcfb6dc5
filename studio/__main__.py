"""``python -m studio`` and ``fibo-studio``: a command line in a process of its own."""

import gc

from studio.imports import importing

with importing():
    from studio.cli.main import main


def run() -> None:
    """Runs one command and ends the process with its exit code."""
    try:
        main()
    finally:
        gc.freeze()  # at its end Python looks through all there is for garbage: a fifth of a short command's time


if __name__ == "__main__":
    run()
