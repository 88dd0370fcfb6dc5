"""What the API takes and gives, as it stands in the OpenAPI document; `convert.py` makes it of the core's values.

What comes in is taken as it is written (a number is no text, a field that is not listed is refused); its limits are the
core's, which says them in its own sentences, and stand here for the document only.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from fibo_core.engine.edits import FEATHER_MAX, Way
from fibo_core.limits import (
    GIVEN_MAX,
    GUIDANCE_MAX,
    GUIDANCE_MIN,
    SEED_MAX,
    SIZE_MAX,
    SIZE_MIN,
    STEPS_MAX,
    STEPS_MIN,
)
from fibo_core.prompts.axes import AXES_MAX, VALUES_MAX
from fibo_core.store.generation import RATINGS, Mode, StoredMode
from fibo_core.store.labels import NAMES_MAX
from fibo_core.work.tasks import JobState

Document = dict[str, Any]  #: a structured prompt as JSON, keys of one's own included

_ID = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"
_BATCH_ID = "01M8CZ4HV1C1R7H8X4B1T0P8QD"
_JOB_ID = "01M8CZ4HV2W7S6ZJ3K5E9M2N4F"
_PROMPT = {
    "short_description": "a red ball on the left.",
    "objects": [{"description": "a red ball", "location": "left"}],
}


def _said(**schema: Any) -> Any:
    """A limit for the document alone: the core checks it, and has the sentence."""
    return Field(json_schema_extra=schema)


class Taken(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Given(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(frozen=True)


def _text_or_list(value: object) -> str:
    """Which of the two a value means to be, so that only what is wrong with that is said."""
    return "text" if isinstance(value, str) else "list"


class AxisTaken(Taken):
    """One thing that varies: a picture for each of its values, or each combination with another axis's."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "lighting.conditions", "values": ["day", "night"]}}
    )

    name: str = Field(description="seed, steps, guidance, model, writer, or a JSON path of the prompt")
    values: Annotated[
        Annotated[str, Tag("text")] | Annotated[list[str | int | float], Field(max_length=VALUES_MAX), Tag("list")],
        Discriminator(_text_or_list),
    ] = Field(description="A list, or as it is typed: day|night, 1..8, 10,20,..,50")


class OrderTaken(Taken):
    """What every order may say; what is left out is the model's default, or drawn."""

    words: str = Field("", description="The idea, the instruction, or the hint")
    structured_prompt: Document | None = Field(
        None, description="Painted as it is: no writer is asked", examples=[_PROMPT]
    )
    prompt_job_id: str | None = Field(
        None, description="The job whose written prompt is painted as it is, with its author named"
    )
    writer: str | None = Field(None, description="gemini, llm, local or offline; auto asks those set up, in that order")
    model: str | None = Field(None, description="A name of GET /models; without it the one in use")
    aspect: str | None = Field(None, description="One of the model's shapes, such as 3:2")
    width: Annotated[int | None, _said(minimum=SIZE_MIN, maximum=SIZE_MAX)] = None
    height: Annotated[int | None, _said(minimum=SIZE_MIN, maximum=SIZE_MAX)] = None
    steps: Annotated[int | None, _said(minimum=STEPS_MIN, maximum=STEPS_MAX)] = None
    guidance: Annotated[float | None, _said(minimum=GUIDANCE_MIN, maximum=GUIDANCE_MAX)] = None
    negative_prompt: str | None = None
    seed: Annotated[int | None, _said(minimum=-1, maximum=SEED_MAX)] = Field(
        None, description="Of the first picture; -1 draws one, as none does"
    )
    count: Annotated[int, _said(minimum=1, maximum=64)] = Field(1, description="Pictures, each with the next seed")
    axes: Annotated[list[AxisTaken], _said(maxItems=AXES_MAX)] = Field([], description="What varies")
    confirmed: bool = Field(False, description="Allows more than 64 pictures")
    paint: bool = Field(True, description="False: the prompt is written, and nothing painted")
    collection: str | None = Field(
        None, description="The collection that the pictures go into; made where none has that name"
    )
    adapters: list[str] | None = Field(
        None,
        description="LoRAs by name and strength; [] is none. Null: those of the picture that the order begins with",
        examples=[["sepia:0.8"]],
    )
    together: bool = Field(
        False, description="Several seeds in one pass: faster on a GPU, and pixels may differ a little from alone"
    )


