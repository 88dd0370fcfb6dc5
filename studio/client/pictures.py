"""Pictures that a studio has stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fibo_core.errors import InputError
from fibo_core.store.generation import Generation
from studio.client.errors import StudioError
from studio.client.line import API, Line
from studio.web.api.models import DamagedGiven, GenerationGiven, GenerationList


@dataclass(frozen=True)
class Picture:
    """A stored picture, by its id. What is not known of it yet is fetched when it is asked for."""

    id: str
    line: Line = field(repr=False, compare=False)

    @cached_property
    def generation(self) -> Generation:
        """Its recipe and all that the history knows of it. Raises StudioError."""
        return generation_of(self.line.get(GenerationGiven, f"/generations/{self.id}"))

    @property
    def address(self) -> str:
        return f"{self.line.url}/img/{self.id}.png"

    def png(self) -> bytes:
        """The file, its recipe in it. Raises StudioError."""
        return self.line.ask("GET", f"/img/{self.id}.png").content

    def save(self, path: str | Path) -> Path:
        """Writes the file to ``path`` or, named after its id, into that folder. Raises StudioError, and OSError."""
        file = Path(path)
        if file.is_dir():
            file = file / f"{self.id}.png"
        file.write_bytes(self.png())
        return file

    def set_favorite(self, favorite: bool = True) -> "Picture":
        """Gives the picture a star, or takes it. Raises StudioError."""
        given = self.line.send(GenerationGiven, "PATCH", f"/generations/{self.id}", {"favorite": favorite})
        return picture_of(given, self.line)

    def label(
        self,
        *,
        favorite: bool | None = None,
        rating: int | None = None,
        tags: Sequence[str] | None = None,
        collections: Sequence[str] | None = None,
    ) -> "Picture":
        """Changes what is said of it; ``tags`` and ``collections`` are all that it is to have. Raises StudioError."""
        said = {"favorite": favorite, "rating": rating}
        body: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        body |= {} if tags is None else {"tags": list(tags)}
        body |= {} if collections is None else {"collections": list(collections)}
        return picture_of(self.line.send(GenerationGiven, "PATCH", f"/generations/{self.id}", body), self.line)

    def delete(self) -> None:
        """Takes it out of the gallery; it can be restored. Raises StudioError."""
        self.line.ask("DELETE", f"{API}/generations/{self.id}")

    def restore(self) -> "Picture":
        """Brings it back into the gallery. Raises StudioError."""
        answer = self.line.ask("POST", f"{API}/generations/{self.id}/restore")
        return picture_of(self.line.read(GenerationGiven, answer), self.line)


@dataclass(frozen=True)
class PicturePage:
    """Pictures of a search; ``next_cursor`` continues after them, None at the end. ``damaged`` cannot be read;
    ``problems`` say what was not understood of the search."""

    items: Sequence[Picture]
    next_cursor: str | None
    damaged: Sequence[DamagedGiven]
    problems: Sequence[str] = ()


def page_of(given: GenerationList, line: Line) -> PicturePage:
    return PicturePage(
        [picture_of(each, line) for each in given.items], given.next_cursor, given.damaged, given.problems
    )


def picture_of(given: GenerationGiven, line: Line) -> Picture:
    picture = Picture(given.id, line)
    picture.__dict__["generation"] = generation_of(given)  # what cached_property would put there
    return picture


def generation_of(given: GenerationGiven) -> Generation:
    """The core's own value. Raises StudioError for what this version does not understand."""
    try:
        generation = Generation.from_record(given.model_dump(mode="json"))
    except InputError as exc:
        raise StudioError(str(exc)) from exc
    return replace(
        generation,
        favorite=given.favorite,
        rating=given.rating,
        tags=tuple(given.tags),
        collections=tuple(given.collections),
        deleted_at=given.deleted_at,
    )
