"""Where a command works: in its own process, on the studio that runs on its workspace, or on one elsewhere."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fibo_core.errors import FiboError, GenerationNotFound, InputError
from fibo_core.paths import typed_path
from fibo_core.settings import Settings
from studio.lease import find_lease

if TYPE_CHECKING:
    from fibo_core.store.generation import Generation, StoredMode
    from fibo_core.store.rows import DamagedRow
    from studio.client import Batch, Picture, Studio
    from studio.web.api.models import DamagedGiven, StorageGiven

ANSWER_S = 5.0  #: for the studio of this workspace to answer; then the command works itself
MISUSE = frozenset({400, 413, 415, 422})  #: statuses of what the user gave
PAGE = 100  #: pictures that one question brings


@dataclass(frozen=True)
class Asked:
    """What stands before the command."""

    server: str | None = None
    key: str | None = field(default=None, repr=False)
    here: bool = False


@dataclass(frozen=True)
class Page:
    """Pictures of a list, as `History.page` gives them."""

    items: Sequence["Generation"]
    next_cursor: str | None
    damaged: Sequence["DamagedRow"]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Door:
    """A studio that runs, and that does the work. ``workspace`` is where its pictures lie; None on another machine."""

    studio: "Studio"
    workspace: Path | None

    def get(self, id: str) -> "Generation":
        """A picture's recipe. Raises GenerationNotFound, and other FiboErrors."""
        from studio.client import StudioError

        with as_ours():
            try:
                return self.studio.picture(id).generation
            except StudioError as exc:
                if exc.status == 404:
                    raise GenerationNotFound(str(exc)) from exc
                raise

    def place(self, generation: "Generation") -> str:
        """The picture's file here, or its address there."""
        if self.workspace is not None:
            return str(self.workspace / generation.image_path)
        return self.picture(generation).address

    def picture(self, generation: "Generation") -> "Picture":
        from studio.client import Picture

        return Picture(generation.id, self.studio.line)

    def page(
        self,
        words: str,
        mode: "StoredMode | None",
        favorite: bool,
        cursor: str | None,
        limit: int,
        *,
        deleted: bool = False,
        zone: str | None = None,
    ) -> Page:
        """At most ``limit`` pictures, newest first. Raises FiboError."""
        items: list[Generation] = []
        damaged: list[DamagedRow] = []
        with as_ours():
            while True:
                page = self.studio.page(
                    words,
                    mode=mode,
                    favorite=favorite,
                    deleted=deleted,
                    zone=zone,
                    cursor=cursor,
                    limit=min(PAGE, limit - len(items)),
                )
                items += [picture.generation for picture in page.items]
                damaged += _damaged(page.damaged)
                cursor = page.next_cursor
                if cursor is None or len(items) + len(damaged) >= limit:
                    return Page(items, cursor, damaged, page.problems)

    def storage(self) -> "StorageGiven":
        """What is stored there. Raises FiboError."""
        with as_ours():
            return self.studio.storage()

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Takes pictures out of the gallery; returns those that were in it. Raises FiboError."""
        return [id for id in ids if self._change(id, deleted=False)]

    def restore(self, ids: Sequence[str]) -> list[str]:
        """Brings pictures back; returns those that were deleted. Raises FiboError."""
        return [id for id in ids if self._change(id, deleted=True)]

    def _change(self, id: str, *, deleted: bool) -> bool:
        """Deletes or restores a picture that is ``deleted`` or not; whether it was."""
        from studio.client import StudioError

        with as_ours():
            if self._is_there(id) is deleted:
                return False
            try:
                if deleted:
                    self.studio.restore(id)
                else:
                    self.studio.delete(id)
            except StudioError as exc:
                if exc.status == 404:
                    return False
                raise
        return True

    def _is_there(self, id: str) -> bool:
        """Whether the gallery has it, one whose row is damaged too."""
        from studio.client import StudioError

        try:
            self.studio.picture(id)
        except StudioError as exc:
            if exc.status == 404:
                return False
            if exc.status != 503:
                raise
        return True


def door_of(context: typer.Context, settings: Settings) -> Door | None:
    """The studio that does a command's work; None where the command does it itself. Raises InputError, FiboError."""
    asked = context.obj or Asked()
    if asked.server is not None:
        from studio.client import Studio

        with as_ours(address=True):
            return Door(Studio(asked.server, asked.key), None)
    lease = None if asked.here else find_lease(settings.workspace_dir)
    if lease is None:
        return None
    from studio.client import Studio, StudioError

    studio = Studio(lease.address, lease.token)
    try:
        studio.check(ANSWER_S)
    except StudioError as exc:
        print(f"This command works by itself. {exc}", file=sys.stderr)
        return None
    return Door(studio, settings.workspace_dir)


def _damaged(rows: "Sequence[DamagedGiven]") -> "list[DamagedRow]":
    if not rows:
        return []
    from fibo_core.store.rows import DamagedRow  # which brings the database's libraries

    return [DamagedRow(0, row.id, row.reason) for row in rows]


def absolute(door: Door, source: str) -> str:
    """A file or folder as the studio of this machine finds it; what is none, or one of another machine, as it is."""
    if door.workspace is None:
        return source
    place = typed_path(source)
    return str(place) if place.exists() else source


def only_here(context: typer.Context) -> None:
    """For commands that no studio does for another. Raises InputError where one was named."""
    if (context.obj or Asked()).server is not None:
        raise InputError(f"{context.info_name} works on this machine's own workspace. Leave out --server.")


@contextmanager
def as_ours(*, address: bool = False) -> Iterator[None]:
    """A studio's refusals as errors by which the command line tells misuse from failure."""
    from studio.client import BatchFailed, StudioError

    try:
        yield
    except BatchFailed as exc:
        raise _of_kind(exc.batch, str(exc)) from exc
    except StudioError as exc:
        raise (InputError if address or exc.status in MISUSE else FiboError)(str(exc)) from exc


def _of_kind(batch: "Batch", detail: str) -> FiboError:
    """The error by which a batch's job failed, of which the API tells the class's name."""
    kinds = {job.error_kind for job in batch.given.jobs if job.error == detail}
    return (InputError if kinds & set(_names(InputError)) else FiboError)(detail)


def _names(kind: type[FiboError]) -> Iterator[str]:
    """The names of an error's class and of those below it that are known here."""
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from _names(each)