class GenerationOrder(OrderTaken):
    """Words, or a structured prompt, to pictures."""

    model_config = ConfigDict(json_schema_extra={"example": {"words": "a red ball on the left", "seed": 7}})


class PromptOrder(Taken):
    """Words to a structured prompt."""

    model_config = ConfigDict(json_schema_extra={"example": {"words": "a red ball on the left"}})

    words: str = Field(description="The idea")
    writer: str | None = Field(None, description="gemini, llm, local or offline; auto asks those set up, in that order")


class RefinementOrder(OrderTaken):
    """A picture's prompt, or a prompt, and an instruction to new pictures.

    From a picture, its seed and settings stay unless others are given.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"generation_id": _ID, "words": "make the ball green"}})

    generation_id: str | None = Field(None, description="The picture that is refined")
    source: Document | None = Field(None, description="The prompt that is refined, where it is no picture's")
    with_picture: bool = Field(False, description="The writer may look at the picture")
    locked: list[str] = Field([], description="JSON paths that stay as they are, whatever the writer says")
    only_asked: bool = Field(False, description="Takes of the writer's changes those that the words asked for")
    must_change: bool = Field(False, description="Paints nothing where the writer changes nothing: the job fails")


class InspirationOrder(OrderTaken):
    """Pictures to a prompt that describes them, to pictures."""

    model_config = ConfigDict(json_schema_extra={"example": {"generation_id": _ID, "words": "at night"}})

    generation_id: str | None = Field(None, description="The picture; or send files, multipart/form-data")
    generation_ids: Annotated[list[str], _said(maxItems=GIVEN_MAX)] = Field(
        [], description="Several pictures that make one prompt, the main one first; in place of generation_id"
    )


class EditOrder(OrderTaken):
    """A stored picture and a changed prompt, or an instruction, to pictures painted out of it.

    Model, seed and settings stay unless others are given; outside a mask every pixel does.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"generation_id": _ID, "words": "make the box purple", "mask_of": "objects[1]"}}
    )

    generation_id: str = Field(description="The picture that is edited")
    mask: str | None = Field(None, description="A kept mask, as POST /edits/masks names it; or send a file")
    mask_of: str | None = Field(
        None, description="Makes the mask: of an object's place, such as objects[1]; or edit, of what the edit changes"
    )
    references: Annotated[list[str], _said(maxItems=GIVEN_MAX)] = Field(
        [], description="Ids of pictures that the model looks at beside it; or send files"
    )
    strength: Annotated[float | None, _said(exclusiveMinimum=0, maximum=1)] = Field(
        None, description="The noise that painting begins at: 1, as without, keeps nothing of what is painted anew"
    )
    way: str | None = Field(None, description="vary, paste, hold or own; without it the studio chooses")
    feather: Annotated[int | None, _said(minimum=0, maximum=FEATHER_MAX)] = Field(
        None, description="Pixels of the mask's edge that blend, inwards"
    )


class MaskTaken(Taken):
    """What a mask is made of."""

    model_config = ConfigDict(json_schema_extra={"example": {"generation_id": _ID, "of": "objects[1]"}})

    generation_id: str = Field(description="The picture that is to be edited")
    of: str | None = Field(None, description="An object of its prompt; the mask is where that is by its words")
    structured_prompt: Document | None = Field(
        None, description="The changed prompt: the mask covers that object's new place too", examples=[_PROMPT]
    )
    after_id: str | None = Field(None, description="Another picture: the mask is what differs between the two")


class EstimateTaken(Taken):
    """One order, under the name of what it asks for."""

    model_config = ConfigDict(json_schema_extra={"example": {"generation": {"words": "a red ball", "count": 4}}})

    generation: GenerationOrder | None = Field(None, description="As POST /generations takes it")
    refinement: RefinementOrder | None = Field(None, description="As POST /refinements takes it")
    inspiration: InspirationOrder | None = Field(None, description="As POST /inspirations takes it, without files")
    edit: EditOrder | None = Field(None, description="As POST /edits takes it, without files")


class RetryTaken(Taken):
    """How what is left of a batch is tried again."""

    writer: str | None = Field(None, description="Another writer to ask")


