"""Pictures on their way out: what the zip holds, how long it is said to be, and what it does about what is gone."""

import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from fibo_core.store import exporting, zip_stream
from fibo_core.store.exporting import Export
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.inputs import Inputs

from .conftest import Paint
from .pictures import rendered


def zip_of(export: Export) -> zipfile.ZipFile:
    content = b"".join(export.parts())
    assert export.length in (None, len(content))
    assert export.written_bytes == len(content)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def manifest_of(archive: zipfile.ZipFile) -> dict:
    manifest = json.loads(archive.read("manifest.json"))
    told = {name: (it["bytes"], it["sha256"]) for name, it in manifest["files"].items()}
    inside = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    assert told == {name: (len(content), sha256(content).hexdigest()) for name, content in inside.items()}
    return manifest


def test_a_zip_of_all_holds_each_picture_with_its_files_as_they_lie_there(
    history: History, paint: Paint, workspace: Path
) -> None:
    kept = Inputs(workspace).keep(_png())
    first = paint("a ball", source=rendered("blue").image, other_sources=(f"inputs/{kept}.png",))
    second = paint("a box", parent_id=first.id)
    paint("thrown away")
    history.delete([history.page(HistoryQuery()).items[0].id])
    export = Export(history)
    archive = zip_of(export)
    files = {path.relative_to(workspace).as_posix(): path.read_bytes() for path in (workspace / "outputs").rglob("*.*")}
    files = {name: content for name, content in files.items() if first.id in name or second.id in name}
    files[f"inputs/{kept}.png"] = (workspace / "inputs" / f"{kept}.png").read_bytes()
    assert {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"} == files
    manifest = manifest_of(archive)
    assert (manifest["format"], manifest["pictures"], manifest["missing"]) == ("fibo-studio-export/1", 2, [])
    assert (export.pictures, export.written_pictures) == (2, 2)


def test_a_search_and_a_selection_hold_what_they_name(history: History, paint: Paint) -> None:
    ball, box = paint("a ball", text="ball"), paint("a box", text="box")
    of_search = manifest_of(zip_of(Export(history, query=HistoryQuery(text="box"))))
    of_ids = manifest_of(zip_of(Export(history, ids=[ball.id, box.id, ball.id])))
    assert [name for name in of_search["files"] if name.endswith(".png")] == [box.image_path]
    assert of_ids["pictures"] == 2


def test_labels_are_those_of_the_rows_though_no_file_was_told(history: History, paint: Paint) -> None:
    picture = paint()
    history.set_favorite(picture.id, True)
    archive = zip_of(Export(history))
    sidecar = json.loads(archive.read(picture.image_path.replace(".png", ".json")))
    assert sidecar["labels"]["favorite"] is True
    assert {**picture.to_record(), "labels": sidecar["labels"]} == sidecar


def test_what_is_gone_is_named_and_ends_nothing(history: History, paint: Paint, workspace: Path) -> None:
    """Its recipe is there all the same, made of the row."""
    gone, whole = paint("gone"), paint("whole")
    (workspace / gone.image_path).unlink()
    (workspace / gone.image_path).with_suffix(".json").write_text("{")
    archive = zip_of(Export(history, ids=[gone.id, whole.id, "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"]))
    manifest = manifest_of(archive)
    assert [it["id"] for it in manifest["missing"]] == [gone.id, "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"]
    assert manifest["pictures"] == 1
    assert json.loads(archive.read(gone.image_path.replace(".png", ".json"))) == gone.to_record()


def test_a_file_that_goes_after_the_length_was_said_leaves_the_zip_whole(
    history: History, paint: Paint, workspace: Path
) -> None:
    first, second = paint("a ball"), paint("a box")
    export = Export(history)
    parts = export.parts()
    begun = next(parts)
    (workspace / second.image_path).unlink()
    history.set_favorite(second.id, True)
    content = begun + b"".join(parts)
    assert len(content) == export.length
    manifest = manifest_of(zipfile.ZipFile(io.BytesIO(content)))
    assert [it["path"] for it in manifest["missing"]] == [second.image_path]
    assert first.image_path in manifest["files"]


def test_above_the_measured_number_nothing_is_looked_at_before_the_first_byte(
    history: History, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MEASURED_MAX", 2)
    monkeypatch.setattr(exporting, "ROWS", 2)
    pictures = [paint(f"ball {number}") for number in range(5)]
    export = Export(history)
    assert (export.length, export.pictures) == (None, 5)
    parts = export.parts()
    begun = next(parts)
    paint("painted meanwhile")
    manifest = manifest_of(zipfile.ZipFile(io.BytesIO(begun + b"".join(parts))))
    assert [name for name in manifest["files"] if name.endswith(".png")] == [it.image_path for it in pictures]


def test_no_transaction_is_open_while_a_slow_reader_waits(history: History, paint: Paint) -> None:
    """Another writer comes in between any two parts."""
    paint("a ball"), paint("a box")
    for number, _ in enumerate(Export(history).parts()):
        history.set_favorite(history.page(HistoryQuery()).items[0].id, number % 2 == 0)
        assert history._database._transactions == 0


def test_beyond_what_a_plain_zip_can_say_it_is_a_zip64(
    history: History, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of 65,535 files is brought down."""
    paint("a ball"), paint("a box")
    monkeypatch.setattr(zip_stream, "MOST_16", 3)
    content = b"".join(Export(history).parts())
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert b"PK\6\6" in content
    assert len(archive.namelist()) == 5


def _png() -> bytes:
    buffer = io.BytesIO()
    rendered("green").image.save(buffer, "PNG")
    return buffer.getvalue()
