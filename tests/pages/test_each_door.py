"""The same order by page, command line and HTTP: one picture, whoever asked for it."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from tests.pages.conftest import finish, press
from tests.studio.processes import served, start_cli

WORDS = "a red ball on the left and a blue star"
#: Of a picture's record, what differs between two that were painted alike.
OWN = {"id", "created_at", "duration_s", "image_path"}


@pytest.mark.slow
def test_an_order_by_page_command_line_and_http_is_one_picture_and_one_row(
    app: AppTest, runtime: Runtime, tmp_path: Path
) -> None:
    """Somebody types words and a seed on Generate; a command says the same beside a running studio, which does the
    work; a program sends it there. Pixels, recipe, prompt and writer are the same, to the last field of the row."""
    app.text_area(key="generate_words").set_value(WORDS)
    app.text_input(key="generate_seed").set_value("7")
    app.number_input(key="generate_steps").set_value(3)
    press(app, "Generate")
    finish(app, runtime)
    (by_page,) = runtime.tools.history.page(HistoryQuery()).items
    pictures = [pixels(runtime.tools.history.image_file(by_page.id).read_bytes())]
    rows = [row(by_page.to_record())]

    workspace = tmp_path / "served" / "workspace"
    workspace.mkdir(parents=True)
    with served(workspace) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        with start_cli("generate", WORDS, "--seed", 7, "--steps", 3, "--json", workspace=workspace) as command:
            said, trouble = command.communicate(timeout=200)
        assert command.returncode == 0, trouble
        by_command = json.loads(said)

        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
            order = {"words": WORDS, "seed": 7, "steps": 3}
            batch = http.post("/api/v1/generations", json=order).raise_for_status().json()
            while not batch["ended"]:
                batch = http.get(f"/api/v1/batches/{batch['id']}?wait=20").raise_for_status().json()
            batches = http.get("/api/v1/batches").raise_for_status().json()["items"]
            assert len(batches) == 2, "the command's order was placed with the studio too"
            for id in (by_command["id"], batch["cells"][0]["generation_id"]):
                pictures.append(pixels(http.get(f"/img/{id}.png").raise_for_status().content))
                rows.append(row(http.get(f"/img/{id}.json").raise_for_status().json()))

    assert (rows[0]["seed"], rows[0]["words"], rows[0]["writer"]) == (7, WORDS, "offline")
    assert rows[0]["recipe_hash"]
    assert rows == [rows[0]] * 3
    assert all((picture == pictures[0]).all() for picture in pictures)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def row(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in OWN}