class ExtensionTaken(AxisTaken):
    """More values for one of a batch's axes."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "lighting.conditions", "values": ["dusk"]}})

    confirmed: bool = Field(False, description="Allows more than 64 pictures in the whole grid")


class BatchChange(Taken):
    """What can change while a batch waits."""

    model_config = ConfigDict(json_schema_extra={"example": {"writer": "offline"}})

    writer: str = Field(description="Who is asked instead, where the writing has not begun")


class GenerationChange(Taken):
    """What can change of a stored picture; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"favorite": True, "rating": 4, "tags": ["red fox"]}})

    favorite: bool | None = None
    rating: Annotated[int | None, _said(minimum=0, maximum=RATINGS[-1])] = Field(None, description="0 is none")
    tags: Annotated[list[str] | None, _said(maxItems=NAMES_MAX)] = Field(None, description="All that it is to have")
    collections: Annotated[list[str] | None, _said(maxItems=NAMES_MAX)] = Field(
        None, description="All that it is to be in, by name or id; made where none has that name"
    )


class PurgeTaken(Taken):
    """Which deleted pictures are purged: their files leave the disk, and nothing brings them back."""

    model_config = ConfigDict(json_schema_extra={"example": {"ids": [_ID]}})

    ids: list[str] = Field([], max_length=1000, description="What is not in the trash is passed over")
    all: bool = Field(False, description="Everything in the trash, in place of ids")


class UsageGiven(Given):
    """Tokens that a writer read and wrote."""

    input_tokens: int
    output_tokens: int


class WrittenGiven(Given):
    """A prompt and where it comes from."""

    structured_prompt: Document = Field(examples=[_PROMPT])
    writer: str = Field(description="A writer's name, or hand", examples=["offline"])
    writer_model: str = Field(description="The writer's own model; empty where it has none")
    edited: bool
    usage: UsageGiven | None
    notes: Sequence[str] = Field(description="Such as words that the writer did not understand")
    passed_over: Sequence[str] = Field(description="Why writers that were asked before did not answer")
    offered: Document | None = Field(description="The whole answer, where the prompt has only some of its changes")


class ProgressGiven(Given):
    """What a running job is doing."""

    stage: Literal["starting", "writing", "painting"]
    writer: str
    tokens: int
    picture: int = Field(description="From 1; 0 before painting")
    pictures: int
    step: int | None
    steps: int | None
    remaining_s: float | None = Field(description="Of this picture")
    preview: str | None = Field(description="Address of a small JPEG of the picture so far; it never changes under it")


class DifferenceGiven(Given):
    """How far two pictures are apart."""

    share: float = Field(description="Of the pixels that differ, 0 to 1")
    mean: float = Field(description="Of 255, over all pixels and channels")
    most: int = Field(description="Of 255")
    box: tuple[int, int, int, int] | None = Field(description="What holds them: left, top, right, bottom in pixels")
    where: str = Field(examples=["at the bottom right"])


class ChangedGiven(Given):
    """Something that a picture depends on beside its recipe, then and now."""

    name: str = Field(description="weights, device, precision, or a library")
    before: str
    after: str


class AgainGiven(Given):
    """What came of painting a stored picture once more."""

    of: str = Field(examples=[_ID])
    same: bool | None = Field(description="Bit by bit; null where there is nothing to compare with")
    sentence: str
    difference: DifferenceGiven | None
    changed: Sequence[ChangedGiven] = Field(description="Since the picture was painted")
    duration_s: float
    generation_id: str | None = Field(description="The new picture, where it was kept")
    image: str | None = Field(description="Address of the new picture, where it differs or was kept")


class JobGiven(Given):
    """One prompt of a batch, painting one picture a seed."""

    id: str = Field(examples=[_JOB_ID])
    batch_id: str = Field(examples=[_BATCH_ID])
    kind: Mode
    state: JobState
    title: str
    words: str
    writer: str
    model: str
    width: int
    height: int
    steps: int
    guidance: float
    negative_prompt: str
    seeds: Sequence[int]
    after_id: str | None = Field(description="The job that writes the prompt which this one paints")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = Field(description="One sentence; while it waits, what for")
    error_kind: str | None = Field(description="The error's class")
    wait_until: datetime | None
    answer: str | None = Field(description="What a writer said that could not be made a prompt")
    written: WrittenGiven | None
    generation_ids: Sequence[str]
    progress: ProgressGiven | None = Field(description="While it runs")
    again: AgainGiven | None = Field(None, description="Where it has painted a stored picture once more")


class CellGiven(Given):
    """One picture of a batch, made or to come; where nothing is painted, one prompt."""

    place: dict[str, str | int | float] = Field(description="Its value on each axis")
    seed: int | None
    state: JobState
    job_id: str
    generation_id: str | None
    image: str | None = Field(description="Address of the picture")
    thumbnail: str | None


