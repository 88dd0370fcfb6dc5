"""What becomes of an instruction's words on Refine: they leave their field at the press, wait for the step before where
that is under way, are carried out, or come back.

The browser empties the field, and is the only one to write into it (`components/press_bar.py`): what is typed after a
press belongs to the next instruction, whatever the page does meanwhile.
"""

from collections.abc import Callable
from dataclasses import replace

from ulid import ULID

from fibo_core.errors import FiboError, InputError, PromptError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.idempotency import OnceKey
from fibo_core.work.desk import Batch
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.ui.components.press_bar import Press, Presses
from studio.ui.conversation import is_changed, place_step
from studio.ui.session import waited_key
from studio.ui.state import Draft, GivenBack, PageState, WaitingPress, field_value, joined, words_back
from studio.ui.words import showable

#: What the words and the editor ask for, painted or only written.
OrderOf = Callable[[str, bool], Order]
UNDER_WAY = "This very picture is being painted. Say what should change next, or choose another seed."


def follow_instructions(state: PageState, batch: Batch | None, presses: Presses) -> None:
    """Looks after the words of the page's batch and of the presses that wait for it; before the form is drawn.

    Once the step before is there, the first of them is the first press to be carried out; where nothing came of the
    step, its words and theirs come back.
    """
    if batch is not None:
        _follow(state, batch, presses)
    if state.waiting and not presses.has_waited(state.waiting[0].id) and (batch is None or batch.ended):
        first = state.waiting[0]
        presses.waiting.insert(0, Press(first.action, first.words, waited=first.id))
    _put_back(state, presses)


def _follow(state: PageState, batch: Batch, presses: Presses) -> None:
    failed = batch.ended and (bool(batch.unfinished) or _came_to_nothing(state, batch))
    if state.words_of == (batch.id, failed):
        return
    again, state.words_of = state.words_of == (batch.id, True), (batch.id, failed)
    own = showable(batch.order.words).strip() if batch.order.written is None else ""
    if failed:
        words = joined(own, *(each.words for each in state.waiting))
        state.given_back = GivenBack(batch.id, words, state.waiting)
        give_back(state, own)
    elif again:  # it is tried again
        back = state.given_back or GivenBack(batch.id, own, ())
        if back.words and field_value("refine", "words", "").strip() == back.words:
            presses.change_words(back.words, "")
            state.waiting = back.waiting
        state.given_back = None


def _came_to_nothing(state: PageState, batch: Batch) -> bool:
    """Whether a step whose changes were to be shown has none."""
    return not batch.order.paint and state.draft is not None and not is_changed(state)


def give_back(state: PageState, words: str) -> None:
    """Has words put back that were not carried out, and those of all that waited behind them."""
    waited = state.waiting
    state.waiting = ()
    state.returned, state.returned_as = joined(state.returned, words, *(each.words for each in waited)), None
    if any(each.words for each in waited):
        state.refused = replace(state.refused, note=words_back(len(waited)))


def withdraw(state: PageState, id: str) -> None:
    """Takes back one press that waits; its words go back into their field."""
    words = next((each.words for each in state.waiting if each.id == id), "")
    state.waiting = tuple(each for each in state.waiting if each.id != id)
    if words:
        state.returned, state.returned_as = joined(state.returned, words), None


def _put_back(state: PageState, presses: Presses) -> None:
    """Words come back only into an empty field; else they stand beside it until their user wants them."""
    if not state.returned:
        return
    if state.returned_as is None:
        state.returned_as = presses.change_words("", state.returned)
    elif presses.answers.get(state.returned_as):
        state.returned, state.returned_as = "", None


def are_left_out(state: PageState, presses: Presses) -> bool:
    """Whether words that should have come back found another instruction in their field."""
    return state.returned_as is not None and presses.answers.get(state.returned_as) is False


