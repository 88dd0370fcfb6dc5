"""What the board sends becomes edits of the draft: each once, in order, on the text that they were made on."""

from typing import Any

from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from studio.ui.components.sketch import take_edits, vocabulary
from studio.ui.state import PageState, SketchState

PROMPT = StructuredPrompt.from_dict(
    {"objects": [{"description": "a ball", "location": "left"}, {"description": "a box", "location": "right"}]}
)


def begun() -> tuple[PageState, SketchState]:
    state, board = PageState(), SketchState()
    state.begin(PROMPT.to_json())
    board.begin(text(state))
    return state, board


def text(state: PageState) -> str:
    assert state.draft is not None
    return state.draft.text


def document(state: PageState) -> StructuredPrompt:
    return StructuredPrompt.parse(text(state))


def edit(board: SketchState, n: int, act: str, **more: Any) -> dict[str, Any]:
    return {"n": n, "of": board.version, "act": act, **more}


def move(board: SketchState, n: int, column: int, index: int = 0) -> dict[str, Any]:
    return edit(board, n, "move", index=index, column=column, row=3, depth="")


def test_edits_that_come_again_with_the_next_ones_are_taken_once() -> None:
    state, board = begun()
    first, second = move(board, 1, 2), move(board, 2, 3)
    gone = edit(board, 3, "remove", index=1)
    take_edits(state, board, [first])
    take_edits(state, board, [first, second, gone])
    take_edits(state, board, [first, second, gone])
    assert [each["location"] for each in document(state).document["objects"]] == ["center"]
    assert board.taken == 3


def test_an_edit_of_a_text_that_has_been_replaced_meanwhile_is_left_out() -> None:
    """Its object's number would mean another one."""
    state, board = begun()
    late = edit(board, 1, "remove", index=0)
    state.begin('{"objects": [{"description": "a cat"}]}')
    before = text(state)
    take_edits(state, board, [late])
    assert text(state) == before
    assert board.taken == 1


def test_undo_takes_the_board_s_edits_back_one_by_one_and_no_more() -> None:
    state, board = begun()
    take_edits(state, board, [move(board, 1, 2), edit(board, 2, "remove", index=1)])
    take_edits(state, board, [edit(board, 3, "undo")])
    assert [change.path for change in diff(PROMPT, document(state))] == ["objects[0].location"]
    take_edits(state, board, [edit(board, 4, "undo"), edit(board, 5, "undo")])
    assert document(state) == PROMPT


def test_an_edit_made_just_before_an_undo_was_known_still_counts() -> None:
    state, board = begun()
    take_edits(state, board, [first := move(board, 1, 2)])
    after_it = board.version
    take_edits(state, board, [edit(board, 2, "undo"), {**first, "n": 3, "of": after_it, "column": 5}])
    assert document(state).get("objects[0].location") == "right"


def test_an_edit_of_an_object_that_is_not_there_changes_nothing() -> None:
    state, board = begun()
    take_edits(state, board, [move(board, 1, 2, index=7), edit(board, 2, "remove", index=-1)])
    assert document(state) == PROMPT


def test_every_act_of_the_board_changes_its_own_field() -> None:
    acts: dict[str, dict[str, Any]] = {
        "objects[0].location": {"act": "move", "index": 0, "column": 3, "row": 1, "depth": "foreground"},
        "objects[0].relative_size": {"act": "resize", "index": 0, "size": 5},
        "objects[0].shape_and_color": {"act": "recolor", "index": 0, "color": "blue"},
        "objects[0].description": {"act": "name", "index": 0, "text": "a big ball"},
        "lighting": {"act": "light", "angle": 135, "depth": "side"},
        "objects[2]": {"act": "add", "column": 1, "row": 1},
    }
    for path, act in acts.items():
        state, board = begun()
        take_edits(state, board, [{"n": 1, "of": board.version, **act}])
        assert [change.path for change in diff(PROMPT, document(state))] == [path]


def test_a_hand_can_choose_only_what_the_model_has_words_for() -> None:
    """mini knows nine places and three sizes; for FIBO all that lies between is written too."""
    mini, fibo = (vocabulary(CATALOGUE[name]) for name in ("mini", "fibo"))
    known = {wording for wordings in world().places.values() for wording in wordings}
    assert {mini["places"][r][c] for r in mini["reach"]["rows"] for c in mini["reach"]["columns"]} <= known
    assert [mini["sizes"][size][1] for size in mini["reach"]["sizes"]] == list(world().sizes)
    assert len(fibo["reach"]["columns"]) == len(fibo["columns"]) > 3
