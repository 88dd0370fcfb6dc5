"""A plan worked off here and now, by a command in a process of its own, and its contact sheet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fibo_core.cancel import CancelFlag
from fibo_core.errors import FiboError, Stopped, StoreError
from fibo_core.work.orders import Order, Plan
from fibo_core.writers import WrittenPrompt
from studio.cli.output import PaintingProgress

if TYPE_CHECKING:
    from fibo_core.store.generation import Generation
    from fibo_core.work.sheet import SheetCell
    from fibo_core.work.workflows import Tools


class PlanRun:
    """A plan's jobs, worked off one after another."""

    def __init__(self, tools: "Tools", planned: Plan, progress: PaintingProgress) -> None:
        self._tools = tools
        self._plan = planned
        self._progress = progress
        self._painted: dict[int, list[Generation]] = {}  # by the number of their job
        self.failed: dict[int, FiboError] = {}

    def work_off(self, cancel: CancelFlag) -> None:
        """Runs every job; one that fails is noted, with those that wait for its prompt. Raises a Stopped error."""
        from fibo_core.work import workflows

        written: dict[int, WrittenPrompt | None] = {}
        for number, job in enumerate(self._plan.jobs):
            if job.after in self.failed:
                self.failed[number] = self.failed[job.after]
                continue
            task = job.task if job.after is None else replace(job.task, written=written[job.after])
            before = len(self._progress.stored)
            try:
                workflows.run(self._tools, task, self._progress, cancel)
            except Stopped:
                raise
            except FiboError as exc:
                self.failed[number] = exc
            finally:
                self._painted[number] = self._progress.stored[before:]
                written[number] = self._progress.written

    def save_sheet(self, file: Path, order: Order, workspace: Path) -> None:
        """Writes the contact sheet of what was painted. Raises StoreError."""
        from fibo_core.work.sheet import SheetCell

        cells = []
        for cell in self._plan.cells:
            assert cell.seed is not None
            painted = [each for each in self._painted.get(cell.job, ()) if each.request.seed == cell.seed]
            path = workspace / painted[0].image_path if painted else None
            note = "" if path is not None else "failed" if cell.job in self.failed else "not painted"
            cells.append(SheetCell(cell.place, cell.seed, path, note))
        write_sheet(file, cells, order)


def write_sheet(file: Path, cells: Sequence["SheetCell"], order: Order) -> None:
    """Writes a contact sheet as a PNG. Raises StoreError."""
    from fibo_core.work.sheet import contact_sheet

    try:
        contact_sheet(cells, order.axes).save(file, "PNG")
    except OSError as exc:
        raise StoreError(
            f"The contact sheet could not be written to {file} ({exc.strerror}). The pictures are stored."
        ) from exc
