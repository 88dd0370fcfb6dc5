"""Which device, and who has it: decided from what is there, said in a sentence where nothing fits."""

import threading
from pathlib import Path

import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.engine.placement import (
    Occupied,
    Placement,
    SharedDevice,
    choose,
    choose_for_writer,
    painter_bytes,
    writer_bytes,
)
from fibo_core.errors import Cancelled, OutOfMemory
from fibo_core.models import device
from fibo_core.models.catalogue import FIBO_VLM, MINI_WEIGHTS, find_model
from fibo_core.models.plans import CARDS_GIB, CUDA_GB, GB, GIB, plan_for

FIBO, MINI = find_model("fibo"), find_model("mini")


@pytest.fixture
def fibo_folder(tmp_path: Path) -> Path:
    """Files of the size of FIBO's (and holding nothing): 22.5 GiB in all, 15.4 the largest."""
    folder = tmp_path / "fibo"
    for component, gib in (("transformer", 15.43), ("text_encoder", 5.73), ("vae", 1.31)):
        (folder / component).mkdir(parents=True)
        with (folder / component / "model.safetensors").open("wb") as file:
            file.truncate(int(gib * 2**30))
    return folder


def a_gpu(monkeypatch: pytest.MonkeyPatch, free_gb: float, total_gb: float) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Test")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free_gb * GB), int(total_gb * GB)))


@pytest.mark.parametrize("card_gib", CARDS_GIB)
def test_what_is_foretold_of_a_card_is_what_is_chosen_on_it(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch, card_gib: int
) -> None:
    """The figures before anything is fetched, and those of the files, on a card with nothing else."""
    card = card_gib * GIB / GB
    a_gpu(monkeypatch, card - CUDA_GB, card)
    plan = plan_for("fibo", card, None)
    if plan is None:
        with pytest.raises(OutOfMemory):
            choose(FIBO, fibo_folder)
    else:
        assert choose(FIBO, fibo_folder).offload == plan.how.startswith("part by part")


@pytest.mark.parametrize(("free_gb", "offload"), [(44.0, False), (30.0, False), (24.0, True)])
def test_a_gpu_holds_all_of_fibo_or_its_parts_in_turn(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch, free_gb: float, offload: bool
) -> None:
    """By what is free on it now."""
    a_gpu(monkeypatch, free_gb, 48)
    assert choose(FIBO, fibo_folder) == Placement("cuda", "cuda: NVIDIA Test", "bfloat16", offload)


def test_a_gpu_in_use_by_others_is_told_from_one_too_small(fibo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first may be worth waiting for."""
    a_gpu(monkeypatch, 10, 48)
    with pytest.raises(Occupied, match=r"10\.0 of the 48 GB"):
        choose(FIBO, fibo_folder)
    a_gpu(monkeypatch, 11.5, 12)
    with pytest.raises(OutOfMemory, match="has 12 GB") as caught:
        choose(FIBO, fibo_folder)
    assert not isinstance(caught.value, Occupied)


def test_without_a_gpu_mini_runs_on_the_cpu_and_fibo_only_with_much_memory(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel would end the studio long before 22.5 GiB in float32 were read."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "available_memory", lambda: 16 * GB)
    assert choose(MINI, MINI_WEIGHTS) == Placement("cpu", "cpu", "float32")
    with pytest.raises(OutOfMemory, match=r"16\.0 GB are free"):
        choose(FIBO, fibo_folder)


@pytest.fixture
def vlm_folder(tmp_path: Path) -> Path:
    """A file of the size of FIBO-vlm's weights, 8.9 GB."""
    folder = tmp_path / "vlm"
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(int(8.9 * GB))
    return folder


def test_the_writer_takes_a_gpu_that_holds_it_whole(vlm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller one, or none, is said in a sentence."""
    import torch

    a_gpu(monkeypatch, 12, 16)
    assert choose_for_writer(FIBO_VLM, vlm_folder) == Placement("cuda", "cuda: NVIDIA Test", "bfloat16")
    a_gpu(monkeypatch, 8, 16)
    with pytest.raises(OutOfMemory, match=r"10\.9 GB of GPU memory, and 8\.0 of the 16 GB"):
        choose_for_writer(FIBO_VLM, vlm_folder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OutOfMemory, match="needs a CUDA GPU"):
        choose_for_writer(FIBO_VLM, vlm_folder)


class Guest:
    """A model on the card: busy until told otherwise."""

    def __init__(self, device: SharedDevice, *, busy: bool = False) -> None:
        self.device, self.busy, self.asked = device, busy, 0

    def move_out(self) -> bool:
        self.asked += 1
        if not self.busy:
            self.device.release_share(self)
        return not self.busy


@pytest.mark.parametrize(("card_gb", "painter_stays"), [(48, True), (40, True), (32, False), (24, False)])
def test_fibo_and_its_writer_stay_together_where_the_card_is_large_enough(
    fibo_folder: Path, vlm_folder: Path, card_gb: float, painter_stays: bool
) -> None:
    """From 40 GB on, by computed figures; below that they take turns."""
    device, cancel = SharedDevice(lambda: card_gb * GB), CancelFlag()
    painter, writer = Guest(device), Guest(device)
    with device.arrival(painter, painter_bytes(FIBO, fibo_folder, device.memory()), cancel):
        pass
    with device.arrival(writer, writer_bytes(FIBO_VLM, vlm_folder), cancel):
        pass
    assert (device.has(painter), device.has(writer)) == (painter_stays, True)
    assert painter.asked == (0 if painter_stays else 1)


def test_who_works_is_not_sent_away_but_waited_for_until_a_cancel() -> None:
    """And who gave up waiting has no share."""
    device, flag = SharedDevice(lambda: 10.0), CancelFlag()
    painter, writer = Guest(device, busy=True), Guest(device)
    with device.arrival(painter, 8, CancelFlag()):
        pass
    threading.Timer(0.3, flag.cancel).start()
    with pytest.raises(Cancelled), device.arrival(writer, 8, flag):
        pytest.fail("There was no room.")
    assert (device.has(painter), device.has(writer)) == (True, False)
    painter.busy = False
    with device.arrival(writer, 8, CancelFlag()):
        assert (device.has(painter), device.has(writer)) == (False, True)


def test_a_model_that_failed_to_load_has_no_share() -> None:
    """The other one need not make room for it."""
    writer = Guest(device := SharedDevice(lambda: 10.0))

    def load() -> None:
        with device.arrival(writer, 8, CancelFlag()):
            raise OutOfMemory("none left")

    with pytest.raises(OutOfMemory):
        load()
    assert not device.has(writer)


def test_they_load_one_after_the_other() -> None:
    """Two models that load at once would each count on the memory the other is taking."""
    device, cancel = SharedDevice(lambda: 100.0), CancelFlag()
    first, second = Guest(device), Guest(device)
    loaded = threading.Event()

    def load_second() -> None:
        with device.arrival(second, 8, cancel):
            loaded.set()

    with device.arrival(first, 8, cancel):
        thread = threading.Thread(target=load_second)
        thread.start()
        assert not loaded.wait(0.3)
    thread.join()
    assert device.has(second)
