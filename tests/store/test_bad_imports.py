"""What strangers' zips and folders do: one sentence each, nothing written where it should not be, the rest comes in."""

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from fibo_core.errors import WorkspaceUnwritable
from fibo_core.store import import_sources, zip_reading
from fibo_core.store.history import History
from fibo_core.store.importing import ImportReport
from fibo_core.store.zip_stream import CENTRAL, END, LOCAL

from .conftest import Paint
from .test_importing import Elsewhere, elsewhere, exported, png, zipped

__all__ = ["elsewhere"]


def left_out(report: ImportReport, name: str) -> str:
    """The one sentence about a file."""
    [said] = [reason for reason in report.reasons if name in reason]
    return said


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "C:/evil.png", "a/../../evil.png", "..\\evil.png"])
def test_a_name_that_leads_out_is_left_out_and_written_nowhere(elsewhere: Elsewhere, tmp_path: Path, name: str) -> None:
    before = everything_below(tmp_path)
    report = elsewhere.take(zipped(tmp_path / "a.zip", {name: png(), "good.png": png("red")}))
    assert (report.added, report.left_out) == (1, 1)
    assert "its name leads out of the zip" in left_out(report, "evil.png")
    new = everything_below(tmp_path) - before - {"a.zip"}
    assert all(path.startswith("elsewhere/") for path in new)


def test_a_link_in_a_zip_and_in_a_folder_is_not_followed(elsewhere: Elsewhere, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    report = elsewhere.take(tmp_path / "a.zip", folder)
    assert (report.added, report.left_out) == (0, 3)
    assert report.reasons.count("link.png: it is a link.") == 2
    assert "it is no file" in left_out(report, "pipe.png")


def test_an_entry_that_unpacks_to_more_than_it_says_is_stopped(elsewhere: Elsewhere, tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"bomb.png": bytes(3 << 20), "good.png": png()}, compression=zipfile.ZIP_DEFLATED)
    content = bytearray(bomb.read_bytes())
    place = content.index(b"PK\1\2")
    struct.pack_into("<I", content, place + 24, 1000)  # the size that the directory says
    bomb.write_bytes(content)
    report = elsewhere.take(bomb)
    assert report.added == 1
    assert "it holds more than it says" in left_out(report, "bomb.png")


