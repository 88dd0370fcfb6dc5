"""scripts/entrypoint.sh, what the container runs: from an empty environment to a studio, and to its end.

Stand-ins take the place of the set-up and of the studio where these are not the point (containers.py).
"""

import importlib.util
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.models.catalogue import BUILT_IN, CATALOGUE, find_weights
from fibo_core.models.plans import PLANS
from tests.scripts.containers import CHECKOUT, Container, can, container, end_all, first_process, wait_until
from tests.studio.web.test_server_ends import FOREVER, job, submit

__all__ = ["container"]

#: Made up, and unlike any other word of a log.
SECRETS = {name: f"made-up-{name.lower()}" for name in ("HF_TOKEN", "GOOGLE_API_KEY", "STUDIO_PASSWORD")}
OWN_PIDS = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
ENDS_WITHIN_S = 10  #: docker kills then


@pytest.fixture
def real_studio(tmp_path: Path) -> Iterator[Container]:
    """A container whose set-up is a stand-in, and whose studio is the real one."""
    container = Container(tmp_path, real_studio=True)
    yield container
    end_all(container)


# ---- What the machine lacks ------------------------------------------------------------------------------


def test_without_a_token_the_container_ends_and_says_how_to_get_one(container: Container):
    """The sentence is all a user of a pod's log needs."""
    container.env.pop("FIBO_MODEL")
    status, said = container.run()
    assert status == 1
    assert "HF_TOKEN is not set" in said
    assert "huggingface.co/settings/tokens" in said
    assert "set-up is at work" not in said


def test_every_fault_is_listed_at_once(container: Container):
    """Eight things are amiss, and one start is enough to hear of all of them."""
    container.env |= {"FIBO_MODEL": "fibo-9", "STUDIO_PORT": "", "GRADIO_SERVER_PORT": "web", "MAX_WORKERS": "99"}
    container.env |= {"FIBO_WRITER": "GPT", "LOG_LEVEL": "debug", "IDLE_STOP_MINUTES": "-1"}
    container.env |= {"GOOGLE_API_KEY": "AIza verysecret"}
    container.env |= {"WORKSPACE_DIR": "/proc/no-such-folder"}
    container.env["PATH"] = without_nvidia_smi(container)
    status, said = container.run()
    assert status == 1
    faults = re.findall(r"^studio:   \d\. (.*)", said, re.MULTILINE)
    assert [" ".join(fault.split()[:2]) for fault in faults] == [
        "GOOGLE_API_KEY holds",
        "FIBO_MODEL is",
        "FIBO_WRITER is",
        "GRADIO_SERVER_PORT is",
        "MAX_WORKERS is",
        "IDLE_STOP_MINUTES is",
        "No NVIDIA",
        "The volume",
    ]
    assert "verysecret" not in said
    assert faults[1:5] == [
        f"FIBO_MODEL is 'fibo-9'. Set it to auto, {', '.join(CATALOGUE)}.",
        "FIBO_WRITER is 'GPT'. Set it to auto, gemini, llm, local, offline.",
        "GRADIO_SERVER_PORT is 'web'. Set it to a whole number from 1 to 65535.",
        "MAX_WORKERS is '99'. Set it to a whole number from 1 to 32.",
    ]


def test_quotes_that_an_env_file_leaves_are_taken_off_for_all_that_is_started(container: Container):
    """The volume, the port and the keys are what stands between them; no value is said."""
    for name in ("WORKSPACE_DIR", "STUDIO_PORT", "FIBO_MODEL"):
        container.env[name] = f'"{container.env[name]}"'
    container.env["GOOGLE_API_KEY"] = "'made-up-key'"
    container.start()
    container.wait_for_words("serving")
    said = container.said
    for name in ("WORKSPACE_DIR", "STUDIO_PORT", "FIBO_MODEL", "GOOGLE_API_KEY"):
        assert f"{name} stands in quotes, which were taken off." in said
    assert "made-up-key" not in said


