"""scripts/runpod: the template says what the program reads, and reaches RunPod's API as it should, shown by a loopback
server in its place."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fibo_core.variables import VARIABLES

CHECKOUT = Path(__file__).parents[2]
SCRIPT = CHECKOUT / "scripts" / "runpod" / "template.py"
TEMPLATE = json.loads(SCRIPT.with_name("template.json").read_text("utf-8"))
KEY = "-".join(["made", "up", "key", "of", "a", "test"])


@dataclass
class RunPodApi:
    """Templates as RunPod's API keeps them; `refusal` is what it answers in their place."""

    templates: list[dict[str, Any]] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, key: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, key, body))
        if self.refusal is not None:
            return self.refusal
        if (method, path) == ("GET", "/v1/templates"):
            return 200, self.templates
        if (method, path) == ("POST", "/v1/templates"):
            self.templates.append({"id": "made1", **body})
            return 200, self.templates[-1]
        (found,) = (each for each in self.templates if (method, path) == ("PATCH", f"/v1/templates/{each['id']}"))
        found |= body
        return 200, found


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    api = RunPodApi()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            status, said = api.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


def template_py(url: str, *options: str, key: str = KEY) -> tuple[int, str, str]:
    """Exit status, stdout and stderr; whatever happens, the key is in neither."""
    environment = {"PATH": os.environ["PATH"], "RUNPOD_API_URL": url, "RUNPOD_API_KEY": key}
    run = subprocess.run([sys.executable, "-I", SCRIPT, *options], env=environment, capture_output=True, text=True)
    assert not key or key not in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return run.returncode, run.stdout, run.stderr


def test_the_template_offers_variables_that_exist_with_their_own_defaults_and_no_secret() -> None:
    """A default that changes in the program changes here too, or pods would keep the old one."""
    known = {each.name: each for each in VARIABLES}
    assert set(TEMPLATE["env"]) - set(known) == set()
    for name, value in TEMPLATE["env"].items():
        assert value == ("" if known[name].secret else known[name].default), name
    assert {each.name for each in VARIABLES if each.secret} <= set(TEMPLATE["env"])
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", TEMPLATE["readme"], re.MULTILINE))
    assert described == set(known) - {"STUDIO_HOST", "STUDIO_PORT"}  # the image and the ports decide those


