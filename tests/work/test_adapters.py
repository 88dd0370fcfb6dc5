"""LoRAs of the workspace: put there from a file, a folder and a repository, checked before, and told what they fit."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fibo_core.engine.fibo import FiboEngine
from fibo_core.errors import FiboError, InputError, RequestError
from fibo_core.models.catalogue import MINI_WEIGHTS
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.work.adapters import USUAL, AdapterUse, adapter_use, adapters_here, add_adapter, remove_adapter
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt
from tests.engine.test_adapters import write_lora, write_lora_of_mini
from tests.models.loopback_hub import LoopbackHub, serve
from tests.work.desks import Studio


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of mini's, alone in a folder, as diffusers saves it."""
    return write_lora_of_mini(tmp_path_factory.mktemp("lora") / USUAL)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "workspace").mkdir()
    return Settings.from_environ({"WORKSPACE_DIR": str(tmp_path / "workspace")})


def test_a_file_is_copied_and_fits_mini(settings: Settings, lora: Path) -> None:
    assert adapters_here(settings) == []
    added = add_adapter(settings, "sepia", str(lora))
    assert (added.name, added.fits, added.fault) == ("sepia", ("mini",), "")
    assert (settings.workspace_dir / "adapters" / "sepia.safetensors").read_bytes() == lora.read_bytes()
    assert adapters_here(settings) == [added]
    assert lora.is_file()


