#!/usr/bin/env python3
"""Puts the table of environment variables, as fibo_core/variables.py has it, into docs/USAGE.md.

    scripts/write_tables.py            writes it where it differs
    scripts/write_tables.py --check    exit 1 where it differs

Standard library only.
"""

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "USAGE.md"


def with_table(document: str, table: str) -> str:
    """The document with its table of variables replaced. Raises ValueError where it has none, or several."""
    header = re.escape(table.splitlines()[0])
    changed, count = re.subn(rf"^{header}\n(\|.*\n)+", lambda _: table + "\n", document, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"The document has {count} tables of variables; it must have one.")
    return changed


def main() -> int:
    table = runpy.run_path(str(ROOT / "fibo_core" / "variables.py"))["markdown_table"]()
    before = DOCUMENT.read_text("utf-8")
    after = with_table(before, table)
    if before == after:
        return 0
    if sys.argv[1:] == ["--check"]:
        print("The table of variables in docs/USAGE.md differs. Run scripts/write_tables.py.", file=sys.stderr)
        return 1
    DOCUMENT.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
