"""scripts/runpod: the template says what the program reads, and reaches RunPod's API as it should, shown by a loopback
server in its place."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from fibo_core.variables import VARIABLES

CHECKOUT = Path(__file__).parents[2]
SCRIPT = CHECKOUT / "scripts" / "runpod" / "template.py"
TEMPLATE = json.loads(SCRIPT.with_name("template.json").read_text("utf-8"))
README = SCRIPT.with_name("README.md").read_text("utf-8")
KEY = "-".join(["made", "up", "key", "of", "a", "test"])


@dataclass
class RunPodApi:
    """Templates as RunPod's API v2 is documented to keep them; `refusal` is what it answers in their place."""

    templates: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 1000
    paged: bool = True  #: as documented since autumn 2026; before, one answer held them all
    refusal: tuple[int, Any] | None = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, address: str, key: str, body: Any) -> tuple[int, Any]:
        path, _, query = address.partition("?")
        self.asked.append((method, address, body))
        if self.refusal is not None:
            return self.refusal
        if key != f"Bearer {KEY}":
            return problem(401, f"invalid bearer token {key.removeprefix('Bearer ')}")
        if method == "GET" and path == "/v2/templates":
            return 200, self.page(parse_qs(query))
        if unknown := sorted(set(body) - MAY_BE_SENT):
            errors = [f"$: additional properties '{name}' not allowed" for name in unknown]
            return problem(422, "Request validation failed.", errors)
        if method == "POST" and path == "/v2/templates":
            self.templates.append({**DEFAULTS, "id": "made1", **body})
            return 201, self.templates[-1]
        for each in self.templates:
            if (method, path) == ("PATCH", f"/v2/templates/{each['id']}"):
                each |= body
                return 200, each
        return problem(404, "resource not found")

    def page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """The templates from a cursor on; a cursor is opaque, and not fit for an address as it is."""
        if not self.paged:
            return {"templates": self.templates}
        start = int(query["cursor"][0].removeprefix("after=&/ ")) if "cursor" in query else 0
        end = start + self.page_size
        more = end < len(self.templates)
        pagination = {"nextCursor": f"after=&/ {end}" if more else None, "hasNextPage": more}
        return {"templates": self.templates[start:end], "pagination": pagination}


#: What CreateTemplateRequest and UpdateTemplateRequest know; anything else is refused with 422.
MAY_BE_SENT = {
    *("name", "image", "args", "disk", "env", "ports", "registry", "mounts", "category", "public", "serverless"),
    *("startSsh", "startJupyter", "allowedCudaVersions"),
}
#: What RunPod adds to a template that was sent without it.
DEFAULTS = {"args": "", "registry": None, "allowedCudaVersions": [], "startSsh": True, "startJupyter": True}


def problem(status: int, detail: str, errors: Sequence[str] = ()) -> tuple[int, Any]:
    """An error in the form of RFC 9457."""
    told = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return status, told | ({"errors": list(errors)} if errors else {})


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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}/v2"
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


def template_py(url: str, *options: str, key: str = KEY, script: Path = SCRIPT) -> tuple[int, str, str]:
    """Exit status, stdout and stderr; whatever happens, the key is in neither."""
    environment = {"PATH": os.environ["PATH"], "RUNPOD_API_URL": url, "RUNPOD_API_KEY": key}
    run = subprocess.run([sys.executable, "-I", script, *options], env=environment, capture_output=True, text=True)
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
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert described == set(known) - {"STUDIO_HOST", "STUDIO_PORT"}  # the image and the ports decide those