class BatchSummary(Given):
    """An order taken, in short."""

    id: str = Field(examples=[_BATCH_ID])
    kind: Mode
    state: JobState
    ended: bool
    title: str
    created_at: datetime
    pictures: int = Field(description="How many it comes to")
    painted: int
    fraction: float = Field(description="How much is painted, 0 to 1")
    error: str | None = Field(description="What a job of it that failed or waits says, one sentence")


class BatchGiven(BatchSummary):
    """An order taken, as it is now."""

    words: str
    axes: Sequence[dict[str, Any]]
    retryable: bool
    remaining_s: float | None = Field(description="About how long painting the rest takes")
    jobs: Sequence[JobGiven]
    cells: Sequence[CellGiven]


class DamagedGiven(Given):
    """A row that cannot be read."""

    id: str
    reason: str


class BatchList(Given):
    """Batches, newest first; `next_cursor` continues after them, null at the end."""

    items: Sequence[BatchSummary]
    next_cursor: str | None
    damaged: Sequence[DamagedGiven]


class MaskGiven(Given):
    """A mask that was made, and is kept."""

    mask: str = Field(description="Its name, for an order", examples=["b2f20e39…"])
    image: str = Field(description="Address of the picture: white is painted anew", examples=["/inputs/b2f20e39….png"])


class EditGiven(Given):
    """How a picture was painted out of another one. Pictures are paths in the studio's workspace."""

    version: int
    way: Way = Field(description="vary: begun from it; paste, hold: put in through a mask; own: the model's own edit")
    source: str = Field(description="The picture that it was painted out of")
    mask: str | None = Field(description="White where it was painted anew")
    references: Sequence[str]
    start_sigma: float = Field(description="The noise that painting began at; 1 keeps nothing")
    skip: int = Field(description="Steps that were left out by that")
    feather: int = Field(description="Pixels of the mask's edge that blend")
    instruction: str


class GenerationGiven(Given):
    """One stored picture and its recipe: all that its file holds, and how it stands in the history."""

    format: str = Field(description="Of the recipe", examples=["fibo-studio/1"])
    id: str = Field(examples=[_ID])
    created_at: datetime
    mode: StoredMode
    words: str
    structured_prompt: Document = Field(examples=[_PROMPT])
    negative_prompt: str
    seed: int
    width: int
    height: int
    canvas: Sequence[int] | None = Field(
        None, description="Width and height as painted, where the picture is cut from more"
    )
    num_inference_steps: int
    guidance_scale: float
    model: str
    revision: str
    adapters: Sequence[str]
    family: str = Field(description="The kind of model", examples=["fibo1"])
    edit: EditGiven | None = Field(None, description="How it was painted out of another picture")
    recipe_hash: str
    writer: str
    edited: bool
    writer_model: str
    usage: UsageGiven | None
    parent_id: str | None
    image_path: str = Field(description="Of the picture's file, in the studio's workspace")
    source_path: str | None
    other_sources: Sequence[str] = Field((), description="The further pictures of an inspiration from several")
    duration_s: float
    device: str
    precision: str
    versions: dict[str, str]
    favorite: bool
    rating: int = Field(0, description="0 (none) to 5")
    tags: Sequence[str] = ()
    collections: Sequence[str] = Field((), description="Names of those it is in")
    deleted_at: datetime | None
    image: str = Field(description="Address of the picture", examples=[f"/img/{_ID}.png"])
    thumbnail: str = Field(examples=[f"/img/thumb/{_ID}.webp"])
    recipe: str = Field(description="Address of the recipe's file", examples=[f"/img/{_ID}.json"])
    source: str | None = Field(description="Address of the picture that an inspiration began with")


class GenerationList(Given):
    """Pictures; `next_cursor` continues after them, null at the end."""

    items: Sequence[GenerationGiven]
    next_cursor: str | None
    damaged: Sequence[DamagedGiven]
    problems: Sequence[str] = Field((), description="A sentence for each part of the search that was not understood")


class ChipGiven(Given):
    """A part of a search as it was understood, and where it stands in its text."""

    label: str
    start: int
    end: int
    excluded: bool = Field(description="It stands behind a minus")


