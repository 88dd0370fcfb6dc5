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
    next_below,
    painter_bytes,
    writer_bytes,
)
from fibo_core.errors import Cancelled, ModelLoadFailed, OutOfMemory
from fibo_core.models import device, plans
from fibo_core.models.catalogue import FIBO_VLM, MINI_WEIGHTS, find_model
from fibo_core.models.plans import CARDS_GIB, CUDA_GB, GB, GIB, Wish, plan_for

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


def a_gpu(
    monkeypatch: pytest.MonkeyPatch,
    free_gb: float,
    total_gb: float,
    *,
    main_gb: float = 64.0,
    capability: tuple[int, int] = (8, 6),
    libraries: frozenset[str] = frozenset(),
) -> None:
    """What torch and the machine say of a card that is not here."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Test")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free_gb * GB), int(total_gb * GB)))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(plans, "main_memory_gb", lambda: main_gb)
    monkeypatch.setattr(plans, "libraries_here", lambda: libraries)


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
        assert choose(FIBO, fibo_folder).hold == plan.hold


@pytest.mark.parametrize(
    ("free_gb", "hold", "where", "batch"),
    [
        (47.0, "card", "cuda: NVIDIA Test", 4),
        (33.0, "card", "cuda: NVIDIA Test", 2),
        (30.0, "card", "cuda: NVIDIA Test", 1),
        (24.0, "parts", "cuda: NVIDIA Test, part by part", 1),
        (12.0, "pieces", "cuda: NVIDIA Test, piece by piece", 2),
    ],
)
def test_a_gpu_holds_all_of_fibo_or_its_parts_in_turn_or_pieces(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch, free_gb: float, hold: str, where: str, batch: int
) -> None:
    """By what is free on it now; the pixels are the same in each."""
    a_gpu(monkeypatch, free_gb, 48)
    place = choose(FIBO, fibo_folder)
    assert (place.hold, place.where, place.batch, place.how) == (hold, where, batch, "bfloat16")


@pytest.mark.parametrize(
    ("wish", "capability", "libraries", "how"),
    [
        (Wish(precision="fp8"), (8, 9), (), "fp8"),
        (Wish(precision="int8"), (8, 0), ("torchao",), "int8"),
        (Wish(precision="nf4"), (8, 0), ("bitsandbytes",), "nf4"),
        (Wish(hold="pieces"), (8, 0), (), "bfloat16"),
    ],
)
def test_what_is_wished_for_is_what_is_chosen(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch, wish: Wish, capability, libraries, how: str
) -> None:
    """Of a card that would hold it otherwise, too; computed in bfloat16 all the same."""
    a_gpu(monkeypatch, 47, 48, capability=capability, libraries=frozenset(libraries))
    place = choose(FIBO, fibo_folder, wish=wish)
    assert (place.how, place.dtype, wish.hold in ("auto", place.hold)) == (how, "bfloat16", True)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            Wish(precision="nf4"),
            r"FIBO_PRECISION nf4, which .*: bitsandbytes is not installed \(pip install bitsandbytes",
        ),
        (Wish(precision="fp8"), r"needs a card of compute capability 8\.9 or more"),
        (Wish("pieces", "int8"), "FIBO_PLACEMENT is pieces and FIBO_PRECISION int8, .* the two do not go together"),
    ],
)
def test_a_wish_that_this_machine_cannot_grant_is_one_sentence(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch, wish: Wish, said: str
) -> None:
    """With what to install or to set, before a byte of the weights is read."""
    a_gpu(monkeypatch, 47, 48, libraries=frozenset({"torchao"}))
    with pytest.raises(ModelLoadFailed, match=said):
        choose(FIBO, fibo_folder, wish=wish)
    assert painter_bytes(FIBO, fibo_folder, 48 * GB, wish) >= 0


def test_too_little_main_memory_rounds_where_that_can_be_and_is_tried_all_the_same_where_not(
    fibo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By computed figures FIBO wants 26 GB of it, and 24 in four bits."""
    a_gpu(monkeypatch, 47, 48, main_gb=25.0, libraries=frozenset({"bitsandbytes"}))
    assert choose(FIBO, fibo_folder).how == "nf4"
    a_gpu(monkeypatch, 47, 48, main_gb=16.0)
    assert choose(FIBO, fibo_folder).how == "bfloat16"


def test_what_runs_out_of_memory_is_held_with_less_of_it_on_the_card_and_decoded_by_tiles_at_last() -> None:
    """Never in another precision; as far as the user's own setting lets it."""
    place, ways = Placement("cuda", "cuda: NVIDIA Test", "bfloat16", batch=3), []
    while (place := next_below(place)) is not None:
        ways.append((place.hold, place.how, place.batch))
    assert ways == [("parts", "bfloat16", 1), ("pieces", "bfloat16", 1), ("pieces", "bfloat16, tiled", 1)]
    kept = next_below(Placement("cuda", "", "bfloat16"), Wish(hold="card"))
    assert kept == Placement("cuda", "", "bfloat16", tiled=True)
    assert next_below(kept) is not None
    rounded = next_below(Placement("cuda", "", "nf4", "parts"))
    assert rounded is not None
    assert (rounded.how, next_below(rounded)) == ("nf4, tiled", None)
    assert next_below(Placement("cpu", "cpu", "float32")) == Placement("cpu", "cpu", "float32", tiled=True)


def test_a_gpu_in_use_by_others_is_told_from_one_too_small(fibo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first may be worth waiting for."""
    a_gpu(monkeypatch, 5, 48)
    with pytest.raises(Occupied, match=r"5\.0 of the 48 GB"):
        choose(FIBO, fibo_folder)
    a_gpu(monkeypatch, 3.5, 4)
    with pytest.raises(OutOfMemory, match="has 4 GB") as caught:
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


@pytest.mark.parametrize(("card_gb", "painter_stays"), [(48, True), (40, True), (32, False), (24, False), (12, False)])
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
