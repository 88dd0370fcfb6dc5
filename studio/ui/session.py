"""What pages do with orders and pictures: place, find one's batch again, begin a refinement or an inspiration."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from fibo_core.engine.request import draw_seed
from fibo_core.errors import (
    BatchDamaged,
    BatchNotFound,
    FiboError,
    GenerationDamaged,
    GenerationNotFound,
    InputError,
    JobNotFound,
)
from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, SEED_MAX, STEPS_MAX, STEPS_MIN
from fibo_core.models.catalogue import ModelSpec, find_model
from fibo_core.prompts.foreign import ForeignRecipe
from fibo_core.prompts.mend.recipe import Recipe, recipe_of
from fibo_core.prompts.wildcards import read_wildcards
from fibo_core.prompts.words import read_words
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.idempotency import OnceKey
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.work.tasks import RefineTask
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.chain import AUTO
from studio.remedies import with_button
from studio.runtime import get_runtime
from studio.ui.components.press_bar import Press, Presses
from studio.ui.loras import read_loras, recipe_of_source
from studio.ui.navigation import EDIT, GENERATE, INSPIRE, REFINE, go_to
from studio.ui.state import (
    Draft,
    Field,
    PageState,
    Refused,
    field_value,
    fill_field,
    fill_now,
    forget_deleted,
    page_state,
)
from studio.ui.words import plain

FROM_A_PICTURE: tuple[Mode, ...] = ("refine", "edit")  #: of their pages the address names the source


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an error of ours as one calm sentence; a bug goes on."""
    try:
        yield
    except FiboError as exc:
        st.error(plain(with_button(exc)), icon=":material/error:")


def follow_batch(runtime: Runtime, state: PageState, kind: Mode) -> Batch | None:
    """The page's batch as it is now; after a reload, the one its address names. Takes over the prompt that it wrote."""
    batch_id = state.batch_id or _named_in_address(runtime)
    if batch_id is None:
        return None
    try:
        batch = runtime.desk.get(batch_id)
    except (BatchNotFound, BatchDamaged) as exc:
        leave_batch(state)
        if isinstance(exc, BatchDamaged):
            st.warning(plain(str(exc)), icon=":material/broken_image:")
        return None
    if batch.kind != kind:
        return None
    if state.batch_id is None:
        _restore(runtime, state, batch)
    _show_written(state, batch)
    if batch.generation_ids:
        state.last_id = max(batch.generation_ids)  # ids begin with their time
    if kind not in FROM_A_PICTURE or st.query_params.get("picture") in (None, state.source_id):
        st.query_params["batch"] = batch.id  # an address that names another source is leaving it
    return batch


def forget_batch(state: PageState) -> None:
    """The page is empty again, but for its settings."""
    leave_batch(state)
    state.forget()


def go_to_batch(state: PageState, batch_id: str) -> None:
    """The page follows another batch from now on; its words and its draft stay."""
    state.batch_id, state.shown_id = batch_id, None
    st.query_params.pop("picture", None)
    st.query_params["batch"] = batch_id


def _named_in_address(runtime: Runtime) -> str | None:
    """The batch that the page's address names, by itself or by a job of its."""
    if (batch_id := st.query_params.get("batch")) is not None:
        return batch_id
    job_id = st.query_params.pop("job", None)
    try:
        return None if job_id is None else runtime.desk.batch_of(job_id)
    except JobNotFound:
        return None


def leave_batch(state: PageState) -> None:
    """The page follows no batch any more, and its address names none; what it begins from stays."""
    state.batch_id = None
    st.query_params.pop("batch", None)
    st.query_params.pop("job", None)


def _show_written(state: PageState, batch: Batch) -> None:
    """Puts the batch's prompt into the editor, once; the user's own one stays."""
    job, written = batch.writing, batch.prompt
    if written is None or state.taken_from == job.id:
        return
    # Once its user has changed the prompt of a batch, the batch's next one does not take its place.
    draft = state.draft if state.kept is None or state.shown_id is None else state.kept.draft
    own = draft is not None and draft.is_users
    if own and state.taken_from in {each.id for each in batch.jobs}:
        pass
    elif state.kept is not None and state.shown_id is not None:
        state.kept = replace(state.kept, draft=Draft(written.prompt.to_json(), written, job.task.words))
    else:
        state.show(written, job.task.words)
        state.base = job.task.source if isinstance(job.task, RefineTask) else None
    state.taken_from = job.id


