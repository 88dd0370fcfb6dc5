"""An order of the command line, worked off by a studio that runs: placed, followed, and its pictures brought back."""

import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fibo_core.errors import Cancelled, FiboError, StoreError
from fibo_core.models.catalogue import find_model
from fibo_core.writers import writer_name
from studio.cli.door import Door, as_ours
from studio.cli.inputs import Source, is_id, read_bytes
from studio.cli.output import StatusLine
from studio.cli.painting import Options, copied_to
from studio.cli.setup import ctrl_c_raises, ended_by_ctrl_c

if TYPE_CHECKING:
    from fibo_core.prompts.structured_prompt import StructuredPrompt
    from fibo_core.store.generation import Generation
    from fibo_core.work.orders import Order
    from studio.client import Batch, OrderOptions
    from studio.web.api.models import AgainGiven

CANCEL_S = 20.0  #: for what runs to end at its next step


def generate(options: Options, door: Door, order: "Order") -> None:
    """Raises as `paint` does, as all of these do."""
    prompt = None if order.written is None else order.written.prompt
    paint(options, door, order, lambda: door.studio.generate(order.words, structured_prompt=prompt, **_said(order)))


def refine(options: Options, door: Door, origin: Source, words: str) -> None:
    order = options.order(kind="refine", words=words, source=origin.prompt, source_id=origin.id)
    if origin.id is not None and door.get(origin.id).request == origin.request:
        picture = origin.id
        paint(options, door, order, lambda: door.studio.refine(picture, words, **_said(order)))
        return
    if origin.request is not None:  # of a file that the studio does not know, or that was changed
        order = order.painted_like(origin.request, find_model(order.model or default_model(door)))
    paint(options, door, order, lambda: door.studio.refine(origin.prompt, words, **_said(order)))


def inspire(options: Options, door: Door, pictures: Sequence[str], hint: str) -> None:
    start = [picture if is_id(picture) else read_bytes(picture) for picture in pictures]
    order = options.order(kind="inspire", words=hint, pictures=tuple(pictures))
    paint(options, door, order, lambda: door.studio.inspire(start, hint, **_said(order)))


def edit(options: Options, door: Door, order: "Order", mask: str | None, references: Sequence[str]) -> None:
    assert order.source_id is not None
    picture = order.source_id
    given = [name if is_id(name) else read_bytes(name) for name in references]
    marked = None if mask is None else read_bytes(mask)
    prompt = None if order.written is None else order.written.prompt
    paint(
        options,
        door,
        order,
        lambda: door.studio.edit(
            picture,
            order.words,
            structured_prompt=prompt,
            mask=marked,
            mask_of=order.mask_of,
            references=given,
            strength=order.strength,
            way=order.way,
            feather=order.feather,
            **_said(order),
        ),
    )


def write(door: Door, words: str, writer: str) -> "tuple[StructuredPrompt, tuple[str, ...]]":
    """The prompt that is written there, and its notes. Raises FiboError, InputError, and Cancelled after Ctrl+C."""
    following = _Following(door)
    batch = following.to_the_end(lambda: door.studio.write(words, writer=writer))
    if following.cancelled:
        raise Cancelled("Cancelled.")
    with as_ours():
        return batch.checked().prompts[0], tuple(following.notes)


def default_model(door: Door) -> str:
    """The model that paints there what names none."""
    with as_ours():
        return next(model.name for model in door.studio.models().items if model.default)


def painted_again(door: Door, id: str, *, keep: bool) -> "AgainGiven":
    """What came of painting a stored picture once more. Raises FiboError, InputError, and Cancelled after Ctrl+C."""
    following = _Following(door)
    batch = following.to_the_end(lambda: door.studio.again(id, keep=keep))
    if following.cancelled:
        raise Cancelled("Cancelled.")
    with as_ours():
        found = batch.checked().again
    assert found is not None
    return found


def paint(options: Options, door: Door, order: "Order", place: "Callable[[], Batch]") -> None:
    """Has an order painted, and prints what it came to; what was finished before a failure or Ctrl+C is printed too.

    Raises InputError and FiboError with the studio's sentence, and Cancelled after Ctrl+C.
    """
    spec = find_model(order.model or default_model(door))
    for note in options.words_left_out(order.words, spec):
        print(note, file=sys.stderr)
    pictures = order.count * math.prod(len(axis.values) for axis in order.axes)
    options.check_files(pictures)
    following = _Following(door)
    try:
        batch = following.to_the_end(place)
    except FiboError:  # the studio was ended meanwhile, or the way to it broke
        known = replace(options, out=None)
        known.deliver(following.stored, door.place, lambda picture, out: None, several=pictures > 1)
        raise
    stored = [following.generation(id) for job in batch.given.jobs for id in job.generation_ids]
    options.deliver(
        stored,
        lambda picture: _place(door, picture, options.out),
        lambda picture, out: _fetch(door, picture, copied_to(out, f"{picture.id}.png")),
        several=pictures > 1,
    )
    if options.sheet is not None and stored:
        _save_sheet(door, batch, order, options.sheet)
    if not options.as_json:
        for note in (*following.notes, *options.left_out(spec)):
            print(note, file=sys.stderr)
    if following.cancelled:
        raise Cancelled("Cancelled.")
    if batch.state != "done" and len(batch.given.jobs) > 1:
        print(f"{pictures - len(stored)} of {pictures} pictures were not painted.", file=sys.stderr)
    with as_ours():
        batch.checked()


