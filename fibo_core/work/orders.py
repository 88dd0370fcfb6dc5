"""Order: what somebody asked for, as a frozen value that every door builds; and the plan of jobs it comes to.

What is not given is None. `plan` decides everything that is left open (the model's defaults, seeds, wildcards, axes)
and touches nothing: the desk writes a plan down, the command line works it off at once.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fibo_core.engine.adapters import asked_of
from fibo_core.engine.edits import FEATHER, Way
from fibo_core.engine.imported import ImportedRequest
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.engine.request import GenerationRequest, draw_seeds
from fibo_core.errors import InputError
from fibo_core.limits import GIVEN_MAX
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.axes import Axis, Value, axis_from_record, axis_to_record, check_axes, combinations, with_values
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.wildcards import deal
from fibo_core.prompts.words import read_words
from fibo_core.store.generation import MODES, Mode
from fibo_core.work.tasks import (
    EditTask,
    GenerateTask,
    InspireTask,
    Painting,
    RefineTask,
    Task,
    check_version,
    given_pictures,
    written_from_record,
    written_to_record,
)
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.chain import AUTO

VERSION = 2  #: of an order as JSON; 1 knows one picture of an inspiration
PICTURES_MAX = 10_000  #: of one order, confirmed or not
DEFAULT_ASPECT = "1:1"
WORDS_AXIS = "words"  #: the coordinate of a cell whose words are one choice of the order's wildcards


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody asked for. Only ``kind`` must be given, and what that kind starts from.

    ``words`` are the idea (wildcards in it count), the instruction, or the hint, as typed: its jobs have them as
    `read_words` does. ``written`` is a prompt that is
    painted as it is; the writer is not asked. Where it was written for one choice of the wildcards, ``written_for`` are
    those words, and only they have it. A refinement changes ``source``, which came with the picture ``source_id`` where
    it is one of the history; with ``must_change`` nothing is painted where the writer leaves it as it was. An
    inspiration looks at ``pictures``, paths in the workspace, the main one first.

    An edit changes the picture ``source_id``: only behind ``mask``, the SHA-256 of one that is kept among the inputs,
    or one that is made, by ``mask_of``, of an object's place (its JSON path) or of what the ``edit`` itself changes;
    and from noise of ``strength`` on (0 to 1). ``references`` are for models that look at them, by SHA-256 too. The
    ``way`` and the ``feather`` of the mask's edge are the studio's where they are None. `editing.ready` fills in the
    rest: the picture itself, kept among the inputs, is its ``pictures``, and ``source_seed`` is its seed.

    With ``again_of`` that picture's stored recipe is painted once more and compared with it (`again.py` makes such an
    order); with ``keep`` the new picture goes into the gallery too.

    ``size`` is width and height in pixels, ``aspect`` the name of one of the model's shapes; at most one is given.
    ``seed`` is the first of ``count`` seeds, -1 for one that is drawn. ``axes`` vary what they name, one picture for
    each combination and seed; ``confirmed`` allows more than a few of them. With ``paint`` False only prompts are
    written. ``adapters`` are LoRAs by name, or name and strength ("sepia:0.8"); an empty tuple is none, also where the
    source was painted with some. The pictures go into ``collection``,
    which is made where there is none of that name. With ``reuse`` those whose very recipe is stored already are taken
    as they are, and not painted again. With ``together`` several seeds are painted in one pass where memory allows:
    faster on a GPU, and pixels may differ a little from those that are painted alone.
    """

    kind: Mode
    words: str = ""
    written: WrittenPrompt | None = None
    written_for: str | None = None
    source: StructuredPrompt | None = None
    source_id: str | None = None
    pictures: tuple[str, ...] = ()
    with_picture: bool = False
    locked: tuple[str, ...] = ()
    only_asked: bool = False
    must_change: bool = False
    again_of: str | None = None
    keep: bool = False
    writer: str | None = None
    model: str | None = None
    aspect: str | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    count: int = 1
    axes: tuple[Axis, ...] = ()
    confirmed: bool = False
    paint: bool = True
    collection: str | None = None
    adapters: tuple[str, ...] | None = None
    reuse: bool = False
    together: bool = False
    mask: str | None = None
    mask_of: str | None = None
    references: tuple[str, ...] = ()
    strength: float | None = None
    way: Way | None = None
    feather: int | None = None
    source_seed: int | None = None

    def painted_like(self, request: GenerationRequest, spec: ModelSpec) -> "Order":
        """This order with what it leaves open taken from a picture's recipe: its seed and, on the model that it was
        painted with, its settings; on another model the nearest shape, as of a picture of another program, alone.
        """
        imported = isinstance(request, ImportedRequest)
        order = replace(self, seed=request.seed if self.seed is None and not imported else self.seed)
        shaped = order.aspect is not None or order.size is not None
        if imported or request.model != spec.name:
            return order if shaped else replace(order, aspect=spec.nearest_aspect(request.width, request.height))
        negative = None if spec.fixed_negative is not None else request.negative_prompt
        return replace(
            order,
            size=order.size if shaped else (request.width, request.height),
            steps=request.num_inference_steps if self.steps is None else self.steps,
            guidance=request.guidance_scale if self.guidance is None else self.guidance,
            negative_prompt=negative if self.negative_prompt is None else self.negative_prompt,
            adapters=asked_of(request.adapters) if self.adapters is None else self.adapters,
        )


