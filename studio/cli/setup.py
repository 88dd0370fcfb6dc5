"""What a command needs before it does anything: settings, a log, the history with its tools, and Ctrl+C."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fibo_core.cancel import CancelFlag
from fibo_core.settings import Settings
from studio.environment import prepare_environment
from studio.imports import importing
from studio.logs import start_logging

if TYPE_CHECKING:
    from fibo_core.store.database import Database
    from fibo_core.store.history import History
    from fibo_core.work.workflows import Tools


def begin() -> Settings:
    """This environment's settings, with the libraries told of them and the log begun. Raises SettingsError."""
    settings = Settings.from_environ()
    prepare_environment(settings)
    start_logging(settings, "cli.log", stderr=False)
    for warning in settings.warnings:
        print(warning, file=sys.stderr)
    return settings


@contextmanager
def open_tools(settings: Settings) -> Iterator["Tools"]:
    """Writers, engine and history of the workspace, without its queue. Raises a StoreError that says what is wrong."""
    with importing():
        from fibo_core.work.runtime import build_tools
        from fibo_core.work.workspace import build_database

    database = build_database(settings)
    tools = build_tools(settings, database)
    try:
        yield tools
    finally:
        tools.engine.close()
        database.close()


@contextmanager
def open_database(settings: Settings) -> Iterator["Database"]:
    """The workspace's database alone. Raises as `open_tools` does."""
    with importing():
        from fibo_core.work.workspace import build_database

    database = build_database(settings)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_history(settings: Settings) -> Iterator["History"]:
    """The workspace's history, for what asks no writer and paints nothing. Raises as `open_tools` does."""
    with importing():
        from fibo_core.work.workspace import build_history

    with open_database(settings) as database:
        yield build_history(settings, database)


@contextmanager
def ended_by_ctrl_c() -> Iterator[CancelFlag]:
    """A flag that the first Ctrl+C sets; the second one does not wait for the work to notice."""
    flag = CancelFlag()

    def end(*_: object) -> None:
        flag.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ctrl_c_raises() -> Iterator[None]:
    """Inside, Ctrl+C raises KeyboardInterrupt, in a process too that was started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