def test_where_no_volume_is_mounted_nothing_is_begun(container: Container):
    """Pictures must not be made where they go with the container, nor an empty gallery be shown in place of a volume
    that comes late."""
    if os.path.ismount("/workspace"):
        pytest.skip("a volume is mounted at /workspace here")
    container.env.pop("WORKSPACE_DIR")
    status, said = container.run()
    assert status == 1
    assert "No volume is mounted at /workspace" in said
    assert "set-up is at work" not in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("size=64m", "is too small: 0.1 GB are free, and it needs 3 GB for the environment, 1 GB for new pictures"),
        ("size=4m", "cannot be written: No space left on device"),
        ("ro", "cannot be written: Read-only file system"),
    ],
)
def test_a_volume_that_will_not_do_is_named_before_anything_is_made(container: Container, options: str, sentence: str):
    """Too small, full, or read-only."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", container.volume]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("such a disk can only be mounted by root")
    try:
        status, said = container.run()
        left = [*container.volume.iterdir()]
    finally:
        subprocess.run(["umount", container.volume], check=True)
    assert (status, left) == (1, [])
    assert f"The volume at {container.volume} {sentence}" in said


def test_what_an_interrupted_set_up_has_left_does_not_keep_the_next_one_from_beginning(container: Container):
    """It is removed first, so its room counts: a disk that had room for the first start has room for the next."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3500m", "tmpfs", container.volume]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("such a disk can only be mounted by root")
    try:
        assert "is too small: 3.7 GB are free, and it needs 3 GB for the environment" in container.run()[1]
        half_made = container.volume / ".studio" / "container" / "app-0123456789abcdef" / "lib"
        half_made.mkdir(parents=True)
        with (half_made / "torch").open("wb") as torch:
            torch.truncate(800_000_000)
        container.start()
        container.wait_for_words("serving")
    finally:
        end_all(container)
        subprocess.run(["umount", container.volume], check=True)


def without_nvidia_smi(container: Container) -> str:
    """A PATH on which all is as it was, but for nvidia-smi."""
    folders = [folder for folder in os.environ["PATH"].split(":") if not Path(folder, "nvidia-smi").exists()]
    return f"{container.tools}:{':'.join(folders)}"


def with_gpu(container: Container, *, smi: str, cuda: str = "0") -> None:
    """A GPU: an nvidia-smi that does as told, and a driver library that answers cuInit with a number."""
    container.script(container.tools / "nvidia-smi", f"#!/bin/sh\n{smi}\n")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a stand-in for the driver's library needs a C compiler")
    source = container.folder / "cuda.c"
    source.write_text(
        f"int cuInit(unsigned flags) {{ return {cuda}; }} int cuDeviceGetCount(int *count) {{ *count = 1; return 0; }}"
    )
    library = container.tools / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    container.env |= {"FIBO_MODEL": "fibo", "HF_TOKEN": SECRETS["HF_TOKEN"], "LD_LIBRARY_PATH": str(container.tools)}


@pytest.mark.parametrize(
    ("smi", "cuda", "sentence"),
    [
        ("echo 'No devices were found'; exit 6", "0", "nvidia-smi said 'No devices were found' (exit 6)"),
        ("echo 'NVIDIA H200, 143771 MiB, 570.195.03'", "999", "CUDA does not begin: the driver answers with error 999"),
    ],
)
def test_a_gpu_whose_driver_is_ill_is_said_at_once(container: Container, smi: str, cuda: str, sentence: str):
    """Another host is the remedy, and ten minutes of set-up would not have helped."""
    with_gpu(container, smi=smi, cuda=cuda)
    status, said = container.run()
    assert status == 1
    assert sentence in said
    assert "take another one" in said


