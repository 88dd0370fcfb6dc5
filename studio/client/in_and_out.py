"""Pictures fetched as a zip and sent to come in: never held whole, and repeated where the line broke."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2

from studio.client.errors import StudioError, Unreachable
from studio.client.line import API, Line
from studio.web.api.models import ExportGiven, ImportGiven

PIECE = 8 << 20  #: bytes of an upload at once; proxies before a pod refuse bodies of 100 MB
PIECE_S = 300.0  #: for one of them to arrive
TRIES = 5  #: for one of them
LOOK_S = 0.5  #: between two looks at an import

Tell = Callable[[int, int], None]


def save_export(line: Line, path: Path, words: str, ids: Sequence[str] | None, tell: Tell) -> ExportGiven:
    body: dict[str, Any] = {"q": words} if ids is None else {"ids": list(ids)}
    export = line.send(ExportGiven, "POST", "/exports", body)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            for piece in line.download(export.address):
                file.write(piece)
                tell(file.tell(), export.bytes)
            file.flush()
            os.fsync(file.fileno())
        given = line.get(ExportGiven, f"/exports/{export.id}")
        if given.state != "done":
            raise StudioError(given.error or "The zip was cut short on its way. Export it again.")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return given


def send_import(line: Line, paths: Sequence[Path], tell: Callable[[ImportGiven], None]) -> ImportGiven:
    given = line.send(ImportGiven, "POST", "/imports", {})
    try:
        names: set[str] = set()
        for number, path in enumerate(paths):
            name = f"{number + 1}/{path.name}" if path.name in names else path.name
            names.add(name)
            given = _sent(line, given, path, name, tell)
        given = line.send(ImportGiven, "POST", f"/imports/{given.id}/start", {})
        while not given.ended:
            tell(given)
            time.sleep(LOOK_S)
            given = line.get(ImportGiven, f"/imports/{given.id}")
    except BaseException:
        line.ask("DELETE", f"{API}/imports/{given.id}")
        raise
    tell(given)
    if given.state != "done":
        raise StudioError(given.error or "The import was cancelled. What had come in stays.")
    return given


def _sent(line: Line, given: ImportGiven, path: Path, name: str, tell: Callable[[ImportGiven], None]) -> ImportGiven:
    """Sends a file piece by piece; one whose answer was lost is sent again from where the studio has it."""
    with path.open("rb") as file:
        place, tries = 0, 0
        while True:
            file.seek(place)
            piece = file.read(PIECE)
            if not piece and place:
                return given
            try:
                given = _piece(line, given.id, {"name": name, "offset": place}, piece)
            except Unreachable:
                tries += 1
                if tries == TRIES:
                    raise
                time.sleep(tries)
                given = line.get(ImportGiven, f"/imports/{given.id}")
                place = next((each.bytes for each in given.files if each.name == name), 0)
                continue
            place, tries = place + len(piece), 0
            tell(given)
            if not piece:
                return given


def _piece(line: Line, id: str, where: Mapping[str, Any], content: bytes) -> ImportGiven:
    headers = {"Content-Type": "application/octet-stream"}
    answer = line.ask(
        "PUT",
        f"{API}/imports/{id}/files",
        params=dict(where),
        content=content,
        headers=headers,
        timeout=httpx2.Timeout(PIECE_S),
        repeat=False,
    )
    return line.read(ImportGiven, answer)
