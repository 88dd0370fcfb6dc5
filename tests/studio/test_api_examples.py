"""docs/API.md shows what the program prints today: its commands are run, its addresses are asked."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.web.api.app import api as new_api
from tests.studio.processes import CHECKOUT, Cli, Server, served

API = (CHECKOUT / "docs" / "API.md").read_text("utf-8")
ID = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"  #: of the picture in the document
PASSWORD = "made up for this test"
KEY = "a-key-made-up-for-this-test"
#: Fields that hold another value on another machine or at another time.
VARY = (
    *("created_at", "duration_s", "device", "precision", "versions", "gpu_available", "vram_used_gb"),
    *("python", "detail"),
)


def examples(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a document with what it is said to print."""
    for block in re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE):
        for example in re.split(r"^ {4}\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = example.partition("\n")
            yield command, printed


def shows(told: str, printed: str) -> bool:
    """Whether a document tells what was printed: … stands for anything, blanks for nothing."""
    told, printed = (without_what_varies(re.sub(r"\s+", "", text)) for text in (told, printed))
    return re.fullmatch(".*?".join(map(re.escape, told.split("…"))), printed) is not None


def without_what_varies(text: str) -> str:
    return re.sub(rf'"({"|".join(VARY)})":("[^"]*"|\{{[^}}]*\}}|[\w.]+)', r'"\1":~', text)


def run(command: str, cli: Cli, workspace: Path) -> str:
    """What a command of the document prints here, with the document's folder, day and id in place of ours."""

    def our_id() -> str:
        return next((path.stem for path in (workspace / "outputs").rglob("*.png")), ID)

    stdin, _, program = command.rpartition(" | ")
    name, *words = shlex.split(program)
    assert name == "fibo-studio"
    before = our_id()
    said = cli(*(word.replace(ID, before) for word in words), stdin=" ".join(shlex.split(stdin)[1:]))
    assert said.code == 0, said.err
    printed = said.out.replace(str(workspace), "/workspace").replace(before, ID).replace(our_id(), ID)
    return re.sub(r"/outputs/\d{4}/\d\d/\d\d/", "/outputs/2026/11/26/", printed)


def test_each_command_prints_what_the_document_shows(cli: Cli, workspace: Path) -> None:
    """In their order: the picture that the first one paints is the one that the others speak of."""
    commands = [(command, told) for command, told in examples(API) if not command.startswith("curl")]
    assert len(commands) >= 8
    printed = {command: run(command, cli, workspace) for command, _ in commands}
    assert {command: printed[command] for command, told in commands if not shows(told, printed[command])} == {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = tmp_path_factory.mktemp("api") / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD, STUDIO_API_KEY=KEY) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        yield server


def test_health_answers_what_the_document_shows(server: Server) -> None:
    (told,) = [told for command, told in examples(API) if command.endswith("/health")]
    assert shows(told, server.get("/health")[2].decode())


def test_what_is_refused_is_answered_as_the_document_shows(server: Server) -> None:
    """Without a login, and with one for a picture that is not there."""
    address = f"/img/{ID[:-1]}X.png"
    answers = [server.get(address), server.get(address, {"Authorization": f"Bearer {PASSWORD}"})]
    assert [status for status, _, _ in answers] == [401, 404]
    told = re.findall(r'^ {4}(\{"type".*\})$', API, re.MULTILINE)
    assert told == [body.decode() for _, _, body in answers]


def test_the_python_examples_run_and_print_what_the_document_shows(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = API.split("## From Python")[1].split("\n## ")[0]
    monkeypatch.setenv("STUDIO_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)
    codes = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(codes) == 2
    for code in codes:
        exec(code.replace("127.0.0.1:7860", f"127.0.0.1:{server.port}"), {})
    assert (tmp_path / "ball.png").stat().st_size > 0
    printed = [f"    {line}" for line in capsys.readouterr().out.splitlines()]
    assert len(printed) == 8
    assert "\n".join(printed[-2:]) in section
    assert printed[-4].startswith("    True ['")
    assert printed[-3] == "    paste True"


def blocks(language: str) -> list[str]:
    """The document's programs in this language, but for those of the client."""
    return re.findall(rf"^```{language}\n(.*?)^```$", API.split("## From Python")[0], re.MULTILINE | re.DOTALL)


def test_the_documents_programs_paint_and_fetch(server: Server, tmp_path: Path) -> None:
    """As they stand: the shell's one after another, which is one session, and Python's."""
    environment = os.environ | {"STUDIO": f"http://127.0.0.1:{server.port}", "STUDIO_API_KEY": KEY}
    shell = "set -e\n" + "\n".join(blocks("sh"))
    programs = [["bash", "-c", shell], *([sys.executable, "-c", each] for each in blocks("python"))]
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    assert len(programs) == 2
    outputs = []
    for program in programs:
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert [Image.open(path).size for path in sorted(tmp_path.glob("*.png"))] == [(256, 256)] * 4
    told = re.findall(r"^event: (\w+)$", outputs[0], re.MULTILINE)
    assert [each for each in told if each != "progress"] == ["written", "picture", "end"]


def test_the_document_tells_every_address_of_the_api() -> None:
    document = new_api().openapi()
    assert [path for path in document["paths"] if f"/api/v1{path}" not in API] == []


def test_a_stale_output_is_noticed() -> None:
    """Another value, a field that is missing or new; not another duration, nor what is cut."""
    printed = '{\n  "guidance_scale": 3.0,\n  "duration_s": 1.5,\n  "objects": [{"a": 1}]\n}'
    assert shows('{"guidance_scale": 3.0, "duration_s": 9.25, "objects": [{…}]}', printed)
    assert not shows('{"guidance_scale": 4.0, "duration_s": 9.25, "objects": [{…}]}', printed)
    assert not shows('{"guidance_scale": 3.0, "objects": [{…}]}', printed)
    assert not shows('{"guidance_scale": 3.0, "duration_s": 9.25, "size": 1, "objects": [{…}]}', printed)
