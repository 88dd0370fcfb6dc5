"""The three workflows on the real pipeline, the real database and real files: from a few words to stored pictures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.engine import StepEvent
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.errors import Cancelled, InputError, NothingChanged, RequestError
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.work import workflows
from fibo_core.work.again import AgainReport
from fibo_core.work.tasks import GenerateTask, InspireTask, Painting, RefineTask
from fibo_core.work.workflows import Tools
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.chain import Backend, Writers
from fibo_core.writers.offline import OfflineWriter

OFFLINE = Backend("offline", "The offline writer", OfflineWriter.about, OfflineWriter)
SETTINGS = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=4)
WORDS = "a red ball on the left and a blue box on the right, at night"


class Notes:
    """An observer that writes down what it is told."""

    wants_previews = False

    def __init__(self, cancel_at: tuple[int, int] | None = None, flag: CancelFlag | None = None) -> None:
        self.heard: list[str] = []
        self.stored: list[Generation] = []
        self.cancel_at = cancel_at
        self.flag = flag
        self.picture = 0

    def on_writing(self, writer: str) -> None:
        self.heard.append(f"{writer} writes")

    def on_tokens(self, count: int) -> None:
        self.heard.append(f"{count} tokens")

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        self.heard.append(f"{reason}, {retry_after_s:g} s")
        return False

    def on_written(self, written: WrittenPrompt) -> None:
        self.heard.append("written")

    def on_painting(self, index: int, total: int) -> None:
        self.picture = index
        self.heard.append(f"picture {index + 1} of {total}")

    def on_step(self, event: StepEvent) -> None:
        if (self.picture, event.step) == self.cancel_at and self.flag is not None:
            self.flag.cancel()

    def on_stored(self, generation: Generation) -> None:
        self.stored.append(generation)
        self.heard.append("stored")

    def on_compared(self, report: AgainReport) -> None:
        self.heard.append("compared")


@pytest.fixture
def tools(tmp_path: Path, mini_engine: FiboEngine) -> Iterator[Tools]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    database = Database(workspace / "studio.db")
    database.migrate()
    yield Tools(Writers((OFFLINE,)), mini_engine, History(workspace, database))
    database.close()


def pixels(tools: Tools, generation: Generation) -> np.ndarray:
    return np.asarray(Image.open(tools.history.image_file(generation.id)), dtype=np.int16)


def test_words_become_a_stored_picture_with_its_whole_recipe(tools: Tools) -> None:
    """The prompt is known before the picture; the row can make the picture again."""
    notes = Notes()
    (generation,) = workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (7,))), notes, CancelFlag())
    assert notes.heard == ["offline writes", "written", "picture 1 of 1", "stored"]
    assert (generation.words, generation.writer, generation.request.seed) == (WORDS, "offline", 7)

    stored = tools.history.get(generation.id)
    again = tools.engine.render(stored.request).image
    assert np.array_equal(np.asarray(again), pixels(tools, generation))


def test_a_given_prompt_is_painted_as_it_is_and_the_writer_is_not_asked(tools: Tools) -> None:
    """JSON typed by hand reaches the model word for word, unknown keys stay with the row."""
    prompt = StructuredPrompt.from_dict({"objects": [{"description": "a green ball"}], "my_note": "keep me"})
    task = GenerateTask("", Painting(SETTINGS, (7,)), written=WrittenPrompt(prompt))
    notes = Notes()
    (generation,) = workflows.generate(tools, task, notes, CancelFlag())
    assert "offline writes" not in notes.heard
    assert tools.history.get(generation.id).prompt == prompt
    assert generation.writer == "hand"


def test_seeds_painted_together_are_stored_one_by_one_with_recipes_of_their_own(tools: Tools) -> None:
    """Their pixels may differ by one from those painted alone, so they are not taken for those; five are two passes."""
    seeds = (7, 8, 9, 10, 11)
    prompt = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    painting, notes = Painting(SETTINGS, seeds, together=True), Notes()
    together = workflows.generate(tools, GenerateTask("", painting, written=prompt), notes, CancelFlag())
    assert notes.heard == ["written", "picture 1 of 5", *["stored"] * 4, "picture 5 of 5", "stored"]
    assert [picture.request.seed for picture in together] == list(seeds)
    assert [picture.precision for picture in together] == ["float32, together"] * 4 + ["float32"]
    assert [picture.request.approximation for picture in together] == ["together"] * 4 + [""]

    alone = GenerateTask("", Painting(SETTINGS, seeds[3:], reuse=True), written=prompt)
    first, last = workflows.generate(tools, alone, Notes(), CancelFlag())
    assert first.id not in {picture.id for picture in together}
    assert last.id == together[4].id, "what was painted alone is the plain recipe"
    assert np.abs(pixels(tools, first) - pixels(tools, together[3])).max() <= 1


def test_a_cancelled_pass_stores_none_of_its_pictures_and_the_pass_before_stays(tools: Tools) -> None:
    flag = CancelFlag()
    prompt = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    task = GenerateTask("", Painting(SETTINGS, tuple(range(7, 13)), together=True), written=prompt)
    notes = Notes(cancel_at=(4, 2), flag=flag)
    with pytest.raises(Cancelled):
        workflows.generate(tools, task, notes, flag)
    assert [picture.request.seed for picture in notes.stored] == [7, 8, 9, 10]
    assert tools.history.count(HistoryQuery()) == 4


def test_without_seeds_the_prompt_is_written_and_nothing_is_painted(tools: Tools) -> None:
    """ "Prompt only" stops before the engine."""
    notes = Notes()
    assert workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS)), notes, CancelFlag()) == []
    assert notes.heard == ["offline writes", "written"]
    assert tools.history.count(HistoryQuery()) == 0


def test_a_batch_cancelled_in_its_second_picture_keeps_the_first_and_stores_no_unfinished_one(tools: Tools) -> None:
    """A finished picture is never lost; a cancelled one is never stored."""
    flag = CancelFlag()
    notes = Notes(cancel_at=(1, 2), flag=flag)
    with pytest.raises(Cancelled):
        workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (1, 2, 3))), notes, flag)
    assert [generation.request.seed for generation in notes.stored] == [1]
    assert tools.history.count(HistoryQuery()) == 1


def test_one_picture_of_a_batch_can_be_painted_again_alone(tools: Tools) -> None:
    """A batch is a list of seeds."""
    batch = workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (5, 6))), Notes(), CancelFlag())
    (alone,) = workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (6,))), Notes(), CancelFlag())
    assert alone.recipe_hash == batch[1].recipe_hash
    assert np.array_equal(pixels(tools, alone), pixels(tools, batch[1]))


def test_a_refinement_changes_what_was_asked_keeps_the_seed_and_knows_its_parent(tools: Tools) -> None:
    """The ball turns green; the box, the light and the seed stay."""
    (parent,) = workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (7,))), Notes(), CancelFlag())
    task = RefineTask("make the ball green", parent.prompt, Painting(SETTINGS, (7,)), source_id=parent.id)
    (child,) = workflows.refine(tools, task, Notes(), CancelFlag())
    changed = {change.path for change in diff(parent.prompt, child.prompt)}
    assert "objects[0].shape_and_color" in changed
    assert not any(path.startswith(("objects[1]", "lighting", "background")) for path in changed)
    assert (child.parent_id, child.mode, child.words) == (parent.id, "refine", "make the ball green")
    assert [each.id for each in tools.history.ancestors(child.id)] == [parent.id]


def test_a_refinement_that_must_change_something_is_not_painted_where_the_writer_changes_nothing(tools: Tools) -> None:
    """What the writer answered is told all the same; without that wish it is painted."""
    prompt = OfflineWriter().expand("a red ball").prompt
    task = RefineTask("make the ball red", prompt, Painting(SETTINGS, (7,)), must_change=True)
    notes = Notes()
    with pytest.raises(NothingChanged, match="Nothing would change: the prompt may say so already"):
        workflows.refine(tools, task, notes, CancelFlag())
    assert "written" in notes.heard
    green = replace(task, words="make the ball green", locked=("objects[0]",))
    with pytest.raises(NothingChanged, match=r"Nothing would change: you keep object 1 .* as it is. Unlock it"):
        workflows.refine(tools, green, Notes(), CancelFlag())
    assert tools.history.count(HistoryQuery()) == 0
    (picture,) = workflows.refine(tools, replace(task, must_change=False), Notes(), CancelFlag())
    assert picture.prompt == prompt


def test_an_inspiration_keeps_its_source_beside_the_picture(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "meadow.png"
    Image.new("RGB", (300, 200), (40, 140, 50)).save(source)
    task = InspireTask("at night", (source,), Painting(SETTINGS, (7,)))
    (generation,) = workflows.inspire(tools, task, Notes(), CancelFlag())
    kept = tools.history.source_file(generation.id)
    assert kept is not None
    assert Image.open(kept).size == (300, 200)
    assert generation.mode == "inspire"


def test_several_pictures_are_looked_at_together_and_the_main_one_is_kept(tools: Tools, tmp_path: Path) -> None:
    """One prompt of both; beside the painted picture lies the first."""
    for name, color, size in (("meadow.png", (40, 140, 50), (300, 200)), ("rose.png", (210, 20, 40), (200, 200))):
        Image.new("RGB", size, color).save(tmp_path / name)
    task = InspireTask("", (tmp_path / "meadow.png", tmp_path / "rose.png"), Painting(SETTINGS, (7,)))
    (generation,) = workflows.inspire(tools, task, Notes(), CancelFlag())
    scheme = generation.prompt.get("aesthetics.color_scheme")
    assert "green" in scheme
    assert "red" in scheme
    kept = tools.history.source_file(generation.id)
    assert kept is not None
    assert Image.open(kept).size == (300, 200)
    assert generation.other_sources == (str(tools.history.relative(tmp_path / "rose.png")),)


def test_a_prompt_too_long_for_the_model_is_refused_before_anything_is_painted(tools: Tools) -> None:
    """Longer than 3,000 tokens is never cut silently."""
    prompt = StructuredPrompt.from_dict({"short_description": "ball " * 4000})
    task = GenerateTask("", Painting(SETTINGS, (7,)), written=WrittenPrompt(prompt))
    with pytest.raises(RequestError, match="tokens"):
        workflows.generate(tools, task, Notes(), CancelFlag())
    assert tools.history.count(HistoryQuery()) == 0


def test_an_unknown_writer_names_those_there_are(tools: Tools) -> None:
    with pytest.raises(InputError, match="auto, offline"):
        workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS), writer="gpt"), Notes(), CancelFlag())


class Curious(OfflineWriter):
    """Writes by rules, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def refine(self, prompt: StructuredPrompt, instruction: str, **given: Any) -> WrittenPrompt:
        self.given = given
        given["on_tokens"](212)
        return super().refine(prompt, instruction, **given)


