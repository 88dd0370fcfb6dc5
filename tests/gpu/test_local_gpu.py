"""The local writer on a CUDA GPU: a tiny model of random weights, and FIBO-vlm itself where its weights are.

Run with: scripts/test.sh -n 0 -m gpu
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import SharedDevice, writer_bytes
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import WriterUnavailable
from fibo_core.models.catalogue import FIBO_VLM, find_model
from fibo_core.models.device import has_cuda_gpu
from fibo_core.models.weights import downloaded
from fibo_core.prompts.caption_schema import KEYS
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.writers.local import LocalWriter
from tests.writers.tiny_vlm import make_tiny_vlm

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not has_cuda_gpu(), reason="this machine has no CUDA GPU")]

NOWHERE = Path("nowhere")
HUB_CACHE = Settings.from_environ().hub_cache  # read before the tests' own environment: the machine's real one


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    golden = Path(__file__).parent.parent / "golden" / "complete.json"
    return make_tiny_vlm(tmp_path_factory.mktemp("vlm"), [golden.read_text("utf-8")])


def test_random_weights_write_a_caption_in_bfloat16(weights: Path) -> None:
    """From words and from a picture, the same one for the same seed."""
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights)
    written = writer.expand("a red ball", seed=1)
    assert tuple(written.prompt.document) == KEYS
    assert writer.expand("a red ball", seed=1) == written
    assert writer.inspire([Image.new("RGB", (512, 512), "teal")], seed=1).prompt.hints() == ()
    writer.unload()


@pytest.mark.parametrize("together", [True, False])
def test_painter_and_writer_share_the_card(weights: Path, together: bool) -> None:
    """Who had to leave comes back, and paints the same pixels."""
    import torch

    room = writer_bytes(FIBO_VLM, weights) * (2 if together else 1)
    device = SharedDevice(lambda: room)
    engine = FiboEngine("mini", hub_cache=NOWHERE, device=device)
    writer = LocalWriter(hub_cache=NOWHERE, folder=weights, device=device)
    settings = RenderSettings.of(find_model("mini"), num_inference_steps=4)
    request = settings.request(StructuredPrompt.parse('{"short_description":"a ball"}'), 7, engine.revision("mini"))
    before = np.asarray(engine.render(request).image)
    written = writer.expand("a red ball", seed=1)
    assert next(engine._held.pipe.transformer.parameters()).is_cuda is together
    assert np.array_equal(before, np.asarray(engine.render(request).image))
    assert writer.expand("a red ball", seed=1) == written
    engine.unload()
    writer.unload()
    assert torch.cuda.memory_allocated() < 50e6


def test_memory_that_runs_out_is_freed_and_the_next_prompt_is_written(weights: Path) -> None:
    """A real allocation that cannot be met, in the middle of an answer."""
    import torch

    writer = LocalWriter(hub_cache=NOWHERE, folder=weights)
    first = writer.expand("a red ball", seed=1)

    def exhaust(count: int) -> None:
        if count == 10:
            torch.empty(2**46, device="cuda", dtype=torch.uint8)

    with pytest.raises(WriterUnavailable, match="has been freed"):
        writer.expand("a red ball", seed=1, on_tokens=exhaust)
    assert writer.expand("a red ball", seed=1) == first
    writer.unload()


@pytest.fixture(scope="module")
def fibo_vlm() -> Iterator[LocalWriter]:
    if downloaded(FIBO_VLM, HUB_CACHE) is None:
        pytest.skip(f"the weights of {FIBO_VLM.title} are not in {HUB_CACHE}")
    writer = LocalWriter(hub_cache=HUB_CACHE)
    yield writer
    writer.unload()


def test_fibo_vlm_says_what_was_asked(fibo_vlm: LocalWriter) -> None:
    """Real weights: the words come back as a caption, an edit changes it, a picture is recognised."""
    owl = fibo_vlm.expand("a snowy owl on a birch branch at dusk", seed=1)
    assert owl.notes == ()
    assert owl.prompt.hints() == ()
    assert "owl" in owl.prompt.to_json().lower()
    cat = fibo_vlm.refine(owl.prompt, "replace the owl with a black cat", seed=1)
    assert "cat" in cat.prompt.to_json().lower()
    red = fibo_vlm.inspire([Image.new("RGB", (1024, 768), "red")], seed=1)
    assert "red" in red.prompt.to_json().lower()
