"""The doctor: is everything here that painting needs, and what to do where it is not.

Each check looks at one thing, and none asks the network unless it is told to. Nothing is changed, but for an older
database, which is brought up to date as any other command would.
"""

import http.client
import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fibo_core
from fibo_core.engine.placement import choose, held_memory, torch_version
from fibo_core.errors import FiboError
from fibo_core.models.catalogue import CATALOGUE, FIBO_VLM
from fibo_core.models.device import default_model, has_cuda_gpu, lacks_for
from fibo_core.models.download import check_access
from fibo_core.models.plans import GB
from fibo_core.models.weights import downloaded, revision_of, weights_folder
from fibo_core.settings import LOOPBACK, Settings
from fibo_core.store.disk import filesystem_of
from studio.pod.idle import cannot_stop_because
from studio.program import command

LOW_DISK_BYTES = 1_000_000_000
PYTHONS = ((3, 11), (3, 14))  #: from, and up to but not including: pyproject.toml


@dataclass(frozen=True)
class Check:
    """What was looked at and found. ``todo`` says what to do; where ``ok``, it is an offer."""

    name: str
    ok: bool
    detail: str
    todo: str = ""


def examine(settings: Settings, *, ask_services: bool = False) -> list[Check]:
    """Every check, in the order in which to mend things. The slowest imports torch.

    With ``ask_services`` the writers' services are asked whether they have the model for this key, and the hub
    whether FIBO's gate is open for this token.
    """
    first: tuple[Callable[[Settings], Check], ...] = (
        _python, _versions, _workspace, _volume, _disk, _database, _gpu, _torch, _model, _fibo, _token,
    )  # fmt: skip
    return [
        *(check(settings) for check in first),
        _licence(settings, ask_services),
        *_writers(settings, ask_services),
        _login(settings),
        *_idle_stop(settings),
        _port(settings),
    ]


def _python(settings: Settings) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = PYTHONS[0] <= sys.version_info < PYTHONS[1]
    return Check("python", ok, f"{version}, {sys.executable}", "" if ok else "Use Python 3.11, 3.12 or 3.13.")


def _workspace(settings: Settings) -> Check:
    folder = settings.workspace_dir
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            detail = str(folder) if there == folder else f"{folder}, made at the first start"
            return Check("workspace", True, detail)
    except OSError as exc:
        todo = "Mount it writable, change its owner, or set WORKSPACE_DIR to another folder."
        return Check("workspace", False, f"{there} cannot be written ({exc.strerror})", todo)


