"""Pictures that orders bring: kept once by content, found as long as somebody needs them."""

import os
import time
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from fibo_core.errors import InputGone, PictureError, StoreError, WorkspaceUnwritable
from fibo_core.store.inputs import Inputs, open_input

from .pictures import fill


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


NOISE = Image.effect_noise((300, 200), 80).convert("RGB")


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


def stored(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "inputs").iterdir())


def aged(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_the_same_picture_given_twice_is_one_file_named_after_its_bytes(inputs, tmp_path):
    """From bytes and from a file; the name is the hash of what is stored, and the pixels are the picture's own."""
    (tmp_path / "noise.png").write_bytes(encoded(NOISE))
    name = inputs.keep(encoded(NOISE))
    assert inputs.keep(tmp_path / "noise.png") == name
    assert stored(tmp_path) == [f"{name}.png"]
    path = inputs.path(name, verified=True)
    assert path.is_absolute()
    assert sha256(path.read_bytes()).hexdigest() == name
    with Image.open(path) as kept:
        assert (kept.mode, kept.tobytes()) == ("RGB", NOISE.tobytes())


def test_a_large_picture_is_kept_at_its_full_size(inputs):
    """What is edited later are the source's own pixels; only what a writer looks at is scaled down."""
    large = Image.linear_gradient("L").resize((3000, 2100)).convert("RGB")
    with Image.open(inputs.path(inputs.keep(encoded(large)))) as kept:
        assert kept.tobytes() == large.tobytes()


def test_transparency_is_kept_and_an_opaque_picture_is_plain_rgb(inputs):
    """A fourth channel that says nothing is not stored: the picture is the same as one without."""
    half = NOISE.convert("RGBA")
    half.paste((0, 0, 0, 0), (0, 0, 150, 200))
    with Image.open(inputs.path(inputs.keep(encoded(half)))) as kept:
        assert (kept.mode, kept.tobytes()) == ("RGBA", half.tobytes())
    assert inputs.keep(encoded(NOISE.convert("RGBA"))) == inputs.keep(encoded(NOISE))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_picture_is_kept_upright_however_the_phone_was_held(inputs, orientation):
    """Turned a few rows at a time, as Pillow turns the whole."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(NOISE, exif=exif)
    with Image.open(BytesIO(data)) as original, Image.open(inputs.path(inputs.keep(data))) as kept:
        assert kept.tobytes() == ImageOps.exif_transpose(original).tobytes()
        assert not kept.getexif()


def test_an_input_that_is_gone_and_a_name_that_is_none_are_one_sentence(inputs):
    """Whoever asks gives the picture again."""
    for name in ("0" * 64, "../studio.db", ""):
        with pytest.raises(InputGone, match=r"is not there any more\. Give it again"):
            inputs.path(name)


def test_a_damaged_input_is_noticed_where_it_is_read_and_mended_by_giving_it_again(inputs):
    """A changed byte is not painted from; the same picture given again replaces the file."""
    name = inputs.keep(encoded(NOISE))
    content = bytearray(inputs.path(name).read_bytes())
    content[len(content) // 2] ^= 1
    inputs.path(name).write_bytes(content)
    for read in (lambda: inputs.path(name, verified=True), lambda: open_input(inputs.path(name))):
        with pytest.raises(PictureError, match="is damaged"):
            read()
    assert inputs.keep(encoded(NOISE)) == name
    assert inputs.path(name, verified=True)


def test_a_sweep_takes_what_nobody_refers_to_and_nothing_that_is_young_or_not_ours(inputs, tmp_path):
    """An upload whose order is not placed yet stays for an hour, and longer once it is given again."""
    used, old, young, again = (
        inputs.keep(encoded(Image.new("RGB", (8, 8), color))) for color in ("red", "blue", "lime", "tan")
    )
    (tmp_path / "inputs" / "notes.png").write_bytes(b"a user's own")
    for path in (tmp_path / "inputs").iterdir():
        aged(path, 7200)
    aged(inputs.path(young), 60)
    inputs.keep(encoded(Image.new("RGB", (8, 8), "tan")))
    assert inputs.sweep({used}) == 1
    assert stored(tmp_path) == sorted([f"{used}.png", f"{young}.png", f"{again}.png", "notes.png"])
    with pytest.raises(InputGone):
        inputs.path(old)


def test_a_sweep_of_a_workspace_without_inputs_finds_nothing(inputs, tmp_path):
    """And what a killed process left half written goes with the next one."""
    assert inputs.sweep([]) == 0
    inputs.keep(encoded(NOISE))
    (tmp_path / "inputs" / "new.12345678.part").write_bytes(b"half")
    inputs.sweep([])
    assert len(stored(tmp_path)) == 1


def test_a_file_that_is_no_picture_leaves_nothing_behind(inputs, tmp_path):
    with pytest.raises(PictureError, match="it is text, and begins with “hello”"):
        inputs.keep(b"hello")
    assert not (tmp_path / "inputs").exists()


def test_a_workspace_that_is_not_there_is_said_and_not_made(tmp_path):
    """A volume that is not mounted is not filled underneath."""
    with pytest.raises(WorkspaceUnwritable, match="Is its volume mounted"):
        Inputs(tmp_path / "absent").keep(encoded(NOISE))
    assert not (tmp_path / "absent").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_one_sentence(inputs, tmp_path):
    name = inputs.keep(encoded(NOISE))
    (tmp_path / "inputs").chmod(0)
    try:
        with pytest.raises(StoreError, match="cannot be read"):
            inputs.path(name)
        with pytest.raises(StoreError, match="cannot be tidied up"):
            inputs.sweep([])
        with pytest.raises(WorkspaceUnwritable):
            inputs.keep(encoded(NOISE))
    finally:
        (tmp_path / "inputs").chmod(0o755)


def test_an_inputs_file_instead_of_a_folder_is_one_sentence(inputs, tmp_path):
    """Also where everything may be read."""
    (tmp_path / "inputs").write_bytes(b"")
    with pytest.raises(InputGone):
        inputs.path("0" * 64)
    with pytest.raises(StoreError, match="cannot be tidied up"):
        inputs.sweep([])
    with pytest.raises(WorkspaceUnwritable):
        inputs.keep(encoded(NOISE))


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(small_disk):
    """Once there is room, the same picture is kept."""
    filler = fill(small_disk)
    with pytest.raises(WorkspaceUnwritable, match="is full"):
        Inputs(small_disk).keep(encoded(NOISE))
    assert not [path for path in small_disk.rglob("*") if path.is_file() and path != filler]
    filler.unlink()
    inputs = Inputs(small_disk)
    assert inputs.path(inputs.keep(encoded(NOISE)), verified=True)