def test_a_folder_holds_the_usual_file_or_one_of_any_name(settings: Settings, lora: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    shutil.copy(lora, others / "ink.safetensors")
    assert add_adapter(settings, "one", str(lora.parent)).fits == ("mini",)
    assert add_adapter(settings, "two", str(others)).fits == ("mini",)
    shutil.copy(lora, others / "wash.safetensors")
    with pytest.raises(InputError, match=r"there: ink\.safetensors, wash\.safetensors"):
        add_adapter(settings, "three", str(others))


def test_one_that_fits_nothing_here_says_so(settings: Settings, tmp_path: Path) -> None:
    """It may be another model's, which comes later."""
    import torch

    file = write_lora(tmp_path / "x.safetensors", {
        "transformer.layers.0.attention.to_q.lora_A.weight": torch.zeros(2, 64),
        "transformer.layers.0.attention.to_q.lora_B.weight": torch.zeros(64, 2),
    })  # fmt: skip
    assert add_adapter(settings, "other", str(file)).fits == ()


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", "x" * 81])
def test_a_name_that_cannot_be_a_files_is_refused(settings: Settings, lora: Path, name: str) -> None:
    with pytest.raises(InputError, match="An adapter cannot be called"):
        add_adapter(settings, name, str(lora))
    assert adapters_here(settings) == []


def test_a_name_is_given_once_and_what_is_there_stays(settings: Settings, lora: Path) -> None:
    add_adapter(settings, "sepia", str(lora))
    with pytest.raises(InputError, match="an adapter called sepia already"):
        add_adapter(settings, "sepia", str(lora))
    assert [each.name for each in adapters_here(settings)] == ["sepia"]


def test_of_several_added_as_one_at_the_same_time_one_is_taken_and_the_others_are_told(
    settings: Settings, lora: Path, tmp_path: Path
) -> None:
    """Nobody is told that a file is here whose place another's has."""
    files = [lora, *(write_lora_of_mini(tmp_path / f"{seed}.safetensors", seed=seed) for seed in range(1, 6))]
    for number, file in enumerate(files):  # whose numbers are read only once
        add_adapter(settings, f"x{number}", str(file))
    barrier = threading.Barrier(len(files))

    def add(file: Path) -> str:
        barrier.wait()
        try:
            add_adapter(settings, "sepia", str(file))
        except InputError as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(len(files)) as pool:
        told = list(pool.map(add, files))
    assert told.count("") == 1
    assert set(told) == {"", "There is an adapter called sepia already. Remove it first, or choose another name."}
    taken = files[told.index("")]
    assert (settings.workspace_dir / "adapters" / "sepia.safetensors").read_bytes() == taken.read_bytes()


def test_what_is_no_lora_is_refused_and_nothing_is_copied(settings: Settings, lora: Path, tmp_path: Path) -> None:
    cut, text = tmp_path / "cut.safetensors", tmp_path / "text.safetensors"
    cut.write_bytes(lora.read_bytes()[:-1])
    text.write_text("<html>")
    whole_model = MINI_WEIGHTS / "transformer" / "diffusion_pytorch_model.safetensors"
    for file, said in ((cut, "cut short"), (text, "cut short"), (whole_model, "holds no LoRA")):
        with pytest.raises(RequestError, match=said):
            add_adapter(settings, "bad", str(file))
    for source in ("", "/no/such/file", "a/b/c"):
        with pytest.raises(FiboError, match=r"no file or folder here|has to hold"):
            add_adapter(settings, "bad", source)
    assert adapters_here(settings) == []


def test_a_file_that_was_spoilt_in_its_place_is_listed_with_its_fault(settings: Settings, lora: Path) -> None:
    add_adapter(settings, "sepia", str(lora))
    file = settings.workspace_dir / "adapters" / "sepia.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    (adapter,) = adapters_here(settings)
    assert "sepia.safetensors is no safetensors file, or is cut short" in adapter.fault


def painted_with(idle: Studio, settings: Settings, lora: Path) -> Batch:
    """A job in the queue that paints with sepia, which is here."""
    add_adapter(settings, "sepia", str(lora))
    prompt = StructuredPrompt.from_dict({"short_description": "a red ball"})
    order = Order(kind="generate", written=WrittenPrompt(prompt), size=(64, 64), steps=2, seed=7, adapters=("sepia",))
    return idle.desk.place(order)


@pytest.fixture
def room(tmp_path: Path, lora: Path) -> Iterator[tuple[Studio, Settings]]:
    """A studio whose worker has not begun, and whose engine has the LoRAs of its workspace."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path)})
    studio = Studio(tmp_path, FiboEngine("mini", hub_cache=tmp_path / "hub", adapters=tmp_path / "adapters"))
    yield studio, settings
    studio.queue.stop()
    studio.database.close()


def test_one_that_a_job_waits_for_stays_and_one_of_stored_pictures_goes_and_says_so(
    room: tuple[Studio, Settings], lora: Path
) -> None:
    """The picture stays with its recipe, painting it again names the LoRA that is missing, and the same file brings
    it back."""
    studio, settings = room
    batch = painted_with(studio, settings, lora)
    with pytest.raises(InputError, match=r"sepia is in use\. 1 job in the queue paints with it\. Cancel what waits"):
        remove_adapter(settings, studio.database, "sepia")
    assert [each.name for each in adapters_here(settings)] == ["sepia"]
    studio.queue.start()
    (id,) = studio.desk.wait(batch.id, 120).generation_ids
    use = remove_adapter(settings, studio.database, "sepia")
    assert (use.jobs, use.pictures) == (0, 1)
    assert use.sentence == (
        "1 picture was painted with it: it stays, and cannot be painted again until the same file is added under this "
        "name."
    )
    assert adapters_here(settings) == []
    picture = studio.tools.history.get(id)
    assert picture.request.adapters[0].startswith("sepia@")
    with pytest.raises(RequestError, match=r"the adapter sepia, which is not in .* any more\. Add the same file"):
        studio.desk.again(id)
    add_adapter(settings, "sepia", str(lora))
    again = studio.desk.wait(studio.desk.again(id).id, 120).again
    assert again is not None
    assert again.same


def test_one_that_waits_to_be_painted_again_counts_as_in_use_and_a_name_that_begins_alike_does_not(
    room: tuple[Studio, Settings], lora: Path
) -> None:
    studio, settings = room
    batch = painted_with(studio, settings, lora)
    studio.queue.start()
    (id,) = studio.desk.wait(batch.id, 120).generation_ids
    studio.queue.stop()
    studio.desk.again(id)
    assert adapter_use(studio.database, "sepia") == AdapterUse(1, 1)
    for other in ("sep", "epia", "Sepia", "sepia2", "_epia"):
        assert adapter_use(studio.database, other) == AdapterUse(0, 0), other


def test_one_that_a_job_asks_for_as_a_recipe_has_it_counts_too(room: tuple[Studio, Settings], lora: Path) -> None:
    studio, settings = room
    add_adapter(settings, "sepia", str(lora))
    (recorded,) = studio.tools.engine.adapters("mini", ("sepia:0.5",))
    prompt = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    studio.desk.place(Order(kind="generate", written=prompt, steps=2, seed=7, adapters=(recorded,)))
    assert adapter_use(studio.database, "sepia") == AdapterUse(1, 0)


def test_what_is_not_here_cannot_be_removed(room: tuple[Studio, Settings], lora: Path) -> None:
    studio, settings = room
    add_adapter(settings, "sepia", str(lora))
    for name in ("nobody", "../sepia", "", "sepia.safetensors"):
        with pytest.raises(InputError, match=r"no adapter called .* to remove \(there: sepia\)"):
            remove_adapter(settings, studio.database, name)
    assert [each.name for each in adapters_here(settings)] == ["sepia"]


def test_a_repository_gives_its_lora_and_the_command_line_lists_it(tmp_path: Path, lora: Path) -> None:
    with serve(LoopbackHub("me/lora", lora.parent, also={"me/model": MINI_WEIGHTS})) as hub:
        online = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "WORKSPACE_DIR": str(tmp_path)}

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            todo = [sys.executable, "-m", "studio", "adapters", *words]
            return subprocess.run(todo, env=online, capture_output=True, text=True, timeout=120, check=False)

        added = run("add", "sepia", "me/lora")
        assert (added.stderr, added.stdout) == ("", "sepia is here: fits mini.\n")
        refused = run("add", "model", "me/model")
        assert refused.returncode == 2
        assert f"me/model holds no {USUAL}" in refused.stderr
        assert [each["name"] for each in json.loads(run("list", "--json").stdout)] == ["sepia"]
        assert "fits mini" in run("list").stdout
        assert run("remove", "sepia").stdout == "sepia is no longer here.\n"
        assert json.loads(run("list", "--json").stdout) == []
        twice = run("remove", "sepia")
        assert (twice.returncode, twice.stderr) == (2, "There is no adapter called 'sepia' to remove (there: none).\n")
