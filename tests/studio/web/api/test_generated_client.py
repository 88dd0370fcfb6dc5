"""A client that a public generator makes of our OpenAPI document, as somebody else's program would use it."""

import subprocess
import sys
from pathlib import Path

import httpx
from PIL import Image

from tests.studio.processes import Server
from tests.studio.web.api.conftest import KEY

#: What somebody writes who has the generated package and a key, and has never seen the studio's code.
PROGRAM = """
import sys
from pathlib import Path

from fibo_studio_client import AuthenticatedClient
from fibo_studio_client.api.batches import follow_batch, get_batch
from fibo_studio_client.api.models import list_models
from fibo_studio_client.api.orders import generate, write_prompt
from fibo_studio_client.api.pictures import change_generation, get_generation, list_generations
from fibo_studio_client.models import AxisTaken, GenerationChange, GenerationOrder, Problem, PromptOrder

address, key, folder = sys.argv[1:]
studio = AuthenticatedClient(f"{address}/api/v1", token=key, timeout=60, raise_on_unexpected_status=True)

assert [model.name for model in list_models.sync(client=studio).items if model.default] == ["mini"]

order = GenerationOrder(
    words="a red ball on the left", steps=2, axes=[AxisTaken(name="seed", values="7..8")]
)
batch = generate.sync(client=studio, body=order, idempotency_key="one-order")
again = generate.sync(client=studio, body=order, idempotency_key="one-order")
assert batch.id == again.id

events = follow_batch.sync_detailed(batch.id, client=studio).content.decode()
print(*(line.removeprefix("event: ") for line in events.splitlines() if line.startswith("event: ")))

while not batch.ended:
    batch = get_batch.sync(batch.id, client=studio, wait=20)
print(batch.state.value, [cell.seed for cell in batch.cells])
for cell in batch.cells:
    picture = get_generation.sync(cell.generation_id, client=studio)
    assert (picture.seed, picture.words) == (cell.seed, "a red ball on the left")
    answer = studio.get_httpx_client().get(f"{address}{cell.image}").raise_for_status()
    Path(folder, f"{picture.seed}.png").write_bytes(answer.content)

change_generation.sync(picture.id, client=studio, body=GenerationChange(favorite=True))
print([each.id == picture.id for each in list_generations.sync(client=studio, favorite=True).items])

written = write_prompt.sync(client=studio, body=PromptOrder(words="a blue box"), wait=25)
prompt = written.jobs[0].written.structured_prompt.to_dict()
assert "blue box" in prompt["short_description"], prompt

refused = generate.sync(client=studio, body=GenerationOrder(words="a ball", seed=-2))
assert isinstance(refused, Problem), refused
print(refused.status, refused.detail)
"""


def test_a_generated_client_paints_follows_and_fetches(server: Server, api: httpx.Client, tmp_path: Path) -> None:
    """Typed throughout: orders in, batches, events, pictures and problems out."""
    document = tmp_path / "openapi.json"
    document.write_bytes(api.get("/openapi.json").raise_for_status().content)
    options = (
        "--path",
        document,
        "--meta",
        "none",
        "--output-path",
        tmp_path / "fibo_studio_client",
        "--fail-on-warning",
    )
    made = run("-m", "openapi_python_client", "generate", *options, folder=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    program = ("-c", PROGRAM, f"http://127.0.0.1:{server.port}", KEY, tmp_path)
    done = run(*program, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    events, batch, favorites, refusal = done.stdout.splitlines()
    assert [each for each in events.split() if each != "progress"] == ["written", "picture", "picture", "end"]
    assert (batch, favorites) == ("done [7, 8]", "[True]")
    assert refusal.startswith("422 The seed is -2. Choose a whole number from 0 to")
    assert [Image.open(tmp_path / f"{seed}.png").size for seed in (7, 8)] == [(256, 256)] * 2


def run(*arguments: object, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