def _restore(runtime: Runtime, state: PageState, batch: Batch) -> None:
    """A new browser session goes on where another one placed the order: its form, its source."""
    state.batch_id = batch.id
    order, painting = batch.order, batch.current.task.painting
    settings, seeds = painting.settings, [cell.seed for cell in batch.cells if cell.seed is not None]
    spec = find_model(settings.model)
    fields: dict[Field, object] = {
        "words": order.words,
        "writer": order.writer or AUTO,
        "model": settings.model,
        "aspect": spec.nearest_aspect(settings.width, settings.height),
        "steps": settings.num_inference_steps,
        "guidance": settings.guidance_scale,
        "negative": settings.negative_prompt,
        "loras": ", ".join(settings.adapters),
        "collection": order.collection or "",
    }
    if (first := next(iter(seeds), order.seed)) is not None:
        fields |= {"seed": str(first), "count": order.count, "seed_locked": order.seed is not None}
    if order.kind in FROM_A_PICTURE:
        del fields["words"]  # they stand in the thread
    for field, value in fields.items():
        fill_now(order.kind, field, value)
    if order.kind in FROM_A_PICTURE:
        source = find_picture(runtime, order.source_id)
        state.source, state.source_id = source.prompt if source else order.source, order.source_id
        state.locked = order.locked
        if order.kind == "refine":
            fill_now("refine", "only_asked", order.only_asked)
            fill_now("refine", "with_picture", order.with_picture)
        state.source_request = source.request if source else None
        state.loras_of = recipe_of_source(state)
    elif order.pictures:
        state.pictures, state.source_id = order.pictures, order.source_id


def prompt_to_paint(state: PageState, words: str) -> tuple[WrittenPrompt | None, str | None]:
    """The prompt in the editor when that is what must be painted, and the only words it is for; None and None when the
    writer must be asked.

    It is the user's own JSON, or what the writer gave for these very words, or for one choice of their wildcards.
    Raises PromptError when it is none.
    """
    draft, words = state.draft, read_words(words).words
    if draft is None:
        return None, None
    if draft.is_users or words in ("", draft.words):
        return draft.parsed(), None
    if read_wildcards(words).found:
        return draft.parsed(), draft.words
    return None, None


def generate_order(state: PageState, words: str, *, paint: bool) -> Order:
    """What Generate's form and editor ask for; with ``paint`` False the prompt of the words alone.

    Raises InputError for a seed, PromptError for a text in the editor that are none.
    """
    written, written_for = prompt_to_paint(state, words) if paint else (None, None)
    if written is not None and written_for is None and state.draft is not None and state.draft.is_users:
        words = state.draft.words  # those the JSON came from: what stands in the form has no part in the picture
    return replace(read_order("generate"), words=words, written=written, written_for=written_for, paint=paint)


def carry_out(state: PageState, presses: Presses, act: Callable[[Press], None]) -> None:
    """Does what each press asks for, in their order, and runs the page again. What is refused is said until the next
    press, once.

    Streamlit breaks a run off when the browser sends something else: a press that was not carried out by then waits for
    the next run.
    """
    with presses.carrying:
        if not presses.waiting:
            return
        state.refused = Refused()
        while presses.waiting:
            _carry_first(state, presses, act)
    st.rerun()


def _carry_first(state: PageState, presses: Presses, act: Callable[[Press], None]) -> None:
    """Does what the first press asks for, and takes it off the list, unless the run was broken off before its order was
    placed."""
    followed, press = state.batch_id, presses.waiting[0]
    state.once = press.once
    try:
        if not _came_before(state, press):
            act(press)
    except FiboError as exc:
        said = dict.fromkeys((*state.refused.sentences, with_button(exc)))
        state.refused = replace(state.refused, sentences=tuple(said))
    except Exception:
        presses.carried_out()  # a bug, which would come again at each run
        raise
    except BaseException:
        if state.batch_id != followed:
            presses.carried_out()
        raise
    finally:
        state.once = None
    presses.carried_out()


def _came_before(state: PageState, press: Press) -> bool:
    """Whether another session of this browser's has placed the order of a press that comes again: it is followed."""
    keys = [press.once, waited_key(press.id)] if press.id else []
    found = next((batch for key in keys if key is not None and (batch := get_runtime().desk.placed(key))), None)
    if found is not None and found.id > (state.batch_id or ""):  # ids begin with their time
        state.batch_id = found.id
        st.query_params["batch"] = found.id
    return found is not None


def waited_key(id: str) -> OnceKey:
    """By which the order of a press that waited for the step before it is known."""
    return OnceKey(f"refine {id}", id)