def carry(runtime: Runtime, state: PageState, batch: Batch | None, press: Press, order_of: OrderOf) -> None:
    """Does what a press asks for: places the order of its words and of the prompt in the editor, or has it wait for the
    step before. ``batch`` is what this run has read of that step.

    What is refused is raised, and its words come back. Raises an InputError, PromptError, QueueFull or StoreError.
    """
    words, once = press.words or "", None
    try:
        if press.waited:
            if (once := _begin_waited(state, batch, press.waited)) is None:
                return  # it was taken back meanwhile
        elif _comes_too_soon(state, batch) and _waits(state, _as_placed(runtime, state, batch), press, words):
            return
        place_step(runtime, state, order_of(words, press.action == "paint"), once)
    except FiboError:
        state.waiting = tuple(each for each in state.waiting if each.id != press.waited)
        give_back(state, words)
        raise
    state.waiting = tuple(each for each in state.waiting if each.id != press.waited)


def _comes_too_soon(state: PageState, batch: Batch | None) -> bool:
    """Whether the page follows a step that is not done, or that this run has not seen done; or one waits already. A
    grid is no step: who takes one of its pictures goes on from there."""
    if batch is not None and batch.id == state.batch_id and batch.pictures > 1:
        return False
    seen_done = batch is not None and batch.id == state.batch_id and batch.ended
    return bool(state.waiting) or (state.batch_id is not None and not seen_done)


def _as_placed(runtime: Runtime, state: PageState, batch: Batch | None) -> Batch | None:
    """The step before, also where this very run has placed it."""
    if state.batch_id is None or (batch is not None and batch.id == state.batch_id):
        return batch
    return runtime.desk.several([state.batch_id]).get(state.batch_id)


def _waits(state: PageState, before: Batch | None, press: Press, words: str) -> bool:
    """Has a press wait; False for one that asks for nothing new, which is placed at once: the same with another seed.

    Raises InputError for one that asks for what is being painted, PromptError where it would paint a text that is no
    prompt.
    """
    draft = _changed_since(state, before)
    if not words and draft is None:
        if press.action == "paint" and before is not None and _is_painting(state, before):
            raise InputError(UNDER_WAY)
        return False
    if not words and draft is not None:
        draft.parsed()
    id = press.id or str(ULID())
    if id not in {each.id for each in state.waiting}:  # else it has come again
        state.waiting = (*state.waiting, WaitingPress(id, press.action, words, draft))
    return True


def _is_painting(state: PageState, before: Batch) -> bool:
    """Whether a batch paints the prompt in the editor with the seed in the form."""
    seed = field_value("refine", "seed") if field_value("refine", "seed_locked", False) else None
    return before.order.paint and _shows(state, before) and seed in {str(cell.seed) for cell in before.cells}


def _shows(state: PageState, batch: Batch) -> bool:
    """Whether the editor holds the prompt of this batch."""
    return batch.prompt is not None and _prompt(state.draft) == batch.prompt.prompt


def _changed_since(state: PageState, before: Batch | None) -> Draft | None:
    """The draft, where its user has changed it by hand since the step before, or the last one that waits, was asked
    for."""
    draft = state.draft
    if draft is None or not draft.is_users or not is_changed(state):
        return None
    if draft.text in [each.draft.text for each in state.waiting if each.draft is not None][-1:]:
        return None
    prompt = _prompt(draft)
    begun = () if before is None else (before.order.source, *_prompts(before.order.written), *_prompts(before.prompt))
    return None if prompt is not None and prompt in begun else draft


def _prompts(written: WrittenPrompt | None) -> tuple[StructuredPrompt, ...]:
    return () if written is None else (written.prompt,)


def _prompt(draft: Draft | None) -> StructuredPrompt | None:
    try:
        return None if draft is None else StructuredPrompt.parse(draft.text)
    except PromptError:
        return None


def _begin_waited(state: PageState, batch: Batch | None, id: str) -> OnceKey | None:
    """Puts the prompt that a press which has waited goes by into the editor: the step before's, or the one its user had
    made by hand. The key that it is placed under; None where it does not wait any more."""
    waited = next((each for each in state.waiting if each.id == id), None)
    if waited is None:
        return None
    if waited.draft is not None:
        state.bring(waited.draft)
    elif batch is not None and batch.prompt is not None and not _shows(state, batch):
        state.show(batch.prompt, batch.writing.task.words)
    return waited_key(id)