def test_the_template_fits_the_image_and_its_schema() -> None:
    """Name, port, volume and disk as the documents, the Dockerfile and the preflight have them."""
    assert f"| Name | {TEMPLATE['name']} |" in (CHECKOUT / "docs" / "DEPLOYMENT.md").read_text("utf-8")
    assert (TEMPLATE["disk"], TEMPLATE["mounts"]) == (30, {"persistent": {"size": 100, "path": "/workspace"}})
    exposed = re.findall(r"^EXPOSE (\d+)$", (CHECKOUT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert TEMPLATE["ports"] == [f"{port}/http" for port in exposed]
    assert "args" not in TEMPLATE  # the image's own entrypoint, as it is
    schema = json.loads(SCRIPT.with_name("template.schema.json").read_text("utf-8"))
    assert set(TEMPLATE) <= set(schema["properties"]) == MAY_BE_SENT


def test_without_apply_it_says_what_it_would_do_and_writes_nothing(api: RunPodApi) -> None:
    """Asked without a key it asks nobody; with one it only reads."""
    status, said, _ = template_py(api.url, key="")
    assert (status, api.asked) == (0, [])
    assert "'FIBO Text-to-Image'" in said
    status, said, _ = template_py(api.url)
    assert status == 0
    assert said.startswith("Would make the template 'FIBO Text-to-Image'")
    assert [method for method, *_ in api.asked] == ["GET"]


def test_a_new_template_is_made_once_and_then_up_to_date(api: RunPodApi) -> None:
    """The body is template.json; applied again, nothing is written."""
    status, said, _ = template_py(api.url, "--apply", "--image", "somebody/studio:1.2.3")
    assert (status, said) == (0, "Made the template 'FIBO Text-to-Image': made1\n")
    assert api.asked[-1] == ("POST", "/v2/templates", {**TEMPLATE, "image": "somebody/studio:1.2.3"})
    written = len(api.asked)
    status, said, _ = template_py(api.url, "--apply", "--image", "somebody/studio:1.2.3")
    assert (status, said) == (0, "The template 'FIBO Text-to-Image' (made1) is up to date.\n")
    assert [method for method, *_ in api.asked[written:]] == ["GET"]


def test_an_update_keeps_what_the_user_has_set(api: RunPodApi) -> None:
    """Tokens, variables, ports and switches of theirs stay and are not shown; the image follows, other templates are
    left."""
    token = "-".join(["another", "made", "up", "token"])
    own = {"HF_TOKEN": token, "FIBO_MODEL": "mini", "EXTRA": "1"}
    switches = {"public": True, "startSsh": False, "startJupyter": True}
    mine = {**TEMPLATE, **switches, "id": "ab12", "env": own, "ports": ["22/tcp"], "image": "old/studio:1"}
    other = {**TEMPLATE, "id": "other", "name": "another one"}
    api.templates = [other, mine]
    before = json.dumps(other)

    status, said, _ = template_py(api.url)
    assert status == 0
    assert said.startswith("Would update the template 'FIBO Text-to-Image' (ab12; do it with --apply):\n")
    status, said, _ = template_py(api.url, "--apply")
    assert status == 0
    assert token not in said
    method, path, body = api.asked[-1]
    assert (method, path) == ("PATCH", "/v2/templates/ab12")
    assert set(body) == {"image", "env", "ports"}
    assert body["env"] == {**TEMPLATE["env"], **own}
    assert body["ports"] == ["22/tcp", "7860/http"]
    assert mine["image"] == TEMPLATE["image"]
    assert mine.items() >= switches.items()
    assert json.dumps(other) == before


@pytest.mark.parametrize("size", [50, 250])
def test_the_volume_keeps_the_size_that_was_set(api: RunPodApi, size: int) -> None:
    """Smaller or larger than ours; the rest of the mount is what the program needs."""
    mine = {**TEMPLATE, "id": "ab12", "mounts": {"persistent": {"size": size, "path": "/workspace"}}}
    api.templates = [mine]
    status, said, _ = template_py(api.url, "--apply")
    assert (status, said) == (0, "The template 'FIBO Text-to-Image' (ab12) is up to date.\n")

    mine["mounts"] = {"persistent": {"size": size, "path": "/data"}}
    assert template_py(api.url, "--apply")[0] == 0
    assert api.asked[-1][2] == {"mounts": {"persistent": {"size": size, "path": "/workspace"}}}


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (problem(401, f"unknown key {KEY}"), "RunPod does not accept RUNPOD_API_KEY for GET /templates (401)."),
        (problem(403, "access denied"), "RunPod does not accept RUNPOD_API_KEY for GET /templates (403)."),
        (problem(429, "rate limit exceeded"), "RunPod answered GET /templates with 429: rate limit exceeded\n"),
        (problem(500, f"trouble with\n{KEY}"), "RunPod answered GET /templates with 500: trouble with …\n"),
        ((500, f"trouble with\n{KEY}"), "RunPod answered GET /templates with 500: trouble with …\n"),
        ((500, {"detail": 5}), 'RunPod answered GET /templates with 500: {"detail": 5}\n'),
        ((302, ""), "RunPod answered GET /templates with 302: nothing."),
        ((200, "<html>"), "RunPod answered GET /templates with something that is no JSON."),
        ((200, {}), "RunPod answered with something that is no list of templates."),
        (
            (200, [{"id": "a", "name": "FIBO Text-to-Image"}]),
            "RunPod answered with something that is no list of templates.",
        ),
        (
            (200, {"templates": [{"name": "FIBO Text-to-Image"}]}),
            "RunPod tells no id of the template 'FIBO Text-to-Image'.",
        ),
        (
            (200, {"templates": [], "pagination": {"nextCursor": "round", "hasNextPage": True}}),
            "RunPod's list of templates comes back to a page it had.",
        ),
    ],
)
def test_what_the_api_refuses_is_one_sentence(api: RunPodApi, refusal: tuple[int, Any], sentence: str) -> None:
    """Exit 1, nothing on stdout, and the key is not shown even where the service repeats it."""
    api.refusal = refusal
    status, said, told = template_py(api.url, "--apply")
    assert (status, said) == (1, "")
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_a_template_on_a_later_page_is_found(api: RunPodApi) -> None:
    """Else a second one would be made; every page is read, for a second one of the name might be on the last."""
    api.templates = [{**TEMPLATE, "id": f"t{number}", "name": f"number {number}"} for number in range(5)]
    api.templates[3]["name"] = TEMPLATE["name"]
    api.page_size = 2
    status, said, _ = template_py(api.url, "--apply")
    assert (status, said) == (0, "The template 'FIBO Text-to-Image' (t3) is up to date.\n")
    assert [(method, address) for method, address, _ in api.asked] == [
        ("GET", "/v2/templates"),
        ("GET", "/v2/templates?cursor=after%3D%26%2F%202"),
        ("GET", "/v2/templates?cursor=after%3D%26%2F%204"),
    ]


