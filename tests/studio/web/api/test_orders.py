"""Orders over HTTP: what a page can order, a program can, and it comes to the same pictures."""

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.studio.processes import Server
from tests.studio.web.api.conftest import PASSWORD, client_of, ended, paint, refusal


def picture_of(api: httpx.Client, batch: dict[str, Any], number: int = 0) -> Image.Image:
    """The pixels of one of a batch's pictures, from the address that its cell names."""
    answer = api.get(str(api.base_url.copy_with(path=batch["cells"][number]["image"])))
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def generation_of(api: httpx.Client, batch: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return api.get(f"/generations/{batch['cells'][number]['generation_id']}").json()


def test_words_become_a_batch_at_once_and_a_picture_in_the_end(api: httpx.Client, batch: dict[str, Any]) -> None:
    """The whole path: 202 with cells to come, then the picture at its address, and its recipe in the history."""
    cell = batch["cells"][0]
    assert (batch["state"], batch["painted"], cell["state"], cell["seed"]) == ("done", 1, "done", 7)
    assert batch["jobs"][0]["written"]["writer"] == "offline"
    assert picture_of(api, batch).size == (256, 256)
    generation = generation_of(api, batch)
    assert (generation["words"], generation["seed"]) == ("a red ball on the left", 7)
    assert generation["structured_prompt"] == batch["jobs"][0]["written"]["structured_prompt"]


def test_the_password_and_the_key_open_the_api_and_nothing_else_does(server: Server, api: httpx.Client) -> None:
    """As Bearer; neither stands in the log."""
    assert api.get("/models").status_code == 200
    with client_of(server, PASSWORD) as other:
        assert other.get("/models").status_code == 200
    with client_of(server, "wrong") as stranger:
        assert refusal(stranger.get("/models"))[0] == 401
        assert refusal(stranger.post("/generations", json={"words": "a ball"}))[0] == 401
    log = server.log.read_text()
    assert not [secret for secret in (PASSWORD, api.headers["authorization"].split()[1]) if secret in log]


def test_a_prompt_is_written_and_painted_later_as_it_is_with_its_author_named(api: httpx.Client) -> None:
    """First the prompt alone, waited for; then a picture of the job's prompt, whose row says who wrote it."""
    answer = api.post("/structured-prompts", json={"words": "a blue box"}, params={"wait": 25})
    assert answer.status_code == 200, answer.text
    written = answer.json()
    assert (written["state"], written["pictures"]) == ("done", 0)
    job = written["jobs"][0]
    painted = paint(api, words="a blue box", prompt_job_id=job["id"], seed=3)
    generation = generation_of(api, painted)
    assert generation["structured_prompt"] == job["written"]["structured_prompt"]
    assert (generation["writer"], generation["words"]) == ("offline", "a blue box")


def test_json_is_painted_as_it_is_and_is_said_to_be_by_hand(api: httpx.Client) -> None:
    """Keys of one's own stay."""
    document = {"short_description": "a green box.", "mine": [1, {"two": None}]}
    generation = generation_of(api, paint(api, structured_prompt=document, seed=5))
    assert (generation["structured_prompt"], generation["writer"]) == (document, "hand")


def test_a_prompt_is_found_in_what_a_program_sends_and_what_says_nothing_is_refused(api: httpx.Client) -> None:
    """What was done stands with the prompt; the seed beside it is told of and not taken."""
    sent = {"result": {"prompt": '{"short_description": "a green box.",}', "seed": 7}}
    batch = paint(api, structured_prompt=sent, seed=5)
    assert generation_of(api, batch)["structured_prompt"] == {"short_description": "a green box."}
    assert generation_of(api, batch)["seed"] == 5
    notes = " ".join(batch["jobs"][0]["written"]["notes"])
    assert "taken from result.prompt" in notes
    assert "not used: seed 7" in notes
    for nothing in ({}, {"render": {"samples": 10}}):
        answer = api.post("/generations", json={"structured_prompt": nothing})
        assert answer.status_code == 422
        assert "Write at least a short description" in answer.text


def test_a_refinement_of_a_picture_keeps_its_seed_and_its_settings(api: httpx.Client, batch: dict[str, Any]) -> None:
    """As on the page and the command line; the new row names its parent."""
    source = batch["cells"][0]["generation_id"]
    answer = api.post("/refinements", json={"generation_id": source, "words": "make the ball green"})
    assert answer.status_code == 202, answer.text
    generation = generation_of(api, ended(api, answer.json()))
    assert (generation["seed"], generation["num_inference_steps"], generation["parent_id"]) == (7, 3, source)
    assert "green" in generation["structured_prompt"]["objects"][0]["shape_and_color"]


def test_what_is_locked_stays_and_the_rest_of_an_order_is_the_pages(api: httpx.Client) -> None:
    """A refinement of a prompt that is no picture's, prompt only."""
    source = {"short_description": "a red ball.", "objects": [{"description": "a red ball", "shape_and_color": "red"}]}
    order = {"source": source, "words": "make the ball green", "locked": ["short_description"], "paint": False}
    written = ended(api, api.post("/refinements", json=order).json())["jobs"][0]["written"]
    assert written["structured_prompt"]["short_description"] == "a red ball."
    assert written["structured_prompt"] != source


@pytest.mark.parametrize("way", ["file", "id"])
def test_an_inspiration_starts_from_a_file_or_from_a_picture_of_the_history(
    api: httpx.Client, batch: dict[str, Any], way: str
) -> None:
    """The picture itself, its hint beside it; the row leads back to it."""
    order = {"words": "at night", "steps": 2, "seed": 11}
    if way == "id":
        id = batch["cells"][0]["generation_id"]
        answer = api.post("/inspirations", json={**order, "generation_id": id})
    else:
        file = io.BytesIO()
        picture_of(api, batch).save(file, "PNG")
        form = {"order": '{"words": "at night", "steps": 2, "seed": 11}'}
        answer = api.post("/inspirations", files={"picture": ("ball.png", file.getvalue())}, data=form)
    assert answer.status_code == 202, answer.text
    generation = generation_of(api, ended(api, answer.json()))
    assert (generation["mode"], generation["seed"]) == ("inspire", 11)
    source = api.get(str(api.base_url.copy_with(path=generation["source"])))
    assert source.headers["content-type"] == "image/png"


@pytest.mark.parametrize("way", ["file", "made"])
def test_an_edit_changes_a_picture_behind_its_mask_alone(api: httpx.Client, batch: dict[str, Any], way: str) -> None:
    """A mask as a file, or one that is made and can be looked at first; every other pixel stays."""
    id, before = batch["cells"][0]["generation_id"], picture_of(api, batch)
    document = generation_of(api, batch)["structured_prompt"] | {"short_description": "a green ball."}
    order = {"generation_id": id, "structured_prompt": document, "way": "paste"}
    if way == "file":
        mask = Image.new("L", before.size)
        mask.paste(255, (20, 20, 120, 120))
        file = io.BytesIO()
        mask.save(file, "PNG")
        answer = api.post("/edits", files={"mask": ("mask.png", file.getvalue())}, data={"order": json.dumps(order)})
    else:
        made = api.post("/edits/masks", json={"generation_id": id, "of": "objects[0]"}).json()
        mask = Image.open(io.BytesIO(api.get(str(api.base_url.copy_with(path=made["image"]))).content)).convert("L")
        answer = api.post("/edits", json={**order, "mask": made["mask"]})
    assert answer.status_code == 202, answer.text
    done = ended(api, answer.json())
    generation, after = generation_of(api, done), picture_of(api, done)
    assert (generation["mode"], generation["parent_id"], generation["edit"]["way"]) == ("edit", id, "paste")
    black = np.asarray(mask) == 0
    moved = (np.asarray(before) != np.asarray(after)).any(axis=2)
    assert 0 < black.sum() < black.size
    assert moved[black].sum() == 0
    assert moved[~black].any()
    assert api.post("/estimates", json={"edit": {**order, "mask_of": "edit"}}).json()["pictures"] == 1


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"words": "x"}, "Neither a mask nor a strength below 1 is given"),
        ({"words": "x", "strength": 0.5, "way": "redo"}, "The way of editing is 'redo'"),
        ({"words": "x", "strength": 1.5}, "The strength is 1.5"),
        ({"words": "x", "mask": "0" * 64}, "is not there any more"),
        ({"words": "x", "mask": "ball.png"}, "The mask is 'ball.png', which is no picture's SHA-256"),
        (
            {"words": "make the ball green", "strength": 0.5, "structured_prompt": {"short_description": "a red ball"}},
            "the JSON does something else",
        ),
    ],
)
def test_an_edit_that_cannot_be_is_one_sentence(
    api: httpx.Client, batch: dict[str, Any], order: dict[str, Any], sentence: str
) -> None:
    answer = api.post("/edits", json={"generation_id": batch["cells"][0]["generation_id"], **order})
    assert answer.status_code == (409 if "not there any more" in sentence else 422)
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize("way", ["files", "ids", "both"])
def test_several_pictures_make_one_prompt(api: httpx.Client, batch: dict[str, Any], way: str) -> None:
    """Files and ids as parts of one form, in the order in which they are sent, or ids as JSON; the first is kept."""
    id, other = (
        batch["cells"][0]["generation_id"],
        paint(api, words="a blue star", steps=1)["cells"][0]["generation_id"],
    )
    files = [_png("green", (40, 30)), _png("red", (20, 20))]
    order = {"paint": True, "steps": 1}
    if way == "ids":
        answer = api.post("/inspirations", json={**order, "generation_ids": [id, other]})
    else:
        parts = {"files": [("picture", ("a.png", each)) for each in files]}.get(
            way, [("picture", (None, id)), ("picture", ("a.png", files[0]))]
        )
        answer = api.post("/inspirations", files=parts, data={"order": json.dumps(order)})
    assert answer.status_code == 202, answer.text
    done = ended(api, answer.json())
    assert any("those of all 2 pictures" in note for note in done["jobs"][0]["written"]["notes"])
    generation = generation_of(api, done)
    assert generation["parent_id"] == (None if way == "files" else id)
    source = Image.open(io.BytesIO(api.get(str(api.base_url.copy_with(path=generation["source"]))).content))
    assert source.size == ((40, 30) if way == "files" else picture_of(api, batch).size)


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (["green", "green"], "Picture 2 is the same as picture 1. Give it once."),
        (
            ["red", "green", "blue", "white", "black"],
            "5 pictures are given, and at most 4 make one prompt. Leave some out.",
        ),
        ([], "The form has no file in its field picture. Send one there."),
    ],
)
def test_pictures_that_make_no_prompt_together_are_said_in_one_sentence(
    api: httpx.Client, pictures: list[str], sentence: str
) -> None:
    parts = [("picture", (f"{color}.png", _png(color))) for color in pictures]
    answer = api.post("/inspirations", files=[*parts, ("order", (None, "{}"))])
    assert (answer.status_code, answer.json()["detail"]) == (422, sentence)


def _png(color: str, size: tuple[int, int] = (32, 32)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def test_axes_make_a_grid_whose_cells_say_where_they_stand(api: httpx.Client) -> None:
    """Two axes, one of them written as it is typed: four pictures of one prompt."""
    axes = [{"name": "lighting.conditions", "values": ["day", "night"]}, {"name": "seed", "values": "1..2"}]
    grid = paint(api, words="a red ball", axes=axes, steps=1)
    places = [(cell["place"]["lighting.conditions"], cell["seed"], cell["state"]) for cell in grid["cells"]]
    assert places == [("day", 1, "done"), ("day", 2, "done"), ("night", 1, "done"), ("night", 2, "done")]
    assert grid["axes"][1] == {"name": "seed", "values": [1, 2]}


def test_the_same_order_twice_gives_the_same_pixels_and_the_same_recipe(api: httpx.Client) -> None:
    first, second = (paint(api, words="a yellow star", seed=9, steps=2) for _ in range(2))
    assert picture_of(api, first).tobytes() == picture_of(api, second).tobytes()
    hashes = {generation_of(api, each)["recipe_hash"] for each in (first, second)}
    assert len(hashes) == 1
