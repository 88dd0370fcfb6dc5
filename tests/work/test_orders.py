"""What an order comes to: its jobs, its cells in the order of the grid, and the sentence for what cannot be."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import InputError, NewerVersion
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.orders import Order, Plan, order_from_json, order_to_json, plan
from fibo_core.work.tasks import GenerateTask, InspireTask, RefineTask, task_from_json, task_to_json
from fibo_core.writers import Usage, WrittenPrompt

PROMPT = StructuredPrompt.from_dict(
    {"short_description": "a ball ☂", "objects": [{"description": "a ball"}], "mine": 1}
)
WRITTEN = WrittenPrompt(PROMPT, "offline", notes=("one",), model="m", usage=Usage(1, 2))


def planned(order: Order) -> Plan:
    return plan(order, default_model="mini")


def seeds_of_jobs(plan: Plan) -> list[tuple[int, ...]]:
    return [job.task.painting.seeds for job in plan.jobs]


def test_what_an_order_leaves_open_is_the_models_default_and_a_drawn_seed() -> None:
    """Every seed is decided here, so that what is written down paints the same whenever it is painted."""
    order = Order(kind="generate", words="a ball", count=3)
    one, other = planned(order), planned(order)
    (job,) = one.jobs
    mini, settings = CATALOGUE["mini"], job.task.painting.settings
    assert (settings.width, settings.height) == mini.size("1:1")
    assert (settings.num_inference_steps, settings.guidance_scale) == (mini.num_inference_steps, mini.guidance_scale)
    assert job.task.writer == "auto"
    first = job.task.painting.seeds[0]
    assert job.task.painting.seeds == (first, first + 1, first + 2)
    assert [(dict(cell.place), cell.seed, cell.job) for cell in one.cells] == [({}, first + n, 0) for n in range(3)]
    assert seeds_of_jobs(one) != seeds_of_jobs(other)


def test_what_an_order_says_is_taken() -> None:
    """The model it names, with that model's defaults for the rest."""
    order = Order(
        kind="generate", words="a ball", model="fibo", size=(512, 768), steps=8, negative_prompt="drawn", seed=5
    )
    settings = planned(order).jobs[0].task.painting.settings
    assert (settings.model, settings.width, settings.height) == ("fibo", 512, 768)
    assert (settings.num_inference_steps, settings.guidance_scale) == (8, CATALOGUE["fibo"].guidance_scale)
    assert settings.negative_prompt == "drawn"


def test_each_kind_of_order_is_planned_as_its_own_task() -> None:
    refine = Order(
        kind="refine", words="green", source=PROMPT, source_id="1", with_picture=True, locked=("mine",),
        only_asked=True, must_change=True,
    )  # fmt: skip
    inspire = Order(kind="inspire", pictures=("inputs/1.png", "inputs/2.png"), source_id="1")
    task = planned(refine).jobs[0].task
    assert isinstance(task, RefineTask)
    assert (task.source, task.source_id, task.with_picture) == (PROMPT, "1", True)
    assert (task.locked, task.only_asked, task.must_change) == (("mine",), True, True)
    task = planned(inspire).jobs[0].task
    assert isinstance(task, InspireTask)
    assert [str(picture) for picture in task.pictures] == ["inputs/1.png", "inputs/2.png"]
    assert (task.words, task.source_id) == ("", "1")


def test_wildcards_are_dealt_and_each_cell_tells_its_words() -> None:
    """One job for each choice, which paints all the seeds it was dealt."""
    the = planned(Order(kind="generate", words="a {red|blue} ball", seed=1, count=4))
    assert [job.task.words for job in the.jobs] == ["a red ball", "a blue ball"]
    assert seeds_of_jobs(the) == [(1, 3), (2, 4)]
    assert [(cell.place, cell.seed, cell.job) for cell in the.cells] == [
        ({"words": "a red ball"}, 1, 0), ({"words": "a red ball"}, 3, 0),
        ({"words": "a blue ball"}, 2, 1), ({"words": "a blue ball"}, 4, 1),
    ]  # fmt: skip


def test_a_prompt_written_for_one_choice_of_the_wildcards_is_painted_for_that_one_only() -> None:
    order = Order(kind="generate", words="a {red|blue} ball", written=WRITTEN, written_for="a blue ball", count=2)
    assert [job.task.written for job in planned(order).jobs] == [None, WRITTEN]
    everywhere = planned(replace(order, written_for=None))
    assert [(job.task.words, job.task.written) for job in everywhere.jobs] == [("a {red|blue} ball", WRITTEN)]


