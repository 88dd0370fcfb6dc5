"""The build's summary as Markdown: how to pull the image, what to write in a RunPod template, how large it is.

Reads IMAGE, DIGEST and TAGS (with commas between) and asks the registry through `docker buildx imagetools`. Sizes are
what is downloaded: the sum of the compressed layers. More than 5 GB beyond the base image is a warning.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ALLOWED_GB = 5.0


def manifest(reference: str) -> dict[str, Any]:
    """The image's manifest for linux/amd64, also where the reference is an index of several."""
    found = _raw(reference)
    if "manifests" in found:
        (amd64,) = (
            each["digest"]
            for each in found["manifests"]
            if (each["platform"]["os"], each["platform"]["architecture"]) == ("linux", "amd64")
        )
        found = _raw(f"{reference.partition('@')[0]}@{amd64}")
    return found


def _raw(reference: str) -> dict[str, Any]:
    command = ["docker", "buildx", "imagetools", "inspect", "--raw", reference]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def size_gb(reference: str) -> float:
    return float(sum(layer["size"] for layer in manifest(reference)["layers"])) / 1e9


def base_image() -> str:
    """The base as the Dockerfile names it, by its digest alone."""
    found = re.search(
        r"^FROM (?:--\S+ )*([^\s:@]+)\S*@(sha256:[0-9a-f]{64})", Path("Dockerfile").read_text("utf-8"), re.M
    )
    if found is None:
        raise ValueError("The Dockerfile names no base image by its digest.")
    return f"{found[1]}@{found[2]}"


def main() -> int:
    image, digest, tags = os.environ["IMAGE"], os.environ["DIGEST"], os.environ["TAGS"].split(",")
    print("## Image\n")
    print("\n".join(f"- `docker pull {tag}`" for tag in tags))
    print(f"- By its digest: `docker pull {image}@{digest}`")
    print(
        f"- RunPod template, container image: `{tags[0]}`, or `scripts/runpod/template.py --image {tags[0]} --apply`\n"
    )
    try:
        whole, base = size_gb(f"{image}@{digest}"), size_gb(base_image())
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as exc:
        print(f"Its size is not known: {type(exc).__name__}.")
        print("::warning title=Image::Its size could not be asked.", file=sys.stderr)
        return 0
    print("| To download | Compressed |\n|---|---|")
    print(f"| whole image | {whole:.2f} GB |\n| of that, the base image | {base:.2f} GB |")
    print(f"| **of that, ours** | {(whole - base) * 1000:.0f} MB |")
    if whole - base > ALLOWED_GB:
        said = f"The image is {whole - base:.1f} GB larger than its base; more than {ALLOWED_GB:.0f} GB is too much."
        print(f"\n**{said}**")
        print(f"::warning title=Image::{said}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
