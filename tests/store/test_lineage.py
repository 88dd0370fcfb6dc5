"""The tree of pictures that one belongs to: whole, bounded, and with gaps where something is gone."""

import json
from dataclasses import replace

import pytest

from fibo_core.engine import RenderedImage
from fibo_core.errors import GenerationNotFound
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store import lineage as lineages
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.store.lineage import Lineage, branch_line
from tests.store.conftest import Paint
from tests.store.pictures import rendered, request_of


def child(paint: Paint, parent: Generation, words: str, *, text: str = "a red ball", seed: int = 7) -> Generation:
    return paint(words, text=text, seed=seed, mode="refine", parent_id=parent.id)


def drawn(tree: Lineage) -> list[tuple[int, str, list[str]]]:
    """Each branch: its depth, what it did, and its pictures' words or what became of them."""
    told = []
    for depth, branch in tree.walk():
        parent = tree.node(branch.parent_id) if branch.parent_id else None
        line = branch_line(branch, parent.generation if parent else None)
        told.append((depth, line, [node.words or node.standing for node in branch.nodes]))
    return told


def test_a_tree_has_its_first_picture_every_branch_and_what_each_changed(history: History, paint: Paint) -> None:
    """Whichever of its pictures is asked for; pictures of one instruction hang together."""
    first = paint("a ball")
    paint("another", text="a blue box")
    green = child(paint, first, "green", text="a green ball")
    twice = [child(paint, green, "at night", text="a green ball at night", seed=seed) for seed in (1, 2)]
    again = child(paint, first, "")
    for asked in (first, green, *twice, again):
        assert drawn(history.lineage(asked.id)) == [
            (0, "", ["a ball"]),
            (1, "1 field changed: short_description", ["green"]),
            (2, "1 field changed: short_description", ["at night", "at night"]),
            (1, "Painted again", ["here"]),
        ]
    node = history.lineage(first.id).node(green.id)
    assert node is not None
    assert [(str(each)) for each in node.changes or ()] == ['short_description: "a red ball" → "a green ball"']


def test_a_branch_says_which_loras_came_and_went(history: History) -> None:
    """Alone, or beside what the prompt has otherwise; a recipe with other LoRAs was not painted again."""
    sepia, weaker, ink = "sepia@0123456789abcdef*0.8", "sepia@0123456789abcdef*0.5", "ink@fedcba9876543210*1"

    def wear(parent: Generation | None, *adapters: str, text: str = "a red ball") -> Generation:
        request, parent_id = replace(request_of(text), adapters=adapters), None if parent is None else parent.id
        words = f"{text}, {adapters}"
        return history.add(rendered(), request, mode="refine", words=words, writer="offline", parent_id=parent_id)

    bare = wear(None)
    first = wear(bare, sepia)
    for adapters in ((), (weaker,), (sepia, ink), ("sepia@fedcba9876543210*0.8",)):
        wear(first, *adapters)
    wear(first, text="a green ball")
    assert [line for _, line, _ in drawn(history.lineage(bare.id))] == [
        "",
        "LoRA sepia:0.8 put on",
        "LoRA sepia:0.8 taken off",
        "LoRA sepia:0.8 → sepia:0.5",
        "LoRA ink:1 put on",
        "LoRA sepia:0.8 from another file",
        "1 field changed: short_description; LoRA sepia:0.8 taken off",
    ]


def test_a_deleted_or_missing_picture_is_a_gap_where_one_hangs_on_it_and_nowhere_else(
    history: History, paint: Paint
) -> None:
    first = paint("a ball", parent_id="01M8CZ4K0NRBZ7N4JVZ4H2QZVP")
    middle = child(paint, first, "green", text="a green ball")
    last = child(paint, middle, "at night", text="a green ball at night")
    leaf = child(paint, first, "blue", text="a blue ball")
    history.delete([middle.id, leaf.id])
    tree = history.lineage(last.id)
    assert drawn(tree) == [
        (0, "", ["missing"]),
        (1, "", ["a ball"]),
        (2, "", ["deleted"]),
        (3, "1 field changed: short_description", ["at night"]),
    ]
    assert [each.id for each in tree.pictures] == [first.id, last.id]
    history.restore([middle.id])
    assert [standing for _, _, standing in drawn(history.lineage(last.id))] == [
        ["missing"],
        ["a ball"],
        ["green"],
        ["at night"],
    ]


