"""The parts of pages: the stage, the JSON editor, the sketch, the gallery, the queue bar, form fields."""

from pathlib import Path

from studio.web.assets import script_address

ASSETS = Path(__file__).parent / "assets"

_LOADER = """
const script = import(new URL("ADDRESS", document.baseURI).href)
export default function (args) {
  let gone = false
  script.then(({ show }) => gone || show(args))
  return () => { gone = true; script.then(({ leave }) => leave(args.parentElement)) }
}
"""


def asset(name: str) -> str:
    """The text of one of the components' CSS or JavaScript files."""
    return (ASSETS / name).read_text(encoding="utf-8")


def loader(folder: str, name: str) -> str:
    """JavaScript of a component whose own script is too large to travel with each message: the browser keeps that.

    The script exports ``show(args)``, called whenever the data has changed, and ``leave(parentElement)`` for the end.
    """
    return _LOADER.replace("ADDRESS", script_address(folder, name))
