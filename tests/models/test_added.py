"""Models of the user's own: what a folder is, what is refused, and that nothing is lost."""

import json
import math
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fibo_core.errors import FiboError, InputError, ModelMissing, SettingsError
from fibo_core.models.added import FILE, read_added
from fibo_core.models.catalogue import CATALOGUE, MINI_WEIGHTS, find_model, register
from fibo_core.models.weights import revision_of, weights_folder
from fibo_core.settings import Settings
from fibo_core.work.adapters import add_adapter
from fibo_core.work.models import add_model, remove_model
from tests.models.loopback_hub import LoopbackHub, serve


@pytest.fixture(autouse=True)
def nothing_added():
    yield
    register(())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipeline of FIBO 1's kind."""
    return Path(shutil.copytree(MINI_WEIGHTS, tmp_path / "my weights"))


def at(workspace: Path) -> Settings:
    return Settings.from_environ({"WORKSPACE_DIR": str(workspace)})


def test_an_added_folder_is_a_model_that_survives_a_restart_until_it_is_removed(tmp_path: Path, folder: Path) -> None:
    spec = add_model(at(tmp_path), "Mine", str(folder), steps=12, guidance=2.5, side=256)
    assert (spec.name, spec.family.name, spec.size("1:1")) == ("mine", "fibo1", (256, 256))
    assert spec == find_model("mine")
    register(())
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": "mine"})
    assert settings.fibo_model == "mine"
    assert (find_model("mine").num_inference_steps, find_model("mine").guidance_scale) == (12, 2.5)
    assert weights_folder(find_model("mine"), tmp_path) == folder
    remove_model(settings, "mine")
    assert "mine" not in CATALOGUE
    assert read_added(tmp_path) == ()
    assert folder.is_dir()


def test_fibo_model_may_name_a_folder(tmp_path: Path, folder: Path) -> None:
    """It is called as the folder is."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": str(folder)})
    assert settings.fibo_model == "my-weights"
    assert find_model("my-weights").folder == folder


def test_the_folder_of_fibo_model_stays_in_the_catalogue_while_others_come_and_go(tmp_path: Path, folder: Path) -> None:
    """It is not in the list, and is what paints."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": str(folder)})
    add_model(settings, "other", str(MINI_WEIGHTS), side=256)
    assert find_model("my-weights").folder == folder
    remove_model(settings, "other")
    assert find_model("my-weights").folder == folder
    with pytest.raises(InputError, match="my-weights is the folder that FIBO_MODEL names"):
        remove_model(settings, "my-weights")


def test_a_name_never_means_other_weights_than_fibo_model_names(tmp_path: Path, folder: Path) -> None:
    """Neither by what is added later, nor by a list that another process wrote meanwhile, nor at the next start."""
    environ = {"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": str(folder)}
    settings = Settings.from_environ(environ)
    with pytest.raises(
        InputError, match=r"FIBO_MODEL names a folder that is called 'my-weights': .*my weights\. Choose"
    ):
        add_model(settings, "my-weights", str(MINI_WEIGHTS), side=256)
    add_model(at(tmp_path), "my-weights", str(MINI_WEIGHTS), side=256)
    add_model(settings, "other", str(MINI_WEIGHTS), side=256)
    assert find_model("my-weights").folder == folder
    with pytest.raises(
        SettingsError, match=r"models\.toml calls other weights my-weights too: .*/mini/weights\. Rename"
    ):
        Settings.from_environ(environ)


def test_the_folder_of_fibo_model_may_be_listed_with_defaults_of_its_own(tmp_path: Path, folder: Path) -> None:
    environ = {"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": str(folder)}
    add_model(Settings.from_environ(environ), "my-weights", str(folder), steps=12, side=256)
    assert find_model("my-weights").num_inference_steps == 12
    link = tmp_path / "my-weights"
    link.symlink_to(folder)
    settings = Settings.from_environ({**environ, "FIBO_MODEL": str(link)})
    assert find_model("my-weights").num_inference_steps == 12
    remove_model(settings, "my-weights")
    assert find_model("my-weights").num_inference_steps == 50


def test_models_added_at_the_same_time_are_all_in_the_list(tmp_path: Path, folder: Path) -> None:
    """Each of them reads the list, and writes it with one more."""
    settings, names = at(tmp_path), [f"m{number}" for number in range(8)]
    barrier = threading.Barrier(len(names))

    def add(name: str) -> None:
        barrier.wait()
        add_model(settings, name, str(folder), side=256)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(add, names))
    assert sorted(model.name for model in read_added(tmp_path)) == names
    assert set(names) <= CATALOGUE.keys()