def test_a_circle_of_damaged_rows_ends_and_a_row_that_cannot_be_read_is_a_gap(
    history: History, database: Database, paint: Paint
) -> None:
    first = paint("a ball")
    second = child(paint, first, "green", text="a green ball")
    third = child(paint, second, "at night")
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE generation SET parent_id = ? WHERE id = ?", (third.id, first.id))
    assert {node.id for node in history.lineage(second.id).nodes} == {first.id, second.id, third.id}
    with database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE generation SET parent_id = NULL, structured_prompt = '{' WHERE id = ?", (first.id,)
        )
    assert [standing for _, _, standing in drawn(history.lineage(third.id))] == [["damaged"], ["green"], ["at night"]]
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE generation SET parent_id = id WHERE id = ?", (third.id,))
    assert [node.id for node in history.lineage(third.id).nodes] == [third.id]


def test_a_tree_of_more_pictures_than_are_shown_says_so_and_holds_the_one_that_was_asked_for(
    history: History, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineages, "NODES_MAX", 6)
    monkeypatch.setattr(lineages, "LINE_MAX", 4)
    first = paint("a ball")
    for seed in range(8):
        child(paint, first, f"the {seed}th", seed=seed)
    wide = history.lineage(first.id)
    assert (len(wide.nodes), wide.notes) == (6, ("Only 6 pictures of a larger tree are shown.",))

    step = first
    for number in range(8):
        step = child(paint, step, f"step {number}")
    deep = history.lineage(step.id)
    assert deep.notes == ("Only the 4 pictures before this one are shown of a longer line.",)
    assert [node.words for node in deep.nodes] == ["step 4", "step 5", "step 6", "step 7"]
    last = child(paint, first, "the last", text="a dog")
    assert history.lineage(last.id).node(last.id) is not None


def test_prompts_that_are_too_long_together_are_not_compared_and_the_tree_says_so(
    history: History, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineages, "CHARS_MAX", 1_000)
    first = paint("a ball")
    one = child(paint, first, "green", text="a green ball")
    child(paint, one, "longer", text="a ball " * 300)
    tree = history.lineage(first.id)
    assert tree.notes == ("What changed is not compared for 1 of them: their prompts are too long together.",)
    assert [node.changes is None for node in tree.nodes] == [True, False, True]


def test_prompts_as_long_as_they_may_be_have_a_tree_and_one_that_is_longer_is_a_gap(
    history: History, database: Database
) -> None:
    """Of a thousand objects one changed: that is named. A row with ten thousand was changed by hand."""
    from PIL import Image

    from tests.store.pictures import request_of

    def stored(changed: str, parent: str | None) -> Generation:
        things: list[dict[str, str]] = [{"description": f"a ball {n}"} for n in range(1_000)]
        things[500]["description"] = changed
        prompt = StructuredPrompt.from_dict({"short_description": "balls", "objects": things})
        request = request_of()
        request = type(request)(**{**vars(request), "prompt": prompt})
        made = RenderedImage(Image.new("RGB", (64, 96)), 1.0, "cpu", "float32", {})
        return history.add(made, request, mode="refine", words=changed, writer="hand", parent_id=parent)

    first = stored("a red ball", None)
    stored("a blue ball", first.id)
    assert drawn(history.lineage(first.id))[1] == (
        1,
        "1 field changed: objects[500].description",
        ["a blue ball"],
    )
    many = json.dumps({"short_description": "balls", "objects": [{"description": "a ball"}] * 10_000})
    with database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE generation SET structured_prompt = ? WHERE id = ?", (many, first.id)
        )
    assert [standing for _, _, standing in drawn(history.lineage(first.id))] == [["damaged"], ["a blue ball"]]


def test_an_unknown_id_has_no_tree(history: History, paint: Paint) -> None:
    paint("a ball")
    for id in ("01M8CZ4K0NRBZ7N4JVZ4H2QZVP", "x", "", "1 OR 1=1", json.dumps(None)):
        with pytest.raises(GenerationNotFound):
            history.lineage(id)
