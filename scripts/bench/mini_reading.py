"""What mini's text encoder reads of a prompt, before anything is painted: whether a fault is one of reading.

    PYTHONPATH=. python scripts/bench/mini_reading.py training/mini/text.pt

Takes a checkpoint of the trainer's (stage `text` or `flow`), with the head that the export throws away, and asks it
what the prompts of `mini_eval.py` say. The table has the shares of right answers; thing, colour and size are counted by
thing. The head knows a prompt by its last token; the transformer sees every token, and may know more.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mini_eval import BY_PIXELS, EDITS, ROWS, edit, fit, scenes

from fibo_core.prompts.structured_prompt import StructuredPrompt
from scripts.mini.batches import label_sizes, labels_of
from scripts.mini.painter import Painter
from scripts.mini.scenes import Scene
from scripts.mini.tokenizer import tokenizer_from, tokens

OF_THINGS, OF_THE_WHOLE = ("thing", "colour", "size"), ("background", "wall", "light", "direction", "medium")
COLUMNS = (*OF_THINGS, "background", "light", "medium")
CPU = torch.device("cpu")

#: A scene and its prompt.
Case = tuple[Scene, StructuredPrompt]


def rows(count: int) -> Iterator[tuple[str, list[Case]]]:
    """The rows of the evaluation, then those of its edits that the judge looks at."""
    for name, (things, words) in ROWS.items():
        yield name, [(scene, words(scene, rng)) for scene, rng in scenes(name, count, things)]
    for field in EDITS:
        if field not in BY_PIXELS:  # for which the table has no column
            several = scenes(f"edit {field}", count, (1,))
            yield f"{field} edited", [edit(fit(scene, field), field, rng) for scene, rng in several]


@torch.no_grad()
def read(painter: Painter, tokenizer: Any, cases: list[Case], batch: int = 50) -> dict[str, float]:
    """The share of right answers, by column."""
    labels = torch.stack([labels_of(scene) for scene, _ in cases])
    answers = []
    for start in range(0, len(cases), batch):
        ids, mask = tokens(tokenizer, [prompt.canonical() for _, prompt in cases[start : start + batch]], CPU)
        parts = painter.read(ids, mask)[1].split(label_sizes(), dim=1)
        answers.append(torch.stack([part.argmax(dim=1) for part in parts], dim=1))
    right = (torch.cat(answers) == labels).float()
    cells = 9 * len(OF_THINGS)
    standing = (labels[:, : cells : len(OF_THINGS)] > 0).float()
    shares = {
        name: float((right[:, column : cells : len(OF_THINGS)] * standing).sum() / standing.sum())
        for column, name in enumerate(OF_THINGS)
    }
    return shares | {name: float(right[:, cells + at].mean()) for at, name in enumerate(OF_THE_WHOLE)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--count", type=int, default=200, help="prompts a row")
    args = parser.parse_args()

    tokenizer = tokenizer_from(args.checkpoint.parent / "tokenizer.json")
    painter = Painter(len(tokenizer)).eval()
    saved = torch.load(args.checkpoint, map_location=CPU, weights_only=True)["averaged"]
    painter.load_state_dict(saved, strict=False)  # `text.pt` knows nothing of the transformer
    print(f"| Prompts | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name, cases in rows(args.count):
        shares = read(painter, tokenizer, cases)
        print(f"| {name} | {' | '.join(f'{shares[column]:.3f}' for column in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
