"""A desk to work at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.engine.fibo import FiboEngine
from tests.store.conftest import database, history, workspace
from tests.work.desks import Studio

__all__ = ["database", "history", "workspace"]  #: for tests of what works on a history


@pytest.fixture
def idle(tmp_path: Path, mini_engine: FiboEngine) -> Iterator[Studio]:
    """A studio whose worker has not begun yet."""
    studio = Studio(tmp_path, mini_engine)
    yield studio
    studio.queue.stop()
    studio.database.close()


@pytest.fixture
def studio(idle: Studio) -> Studio:
    idle.queue.start()
    return idle
