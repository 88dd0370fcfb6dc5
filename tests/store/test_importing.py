"""Pictures on their way in: what comes back of what went out, what is known already, and what strangers' files do."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, WorkspaceUnwritable
from fibo_core.store import importing
from fibo_core.store.database import Database
from fibo_core.store.exporting import Export
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.importing import Importer, ImportReport
from fibo_core.store.inputs import Inputs
from fibo_core.store.labels import LabelChange

from .conftest import Paint
from .pictures import fill, rendered

Take = Callable[..., ImportReport]


class Elsewhere:
    """Another workspace, which pictures come into."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.database = Database(folder / "studio.db")
        self.database.migrate()
        self.history = History(folder, self.database)

    def take(self, *paths: Path, cancel: CancelFlag | None = None, tell=lambda report: None) -> ImportReport:
        report = ImportReport()
        Importer(self.history, self.database).run([(path, path.name) for path in paths], report, cancel, tell)
        return report

    def all(self) -> list[Generation]:
        return list(self.history.page(HistoryQuery(newest_first=False), limit=1000).items)


@pytest.fixture
def elsewhere(tmp_path: Path):
    place = Elsewhere(tmp_path / "elsewhere")
    yield place
    place.database.close()


def exported(history: History, path: Path, **what) -> Path:
    with path.open("wb") as file:
        for part in Export(history, **what).parts():
            file.write(part)
    return path


def hashes(path: Path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))["files"]


def zipped(path: Path, files: dict[str, bytes], **more) -> Path:
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def png(color: str = "green", size: tuple[int, int] = (50, 30), mode: str = "RGB", **texts: str) -> bytes:
    said = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        said.add_text(keyword, text)
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, "PNG", pnginfo=said)
    return buffer.getvalue()


def files_of(workspace: Path) -> dict[str, bytes]:
    kept = [*(workspace / "outputs").rglob("*.*"), *(workspace / "inputs").rglob("*.*")]
    return {path.relative_to(workspace).as_posix(): path.read_bytes() for path in kept if path.is_file()}


# there and back