def test_every_shape_of_an_added_model_is_one_that_can_be_painted(tmp_path: Path, folder: Path) -> None:
    for side in (64, 1000, 2048):
        for width, height in add_model(at(tmp_path), f"m{side}", str(folder), side=side).sizes.values():
            assert width % 16 == height % 16 == 0
            assert min(width, height) >= 64


def _no_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def _other_kind(folder: Path) -> None:
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))


def _no_json(folder: Path) -> None:
    (folder / "model_index.json").write_text("<html>")


def _not_whole(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).unlink()


def _null(folder: Path) -> None:
    (folder / "transformer" / "config.json").write_text("null")


def _half_a_config(folder: Path) -> None:
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text()[:20])


def _cut_short(folder: Path) -> None:
    file = next((folder / "vae").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_index, "is no pipeline: it has no model_index.json"),
        (_other_kind, "is a 'FluxPipeline'. Known are BriaFiboPipeline"),
        (_no_json, "names no pipeline. Known are BriaFiboPipeline"),
        (_not_whole, "is a BriaFiboPipeline and not whole"),
        (_null, r"damaged: transformer/config\.json \(it holds no JSON object\)\. Bring that file again"),
        (_half_a_config, r"damaged: scheduler/scheduler_config\.json \(it is no JSON, or cut short\)\. Bring that"),
        (_cut_short, r"is a BriaFiboPipeline and damaged: vae/\S+ \(it has [\d,]+ of [\d,]+ bytes\)\. Bring that file"),
    ],
)
def test_a_folder_that_is_no_model_is_refused_before_anything_is_written(
    tmp_path: Path, folder: Path, spoil, said: str
) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=said):
        add_model(at(tmp_path), "mine", str(folder), side=256)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("name", ["", "auto", "a b", "../x", "MINI", "briaai/FIBO", "é", "x" * 41])
def test_a_name_that_is_none_or_taken_is_refused(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be called|already"):
        add_model(at(tmp_path), name, str(folder), side=256)


def test_a_name_is_given_once(tmp_path: Path, folder: Path) -> None:
    add_model(at(tmp_path), "mine", str(folder), side=256)
    with pytest.raises(InputError, match=r"'mine' already\. Remove it first"):
        add_model(at(tmp_path), "mine", str(folder), side=256)


def test_a_list_that_cannot_be_read_is_a_warning_and_the_studio_starts_without(tmp_path: Path) -> None:
    for text in ("[models", "models = 3", "[models.x]\nsource = 1", '[models.x]\nfamily = "fibo1"\nwhat = 1'):
        (tmp_path / FILE).write_text(text)
        settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path)})
        assert str(tmp_path / FILE) in " ".join(settings.warnings)
        assert settings.fibo_model == "auto"


IMPOSSIBLE = [
    ({"steps": 10**30}, rf"The number of steps is {10**30}\. Choose 1 to 200"),
    ({"steps": -1}, r"The number of steps is -1\. Choose 1 to 200"),
    ({"guidance": 1e9}, r"The guidance is 1e\+09\. Choose 1 to 30"),
    ({"guidance": 0.5}, r"The guidance is 0\.5\. Choose 1 to 30"),
    ({"guidance": math.nan}, r"The guidance is nan\. Choose 1 to 30"),
    ({"guidance": math.inf}, r"The guidance is inf\. Choose 1 to 30"),
]


@pytest.mark.parametrize(("defaults", "said"), IMPOSSIBLE)
def test_defaults_that_no_picture_can_have_are_refused_as_an_order_is(
    tmp_path: Path, folder: Path, defaults: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        add_model(at(tmp_path), "mine", str(folder), **defaults)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        *[(f"{name} = {value}", f"mine: {said}") for given, said in IMPOSSIBLE for name, value in given.items()],
        ("steps = 2.5", r"mine: its steps is 2\.5"),
        ("steps = true", "mine: its steps is True"),
        ('guidance = "3"', "mine: its guidance is '3'"),
        ("guidance = 1" + "0" * 400, "too large to convert to float"),
        ("source = 1", "mine: its source is 1"),
        ("side = 7", r"mine: The side is 7\. Choose 64 to 2048 pixels"),
    ],
)
def test_an_impossible_value_written_by_hand_is_told_with_its_file_and_model(
    tmp_path: Path, entry: str, said: str
) -> None:
    source = "" if entry.startswith("source") else 'source = "/x"'
    (tmp_path / FILE).write_text(f'[models.mine]\nfamily = "fibo1"\n{source}\n{entry}\n')
    with pytest.raises(
        InputError, match=rf"models\.toml holds what is no model: .*{said}\. Mend it, or move it away\."
    ):
        read_added(tmp_path)
    (warning,) = at(tmp_path).warnings
    assert "holds what is no model" in warning


