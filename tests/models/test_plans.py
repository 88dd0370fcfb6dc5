"""What fits a machine, before anything is fetched: from figures alone, without the weights."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.models.catalogue import BUILT_IN, find_weights
from fibo_core.models.plans import (
    BATCH_MAX,
    CUDA_GB,
    GB,
    GIB,
    HOLDS,
    LIBRARIES,
    PAINTERS,
    PLANS,
    PRECISIONS,
    Machine,
    Parts,
    Wish,
    arithmetic_table,
    best,
    card_gb,
    lack,
    main_memory_gb,
    outlook,
    plan_for,
    plans_of,
    shortfall,
    weights_a_pod_fetches,
)

MUCH = 128.0


@pytest.mark.parametrize(
    ("card_gib", "how"),
    [
        (4, None),
        (6, "piece by piece"),
        (12, "piece by piece"),
        (20, "piece by piece"),
        (24, "part by part"),
        (32, "all of it"),
        (80, "all of it"),
    ],
)
def test_what_a_card_holds_of_fibo_is_known_by_its_size(card_gib: int, how: str | None) -> None:
    """And a card that is too small is said with both figures."""
    card = card_gib * GIB / GB
    plan = plan_for("fibo", card, MUCH)
    assert (plan is None) == (how is None)
    if plan is None:
        assert f"6.0 GB of GPU memory, and this GPU has {card:.1f}" in shortfall("fibo", card, MUCH)
    else:
        assert plan.how.startswith(str(how))
        assert shortfall("fibo", card, MUCH) == ""


def test_the_machines_memory_counts_as_the_cards_does() -> None:
    """All weights pass through it. What is not known is taken for enough."""
    assert shortfall("fibo", 85.0, 16.0) == ("FIBO needs about 26.1 GB of main memory, and this machine has 16.0.")
    assert "GPU memory" in shortfall("fibo", 4.3, 16.0)
    assert "main memory" in shortfall("fibo", 4.3, 16.0)
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


# Any card

gb = st.floats(min_value=0.01, max_value=40.0)
painters = st.sampled_from(PAINTERS) | st.builds(
    Parts, st.just("own"), st.just("A model"), gb, gb, gb, gb, st.floats(0.1, 20.0)
)
machines = st.builds(
    Machine,
    st.floats(6 * GIB / GB, 192 * GIB / GB),
    st.floats(8, 512),
    st.sampled_from([(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0)]),
    st.sets(st.sampled_from(LIBRARIES)).map(frozenset),
)
wishes = st.builds(Wish, st.sampled_from(["auto", *HOLDS]), st.sampled_from(["auto", *PRECISIONS]))


@given(painters, machines, wishes)
def test_a_plan_never_takes_more_than_there_is(parts: Parts, machine: Machine, wish: Wish) -> None:
    """Of the card with all pictures of a pass, of main memory, of what the card and the libraries know; and where
    there is no plan, a sentence says what is missing."""
    plans = plans_of(parts)
    plan = best(plans, machine, wish)
    if plan is None:
        said = lack(plans, machine, wish)
        assert said.startswith((f"{parts.title} needs about", "cannot be held as FIBO_PLACEMENT"))
        assert outlook(plans, machine, wish) == said
        return
    assert lack(plans, machine, wish) == ""
    batch = plan.batch(machine.gpu_gb)
    assert 1 <= batch <= BATCH_MAX
    assert plan.gpu_gb + (batch - 1) * plan.painting_gb <= machine.gpu_gb + 1e-9
    assert plan.main_gb <= machine.main_gb
    precision = PRECISIONS[plan.precision]
    assert machine.capability >= precision.capability
    assert not precision.library or precision.library in machine.libraries
    assert wish.hold in ("auto", plan.hold)
    assert wish.precision in ("auto", plan.precision)
    assert f"{machine.gpu_gb - plan.gpu_gb:.1f} GB to spare: {plan.how}" in outlook(plans, machine, wish)


@given(painters, machines, wishes, st.floats(0, 64), st.floats(0, 128), st.sets(st.sampled_from(LIBRARIES)))
def test_more_memory_is_never_a_worse_plan(
    parts: Parts, machine: Machine, wish: Wish, gpu: float, main: float, libraries: set[str]
) -> None:
    """Nor is a library more; and in the same plan no fewer pictures are painted at once."""
    plans = plans_of(parts)
    more = Machine(
        machine.gpu_gb + gpu, machine.main_gb + main, machine.capability, machine.libraries | frozenset(libraries)
    )
    before, after = best(plans, machine, wish), best(plans, more, wish)
    if before is None:
        return
    assert after is not None
    assert plans.index(after) <= plans.index(before)
    if after == before:
        assert after.batch(more.gpu_gb) >= before.batch(machine.gpu_gb)


@given(painters)
def test_every_figure_of_a_plan_is_the_tables_sum(parts: Parts) -> None:
    """What the documentation shows is what is computed, and what comes first rounds nothing."""
    table = arithmetic_table()
    for figure in (CUDA_GB, 4.2, 1.0, 2.0, 10.0, *(each.share for each in PRECISIONS.values())):
        assert f"| {figure:g} " in table
    plans = plans_of(parts)
    for plan in plans:
        share = PRECISIONS[plan.precision].share
        transformer, others = parts.transformer_gb * share, (parts.text_encoder_gb, parts.vae_gb)
        weights = {"card": transformer + sum(others), "parts": max(transformer, *others), "pieces": 1.0}[plan.hold]
        assert plan.gpu_gb == pytest.approx(weights + parts.painting_gb + 0.8)
        read = min(parts.transformer_gb, 10.0) + transformer if PRECISIONS[plan.precision].library else (
            parts.transformer_gb
        )  # fmt: skip
        assert plan.main_gb == pytest.approx(read + sum(others) + 2.0)
    exact = [plan.precision == "bf16" for plan in plans]
    assert exact == sorted(exact, reverse=True)
    assert len({(plan.hold, plan.precision) for plan in plans}) == len(plans)


def test_what_would_help_is_said_where_a_wish_or_a_library_is_in_the_way() -> None:
    """With both figures, and what of it the user has in hand."""
    plans = [plan for plan in PLANS if plan.model == "fibo"]
    said = lack(plans, Machine(12.9, MUCH), Wish(hold="parts", precision="bf16"))
    assert said == (
        "FIBO needs about 21.6 GB of GPU memory, and this GPU has 12.9. Without what FIBO_PLACEMENT and "
        "FIBO_PRECISION say it fits: piece by piece, slower."
    )
    assert lack(plans, Machine(30.0, 25.0)) == (
        "FIBO needs about 26.1 GB of main memory, and this machine has 25.0. With bitsandbytes installed it fits: "
        "all of it on the card, in nf4 (4 bits)."
    )
    assert outlook(plans, Machine(34.3, MUCH)) == "fits with 5.2 GB to spare: all of it on the card"
    assert outlook(plans, Machine()) == ""
