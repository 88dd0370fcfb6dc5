"""An import that is killed: nothing stands half, and the same import, begun anew, brings the rest."""

import random
import time
from pathlib import Path

import pytest

from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import png_is_complete
from fibo_core.store.labels import LabelChange

from .conftest import Paint
from .test_importing import Elsewhere, exported, png, zipped

IMPORT = """
import sys
from pathlib import Path
from fibo_core.store.database import Database
from fibo_core.store.history import History
from fibo_core.store.importing import Importer, ImportReport

workspace = Path(sys.argv[1])
database = Database(workspace / "studio.db")
print("begun", flush=True)
Importer(History(workspace, database), database).run([(Path(path), "") for path in sys.argv[2:]], ImportReport())
print("done", flush=True)
"""


@pytest.fixture
def given(history: History, paint: Paint, tmp_path: Path) -> list[Path]:
    """Twelve of ours, two of them with a source, all labelled, and eight of other programs."""
    for number in range(12):
        source = rendered_source(number) if number < 2 else None
        it = paint(f"ball {number}", text=f"ball {number}", seed=number, source=source)
        history.labels.change(LabelChange(rating=3, add_tags=("kept",), add_to=("Best",)), ids=[it.id])
    others = zipped(tmp_path / "others.zip", {f"{number}.png": png(size=(90, 30 + number)) for number in range(8)})
    return [exported(history, tmp_path / "ours.zip"), others]


def rendered_source(number: int):
    from PIL import Image

    return Image.new("RGB", (8, 8 + number))


def test_killed_again_and_again_it_loses_nothing_and_comes_to_its_end(
    given: list[Path], tmp_path: Path, run_python
) -> None:
    draw, place = random.Random(21), Elsewhere(tmp_path / "elsewhere")
    place.database.close()
    for _ in range(6):
        process = run_python(IMPORT, place.folder, *given)
        process.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.25))
        process.kill()
        process.wait()
        check(place)
    report = place.take(*given)
    assert (report.left_out, report.reasons) == (0, [])
    check(place)
    assert place.history.count(HistoryQuery()) == 20
    ours = [it for it in place.all() if it.mode == "generate"]
    assert [(it.rating, it.tags, it.collections) for it in ours] == [(3, ("kept",), ("Best",))] * 12
    assert sum(it.source_path is not None for it in ours) == 2
    place.database.close()


def check(place: Elsewhere) -> None:
    """What a start after the kill finds: every row leads to whole files, every whole picture has its row."""
    report = place.history.sweep()
    assert (report.missing, report.unreadable) == (0, ())
    assert list(place.folder.rglob("*.part")) == []
    for it in place.all():
        assert png_is_complete(place.history.image_file(it.id).read_bytes())
        assert place.history.sidecar_file(it.id).is_file()
        if it.source_path is not None:
            assert place.history.source_file(it.id)
