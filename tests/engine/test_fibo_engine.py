"""The engine over the real pipeline on the embedded weights: what a picture is, and what may go wrong on its way."""

import io
import itertools
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import Engine, StepEvent, loading, steps
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import SharedDevice
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import Cancelled, EngineError, ModelLoadFailed, ModelMissing, OutOfMemory, RequestError, TimedOut
from fibo_core.models import device
from fibo_core.models.catalogue import CATALOGUE, MINI_SIZES, MINI_WEIGHTS, find_model
from fibo_core.models.plans import GB
from fibo_core.prompts.structured_prompt import StructuredPrompt
from tests.models.test_weights import a_snapshot

MINI = find_model("mini")
SCENE = StructuredPrompt.parse(
    '{"short_description":"a red ball on a green meadow","objects":[{"description":"a red ball","location":"left",'
    '"shape_and_color":"a red ball"}],"background_setting":"a green meadow"}'
)


def a_request(engine: Engine, seed: int = 7, steps: int = 2, prompt: StructuredPrompt = SCENE, **change: object):
    settings = RenderSettings.of(MINI, num_inference_steps=steps)
    return replace(settings.request(prompt, seed, engine.revision("mini")), **change)


def pixels(engine: Engine, request: GenerationRequest) -> np.ndarray:
    return np.asarray(engine.render(request).image)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of mini's weights that the catalogue points to, to be damaged."""
    folder = tmp_path / "weights"
    shutil.copytree(MINI_WEIGHTS, folder)
    monkeypatch.setattr("fibo_core.models.catalogue.CATALOGUE", {"mini": replace(MINI, folder=folder)})
    return folder


@pytest.fixture
def on_each_transformer_call(mini_engine: FiboEngine):
    """Runs a function whenever the held transformer is called, until the test ends."""
    hooks = []

    def add(do: Callable[[], None]) -> None:
        mini_engine.load("mini")
        transformer = mini_engine._held.pipe.transformer
        hooks.append(transformer.register_forward_pre_hook(lambda *_: do()))

    yield add
    for hook in hooks:
        hook.remove()


# Pictures


def test_the_same_request_gives_the_same_pixels_and_another_seed_others(mini_engine: FiboEngine) -> None:
    """A recipe determines its picture."""
    first = pixels(mini_engine, a_request(mini_engine))
    assert np.array_equal(first, pixels(mini_engine, a_request(mini_engine)))
    assert not np.array_equal(first, pixels(mini_engine, a_request(mini_engine, seed=8)))


def test_the_picture_is_the_bare_pipelines(mini_engine: FiboEngine) -> None:
    """The engine adds steps, previews and cancelling, and takes nothing away from diffusers' own picture."""
    import torch

    request = a_request(mini_engine)
    painted = pixels(mini_engine, request)
    bare = mini_engine._held.pipe(
        prompt=SCENE.canonical(), negative_prompt="{}", width=256, height=256, num_inference_steps=2,
        guidance_scale=request.guidance_scale, generator=torch.Generator().manual_seed(request.seed),
    ).images[0]  # fmt: skip
    assert np.array_equal(painted, np.asarray(bare))


@pytest.mark.parametrize("seed", [0, 2**32, 2**63 - 1])
def test_seeds_from_end_to_end_are_painted(mini_engine: FiboEngine, seed: int) -> None:
    """0 to 2⁶³−1, as the limits promise."""
    assert mini_engine.render(a_request(mini_engine, seed=seed, steps=1)).image.size == (256, 256)


@pytest.mark.parametrize("aspect", MINI_SIZES)
def test_every_shape_of_the_catalogue_has_its_size(mini_engine: FiboEngine, aspect: str) -> None:
    """Width, then height."""
    width, height = MINI.size(aspect)
    image = mini_engine.render(a_request(mini_engine, steps=1, width=width, height=height)).image
    assert (image.size, image.mode) == ((width, height), "RGB")


def test_a_rendered_picture_says_how_and_on_what_it_was_made(mini_engine: FiboEngine) -> None:
    """Time, device, precision and library versions go into the recipe."""
    rendered = mini_engine.render(a_request(mini_engine))
    assert rendered.duration_s > 0
    assert (rendered.device, rendered.precision) == ("cpu", "float32")
    assert set(rendered.versions) == {"torch", "diffusers", "transformers", "fibo-studio"}


