"""The build's summary as Markdown: how to pull the image, what to write in a RunPod template, how large it is.

Reads IMAGE, DIGEST, TAGS (with commas between), and WHOLE_GB and BASE_GB from image_size.py, empty where they are not
known. More than 5 GB beyond the base image is a warning.
"""

import os
import sys

ALLOWED_GB = 5.0


def warn(said: str) -> None:
    print(f"\n**{said}**")
    print(f"::warning title=Image::{said}", file=sys.stderr)


def main() -> int:
    image, digest = os.environ["IMAGE"], os.environ["DIGEST"]
    first, *others = (f"{image}:{tag}" for tag in os.environ["TAGS"].split(","))
    print("## Image\n")
    print("\n".join(f"- `docker pull {name}`" for name in (first, *others)))
    print(f"- By its digest: `docker pull {image}@{digest}`")
    print(f"- RunPod template, container image: `{first}`, or `scripts/runpod/template.py --image {first} --apply`\n")
    if not os.environ["WHOLE_GB"]:
        print("Its size is not known.")
        return 0
    whole, base = float(os.environ["WHOLE_GB"]), float(os.environ["BASE_GB"])
    print("| To download | Compressed |\n|---|---|")
    print(f"| whole image | {whole:.2f} GB |\n| of that, the base image | {base:.2f} GB |")
    print(f"| **of that, ours** | {(whole - base) * 1000:.0f} MB |")
    if whole - base > ALLOWED_GB:
        warn(f"The image is {whole - base:.1f} GB larger than its base; more than {ALLOWED_GB:.0f} GB is too much.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