@pytest.mark.parametrize("with_picture", [True, False])
def test_a_writer_sees_the_source_picture_only_where_that_was_asked_for(tools: Tools, with_picture: bool) -> None:
    """With Gemini it leaves the machine. The first seed goes along, so that a writer can repeat itself."""
    (source,) = workflows.generate(tools, GenerateTask(WORDS, Painting(SETTINGS, (7,))), Notes(), CancelFlag())
    curious, notes = Curious(), Notes()
    asking = replace(tools, writers=Writers((replace(OFFLINE, build=lambda: curious),)))
    task = RefineTask("make the ball green", source.prompt, Painting(SETTINGS), source_id=source.id)
    workflows.refine(asking, replace(task, with_picture=with_picture), notes, CancelFlag())
    assert curious.given["seed"] == workflows.WRITER_SEED
    assert notes.heard == ["offline writes", "212 tokens", "written"]
    if with_picture:
        assert np.array_equal(np.asarray(curious.given["picture"], dtype=np.int16), pixels(tools, source))
    else:
        assert curious.given["picture"] is None
    seeded = replace(task, painting=Painting(SETTINGS, (2**40 + 5,)), with_picture=False)
    workflows.refine(asking, seeded, Notes(), CancelFlag())
    assert curious.given["seed"] == 5