@dataclass(frozen=True)
class PlannedJob:
    """One job of a plan. ``after`` is the number of the job whose prompt it paints, where that is another's."""

    task: Task
    after: int | None = None


@dataclass(frozen=True)
class PlannedCell:
    """One picture of a plan: where it stands on the axes, its seed (None where only the prompt is written) and the
    number of the job that paints it."""

    place: Mapping[str, Value]
    seed: int | None
    job: int


@dataclass(frozen=True)
class Plan:
    """What an order comes to: its jobs in the order in which they are worked off, and its cells in that of the grid."""

    jobs: tuple[PlannedJob, ...]
    cells: tuple[PlannedCell, ...]


def plan(order: Order, *, default_model: str) -> Plan:
    """Decides what the order leaves open, and what is done for it.

    Cells that differ in anything but their seed have a job each; those that need the same prompt written share one
    that writes it, and wait for it. Raises InputError for what cannot be: no words, a model, shape, seed or axis that
    does not exist, more pictures than are taken unconfirmed.
    """
    order = replace(order, words=read_words(order.words).words)
    _check_start(order)
    axes = {axis.name: axis for axis in order.axes}
    seeds = _seeds(order, axes.get("seed"))
    pictures = len(seeds) * _product(order.axes)
    check_axes(order.axes, pictures, order.confirmed)
    if pictures > PICTURES_MAX:
        raise InputError(f"The order comes to {pictures:,} pictures. Take values away: it may be {PICTURES_MAX:,}.")
    model = order.model or default_model
    if not order.paint:
        return _prompts_only(order, seeds, model)
    planner = _Planner(order, seeds[0], model)
    for words, share in _dealt(order, seeds):
        own = (Axis("seed", share),) if "seed" not in axes else ()
        cells = (replace(axes["seed"], values=share) if axis.name == "seed" else axis for axis in order.axes)
        for values in combinations((*cells, *own)):
            planner.add(words, values)
    return planner.plan()


def _check_start(order: Order) -> None:
    if order.kind == "generate" and order.written is None and not order.words.strip():
        raise InputError("Say in a few words what the picture should show, or start from JSON.")
    if order.kind == "refine":
        if order.source is None:
            raise InputError("A refinement starts from a picture's prompt, or from a prompt as JSON. Give one.")
        if order.written is None and not order.words.strip():
            raise InputError("Say what should change, or edit the JSON.")
    if order.written is not None and order.written_for is None and any(axis.name == "writer" for axis in order.axes):
        raise InputError("The prompt is given, so no writer is asked and none can vary. Leave out that axis.")
    if order.kind == "inspire":
        _check_pictures(order.pictures)
    if order.together and (order.kind == "edit" or order.again_of is not None):
        raise InputError("Only whole new pictures can be painted together, and this one is not. Leave together out.")
    if order.kind == "edit" and (order.source is None or len(order.pictures) != 1):
        raise InputError("An edit starts from a stored picture. Name one by its id.")


def check_number(pictures: int) -> None:
    """Raises InputError for more pictures than make one prompt."""
    if pictures > GIVEN_MAX:
        raise InputError(f"{pictures} pictures are given, and at most {GIVEN_MAX} make one prompt. Leave some out.")