def test_a_driver_that_never_answers_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Even where nvidia-smi leaves children that hold its output; a minute is given, here less."""
    spec = importlib.util.spec_from_file_location("preflight", CHECKOUT / "scripts" / "preflight.py")
    assert spec is not None
    assert spec.loader is not None
    monkeypatch.setitem(sys.modules, "preflight", preflight := importlib.util.module_from_spec(spec))
    spec.loader.exec_module(preflight)
    monkeypatch.setattr(preflight, "PATIENCE_S", 0.3)
    Container.script(tmp_path / "nvidia-smi", "#!/bin/sh\nsleep 5 &\nwait\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = preflight.gpu_trouble(preflight.Findings())
    assert said.startswith(
        "The GPU's driver does not answer: nvidia-smi did not end within 0.3 s. The fault is the host's"
    )


def test_a_gpu_that_answers_is_shown_and_weights_that_do_not_fit_are_a_fault(container: Container):
    """With GPU and token, only the disk stands in the way."""
    with_gpu(container, smi="echo 'NVIDIA H200, 143771 MiB, 570.195.03'")
    mount = ["mount", "-t", "tmpfs", "-o", "size=6g", "tmpfs", container.volume]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        status, said = container.run()
    finally:
        subprocess.run(["umount", container.volume], check=True)
    assert "GPU: NVIDIA H200, 143771 MiB, 570.195.03" in said
    assert re.findall(r"^studio:   \d\. (.*)", said, re.MULTILINE) == [
        f"The volume at {container.volume} is too small: 6.4 GB are free, and it needs 3 GB for the environment, 25 GB "
        "for FIBO's weights, 1 GB for new pictures. Enlarge it or free some space, or set FIBO_MODEL to mini, which "
        "needs no weights."
    ]
    assert status == 1


#: By what nvidia-smi says of cards of 4, 12, 24 and 80 GB.
CARDS = {4: 4096, 12: 12288, 24: 23028, 80: 81559}


def preflight_on(
    container: Container, *, mount_gb: int, card_gib: int, main_gb: int = 64, **env: str
) -> tuple[int, str]:
    """The entrypoint on such a card, with so much main memory and so large a volume; its exit code and what it said.

    A studio that comes up is ended.
    """
    with_gpu(container, smi=f"echo 'NVIDIA Test, {CARDS[card_gib]} MiB, 570.195.03'")
    for name in ("FIBO_MODEL", "HF_TOKEN"):
        del container.env[name]
    container.env |= {"RUNPOD_POD_ID": "abc", "UV_CACHE_DIR": str(container.folder / "uv"), **env}
    memory = container.folder / "meminfo"
    memory.write_text(f"MemTotal: {int(main_gb * 1e9 / 1024)} kB\n")
    script = f'mount --bind "$0" /proc/meminfo && mount -t tmpfs -o size={mount_gb}g tmpfs "$1" && shift && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, str(memory), str(container.volume))
    if os.geteuid() != 0 or not can(*inside):
        pytest.skip("another machine can only be pretended by root")
    process = container.start(inside=inside)
    wait_until(lambda: process.poll() is not None or "serving" in container.said, lambda: container.said)
    end_all(container)
    return process.returncode, container.said


@pytest.mark.parametrize("token", ["", SECRETS["HF_TOKEN"]])
@pytest.mark.parametrize("card_gib", [4])
def test_a_card_too_small_for_fibo_is_said_before_anything_is_fetched(container: Container, card_gib: int, token: str):
    """mini paints, so neither a token nor FIBO's 25 GB on the volume are asked for."""
    status, said = preflight_on(container, mount_gb=5, card_gib=card_gib, **({"HF_TOKEN": token} if token else {}))
    assert status == 0
    card_gb = CARDS[card_gib] * 2**20 / 1e9
    assert f"FIBO needs about 6.0 GB of GPU memory, and this GPU has {card_gb:.1f}. So mini paints" in said
    assert "FIBO-vlm fits" not in said
    assert "cannot start here" not in said


@pytest.mark.parametrize(
    ("card_gib", "how"), [(12, "piece by piece"), (24, "part by part"), (80, "all of it on the card")]
)
@pytest.mark.parametrize("token", ["", SECRETS["HF_TOKEN"]])
def test_a_card_that_holds_fibo_is_said_with_how(container: Container, card_gib: int, how: str, token: str):
    """Then a token is needed, and room for its weights; the local writer's come too where no Gemini key is."""
    status, said = preflight_on(container, mount_gb=5, card_gib=card_gib, **({"HF_TOKEN": token} if token else {}))
    assert status == 1
    assert f"FIBO fits: {how}" in said
    assert "Main memory: 64.0 GB" in said
    assert ("HF_TOKEN is not set" in said) == (token == "")
    assert "25 GB for FIBO's weights, 1 GB for new pictures" in said
    assert ("9 GB for the local writer's weights" in said) == bool(token)


