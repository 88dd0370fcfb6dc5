"""The report on a picture's tree: pictures, what was said, what changed and every recipe, in one HTML file.

It stands alone: the pictures are in it, nothing is loaded and no script runs, which its own content policy says too.
All texts of the history are escaped. It is made piece by piece, so that a large tree takes little memory.
"""

import base64
import hashlib
import html
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from fibo_core.errors import FiboError
from fibo_core.prompts.change_words import marked_words, title_of_change
from fibo_core.prompts.json_paths import MISSING, Change
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.store.lineage import Branch, Lineage, Node, Standing, branch_line
from fibo_core.writers import writer_title

#: How large pictures are in it, in pixels, for trees of up to so many.
SIDES = ((60, 640), (200, 384), (10_000, 256))
JSON_MAX = 100_000  #: characters of one prompt
CHANGES_MAX = 200  #: of one branch
_TAGS = {"both": "", "before": "del", "after": "ins"}
_GONE: Mapping[Standing, str] = {
    "deleted": "A picture that was deleted",
    "damaged": "A picture that cannot be read from the database",
    "missing": "A picture that is not in this history",
    "here": "",
}
_NO_HTML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@cache
def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """What a browser may do with it: show its own pictures and styles."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def report(history: History, id: str) -> Iterator[str]:
    """The report as pieces of HTML; what is wrong with the id is raised here, before the first of them.

    Raises GenerationNotFound, and what a database may.
    """
    return _pieces(history, history.lineage(id))


def _pieces(history: History, tree: Lineage) -> Iterator[str]:
    side = next(side for most, side in SIDES if len(tree.pictures) <= most)
    asked = tree.node(tree.of)
    title = _title(asked.generation if asked is not None and asked.generation is not None else None, tree)
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_style()}</style>\n</head>\n<body>\n"
        f'<h1 dir="auto">{_text(title)}</h1>\n<p class="about">{_text(_about(tree))}</p>\n'
    )
    for note in tree.notes:
        yield f'<p class="note">{_text(note)}</p>\n'
    for depth, branch in tree.walk():
        yield from _branch(history, tree, branch, depth, side)
    yield "</body>\n</html>\n"


def _title(picture: Generation | None, tree: Lineage) -> str:
    first = picture or next(iter(tree.pictures), None)
    if first is None:
        return "A picture that is gone"
    words = first.words if first.mode == "generate" else ""
    return " ".join((words or str(first.prompt.get("short_description") or "") or "Untitled").split())[:200]


def _about(tree: Lineage) -> str:
    count = len(tree.pictures)
    days = sorted(f"{each.created_at:%Y-%m-%d}" for each in tree.pictures)
    when = "" if not days else f", painted {days[0]}" if days[0] == days[-1] else f", {days[0]} to {days[-1]}"
    return f"{count} picture{'' if count == 1 else 's'} and their recipes{when}. Made by FIBO Studio."


def _branch(history: History, tree: Lineage, branch: Branch, depth: int, side: int) -> Iterator[str]:
    """Pictures that were made in one go, what was said, and what it changed."""
    parent = tree.node(branch.parent_id) if branch.parent_id is not None else None
    was = None if parent is None else parent.generation
    first = depth == 0
    yield f'<section class="branch{" first" if first else ""} d{min(depth, 12)}">\n'
    said = next((node.words for node in branch.nodes if node.words), "")
    if branch.nodes[0].generation is None:
        said = _GONE[branch.nodes[0].standing]
    line = branch_line(branch, was)
    if not first or said != _title(branch.nodes[0].generation, tree):
        yield f'<h2 dir="auto">{_text(said or line or "The first picture")}</h2>\n'
    if line and (said or first):
        yield f'<p class="note">{_text(line)}</p>\n'
    alike = len({_changes_key(node) for node in branch.nodes}) == 1
    if alike:
        yield _changes(branch.nodes[0])
    yield '<div class="pictures">\n'
    for node in branch.nodes:
        yield _picture(history, node, tree.of, side)
    yield "</div>\n"
    for node in branch.nodes:
        if not alike:
            yield _changes(node)
        if node.generation is not None:
            yield _recipe(node.generation, several=len(branch.nodes) > 1)
    yield "</section>\n"


def _changes_key(node: Node) -> str:
    return "" if node.changes is None else "\n".join(map(str, node.changes))


def _changes(node: Node) -> str:
    if not node.changes:
        return ""
    shown = "".join(map(_change, node.changes[:CHANGES_MAX]))
    more = len(node.changes) - CHANGES_MAX
    return f'<ul class="changes">\n{shown}{f"<li>and {more:,} more</li>" if more > 0 else ""}</ul>\n'


def _change(change: Change) -> str:
    told = []
    for stretch in marked_words(change.before, change.after):
        tag, text = _TAGS[stretch.side], _text(stretch.text)
        told.append(f"<{tag}>{text}</{tag}>" if tag else text)
    between = " " if MISSING in (change.before, change.after) else ""
    return f'<li dir="auto"><code>{_text(title_of_change(change))}</code>{between.join(told)}</li>\n'


def _picture(history: History, node: Node, asked: str, side: int) -> str:
    if node.generation is None:
        why = _GONE[node.standing]
        return (
            f'<figure><div class="lost"><p>{_text(why)}</p></div><figcaption>{_text(node.id)}</figcaption></figure>\n'
        )
    picture = node.generation
    caption = f"<figcaption>seed {picture.request.seed}</figcaption>"
    chosen = ' class="asked"' if node.id == asked else ""
    try:
        data, (width, height) = _embedded(history, picture.id, side)
    except FiboError as exc:
        return f'<figure{chosen}><div class="lost"><p>{_text(str(exc))}</p></div>{caption}</figure>\n'
    alt = _text(str(picture.prompt.get("short_description") or "The picture")[:300])
    return (
        f'<figure{chosen}><img src="data:image/webp;base64,{data}" width="{width}" height="{height}" alt="{alt}">'
        f"{caption}</figure>\n"
    )


def _embedded(history: History, id: str, side: int) -> tuple[str, tuple[int, int]]:
    """The picture as WebP in base64, its longest side at most ``side``. Raises FiboError."""
    from PIL import Image

    from fibo_core.store.images import DAMAGE

    file = history.image_file(id)
    try:
        with Image.open(file) as image:
            small = image.convert("RGB")
    except DAMAGE as exc:
        raise FiboError(f"The picture's file is damaged ({exc}). Its recipe can paint it again.") from exc
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return base64.b64encode(buffer.getvalue()).decode(), small.size


def _recipe(picture: Generation, *, several: bool) -> str:
    request = picture.request
    tokens = "" if picture.usage is None else f", {picture.usage.input_tokens + picture.usage.output_tokens:,} tokens"
    rows = {
        "Picture": picture.id,
        "Painted": f"{picture.created_at:%Y-%m-%d %H:%M} UTC, in {picture.duration_s:.1f} s",
        "Words": picture.words,
        "Seed": str(request.seed),
        "Size": f"{request.width}×{request.height}",
        "Steps, guidance": f"{request.num_inference_steps}, {request.guidance_scale:g}",
        "Negative prompt": request.negative_prompt,
        "Written by": writer_title(picture.writer, picture.writer_model)
        + (", edited" if picture.edited else "")
        + tokens,
        "Model": f"{request.model}, {request.revision}",
        "Adapters": ", ".join(request.adapters),
        "On": f"{picture.device}, {picture.precision}",
        "Versions": ", ".join(f"{name} {version}" for name, version in picture.versions.items()),
        "Recipe": picture.recipe_hash,
    }
    table = "".join(f'<dt>{name}</dt><dd dir="auto">{_text(value)}</dd>\n' for name, value in rows.items() if value)
    json_text = _json(picture.prompt)
    recipe = f"<dl>\n{table}</dl>\n<details><summary>The JSON</summary><pre>{_text(json_text)}</pre></details>\n"
    if not several:
        return recipe
    return f"<details><summary>The recipe of seed {request.seed}</summary>\n{recipe}</details>\n"


def _json(prompt: StructuredPrompt) -> str:
    text = prompt.to_json()
    if len(text) <= JSON_MAX:
        return text
    return f"{text[:JSON_MAX]}\n… {len(text) - JSON_MAX:,} more characters: the picture's own file has them all."


def _text(text: str) -> str:
    """Escaped, without what HTML may not hold."""
    return html.escape(_NO_HTML.sub("\ufffd", text))