def _versions(settings: Settings) -> Check:
    found = [f"FIBO Studio {fibo_core.__version__}"]
    missing = []
    for name in ("streamlit", "diffusers", "transformers"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    todo = f"Missing: {', '.join(missing)}. Start with {command('')}, which brings them." if missing else ""
    return Check("versions", not missing, ", ".join(found), todo)


def _volume(settings: Settings) -> Check:
    kind = filesystem_of(_nearest(settings.workspace_dir)) or "a filesystem that cannot be told"
    if settings.pod is not None and settings.pod.network_volume:
        return Check("volume", True, f"{kind}, a network volume", "Let one pod at a time write there.")
    if settings.on_pod and kind == "overlay":
        todo = "Give the pod a volume mounted at /workspace: this disk is wiped when the pod stops."
        return Check("volume", False, "no volume: the workspace lies on the container's own disk", todo)
    return Check("volume", True, kind)


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(_nearest(settings.workspace_dir)).free
    ok = free >= LOW_DISK_BYTES
    return Check("disk", ok, f"{free / 1e9:.1f} GB free", "" if ok else "Free some space: 1 GB or more.")


def _database(settings: Settings) -> Check:
    from fibo_core.store.database import Database

    try:
        database = Database(settings.database_url or settings.workspace_dir / "studio.db")
        if not database.path.exists():
            return Check("database", True, f"{database.path}, made at the first start")
        database.migrate()
        database.close()
    except FiboError as exc:
        return Check("database", False, str(exc), "Do what the sentence says.")
    return Check("database", True, str(database.path))


def _model(settings: Settings) -> Check:
    spec = default_model(settings.fibo_model, settings.hub_cache)
    try:
        folder = weights_folder(spec, settings.hub_cache)
    except FiboError as exc:
        return Check("model", False, str(exc), "Fetch its weights, or set FIBO_MODEL to mini.")
    return Check("model", True, f"{spec.title}, revision {revision_of(spec, folder)}")


def _gpu(settings: Settings) -> Check:
    """What the driver's own tool says: it answers where torch may hang on a broken driver."""
    ask = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except FileNotFoundError:
        return Check("gpu", not settings.on_pod, "no NVIDIA GPU", "mini paints without one; FIBO needs one.")
    except (subprocess.SubprocessError, OSError) as exc:
        reason = "no answer within 20 s" if isinstance(exc, subprocess.TimeoutExpired) else "nvidia-smi failed"
        return Check("gpu", False, f"the driver does not answer ({reason})", "Take another machine or mend its driver.")
    cards = [_card(line) for line in answer.splitlines()]
    return Check("gpu", bool(cards), "; ".join(cards) or "the driver lists none", "" if cards else "Give it a GPU.")


def _card(line: str) -> str:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 4:
        return ", ".join(parts)
    name, driver, total, free = parts
    return f"{name}, driver {driver}, {total} of memory, {free} of it free"


def _login(settings: Settings) -> Check:
    if settings.studio_password is not None:
        return Check("login", True, "a password is asked for (STUDIO_PASSWORD)")
    if settings.studio_host in LOOPBACK:
        return Check("login", True, "none: only this machine can reach the studio")
    return Check("login", True, "a drawn password is asked for; the start's log shows it")


def _idle_stop(settings: Settings) -> list[Check]:
    """Whether a pod ends its own rent; nothing where that was not asked for and could not be."""
    if settings.idle_stop_minutes:
        reason = cannot_stop_because(settings)
        detail = f"after {settings.idle_stop_minutes} minutes without use; a stopped pod still costs its disk"
        todo = "Do what the sentence says, or unset IDLE_STOP_MINUTES."
        return [Check("idle stop", not reason, f"not set up: {reason}" if reason else detail, todo if reason else "")]
    if settings.on_pod:
        todo = "Set IDLE_STOP_MINUTES, and a pod that nobody uses stops by itself."
        return [Check("idle stop", True, "off: the pod costs until somebody stops it", todo)]
    return []


def _torch(settings: Settings) -> Check:
    spec = default_model(settings.fibo_model, settings.hub_cache)
    try:
        version = torch_version()
        place = choose(
            spec, weights_folder(spec, settings.hub_cache), held=_studio_memory(settings), wish=settings.wish
        )
    except (ImportError, OSError) as exc:  # OSError: a shared library of its own is missing
        return Check("torch", False, f"It cannot be imported: {exc}", f"Start with {command('')}, which brings it.")
    except FiboError as exc:
        return Check("torch", False, str(exc), "Do what the sentence says.")
    return Check("torch", True, f"{version}, {place.where} in {place.how}")


def _studio_memory(settings: Settings) -> float:
    """Bytes of the GPU that the studio has: this process, or the one that runs beside it."""
    if held := held_memory():
        return held
    health = _studio_health(settings.studio_host, settings.studio_port)
    return 0.0 if health is None else float(health["vram_used_gb"]) * GB


def _fibo(settings: Settings) -> Check:
    spec = CATALOGUE["fibo"]
    if downloaded(spec, settings.hub_cache) is not None:
        return Check("fibo", True, "its weights are here")
    if has_cuda_gpu() and (lack := lacks_for(spec)):
        return Check("fibo", settings.fibo_model != spec.name, "it does not fit this machine", f"{lack} mini paints.")
    fetch = command(f"models download {spec.name}")
    todo = f"mini paints without them. To have them, about {spec.download_gb:.0f} GB: {fetch}, or the button on System."
    return Check("fibo", True, "its weights are not here", todo)


def _token(settings: Settings) -> Check:
    if settings.hf_token is not None:
        return Check("token", True, "HF_TOKEN is set")
    todo = "FIBO's weights need one: make it at https://huggingface.co/settings/tokens and set HF_TOKEN."
    return Check("token", not _fibo_is_awaited(settings), "HF_TOKEN is not set", todo)


def _licence(settings: Settings, ask_services: bool) -> Check:
    """FIBO's: who has accepted it finds its gate open."""
    spec = CATALOGUE["fibo"]
    terms = f"{spec.licence}, not for commercial use"
    accept = (
        f"Read it at {spec.licence_url} and accept it at https://huggingface.co/{spec.repo}; the local writer has one "
        f"of its own at https://huggingface.co/{FIBO_VLM.repo}."
    )
    if settings.hf_token is None or not ask_services:
        return Check("licence", True, f"FIBO's is {terms}; whether it is accepted was not asked", accept)
    try:
        check_access(spec, settings.hf_token)
    except FiboError as exc:
        return Check("licence", not _fibo_is_awaited(settings), str(exc), f"FIBO's is {terms}. {accept}")
    return Check("licence", True, f"FIBO's is {terms}; the token's account has accepted it")


def _fibo_is_awaited(settings: Settings) -> bool:
    """Whether FIBO shall paint here and cannot yet: it was asked for, or this is a pod, which fetches it by itself."""
    by_itself = settings.fibo_model == "auto" and settings.on_pod and not lacks_for(CATALOGUE["fibo"])
    spec = CATALOGUE["fibo" if by_itself or settings.fibo_model == "auto" else settings.fibo_model]
    wanted = spec.gated and (by_itself or settings.fibo_model != "auto")
    return wanted and downloaded(spec, settings.hub_cache) is None


def _writers(settings: Settings, ask_services: bool) -> list[Check]:
    """A check for each prompt writer. One that is not set up is amiss only where FIBO_WRITER asks for no other."""
    from fibo_core.work.runtime import build_writers

    writers = build_writers(settings)
    checks = []
    for backend in writers.backends:
        lack = backend.missing()
        if lack is not None:
            checks.append(Check(backend.name, writers.preferred != backend.name, lack.what, lack.todo))
        elif backend.name in SERVICES and ask_services:
            checks.append(SERVICES[backend.name](settings))
        else:
            checks.append(Check(backend.name, True, f"ready: {backend.about}"))
    return checks


def gemini_check(settings: Settings) -> Check:
    """Asks the service for the model with this key; writes nothing, and takes a second or so."""
    from fibo_core.writers.gemini import check_model

    assert settings.google_api_key is not None
    try:
        said = check_model(settings.google_api_key.get_secret_value(), settings.gemini_model)
    except FiboError as exc:
        return Check("gemini", False, str(exc), "Do what the sentence says, or choose another writer.")
    return Check("gemini", True, said)


def llm_check(settings: Settings) -> Check:
    """Asks the service for its list of models; writes nothing."""
    from fibo_core.writers.llm import check_service

    key = settings.llm_api_key
    try:
        said = check_service(settings.llm_base_url, settings.llm_model, "" if key is None else key.get_secret_value())
    except FiboError as exc:
        return Check("llm", False, str(exc), "Do what the sentence says, or choose another writer.")
    return Check("llm", True, said)


#: The writers that ask a service, and how each is asked whether it would answer.
SERVICES: dict[str, Callable[[Settings], Check]] = {"gemini": gemini_check, "llm": llm_check}


def _port(settings: Settings) -> Check:
    host, port = settings.studio_host, settings.studio_port
    trouble = port_trouble(host, port)
    if not trouble:
        return Check("port", True, f"{host}:{port} is free")
    if _studio_health(host, port) is not None:
        return Check("port", True, f"a studio is running at {address(host, port)}")
    return Check("port", False, trouble, "End the program that has it, or set STUDIO_PORT to another one.")


def port_trouble(host: str, port: int) -> str:
    """Why nothing can listen there, or "" where it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return f"{host}:{port} cannot be listened on ({os.strerror(exc.errno or 0).lower()})"
    return ""


def address(host: str, port: int) -> str:
    """What to open in a browser on this machine; "everywhere" is no address to open."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _studio_health(host: str, port: int) -> dict[str, Any] | None:
    """What a running studio says of itself; None where none answers."""
    connection = http.client.HTTPConnection(host, port, timeout=3)  # no proxy, whatever the environment says
    try:
        connection.request("GET", "/health")
        health = json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return health if isinstance(health, dict) and {"model_loaded", "vram_used_gb"} <= health.keys() else None


def _nearest(folder: Path) -> Path:
    """The folder itself or, before it is made, the one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
