"""What a card is measured with: each check runs here with small weights, so that its code is known to work."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.models.catalogue import register
from scripts.bench import gpu, random_weights


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    yield
    register(())


@pytest.mark.slow
@pytest.mark.parametrize("family", ["fibo1", "fibo2"])
def test_every_check_gives_figures_with_small_weights(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None fails, none is left out, and nothing is written into the document."""
    monkeypatch.setattr(gpu.loading, "COMPILER", "aot_eager")
    before = gpu.DOCUMENT.read_text("utf-8")
    assert gpu.main(["--small", "--family", family, "--keep", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "failed" not in said
    table = said[said.index(gpu.TITLE) :]
    for what in (
        "loading", "a step with guidance", "a step without guidance", "decoding", "a preview", "from a cancel",
        "all of it on the card", "part by part", "next seed", "2 seeds in one pass", "compiled blocks", "of 4 steps",
        "no guidance after step", "the first moved less than 0.2", "in its own process", "no memory in the middle",
    ):  # fmt: skip
        assert re.search(rf"^\| [^|]*{re.escape(what)}[^|]* \| [^|]*\d[^|]* \|$", table, re.MULTILINE), what
    assert "| the next picture | the same |" in table
    assert gpu.DOCUMENT.read_text("utf-8") == before


@pytest.mark.parametrize(("family", "of_a_step"), [("fibo1", 1), ("fibo2", 2)])
def test_the_cache_of_blocks_passes_them_over_and_leaves_nothing_behind(
    family: str, of_a_step: int, tmp_path: Path
) -> None:
    """Where any change is little enough, all steps but the first: of each prompt's own. Where none is, the pixels are
    those without it, as they are afterwards."""
    arguments = argparse.Namespace(model=None, family=[family], small=True)
    (spec,) = gpu.models(arguments, tmp_path)
    bench = gpu.Bench(spec, tmp_path, 64, 4)
    engine = bench.engine()
    request = bench.request(engine)
    plain = engine.render(request).image.tobytes()
    with gpu.first_block_cached(engine, 1e9) as passes:
        engine.render(request)
    assert (passes.all, passes.whole) == (4 * of_a_step, of_a_step)
    with gpu.first_block_cached(engine, 0.0) as passes:
        assert engine.render(request).image.tobytes() == plain
    assert passes.whole == passes.all == 4 * of_a_step
    assert engine.render(request).image.tobytes() == plain


def test_a_check_that_fails_is_said_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(bench: gpu.Bench) -> gpu.Rows:
        raise ValueError("a wire is loose")

    monkeypatch.setitem(gpu.CHECKS, "steps", broken)
    only = ["--only", "steps", "--only", "loading"]
    assert gpu.main(["--small", "--family", "fibo2", "--keep", str(tmp_path), *only]) == 1
    said = capsys.readouterr().out
    assert "| steps | failed: ValueError: a wire is loose |" in said
    assert "| loading, its files in the page cache |" in said


def test_the_documents_section_is_replaced_and_the_rest_stays() -> None:
    document = f"# P\n\nwords\n\n{gpu.TITLE}\n\nNot measured.\n\n## Next\n\nmore\n"
    text = gpu.section("a card", {"FIBO": [("a step", "1 | 2")]})
    changed = gpu.with_section(document, text)
    assert changed.startswith("# P\n\nwords\n\n## On a GPU\n\na card\n\n**FIBO**\n")
    assert "| a step | 1 / 2 |" in changed
    assert changed.endswith("## Next\n\nmore\n")
    assert "Not measured" not in changed
    assert gpu.with_section(changed, text) == changed
    assert f"{gpu.TITLE}\n" in gpu.DOCUMENT.read_text("utf-8")


def test_the_published_sizes_are_those_of_the_real_weights() -> None:
    """By their parameters, which are counted without being made."""
    import diffusers
    import torch
    import transformers

    fibo1, fibo2 = random_weights.FIBO1[False], random_weights.FIBO2[False]
    with torch.device("meta"):
        transformer = diffusers.BriaFiboTransformer2DModel(
            pooled_projection_dim=None, guidance_embeds=False, **fibo1["transformer"]
        )
        encoder = transformers.SmolLM3ForCausalLM(transformers.SmolLM3Config(**fibo1["text_encoder"]))
        second = diffusers.BriaFibo2Transformer2DModel(**fibo2["transformer"])
    assert sum(each.numel() for each in transformer.parameters()) == 8_285_836_848
    assert sum(each.numel() for each in encoder.parameters()) == 3_075_098_624
    assert sum(each.numel() for each in second.parameters()) * 2 / 1e9 == pytest.approx(16.3, abs=0.1)