def test_the_wildcards_of_an_instruction_are_the_users_own_braces() -> None:
    the = planned(Order(kind="refine", words="a {red|blue} ball", source=PROMPT, count=2))
    assert [job.task.words for job in the.jobs] == ["a {red|blue} ball"]


@pytest.mark.parametrize(
    ("name", "values", "taken"),
    [
        ("steps", "4|8", lambda task: task.painting.settings.num_inference_steps),
        ("guidance", "3|4.5", lambda task: task.painting.settings.guidance_scale),
        ("model", "mini|fibo", lambda task: task.painting.settings.model),
        ("writer", "offline|local", lambda task: task.writer),
        ("seed", "3|9", lambda task: task.painting.seeds[0]),
        ("lighting.conditions", "day|night", lambda task: dict(task.painting.values)["lighting.conditions"]),
    ],
)
def test_an_axis_gives_each_of_its_values_to_a_cell(name: str, values: str, taken) -> None:
    """Whatever it varies: the cell says the value, and its job has it."""
    one = axis(name, values)
    written = None if name == "writer" else WRITTEN
    seed = None if name == "seed" else 7
    the = planned(Order(kind="generate", words="a ball", written=written, axes=(one,), seed=seed))
    assert [cell.place for cell in the.cells] == [{name: value} for value in one.values]
    if name == "seed":
        assert seeds_of_jobs(the) == [one.values]
        assert [cell.seed for cell in the.cells] == list(one.values)
    else:
        assert [taken(the.jobs[cell.job].task) for cell in the.cells] == list(one.values)


def test_the_cells_stand_in_the_order_of_the_grid_and_seeds_share_a_job_wherever_their_axis_stands() -> None:
    """The last axis changes fastest; a job paints all seeds of its settings one after another."""
    axes = (axis("seed", "1|2"), axis("steps", "4|8"))
    the = planned(Order(kind="generate", written=WRITTEN, axes=axes))
    assert [(cell.place["seed"], cell.place["steps"]) for cell in the.cells] == [(1, 4), (1, 8), (2, 4), (2, 8)]
    assert [cell.job for cell in the.cells] == [0, 1, 0, 1]
    assert seeds_of_jobs(the) == [(1, 2), (1, 2)]


def test_several_jobs_that_need_the_same_prompt_share_one_that_writes_it() -> None:
    """It comes first, is written with the order's first seed, and is told which places the axes vary."""
    light = axis("lighting.conditions", "day|night")
    the = planned(Order(kind="generate", words="a ball", axes=(light, axis("steps", "4|8")), seed=7, count=2))
    writing, *painting = the.jobs
    assert (writing.task.painting.seeds, writing.task.painting.writer_seed, writing.after) == ((), 7, None)
    assert writing.task.painting.checked == (light,)
    assert [job.after for job in painting] == [0] * 4
    assert {cell.job for cell in the.cells} == {1, 2, 3, 4}
    assert len(the.cells) == 8


def test_each_choice_of_words_and_each_writer_has_its_own_prompt() -> None:
    axes = (axis("writer", "offline|local"), axis("steps", "4|8"))
    the = planned(Order(kind="generate", words="a {red|blue} ball", axes=axes, count=2))
    writing = [number for number, job in enumerate(the.jobs) if not job.task.painting.seeds]
    assert len(writing) == 4
    assert {job.after for job in the.jobs if job.task.painting.seeds} == set(writing)
    for job in the.jobs:
        if job.after is not None:
            shared = the.jobs[job.after].task
            assert (shared.words, shared.writer) == (job.task.words, job.task.writer)


def test_a_place_that_a_given_prompt_lacks_is_said_before_anything_is_queued() -> None:
    order = Order(kind="generate", written=WRITTEN, axes=(axis("objects[1].texture", "rough|smooth"),))
    with pytest.raises(InputError, match=r"objects\[1\]\.texture is not in the prompt"):
        planned(order)
    planned(replace(order, axes=(axis("objects[0].texture", "rough|smooth"),)))


