"""What fits a machine, before anything is fetched: from figures alone, without the weights."""

from pathlib import Path

import pytest

from fibo_core.models.catalogue import BUILT_IN, find_weights
from fibo_core.models.plans import GB, GIB, PLANS, card_gb, main_memory_gb, plan_for, shortfall, weights_a_pod_fetches

MUCH = 128.0


@pytest.mark.parametrize(
    ("card_gib", "how"),
    [(12, None), (16, None), (20, None), (24, "part by part"), (32, "all of it"), (80, "all of it")],
)
def test_what_a_card_holds_of_fibo_is_known_by_its_size(card_gib: int, how: str | None) -> None:
    """And a card that is too small is said with both figures."""
    card = card_gib * GIB / GB
    plan = plan_for("fibo", card, MUCH)
    assert (plan is None) == (how is None)
    if plan is None:
        assert f"21.6 GB of GPU memory, and this GPU has {card:.1f}" in shortfall("fibo", card, MUCH)
    else:
        assert plan.how.startswith(str(how))
        assert shortfall("fibo", card, MUCH) == ""


def test_the_machines_memory_counts_as_the_cards_does() -> None:
    """All weights pass through it. What is not known is taken for enough."""
    assert shortfall("fibo", 85.0, 16.0) == ("FIBO needs about 26.1 GB of main memory, and this machine has 16.0.")
    assert "GPU memory" in shortfall("fibo", 12.9, 16.0)
    assert "main memory" in shortfall("fibo", 12.9, 16.0)
    assert shortfall("fibo", None, None) == ""
    assert shortfall("mini", 1.0, 1.0) == ""


@pytest.mark.parametrize(
    ("control", "limit", "gb"),
    [
        ("memory.max", "25000000000", 25.0),
        ("memory.max", "max", 64.0),
        ("memory/memory.limit_in_bytes", "12000000000", 12.0),
        ("memory/memory.limit_in_bytes", "9223372036854771712", 64.0),
    ],
)
def test_a_containers_limit_is_the_machines_memory(tmp_path: Path, control: str, limit: str, gb: float) -> None:
    """Of cgroups of both versions; the host's memory is not the container's."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       62500000 kB\nMemFree:  1 kB\n")
    file = tmp_path / "sys/fs/cgroup" / control
    file.parent.mkdir(parents=True)
    file.write_text(limit + "\n")
    assert main_memory_gb(tmp_path) == gb
    assert main_memory_gb(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("listing", "gb"),
    [
        ("NVIDIA GeForce RTX 4090, 24564 MiB, 550.54.15\n", 25.8),
        ("NVIDIA RTX A4000, 16376 MiB\nNVIDIA RTX A6000, 49140 MiB\n", 51.5),
        ("NVIDIA GH200, [N/A], 550.54.15\n", None),
        ("", None),
    ],
)
def test_a_cards_memory_is_read_from_the_drivers_listing(listing: str, gb: float | None) -> None:
    """The largest card's, in powers of ten; None where the driver does not tell."""
    found = card_gb(listing)
    assert found == gb if gb is None else round(found or 0, 1) == gb


@pytest.mark.parametrize(
    ("fibo_model", "fibo_writer", "token", "key", "fits", "names"),
    [
        ("auto", "auto", True, False, True, ("fibo", "fibo-vlm")),
        ("auto", "auto", True, True, True, ("fibo",)),
        ("auto", "local", True, True, True, ("fibo", "fibo-vlm")),
        ("auto", "offline", True, False, True, ("fibo",)),
        ("auto", "auto", True, False, False, ()),
        ("fibo", "auto", True, False, False, ("fibo", "fibo-vlm")),
        ("fibo-1.5", "offline", True, False, False, ("fibo-1.5",)),
        ("mini", "auto", True, False, True, ()),
        ("a-folder", "auto", True, False, True, ()),
        ("auto", "auto", False, False, True, ()),
    ],
)
def test_a_pod_fetches_what_it_will_use_and_can_hold(fibo_model, fibo_writer, token, key, fits, names) -> None:
    """The local writer's weights where nobody else would write for FIBO."""
    assert weights_a_pod_fetches(fibo_model, fibo_writer, has_token=token, has_key=key, fits=fits) == names


def test_the_plans_are_of_the_catalogues_models() -> None:
    """Names, titles and sizes on disk, which the preflight cannot look up there."""
    for plan in PLANS:
        spec = find_weights(plan.model)
        assert (plan.title, plan.disk_gb) == (spec.title, spec.download_gb)
    assert {plan.model for plan in PLANS} >= {spec.name for spec in BUILT_IN.values() if spec.repo}
