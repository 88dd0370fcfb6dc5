"""Documents that move with the code: generated tables, files that exist, commands that are there."""

import re
from pathlib import Path

import pytest

from fibo_core.variables import markdown_table

CHECKOUT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["README.md", "docs/USAGE.md", "docs/DEVELOPMENT.md", "docs/TROUBLESHOOTING.md", "CHANGELOG.md"]


def test_the_table_of_variables_in_the_documents_is_the_one_in_the_code() -> None:
    """Replace the table in docs/USAGE.md by what `python -m fibo_core.variables` prints."""
    assert markdown_table() in (CHECKOUT / "docs" / "USAGE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_local_link_leads_to_a_file(document: str) -> None:
    path = CHECKOUT / document
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_script_that_is_named_exists(document: str) -> None:
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:scripts|fibo_core|studio|tests)/[\w/]+\.(?:sh|py|toml)", text))
    assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []


def test_every_module_that_development_names_exists() -> None:
    """The map of the house has no rooms that were torn down."""
    table = (CHECKOUT / "docs" / "DEVELOPMENT.md").read_text(encoding="utf-8").split("## Decisions")[0]
    files = {path.name for folder in ("fibo_core", "studio", "pages") for path in (CHECKOUT / folder).rglob("*.*")}
    named = set(re.findall(r"`(\w+\.(?:py|toml))`", table))
    assert named - files == set()
