"""Paints the pictures of the example cards, with the offline writer and mini: run it when either has changed.

PYTHONPATH=. python scripts/make_examples.py
"""

import json
import tempfile
from pathlib import Path

from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.writers.offline import OfflineWriter

FOLDER = Path(__file__).resolve().parent.parent / "studio" / "examples"


def main() -> None:
    mini, writer = CATALOGUE["mini"], OfflineWriter()
    with tempfile.TemporaryDirectory() as hub:
        engine = FiboEngine(mini.name, hub_cache=Path(hub))
        for row in json.loads((FOLDER / "examples.json").read_text(encoding="utf-8")):
            prompt = writer.expand(row["words"]).prompt
            request = RenderSettings.of(mini).request(prompt, row["seed"], engine.revision(mini.name))
            engine.render(request, previews=False).image.save(FOLDER / f"{row['name']}.webp", quality=85)


if __name__ == "__main__":
    main()
