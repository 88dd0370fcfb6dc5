"""Changes of labels that a studio was asked for, and its collections."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypedDict

from studio.client.errors import StudioError
from studio.client.line import API, Line
from studio.web.api.label_models import ChangeGiven

ASK_AGAIN_S = 0.5  #: how far a change has come


class LabelOptions(TypedDict, total=False):
    """What becomes of pictures' labels; what is left out stays."""

    favorite: bool | None
    rating: int | None  #: 0 (none) to 5
    tags: list[str] | None  #: all that each is to have
    add_tags: list[str]
    remove_tags: list[str]
    collections: list[str] | None  #: all that each is to be in
    add_to: list[str]  #: collections, made where there are none
    remove_from: list[str]
    deleted: bool | None


@dataclass(frozen=True)
class LabelsChanged:
    """A change of labels, as ``given`` when it was last asked for."""

    given: ChangeGiven
    line: Line = field(repr=False, compare=False)

    @property
    def ended(self) -> bool:
        return self.given.state not in ("running", "undoing")

    def wait(self, on_progress: Callable[[ChangeGiven], None] | None = None) -> "LabelsChanged":
        """The change once it has ended. Raises StudioError, with the reason where it failed."""
        now = self
        while not now.ended:
            if on_progress is not None:
                on_progress(now.given)
            time.sleep(ASK_AGAIN_S)
            now = LabelsChanged(self.line.get(ChangeGiven, f"/labels/{self.given.undo}"), self.line)
        if now.given.state == "failed":
            raise StudioError(now.given.error or "The change of labels failed. The studio's log has the reason.", 503)
        return now

    def cancel(self) -> "LabelsChanged":
        """Ends it; what was done can be undone. Raises StudioError."""
        answer = self.line.ask("DELETE", f"{API}/labels/{self.given.undo}")
        return LabelsChanged(self.line.read(ChangeGiven, answer), self.line)

    def undo(self) -> "LabelsChanged":
        """Takes it back, but for what was changed otherwise since. Raises StudioError."""
        return sent(self.line, "/labels/undo", {"undo": self.given.undo})


def sent(line: Line, path: str, body: dict[str, Any]) -> LabelsChanged:
    """What a change is answered with."""
    return LabelsChanged(line.send(ChangeGiven, "POST", path, body), line)