class _Following:
    """Follows a batch on the status line. ``notes`` are its prompts', each once; ``cancelled`` says Ctrl+C ended it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._line = StatusLine()
        self._waits_for = ""
        self._stored: dict[str, Generation] = {}
        self.notes: dict[str, None] = {}
        self.cancelled = False

    @property
    def stored(self) -> "list[Generation]":
        """The pictures that were heard of."""
        return list(self._stored.values())

    def generation(self, id: str) -> "Generation":
        if id not in self._stored:
            self._stored[id] = self._door.get(id)
        return self._stored[id]

    def to_the_end(self, place: "Callable[[], Batch]") -> "Batch":
        """Places an order, and returns its batch once it has ended; the first Ctrl+C cancels it."""
        batch: Batch | None = None
        with ctrl_c_raises():
            try:
                with as_ours():
                    with ended_by_ctrl_c() as flag:  # so that it is known what is to be cancelled
                        batch = place()
                    if flag.is_set:
                        raise KeyboardInterrupt
                    for event in batch.follow():
                        self._hear(event.name, event.data)
                    return batch.refresh()
            except KeyboardInterrupt as exc:
                self.cancelled = True
                if batch is None:
                    raise Cancelled("Cancelled.") from exc
                return self._cancel(batch)
            finally:
                self._line.clear()

    def _cancel(self, batch: "Batch") -> "Batch":
        self._line.show("Cancelling")
        try:
            with as_ours():
                return batch.cancel().refresh(wait_s=CANCEL_S)
        except KeyboardInterrupt as exc:
            raise Cancelled("Cancelled. What runs there ends at its next step.") from exc

    def _hear(self, event: str, data: Mapping[str, Any]) -> None:
        if event == "written":
            self.notes |= dict.fromkeys((*data["passed_over"], *data["notes"]))
        elif event == "picture":
            self.generation(data["generation_id"])
        elif event == "progress":
            self._show(data)

    def _show(self, data: Mapping[str, Any]) -> None:
        progress = data["progress"]
        if data["job_state"] == "waiting":
            self._tell_wait(data["error"] or "The studio waits", data["wait_until"] or "")
        elif progress is None:
            self._line.show("Waiting for its turn")
        elif progress["stage"] == "writing":
            tokens = f", {progress['tokens']:,} tokens" if progress["tokens"] else ""
            self._line.show(f"Writing with {writer_name(progress['writer'])}{tokens}")
        elif progress["stage"] == "painting":
            before = f"Picture {data['painted'] + 1} of {data['pictures']}: " if data["pictures"] > 1 else ""
            if progress["step"] is None:
                self._line.show(f"{before}getting ready to paint")
            else:
                left = f"about {progress['remaining_s']:.0f} s left"
                self._line.show(f"{before}step {progress['step']} of {progress['steps']}, {left}")

    def _tell_wait(self, reason: str, until: str) -> None:
        """Says once what is waited for, as a command does that waits itself."""
        if self._waits_for == reason + until:
            return
        self._waits_for = reason + until
        wait_s = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds() if until else 0.0
        self._line.clear()
        print(f"{reason.rstrip('.')}; asking again in {max(1.0, wait_s):.0f} s", file=sys.stderr)


def _said(order: "Order") -> "OrderOptions":
    """What an order says beside its start."""
    width, height = order.size or (None, None)
    return {
        "writer": order.writer,
        "model": order.model,
        "aspect": order.aspect,
        "width": width,
        "height": height,
        "steps": order.steps,
        "guidance": order.guidance,
        "negative_prompt": order.negative_prompt,
        "seed": order.seed,
        "count": order.count,
        "vary": {axis.name: axis.values for axis in order.axes},
        "confirmed": order.confirmed,
        "collection": order.collection,
        "adapters": None if order.adapters is None else list(order.adapters),
        "together": order.together,
    }


def _place(door: Door, picture: "Generation", out: Path | None) -> str:
    """Where a picture lies: in the workspace; of another machine's, the copy that --out asks for, or its address."""
    if door.workspace is None and out is not None:
        return str(copied_to(out, f"{picture.id}.png").absolute())
    return door.place(picture)


def _fetch(door: Door, picture: "Generation", file: Path) -> None:
    try:
        if door.workspace is not None:
            shutil.copyfile(door.workspace / picture.image_path, file)
        else:
            with as_ours():
                file.write_bytes(door.picture(picture).png())
    except OSError as exc:
        raise StoreError(
            f"The picture is stored as {door.place(picture)}; it could not be copied to {file} ({exc.strerror})."
        ) from exc


def _save_sheet(door: Door, batch: "Batch", order: "Order", sheet: Path) -> None:
    """Writes the contact sheet of what was painted; pictures of another machine are fetched for it."""
    from fibo_core.work.sheet import SheetCell
    from studio.cli.run_plan import write_sheet

    with tempfile.TemporaryDirectory() as folder:
        cells = []
        for cell in batch.given.cells:
            assert cell.seed is not None
            file = None
            if cell.generation_id is not None:
                file = Path(folder, f"{cell.generation_id}.png")
                _fetch(door, door.get(cell.generation_id), file)
            note = "" if file is not None else "failed" if cell.state == "failed" else "not painted"
            cells.append(SheetCell(cell.place, cell.seed, file, note))
        write_sheet(sheet, cells, order)
