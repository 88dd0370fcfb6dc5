"""Between the API's models and the core's values: the one place where an order comes in and where batches, jobs,
pictures and models go out.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fibo_core.engine.edits import check_references, known_way
from fibo_core.errors import InputError, ModelMissing
from fibo_core.models.catalogue import CATALOGUE, FIBO_VLM, ModelSpec, WeightsSpec, find_model
from fibo_core.models.device import lacks_for, outlook
from fibo_core.models.weights import revision_of, weights_folder
from fibo_core.prompts.axes import Axis, axis, axis_to_record
from fibo_core.prompts.mend import mend_document
from fibo_core.prompts.wildcards import read_wildcards
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.history import HistoryPage
from fibo_core.work.desk import Batch, BatchPage, Cell, Desk
from fibo_core.work.jobs import Job, Progress
from fibo_core.work.orders import Order, check_number
from fibo_core.work.runtime import Runtime
from fibo_core.writers import Usage, WrittenPrompt
from studio.shell import get_shell
from studio.web.api.models import (
    AxisTaken,
    BatchGiven,
    BatchList,
    BatchSummary,
    CellGiven,
    DamagedGiven,
    DownloadGiven,
    EditOrder,
    GenerationGiven,
    GenerationList,
    GenerationOrder,
    InspirationOrder,
    JobGiven,
    MaskGiven,
    MaskTaken,
    ModelGiven,
    ModelList,
    OrderTaken,
    ProgressGiven,
    PromptOrder,
    RefinementOrder,
    UsageGiven,
    WeightsGiven,
    WrittenGiven,
)
from studio.web.api.related import again_given
from studio.web.previews import Previews

# coming in


def generation_order(taken: GenerationOrder, runtime: Runtime) -> Order:
    """Raises InputError and JobNotFound, as all of these do for what cannot be."""
    return _order("generate", taken, runtime)


def prompt_order(taken: PromptOrder) -> Order:
    return Order(kind="generate", words=taken.words.strip(), writer=taken.writer, paint=False)


def refinement_order(taken: RefinementOrder, runtime: Runtime) -> Order:
    """Raises GenerationNotFound and GenerationDamaged too."""
    if taken.generation_id is not None and taken.source is not None:
        raise InputError(
            "generation_id and source are both given. Refine a picture or a prompt: leave out one of them."
        )
    order = replace(
        _order("refine", taken, runtime),
        source=None if taken.source is None else mend_document(taken.source).prompt,
        with_picture=taken.with_picture,
        locked=tuple(taken.locked),
        only_asked=taken.only_asked,
        must_change=taken.must_change,
    )
    if taken.generation_id is None:
        return order
    picture = runtime.tools.history.get(taken.generation_id)
    order = replace(order, source=picture.prompt, source_id=picture.id)
    return order.painted_like(
        picture.request, find_model(order.model or runtime.tools.engine.status().model_for(order.kind))
    )


def inspiration_order(taken: InspirationOrder, runtime: Runtime, sent: Sequence[bytes | str] = ()) -> Order:
    """The pictures are those ``sent`` with a form, files or ids, or those of the history that the order names.

    Raises GenerationNotFound, PictureError for what is no picture, and WorkspaceUnwritable.
    """
    one = () if taken.generation_id is None else (taken.generation_id,)
    given = [each for each in (sent, taken.generation_ids, one) if each]
    if len(given) != 1:
        raise InputError(
            "An inspiration starts from pictures, named in one way. Give generation_id, or generation_ids, or send "
            "them as files."
        )
    pictures = given[0]
    check_number(len(pictures))
    order, history = _order("inspire", taken, runtime), runtime.tools.history
    paths = []
    for picture in pictures:
        if isinstance(picture, str):
            path = history.image_file(history.get(picture).id)
        else:
            path = runtime.inputs.path(runtime.inputs.keep(picture))
        paths.append(str(history.relative(path)))
    main = pictures[0]
    return replace(order, pictures=tuple(paths), source_id=main if isinstance(main, str) else None)


def edit_order(
    taken: EditOrder, runtime: Runtime, mask: bytes | str | None = None, references: Sequence[bytes | str] = ()
) -> Order:
    """The mask and the references are those that came with a form, or those that the order names.

    Raises GenerationNotFound, InputGone, PictureError for what is no picture, and WorkspaceUnwritable.
    """
    if mask is not None and taken.mask is not None:
        raise InputError("A mask is sent as a file, and one is named. Leave out one of the two.")
    if references and taken.references:
        raise InputError("References are sent as files, and some are named. Leave out one of the two.")
    keep, history = runtime.inputs.keep, runtime.tools.history
    named = references or taken.references
    check_references(len(named))
    return replace(
        _order("edit", taken, runtime),
        source_id=taken.generation_id,
        mask=keep(mask) if isinstance(mask, bytes) else mask or taken.mask,
        mask_of=taken.mask_of,
        references=tuple(
            keep(history.image_file(history.get(each).id) if isinstance(each, str) else each) for each in named
        ),
        strength=taken.strength,
        way=known_way(taken.way),
        feather=taken.feather,
    )


def mask_given(taken: MaskTaken, runtime: Runtime) -> MaskGiven:
    """Makes a mask. Raises GenerationNotFound, GenerationDamaged and InputError."""
    if (taken.of is None) == (taken.after_id is None):
        raise InputError("A mask is made of an object's place, or of another picture. Give of, or after_id.")
    if taken.after_id is not None:
        mask = runtime.desk.mask_of_change(taken.generation_id, taken.after_id)
    else:
        document = taken.structured_prompt
        changed = None if document is None else mend_document(document).prompt
        mask = runtime.desk.mask_of_object(taken.generation_id, taken.of or "", changed)
    return MaskGiven(mask=mask, image=f"/inputs/{mask}.png")


def _order(kind: Mode, taken: OrderTaken, runtime: Runtime) -> Order:
    written, written_for = _written(taken, runtime.desk)
    return Order(
        kind=kind,
        words=taken.words.strip(),
        written=written,
        written_for=written_for,
        writer=taken.writer,
        model=taken.model,
        aspect=taken.aspect,
        size=_size(taken),
        steps=taken.steps,
        guidance=taken.guidance,
        negative_prompt=taken.negative_prompt,
        seed=taken.seed,
        count=taken.count,
        axes=tuple(_axis(each) for each in taken.axes),
        confirmed=taken.confirmed,
        paint=taken.paint,
        collection=taken.collection,
        adapters=None if taken.adapters is None else tuple(taken.adapters),
        together=taken.together,
    )


def _written(taken: OrderTaken, desk: Desk) -> tuple[WrittenPrompt | None, str | None]:
    """The prompt that is painted as it is, and the only words it is for, where it was written for one choice of the
    wildcards."""
    if taken.prompt_job_id is None:
        document = taken.structured_prompt
        return (None if document is None else _mended(document)), None
    if taken.structured_prompt is not None:
        raise InputError(
            "structured_prompt and prompt_job_id are both given. One prompt is painted: leave out one of them."
        )
    job = desk.job(taken.prompt_job_id)
    written = job.written or job.task.written
    if written is None:
        raise InputError(f"Job {job.id} has written no prompt. Name one that has, or give structured_prompt.")
    return written, job.task.words if read_wildcards(taken.words).found else None


def _mended(document: dict[str, Any]) -> WrittenPrompt:
    """A prompt as it was given, wherever in it the caption stands; what was done stands in its notes."""
    mended = mend_document(document)
    return WrittenPrompt(mended.prompt, notes=mended.told())


def _size(taken: OrderTaken) -> tuple[int, int] | None:
    if taken.width is None and taken.height is None:
        return None
    if taken.width is None or taken.height is None:
        raise InputError("Only one of width and height is given. Give both, or a shape by its name in aspect.")
    if taken.aspect is not None:
        raise InputError("aspect and width with height are both given. Leave out one of them.")
    return taken.width, taken.height


def _axis(taken: AxisTaken) -> Axis:
    return axis(taken.name, taken.values)


# going out


def batch_given(batch: Batch, desk: Desk) -> BatchGiven:
    return BatchGiven(
        **dict(batch_summary(batch)),
        words=batch.order.words,
        axes=[axis_to_record(each) for each in batch.order.axes],
        retryable=batch.retryable,
        remaining_s=desk.remaining_s(batch),
        jobs=[job_given(job) for job in batch.jobs],
        cells=[_cell(cell) for cell in batch.cells],
    )


def batch_summary(batch: Batch) -> BatchSummary:
    return BatchSummary(
        id=batch.id,
        kind=batch.kind,
        state=batch.state,
        ended=batch.ended,
        title=batch.title,
        created_at=batch.created_at,
        pictures=batch.pictures,
        painted=len(batch.generation_ids),
        fraction=batch.fraction,
        error=None if batch.state == "done" else batch.current.error,
    )


def batch_list(page: BatchPage) -> BatchList:
    return BatchList(
        items=[batch_summary(batch) for batch in page.batches],
        next_cursor=page.next_cursor,
        damaged=[DamagedGiven(id=batch.id, reason=batch.reason) for batch in page.damaged],
    )


def job_given(job: Job) -> JobGiven:
    task, painting = job.task, job.task.painting
    settings, written = painting.settings, job.written or job.task.written
    return JobGiven(
        id=job.id,
        batch_id=job.batch_id,
        kind=job.mode,
        state=job.state,
        title=job.title,
        words=task.words,
        writer=task.writer,
        model=settings.model,
        width=settings.width,
        height=settings.height,
        steps=settings.num_inference_steps,
        guidance=settings.guidance_scale,
        negative_prompt=settings.negative_prompt,
        seeds=painting.seeds,
        after_id=job.after_id,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        error=job.error,
        error_kind=job.error_kind,
        wait_until=job.wait_until,
        answer=job.answer,
        written=None if written is None else written_given(written),
        generation_ids=job.generation_ids,
        progress=progress_given(job.progress) if job.state == "running" else None,
        again=None if job.again is None else again_given(job.again),
    )


def progress_given(progress: Progress) -> ProgressGiven:
    step = progress.step
    return ProgressGiven(
        stage=progress.stage,
        writer=progress.writer,
        tokens=progress.tokens,
        picture=progress.picture,
        pictures=progress.pictures,
        step=None if step is None else step.step,
        steps=None if step is None else step.total,
        remaining_s=None if step is None else step.remaining_s,
        preview=None if step is None or step.preview is None else Previews.of_process().address(step.preview),
    )


def written_given(written: WrittenPrompt) -> WrittenGiven:
    return WrittenGiven(
        structured_prompt=written.prompt.document,
        writer=written.writer,
        writer_model=written.model,
        edited=written.edited,
        usage=_usage(written.usage),
        notes=written.notes,
        passed_over=written.passed_over,
        offered=None if written.offered is None else written.offered.document,
    )


def _cell(cell: Cell) -> CellGiven:
    id = cell.generation_id
    return CellGiven(
        place=dict(cell.place),
        seed=cell.seed,
        state=cell.state,
        job_id=cell.job.id,
        generation_id=id,
        image=None if id is None else image_address(id),
        thumbnail=None if id is None else thumbnail_address(id),
    )


def generation_given(generation: Generation) -> GenerationGiven:
    record: dict[str, Any] = generation.to_record()
    return GenerationGiven(
        **record
        | {
            "created_at": generation.created_at,
            "usage": _usage(generation.usage),
            "favorite": generation.favorite,
            "rating": generation.rating,
            "tags": generation.tags,
            "collections": generation.collections,
            "deleted_at": generation.deleted_at,
            "image": image_address(generation.id),
            "thumbnail": thumbnail_address(generation.id),
            "recipe": f"/img/{generation.id}.json",
            "source": None if generation.source_path is None else f"/img/source/{generation.id}.png",
        }
    )


def generation_list(page: HistoryPage) -> GenerationList:
    return GenerationList(
        items=[generation_given(each) for each in page.items],
        next_cursor=page.next_cursor,
        damaged=[DamagedGiven(id=row.id, reason=row.reason) for row in page.damaged],
        problems=page.problems,
    )


def model_list(runtime: Runtime) -> ModelList:
    items = [model_given(runtime, spec) for spec in CATALOGUE.values()]
    weights = [_weights(spec, runtime.settings.hub_cache) for spec in (*CATALOGUE.values(), FIBO_VLM)]
    return ModelList(items=items, weights=weights, writers=runtime.tools.writers.names)


def image_address(generation_id: str) -> str:
    return f"/img/{generation_id}.png"


def thumbnail_address(generation_id: str) -> str:
    return f"/img/thumb/{generation_id}.webp"


def _revision(spec: WeightsSpec, hub_cache: Path) -> str | None:
    try:
        return revision_of(spec, weights_folder(spec, hub_cache))
    except ModelMissing:
        return None


def _weights(spec: WeightsSpec, hub_cache: Path) -> WeightsGiven:
    return WeightsGiven(
        name=spec.name,
        title=spec.title,
        repo=spec.repo,
        licence=spec.licence,
        gated=spec.gated,
        download_gb=spec.download_gb,
        revision=_revision(spec, hub_cache),
    )


def model_given(runtime: Runtime, spec: ModelSpec) -> ModelGiven:
    status = runtime.tools.engine.status()
    revision = _revision(spec, runtime.settings.hub_cache)
    return ModelGiven(
        name=spec.name,
        title=spec.title,
        about=spec.about,
        licence=spec.licence,
        gated=spec.gated,
        here=revision is not None,
        revision=revision,
        default=spec.name == status.model,
        family=spec.family.name,
        abilities=sorted(spec.abilities),
        added=spec.added,
        loaded=(status.model, status.state) == (spec.name, "ready"),
        lack=lacks_for(spec),
        fits=outlook(spec, runtime.settings.hub_cache, runtime.settings.wish),
        download=_download(spec),
        shapes=dict(spec.shapes),
        steps=spec.num_inference_steps,
        guidance=spec.guidance_scale,
    )


def _download(spec: ModelSpec) -> DownloadGiven | None:
    fetch = get_shell().downloads.get(spec.name)
    if fetch is None:
        return None
    event = fetch.event
    return DownloadGiven(
        running=fetch.running,
        done_bytes=0 if event is None else event.done_bytes,
        total_bytes=0 if event is None else event.total_bytes,
        remaining_s=None if event is None else event.remaining_s,
        wait_s=None if event is None else event.wait_s,
        reason="" if event is None else event.reason,
        error=fetch.error,
    )


def _usage(usage: Usage | None) -> UsageGiven | None:
    return None if usage is None else UsageGiven(**asdict(usage))
