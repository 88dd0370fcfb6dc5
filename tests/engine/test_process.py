"""The engine in a process of its own, on the embedded model: the same pictures as in one process, and what happens when
that process, or the studio's, ends in the middle of one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.edits import Edit
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.process import SECRETS, ProcessEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import Cancelled, DeviceFailed, InputGone, ModelLoadFailed, ModelMissing, RequestError, TimedOut
from fibo_core.models.added import Added
from fibo_core.models.catalogue import MINI_WEIGHTS, register
from tests.engine.test_fibo_engine import SCENE, a_request, pixels

PICTURES = {"a" * 64: Image.new("RGB", (256, 256), "red"), "b" * 64: Image.new("L", (256, 256), 0)}
PICTURES["b" * 64].paste(255, (64, 64, 192, 192))


def find(name: str) -> Image.Image:
    if name not in PICTURES:
        raise InputGone(f"The picture {name[:12]!r} is not here. Give it again.")
    return PICTURES[name]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    engine = ProcessEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"), pictures=find)
    yield engine
    engine.close()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[ProcessEngine]:
    """One whose process nobody else needs."""
    engine = ProcessEngine("mini", hub_cache=tmp_path)
    yield engine
    engine.close()


def pid_of(engine: ProcessEngine) -> int:
    return engine._child._process.pid


def is_there(pid: int) -> bool:
    """Whether the process exists; one that has ended and was not waited for does."""
    return Path(f"/proc/{pid}").exists()


def wait_until(done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_its_pictures_steps_and_previews_are_those_of_one_process(
    engine: ProcessEngine, mini_engine: FiboEngine
) -> None:
    """Bit for bit; and the studio's process needs no torch for it."""
    request, events, here = a_request(engine, steps=3), [], []
    rendered = engine.render(request, events.append)
    expected = mini_engine.render(request, here.append)
    assert np.array_equal(np.asarray(rendered.image), np.asarray(expected.image))
    assert (rendered.device, rendered.precision, rendered.versions, rendered.note) == (
        *(expected.device, expected.precision, expected.versions), "",
    )  # fmt: skip
    assert [(event.step, event.total) for event in events] == [(1, 3), (2, 3), (3, 3)]
    assert events[-1].preview == here[-1].preview
    assert engine.render(request, previews=False).image.tobytes() == rendered.image.tobytes()
    status = engine.status()
    assert (status.state, status.model, status.device) == ("ready", "mini", "cpu")


def test_several_seeds_in_one_pass_are_those_of_one_process(engine: ProcessEngine, mini_engine: FiboEngine) -> None:
    requests = [replace(a_request(engine), seed=seed) for seed in (7, 8, 9)]
    expected = mini_engine.render_together(requests)
    painted = engine.render_together(requests)
    assert [each.image.tobytes() for each in painted] == [each.image.tobytes() for each in expected]
    assert [each.precision for each in painted] == ["float32, together"] * 3


def test_an_edits_pictures_are_found_by_the_studio(engine: ProcessEngine, tmp_path: Path) -> None:
    """The process knows no store; one that is gone is the same sentence."""
    edit = Edit(source="a" * 64, mask="b" * 64)
    request = a_request(engine, edit=edit)
    here = FiboEngine("mini", hub_cache=tmp_path, pictures=find)
    assert np.array_equal(pixels(here, request), pixels(engine, request))
    with pytest.raises(InputGone, match="'cccccccccccc' is not here"):
        engine.render(replace(request, edit=replace(edit, source="c" * 64)))
    here.unload()


def test_a_cancel_ends_the_picture_at_its_step_and_the_next_one_is_right(engine: ProcessEngine) -> None:
    """In the same process, which goes on."""
    request = a_request(engine)
    whole, process = pixels(engine, request), pid_of(engine)
    flag, seen = CancelFlag(), []

    def cancel_at_the_second(event: StepEvent) -> None:
        seen.append(event.step)
        if event.step == 2:
            flag.cancel()

    with pytest.raises(Cancelled):
        engine.render(a_request(engine, steps=200), cancel_at_the_second, flag)
    assert seen[:2] == [1, 2]
    assert len(seen) < 20
    late = CancelFlag(timeout_s=0.5)
    late.start_clock()
    with pytest.raises(TimedOut, match=r"longer than 0\.5 s"):
        engine.render(a_request(engine, steps=200), cancel=late)
    assert np.array_equal(whole, pixels(engine, request))
    assert pid_of(engine) == process