@pytest.mark.parametrize(("env", "said_so"), [
    ({}, True), ({"GOOGLE_API_KEY": SECRETS["GOOGLE_API_KEY"]}, False), ({"FIBO_WRITER": "offline"}, False),
])  # fmt: skip
def test_a_volume_without_room_for_the_local_writer_is_said_and_is_no_fault(container: Container, env, said_so: bool):
    """It is a writer of three; where it will not be fetched nothing is said."""
    status, said = preflight_on(container, mount_gb=29, card_gib=80, HF_TOKEN=SECRETS["HF_TOKEN"], **env)
    assert status == 0
    assert ("The local writer's weights, 9 GB, do not fit on the volume" in said) == said_so


@pytest.mark.parametrize(
    ("card_gib", "main_gb", "model", "status", "sentence"),
    [
        (4, 64, "fibo", 1, "1. FIBO needs about 6.0 GB of GPU memory, and this GPU has 4.3. Take a larger GPU"),
        (80, 16, "auto", 0, "FIBO needs about 26.1 GB of main memory, and this machine has 16.0. So mini paints"),
        (80, 16, "briaai/FIBO", 0, "this machine has 16.0. FIBO_MODEL asks for it by name, so it is tried"),
    ],
)
def test_what_is_asked_for_by_name_ends_the_start_only_where_it_must_fail(
    container: Container, card_gib: int, main_gb: int, model: str, status: int, sentence: str
):
    """A card too small refuses the model itself; of main memory the figure is computed, and may be tried."""
    more = {"HF_TOKEN": SECRETS["HF_TOKEN"], "FIBO_MODEL": model}
    ended, said = preflight_on(container, mount_gb=40, card_gib=card_gib, main_gb=main_gb, **more)
    assert sentence in said
    assert ended == status


def test_the_check_knows_models_and_weights_as_the_catalogue_does():
    """It cannot import the catalogue: nothing is installed when it runs."""
    preflight = runpy.run_path(str(CHECKOUT / "scripts" / "preflight.py"))
    assert preflight["REPOS"] == {plan.model: find_weights(plan.model).repo for plan in PLANS}
    assert preflight["MODELS"] == ("auto", *BUILT_IN, *(spec.repo for spec in BUILT_IN.values() if spec.repo))


# ---- While it is set up ----------------------------------------------------------------------------------


def test_the_set_up_is_shown_where_the_studio_will_be(container: Container):
    """A browser sees the step; a health check sees that it is loading; calls and old tabs are told to come again."""
    container.gate.touch()
    container.start()
    health = container.wait_for_health(lambda state: state.get("setup", {}).get("step") == 3)
    assert health["status"] == "loading"
    assert health["setup"] == {"step": 3, "of": 6, "doing": "Installing the packages"}
    status, page = container.get("/")
    assert (status, "Setting up, step 3 of 6" in page) == (200, True)
    assert container.get("/_stcore/health")[0] == 503
    assert container.get("/api/v1/models")[0] == 503
    container.gate.unlink()
    assert container.wait_for_health(lambda state: "setup" not in state)["status"] == "healthy"


def test_ssh_and_jupyter_are_the_base_images_and_know_no_secret(container: Container):
    """Its start script runs beside the studio where the pod brings a key, and is ended with it."""
    told = container.folder / "told"
    base = container.script(
        container.tools / "start.sh",
        f"#!/bin/bash\nexport OWN_PID=$$\nprintenv >'{told}.part'\nmv '{told}.part' '{told}'\nexec sleep 1000\n",
    )
    container.env |= SECRETS | {"STUDIO_BASE_START": str(base), "RUNPOD_POD_ID": "abc123"}
    container.start()
    container.wait_for_words("serving")
    assert not told.exists()
    end_all(container)

    container.env["PUBLIC_KEY"] = "ssh-ed25519 made-up"
    process = container.start()
    wait_until(told.exists, lambda: container.said)
    environment = told.read_text()
    assert "PUBLIC_KEY=ssh-ed25519 made-up" in environment
    assert f"WORKSPACE_DIR={container.volume}" in environment
    assert [name for name, value in SECRETS.items() if name in environment or value in environment] == []
    process.terminate()
    assert process.wait(timeout=ENDS_WITHIN_S) == 0
    pid = next(line.split("=")[1] for line in environment.splitlines() if line.startswith("OWN_PID="))
    wait_until(lambda: not Path("/proc", pid).exists())


