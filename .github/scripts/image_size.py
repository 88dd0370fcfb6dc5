"""How large the image and its base are, as lines for GITHUB_OUTPUT: ``whole_gb=9.02`` and ``base_gb=9.00``.

Reads IMAGE and DIGEST and asks the registry through `docker buildx imagetools`. Sizes are what is downloaded: the sum
of the compressed layers. Where the registry does not tell, nothing is printed but a warning.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any


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


def warn(said: str) -> None:
    print(f"::warning title=Image::{said}", file=sys.stderr)


def main() -> int:
    try:
        whole, base = size_gb(f"{os.environ['IMAGE']}@{os.environ['DIGEST']}"), size_gb(base_image())
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as exc:
        warn(f"The image's size is not known, since the registry was asked in vain ({type(exc).__name__}).")
        return 0
    print(f"whole_gb={whole:.3f}\nbase_gb={base:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
