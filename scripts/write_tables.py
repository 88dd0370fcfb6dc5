#!/usr/bin/env python3
"""Puts the tables that are data of the program into the documents: variables into USAGE, what fits into DEPLOYMENT.

    scripts/write_tables.py            writes them where they differ
    scripts/write_tables.py --check    exit 1 where one differs

Standard library only.
"""

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Each document, and the file and its function that give a table of it.
TABLES = (
    ("docs/USAGE.md", "fibo_core/variables.py", "markdown_table"),
    ("docs/DEPLOYMENT.md", "fibo_core/models/plans.py", "markdown_table"),
    ("docs/DEPLOYMENT.md", "fibo_core/models/plans.py", "arithmetic_table"),
)


def with_table(document: str, table: str) -> str:
    """The document with its table of this header replaced. Raises ValueError where it has none, or several."""
    header = re.escape(table.splitlines()[0])
    changed, count = re.subn(rf"^{header}\n(\|.*\n)+", lambda _: table + "\n", document, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"The document has {count} tables with this header; it must have one.")
    return changed


def main() -> int:
    status = 0
    for document, source, function in TABLES:
        table = runpy.run_path(str(ROOT / source))[function]()
        before = (ROOT / document).read_text("utf-8")
        after = with_table(before, table)
        if before == after:
            continue
        if sys.argv[1:] == ["--check"]:
            print(f"The table in {document} differs. Run scripts/write_tables.py.", file=sys.stderr)
            status = 1
        else:
            (ROOT / document).write_text(after, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