# Steps and previews


def test_each_step_is_told_and_previews_become_the_picture(
    mini_engine: FiboEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small JPEGs that come closer to the picture; the last event says that nothing is left."""
    monkeypatch.setattr(steps, "PREVIEW_INTERVAL_S", 0.0)
    events: list[StepEvent] = []
    final = mini_engine.render(a_request(mini_engine, steps=6), events.append).image
    assert [(event.step, event.total) for event in events] == [(step, 6) for step in range(1, 7)]
    assert events[-1].remaining_s == 0
    assert all(earlier.elapsed_s < later.elapsed_s for earlier, later in itertools.pairwise(events))

    previews = []
    for event in events:
        preview = Image.open(io.BytesIO(event.preview or b""))
        assert (preview.format, max(preview.size)) == ("JPEG", 256)
        previews.append(np.asarray(preview.resize(final.size), dtype=float))
    left = [np.abs(preview - previews[-1]).mean() for preview in previews]
    assert left[0] > left[2] > left[4] > 0
    distances = [np.abs(preview - np.asarray(final)).mean() for preview in previews]
    assert distances[2] < distances[0] > distances[-1]
    assert distances[-1] < 25  # of 255; noise is about 80 away. What its colours miss it shares with the third


def test_without_previews_the_steps_are_told_and_the_picture_is_the_same(mini_engine: FiboEngine) -> None:
    """Looking on changes nothing."""
    events: list[StepEvent] = []
    request = a_request(mini_engine)
    without = mini_engine.render(request, events.append, previews=False).image
    assert [event.preview for event in events] == [None, None]
    assert np.array_equal(np.asarray(without), pixels(mini_engine, request))


def test_previews_of_a_wide_picture_are_wide(mini_engine: FiboEngine) -> None:
    """Rows and columns are not mixed up."""
    events: list[StepEvent] = []
    mini_engine.render(a_request(mini_engine, steps=1, width=336, height=192), events.append)
    assert Image.open(io.BytesIO(events[-1].preview or b"")).size == (256, 146)


# Ending a render early


def test_a_cancel_between_steps_ends_the_render_and_the_next_is_as_clean(mini_engine: FiboEngine) -> None:
    """Cancelled is raised, no picture comes, and the pipeline is as before."""
    clean = pixels(mini_engine, a_request(mini_engine))
    flag, told = CancelFlag(), []

    def press_cancel(event: StepEvent) -> None:
        told.append(event.step)
        flag.cancel()

    with pytest.raises(Cancelled):
        mini_engine.render(a_request(mini_engine, steps=50), press_cancel, flag)
    assert told == [1]
    assert np.array_equal(clean, pixels(mini_engine, a_request(mini_engine)))


def test_a_render_cancelled_before_it_starts_paints_nothing(mini_engine: FiboEngine) -> None:
    """Not one step."""
    flag, told = CancelFlag(), []
    flag.cancel()
    with pytest.raises(Cancelled):
        mini_engine.render(a_request(mini_engine), told.append, flag)
    assert told == []


def test_a_render_that_waits_for_its_turn_can_be_cancelled(mini_engine: FiboEngine) -> None:
    """The second caller leaves the queue while the first still paints."""
    painting, go_on, second = threading.Event(), threading.Event(), CancelFlag()

    def hold(event: StepEvent) -> None:
        painting.set()
        go_on.wait(60)

    first = threading.Thread(target=mini_engine.render, args=(a_request(mini_engine), hold))
    first.start()
    assert painting.wait(60)
    second.cancel()
    with pytest.raises(Cancelled):
        mini_engine.render(a_request(mini_engine), cancel=second)
    assert first.is_alive()
    go_on.set()
    first.join(60)


def test_a_render_beyond_its_time_limit_is_ended(mini_engine: FiboEngine) -> None:
    """The flag's clock is asked between the steps."""
    flag = CancelFlag(timeout_s=0.001)
    flag.start_clock()
    with pytest.raises(TimedOut, match="JOB_TIMEOUT_S"):
        mini_engine.render(a_request(mini_engine), cancel=flag)


def test_a_fault_of_the_observer_comes_out_and_the_next_render_works(mini_engine: FiboEngine) -> None:
    """A bug in a page's observer is not swallowed, and leaves the engine whole."""
    with pytest.raises(ZeroDivisionError):
        mini_engine.render(a_request(mini_engine), lambda event: 1 / 0)
    assert mini_engine.render(a_request(mini_engine)).image.size == (256, 256)


def test_two_renders_at_once_each_get_their_own_picture(mini_engine: FiboEngine) -> None:
    """Threads take turns; neither disturbs the other."""
    alone = {seed: pixels(mini_engine, a_request(mini_engine, seed=seed)) for seed in (1, 2)}
    together: dict[int, np.ndarray] = {}

    def paint(seed: int) -> None:
        together[seed] = pixels(mini_engine, a_request(mini_engine, seed=seed))

    threads = [threading.Thread(target=paint, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert all(np.array_equal(alone[seed], together[seed]) for seed in alone)


# Memory


def test_out_of_memory_on_the_device_is_one_sentence_and_the_next_render_works(
    mini_engine: FiboEngine, on_each_transformer_call: Callable[[Callable[[], None]], None]
) -> None:
    """Nothing of the failed render is held, not even by its error; the next gives its right picture."""
    import torch

    clean = pixels(mini_engine, a_request(mini_engine))
    calls = []

    def second_step_fails() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    on_each_transformer_call(second_step_fails)
    with pytest.raises(OutOfMemory, match="freed: shorten the prompt") as caught:
        mini_engine.render(a_request(mini_engine))
    frames = []
    trace = caught.value.__cause__.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    assert len(frames) > 2
    assert not [frame.f_code.co_name for frame in frames[1:] if frame.f_locals]
    assert np.array_equal(clean, pixels(mini_engine, a_request(mini_engine)))


REALLY_OUT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import find_model
from fibo_core.errors import OutOfMemory
from fibo_core.prompts.structured_prompt import StructuredPrompt

engine = FiboEngine("mini", hub_cache=Path("nowhere"))
prompt, revision = StructuredPrompt.parse('{"short_description":"a red ball"}'), engine.revision("mini")

def paint(side):
    settings = RenderSettings.of(find_model("mini"), size=(side, side), num_inference_steps=1)
    return engine.render(settings.request(prompt, 7, revision)).image.tobytes()

before = paint(256)
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 60_000_000, resource.RLIM_INFINITY))
try:
    paint(1024)
except OutOfMemory as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print("same:", paint(256) == before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory can be limited so on Linux only")
def test_memory_that_really_runs_out_is_said_and_the_process_goes_on() -> None:
    """An allocation the system refuses in the middle of a render, in a process with little room."""
    done = subprocess.run(
        [sys.executable, "-c", REALLY_OUT_OF_MEMORY],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "refused: The memory did not suffice for 1024×1024" in done.stdout
    assert "choose the shape 1:1 (256×256 pixels), shorten the prompt" in done.stdout
    assert "same: True" in done.stdout


def test_a_picture_larger_than_the_free_memory_is_refused_before_it_starts(
    mini_engine: FiboEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU the kernel would end the whole studio instead of refusing."""
    mini_engine.load("mini")
    monkeypatch.setattr(device, "available_memory", lambda: 1_000_000_000)
    told: list[StepEvent] = []
    with pytest.raises(
        OutOfMemory,
        match=r"2048×2048 pixels need about 3\.8 GB .* 1\.0 GB are free. Choose the shape 1:1 \(256×256 pixels",
    ):
        mini_engine.render(a_request(mini_engine, width=2048, height=2048), told.append)
    assert told == []


# Refusals


def test_too_long_a_prompt_is_refused_before_painting(mini_engine: FiboEngine) -> None:
    """With the count, and without a step: never cut silently."""
    long = StructuredPrompt.parse('{"short_description":"' + "seven nightingales " * 3000 + '"}')
    told: list[StepEvent] = []
    with pytest.raises(RequestError, match=r"tokens and the model reads 3,000"):
        mini_engine.render(a_request(mini_engine, prompt=long), told.append)
    assert told == []


def test_a_recipe_for_other_weights_is_refused(mini_engine: FiboEngine) -> None:
    """A row never names weights that did not paint its picture."""
    with pytest.raises(RequestError, match="revision"):
        mini_engine.render(a_request(mini_engine, revision="another"))


def test_a_negative_prompt_mini_does_not_know_is_refused(mini_engine: FiboEngine) -> None:
    """Rather than an index error deep inside."""
    with pytest.raises(RequestError, match="negative prompt"):
        mini_engine.render(a_request(mini_engine, negative_prompt=""))


# Loading


def test_nothing_is_loaded_before_it_is_needed_and_unloading_frees_it(tmp_path: Path) -> None:
    """Questions are answered without a model; a render loads it; unload lets it go."""
    engine = FiboEngine("mini", hub_cache=tmp_path)
    assert (engine.status().state, engine.status().model, engine.status().device) == ("unloaded", "mini", "")
    request = a_request(engine, steps=1)
    assert engine.status().state == "unloaded"
    engine.render(request)
    assert (engine.status().state, engine.status().device) == ("ready", "cpu")
    engine.unload()
    assert engine.status().state == "unloaded"
    assert engine._held is None


def test_unload_returns_at_once_and_is_done_when_the_picture_is_finished(tmp_path: Path) -> None:
    """Before the next picture, which waits already and loads the model again."""
    engine, painting, go_on = FiboEngine("mini", hub_cache=tmp_path), threading.Event(), threading.Event()
    loads: list[object] = []

    def hold(event: StepEvent) -> None:
        loads.append(engine._held)
        painting.set()
        assert go_on.wait(60)

    first, second = (threading.Thread(target=engine.render, args=(a_request(engine, steps=1), hold)) for _ in range(2))
    first.start()
    assert painting.wait(60)
    second.start()
    engine.unload()
    status = engine.status()
    assert (first.is_alive(), status.state, status.unloading) == (True, "ready", True)
    go_on.set()
    first.join(60)
    second.join(60)
    assert loads[0] is not loads[1], "it was unloaded between the two"
    assert (engine.status().state, engine.status().unloading) == ("ready", False)
    engine.unload()
    assert engine.status().state == "unloaded"


def test_a_painter_that_comes_back_the_moment_it_left_waits_for_its_share(tmp_path: Path) -> None:
    """Else it would paint where another model has all the memory."""
    engine = FiboEngine("mini", hub_cache=tmp_path, device=(device := SharedDevice(lambda: 10 * GB)))
    request, shares, painting = a_request(engine, steps=1), [], threading.Event()

    def on_step(event: StepEvent) -> None:
        shares.append(device.has(engine))
        painting.set()

    class Writer:
        def move_out(self) -> bool:
            device.release_share(self)
            return True

    engine.render(request)
    move_out, again = engine.move_out, threading.Thread(target=engine.render, args=(request, on_step))

    def move_out_and_come_back() -> bool:
        moved_out = move_out()
        again.start()
        painting.wait(5 if device.has(engine) else 0.5)
        return moved_out

    engine.move_out = move_out_and_come_back  # type: ignore[method-assign]
    with device.arrival(Writer(), 10 * GB, CancelFlag()):
        assert not painting.is_set()
    again.join(60)
    assert shares == [True]
    engine.move_out = move_out  # type: ignore[method-assign]
    engine.unload()


def test_the_status_is_answered_while_a_model_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health is asked all the time and must not wait; two who need the model load it once."""
    begun, go_on, opened = threading.Event(), threading.Event(), []
    really_open = loading._open

    def slowly(*arguments):
        opened.append(1)
        begun.set()
        go_on.wait(60)
        return really_open(*arguments)

    monkeypatch.setattr(loading, "_open", slowly)
    engine = FiboEngine("mini", hub_cache=tmp_path)
    threads = [threading.Thread(target=engine.load, args=("mini",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    assert engine.status().state == "loading"
    go_on.set()
    for thread in threads:
        thread.join(120)
    assert engine.status().state == "ready"
    assert opened == [1]


def test_a_disk_that_stumbles_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that may pass is waited out; the model is there in the end."""
    tries = []
    really_open = loading._open

    def stumble(*arguments):
        tries.append(1)
        if len(tries) == 1:
            raise OSError(5, "Input/output error")
        return really_open(*arguments)

    monkeypatch.setattr(loading, "_open", stumble)
    monkeypatch.setattr(loading, "WAITS_S", (0.01, 0.01))
    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    assert len(tries) == 2
    assert engine.status().state == "ready"


def test_a_load_that_keeps_failing_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last try the status says so, and a later load starts afresh."""
    with monkeypatch.context() as broken:
        broken.setattr(loading, "WAITS_S", (0.01,))
        broken.setattr(loading, "_open", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        engine = FiboEngine("mini", hub_cache=tmp_path)
        with pytest.raises(ModelLoadFailed, match="Input/output error"):
            engine.load("mini")
        assert engine.status().state == "failed"
        assert "Input/output error" in engine.status().error
    engine.load("mini")
    assert (engine.status().state, engine.status().error) == ("ready", "")


def test_weights_cut_short_do_not_load_and_are_not_tried_again(
    weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged file stays damaged: one sentence, at once, with what to do."""
    file = weights / "transformer" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    engine = FiboEngine("mini", hub_cache=tmp_path)
    with pytest.raises(
        ModelLoadFailed, match=r"model\.safetensors \(it has [\d,]+ of [\d,]+ bytes\)\. Bring that file"
    ):
        engine.render(a_request(engine))
    assert "Trying again" not in caplog.text
    assert engine.status().state == "failed"


def test_a_text_encoder_that_lacks_a_tensor_does_not_load(weights: Path, tmp_path: Path) -> None:
    """The library would fill it with chance and paint something else."""
    from safetensors.torch import load_file, save_file

    file = weights / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    lost = "model.layers.0.mlp.gate_proj.weight"
    del tensors[lost]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelLoadFailed, match=lost):
        FiboEngine("mini", hub_cache=tmp_path).load("mini")


def test_a_model_that_is_not_here_says_how_to_get_it_and_leaves_the_one_held(mini_engine: FiboEngine) -> None:
    """Asking for FIBO without its weights does not cost mini its place."""
    mini_engine.load("mini")
    for ask in (mini_engine.load, mini_engine.revision, lambda name: mini_engine.count_tokens(name, "{}")):
        with pytest.raises(ModelMissing, match=r"not on this machine.*Download them\.$") as error:
            ask("fibo")
        assert error.value.remedy == "download fibo"
    assert (mini_engine.status().state, mini_engine.status().model) == ("ready", "mini")


def test_a_model_that_does_not_load_leaves_the_one_before_painting(tmp_path: Path) -> None:
    """FIBO's configuration is damaged: the error says so, and mini, which had made room, is back."""
    file = a_snapshot(tmp_path, "c0ffee") / "transformer" / "config.json"
    file.write_text(file.read_text().replace('"num_layers": 1', '"num_layers": "x"'))
    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    with pytest.raises(ModelLoadFailed, match="FIBO"):
        engine.load("fibo")
    assert (engine.status().state, engine.status().model, engine.status().error) == ("ready", "mini", "")
    engine.render(a_request(engine, steps=1))


def test_weights_cut_short_are_known_before_the_model_that_paints_makes_room(tmp_path: Path) -> None:
    """Whatever part of them: by the headers alone."""
    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    held = engine._held
    file = next((a_snapshot(tmp_path, "c0ffee") / "vae").glob("*.safetensors"))
    for size in (file.stat().st_size - 1, 1000, 7, 0):
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(
            ModelLoadFailed, match=r"weights of FIBO in .* are damaged: vae/.* and download it"
        ) as error:
            engine.load("fibo")
        assert error.value.remedy == "download fibo"
        assert (engine.status().state, engine.status().model) == ("ready", "mini")
    assert engine._held is held


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("model_index.json", "{}", "it names no pipeline"),
        ("model_index.json", "null", "it holds no JSON object"),
        ("transformer/config.json", "[]", "it holds no JSON object"),
        ("vae/config.json", "", "it is no JSON, or cut short"),
        ("text_encoder/config.json", "[" * 100_000, "it is no JSON, or cut short"),
        ("scheduler/scheduler_config.json", '{"a', "it is no JSON, or cut short"),
    ],
)
def test_what_describes_a_model_and_is_no_json_object_is_named_before_the_model_that_paints_makes_room(
    tmp_path: Path, file: str, text: str, fault: str
) -> None:
    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    held = engine._held
    (a_snapshot(tmp_path, "c0ffee") / file).write_text(text)
    with pytest.raises(ModelLoadFailed, match=rf"are damaged: {file} \({fault}\)\. Remove that file, and download"):
        engine.load("fibo")
    assert engine._held is held


def test_weights_that_hold_what_is_no_number_are_named_and_no_adapters(weights: Path, tmp_path: Path) -> None:
    """No adapter is there to leave out."""
    from safetensors.torch import load_file, save_file

    file = weights / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values())).fill_(float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})
    engine = FiboEngine("mini", hub_cache=tmp_path)
    with pytest.raises(EngineError, match=r"run over \(NaN\).*the weights of mini are damaged: bring them") as error:
        engine.render(a_request(engine))
    assert "adapters" not in str(error.value)


def test_a_missing_default_model_is_a_failed_state(tmp_path: Path) -> None:
    """Health can say why no picture will come."""
    engine = FiboEngine("fibo", hub_cache=tmp_path)
    with pytest.raises(ModelMissing):
        engine.load("fibo")
    assert (engine.status().state, engine.status().model) == ("failed", "fibo")


def test_weights_that_change_on_disk_are_loaded_anew(weights: Path, tmp_path: Path) -> None:
    """What is painted is what the revision names, also after a change under a running studio."""
    engine = FiboEngine("mini", hub_cache=tmp_path)
    before = a_request(engine, steps=1)
    engine.render(before)
    scheduler = weights / "scheduler" / "scheduler_config.json"
    scheduler.write_text(scheduler.read_text().replace('"base_shift": 0.7', '"base_shift": 0.9'))
    with pytest.raises(RequestError, match="revision"):
        engine.render(before)
    after = a_request(engine, steps=1)
    assert after.revision != before.revision
    engine.render(after)


# Tokens


@pytest.mark.parametrize("text", [SCENE.canonical(), "{}", "", '{"short_description":"日本 \\u00e9 🦊"}', "a" * 2000])
def test_tokens_are_counted_as_the_pipeline_counts_them(mini_engine: FiboEngine, text: str) -> None:
    """The beginning-of-text token included."""
    mini_engine.load("mini")
    assert mini_engine.count_tokens("mini", text) == len(mini_engine._held.pipe.tokenizer(text).input_ids)


def test_every_model_of_the_catalogue_has_a_shape_the_request_allows() -> None:
    """Sizes that the limits would refuse are no sizes."""
    for spec in CATALOGUE.values():
        for aspect in spec.shapes:
            RenderSettings.of(spec, aspect=aspect)


def test_a_recipe_with_adapters_is_not_painted_without_them(mini_engine):
    """Its hash says that they are in the picture."""
    with pytest.raises(RequestError, match="has the adapter 'soft-light', which does not say"):
        mini_engine.render(a_request(mini_engine, adapters=("soft-light",)))


def test_several_loads_at_once_in_one_process_each_read_whole_weights() -> None:
    """Such as the painter and the local writer of a pod: the libraries change torch while they read."""
    pipes, faults = [], []

    def load() -> None:
        try:
            pipes.append(loading.load_pipeline(MINI, MINI_WEIGHTS, CancelFlag(), nullcontext)[1])
        except ModelLoadFailed as exc:
            faults.append(str(exc))

    loading.libraries()
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    parts = [part for pipe in pipes for part in pipe.components.values() if hasattr(part, "parameters")]
    assert not any(weight.is_meta for part in parts for weight in part.parameters())


# Compiled blocks


@pytest.mark.parametrize("family", ["fibo1", "fibo2"])
def test_compiled_blocks_paint_the_picture_and_the_recipe_says_so(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled without a compiler of C, which keeps all roundings: the same pixels, from blocks that were compiled."""
    import torch

    from fibo_core.models.families import FIBO2
    from tests.tiny import make_tiny_fibo2

    model = replace(MINI, name="tiny", fixed_negative=None)
    if family == "fibo2":
        model = replace(model, family=FIBO2, folder=make_tiny_fibo2(tmp_path / "tiny2"))
    monkeypatch.setattr("fibo_core.models.catalogue.CATALOGUE", {"tiny": model})
    monkeypatch.setattr(loading, "COMPILER", "aot_eager")
    torch._dynamo.utils.counters.clear()
    plain, compiled = (FiboEngine("tiny", hub_cache=tmp_path, compiled=compiled) for compiled in (False, True))
    settings = RenderSettings.of(model, size=(64, 64), num_inference_steps=2, negative_prompt="fog")
    request = settings.request(SCENE, 7, plain.revision("tiny"))
    before, after = plain.render(request), compiled.render(request)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert np.array_equal(np.asarray(before.image), np.asarray(after.image))
    assert after.versions["torch"] == f"{before.versions['torch']}, compiled blocks"
