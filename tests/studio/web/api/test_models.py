"""Models over HTTP while something goes wrong: the model that painted goes on painting, to the last pixel."""

import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fibo_core.models.catalogue import MINI_WEIGHTS
from tests.models.loopback_hub import LoopbackHub, serve
from tests.studio.processes import served
from tests.studio.web.api.conftest import KEY, PASSWORD, client_of, paint, refusal

BALL = {"short_description": "a red ball", "objects": [{"description": "a red ball", "location": "center"}]}
PATIENCE_S = 60.0


@dataclass
class Room:
    """A studio whose hub is on this machine, and that has painted with mini."""

    api: httpx.Client
    hub: LoopbackHub
    cache: Path

    def painted(self) -> bytes:
        """The pixels of one recipe, painted now."""
        batch = paint(self.api, structured_prompt=BALL, seed=7, model="mini")
        assert batch["state"] == "done", batch
        (id,) = batch["jobs"][0]["generation_ids"]
        answer = self.api.get(f"{self.api.base_url.copy_with(path='/')}img/{id}.png")
        assert answer.status_code == 200
        with Image.open(BytesIO(answer.content)) as image:
            return image.convert("RGB").tobytes()

    def download(self) -> None:
        assert self.api.post("/models/mine/download").status_code == 202

    def download_once(self, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is said of the download once it is as wanted."""
        until = time.monotonic() + PATIENCE_S
        while True:
            download: dict[str, Any] = self.api.get("/models/mine").json()["download"]
            if seen(download):
                return download
            assert time.monotonic() < until, download
            time.sleep(0.1)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("models")
    workspace, cache = folder / "workspace", folder / "hub"
    workspace.mkdir()
    cache.mkdir()
    with serve(LoopbackHub("me/mine", MINI_WEIGHTS)) as hub:
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        login = {"STUDIO_API_KEY": KEY, "STUDIO_PASSWORD": PASSWORD}
        with (
            served(workspace, HF_HUB_CACHE=str(cache), **environment, **login) as server,
            client_of(server) as api,
        ):
            server.wait_for(lambda state: state["status"] == "healthy")
            added = api.post("/models", json={"name": "mine", "source": "me/mine", "side": 256})
            assert added.status_code == 201, added.text
            yield Room(api, hub, cache)


def down(hub: LoopbackHub) -> None:
    hub.refusal = (503, "")


def in_a_circle(hub: LoopbackHub) -> None:
    hub.loops = "/resolve/"


def gated(hub: LoopbackHub) -> None:
    hub.token = "hf_somebodyElses"


def cut_off(hub: LoopbackHub) -> None:
    hub.cut_file = "vae/diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (down, "the hub answered 503"),
        (cut_off, "the hub answered 503"),
        (in_a_circle, "leads in a circle for me/mine"),
        (gated, "me/mine is gated, and you (HF_TOKEN is not set) may not read it yet"),
    ],
)
def test_a_hub_that_misbehaves_leaves_the_model_that_painted_painting(
    room: Room, spoil: Callable[[LoopbackHub], None], said: str
) -> None:
    """While it is waited for and afterwards, to the last pixel; what passes is waited out and says why, the rest is one
    sentence at once."""
    before = room.painted()
    spoil(room.hub)
    try:
        room.download()
        download = room.download_once(lambda now: bool(now["error"] or now["reason"]))
        assert said in (download["error"] or download["reason"])
        assert download["running"] == (not download["error"])
        assert room.painted() == before
        room.api.delete("/models/mine/download")
    finally:
        room.hub.refusal, room.hub.loops, room.hub.token, room.hub.cut_file = None, "", None, None
    assert room.painted() == before
    assert not room.api.get("/models/mine").json()["here"]


def test_a_disk_that_fills_during_a_download_leaves_the_model_that_painted_painting(room: Room) -> None:
    """There was room for it when it began, and others took that."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(room.cache)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here (not root)")
    before = room.painted()
    room.hub.slow_s = 0.01
    try:
        room.download()
        room.download_once(lambda now: now["done_bytes"] > 0)
        ballast = room.cache / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(room.cache).free))
        download = room.download_once(lambda now: not now["running"])
        assert download["error"] == "The disk is full. Free some space, and run the download again to go on."
        assert room.painted() == before
    finally:
        room.hub.slow_s = 0.0
        subprocess.run(["umount", "--lazy", str(room.cache)], check=True)
    assert room.painted() == before


def test_a_model_of_the_program_stays_whether_it_is_in_use_or_not(room: Room) -> None:
    for name in ("mini", "fibo"):
        assert "Models of the program itself cannot be removed" in refusal(room.api.delete(f"/models/{name}"))[1]


def _too_large(folder: Path) -> None:
    """Weights of two terabytes, of which the disk holds their header alone."""
    size = 2 << 40
    header = json.dumps({"huge": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    with (folder / "transformer" / "huge.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)


def _of_another_kind(folder: Path) -> None:
    file = folder / "transformer" / "config.json"
    file.write_text(file.read_text().replace('"num_layers": 1', '"num_layers": "x"'))


def _cut_short(folder: Path) -> None:
    os.truncate(folder / "vae" / "diffusion_pytorch_model.safetensors", 1000)


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_too_large, "GB of memory on a CPU"),
        (_of_another_kind, "do not load"),
        (_cut_short, "are damaged: vae/"),
        (_gone, "Bring that folder back"),
    ],
)
def test_a_model_that_does_not_fit_or_load_leaves_the_one_that_painted_painting(
    room: Room, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    """Asked for by hand and by an order, in turn with the one that paints: one sentence each, and the same pixels."""
    folder = shutil.copytree(MINI_WEIGHTS, tmp_path / "spoilt")
    name = spoil.__name__.strip("_").replace("_", "-")
    before = room.painted()
    assert room.api.post("/models", json={"name": name, "source": str(folder), "side": 256}).status_code == 201
    spoil(folder)
    assert said in refusal(room.api.post(f"/models/{name}/load"))[1]
    assert room.painted() == before
    placed = room.api.post("/generations", json={"structured_prompt": BALL, "seed": 7, "steps": 2, "model": name})
    if placed.status_code == 202:
        batch = placed.json()
        while not batch["ended"]:
            batch = room.api.get(f"/batches/{batch['id']}", params={"wait": 20}).json()
        assert batch["state"] == "failed"
        assert said in batch["error"]
    else:
        assert said in refusal(placed)[1]
    assert room.painted() == before
    assert room.api.delete(f"/models/{name}").status_code == 204
