"""How long a page of History's search takes, and its count, at many pictures; and how long the index is filled anew.

    PYTHONPATH=. python scripts/bench/search.py [PICTURES]

Rows only, no files: a fifth of them in Chinese. Each figure is the median of nine, asked in turn. A machine that does
other work at the same time makes them meaningless.
"""

import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from fibo_core.engine.request import GenerationRequest
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation, place_of
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.tables import GenerationTable, row_of

SEARCHES = ("ball", "fox night", "zebra", "ball -fox", '"red ball"', "12345", "红色", "座る")
WORDS = ("red", "blue", "green", "ball", "box", "fox", "cat", "night", "grass", "table", "soft", "light", "on", "under")
CHINESE = "桌子上的红色球在窗前有一只蓝色的猫和绿色盒子夜晚"


def main() -> None:
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "studio.db")
        database.migrate()
        history = History(Path(folder), database)
        started = time.perf_counter()
        add_rows(database, pictures)
        print(f"{pictures:,} rows added in {time.perf_counter() - started:.1f} s")
        size = (Path(folder) / "studio.db").stat().st_size
        if hasattr(history, "fill_search"):
            started = time.perf_counter()
            history.fill_search()
            print(f"the index filled anew in {time.perf_counter() - started:.1f} s")
        times: dict[tuple[str, str], list[float]] = {}
        found = {search: history.count(HistoryQuery(text=search)) for search in SEARCHES}
        for _ in range(9):
            for search in SEARCHES:
                query = HistoryQuery(text=search)
                for what, ask in (("page", history.page), ("count", history.count)):
                    started = time.perf_counter()
                    ask(query)
                    times.setdefault((search, what), []).append(time.perf_counter() - started)
        print(f"{size / 1e6:.0f} MB")
        for search in SEARCHES:
            page, count = (1000 * statistics.median(times[search, what]) for what in ("page", "count"))
            print(f"{search:12} {found[search]:7,} found   page {page:7.1f} ms   count {count:7.1f} ms")
        database.close()


def add_rows(database: Database, pictures: int) -> None:
    """Rows as a version that did not segment left them; what the index does for each is what its triggers do."""
    rng, moment = random.Random(7), datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for number in range(pictures):
        said = " ".join(rng.choices(WORDS, k=12)) if number % 5 else "".join(rng.choices(CHINESE, k=24))
        document = {"short_description": said, "objects": [{"description": said[:20], "location": "center"}] * 3}
        moment += timedelta(seconds=7)
        id = f"{number:026d}"
        request = GenerationRequest(
            StructuredPrompt.from_dict(document), "", number, 256, 256, 20, 3.0, "mini", "r" * 40
        )
        picture = Generation(
            id=id, created_at=moment, mode="generate", words=said, request=request, writer="offline", edited=False,
            image_path=place_of(id, moment), duration_s=1.0, device="cpu", precision="float32", versions={},
            parent_id=None, source_path=None,
        )  # fmt: skip
        rows.append(row_of(picture, 100_000).model_dump())
    with database.write() as session:
        session.connection().execute(insert(GenerationTable), rows)
        tables = session.connection().execute(text("SELECT name FROM sqlite_master")).scalars()
        if "generation_unsegmented" in set(tables):
            session.connection().execute(text('INSERT INTO generation_unsegmented ("after") VALUES (0)'))


if __name__ == "__main__":
    main()