def test_an_entry_packed_as_no_picture_is_is_not_unpacked(elsewhere: Elsewhere, tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"bomb.png": bytes(30 << 20)}, compression=zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    report = elsewhere.take(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "times its size" in left_out(report, "bomb.png")
    assert peak < 20 << 20


def test_a_zip_that_says_more_than_the_disk_has_is_refused_before_anything_is_written(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_sources.ZipReader, "size", property(lambda self: 10**18))
    with pytest.raises(WorkspaceUnwritable, match=r"unpacks to .* GB"):
        elsewhere.take(zipped(tmp_path / "a.zip", {"good.png": png()}))
    assert not (elsewhere.folder / "outputs").exists()


def test_entries_that_lie_over_one_another_are_refused(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """The bomb without a ratio: ten thousand names for the same bytes."""
    plain = zipped(tmp_path / "plain.zip", {"a.png": png()}).read_bytes()
    start = plain.index(b"PK\1\2")
    head = plain[start : start + CENTRAL.size]
    names = [f"{number:05}.png" for number in range(20)]
    directory = b""
    for name in names:
        entry = bytearray(head)
        struct.pack_into("<H", entry, 28, len(name))
        directory += bytes(entry) + name.encode()
    end = END.pack(b"PK\5\6", 0, 0, len(names), len(names), len(directory), start, 0)
    big = plain[:start].replace(b"a.png", b"a.png")
    (tmp_path / "over.zip").write_bytes(big + directory + end)
    total, length = 20 * len(png()), len(big + directory + end)
    assert total > length
    report = elsewhere.take(tmp_path / "over.zip")
    assert "lie over one another" in report.reasons[0]
    assert report.added == 0


def test_two_files_of_one_name_are_told_and_the_first_is_read(elsewhere: Elsewhere, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", png("red"))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", png("blue"))
    report = elsewhere.take(tmp_path / "a.zip")
    assert report.added == 1
    assert "stands there twice" in left_out(report, "a.png")


def test_an_encrypted_entry_and_a_zip_in_the_zip_are_told(elsewhere: Elsewhere, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"x.png": png()}).read_bytes()
    outer = zipped(tmp_path / "a.zip", {"inner.zip": inner, "secret.png": png(), "good.png": png("red")})
    content = bytearray(outer.read_bytes())
    at = content.rindex(b"secret.png") - CENTRAL.size
    content[at + 8] |= 1
    outer.write_bytes(content)
    report = elsewhere.take(outer)
    assert report.added == 1
    assert "it is a zip in the zip" in left_out(report, "inner.zip")
    assert "it is encrypted" in left_out(report, "secret.png")


def test_of_a_zip_that_was_cut_short_what_stands_whole_comes_in(
    history: History, paint: Paint, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    """As when a pod ended before its export was through."""
    first, second = paint("a ball"), paint("a box", text="a box")
    whole = exported(history, tmp_path / "whole.zip").read_bytes()
    (tmp_path / "short.zip").write_bytes(whole[: whole.index(second.id.encode()) + 60])
    report = elsewhere.take(tmp_path / "short.zip")
    assert report.added == 1
    assert "is cut short" in report.reasons[0]
    assert [it.id for it in elsewhere.all()] == [first.id]


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"PK\5\6" + bytes(10), b"not a zip", b"PK\3\4" + bytes(400)])
def test_what_is_no_zip_is_one_sentence(elsewhere: Elsewhere, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    report = elsewhere.take(tmp_path / "a.zip")
    assert (report.added, report.left_out, len(report.reasons)) == (0, 1, 1)


def test_a_directory_full_of_nonsense_is_one_sentence(elsewhere: Elsewhere, tmp_path: Path) -> None:
    good = zipped(tmp_path / "a.zip", {"a.png": png()}).read_bytes()
    start = good.index(b"PK\1\2")
    for place in range(start, len(good)):
        content = bytearray(good)
        content[place] ^= 0xFF
        (tmp_path / "a.zip").write_bytes(content)
        elsewhere.take(tmp_path / "a.zip")  # raises nothing
    assert len(elsewhere.all()) <= 1


def test_a_zip_of_very_many_entries_is_read_in_little_memory(elsewhere: Elsewhere, tmp_path: Path) -> None:
    count = 100_000
    with (tmp_path / "many.zip").open("wb") as file:
        local = LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 9, 0)
        for number in range(count):
            file.write(local + f"{number:05}.txt".encode())
        start = file.tell()
        for number in range(count):
            at = number * (LOCAL.size + 9)
            file.write(CENTRAL.pack(b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, at))
            file.write(f"{number:05}.txt".encode())
        length = file.tell() - start
        from fibo_core.store.zip_stream import END_64, LOCATOR_64

        end = file.tell()
        file.write(END_64.pack(b"PK\6\6", END_64.size - 12, 45, 45, 0, 0, count, count, length, start))
        file.write(LOCATOR_64.pack(b"PK\6\7", 0, end, 1))
        file.write(END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, length, start, 0))
    tracemalloc.start()
    report = elsewhere.take(tmp_path / "many.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.total, report.done, report.passed_over, report.left_out) == (count, count, count, 0)
    assert peak < 12 << 20


def test_more_entries_than_are_read_and_more_files_than_are_walked_are_told(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_reading, "ENTRIES_MAX", 2)
    monkeypatch.setattr(import_sources, "FILES_MAX", 2)
    folder = tmp_path / "folder"
    folder.mkdir()
    colors = ("red", "green", "blue")
    for color in colors:
        (folder / f"{color}.png").write_bytes(png(color))
    many = zipped(tmp_path / "many.zip", {f"{color}.png": png(color) for color in colors})
    report = elsewhere.take(many, folder)
    assert "at most 2 are read" in report.reasons[0]
    assert "more than 2 files" in report.reasons[1]
    assert report.added == 2


def test_a_sidecar_of_another_program_harms_no_picture(
    history: History, paint: Paint, workspace: Path, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    """It is not read; a picture of ours has its own recipe inside, and another one needs none."""
    picture, folder = paint(), tmp_path / "folder"
    folder.mkdir()
    (folder / "ours.png").write_bytes((workspace / picture.image_path).read_bytes())
    (folder / "ours.json").write_text('{"software": "other", "labels": {"favorite": true}}')
    (folder / "theirs.png").write_bytes(png())
    (folder / "theirs.json").write_text("[1, 2")
    (folder / "notes.txt").write_text("a note")
    report = elsewhere.take(folder)
    assert (report.added, report.left_out, report.passed_over) == (2, 0, 3)
    assert {it.mode for it in elsewhere.all()} == {"generate", "imported"}
    assert not any(it.favorite for it in elsewhere.all())


def test_a_recipe_of_a_newer_studio_is_told_and_the_rest_comes_in(elsewhere: Elsewhere, tmp_path: Path) -> None:
    newer = png(**{"fibo-studio": '{"format": "fibo-studio/9", "id": "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"}'})
    report = elsewhere.take(zipped(tmp_path / "a.zip", {"newer.png": newer, "good.png": png()}))
    assert report.added == 1
    assert "newer version of FIBO Studio" in left_out(report, "newer.png")


def test_damaged_pictures_texts_under_pictures_names_and_large_ones_are_told(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = png(size=(300, 300), color="red")
    monkeypatch.setattr(import_sources, "BYTES_MAX", 1 << 20)
    files = {
        "cut.png": whole[: len(whole) // 2],
        "page.png": b"<html>Not found</html>",
        "empty.jpg": b"",
        "large.png": os.urandom(2 << 20),
        "phone.heic": b"\0\0\0\x18ftypheic" + bytes(40),
        "good.png": png(),
    }
    report = elsewhere.take(zipped(tmp_path / "a.zip", files))
    assert (report.added, report.left_out, len(report.reasons)) == (1, 5, 5)
    assert "HEIC" in left_out(report, "phone.heic")
    assert "at most 1 are read" in left_out(report, "large.png")
    assert not list(elsewhere.folder.rglob("*.part"))


def test_a_picture_of_two_hundred_megapixels_is_refused_before_it_is_decoded(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(buffer, "PNG")
    (tmp_path / "huge.png").write_bytes(buffer.getvalue())
    del buffer
    tracemalloc.start()
    report = elsewhere.take(tmp_path / "huge.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "at most 50 megapixels are opened" in left_out(report, "huge.png")
    assert peak < 8 << 20


def test_names_of_any_script_are_told_on_one_line(elsewhere: Elsewhere, tmp_path: Path) -> None:
    names = ["狐.png", "שלום.png", "a\nb.png", "🦊" * 300 + ".png"]
    report = elsewhere.take(zipped(tmp_path / "a.zip", dict.fromkeys(names, b"no picture")))
    assert (report.left_out, len(report.reasons)) == (4, 4)
    assert all(reason.isprintable() and len(reason) < 500 for reason in report.reasons)
