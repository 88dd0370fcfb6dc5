"""Where weights lie, whether they are whole, and which they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fibo_core.errors import ModelMissing
from fibo_core.models.catalogue import MINI_WEIGHTS, find_model
from fibo_core.models.weights import downloaded, revision_of, weights_folder

FIBO, MINI = find_model("fibo"), find_model("mini")


def a_snapshot(hub: Path, commit: str, *, is_main: bool = True) -> Path:
    """A pipeline's files where the hub's library puts them."""
    storage = hub / "models--briaai--FIBO"
    folder = storage / "snapshots" / commit
    shutil.copytree(MINI_WEIGHTS, folder)
    if is_main:
        (storage / "refs").mkdir(exist_ok=True)
        (storage / "refs" / "main").write_text(commit)
    return folder


def test_a_whole_snapshot_is_found_and_its_commit_is_the_revision(tmp_path: Path) -> None:
    """The hub's cache as its library leaves it."""
    folder = a_snapshot(tmp_path, "c0ffee")
    assert weights_folder(FIBO, tmp_path) == folder
    assert revision_of(FIBO, folder) == "c0ffee"


@pytest.mark.parametrize(
    "missing",
    [
        "model_index.json",
        "tokenizer/tokenizer.json",
        "vae/config.json",
        "text_encoder/model.safetensors",
        "transformer/diffusion_pytorch_model.safetensors",
    ],
)
def test_half_a_download_is_no_model(tmp_path: Path, missing: str) -> None:
    """Any one file that is not there yet."""
    (a_snapshot(tmp_path, "c0ffee") / missing).unlink()
    assert downloaded(FIBO, tmp_path) is None
    with pytest.raises(ModelMissing, match="Download them"):
        weights_folder(FIBO, tmp_path)


def test_weights_in_several_files_are_whole_with_the_last_of_them(tmp_path: Path) -> None:
    """Large models come in shards that an index names."""
    transformer = a_snapshot(tmp_path, "c0ffee") / "transformer"
    shards = ["diffusion-00001-of-00002.safetensors", "diffusion-00002-of-00002.safetensors"]
    (transformer / "diffusion_pytorch_model.safetensors").rename(transformer / shards[0])
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    (transformer / "diffusion.safetensors.index.json").write_text(json.dumps(index))
    assert downloaded(FIBO, tmp_path) is None
    (transformer / shards[1]).write_bytes(b"")
    assert downloaded(FIBO, tmp_path) is not None


def test_a_half_fetched_update_leaves_the_model_before_it_in_use(tmp_path: Path) -> None:
    """The hub's library names the new commit first and fetches its files afterwards."""
    old = a_snapshot(tmp_path, "01d")
    new = a_snapshot(tmp_path, "fe3")
    (new / "model_index.json").unlink()
    assert downloaded(FIBO, tmp_path) == old


def test_an_empty_cache_has_no_model(tmp_path: Path) -> None:
    """Nor has one that does not exist."""
    assert downloaded(FIBO, tmp_path / "nothing") is None


def test_a_folders_revision_follows_its_contents(tmp_path: Path) -> None:
    """A copy has the same; one changed byte, or another name, gives another."""
    copy = tmp_path / "copy"
    shutil.copytree(MINI_WEIGHTS, copy)
    spec = replace(MINI, folder=copy)
    first = revision_of(spec, copy)
    assert first == revision_of(MINI, MINI_WEIGHTS)
    assert len(first) == 16

    file = copy / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    second = revision_of(spec, copy)
    assert second != first
    (copy / "scheduler" / "scheduler_config.json").rename(copy / "scheduler" / "renamed.json")
    assert revision_of(spec, copy) not in (first, second)


def test_embedded_weights_that_are_gone_say_where_they_come_from(tmp_path: Path) -> None:
    """A checkout without them."""
    with pytest.raises(ModelMissing, match="come with the program"):
        weights_folder(replace(MINI, folder=tmp_path), tmp_path)