def test_where_nothing_is_painted_each_writer_writes_one_prompt() -> None:
    """Of the wildcards' choices the first, whatever the number of pictures."""
    the = planned(
        Order(kind="generate", words="a {red|blue} ball", count=2, paint=False, axes=(axis("writer", "offline|local"),))
    )
    assert [(job.task.words, job.task.writer, job.task.painting.seeds) for job in the.jobs] == [
        ("a red ball", "offline", ()), ("a red ball", "local", ()),
    ]  # fmt: skip
    assert [(cell.place, cell.seed) for cell in the.cells] == [
        ({"writer": "offline"}, None),
        ({"writer": "local"}, None),
    ]
    with pytest.raises(InputError, match=r"^Nothing is painted, so steps cannot vary: only the writer can\.$"):
        planned(Order(kind="generate", words="a ball", paint=False, axes=(axis("steps", "4|8"),)))


def test_more_than_64_pictures_must_be_confirmed() -> None:
    """65 by their axes; 64 are taken as they are."""
    order = Order(kind="generate", written=WRITTEN, axes=(axis("steps", "1|2|3|4|5"),), count=13)
    with pytest.raises(InputError, match="The order makes 65 pictures, and more than 64 must be confirmed"):
        planned(order)
    assert len(planned(replace(order, confirmed=True)).cells) == 65
    assert len(planned(replace(order, axes=(axis("steps", "1|2|3|4"),), count=16)).cells) == 64


def test_a_job_has_the_words_that_a_writer_is_given_and_the_order_those_typed() -> None:
    """Signs of other programs are left out before wildcards are dealt; settings among the words wait to be wanted."""
    order = Order(kind="generate", words="({red|blue} ball:1.2), <lora:x:1> --seed 5 --ar 3:2", count=2, seed=9)
    assert [(job.task.words, job.task.painting.seeds) for job in planned(order).jobs] == [
        ("red ball", (9,)),
        ("blue ball", (10,)),
    ]
    assert order_from_json(order_to_json(order)).words == order.words
    settings = planned(order).jobs[0].task.painting.settings
    assert (settings.width, settings.height) == CATALOGUE["mini"].size("1:1")
    with pytest.raises(InputError, match="Say in a few words"):
        planned(Order(kind="generate", words="--ar 3:2"))


def test_a_seed_of_minus_one_is_drawn_for_a_refinement_too() -> None:
    """It is not the source's, and never itself."""
    drawn = {seeds_of_jobs(planned(Order(kind="generate", words="a ball", seed=-1)))[0][0] for _ in range(3)}
    assert len(drawn) > 1
    assert min(drawn) >= 0
    request = RenderSettings.of(CATALOGUE["mini"]).request(PROMPT, 7, "r")
    order = Order(kind="refine", words="green", source=PROMPT, seed=-1).painted_like(request, CATALOGUE["mini"])
    assert seeds_of_jobs(planned(order)) != [(7,)]


def test_what_a_source_was_painted_with_is_taken_over_unless_other_loras_or_none_are_asked_for() -> None:
    """An order that leaves them open has those of the recipe; an empty list is none, after a restart too."""
    recipe = RenderSettings.of(CATALOGUE["mini"]).request(PROMPT, 7, "r", ("sepia@0123456789abcdef*0.5",))
    for asked, worn in ((None, ("sepia:0.5",)), ((), ()), (("ink:0.3",), ("ink:0.3",))):
        order = Order(kind="refine", words="green", source=PROMPT, adapters=asked)
        kept = order_from_json(order_to_json(order.painted_like(recipe, CATALOGUE["mini"])))
        assert planned(kept).jobs[0].task.painting.settings.adapters == worn
        assert order_from_json(order_to_json(order)).adapters == asked


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (Order(kind="generate", words=" "), "Say in a few words what the picture should show"),
        (Order(kind="refine", words="greener"), "A refinement starts from a picture's prompt"),
        (Order(kind="refine", source=PROMPT), "Say what should change"),
        (Order(kind="inspire"), "An inspiration starts from a picture"),
        (Order(kind="inspire", pictures=("a", "b", "a")), "Picture 3 is the same as picture 1. Give it once"),
        (Order(kind="inspire", pictures=tuple("abcde")), "5 pictures are given, and at most 4 make one prompt"),
        (Order(kind="generate", words="a ball", model="fobi"), "There is no model called 'fobi'"),
        (Order(kind="generate", words="a ball", aspect="7:1"), "no shape '7:1'"),
        (Order(kind="generate", words="a ball", size=(40, 100)), "The size is 40×100"),
        (Order(kind="generate", words="a ball", count=0), "The number of pictures is 0"),
        (Order(kind="generate", words="a ball", seed=-2), "The seed is -2"),
        (Order(kind="generate", words="a ball", count=2, axes=(axis("seed", "1|2"),)), "the seeds stand on an axis"),
        (Order(kind="generate", words="a ball", steps=0), "The number of steps is 0"),
        (Order(kind="generate", words="a ball", steps=201), "The number of steps is 201"),
        (Order(kind="generate", words="a ball", guidance=0.5), "The guidance is 0.5"),
        (Order(kind="generate", words="a ball", guidance=float("nan")), "The guidance is nan"),
        (Order(kind="edit", words="green", together=True), "Only whole new pictures can be painted together"),
        (
            Order(kind="generate", written=WRITTEN, axes=(axis("writer", "offline|gemini"),)),
            "no writer is asked and none can vary",
        ),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(order: Order, sentence: str) -> None:
    """Before anything is written down, and not by a job that fails later."""
    with pytest.raises(InputError, match=sentence):
        planned(order)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
