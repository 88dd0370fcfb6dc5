"""The report on a picture's tree: whole, safe whatever stands in it, and readable where a picture is gone."""

import re
from html.parser import HTMLParser
from pathlib import Path

from fibo_core.prompts.structured_prompt import StructuredPrompt
from studio.report import policy, report
from tests.studio.processes import add_picture, opened

EVIL = "</title></pre><script>alert(1)</script><img src=x onerror=alert(1)>\0\ud800 &amp; ‮ right to left"


class Tags(HTMLParser):
    """What a browser would make of it: the tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_hostile_texts_stay_texts_wherever_they_stand(workspace: Path) -> None:
    """In words, prompt, keys of one's own and the negative prompt; and the file is plain UTF-8."""
    workspace.mkdir()
    with opened(workspace) as (_, history):
        first = add_picture(history, EVIL, prompt=StructuredPrompt.from_dict({"short_description": EVIL, EVIL: EVIL}))
        add_picture(
            history,
            EVIL,
            mode="refine",
            parent_id=first.id,
            prompt=StructuredPrompt.from_dict({"short_description": "green", EVIL: [EVIL]}),
        )
        text = "".join(report(history, first.id))
    text.encode("utf-8")
    tags = read(text)
    assert set(tags.tags).isdisjoint({"script", "iframe", "object", "link", "form", "a"})
    assert tags.tags.count("img") == 2
    assert {name for _, name in tags.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "dir", "src", "width", "height", "alt",
    }  # fmt: skip
    assert "\0" not in text
    assert policy() in text


def test_a_picture_that_is_gone_or_damaged_leaves_the_others_their_place(workspace: Path) -> None:
    workspace.mkdir()
    with opened(workspace) as (_, history):
        first = add_picture(history, "a red ball")
        gone, broken, last = (
            add_picture(history, words, color=color, mode="refine", parent_id=first.id)
            for words, color in (("deleted", "blue"), ("broken", "green"), ("whole", "yellow"))
        )
        child = add_picture(history, "on it hangs one", mode="refine", parent_id=gone.id)
        history.delete([gone.id])
        history.image_file(broken.id).write_bytes(b"no picture")
        text = "".join(report(history, last.id))
    assert "A picture that was deleted" in text
    assert "The picture&#x27;s file is damaged" in text
    assert child.recipe_hash in text
    assert text.count("<img ") == 3
    assert re.search(r"4 pictures and their recipes, painted \d{4}-\d\d-\d\d\.", text)
    assert text.count('class="asked"') == 1


def test_a_very_long_prompt_is_cut_and_the_report_says_so(workspace: Path) -> None:
    workspace.mkdir()
    with opened(workspace) as (_, history):
        prompt = StructuredPrompt.from_dict({"short_description": "a ball " * 40_000})
        text = "".join(report(history, add_picture(history, "long", prompt=prompt).id))
    assert "more characters: the picture&#x27;s own file has them all." in text
    assert len(text) < 500_000