def test_a_picture_whose_memory_ran_out_is_stored_with_how_it_was_painted_and_the_user_told(
    tools: Tools, tmp_path: Path
) -> None:
    """A real allocation that is refused while the first of two is decoded: both are there, and the recipe of each, in
    row and file, says that it was decoded by tiles; painted once more it is the same."""
    import torch

    engine = FiboEngine("mini", hub_cache=tmp_path)
    engine.load("mini")
    refused: list[int] = []

    def ask_for_too_much(*_: Any) -> None:
        if not refused:
            refused.append(1)
            torch.empty(1 << 55, dtype=torch.uint8)

    engine._held.pipe.vae.decoder.register_forward_pre_hook(ask_for_too_much)
    told: list[str] = []

    class Listening(Notes):
        def on_written(self, written: WrittenPrompt) -> None:
            told.extend(written.notes)

    settings = RenderSettings.of(CATALOGUE["mini"], size=(336, 192), num_inference_steps=2)
    prompt = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a red ball"}))
    task = GenerateTask("", Painting(settings, (7, 8)), written=prompt)
    mended = replace(tools, engine=engine)
    first, second = workflows.generate(mended, task, Listening(), CancelFlag())
    assert refused == [1]
    assert [note for note in told if "decoded tile by tile" in note] == told[-1:]
    for picture in (first, second):
        stored = tools.history.get(picture.id)
        assert (stored.precision, stored.request.approximation) == ("float32, tiled", "tiled")
        assert stored.recipe_hash == picture.recipe_hash
        assert stored.recipe_hash != replace(stored.request, approximation="").recipe_hash
        assert Generation.from_record(stored.to_record()) == stored
    again = tools.engine.render(tools.history.get(first.id).request).image  # where memory is enough
    assert np.array_equal(np.asarray(again), pixels(tools, first))
    engine.unload()