def test_a_folder_that_has_gone_says_so(tmp_path: Path, folder: Path) -> None:
    spec = add_model(at(tmp_path), "mine", str(folder), side=256)
    shutil.rmtree(folder)
    with pytest.raises(ModelMissing, match="Bring that folder back, or remove the model"):
        weights_folder(spec, tmp_path)


def test_weights_of_gigabytes_are_told_apart_without_reading_all_of_them(tmp_path: Path, folder: Path) -> None:
    """Beginning, end and samples between count; so does the size."""
    spec = add_model(at(tmp_path), "mine", str(folder), side=256)
    file = folder / "large.safetensors"
    with file.open("wb") as made:
        made.truncate(300 << 20)
    before = revision_of(spec, folder)
    with file.open("r+b") as changed:
        changed.seek(-1, 2)
        changed.write(b"x")
    assert revision_of(spec, folder) != before


def test_a_repository_is_asked_what_it_is(tmp_path: Path) -> None:
    """One small file tells; one that holds a LoRA alone is no model."""
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "pytorch_lora_weights.safetensors").write_bytes(b"x")
    with serve(LoopbackHub("me/mine", MINI_WEIGHTS, also={"me/lora": lora})) as hub:
        online = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "WORKSPACE_DIR": str(tmp_path)}

        def add(name: str) -> subprocess.CompletedProcess[str]:
            todo = [sys.executable, "-m", "studio", "models", "add", name, f"me/{name}"]
            return subprocess.run(todo, env=online, capture_output=True, text=True, timeout=120, check=False)

        told = add("mine")
        assert told.stderr == ""
        assert told.stdout == "mine is in the catalogue, of the family fibo1.\n"
        assert "me/lora holds no pipeline" in add("lora").stderr
    assert [(model.name, model.source) for model in read_added(tmp_path)] == [("mine", "me/mine")]


@pytest.mark.parametrize("source", ["", "/no/such/folder", "a/b/c", "../x", "https://example.com/x"])
def test_a_source_that_is_neither_folder_nor_repository_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(FiboError, match=r"no folder here|no pipeline"):
        add_model(at(tmp_path), "mine", source, side=256)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("~nobody-of-this-name/x", "there is no home of that user"),
        ("/" + "a" * 5000, "file name too long"),
        ("/" + "a" * 300, "file name too long"),
        ("/\0", "it holds a character that no path can have"),
        ("/\ud800", "it holds a character that no path can have"),
    ],
)
def test_a_path_that_cannot_be_is_told_in_a_sentence_wherever_it_is_typed(
    tmp_path: Path, source: str, reason: str
) -> None:
    """As a model, a LoRA, and in the environment, which names the variable."""
    said = f"cannot be reached on this machine: {reason}\\. Check how it is written"
    for add in (add_model, add_adapter):
        with pytest.raises(InputError, match=said):
            add(at(tmp_path), "mine", source)
    for variable, begins in (("FIBO_MODEL", ":"), ("WORKSPACE_DIR", " names no folder\\.")):
        with pytest.raises(SettingsError, match=f"^{variable}{begins} The path .* {said}"):
            Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), variable: source})


@pytest.mark.parametrize("index", ["[" * 200_000, " " * (5 << 20), None])
def test_a_model_index_of_any_content_and_kind_is_refused_in_a_sentence(
    tmp_path: Path, folder: Path, index: str | None
) -> None:
    """Nested without end, far too large, or a pipe that nobody writes to."""
    file = folder / "model_index.json"
    file.unlink()
    if index is None:
        os.mkfifo(file)
    else:
        file.write_text(index)
    with pytest.raises(InputError, match=r"model_index\.json"):
        add_model(at(tmp_path), "mine", str(folder))


@pytest.mark.parametrize("index", ["[" * 200_000, "[]", None])
def test_an_index_of_weights_of_any_content_and_kind_is_none_of_a_whole_model(
    tmp_path: Path, folder: Path, index: str | None
) -> None:
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    if index is None:
        os.mkfifo(file)
    else:
        file.write_text(index)
    with pytest.raises(InputError, match="not whole"):
        add_model(at(tmp_path), "mine", str(folder))


def test_a_list_of_models_that_nests_without_end_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("models = " + "[" * 200_000)
    with pytest.raises(InputError, match="cannot be read"):
        read_added(tmp_path)
