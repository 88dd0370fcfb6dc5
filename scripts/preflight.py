"""Whether this machine will do for the studio: every fault at once, each with what to do about it.

    python3 scripts/preflight.py              exit 0, or 1 with the faults on stderr
    python3 scripts/preflight.py --secrets    the names of the variables that hold secrets
    python3 scripts/preflight.py --quoted     the names of those whose values stand in quotes

Standard library only: scripts/entrypoint.sh runs it before anything is installed. It prints what it finds of the
machine, and never a variable that may hold a secret.
"""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: What fits a machine. Read as a file: its package needs libraries.
plans = runpy.run_path(str(ROOT / "fibo_core" / "models" / "plans.py"))
VOLUME = "/workspace"

ENVIRONMENT_GB = 3.0  #: what runtime_setup.sh asks for where the image brings torch
SPARE_GB = 1.0  #: below it the studio itself warns
#: The repositories of weights that are fetched, by the models' names.
REPOS = {
    "fibo": "briaai/FIBO",
    "fibo-lite": "briaai/Fibo-lite",
    "fibo-1.5": "briaai/Fibo-1.5",
    "fibo-2": "briaai/Fibo-2.0-dev",
    "fibo-2-turbo": "briaai/Fibo-2.0-edit-turbo",
    "fibo-edit": "briaai/Fibo-Edit",
    "fibo-edit-1.5": "briaai/Fibo-Edit-1.5-base",
    "fibo-edit-1.5-turbo": "briaai/Fibo-Edit-1.5-turbo",
    "fibo-vlm": "briaai/FIBO-vlm",
}
PAINTERS = tuple(name for name in REPOS if name != "fibo-vlm")
#: What FIBO_MODEL may be: the catalogue's names and repositories, a folder, or a model that was added.
MODELS = ("auto", "mini", *PAINTERS, *(REPOS[name] for name in PAINTERS))
PROBE_BYTES = 16_000_000  #: a quota, which the free space does not show, is noticed in writing
PATIENCE_S = 60  #: a driver that is ill may never answer

#: What a pod tells of its image.
IMAGE_VERSIONS = {"PyTorch": "PYTORCH_VERSION", "CUDA": "CUDA_VERSION"}
OLDER_NAMES = {"STUDIO_PORT": "GRADIO_SERVER_PORT"}
#: On a pod others listen there: the base image's nginx, ssh, Jupyter.
TAKEN_PORTS = (22, 3001, 7270, 7861, 8001, 8081, 8888, 9091)

#: Asks the driver itself, as torch.cuda.init() would, in a process that may hang or crash.
CUDA_PROBE = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
count, version = ctypes.c_int(), ctypes.c_int()
print(cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)), count.value)
"""

ANOTHER_HOST = "The fault is the host's: end this pod and take another one."


@dataclass
class Findings:
    """What was seen (a line each), what is amiss, and what should be known.

    ``card_gb`` is the GPU's memory, None where the driver does not tell. ``lacks_for_fibo`` is what GPU or memory lack
    for FIBO, in a sentence; "" where it fits or where that is not known.
    """

    card_gb: float | None = None
    lacks_for_fibo: str = ""
    seen: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def variable(name: str) -> str:
    """Its value without blanks around it, as Settings reads it."""
    return os.environ.get(name, "").strip()


def on_pod() -> bool:
    return bool(variable("RUNPOD_POD_ID"))


def asked_model() -> str:
    """What FIBO_MODEL asks for: "auto", a name of the catalogue, a folder, or a model that was added."""
    model = variable("FIBO_MODEL").lower() or "auto"
    return next((name for name in PAINTERS if REPOS[name].lower() == model), model)


def painter() -> str:
    """The model of Bria's that will paint where it fits; "" where none of them is asked for."""
    model = asked_model()
    return "fibo" if model == "auto" else model if model in PAINTERS else ""


def paints_with_fibo(found: Findings) -> bool:
    """Whether a model of Bria's will paint: it is asked for by name, or fits where it is not."""
    return bool(painter()) and not (asked_model() == "auto" and found.lacks_for_fibo)


