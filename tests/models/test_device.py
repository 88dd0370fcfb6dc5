"""What this machine has, and the model that FIBO_MODEL means on it: read without torch."""

import os
from pathlib import Path

import pytest

from fibo_core.errors import InputError
from fibo_core.models import device
from fibo_core.models.catalogue import FIBO_VLM, find_model
from fibo_core.models.device import default_model, outlook, usable_cores
from fibo_core.models.plans import Machine, Wish
from tests.models.test_weights import a_snapshot


@pytest.mark.parametrize(("has_gpu", "has_weights", "name"), [
    (True, True, "fibo"), (True, False, "mini"), (False, True, "mini"), (False, False, "mini"),
])  # fmt: skip
def test_auto_is_fibo_only_where_a_gpu_and_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_gpu: bool, has_weights: bool, name: str
) -> None:
    """Anywhere else the studio starts with the model it brings along."""
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: has_gpu)
    if has_weights:
        a_snapshot(tmp_path, "c0ffee")
    assert default_model("auto", tmp_path).name == name


@pytest.mark.parametrize(("gpu_gb", "main_gb", "name"), [
    (85.9, 64.0, "fibo"), (12.9, 64.0, "fibo"), (4.3, 64.0, "mini"), (85.9, 16.0, "mini"), (None, None, "fibo"),
])  # fmt: skip
def test_auto_is_mini_where_fibo_cannot_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu_gb: float | None, main_gb: float | None, name: str
) -> None:
    """Its weights may be here from another machine: it would fail at each start. Named, it is tried all the same."""
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    monkeypatch.setattr(device, "gpu_memory_gb", lambda: gpu_gb)
    monkeypatch.setattr(device.plans, "main_memory_gb", lambda: main_gb)
    a_snapshot(tmp_path, "c0ffee")
    assert default_model("auto", tmp_path).name == name
    assert default_model("fibo", tmp_path).name == "fibo"


@pytest.mark.parametrize(
    ("gpu_gb", "wish", "said"),
    [
        (34.3, Wish(), "fits with 5.2 GB to spare: all of it on the card"),
        (12.9, Wish(), "fits with 6.9 GB to spare: piece by piece, slower"),
        (51.5, Wish(hold="parts"), "fits with 29.9 GB to spare: part by part, a little slower"),
        (4.3, Wish(), "FIBO needs about 6.0 GB of GPU memory, and this GPU has 4.3."),
        (51.5, Wish(precision="fp8"), "cannot be held as FIBO_PLACEMENT and FIBO_PRECISION say: it needs a card of"),
    ],
)
def test_how_a_model_will_be_held_is_told_before_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu_gb: float, wish: Wish, said: str
) -> None:
    """By published sizes; with what the user has set, and nothing where there is no GPU."""
    monkeypatch.setattr(device, "machine", lambda: Machine(gpu_gb, 64.0, (8, 6)))
    monkeypatch.setattr(device, "gpu_memory_gb", lambda: gpu_gb)
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: False)
    assert outlook(find_model("fibo"), tmp_path, wish) == ""
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    assert outlook(find_model("fibo"), tmp_path, wish).startswith(said)
    a_snapshot(tmp_path, "c0ffee")  # whose files are mini's
    assert outlook(find_model("mini"), tmp_path).startswith("fits with")


@pytest.mark.parametrize(("gpu_gb", "beside"), [(51.5, "stays beside it"), (34.3, "and it take turns")])
def test_whether_the_local_writer_stays_beside_the_painter_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu_gb: float, beside: str
) -> None:
    """Where its weights are here, by what both take."""
    monkeypatch.setattr(device, "machine", lambda: Machine(gpu_gb, 64.0, (8, 6)))
    monkeypatch.setattr(device, "gpu_memory_gb", lambda: gpu_gb)
    monkeypatch.setattr(device, "has_cuda_gpu", lambda: True)
    monkeypatch.setattr(device, "downloaded", lambda spec, cache: tmp_path if spec is FIBO_VLM else None)
    assert outlook(find_model("fibo"), tmp_path).endswith(f"all of it on the card; the local writer {beside}")


@pytest.mark.parametrize(
    ("said", "capability"), [("8.9\n", (8, 9)), ("12.0\n8.6\n", (12, 0)), ("[N/A]\n", None), ("", None)]
)
def test_the_cards_capability_is_read_from_the_driver(
    monkeypatch: pytest.MonkeyPatch, said: str, capability: tuple[int, int] | None
) -> None:
    """None where it does not tell, and taken for enough."""
    monkeypatch.setattr(device, "_nvidia_smi", lambda *_: said)
    device.gpu_capability.cache_clear()
    assert device.gpu_capability() == capability
    device.gpu_capability.cache_clear()


def test_a_named_model_is_taken_as_it_is_named(tmp_path: Path) -> None:
    """By name or repository; an unknown one is refused with those there are."""
    assert default_model("briaai/FIBO", tmp_path).name == "fibo"
    with pytest.raises(InputError, match="mini, fibo"):
        default_model("sdxl", tmp_path)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_gpu_hidden_from_this_process_is_none(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """CUDA_VISIBLE_DEVICES is obeyed without asking the driver."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    device.has_cuda_gpu.cache_clear()
    assert device.has_cuda_gpu() is False
    device.has_cuda_gpu.cache_clear()


def test_threads_are_no_more_than_the_cores_of_this_process() -> None:
    """At least one, at most what it is pinned to."""
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))