def place_once(runtime: Runtime, state: PageState, order: Order, once: OnceKey | None = None) -> None:
    """Places an order, unless its very picture is stored or on its way already: then the page asks first. Raises as
    :func:`take_order`."""
    key = once or state.once
    if key is not None and runtime.desk.placed(key) is not None:
        take_order(runtime, state, order, once)  # it has come again: its own batch is followed
    elif (painted := runtime.desk.painted_already(order)) is not None:
        state.refused = Refused(order=order, generation_id=painted.id)
    elif (going := runtime.desk.being_painted(order)) is not None:
        state.refused = Refused(order=order, batch_id=going.id)
    else:
        take_order(runtime, state, order, once)


def take_order(runtime: Runtime, state: PageState, order: Order, once: OnceKey | None = None) -> Batch:
    """Places an order; the page follows its batch from now on, and shows its seed. With ``once`` (else the press that
    is carried out) that was placed before, that is its batch. Raises an InputError, QueueFull or StoreError."""
    if _is_locked_for_another(order):
        order = replace(order, seed=None)
        fill_field(order.kind, "seed_locked", False)
        fill_field(order.kind, "locked_for", None)
    batch = runtime.desk.place(order, once=once or state.once)
    state.batch_id = batch.id  # at once: a run that is broken off from here on has carried its press out
    if state.kept is not None and state.kept.draft is not None and state.kept.draft.is_users:
        state.previous = state.kept.draft  # the recipe that was shown is what is painted now
    if (former := state.shown_id or state.last_id) is not None:
        state.before_of[batch.id] = former
    state.shown_id, state.kept = None, None
    if batch.writing.task.written is not None:
        state.taken_from = batch.writing.id  # its prompt came from the editor, and is not put back into it
    if (seed := next((cell.seed for cell in batch.cells if cell.seed is not None), None)) is not None:
        fill_field(order.kind, "seed", str(seed))
    if order.kind not in FROM_A_PICTURE:  # there it is the source
        st.query_params.pop("picture", None)
    st.query_params["batch"] = batch.id
    forget_deleted(order.kind)
    return batch


def _is_locked_for_another(order: Order) -> bool:
    """Whether the page has locked the seed for another prompt than the one that is to be written from these words."""
    locked_for = field_value(order.kind, "locked_for")
    return (
        order.kind not in FROM_A_PICTURE
        and order.written is None
        and locked_for not in (None, read_words(order.words).words)
    )


def place(runtime: Runtime, state: PageState, order: Order) -> None:
    """Places an order and runs the page again. Raises as :func:`take_order`."""
    take_order(runtime, state, order)
    st.rerun()


def pictures_of(runtime: Runtime, batch: Batch | None) -> list[Generation]:
    """The pictures a batch has stored so far, without those deleted since."""
    found = (find_picture(runtime, id) for id in (batch.generation_ids if batch is not None else ()))
    return [picture for picture in found if picture is not None]


def find_picture(runtime: Runtime, generation_id: str | None) -> Generation | None:
    """The picture, or None when there is none of this id (any more), or none that can be read."""
    if generation_id is None:
        return None
    try:
        return runtime.tools.history.get(generation_id)
    except (GenerationNotFound, GenerationDamaged):
        return None


def shown_picture(runtime: Runtime, state: PageState, painted: Sequence[Generation]) -> Generation | None:
    """The picture the page shows: the one the user chose, else the one painted last, of the batch's if that is gone."""
    newest = max(painted, key=lambda picture: picture.id, default=None)
    return find_picture(runtime, state.shown_id) or find_picture(runtime, state.last_id) or newest


def picture_before(
    runtime: Runtime, state: PageState, shown: Generation | None, batch: Batch | None
) -> Generation | None:
    """What the shown picture came after: the one it was made from, or the one of the same shape that this page showed
    when its batch was ordered here; None for every other."""
    if shown is None:
        return None
    if (parent := find_picture(runtime, shown.parent_id)) is not None:
        return parent
    if batch is None or shown.id not in batch.generation_ids:
        return None
    former = find_picture(runtime, state.before_of.get(batch.id))
    return former if former is not None and _shape_of(former) == _shape_of(shown) else None


def _shape_of(picture: Generation) -> tuple[int, int]:
    return picture.request.width, picture.request.height


def written_of(generation: Generation) -> WrittenPrompt:
    """A stored picture's prompt with its author."""
    return WrittenPrompt(
        generation.prompt,
        generation.writer,
        generation.edited,
        model=generation.writer_model,
        usage=generation.usage,
    )


def new_seed(mode: Mode, generation: Generation, spec: ModelSpec) -> Order:
    """An order of the picture's prompt and settings with a drawn seed, which the form shows at its next run."""
    seed = draw_seed()
    fill_field(mode, "seed", str(seed))
    order = Order(kind=mode, words=generation.words, written=written_of(generation), model=spec.name, seed=seed)
    return order.painted_like(generation.request, spec)