class CountGiven(Given):
    """How many pictures a search finds, and how it was read."""

    count: int
    more: bool = Field(description="There are more than were counted")
    chips: Sequence[ChipGiven]
    problems: Sequence[str] = Field(description="A sentence for each part that was not understood")
    unsearched: int = Field(description="Pictures of versions before that are not found by their words yet")


class FacetValueGiven(Given):
    """A value to narrow by."""

    value: str
    term: str = Field(description="What is added to the search", examples=["time:night"])
    pictures: int | None = Field(description="Null for a kept search, which is not counted beforehand")


class FacetGiven(Given):
    """One thing to narrow by, its most frequent values first."""

    key: str
    label: str
    values: Sequence[FacetValueGiven]


class FacetsGiven(Given):
    """What a search can be narrowed by."""

    facets: Sequence[FacetGiven]
    partial: bool = Field(description="Only the first 5,000 pictures were counted")


class SuggestionGiven(Given):
    """What may be meant, in the place of what stands from `start` to `end`."""

    text: str
    start: int
    end: int
    pictures: int | None


class SuggestionList(Given):
    """Suggestions, the likeliest first."""

    items: Sequence[SuggestionGiven]


class PurgeGiven(Given):
    """A purge: how far it is, or how far the last one came."""

    running: bool
    purged: int = Field(description="Pictures so far")
    total: int
    freed_bytes: int
    error: str = Field(description="Why it ended early, one sentence; empty where it did not")


class ShareGiven(Given):
    """What the pictures of one month or one model take."""

    name: str = Field(description="A month (UTC) or a model; empty where a damaged row does not tell")
    pictures: int
    bytes: int


class BackupGiven(Given):
    """A copy of the database."""

    path: str = Field(description="In the studio's workspace, or beside the database where that lies elsewhere")
    made_at: datetime
    bytes: int


class StorageGiven(Given):
    """What the pictures take of the disk, what the trash would free, and the copies of the database."""

    folder: str = Field(description="Where the pictures lie")
    trouble: str = Field(description="Why no picture can be stored there now, one sentence; empty where all is well")
    pictures: int = Field(description="In the gallery")
    bytes: int = Field(description="Of these and of those in the trash, with the files beside them")
    trash_pictures: int
    trash_bytes: int = Field(description="What emptying the trash would free")
    trash_unfinished: bool = Field(False, description="Whether a purge runs or was killed: its files take room still")
    trash_days: int = Field(description="After so many days the studio purges what was deleted; 0: never")
    free_bytes: int
    total_bytes: int
    by_month: Sequence[ShareGiven] = Field(description="Of the gallery, newest first")
    by_model: Sequence[ShareGiven] = Field(description="Of the gallery, largest first")
    purge: PurgeGiven
    backups: Sequence[BackupGiven] = Field(description="Newest first")


class ExportTaken(Taken):
    """Which pictures go into a zip; nothing said means all."""

    model_config = ConfigDict(json_schema_extra={"example": {"q": "fox"}})

    ids: Sequence[str] | None = Field(None, description="Pictures by their ids, instead of a search")
    q: str = Field("", description="A search, as for the list of pictures")
    deleted: bool = Field(False, description="Those that were deleted instead")


class ExportGiven(Given):
    """A zip that was asked for, and how far it is."""

    id: str
    state: Literal["ready", "running", "done", "failed", "cancelled"]
    pictures: int = Field(description="That it is to hold")
    bytes: int = Field(description="How long it becomes, about where `length` is null")
    length: int | None = Field(description="How long it becomes, exactly")
    written_pictures: int = Field(description="That have gone out")
    written_bytes: int
    missing: int = Field(description="Files that were not there; the zip's manifest.json names them")
    error: str | None
    address: str = Field(description="Where it is fetched")
    file_name: str
    expires_at: datetime


class EstimateGiven(Given):
    """What an order comes to; with ``refusals`` it would not be taken as it is."""

    pictures: int = Field(description="How many it would paint")
    painting_s: float | None = Field(
        description="About how long painting them takes; the queue before it, the writing and the loading of a model "
        "are not counted; null where nothing tells"
    )
    refusals: list[str] = Field(description="Why it would not be taken, in the sentences that its own address has")


class ValuesGiven(Given):
    """Values for one place of a prompt."""

    path: str
    values: list[str]
    writer: str = Field(description="Whose they are; offline is the studio's own vocabulary")
    passed_over: list[str] = Field(description="A sentence for each writer that did not answer")