def test_the_template_fits_the_image_and_its_schema() -> None:
    """Port, volume and disk as the Dockerfile and the preflight expect them."""
    assert (TEMPLATE["containerDiskInGb"], TEMPLATE["volumeInGb"]) == (30, 100)
    assert TEMPLATE["volumeMountPath"] == "/workspace"
    exposed = re.findall(r"^EXPOSE (\d+)$", (CHECKOUT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert TEMPLATE["ports"] == [f"{port}/http" for port in exposed]
    assert "dockerStartCmd" not in TEMPLATE
    schema = json.loads(SCRIPT.with_name("template.schema.json").read_text("utf-8"))
    assert set(TEMPLATE) <= set(schema["properties"])


def test_without_apply_it_says_what_it_would_do_and_writes_nothing(api: RunPodApi) -> None:
    """Asked without a key it asks nobody; with one it only reads."""
    status, said, _ = template_py(api.url, key="")
    assert (status, api.asked) == (0, [])
    assert "'FIBO Studio'" in said
    status, said, _ = template_py(api.url)
    assert status == 0
    assert said.startswith("Would make the template 'FIBO Studio'")
    assert [method for method, *_ in api.asked] == ["GET"]


def test_a_new_template_is_made_once_and_then_up_to_date(api: RunPodApi) -> None:
    """The body is template.json, the key is the bearer; applied again, nothing is written."""
    status, said, _ = template_py(api.url, "--apply", "--image", "somebody/studio:1.2.3")
    assert (status, said) == (0, "Made the template 'FIBO Studio': made1\n")
    assert api.asked[-1] == (
        "POST",
        "/v1/templates",
        f"Bearer {KEY}",
        {**TEMPLATE, "imageName": "somebody/studio:1.2.3"},
    )
    written = len(api.asked)
    status, said, _ = template_py(api.url, "--apply", "--image", "somebody/studio:1.2.3")
    assert (status, said) == (0, "The template 'FIBO Studio' (made1) is up to date.\n")
    assert [method for method, *_ in api.asked[written:]] == ["GET"]


def test_an_update_keeps_what_the_user_has_set(api: RunPodApi) -> None:
    """Tokens, variables and ports of theirs stay and are not shown; the image follows, other templates are left."""
    token = "-".join(["another", "made", "up", "token"])
    own = {"HF_TOKEN": token, "FIBO_MODEL": "mini", "EXTRA": "1"}
    mine = {**TEMPLATE, "id": "ab12", "env": own, "ports": ["22/tcp"], "isPublic": True, "imageName": "old/studio:1"}
    other = {**TEMPLATE, "id": "other", "name": "another one"}
    api.templates = [other, mine]
    before = json.dumps(other)

    status, said, _ = template_py(api.url)
    assert status == 0
    assert said.startswith("Would update the template 'FIBO Studio' (ab12; do it with --apply):\n")
    status, said, _ = template_py(api.url, "--apply")
    assert status == 0
    assert token not in said
    method, path, _, body = api.asked[-1]
    assert (method, path) == ("PATCH", "/v1/templates/ab12")
    assert set(body) == {"imageName", "env", "ports"}
    assert body["env"] == {**TEMPLATE["env"], **own}
    assert body["ports"] == ["22/tcp", "7860/http"]
    assert mine["isPublic"] is True
    assert json.dumps(other) == before


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((401, "no"), "RunPod does not accept RUNPOD_API_KEY for GET /templates (401)."),
        ((500, f"trouble with\n{KEY}"), "RunPod answered GET /templates with 500: trouble with …"),
        ((302, ""), "RunPod answered GET /templates with 302: nothing."),
        ((200, "<html>"), "RunPod answered GET /templates with something that is no JSON."),
        ((200, "{}"), "RunPod answered with something that is no list of templates."),
        ((200, '[{"name": "FIBO Studio"}]'), "RunPod tells no id of the template 'FIBO Studio'."),
    ],
)
def test_what_the_api_refuses_is_one_sentence(api: RunPodApi, refusal: tuple[int, str], sentence: str) -> None:
    """Exit 1, nothing on stdout, and the key is not shown even where the service repeats it."""
    api.refusal = refusal
    status, said, told = template_py(api.url, "--apply")
    assert (status, said) == (1, "")
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_two_templates_of_one_name_are_left_alone(api: RunPodApi) -> None:
    api.templates = [{**TEMPLATE, "id": "a"}, {**TEMPLATE, "id": "b"}]
    status, _, told = template_py(api.url, "--apply")
    assert (status, told) == (1, "There are 2 templates called 'FIBO Studio'. Rename or delete all but one.\n")
    assert [method for method, *_ in api.asked] == ["GET"]


@pytest.mark.parametrize(
    ("url", "key", "sentence"),
    [
        ("", "", "RUNPOD_API_KEY is not set."),
        ("http://192.0.2.1/v1", KEY, "RUNPOD_API_URL is 'http://192.0.2.1/v1'. It must begin with https://"),
        ("https://x:y/v1", KEY, "RUNPOD_API_URL is 'https://x:y/v1', which is no address."),
        ("http://127.0.0.1:1/v1", KEY, "RunPod could not be asked (ConnectionRefusedError)."),
        ("http://127.0.0.1:1/v1", "with a space", "RUNPOD_API_KEY holds a character that no key has."),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(url: str, key: str, sentence: str) -> None:
    """Before anything is sent; above all the key is never sent in clear."""
    status, _, told = template_py(url, "--apply", key=key)
    assert status == 1
    assert told.startswith(sentence)
    assert told.count("\n") == 1
