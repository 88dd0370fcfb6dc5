"""The scan's summary as Markdown: what Trivy found in the image, and whether GitHub took its report.

Reads SCAN and UPLOAD (how those steps ended) and Trivy's report, trivy.sarif. The image is pushed already: findings, a
scan that failed and a report that was refused are warnings, and the exit is 0.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

REPORT = Path("trivy.sarif")
COLUMNS = ("Severity", "Package", "Installed Version", "Fixed Version")
MOST_ROWS = 30


def findings() -> list[tuple[str, ...]]:
    """A row for each: its id, then COLUMNS as Trivy's message has them, a line each."""
    report: dict[str, Any] = json.loads(REPORT.read_text("utf-8"))
    rows = []
    for result in (each for run in report["runs"] for each in run["results"] or ()):
        told = dict(line.split(": ", 1) for line in result["message"]["text"].splitlines() if ": " in line)
        rows.append((result["ruleId"], *(told.get(column, "") for column in COLUMNS)))
    return sorted(set(rows))


def warn(said: str) -> None:
    print(f"**{said}**\n")
    print(f"::warning title=Scan::{said}", file=sys.stderr)


def main() -> int:
    scan, upload = os.environ["SCAN"], os.environ["UPLOAD"]
    print("## Scan\n")
    if scan != "success":
        warn(f"The image was not scanned ({scan}). It is pushed all the same; docs/TROUBLESHOOTING.md has causes.")
        return 0
    if upload != "success":
        warn(f"GitHub did not take the report ({upload}), which stands here alone; docs/TROUBLESHOOTING.md has causes.")
    try:
        rows = findings()
    except (OSError, ValueError, KeyError, TypeError) as exc:
        warn(f"Trivy's report cannot be read: {type(exc).__name__}.")
        return 0
    if not rows:
        print("No vulnerability of severity HIGH or CRITICAL that has a remedy.")
        return 0
    warn(f"Vulnerabilities of severity HIGH or CRITICAL that have a remedy: {len(rows)}. Look for a newer base image.")
    print("| Vulnerability | " + " | ".join(COLUMNS) + " |\n|---" + "|---" * len(COLUMNS) + "|")
    for row in rows[:MOST_ROWS]:
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    if len(rows) > MOST_ROWS:
        print(f"\nAnd {len(rows) - MOST_ROWS} more, in the report.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