def test_what_ends_by_itself_ends_the_container_with_its_own_words(container: Container):
    """A set-up that fails is not hidden behind a page that goes on."""
    container.script(container.root / "scripts" / "runtime_setup.sh", "#!/bin/sh\necho 'no network' >&2\nexit 3\n")
    status, said = container.run()
    assert status == 3
    assert "no network" in said
    assert "The studio has ended (exit 3)" in said
    assert container.health() == {}


def test_with_arguments_it_is_the_program_in_the_same_environment(container: Container):
    """`fibo-studio history list` in the pod's terminal; no check, no page."""
    (container.root / "studio" / "__main__.py").write_text(
        "import os, sys; print(sys.argv[1:], os.environ['WORKSPACE_DIR'], os.environ['STUDIO_ENV_DIR'])"
    )
    container.env["STUDIO_STEPS_FILE"] = str(container.folder / "steps")
    status, said = container.run("history", "list")
    assert status == 0
    assert f"['history', 'list'] {container.volume} {container.volume}/.studio/container" in said
    assert "FIBO Studio" not in said


# ---- Its end, and the next start -------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["the machine is looked at", "the set-up is at work", "serving"])
def test_a_signal_ends_it_at_any_moment_and_it_starts_again(container: Container, moment: str):
    """As the first process of its container, for which signals without a handler are lost."""
    if not can(*OWN_PIDS):
        pytest.skip("this user may not make a PID namespace")
    gate = container.gate
    if moment == "the machine is looked at":
        container.script(
            container.tools / "nvidia-smi", f"#!/bin/sh\necho '{moment}' >>'{container.folder}/log'\nexec sleep 1000\n"
        )
    elif moment != "serving":
        gate.touch()
    process = container.start(inside=OWN_PIDS)
    container.wait_for_words(moment)
    os.kill(first_process(process), signal.SIGTERM)
    assert process.wait(timeout=ENDS_WITHIN_S) == 0
    assert "Ending" in container.said

    gate.unlink(missing_ok=True)
    (container.tools / "nvidia-smi").unlink(missing_ok=True)
    container.start()
    assert container.wait_for_health(lambda state: "setup" not in state)["status"] == "healthy"


@pytest.mark.parametrize("moment", ["the set-up is at work", "serving"])
def test_killed_at_any_moment_it_starts_again(container: Container, moment: str):
    """kill -9 of the container, as when the host dies: nothing that is left behind is in the way."""
    if not can(*OWN_PIDS):
        pytest.skip("this user may not make a PID namespace")
    if moment != "serving":
        container.gate.touch()
    process = container.start(inside=OWN_PIDS)
    container.wait_for_words(moment)
    os.kill(first_process(process), signal.SIGKILL)
    process.wait()
    assert container.health() == {}

    container.gate.unlink(missing_ok=True)
    container.start()
    assert container.wait_for_health(lambda state: "setup" not in state)["status"] == "healthy"


