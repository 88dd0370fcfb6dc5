"""The doctor: is everything here that painting needs, and what to do where it is not.

Each check looks at one thing, and none asks the network. Nothing is changed, but for an older database, which is
brought up to date as any other command would.
"""

import http.client
import importlib.metadata
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fibo_core.engine.models import CATALOGUE
from fibo_core.engine.placement import choose, default_model
from fibo_core.engine.weights import downloaded, revision_of, weights_folder
from fibo_core.errors import FiboError
from fibo_core.settings import Settings

LOW_DISK_BYTES = 1_000_000_000
PYTHONS = ((3, 11), (3, 14))  #: from, and up to but not including: pyproject.toml


@dataclass(frozen=True)
class Check:
    """What was looked at and found. ``todo`` says what to do; where ``ok``, it is an offer."""

    name: str
    ok: bool
    detail: str
    todo: str = ""


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which to mend things. The slowest imports torch."""
    checks: tuple[Callable[[Settings], Check], ...] = (
        _python, _workspace, _disk, _database, _model, _torch, _fibo, _writers, _port,
    )  # fmt: skip
    return [check(settings) for check in checks]


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


def _torch(settings: Settings) -> Check:
    spec = default_model(settings.fibo_model, settings.hub_cache)
    try:
        version = importlib.metadata.version("torch")
        place = choose(spec, weights_folder(spec, settings.hub_cache))
    except (ImportError, OSError) as exc:  # OSError: a shared library of its own is missing
        return Check("torch", False, f"It cannot be imported: {exc}", "Start with scripts/studio.sh, which brings it.")
    except FiboError as exc:
        return Check("torch", False, str(exc), "Do what the sentence says.")
    return Check("torch", True, f"{version}, {place.device_text} in {place.precision}")


def _fibo(settings: Settings) -> Check:
    spec = CATALOGUE["fibo"]
    token = "a token is set" if settings.hf_token else "no token is set"
    if downloaded(spec, settings.hub_cache) is not None:
        return Check("fibo", True, f"its weights are here; {token}")
    todo = f"For FIBO itself: accept its licence at huggingface.co/{spec.repo}, "
    todo += "" if settings.hf_token else "set HF_TOKEN, "
    return Check("fibo", True, f"its weights are not here; {token}", todo + "then run models download fibo.")


def _writers(settings: Settings) -> Check:
    from fibo_core.writers.offline import OfflineWriter

    return Check("writers", True, f"{OfflineWriter.name} ({OfflineWriter.about})")


def _port(settings: Settings) -> Check:
    host, port = settings.studio_host, settings.studio_port
    trouble = port_trouble(host, port)
    if not trouble:
        return Check("port", True, f"{host}:{port} is free")
    if _studio_answers(host, port):
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
    """What to open in a browser."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _studio_answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=3)  # no proxy, whatever the environment says
    try:
        connection.request("GET", "/health")
        return "model_loaded" in json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _nearest(folder: Path) -> Path:
    """The folder itself or, before it is made, the one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
