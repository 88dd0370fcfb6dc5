"""What the care of a history costs: its copies, the trash, a verification.

    PYTHONPATH=. python scripts/bench/care.py [PICTURES ...] [--folder FOLDER]

Fills a database for each number of pictures as `history.py` beside it does (rows only), then copies it, copies it again
unchanged, sums the storage, purges a thousand deleted pictures that have files, and verifies as many that have. Prints
the seconds. A hundred thousand pictures take a few minutes.
"""

import argparse
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from history import Filling
from PIL import Image

from fibo_core.engine import RenderedImage
from fibo_core.engine.request import GenerationRequest
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.backup import fault_of
from fibo_core.store.database import Database
from fibo_core.store.history import History

T = TypeVar("T")

WITH_FILES = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=int, default=[1_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the databases are made, and removed again")
    asked = parser.parse_args()
    for pictures in asked.pictures:
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            measure(Path(folder), pictures)


def measure(folder: Path, pictures: int) -> None:
    database = Database(folder / "studio.db")
    database.migrate()
    Filling(database, pictures).fill()
    database.close()
    size = (folder / "studio.db").stat().st_size
    print(f"\n{pictures:,} pictures, a database of {size / 1e6:,.0f} MB", flush=True)
    (folder / "outputs").mkdir()
    (folder / "outputs" / "emptied").touch()  # rows without files look like a volume that is not there
    history = History(folder, database)
    timed("what all takes, by month and model", history.disk_usage)
    copy = timed("a copy, checked", database.backup)
    timed("  of that SQLite's check", lambda: fault_of(copy))
    with closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as connection:
        timed("  SQLite's quick check", lambda: connection.execute("PRAGMA quick_check(1)").fetchone())
    timed("a copy where nothing has changed", database.backup_if_changed)
    shutil.rmtree(folder / "backups")
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE generation SET deleted_at = NULL WHERE deleted_at IS NOT NULL")
    ids = [add(history, seed) for seed in range(WITH_FILES)]
    timed(f"verify: {pictures:,} rows, {WITH_FILES:,} files", history.verify)
    timed(f"delete {WITH_FILES:,}", lambda: history.delete(ids))
    timed(f"purge {WITH_FILES:,}", history.trash.purge)
    database.close()


def add(history: History, seed: int) -> str:
    prompt = StructuredPrompt.from_dict({"short_description": f"a fox {seed}"})
    request = GenerationRequest(prompt, "", seed, 512, 512, 20, 4.0, "mini", "r1", ())
    noise = Image.effect_noise((512, 512), 60).convert("RGB")
    rendered = RenderedImage(noise, 1.0, "cpu", "float32", {})
    return history.add(rendered, request, mode="generate", words="a fox", writer="hand").id


def timed(what: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    result = work()
    print(f"{what:48}{time.perf_counter() - started:9.3f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
