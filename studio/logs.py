"""The log: where it goes (stderr, and a file that is kept small) and what never gets into it: secrets, and the same
warning over and over, which whoever sends nonsense could fill a disk with."""

import logging
import logging.handlers
import time
from collections.abc import Callable, Collection

from pydantic import SecretStr

from fibo_core.settings import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OURS = ("fibo_core", "studio")
#: Libraries that bring handlers of their own, which know nothing of secrets or of our file.
FOREIGN = ("streamlit", "uvicorn", "websockets")
FILE_BYTES, FILES_KEPT = 2_000_000, 3
SAID_AGAIN_S = 60.0


class SecretsHidden(logging.Formatter):
    """Writes *** wherever a secret would stand, in messages and traces alike."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__(FORMAT)
        self._secrets = sorted(secrets, key=len, reverse=True)  # one may begin with another

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class OnceAMinute(logging.Filter):
    """Lets a warning pass once a minute, whatever its arguments; errors always."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed_at: dict[str, float] = {}  #: by the message before its arguments are put in

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now = self._clock()
        if now - self._passed_at.get(str(record.msg), -SAID_AGAIN_S) < SAID_AGAIN_S:
            return False
        self._passed_at[str(record.msg)] = now
        return True


_INVALID_REQUESTS = OnceAMinute()  #: of uvicorn, which warns of each


def start_logging(settings: Settings, file_name: str, *, stderr: bool, secrets: Collection[SecretStr] = ()) -> None:
    """Sends this process's log to ``logs/<file_name>`` in the workspace and, if asked, to stderr.

    LOG_LEVEL is for our own lines; of libraries, warnings are kept. A workspace that cannot be written costs the
    file only. ``secrets`` are hidden beside those of the settings. May be called again: the last call counts.
    """
    formatter = SecretsHidden(tuple(each.get_secret_value() for each in (*_secrets(settings), *secrets)))
    handlers: list[logging.Handler] = [logging.StreamHandler()] if stderr else []
    try:
        handlers.append(_file_handler(settings, file_name))
    except OSError as exc:
        trouble = f"No log file in {settings.workspace_dir / 'logs'}: {exc.strerror}."
    else:
        trouble = ""
    _replace_handlers(handlers or [logging.NullHandler()], formatter, settings.log_level)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.log_level)
    _adopt_foreign_loggers()
    logging.getLogger("uvicorn.error").addFilter(_INVALID_REQUESTS)  # the same object again adds none
    if trouble:
        logging.getLogger(__name__).warning(trouble)


def _replace_handlers(handlers: list[logging.Handler], formatter: SecretsHidden, level: str) -> None:
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, SecretsHidden)]:
        root.removeHandler(old)
        old.close()
    for new in handlers:
        new.setFormatter(formatter)
        new.setLevel(level)
        root.addHandler(new)


def _file_handler(settings: Settings, file_name: str) -> logging.Handler:
    folder = settings.workspace_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return logging.handlers.RotatingFileHandler(
        folder / file_name, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", errors="replace"
    )


def _secrets(settings: Settings) -> tuple[SecretStr, ...]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return tuple(value for value in values if isinstance(value, SecretStr))


def _adopt_foreign_loggers() -> None:
    for name, logger in logging.root.manager.loggerDict.items():
        is_foreign = name.partition(".")[0] in FOREIGN and name != "uvicorn.access"  # a line a request says nothing
        if is_foreign and isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