class DownloadGiven(Given):
    """Weights on their way here."""

    running: bool
    done_bytes: int
    total_bytes: int = Field(description="0 until it is known")
    remaining_s: float | None
    wait_s: float | None = Field(description="Nothing comes now, and it goes on by itself after so many seconds")
    reason: str = Field(description="Why it waits; empty otherwise")
    error: str = Field(description="Why it ended, one sentence; empty otherwise")


class ImportFileGiven(Given):
    """A file that was sent."""

    name: str
    bytes: int


class ImportGiven(Given):
    """Pictures that come in, and how far that is."""

    id: str
    state: Literal["receiving", "waiting", "running", "done", "failed", "cancelled"]
    ended: bool
    title: str = Field(examples=["holiday.zip and 3 more"])
    files: Sequence[ImportFileGiven] = Field(description="That were sent, the first 100")
    file_count: int
    total: int = Field(description="Files in what was sent, those that are no pictures too")
    done: int = Field(description="Of them, that were looked at")
    fraction: float = Field(description="How much is done, 0 to 1")
    added: int = Field(description="Pictures that are new in the history")
    already_here: int = Field(description="Pictures that were in the history")
    in_trash: int = Field(description="Of these, the deleted ones; they stay deleted")
    mended: int = Field(description="Of these, the ones whose file was gone or damaged, and is whole again")
    labelled: int = Field(description="Of these, the ones that got more labels")
    collections: int = Field(description="That were made")
    left_out: int = Field(description="Files that could not be taken")
    reasons: Sequence[str] = Field(
        description="A sentence for each of these, the first 200, and for what else is to say"
    )
    generation_ids: Sequence[str] = Field(description="The last 100 pictures that came in")
    error: str | None = Field(description="Why it failed; it can be started again")
    created_at: datetime
    finished_at: datetime | None


class ImportList(Given):
    """Imports, newest first."""

    items: Sequence[ImportGiven]


class ModelGiven(Given):
    """A model that paints."""

    name: str = Field(examples=["mini"])
    title: str
    about: str
    licence: str
    gated: bool
    here: bool = Field(description="Whether its weights are on this machine")
    revision: str | None
    default: bool = Field(description="Whether it paints what names no model")
    family: str = Field(description="The kind of its pipeline", examples=["fibo1"])
    abilities: Sequence[str] = Field(examples=[["generate", "lora", "repaint"]])
    added: bool = Field(description="Whether a user added it")
    loaded: bool = Field(description="Whether it is in memory, ready to paint")
    lack: str = Field(description="What this machine lacks for it, one sentence; empty where it fits")
    fits: str = Field(
        description="How this machine's GPU will hold it, or what it lacks, computed before it is loaded; empty "
        "without a GPU",
        examples=["fits with 4.2 GB to spare: all of it on the card"],
    )
    download: DownloadGiven | None
    shapes: dict[str, tuple[int, int]] = Field(description="Width and height in pixels by name")
    steps: int
    guidance: float


class AdapterGiven(Given):
    """A LoRA of the workspace."""

    name: str = Field(examples=["sepia"])
    bytes: int
    fits: Sequence[str] = Field(description="Names of the models here that it belongs to", examples=[["mini"]])
    fault: str = Field(description="Why the file is no LoRA, one sentence; empty where it is one")


class AdapterRemoved(Given):
    """A LoRA that was taken out of the workspace."""

    name: str = Field(examples=["sepia"])
    pictures: int = Field(description="How many pictures of the gallery were painted with it")
    told: str = Field(description="What that means for them, one sentence; empty where there are none")


class AdapterList(Given):
    """The LoRAs of the workspace."""

    items: Sequence[AdapterGiven]


class WeightsGiven(Given):
    """Weights that the studio can use, to paint or to write."""

    name: str = Field(examples=["mini"])
    title: str
    repo: str | None = Field(description="Where they are fetched; null for those that come with the program")
    licence: str
    gated: bool
    download_gb: float
    revision: str | None = Field(description="Null where they are not on this machine")


class ModelList(Given):
    """What can paint here, and who writes."""

    items: Sequence[ModelGiven]
    weights: Sequence[WeightsGiven] = Field(description="Those of the models, and of the writer on this machine's GPU")
    writers: Sequence[str]


class Problem(Given):
    """Why something was refused (RFC 9457); `detail` is one sentence, the one that a page shows."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Cannot be used",
                "status": 422,
                "detail": "The seed is -2. Choose a whole number from 0 to 9223372036854775807.",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
