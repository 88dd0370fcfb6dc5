#!/usr/bin/env python3
"""Makes the pod template on RunPod, or brings it up to date, from template.json beside it.

    RUNPOD_API_KEY=… scripts/runpod/template.py                    says what it would do
    RUNPOD_API_KEY=… scripts/runpod/template.py --apply            does it
    scripts/runpod/template.py --image gemneye/fibo-runpod:1.2.3   another image; --name NAME, another template

Your template of that name is updated; where there is none, one is made. Values in its environment, more ports, the
volume's size, who may see it and whether ssh and Jupyter start are yours: they stay. What the template says to its
readers, README.md beside it, RunPod's API does not take; it is pasted into the console. Standard library only.
"""

import argparse
import contextlib
import http.client
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

TEMPLATE = Path(__file__).with_name("template.json")
API = "https://api.runpod.io/v2"
TIMEOUT_S = 60
USER_AGENT = "fibo-studio"  #: with none, the Cloudflare in front of RunPod is reported to answer 403
THE_USERS = ("public", "startSsh", "startJupyter")  #: set when a template is made, never changed afterwards


class TemplateError(Exception):
    """One sentence that says what happened and what to do."""


class RunPod:
    """The templates of the key's owner, by RunPod's REST API. The key is in the requests and nowhere else."""

    def __init__(self, api: str, key: str) -> None:
        try:
            self._address = urlsplit(api)
            _ = self._address.port
        except ValueError as exc:
            raise TemplateError(f"RUNPOD_API_URL is {api!r}, which is no address.") from exc
        self._key = key
        local = self._address.hostname in ("127.0.0.1", "localhost", "::1")
        if self._address.scheme != "https" and not (local and self._address.scheme == "http"):
            raise TemplateError(f"RUNPOD_API_URL is {api!r}. It must begin with https://, for the key's sake.")
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise TemplateError("RUNPOD_API_KEY holds a character that no key has. Copy it again, alone.")

    def find(self, name: str) -> dict[str, Any] | None:
        """Your template of that name, or None. Raises TemplateError where there are several."""
        found = [each for each in self._all() if each.get("name") == name]
        if len(found) > 1:
            raise TemplateError(f"There are {len(found)} templates called {name!r}. Rename or delete all but one.")
        if found and not isinstance(found[0].get("id"), str):
            raise TemplateError(f"RunPod tells no id of the template {name!r}. Try again later.")
        return found[0] if found else None

    def _all(self) -> Iterator[dict[str, Any]]:
        """Every template, from as many pages as there are."""
        path = "/templates"
        seen: set[str] = set()
        while path not in seen:
            seen.add(path)
            page = self._ask("GET", path)
            listed = page.get("templates") if isinstance(page, dict) else None
            if not isinstance(listed, list):
                raise TemplateError("RunPod answered with something that is no list of templates. Try again later.")
            yield from (each for each in listed if isinstance(each, dict))
            pagination = page.get("pagination")
            cursor = pagination.get("nextCursor") if isinstance(pagination, dict) else None
            if not (cursor and isinstance(cursor, str)):
                return
            path = f"/templates?cursor={quote(cursor, safe='')}"
        raise TemplateError("RunPod's list of templates comes back to a page it had. Try again later.")

    def create(self, template: dict[str, Any]) -> str:
        return self._id(self._ask("POST", "/templates", template))

    def update(self, id: str, changes: dict[str, Any]) -> str:
        return self._id(self._ask("PATCH", f"/templates/{quote(id, safe='')}", changes))

    def _id(self, answer: Any) -> str:
        if not isinstance(answer, dict) or not answer.get("id"):
            raise TemplateError("RunPod took the template and told no id. Look at it on the console.")
        return str(answer["id"])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        kind = http.client.HTTPConnection if self._address.scheme == "http" else http.client.HTTPSConnection
        connection = kind(self._address.netloc, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": USER_AGENT, "Content-Type": "application/json"}
        asked = f"{method} {path.partition('?')[0]}"
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, self._address.path.rstrip("/") + path, text, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            raise TemplateError(
                f"RunPod could not be asked ({type(exc).__name__}). Look at the network and try again."
            ) from exc
        finally:
            connection.close()
        if answer.status in (401, 403):
            raise TemplateError(
                f"RunPod does not accept RUNPOD_API_KEY for {asked} ({answer.status}). Make a key that may "
                "write, at console.runpod.io under Settings, API Keys."
            )
        if not 200 <= answer.status < 300:
            raise TemplateError(f"RunPod answered {asked} with {answer.status}: {self._said(data)}")
        try:
            return json.loads(data)
        except ValueError as exc:
            raise TemplateError(f"RunPod answered {asked} with something that is no JSON.") from exc

    def _said(self, data: bytes) -> str:
        """Its reason, or whatever it said: the beginning, on one line, without the key should it be repeated."""
        text = data.decode("utf-8", "replace")
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # else it is no problem of RFC 9457
            problem = json.loads(text)
            text = " ".join([problem["detail"], *problem.get("errors", [])])  # `errors` names the fields it refuses
        return " ".join(text.replace(self._key, "…").split())[:300] or "nothing."


def changes_to(existing: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What is to be changed. The environment's values and the volume's size stay where they were set, and so do more
    variables and ports."""
    set_there = existing.get("env") or {}
    kept = {name: value for name, value in set_there.items() if value not in (None, "")}
    ports = list(dict.fromkeys([*(existing.get("ports") or []), *wanted["ports"]]))
    volume = (existing.get("mounts") or {}).get("persistent") or {}
    size = volume.get("size") or wanted["mounts"]["persistent"]["size"]
    mounts = {"persistent": {**wanted["mounts"]["persistent"], "size": size}}
    full = {**wanted, "env": {**set_there, **wanted["env"], **kept}, "ports": ports, "mounts": mounts}
    return {name: value for name, value in full.items() if name not in THE_USERS and existing.get(name) != value}


def told(template: dict[str, Any]) -> str:
    """The fields, a line each. Of the environment the names only: a value may be a secret."""
    lines = []
    for name, value in template.items():
        if name == "env":
            value = ", ".join(sorted(value))
        lines.append(f"  {name}: {value}")
    return "\n".join(lines)


def run(arguments: list[str]) -> str:
    """What was done, or would be. Raises TemplateError."""
    parser = argparse.ArgumentParser(description="Makes or updates the studio's template on RunPod.")
    parser.add_argument("--apply", action="store_true", help="do it; without, only say what would be done")
    parser.add_argument("--image", help="the image with its tag, in place of template.json's")
    parser.add_argument("--name", help="the template's name, in place of template.json's")
    given = parser.parse_args(arguments)

    wanted = json.loads(TEMPLATE.read_text("utf-8"))
    wanted |= {name: value for name, value in (("image", given.image), ("name", given.name)) if value}
    key = os.environ.get("RUNPOD_API_KEY", "").strip()
    if not key:
        if given.apply:
            raise TemplateError("RUNPOD_API_KEY is not set. Make a key at console.runpod.io under Settings, API Keys.")
        return f"Without RUNPOD_API_KEY nobody can tell whether {wanted['name']!r} exists. It would be:\n{told(wanted)}"

    runpod = RunPod(os.environ.get("RUNPOD_API_URL", "").strip() or API, key)
    existing = runpod.find(wanted["name"])
    if existing is None:
        if not given.apply:
            return f"Would make the template {wanted['name']!r} (do it with --apply):\n{told(wanted)}"
        return f"Made the template {wanted['name']!r}: {runpod.create(wanted)}"
    changes = changes_to(existing, wanted)
    if not changes:
        return f"The template {wanted['name']!r} ({existing['id']}) is up to date."
    if not given.apply:
        return f"Would update the template {wanted['name']!r} ({existing['id']}; do it with --apply):\n{told(changes)}"
    return f"Updated the template {wanted['name']!r}: {runpod.update(existing['id'], changes)}\n{told(changes)}"


def main() -> int:
    try:
        print(run(sys.argv[1:]))
    except TemplateError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
