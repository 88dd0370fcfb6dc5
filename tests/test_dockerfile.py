"""The image's recipe, as far as it can be judged without building it."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
DOCKERFILE = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", (CHECKOUT / "Dockerfile").read_text("utf-8"), flags=re.M))
ENTRYPOINT = "/opt/fibo-studio/scripts/entrypoint.sh"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


def copied() -> set[str]:
    """What the image gets, as paths of the checkout."""
    return {source for line in instructions("COPY") for source in shlex.split(line)[:-1]}


def test_the_base_is_pinned_and_brings_a_torch_that_the_set_up_uses() -> None:
    """By digest. An older torch than the set-up accepts would be downloaded again at every first start."""
    (base,) = instructions("FROM")
    found = re.fullmatch(
        r"--platform=linux/amd64 runpod/pytorch:\S+-cu128\d-torch(\d)(\d+)\d-ubuntu2404@sha256:[0-9a-f]{64}", base
    )
    assert found is not None
    setup = (CHECKOUT / "scripts" / "runtime_setup.sh").read_text("utf-8")
    oldest = re.search(r"^oldest_system_torch=(\d+)\.(\d+)$", setup, re.MULTILINE)
    assert oldest is not None
    assert (int(found[1]), int(found[2])) >= (int(oldest[1]), int(oldest[2]))


def test_the_image_gets_the_program_and_nothing_that_it_does_not_need() -> None:
    """Every source is there and passes .dockerignore, and every script that another one calls is among them."""
    sources = copied()
    assert [source for source in sources if not (CHECKOUT / source).exists()] == []
    lines = (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = {line.removeprefix("!").split("/config")[0] for line in lines if line.startswith("!")}
    assert let_in == sources
    assert lines[1] == "*"
    called = set()
    for script in (source for source in sources if source.endswith(".sh")):
        called |= set(re.findall(r"\$root/(scripts/\w+\.(?:sh|py))", (CHECKOUT / script).read_text("utf-8")))
    assert called - sources == set()
    assert not any(source.startswith(("tests", "docs", "workspace")) or source == "." for source in sources)


def test_no_source_is_kept_from_the_image_by_a_name_like_a_secrets() -> None:
    """What .dockerignore keeps out at the end is no file of the program; it would be missed at the pod's start."""
    lines = (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
    kept_out = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    assert any(fnmatch("hf_token.txt", pattern) for pattern in kept_out)
    files = [path for source in copied() for path in [CHECKOUT / source, *(CHECKOUT / source).rglob("*")]]
    sources = [path.relative_to(CHECKOUT) for path in files if path.is_file() and "__pycache__" not in path.parts]
    assert len(sources) > 100
    assert [path for path in sources for part in path.parts for each in kept_out if fnmatch(part, each)] == []


def test_nothing_is_installed_and_no_secret_is_baked_in() -> None:
    """Dependencies come at the first start, secrets from the pod's environment."""
    assert not re.search(r"pip|apt|uv ", " ".join(instructions("RUN")))
    assert instructions("ENV") == ["STUDIO_HOST=0.0.0.0"]
    assert not any(re.search("TOKEN|KEY|PASSWORD", line) for line in [*instructions("ENV"), *instructions("ARG")])


def test_it_listens_is_looked_after_and_starts() -> None:
    """Port, health check and entrypoint; no CMD, whose words would be taken for a command of the program."""
    assert instructions("EXPOSE") == ["7860"]
    (health,) = instructions("HEALTHCHECK")
    command = json.loads(health.split("CMD ")[1])
    assert command == ["python3", "-I", "/opt/fibo-studio/scripts/healthcheck.py"]
    assert (instructions("ENTRYPOINT"), instructions("CMD")) == ([json.dumps([ENTRYPOINT])], ["[]"])
    assert (CHECKOUT / "scripts" / "entrypoint.sh").stat().st_mode & 0o111
    assert instructions("VOLUME") == []
