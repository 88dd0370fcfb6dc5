"""The parts of pages: the JSON editor, the gallery, the job strip, the before-and-after slider, form fields."""

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"


def asset(name: str) -> str:
    """The text of one of the components' CSS or JavaScript files."""
    return (ASSETS / name).read_text(encoding="utf-8")