@pytest.mark.slow
def test_the_real_studio_takes_the_port_over_and_ends_in_time(real_studio: Container):
    """From the set-up's page to the studio on one port; the pod's own address is let in and a foreign one is not; no
    secret is in the log or on the volume; a signal ends it in time, and the running job is marked."""
    container = real_studio
    container.env |= SECRETS | {"RUNPOD_POD_ID": "abc123", "MAX_WORKERS": "1", "STUDIO_DIRECT_TCP": "on"}
    container.env |= {"RUNPOD_PUBLIC_IP": "192.0.2.7", f"RUNPOD_TCP_PORT_{container.port}": "10042"}
    container.env |= {"RUNPOD_TCP_PORT_22": "10022"}
    container.env |= {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # nobody is there
    running = submit(container.volume, steps=FOREVER)
    container.gate.touch()
    process = container.start()
    container.wait_for_health(lambda state: state["setup"]["step"] == 3)
    container.gate.unlink()
    container.wait_for_health(lambda state: "setup" not in state)

    proxy = f"https://abc123-{container.port}.proxy.runpod.net"
    assert socket_answer(container, proxy, host="127.0.0.1:7860") == 101
    assert socket_answer(container, "http://192.0.2.7:10042", host="192.0.2.7:10042") == 101
    assert socket_answer(container, "http://127.0.0.1:7860", host="127.0.0.1:7860") == 101  # as by an ssh tunnel
    assert socket_answer(container, "https://abd123-7860.proxy.runpod.net", host="127.0.0.1:7860") == 403
    container.wait_for_health(lambda state: state["model_loaded"] and state["queue"]["running"] == 1)
    process.terminate()
    assert process.wait(timeout=ENDS_WITHIN_S) == 0
    assert job(container.volume, running).state == "interrupted"

    assert f"on this pod: {proxy}\n" in container.said
    assert "on this pod: http://192.0.2.7:10042  (plain HTTP" in container.said
    tunnel = f"ssh -L {container.port}:127.0.0.1:{container.port} root@192.0.2.7 -p 10022"
    assert f"without the proxy: {tunnel}  (then" in container.said
    written = [container.folder / "log", *container.volume.rglob("*")]
    texts = {path: path.read_bytes() for path in written if path.is_file()}
    assert [path for path, text in texts.items() for secret in SECRETS.values() if secret.encode() in text] == []


def socket_answer(container: Container, origin: str, host: str) -> int:
    """How a page's socket is answered, the page coming from ``origin``; a proxy may have changed the host."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers |= {"Authorization": f"Bearer {SECRETS['STUDIO_PASSWORD']}"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Host": host, "Origin": origin}
    return container.get("/_stcore/stream", **headers)[0]


# ---- Nothing is a stand-in -------------------------------------------------------------------------------


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Container]:
    """A container in which all is real; packages come from this machine's cache where they lie there."""
    container = Container(tmp_path, real_setup=True, real_studio=True)
    passed_on = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    container.env |= {name: value for name, value in os.environ.items() if name.upper().startswith(passed_on)}
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    container.env |= {"UV_CACHE_DIR": cache, "RUNPOD_POD_ID": "abc123"}
    del container.env["PYTHONDONTWRITEBYTECODE"]  # the set-up compiles what it installs
    yield container
    end_all(container)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_first_start_makes_the_pods_environment_and_a_second_one_needs_no_network(whole: Container):
    """The whole way in an empty environment; then again with neither network nor cache, and nothing is made anew."""
    process = whole.start()
    whole.wait_for_health(lambda state: state["setup"]["step"] >= 2)
    wait_until(lambda: whole.health().get("setup") is None and whole.health(), lambda: whole.said, seconds=500)
    (stamp,) = (whole.volume / ".studio" / "abc123").glob("app-*/.complete")
    made = stamp.stat().st_mtime_ns
    process.terminate()
    assert process.wait(timeout=ENDS_WITHIN_S) == 0

    alone = ("unshare", "--net", *OWN_PIDS[1:])
    if not can(*alone):
        pytest.skip("the first start went well; this user may not cut the network for the second")
    whole.env["UV_CACHE_DIR"] = str(whole.folder / "empty")
    whole.script(whole.tools / "with-loopback", '#!/bin/sh\nip link set lo up\nexec "$@"\n')
    process = whole.start(inside=(*alone, str(whole.tools / "with-loopback")))
    within = ["nsenter", "--net", "--target", str(first_process(process)), sys.executable, "-c", ASK, str(whole.port)]
    wait_until(lambda: (health := asked(within)) and "setup" not in health, lambda: whole.said)
    os.kill(first_process(process), signal.SIGTERM)
    assert process.wait(timeout=ENDS_WITHIN_S) == 0
    assert stamp.stat().st_mtime_ns == made
    assert whole.said.count("Making the environment") == 1


ASK = "import sys, urllib.request as r; print(r.urlopen(f'http://127.0.0.1:{sys.argv[1]}/health').read().decode())"


def asked(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_a_workspace_in_the_home_of_nobody_is_a_fault_and_no_folder_of_that_name_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    preflight = runpy.run_path(str(CHECKOUT / "scripts" / "preflight.py"))
    monkeypatch.chdir(tmp_path)
    for name in ("WORKSPACE_DIR", "FIBO_MODEL"):
        monkeypatch.setenv(name, "~nobody-of-this-name/x")
    found = preflight["Findings"]()
    preflight["look_at_volume"](found)
    (fault,) = found.faults
    assert fault.startswith("WORKSPACE_DIR is '~nobody-of-this-name/x', and there is no home of that user.")
    assert not preflight["is_another_model"]("~nobody-of-this-name/x")
    assert list(tmp_path.iterdir()) == []