AXES = st.lists(
    st.sampled_from([axis("seed", "1|2"), axis("guidance", "3|4.5"), axis("objects[0].texture", "rough, wet|smooth")]),
    unique_by=lambda each: each.name,
)
ORDERS = st.builds(
    Order,
    kind=st.sampled_from(["generate", "refine", "inspire"]),
    words=TEXT,
    written=st.none() | st.just(WRITTEN),
    written_for=st.none() | TEXT,
    source=st.none() | st.just(PROMPT),
    source_id=st.none() | TEXT,
    pictures=st.lists(TEXT, max_size=5).map(tuple),
    with_picture=st.booleans(),
    locked=st.lists(TEXT, max_size=2).map(tuple),
    only_asked=st.booleans(),
    must_change=st.booleans(),
    writer=st.none() | TEXT,
    model=st.none() | TEXT,
    aspect=st.none() | TEXT,
    size=st.none() | st.tuples(st.integers(64, 2048), st.integers(64, 2048)),
    steps=st.none() | st.integers(1, 200),
    guidance=st.none() | st.floats(1, 30),
    negative_prompt=st.none() | TEXT,
    seed=st.none() | st.integers(0, 2**63 - 1),
    count=st.integers(1, 64),
    axes=AXES.map(tuple),
    confirmed=st.booleans(),
    paint=st.booleans(),
    together=st.booleans(),
)


@settings(deadline=None)
@given(ORDERS)
def test_an_order_survives_being_written_down(order: Order) -> None:
    assert order_from_json(order_to_json(order)) == order


@pytest.mark.parametrize(("picture", "pictures"), [("inputs/1.png", ("inputs/1.png",)), (None, ())])
def test_an_order_and_a_task_that_knew_one_picture_are_still_read(
    picture: str | None, pictures: tuple[str, ...]
) -> None:
    """As the studio before this one wrote them down: the picture in a field of its own."""
    order = Order(kind="inspire", words="at night", pictures=("inputs/1.png",), source_id="1")
    text = order_to_json(replace(order, pictures=pictures))
    record = {key: value for key, value in json.loads(text).items() if key != "pictures"}
    assert order_from_json(json.dumps({**record, "version": 1, "picture": picture})).pictures == pictures
    if picture is not None:
        task = planned(order).jobs[0].task
        record = {key: value for key, value in json.loads(task_to_json(task)).items() if key != "pictures"}
        assert task_from_json(json.dumps({**record, "version": 1, "picture": picture})) == task


def test_each_task_of_a_plan_survives_being_written_down() -> None:
    axes = (axis("lighting.conditions", "day|night"), axis("guidance", "3|4.5"))
    for job in planned(Order(kind="generate", words="a ball", axes=axes)).jobs:
        assert task_from_json(task_to_json(job.task)) == job.task


def test_an_order_or_a_task_of_a_newer_version_is_named_in_a_sentence() -> None:
    """Never read half: what it means is not known here."""
    order = Order(kind="generate", words="a ball")
    (job,) = planned(order).jobs
    assert isinstance(job.task, GenerateTask)
    sentence = (
        r"^This {} was made by a newer version of FIBO Studio \(99; 2 is understood\)\. Update the studio to see it\.$"
    )
    for what, read, text in (
        ("order", order_from_json, order_to_json(order)),
        ("task", task_from_json, task_to_json(job.task)),
    ):
        with pytest.raises(NewerVersion, match=sentence.format(what)):
            read(json.dumps({**json.loads(text), "version": 99}))