def _check_pictures(pictures: tuple[str, ...]) -> None:
    if not pictures:
        raise InputError("An inspiration starts from a picture. Give one.")
    check_number(len(pictures))
    for number, picture in enumerate(pictures):
        if (first := pictures.index(picture)) < number:
            raise InputError(f"Picture {number + 1} is the same as picture {first + 1}. Give it once.")


def _seeds(order: Order, axis: Axis | None) -> tuple[int, ...]:
    """The seeds in their order: those of the axis, else the given or a drawn one and those after it."""
    if axis is not None:
        if order.count != 1:
            raise InputError(
                f"{order.count} pictures are asked for, and the seeds stand on an axis. Leave out one of the two."
            )
        return tuple(seed for seed in axis.values if isinstance(seed, int))
    return draw_seeds(order.count, order.seed)


def _product(axes: tuple[Axis, ...]) -> int:
    """How many combinations the axes have, but for the seed's."""
    count = 1
    for axis in axes:
        count *= 1 if axis.name == "seed" else len(axis.values)
    return count


def _dealt(order: Order, seeds: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Which words each seed has: choices of the wildcards, where a writer still reads them."""
    if order.kind == "generate" and (order.written is None or order.written_for is not None):
        yield from deal(order.words, seeds)
    else:
        yield order.words, seeds


def _prompts_only(order: Order, seeds: tuple[int, ...], model: str) -> Plan:
    """A job for each writer, and of the wildcards' choices the first: to look at, and to change before painting."""
    others = [axis.name for axis in order.axes if axis.name != "writer"]
    if others:
        raise InputError(f"Nothing is painted, so {others[0]} cannot vary: only the writer can.")
    words, _ = next(_dealt(order, seeds))
    painting = Painting(_settings(order, model, {}))
    jobs, cells = [], []
    for number, values in enumerate(combinations(order.axes)):
        jobs.append(PlannedJob(_task(order, words, _writer(order, values), painting)))
        cells.append(PlannedCell(values, None, number))
    return Plan(tuple(jobs), tuple(cells))


class _Planner:
    """Collects cells, and gives those that differ in nothing but their seed a job together."""

    def __init__(self, order: Order, first_seed: int, model: str) -> None:
        self._order = order
        self._first_seed = first_seed
        self._model = model
        self._cells: list[tuple[_JobKey, dict[str, Value], int]] = []
        self._seeds: dict[_JobKey, list[int]] = {}

    def add(self, words: str, values: Mapping[str, Value]) -> None:
        """One picture: of these words, at this place of the axes, its seed among them."""
        paths = {axis.name: values[axis.name] for axis in self._order.axes if axis.is_path}
        settings = _settings(self._order, str(values.get("model", self._model)), values)
        key = _JobKey(words, _writer(self._order, values), settings, tuple(paths.items()))
        seed = values["seed"]
        assert isinstance(seed, int)
        self._seeds.setdefault(key, []).append(seed)
        self._cells.append((key, dict(values), seed))

    def plan(self) -> Plan:
        """Jobs and cells; a job that writes for several others comes before them."""
        jobs: list[PlannedJob] = []
        number_of: dict[_JobKey, int] = {}
        writes_for = Counter((key.words, key.writer) for key in self._seeds)
        written_by: dict[tuple[str, str], int] = {}
        for key, seeds in self._seeds.items():
            painting = Painting(key.settings, tuple(seeds), key.values)
            task, after = _task(self._order, key.words, key.writer, painting), None
            if task.written is not None and key.values:
                with_values(
                    task.written.prompt, dict(key.values)
                )  # a path it has not is said before anything is queued
            if task.written is None and writes_for[key.words, key.writer] > 1:
                after = written_by.get((key.words, key.writer))
                if after is None:
                    after = written_by[key.words, key.writer] = len(jobs)
                    jobs.append(PlannedJob(_writing(task, self._order, self._first_seed)))
            number_of[key] = len(jobs)
            jobs.append(PlannedJob(task, after))
        return Plan(
            tuple(jobs), tuple(self._cell(key, values, seed, number_of[key]) for key, values, seed in self._cells)
        )

    def _cell(self, key: "_JobKey", values: dict[str, Value], seed: int, job: int) -> PlannedCell:
        if all(axis.name != "seed" for axis in self._order.axes):
            values = {name: value for name, value in values.items() if name != "seed"}
        dealt = len({each.words for each in self._seeds}) > 1
        return PlannedCell({WORDS_AXIS: key.words, **values} if dealt else values, seed, job)


@dataclass(frozen=True)
class _JobKey:
    """What the cells of one job have in common."""

    words: str
    writer: str
    settings: RenderSettings
    values: tuple[tuple[str, Value], ...]


def _writer(order: Order, values: Mapping[str, Value]) -> str:
    return str(values.get("writer", order.writer or AUTO))


def _settings(order: Order, model: str, values: Mapping[str, Value]) -> RenderSettings:
    """The model's defaults, what the order says laid over them, and what its axes say over that."""
    steps, guidance = values.get("steps", order.steps), values.get("guidance", order.guidance)
    spec = find_model(model)
    if order.paint and order.again_of is None:
        spec.check_can(order.kind)
    return RenderSettings.of(
        spec,
        aspect=order.aspect or DEFAULT_ASPECT,
        size=order.size,
        num_inference_steps=None if steps is None else int(steps),
        guidance_scale=None if guidance is None else float(guidance),
        negative_prompt=order.negative_prompt or "",
        adapters=order.adapters or (),
    )


def _task(order: Order, words: str, writer: str, painting: Painting) -> Task:
    painting = replace(painting, collection=order.collection, reuse=order.reuse, together=order.together)
    written = order.written if order.written_for in (None, words) else None
    if order.kind == "refine":
        assert order.source is not None
        return RefineTask(
            words,
            order.source,
            painting,
            writer,
            written,
            source_id=order.source_id,
            with_picture=order.with_picture,
            locked=order.locked,
            only_asked=order.only_asked,
            must_change=order.must_change,
        )
    if order.kind == "edit":
        assert order.source is not None
        return EditTask(
            words,
            order.source,
            painting,
            Path(order.pictures[0]).stem,
            writer,
            written,
            source_id=order.source_id,
            source_seed=order.source_seed,
            mask=order.mask,
            mask_of=order.mask_of,
            references=order.references,
            strength=1.0 if order.strength is None else order.strength,
            way=order.way,
            feather=FEATHER if order.feather is None else order.feather,
        )
    if order.kind == "inspire":
        pictures = tuple(Path(picture) for picture in order.pictures)
        return InspireTask(words, pictures, painting, writer, written, source_id=order.source_id)
    return GenerateTask(words, painting, writer, written, order.again_of, order.keep)


def _writing(task: Task, order: Order, seed: int) -> Task:
    """The task that only writes the prompt which others paint, and says at once whether the axes' paths are in it."""
    paths = tuple(axis for axis in order.axes if axis.is_path)
    return replace(task, painting=Painting(task.painting.settings, checked=paths, writer_seed=seed))


def order_to_json(order: Order) -> str:
    """The order as JSON text; :func:`order_from_json` gives it back."""
    record: dict[str, Any] = {each.name: getattr(order, each.name) for each in fields(order)}
    record |= {
        "version": VERSION,
        "written": None if order.written is None else written_to_record(order.written),
        "source": None if order.source is None else order.source.document,
        "axes": [axis_to_record(axis) for axis in order.axes],
    }
    return json.dumps(record)


def order_from_json(text: str) -> Order:
    """The order of a row.

    Raises NewerVersion for one that a newer version has written; InputError, ValueError, TypeError, KeyError or
    RecursionError for what is no order.
    """
    record = json.loads(text)
    check_version(record, VERSION, "order")
    if record["kind"] not in MODES:
        raise ValueError(f"kind is {record['kind']!r}")
    size = record["size"]
    values = {each.name: record[each.name] for each in fields(Order) if each.name in record}
    values |= {
        "written": None if record["written"] is None else written_from_record(record["written"]),
        "source": None if record["source"] is None else StructuredPrompt.from_dict(record["source"]),
        "size": None if size is None else (int(size[0]), int(size[1])),
        "pictures": tuple(given_pictures(record)),
        "locked": tuple(record["locked"]),
        "adapters": None if record.get("adapters") is None else tuple(record["adapters"]),
        "references": tuple(record.get("references", ())),
        "axes": tuple(axis_from_record(axis) for axis in record["axes"]),
    }
    return Order(**values)
