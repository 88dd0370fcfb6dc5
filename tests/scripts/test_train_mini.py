"""The trainer of the embedded model, in its smallest: every stage, stopped and resumed, to a folder that paints."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from fibo_core.models.catalogue import MINI_WEIGHTS
from fibo_core.models.mini.world import world

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("--device", "cpu", "--processes", "1", "--seed", "3", "--vae-steps", "2", "--vae-pool", "2", "--vae-batch", "1"),
    *("--scenes", "25", "--captions", "300", "--text-steps", "11", "--text-batch", "4"),
    *("--flow-steps", "2", "--batch", "2", "--samples", "1", "--sample-steps", "2"),
]

BEGIN = ("--start-from", str(MINI_WEIGHTS), "--keep-latents")


def start(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "scripts.mini.train", "--folder", folder, *SMALL, *more],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def train(folder: Path, *more: str) -> str:
    done = start(folder, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that began with the shipped weights and trained the transformer alone, to its end."""
    folder = tmp_path_factory.mktemp("begun")
    train(folder, *BEGIN, "--stages", "latents", "flow")
    return folder


@pytest.mark.slow
def test_a_run_from_nothing_ends_in_a_folder_that_the_pipeline_loads_and_paints_with(tmp_path: Path) -> None:
    """Two steps of every stage by two processes teach nothing, but leave weights in the studio's layout."""
    from diffusers import BriaFiboPipeline

    assert "done" in train(tmp_path, "--processes", "2", "--vae-batch", "2")
    pipe = BriaFiboPipeline.from_pretrained(tmp_path / "weights", dtype=torch.float32, local_files_only=True)
    picture = pipe(
        '{"short_description":"a red ball"}', negative_prompt="{}", width=64, height=64, num_inference_steps=2
    ).images[0]
    assert picture.size == (64, 64)
    assert sum(file.stat().st_size for file in (tmp_path / "weights").rglob("*") if file.is_file()) < 16 * 2**20


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Stopped at step ten of eleven and started again, the weights are those of a run without a stop."""
    text = ("--stages", "text", "--dispute-steps", "10")
    stopped = train(tmp_path / "stopped", *text, "--minutes", "0")
    assert "stopped at 10 of 11" in stopped
    train(tmp_path / "stopped", *text)
    train(tmp_path / "whole", *text)
    resumed, whole = (
        torch.load(tmp_path / name / "text.pt", weights_only=True)["averaged"] for name in ("stopped", "whole")
    )
    assert all(torch.equal(value, whole[key]) for key, value in resumed.items())


@pytest.mark.slow
def test_a_run_may_begin_with_weights_that_paint_and_keep_what_their_latents_mean(begun: Path) -> None:
    """A longer training of the transformer alone: tokenizer, VAE and the text encoder's size are the old ones."""
    for name in ("tokenizer/tokenizer.json", "vae/config.json", "text_encoder/config.json"):
        old, new = (json.loads((folder / name).read_text("utf-8")) for folder in (MINI_WEIGHTS, begun / "weights"))
        assert {key: value for key, value in new.items() if not key.startswith("_")} == {
            key: value for key, value in old.items() if not key.startswith("_")
        }
    vae = "vae/diffusion_pytorch_model.safetensors"
    old, new = (load_file(folder / vae) for folder in (MINI_WEIGHTS, begun / "weights"))
    assert all(torch.equal(value, new[key]) for key, value in old.items())
    transformer = "transformer/diffusion_pytorch_model.safetensors"
    old, new = (load_file(folder / transformer) for folder in (MINI_WEIGHTS, begun / "weights"))
    assert any(not torch.equal(value, new[key]) for key, value in old.items())
    assert json.loads((begun / "learned.json").read_text("utf-8"))["things"] == list(world().things)


@pytest.mark.slow
def test_a_new_tokenizer_begins_with_what_the_old_one_knew_of_its_words(tmp_path: Path) -> None:
    """Its own entries, canonical text as it is, and embeddings that are means of the old ones."""
    train(tmp_path, "--start-from", str(MINI_WEIGHTS), "--new-tokenizer", "--stages", "latents", "flow")
    entries = json.loads((tmp_path / "weights" / "tokenizer" / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    file = "text_encoder/model.safetensors"
    old, new = (
        load_file(folder / file)["model.embed_tokens.weight"].float() for folder in (MINI_WEIGHTS, tmp_path / "weights")
    )
    assert len(new) == len(entries)
    red = new[entries["Ġred"]]
    nearest = F.cosine_similarity(old, red[None]).argmax()
    before = json.loads((MINI_WEIGHTS / "tokenizer" / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    assert nearest == before["Ġred"]


@pytest.mark.slow
def test_a_run_that_is_ended_leaves_no_process_behind(tmp_path: Path) -> None:
    """Ended in the midst of two processes' work, the two end as well."""
    command = [sys.executable, "-m", "scripts.mini.train", "--folder", tmp_path, *SMALL]
    run = subprocess.Popen(
        [*command, "--processes", "2", "--vae-batch", "2", "--vae-steps", "100000", "--stages", "vae"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    assert "stage vae" in run.stdout.readline()
    workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    assert len(workers) >= 2
    run.terminate()
    run.wait(timeout=30)
    end = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end, "a worker outlived its run"
        time.sleep(0.1)


def test_scenes_are_not_encoded_by_a_vae_that_has_learned_nothing(tmp_path: Path) -> None:
    done = start(tmp_path, "--stages", "latents")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"There is no VAE in {tmp_path}. Run the stage vae first, or name weights by --start-from."
    )
    assert not (tmp_path / "latents").exists()


@pytest.mark.slow
def test_a_stop_leaves_weights_and_latents_are_of_one_seed(begun: Path, tmp_path: Path) -> None:
    """Stopped at any step, what was painted with last is there; another seed's scenes would not fit the latents."""
    shutil.copytree(begun / "latents", tmp_path / "latents")
    assert "stopped at 10 of 11" in train(tmp_path, *BEGIN, "--stages", "flow", "--flow-steps", "11", "--minutes", "0")
    assert (tmp_path / "weights" / "transformer" / "diffusion_pytorch_model.safetensors").exists()
    done = start(tmp_path, *BEGIN, "--stages", "flow", "--seed", "4")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"The latents in {tmp_path / 'latents'} show scenes of seed 3, not what seed 4 draws today. "
        "Delete them, and they are made anew."
    )


@pytest.mark.parametrize("how", ["causal", "told", "added"])
def test_plain_attention_is_torchs(how: str) -> None:
    """Also where several heads of the query share one of the keys."""
    from scripts.mini.networks import attend

    torch.manual_seed(1)
    query, key, value = torch.randn(2, 4, 6, 8), torch.randn(2, 2, 6, 8), torch.randn(2, 2, 6, 8)
    told = torch.ones(2, 1, 1, 6, dtype=torch.bool)
    told[1, ..., 4:] = False
    options = {
        "causal": {"is_causal": True},
        "told": {"attn_mask": told},
        "added": {"attn_mask": torch.randn(2, 1, 6, 6), "scale": 0.2},
    }[how]
    expected = F.scaled_dot_product_attention(query, key, value, enable_gqa=True, **options)
    torch.testing.assert_close(attend(query, key, value, enable_gqa=True, **options), expected)
