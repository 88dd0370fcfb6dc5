"""Imports in the background: received in pieces, taken in by a thread, gone on with by the next process."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.errors import ImportNotFound, JobError
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.labels import LabelChange
from fibo_core.work.imports import Import, Imports
from tests.store.pictures import rendered
from tests.store.test_importing import Elsewhere, png, zipped
from tests.studio.processes import add_picture


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Elsewhere]:
    place = Elsewhere(tmp_path / "workspace")
    yield place
    place.database.close()


@pytest.fixture
def imports(place: Elsewhere) -> Iterator[Imports]:
    imports = imports_of(place)
    yield imports
    imports.stop()


def imports_of(place: Elsewhere) -> Imports:
    return Imports(place.history, place.database, place.folder)


def sent(imports: Imports, files: dict[str, bytes]) -> Import:
    it = imports.open()
    for name, content in files.items():
        with imports.receive(it.id, name) as file:
            file.write(content)
    return imports.received(it.id)


def over(imports: Imports, id: str) -> Import:
    while not (it := imports.get(id)).ended:
        time.sleep(0.01)
    return it


def count(history: History) -> int:
    return history.count(HistoryQuery())


def test_what_was_sent_comes_in_and_its_files_go(imports: Imports, place: Elsewhere) -> None:
    """Two of one name are two."""
    it = sent(imports, {"a.png": png("red")})
    with imports.receive(it.id, "a.png") as file:
        file.write(png("blue"))
    assert [each.name for each in imports.received(it.id).files] == ["a.png", "a.png"]
    imports.start(it.id)
    done = over(imports, it.id)
    assert (done.state, done.report.added, done.fraction, done.title) == ("done", 2, 1.0, "a.png and 1 more")
    assert count(place.history) == 2
    assert [path.name for path in (place.folder / "imports" / it.id).iterdir()] == ["import.json"]


def test_a_file_comes_in_pieces_and_says_where_it_goes_on(imports: Imports, place: Elsewhere) -> None:
    content, it = png("red"), imports.open()
    with imports.receive(it.id, "a.png", 0) as file:
        file.write(content[:50])
    assert imports.received(it.id).files[0].bytes == 50
    with pytest.raises(JobError, match=r"has 50 bytes here.*Go on at 50"):
        imports.receive(it.id, "a.png", 70)
    with imports.receive(it.id, "a.png", 50) as file:
        file.write(content[50:])
    imports.received(it.id)
    imports.start(it.id)
    assert over(imports, it.id).report.added == 1


def test_a_process_that_ends_leaves_the_rest_to_the_next_one(place: Elsewhere, tmp_path: Path) -> None:
    pictures = {f"{number}.png": png(size=(40 + number, 30)) for number in range(30)}
    archive = zipped(tmp_path / "all.zip", pictures).read_bytes()
    first = imports_of(place)
    it = sent(first, {"all.zip": archive})
    first.start(it.id)
    while first.get(it.id).report.added < 3:
        time.sleep(0.001)
    first.stop()
    left = first.get(it.id)
    assert (left.state, left.ended) == ("running", False)
    assert 3 <= count(place.history) < 30
    second = imports_of(place)
    second.resume()
    done = over(second, it.id)
    assert (done.state, done.report.added, done.report.already_here) == ("done", 30, 0)
    assert (done.report.total, count(place.history)) == (30, 30)
    second.stop()


def test_a_cancelled_one_keeps_what_came_in(imports: Imports, place: Elsewhere, tmp_path: Path) -> None:
    pictures = {f"{number}.png": png(size=(40 + number, 30)) for number in range(60)}
    it = sent(imports, {"all.zip": zipped(tmp_path / "all.zip", pictures).read_bytes()})
    imports.start(it.id)
    while not imports.get(it.id).report.added:
        time.sleep(0.001)
    imports.cancel(it.id)
    ended = over(imports, it.id)
    assert (ended.state, ended.report.added) == ("cancelled", count(place.history))
    assert ended.report.added < 60


def test_what_cannot_be_is_said(imports: Imports) -> None:
    it = imports.open()
    with pytest.raises(JobError, match="nothing to be taken in"):
        imports.start(it.id)
    with pytest.raises(ImportNotFound):
        imports.get("01M8CZ4K0NRBZ7N4JVZ4H2QZVP")
    assert imports.cancel(it.id).state == "cancelled"
    with pytest.raises(JobError, match="takes no more files"):
        imports.receive(it.id, "a.png")


def test_a_damaged_record_of_an_import_is_passed_over(imports: Imports, place: Elsewhere) -> None:
    it = sent(imports, {"a.png": png()})
    (place.folder / "imports" / it.id / "import.json").write_text("{")
    assert imports_of(place).all() == []


def test_files_of_a_folder_that_were_sent_one_by_one_belong_together(
    imports: Imports, place: Elsewhere, tmp_path: Path
) -> None:
    """As when a day's folder is dropped: sidecars are no pictures of their own, and bring their labels."""
    there = Elsewhere(tmp_path / "there")
    it = add_picture(there.history, "a ball", source=rendered("blue").image)
    there.history.labels.change(LabelChange(rating=4), ids=[it.id])
    there.history.labels.write_files()
    files = {
        path.relative_to(there.folder).as_posix(): path.read_bytes() for path in (there.folder / "outputs").rglob("*.*")
    }
    assert len(files) == 3
    sent_ = sent(imports, files | {"outputs/notes.txt": b"a note"})
    imports.start(sent_.id)
    done = over(imports, sent_.id)
    assert (done.report.added, done.report.left_out, done.report.passed_over) == (1, 0, 3)
    [here] = place.all()
    assert (here.rating, here.source_path) == (4, it.source_path)
    there.database.close()
