"""Paths as people type them."""

from pathlib import Path

from fibo_core.errors import InputError


def typed_path(text: str) -> Path:
    """The absolute path that a text means, `~` and `~user` included, whether something is there or not.

    Raises InputError for one that this machine cannot have, or that this user may not look at.
    """
    try:
        path = Path(text).expanduser().absolute()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except RuntimeError as exc:
        raise _unreachable(text, "there is no home of that user") from exc
    except ValueError as exc:
        raise _unreachable(text, "it holds a character that no path can have") from exc
    except OSError as exc:
        raise _unreachable(text, (exc.strerror or type(exc).__name__).lower()) from exc
    return path


def _unreachable(text: str, reason: str) -> InputError:
    return InputError(f"The path {text!r:.100} cannot be reached on this machine: {reason}. Check how it is written.")
