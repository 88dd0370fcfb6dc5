"""What this studio can do about an error of the library, which knows no page, button or command.

An error names its remedy (``FiboError.remedy``); a page adds its button to the sentence, the command line its command.
"""

from fibo_core.errors import FiboError
from studio.program import command


def with_command(error: FiboError) -> str:
    """The error's sentence, and the command that mends it, where there is one."""
    return _joined(error, _command(error.remedy))


def with_button(error: FiboError) -> str:
    """The error's sentence, and where the pages have the button for it, or the command where they have none."""
    return _joined(error, "System has the button." if error.remedy.startswith("download ") else _command(error.remedy))


def rebuild_command() -> str:
    """ "Run: fibo-studio history rebuild": for pictures that cannot be read, where no error is raised."""
    return _command("rebuild")


def _command(remedy: str) -> str:
    match remedy.split():
        case ["download", model]:
            return f"Run: {command(f'models download {model}')}"
        case ["rebuild"]:
            return f"Run: {command('history rebuild')}"
    return ""


def _joined(error: FiboError, way: str) -> str:
    return f"{error} {way}".rstrip()
