"""What this machine has, and the model that FIBO_MODEL means on it: read without torch."""

import os
from pathlib import Path

import pytest

from fibo_core.errors import InputError
from fibo_core.models import device
from fibo_core.models.device import default_model, usable_cores
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
    (85.9, 64.0, "fibo"), (12.9, 64.0, "mini"), (85.9, 16.0, "mini"), (None, None, "fibo"),
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