def start_refine(generation: Generation) -> None:
    """Goes to Refine with this picture as the source."""
    begin_from(page_state("refine"), "refine", generation)
    go_to(REFINE, picture=generation.id)  # in the address at once: the browser's Back has one step less


def begin_from(state: PageState, mode: Mode, generation: Generation) -> None:
    """Makes a picture the source of a page, with its seed and no words."""
    state.forget()
    state.source, state.source_request, state.source_id = generation.prompt, generation.request, generation.id
    fill_field(mode, "seed", str(generation.request.seed))
    fill_field(mode, "seed_locked", True)
    fill_field(mode, "words", "")


def start_edit(generation: Generation) -> None:
    """Goes to Edit with this picture as the source; what was marked of it before is marked again."""
    begin_from(page_state("edit"), "edit", generation)
    go_to(EDIT, picture=generation.id)


def start_inspire(runtime: Runtime, generation: Generation) -> None:
    """Goes to Inspire with this picture as the source. Raises GenerationNotFound where its file is gone."""
    state, spec = page_state("inspire"), find_model(runtime.tools.engine.status().model_for("inspire"))
    picture = runtime.tools.history.image_file(generation.id)
    state.forget()
    state.pictures, state.source_id = (str(runtime.tools.history.relative(picture)),), generation.id
    fill_field("inspire", "words", "")
    fill_field("inspire", "aspect", spec.nearest_aspect(generation.request.width, generation.request.height))
    go_to(INSPIRE)


def use_prompt(generation: Generation) -> None:
    """Goes to Generate with this picture's prompt in the editor, and no picture beside it."""
    state = page_state("generate")
    words = generation.words if generation.mode == "generate" else ""
    state.show(written_of(generation), words)
    state.batch_id = state.last_id = None
    state.replaced = True
    fill_field("generate", "words", words)
    go_to(GENERATE)


def use_seed(generation: Generation) -> None:
    """Goes to Generate with this picture's seed in the form."""
    fill_field("generate", "seed", str(generation.request.seed))
    fill_field("generate", "seed_locked", True)
    fill_field("generate", "locked_for", None)
    go_to(GENERATE)


def use_words(runtime: Runtime, recipe: ForeignRecipe) -> None:
    """Goes to Generate with another program's words and, as far as the form can hold them, its settings."""
    page_state("generate").forget()
    fill_field("generate", "words", recipe.words)
    fill_settings("generate", find_model(runtime.tools.engine.status().model_for("generate")), recipe_of(recipe))
    go_to(GENERATE)


def fill_settings(mode: Mode, spec: ModelSpec, recipe: Recipe) -> None:
    """Fills a page's form with settings that were found beside a prompt or among words, as far as it can hold them."""
    fields: dict[Field, object] = {}
    if recipe.seed is not None and recipe.seed <= SEED_MAX:
        fields |= {"seed": str(recipe.seed), "seed_locked": True, "locked_for": None}
    if recipe.shape is not None:
        fields["aspect"] = spec.nearest_aspect(*recipe.shape)
    if recipe.num_inference_steps is not None and STEPS_MIN <= recipe.num_inference_steps <= STEPS_MAX:
        fields["steps"] = recipe.num_inference_steps
    if recipe.guidance_scale is not None and GUIDANCE_MIN <= recipe.guidance_scale <= GUIDANCE_MAX:
        fields["guidance"] = recipe.guidance_scale
    if recipe.negative_prompt is not None and spec.fixed_negative is None:
        fields["negative"] = recipe.negative_prompt
    for field, value in fields.items():
        fill_field(mode, field, value)


def read_order(mode: Mode, *, settings: bool = True) -> Order:
    """What the options of a page's form say; without ``settings`` only the writer, the model and the seed.

    A seed that is not locked is drawn when the order is placed. Raises InputError for a locked one that is none.
    """
    order = Order(
        kind=mode,
        writer=field_value(mode, "writer"),
        model=field_value(mode, "model"),
        seed=read_seed(field_value(mode, "seed")) if field_value(mode, "seed_locked", False) else None,
        collection=field_value(mode, "collection") or None,
    )
    if not settings:
        return order
    return replace(
        order,
        aspect=field_value(mode, "aspect"),
        steps=field_value(mode, "steps"),
        guidance=field_value(mode, "guidance"),
        negative_prompt=field_value(mode, "negative"),
        count=field_value(mode, "count", 1),
        adapters=read_loras(field_value(mode, "loras")),
    )


def read_seed(text: str | None) -> int | None:
    """The seed a user typed; None for an empty field, where one is drawn. Raises InputError for what is no number."""
    text = (text or "").strip()
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 30):
        raise InputError(f"The seed is {text[:30]!r}. Type a whole number, or leave it empty to draw one.")
    return int(text)