def test_what_went_out_comes_back_as_it_was(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    """Rows, labels, lineage and files, bit by bit; and a second export is of the same files."""
    kept = Inputs(workspace).keep(png("blue"))
    parent = paint("a ball", source=rendered("blue").image, other_sources=(f"inputs/{kept}.png",), mode="inspire")
    child = paint("larger", parent_id=parent.id, mode="refine", text="a larger ball")
    paint("狐 🦊 of a forest", text="a fox")
    history.labels.change(LabelChange(favorite=True, rating=4, add_tags=("Fox",), add_to=("Best of",)), ids=[child.id])
    history.labels.collections.add("Kept", "fox")
    history.labels.write_files()
    there = exported(history, tmp_path / "there.zip")

    report = elsewhere.take(there)

    assert (report.added, report.left_out, report.reasons) == (3, 0, [])
    assert elsewhere.all() == list(history.page(HistoryQuery(newest_first=False)).items)
    assert files_of(elsewhere.folder) == files_of(workspace)
    assert [it.name for it in elsewhere.history.labels.collections.all()] == ["Best of", "Kept"]
    assert [it.id for it in elsewhere.history.ancestors(child.id)] == [parent.id]
    assert [it.id for it in elsewhere.history.page(HistoryQuery(text="fox")).items]
    assert hashes(exported(elsewhere.history, tmp_path / "back.zip")) == hashes(there)
    assert elsewhere.history.labels.unwritten() == 0


def test_an_import_again_adds_nothing_and_joins_labels(
    history: History, paint: Paint, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    picture = paint()
    first = exported(history, tmp_path / "first.zip")
    elsewhere.take(first)
    elsewhere.history.labels.change(LabelChange(rating=2, add_tags=("mine",)), ids=[picture.id])
    history.labels.change(LabelChange(favorite=True, rating=5, add_tags=("theirs",)), ids=[picture.id])
    report = elsewhere.take(exported(history, tmp_path / "again.zip"))
    assert (report.added, report.already_here, report.labelled) == (0, 1, 1)
    [here] = elsewhere.all()
    assert (here.favorite, here.rating, here.tags) == (True, 2, ("mine", "theirs"))
    elsewhere.history.labels.write_files()
    sidecar = json.loads((elsewhere.folder / here.image_path).with_suffix(".json").read_bytes())
    assert sidecar["labels"]["tags"] == ["mine", "theirs"]


def test_a_folder_comes_in_as_the_zip_of_it_would(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere
) -> None:
    """A whole workspace, as on a volume that was brought here: its cache, trash and database are no pictures."""
    picture = paint(source=rendered("blue").image)
    (workspace / "trash").mkdir()
    (workspace / "trash" / "old.png").write_bytes(png())
    report = elsewhere.take(workspace)
    assert (report.added, report.left_out, report.reasons) == (1, 0, [])
    assert [it.id for it in elsewhere.all()] == [picture.id]


def test_a_single_picture_brings_its_whole_recipe(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    picture = paint()
    alone = tmp_path / "fibo-7-a-red-ball.png"
    alone.write_bytes((workspace / picture.image_path).read_bytes())
    assert elsewhere.take(alone).added == 1
    assert elsewhere.all() == [picture]
    assert elsewhere.take(alone).already_here == 1


def test_a_picture_whose_file_is_gone_here_is_mended(
    history: History, paint: Paint, workspace: Path, tmp_path: Path, database: Database
) -> None:
    picture = paint()
    kept = exported(history, tmp_path / "kept.zip")
    before = files_of(workspace)
    (workspace / picture.image_path).write_bytes(b"cut short")
    report = ImportReport()
    Importer(history, database).run([(kept, "")], report)
    assert (report.added, report.already_here, report.mended) == (0, 1, 1)
    assert files_of(workspace) == before


def test_a_deleted_picture_stays_deleted_and_is_told(
    history: History, paint: Paint, database: Database, tmp_path: Path
) -> None:
    picture = paint()
    kept = exported(history, tmp_path / "kept.zip")
    history.delete([picture.id])
    report = ImportReport()
    Importer(history, database).run([(kept, "")], report)
    assert (report.already_here, report.in_trash) == (1, 1)
    assert history.count(HistoryQuery()) == 0


def test_another_picture_under_the_same_id_leaves_ours_alone(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    picture = paint()
    elsewhere.take(exported(history, tmp_path / "a.zip"))
    forged = replace(picture, request=replace(picture.request, seed=8))
    from fibo_core.store.images import png_bytes

    alone = tmp_path / "forged.png"
    alone.write_bytes(png_bytes(rendered("blue").image, forged.to_record()))
    report = elsewhere.take(alone)
    assert (report.added, report.left_out) == (0, 1)
    assert "with another recipe" in report.reasons[0]
    assert elsewhere.all() == [picture]


def test_a_cancelled_import_keeps_what_came_in_and_goes_on_later(
    history: History, paint: Paint, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    for number in range(4):
        paint(f"ball {number}", text=f"ball {number}")
    there, cancel = exported(history, tmp_path / "there.zip"), CancelFlag()
    with pytest.raises(Cancelled):
        elsewhere.take(there, cancel=cancel, tell=lambda report: cancel.cancel() if report.added == 2 else None)
    assert len(elsewhere.all()) == 2
    report = elsewhere.take(there)
    assert (report.added, report.already_here) == (2, 2)


def test_a_full_disk_ends_the_import_with_a_sentence_and_loses_nothing(
    history: History, paint: Paint, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "SPARE_BYTES", 0)
    for number in range(3):
        paint(f"ball {number}", text=f"ball {number}", source=Image.effect_noise((200, 200), 90).convert("RGB"))
    there, place = exported(history, tmp_path / "there.zip"), Elsewhere(small_disk / "workspace")
    full: list[Path] = []

    def fill_up(report: ImportReport) -> None:
        if report.added == 1 and not full:
            full.append(fill(small_disk, leave=60_000))

    with pytest.raises(WorkspaceUnwritable, match=r"disk that holds .* is full.*start the import again"):
        place.take(there, tell=fill_up)
    full[0].unlink()
    assert not list(place.folder.rglob("*.part"))
    report = place.take(there)
    assert (report.added + report.already_here, len(place.all())) == (3, 3)
    place.database.close()


# other programs

A1111 = (
    "a fox in snow, sharp\nNegative prompt: blurry\n"
    "Steps: 28, Sampler: Euler a, CFG scale: 7, Seed: 3120557, Size: 50x30, Model: dreamshaper_8, Version: v1.9.0"
)


def test_another_programs_picture_keeps_its_file_and_its_words_are_found(elsewhere: Elsewhere, tmp_path: Path) -> None:
    file = tmp_path / "00012-3120557.png"
    file.write_bytes(png(parameters=A1111))
    assert elsewhere.take(file).added == 1
    [it] = elsewhere.all()
    assert (it.mode, it.words, it.repeatable, it.seed_known) == ("imported", "a fox in snow, sharp", False, True)
    request = it.request
    assert (request.seed, request.width, request.height, request.num_inference_steps) == (3120557, 50, 30, 28)
    assert (request.guidance_scale, request.negative_prompt, request.model) == (7.0, "blurry", "dreamshaper_8")
    assert it.versions == {"file": "00012-3120557.png", "program": "A1111", "seed": "3120557"}
    assert [found.id for found in elsewhere.history.page(HistoryQuery(text="fox sharp")).items] == [it.id]
    with Image.open(elsewhere.folder / it.image_path) as stored:
        assert stored.text["parameters"] == A1111
    assert it.created_at.replace(microsecond=0) <= datetime.now(UTC)


def test_a_photograph_becomes_a_png_of_the_same_pixels(elsewhere: Elsewhere, tmp_path: Path) -> None:
    file, noise = tmp_path / "IMG_1.JPG", Image.effect_noise((64, 48), 80).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    noise.save(file, "JPEG", exif=exif)
    elsewhere.take(file)
    [it] = elsewhere.all()
    with Image.open(elsewhere.folder / it.image_path) as stored, Image.open(file) as given:
        assert stored.size == (48, 64) == (it.request.width, it.request.height)
        assert stored.tobytes() == given.transpose(Image.Transpose.ROTATE_270).convert("RGB").tobytes()
    assert (it.words, it.seed_known, it.prompt.document) == ("", False, {})
    assert elsewhere.history.thumbnail_file(it.id).is_file()


def test_the_same_pixels_come_in_once_whatever_file_holds_them(elsewhere: Elsewhere, tmp_path: Path) -> None:
    first, same, other = tmp_path / "a.png", tmp_path / "b.webp", tmp_path / "c.png"
    first.write_bytes(png(parameters=A1111))
    Image.new("RGB", (50, 30), "green").save(same, "WEBP", lossless=True)
    other.write_bytes(png("yellow"))
    report = elsewhere.take(first, same, other)
    assert (report.added, report.already_here) == (2, 1)


def test_an_imported_picture_goes_out_and_comes_in_like_ours_and_is_rebuilt(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png(parameters=A1111))
    elsewhere.take(file)
    third = Elsewhere(tmp_path / "third")
    third.take(exported(elsewhere.history, tmp_path / "out.zip"))
    assert third.all() == elsewhere.all()
    assert third.take(file).already_here == 1
    third.database.close()
    (third.folder / "studio.db").unlink()
    anew = Elsewhere(tmp_path / "third")
    assert anew.history.rebuild().added == 1
    assert anew.all() == elsewhere.all()
    anew.database.close()


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "I;16", "1"])
def test_a_png_of_any_kind_stays_the_file_it_was(elsewhere: Elsewhere, tmp_path: Path, mode: str) -> None:
    file, buffer = tmp_path / "a.png", io.BytesIO()
    Image.new(mode, (40, 30), 1 if mode in ("I;16", "1", "L", "P") else (9, 8, 7, 100)).save(buffer, "PNG")
    file.write_bytes(buffer.getvalue())
    elsewhere.take(file)
    [it] = elsewhere.all()
    with Image.open(elsewhere.folder / it.image_path) as stored, Image.open(file) as given:
        assert (stored.mode, stored.tobytes()) == (given.mode, given.tobytes())
    assert elsewhere.history.thumbnail_file(it.id).is_file()


def test_a_seed_larger_than_rows_hold_is_told_and_not_lost(elsewhere: Elsewhere, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png(parameters=A1111.replace("3120557", str(2**64 - 1))))
    elsewhere.take(file)
    [it] = elsewhere.all()
    assert (it.request.seed, it.versions["seed"]) == (0, str(2**64 - 1))


@pytest.mark.parametrize("kind", ["ours", "another program's"])
def test_an_imported_picture_that_is_altered_later_is_known_by_its_hash(
    history: History, paint: Paint, elsewhere: Elsewhere, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png())
    if kind == "ours":
        paint()
        file = exported(history, tmp_path / "there.zip")
    elsewhere.take(file)
    sound = elsewhere.history.verify()
    assert (sound.unknown, sound.altered) == (0, ())
    [it] = elsewhere.all()
    stored = elsewhere.folder / it.image_path
    content = stored.read_bytes()
    said = PngImagePlugin.PngInfo()
    said.add_text("fibo-studio", json.dumps(it.to_record()))
    Image.new("RGB", (64, 96), "white").save(stored, pnginfo=said)
    assert stored.read_bytes() != content
    [altered] = elsewhere.history.verify().altered
    assert altered.id == it.id
    assert "its bytes are not those that were written" in altered.reason


def test_a_mended_picture_of_a_version_without_hashes_has_one_then(
    history: History, paint: Paint, workspace: Path, tmp_path: Path, database: Database
) -> None:
    picture = paint()
    kept = exported(history, tmp_path / "kept.zip")
    (workspace / picture.image_path).unlink()
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE generation SET file_sha256 = ''")
    Importer(history, database).run([(kept, "")], ImportReport())
    assert (history.verify().unknown, history.verify().files_amiss) == (0, ())


def test_a_picture_of_ours_that_lost_its_text_comes_in_by_its_sidecar_and_counts_as_sound(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    picture = paint()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f"{picture.id}.png").write_bytes(png(size=(64, 96)))
    sidecar = (workspace / picture.image_path).with_suffix(".json")
    (folder / sidecar.name).write_bytes(sidecar.read_bytes())
    assert elsewhere.take(folder).added == 1
    assert elsewhere.history.verify().files_amiss == ()


@pytest.mark.parametrize("ours", [True, False])
def test_a_huge_packed_text_is_left_out_and_told_and_the_picture_can_be_read(
    paint: Paint, history: History, workspace: Path, elsewhere: Elsewhere, tmp_path: Path, ours: bool
) -> None:
    """Pillow opens no picture with more than a megabyte of it."""
    content = (workspace / paint().image_path).read_bytes() if ours else png(parameters="a ball")
    packed = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(8 << 20)))
    (tmp_path / "a.png").write_bytes(content[:33] + packed + content[33:])
    report = elsewhere.take(tmp_path / "a.png")
    assert report.added == 1
    assert report.reasons == [
        "a.png: 1 of its texts cannot be read, or have more than is kept, and were left out; the picture came in."
    ]
    assert elsewhere.history.verify().files_amiss == ()
    [it] = elsewhere.all()
    assert elsewhere.history.thumbnail_file(it.id).is_file()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_of_two_imports_of_the_same_each_picture_counts_once(
    history: History, paint: Paint, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes in between: after this one has looked, and before it has its row."""
    paint()
    there, write, other = exported(history, tmp_path / "there.zip"), Importer._write, ImportReport()

    def first_the_other(self: Importer, *given) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Importer, "_write", write)
            Importer(elsewhere.history, elsewhere.database).run([(there, "")], other)
        write(self, *given)

    monkeypatch.setattr(Importer, "_write", first_the_other)
    report = elsewhere.take(there)
    assert (report.added + other.added, report.already_here + other.already_here) == (1, 1)
    assert len(elsewhere.all()) == 1