@pytest.mark.parametrize("timeout_s", [None, 0.5])
def test_a_process_that_hangs_is_ended_after_a_cancel_or_its_deadline_and_the_next_picture_is_right(
    own_engine: ProcessEngine, timeout_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it answers nothing; whoever waits for the engine meanwhile has not run longer than he may."""
    monkeypatch.setattr("fibo_core.engine.process.PATIENCE_S", 1e9)
    monkeypatch.setattr("fibo_core.engine.process.SILENCE_S", 3.0)
    flag, hung, waited = CancelFlag(timeout_s), [], []

    def wait_for_the_engine() -> None:
        patient = CancelFlag(timeout_s=0.1)
        patient.start_clock()
        with patient.turn(own_engine._lock):
            waited.append("had its turn")

    other = threading.Thread(target=wait_for_the_engine)

    def hang(event: StepEvent) -> None:
        if not hung:
            hung.append(pid_of(own_engine))
            os.kill(hung[0], signal.SIGSTOP)
            other.start()
            flag.cancel() if timeout_s is None else flag.start_clock()

    with pytest.raises(Cancelled if timeout_s is None else TimedOut):
        own_engine.render(a_request(own_engine, steps=100), hang, flag)
    other.join(60)
    assert waited == ["had its turn"]
    assert not is_there(hung[0])
    assert own_engine.render(a_request(own_engine, steps=1)).note == ""


def test_errors_come_across_as_they_are(engine: ProcessEngine) -> None:
    """With their class, their sentence and their remedy; and who watches may end the work by an error of his own."""
    with pytest.raises(RequestError, match="at revision another"):
        engine.render(a_request(engine, revision="another"))
    with pytest.raises(ModelMissing, match="not on this machine") as missing:
        engine.load("fibo")
    assert missing.value.remedy == "download fibo"

    def stumble(event: StepEvent) -> None:
        raise ValueError("a bug of the page's")

    with pytest.raises(ValueError, match="a bug of the page's"):
        engine.render(a_request(engine, steps=100), stumble)
    assert engine.status().state == "ready"


def test_unloading_frees_the_model_and_the_next_picture_loads_it(engine: ProcessEngine) -> None:
    """Asked for and answered while nothing is painted, the process ends with it; in the middle of a picture it is done
    afterwards."""
    engine.load("mini")
    pid = pid_of(engine)
    engine.unload()
    assert (engine.status().state, is_there(pid)) == ("unloaded", False)
    assert engine.render(a_request(engine, steps=3), lambda event: engine.unload()).image.size == (256, 256)
    assert (engine.status().state, is_there(pid_of(engine))) == ("unloaded", False)
    assert engine.render(a_request(engine, steps=1)).image.size == (256, 256)
    assert engine.move_out()
    assert engine.render(a_request(engine, steps=1)).image.size == (256, 256)


def test_a_process_killed_in_the_middle_of_a_picture_costs_a_second_try(own_engine: ProcessEngine) -> None:
    """A fresh one paints it, the right one, and says so; nothing is left of the first, and the next job is as ever."""
    request, killed = a_request(own_engine, steps=4), []

    def kill_once(event: StepEvent) -> None:
        if event.step == 2 and not killed:
            killed.append(pid_of(own_engine))
            os.kill(killed[0], signal.SIGKILL)

    rendered = own_engine.render(request, kill_once)
    assert rendered.note == "The engine's process ended while it painted: this picture was painted by a fresh one."
    assert pid_of(own_engine) != killed[0]
    assert not is_there(killed[0]), "it was waited for"
    again = own_engine.render(request)
    assert again.note == ""
    assert again.image.tobytes() == rendered.image.tobytes()


def test_one_that_is_killed_twice_fails_with_a_sentence_and_the_next_job_works(own_engine: ProcessEngine) -> None:
    """No third try: what kills it may be the picture."""

    def kill(event: StepEvent) -> None:
        os.kill(pid_of(own_engine), signal.SIGKILL)

    painter = own_engine.status().painter
    with pytest.raises(DeviceFailed, match=r"ended while it worked \(signal SIGKILL\), and so did a fresh one"):
        own_engine.render(a_request(own_engine, steps=100), kill)
    status = own_engine.status()
    assert (status.state, status.model, status.painter, status.error) == ("unloaded", "mini", painter, "")
    assert own_engine.render(a_request(own_engine, steps=1)).note == ""


#: Has the first call of a layer, in each process that finds the file, fail as a GPU does that spoils its process.
FAULT = """
import os, torch

def hook(module, inputs):
    try:
        os.unlink({marker!r})
    except FileNotFoundError:
        return
    raise RuntimeError("CUDA error: an illegal memory access was encountered")

torch.nn.modules.module.register_module_forward_pre_hook(hook)
"""


def test_a_fault_of_the_gpu_that_spoils_the_process_restarts_the_engine_alone(
    own_engine: ProcessEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The picture is painted by a fresh one, and the log, which the studio writes, has the reason."""
    marker = tmp_path / "fault"
    (tmp_path / "sitecustomize.py").write_text(FAULT.format(marker=str(marker)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    own_engine.load("mini")
    first = pid_of(own_engine)
    marker.touch()
    rendered = own_engine.render(a_request(own_engine))
    assert not marker.exists()
    assert "painted by a fresh one" in rendered.note
    assert (pid_of(own_engine) != first, is_there(first)) == (True, False)
    assert "an illegal memory access was encountered" in caplog.text


def test_the_process_is_told_no_secret_and_ends_when_it_is_closed(
    own_engine: ProcessEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fetches nothing and asks nobody."""
    assert {"HF_TOKEN", "GOOGLE_API_KEY", "LLM_API_KEY", "STUDIO_PASSWORD", "STUDIO_API_KEY"} <= set(SECRETS)
    for name in SECRETS:
        monkeypatch.setenv(name, "hush-hush")
    own_engine.load("mini")
    pid = pid_of(own_engine)
    told = Path(f"/proc/{pid}/environ").read_bytes()
    assert (b"hush-hush" in told, b"HF_HUB_OFFLINE=1" in told) == (False, True)
    own_engine.close()
    assert not is_there(pid)
    with pytest.raises(DeviceFailed, match="was closed"):
        own_engine.load("mini")


STUDIO = """
import sys, time
from pathlib import Path
from fibo_core.engine.process import ProcessEngine
from tests.engine.test_fibo_engine import a_request

engine = ProcessEngine("mini", hub_cache=Path("nowhere"))
request = a_request(engine, steps=200)
print("torch" in sys.modules, flush=True)
engine.render(request, lambda event: print(engine._child._process.pid, flush=True))
"""


def test_a_studio_that_is_killed_takes_the_process_with_it(tmp_path: Path) -> None:
    """In the middle of a picture, without a word to it."""
    root = Path(__file__).parents[2]
    studio = subprocess.Popen(
        [sys.executable, "-c", STUDIO], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert studio.stdout is not None
    assert studio.stdout.readline() == "False\n", "the studio itself has no torch"
    pid = int(studio.stdout.readline())
    assert is_there(pid)
    studio.kill()
    studio.wait()
    studio.stdout.close()
    wait_until(lambda: not is_there(pid) or Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z")


def test_two_who_paint_at_once_take_turns(engine: ProcessEngine) -> None:
    """One picture at a time, and each gets its own."""
    requests = [a_request(engine, seed=seed, steps=2) for seed in (7, 8)]
    alone = [pixels(engine, request) for request in requests]
    painted: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda n=n: painted.update({n: pixels(engine, requests[n])})) for n in range(2)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert all(np.array_equal(painted[n], alone[n]) for n in range(2))


def test_a_model_that_does_not_load_leaves_the_one_before_and_a_fresh_process_knows_which_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a model of the user's own, which the process is told of; and the order that names none goes on with it."""
    own = Added(name="ours", source=str(MINI_WEIGHTS), family="fibo1", steps=2, side=256).spec
    broken = tmp_path / "broken"
    shutil.copytree(MINI_WEIGHTS, broken)
    file = broken / "transformer" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    damaged = Added(name="damaged", source=str(broken), family="fibo1", side=256).spec
    register([own, damaged])
    engine = ProcessEngine("mini", hub_cache=tmp_path)
    try:
        engine.load("ours")
        with pytest.raises(ModelLoadFailed, match="damaged"):
            engine.load("damaged")
        assert (engine.status().state, engine.status().model) == ("ready", "ours")
        os.kill(pid := pid_of(engine), signal.SIGKILL)
        wait_until(lambda: not is_there(pid))
        wait_until(lambda: engine.status().state == "unloaded")
        assert (engine.status().model, engine.status().model_for("generate")) == ("ours", "ours")
        settings = RenderSettings.of(own, num_inference_steps=1)
        request = replace(
            settings.request(SCENE, 7, engine.revision("ours")), negative_prompt="{}"
        )  # all that it knows
        assert engine.render(request).image.size == (256, 256)
        assert (engine.status().state, engine.status().model) == ("ready", "ours")
    finally:
        engine.close()
        register([])