def test_a_list_that_says_nothing_of_pages_is_all_there_is(api: RunPodApi) -> None:
    api.paged = False
    api.templates = [{**TEMPLATE, "id": "only"}]
    status, said, _ = template_py(api.url, "--apply")
    assert (status, said) == (0, "The template 'FIBO Text-to-Image' (only) is up to date.\n")
    assert len(api.asked) == 1


def test_a_key_that_runpod_does_not_know_is_refused_and_not_shown(api: RunPodApi) -> None:
    """The answer repeats it, the sentence does not."""
    other = KEY + "-of-yesterday"
    status, _, told = template_py(api.url, "--apply", key=other)
    assert status == 1
    assert told.startswith("RunPod does not accept RUNPOD_API_KEY for GET /templates (401).")


def test_a_field_that_runpod_does_not_know_is_named(api: RunPodApi, tmp_path: Path) -> None:
    """Such as one of v1, in somebody's own template.json."""
    for name in ("template.py", "template.json"):
        shutil.copy(SCRIPT.with_name(name), tmp_path)
    old = {**TEMPLATE, "imageName": "old/studio:1", "readme": "# FIBO Studio"}
    (tmp_path / "template.json").write_text(json.dumps(old), "utf-8")
    status, _, told = template_py(api.url, "--apply", script=tmp_path / "template.py")
    assert status == 1
    assert told == (
        "RunPod answered POST /templates with 422: Request validation failed. $: additional properties 'imageName' not "
        "allowed $: additional properties 'readme' not allowed\n"
    )


def test_two_templates_of_one_name_are_left_alone(api: RunPodApi) -> None:
    api.templates = [{**TEMPLATE, "id": "a"}, {**TEMPLATE, "id": "b"}]
    status, _, told = template_py(api.url, "--apply")
    assert (status, told) == (1, "There are 2 templates called 'FIBO Text-to-Image'. Rename or delete all but one.\n")
    assert [method for method, *_ in api.asked] == ["GET"]


@pytest.mark.parametrize(
    ("url", "key", "sentence"),
    [
        ("", "", "RUNPOD_API_KEY is not set."),
        ("http://192.0.2.1/v2", KEY, "RUNPOD_API_URL is 'http://192.0.2.1/v2'. It must begin with https://"),
        ("https://x:y/v2", KEY, "RUNPOD_API_URL is 'https://x:y/v2', which is no address."),
        ("http://127.0.0.1:1/v2", KEY, "RunPod could not be asked (ConnectionRefusedError)."),
        ("http://127.0.0.1:1/v2", "with a space", "RUNPOD_API_KEY holds a character that no key has."),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(url: str, key: str, sentence: str) -> None:
    """Before anything is sent; above all the key is never sent in clear."""
    status, _, told = template_py(url, "--apply", key=key)
    assert status == 1
    assert told.startswith(sentence)
    assert told.count("\n") == 1