def is_another_model(value: str) -> bool:
    """Whether FIBO_MODEL names a folder, or a model in the workspace's list of those that were added."""
    if value.startswith(("/", "~", ".")):
        return os.path.isdir(os.path.expanduser(value))
    try:
        listed = tomllib.loads((Path(variable("WORKSPACE_DIR") or VOLUME) / "models.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return value.lower() in listed.get("models", {})


def look_at_variables(found: Findings) -> None:
    if paints_with_fibo(found) and not variable("HF_TOKEN"):
        found.faults.append(
            f"HF_TOKEN is not set, and FIBO's weights are gated. Accept the licence at "
            f"huggingface.co/{REPOS[painter()]} (and "
            "the one at huggingface.co/briaai/FIBO-vlm, if it is to write prompts), make a token at "
            "huggingface.co/settings/tokens, and set HF_TOKEN in the pod's environment; or set FIBO_MODEL to mini, "
            "which needs none."
        )
    for each in table():
        older = OLDER_NAMES.get(each.name, "")
        name = each.name if variable(each.name) or not variable(older) else older
        value = variable(name)
        if not value:
            continue
        choices = MODELS if each.name == "FIBO_MODEL" else each.choices
        if each.name == "FIBO_MODEL" and is_another_model(value):
            continue
        if choices and value.lower() not in map(str.lower, choices):
            named = ", ".join(choice for choice in choices if "/" not in choice)
            found.faults.append(f"{name} is {value!r}. Set it to {named}.")
        elif each.secret and (wrong := each.secret.never.search(value)):
            found.faults.append(
                f"{name} holds a character that it may not (character {wrong.start() + 1}). "
                f"Set it to {each.secret.wanted}."
            )
        elif each.between and not is_whole(value, *each.between):
            low, high = each.between
            found.faults.append(f"{name} is {value!r}. Set it to a whole number from {low} to {high}.")
        elif each.name == "STUDIO_PORT" and on_pod() and int(value) in TAKEN_PORTS:
            found.faults.append(f"{name} is {value}, where a service of the pod's image listens. Leave it at 7860.")


def is_whole(text: str, low: int, high: int) -> bool:
    """Whether it is a whole number between the two."""
    try:
        return low <= int(text) <= high
    except ValueError:
        return False


def look_at_machine(found: Findings) -> str:
    """Sees GPU and memory, and what of the models fits them; why no GPU can be used, or ""."""
    trouble, main_gb = gpu_trouble(found), plans["main_memory_gb"]()
    if main_gb is not None:
        found.seen.append(f"Main memory: {main_gb:.1f} GB")
    if trouble:
        return trouble
    for model in dict.fromkeys((painter() or "fibo", "fibo-vlm")):
        if plan := plans["plan_for"](model, found.card_gb, main_gb):
            known = "fits" if found.card_gb is not None else "may fit, for the driver does not tell the GPU's memory"
            found.seen.append(f"{plan.title} {known}: {plan.how}")
    found.lacks_for_fibo = plans["shortfall"](painter() or "fibo", found.card_gb, main_gb)
    return ""


def look_at_fit(found: Findings, trouble: str) -> None:
    """Says what cannot be used, before anything is fetched for it."""
    lack, model = found.lacks_for_fibo, asked_model()
    if trouble and model == "mini":
        found.notes.append("No GPU is in use: mini paints on the processor.")
    elif trouble:
        found.faults.append(f"{trouble} Or set FIBO_MODEL to mini, which paints without a GPU.")
    elif lack and model == "auto":
        found.notes.append(
            f"{lack} So mini paints, and FIBO's weights are not fetched. docs/DEPLOYMENT.md has what fits which card."
        )
    elif lack and painter() and plans["shortfall"](painter(), found.card_gb, None):
        found.faults.append(f"{lack} Take a larger GPU, or set FIBO_MODEL to auto or mini, which paints on any.")
    elif lack and painter():
        found.notes.append(f"{lack} FIBO_MODEL asks for it by name, so it is tried all the same.")


def gpu_trouble(found: Findings) -> str:
    """Why no GPU can be used, or ""."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "No NVIDIA GPU is here: nvidia-smi is missing. Give the pod a GPU, or the container --gpus all."
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    asked = ask(query)
    if asked is None:
        return f"The GPU's driver does not answer: nvidia-smi did not end within {PATIENCE_S} s. {ANOTHER_HOST}"
    status, out, errors = asked
    lines = [line.strip() for line in (out or errors).splitlines() if line.strip()]
    if status != 0 or not lines:
        said = lines[0][:200] if lines else "nothing"
        return f"The GPU's driver does not answer: nvidia-smi said {said!r} (exit {status}). {ANOTHER_HOST}"
    found.seen += [f"GPU: {line}" for line in lines]
    found.card_gb = plans["card_gb"](out)
    return cuda_trouble()


def ask(command: list[str]) -> tuple[int, str, str] | None:
    """Exit status and both outputs; None where it does not end. It is killed then and not waited for: a process that
    hangs in a driver cannot even be killed."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    except OSError as exc:
        return 126, "", str(exc.strerror)
    try:
        out, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return None
    return process.returncode, out, errors


def cuda_trouble() -> str:
    """Why CUDA cannot be begun although nvidia-smi is content, or ""."""
    asked = ask([sys.executable, "-I", "-c", CUDA_PROBE])
    if asked is None:
        return f"CUDA does not begin: the driver did not answer within {PATIENCE_S} s. {ANOTHER_HOST}"
    status, out, errors = asked
    if "libcuda.so.1" in errors:
        return (
            "CUDA does not begin: libcuda.so.1 is not here. Start the container with the NVIDIA runtime (--gpus all)."
        )
    answer = out.split()
    if len(answer) != 2 or answer[0] != "0":
        code = f"error {answer[0]}" if answer else f"exit {status}"
        return f"CUDA does not begin: the driver answers with {code}. {ANOTHER_HOST}"
    return "" if int(answer[1]) else f"CUDA begins and finds no GPU. {ANOTHER_HOST}"


def look_at_volume(found: Findings) -> None:
    """Mounted, writable, large enough. Where it is not mounted nothing is made, or an empty gallery would be shown."""
    chosen = variable("WORKSPACE_DIR")
    folder = Path(os.path.expanduser(chosen or VOLUME)).absolute()
    if chosen.startswith("~") and not os.path.expanduser(chosen).startswith("/"):
        found.faults.append(
            f"WORKSPACE_DIR is {chosen!r:.60}, and there is no home of that user. Set it to the folder's whole path."
        )
        return
    if mount_of(folder) == "/":
        if not chosen:
            found.faults.append(
                f"No volume is mounted at {VOLUME}: pictures and weights would go with the container. Give the pod a "
                f"volume there, or the container -v NAME:{VOLUME}; or set WORKSPACE_DIR to a folder that may go."
            )
            return
        found.notes.append(f"WORKSPACE_DIR is {folder}, on the container's own disk: what is made goes with it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as exc:
        found.faults.append(
            f"The volume at {folder} cannot be written: {exc.strerror}. Mount it writable, free some space or enlarge "
            "it, or set WORKSPACE_DIR to another folder."
        )
        return
    free = shutil.disk_usage(folder).free / 1e9
    found.seen.append(f"Workspace: {folder}, {free:.1f} GB free")
    fibo = paints_with_fibo(found)
    needs = {
        "the environment": environment_needs_gb(folder),
        "FIBO's weights": weights_to_come_gb(painter(), folder) if fibo else 0.0,
        "new pictures": SPARE_GB,
    }
    writer = weights_to_come_gb("fibo-vlm", folder) if "fibo-vlm" in fetched_by_itself(found) else 0.0
    if sum(needs.values()) <= free < sum(needs.values()) + writer:
        found.notes.append(
            f"The local writer's weights, {writer:.0f} GB, do not fit on the volume beside the rest: rules write the "
            "prompts until it is enlarged, or GOOGLE_API_KEY lets Gemini write them."
        )
    if free < sum(needs.values()):
        needs["the local writer's weights"] = writer
        listed = ", ".join(f"{gigabytes:.0f} GB for {what}" for what, gigabytes in needs.items() if gigabytes >= 0.5)
        smaller = ", or set FIBO_MODEL to mini, which needs no weights" if fibo else ""
        found.faults.append(
            f"The volume at {folder} is too small: {free:.1f} GB are free, and it needs {listed}. Enlarge it or free "
            f"some space{smaller}."
        )


def mount_of(folder: Path) -> str:
    """The mount point that a folder, or where it would be made, lies on."""
    real = os.path.realpath(folder)
    points = []
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
        if point == "/" or real == point or real.startswith(f"{point}/"):
            points.append(point)
    return max(points, key=len, default="/")


def environment_needs_gb(workspace: Path) -> float:
    """What runtime_setup.sh is yet to take there. Where it has made one, nothing: that it is the right one, it sees
    itself. It begins by removing what an interrupted start has left, so that counts as free."""
    own = workspace / ".studio" / (variable("RUNPOD_POD_ID") or "container")
    made = [*Path(variable("STUDIO_ENV_DIR") or own).glob("app-*")]
    if any((environment / ".complete").exists() for environment in made):
        return 0.0
    return max(0.0, ENVIRONMENT_GB - sum(size_gb(environment) for environment in made))


def size_gb(folder: Path) -> float:
    """What lies in it. Files shared with uv's cache count: made anew, they take no more room."""
    return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(folder) for name in names) / 1e9


def fetched_by_itself(found: Findings) -> tuple[str, ...]:
    """Whose weights will come without being asked for."""
    if not on_pod():
        return ()
    names: tuple[str, ...] = plans["weights_a_pod_fetches"](
        asked_model(),
        variable("FIBO_WRITER").lower() or "auto",
        has_token=bool(variable("HF_TOKEN")),
        has_key=bool(variable("GOOGLE_API_KEY") or (variable("LLM_BASE_URL") and variable("LLM_MODEL"))),
        fits=not found.lacks_for_fibo,
    )
    return names


def weights_to_come_gb(model: str, workspace: Path) -> float:
    """How much of a model's weights is not there yet."""
    cache = Path(variable("CACHE_DIR") or workspace / ".cache")
    home = Path(variable("HF_HOME") or cache / "huggingface")
    blobs = Path(variable("HF_HUB_CACHE") or home / "hub") / f"models--{REPOS[model].replace('/', '--')}" / "blobs"
    here = sum(blob.stat().st_size for blob in blobs.glob("*") if blob.is_file()) / 1e9
    return max(0.0, float(plans["disk_gb"](model)) - here)


def table() -> tuple[Any, ...]:
    """The studio's variables."""
    variables: tuple[Any, ...] = module_of_variables()["VARIABLES"]
    return variables


def module_of_variables() -> dict[str, Any]:
    """It is read as a file: its package needs libraries."""
    return runpy.run_path(str(ROOT / "fibo_core" / "variables.py"))


def quoted() -> list[str]:
    """The variables of ours whose values stand in quotes, as `--env-file` leaves them."""
    variables = module_of_variables()
    names = [*(each.name for each in variables["VARIABLES"]), *variables["RENAMED"], *variables["ALSO_READ"]]
    return [name for name in names if variables["without_quotes"](variable(name)) != variable(name)]


def version() -> str:
    found = re.search(r'__version__ = "(.*)"', (ROOT / "fibo_core" / "__init__.py").read_text("utf-8"))
    return found.group(1) if found else ""


def main() -> int:
    if sys.argv[1:] == ["--secrets"]:
        print(*(each.name for each in table() if each.secret), sep="\n")
        return 0
    if sys.argv[1:] == ["--quoted"]:
        print(*quoted(), sep="\n")
        return 0
    found = Findings()
    trouble = look_at_machine(found)
    look_at_variables(found)
    look_at_fit(found, trouble)
    look_at_volume(found)
    python = ".".join(map(str, sys.version_info[:3]))
    image = "".join(f", {name} {variable(of)}" for name, of in IMAGE_VERSIONS.items() if variable(of))
    pod = f", pod {variable('RUNPOD_POD_ID')}" if on_pod() else ""
    lines = [f"FIBO Studio {version()}, Python {python}{image}{pod}", *found.seen, *found.notes]
    if found.faults:
        lines.append("The studio cannot start here. To mend:")
        lines += [f"  {number}. {fault}" for number, fault in enumerate(found.faults, 1)]
    for line in lines:
        print(f"studio: {line}", file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
