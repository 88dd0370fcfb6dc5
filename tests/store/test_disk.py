"""Files on a real disk: whole or not there, and one sentence when the disk refuses."""

import fcntl

import pytest

from fibo_core.errors import WorkspaceUnwritable
from fibo_core.store.disk import filesystem_of, remove_leftovers, write_cache_file, write_files

from .pictures import fill

MOUNTINFO = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:20 / /proc rw - proc proc rw
30 21 0:40 / /workspace rw,relatime - fuse mfs#master:9421 rw
31 30 8:2 / /workspace/fast rw - xfs /dev/sdb1 rw
32 21 0:41 / /my\040disk rw shared:7 master:2 - nfs4 server:/export rw
33 21 0:42 / /twice rw - ext4 /dev/sdc1 rw
34 33 0:43 / /twice rw - cifs //server/share rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me", "ext4"),
        ("/workspace/studio.db", "fuse"),
        ("/workspacepeople", "ext4"),
        ("/workspace/fast/deep/down", "xfs"),
        ("/my disk/pictures", "nfs4"),
        ("/twice", "cifs"),
    ],
)
def test_the_filesystem_of_a_path_is_that_of_the_nearest_mount(path, kind, tmp_path):
    """The longest mount point that holds the path counts, and of several there the last."""
    assert filesystem_of(tmp_path.__class__(path), MOUNTINFO) == kind


def test_files_appear_whole_and_nothing_else_is_left(tmp_path):
    """Folders are made on the way, and no half-written name remains."""
    folder = tmp_path / "outputs" / "2026" / "05"
    write_files(tmp_path, folder, {"a.png": b"picture", "a.json": b"{}"}, "The picture")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"a.png": b"picture", "a.json": b"{}"}


def test_a_volume_that_is_not_mounted_is_not_filled_underneath(tmp_path):
    """Without its root nothing is written; the cache alone may be made anew."""
    with pytest.raises(WorkspaceUnwritable, match="Is its volume mounted"):
        write_files(tmp_path / "volume", tmp_path / "volume" / "outputs", {"a": b""}, "The picture")
    assert not (tmp_path / "volume").exists()
    write_cache_file(tmp_path / "cache", tmp_path / "cache" / "thumbs" / "a", b"small", "The thumbnail")
    assert (tmp_path / "cache" / "thumbs" / "a").read_bytes() == b"small"


def test_leftovers_of_dead_processes_go_and_files_being_written_stay(tmp_path):
    """A lock tells the two apart."""
    dead, alive, picture = tmp_path / "a.png.1.part", tmp_path / "b.png.2.part", tmp_path / "c.png"
    for file in (dead, alive, picture):
        file.write_bytes(b"half")
    with alive.open("wb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert remove_leftovers(tmp_path) == 1
        assert sorted(tmp_path.iterdir()) == [alive, picture]
    assert remove_leftovers(tmp_path) == 1


def test_a_full_disk_gives_one_sentence_and_leaves_nothing_behind(small_disk):
    """All of the files or none; with room again, the same write succeeds."""
    filler = fill(small_disk, leave=150_000)
    files = {"a.png": b"x" * 100_000, "a.json": b"x" * 100_000}
    with pytest.raises(
        WorkspaceUnwritable, match=r"The picture could not be written: the disk .* is full \(0\.\d MB free"
    ):
        write_files(small_disk, small_disk / "outputs", files, "The picture")
    assert list((small_disk / "outputs").iterdir()) == []
    filler.unlink()
    write_files(small_disk, small_disk / "outputs", files, "The picture")
