"""What a command line names: words, prompts, pictures and recipes, from files, ids or stdin (``-``)."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import GenerationDamaged, GenerationNotFound, InputError, PictureError, PromptError
from fibo_core.limits import BYTES_MAX
from fibo_core.prompts.foreign import foreign_recipe
from fibo_core.prompts.mend import Mended, decoded, mend, mend_texts
from fibo_core.prompts.structured_prompt import StructuredPrompt

if TYPE_CHECKING:
    from fibo_core.store.generation import Generation
    from fibo_core.store.history import History

PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"\0\0\0")  #: what is no text begins with one of these
WORDS_SHOWN = 300  #: of another program's
_PICTURE_NAME = re.compile(r"\S+\.(png|jpe?g|jfif|webp|avif|gif|bmp|tiff?|hei[cf])", re.IGNORECASE)
_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")  # a ULID


@dataclass(frozen=True)
class Source:
    """What a refinement starts from: a prompt and, where it came with a picture, how that was painted.

    ``id`` is the picture's, if this history has it.
    """

    prompt: StructuredPrompt
    request: GenerationRequest | None = None
    id: str | None = None


def read_words(words: str) -> str:
    """The words themselves, or those on stdin."""
    return _text(read_bytes("-"), "-") if words == "-" else words


def read_prompt(name: str) -> StructuredPrompt:
    """The structured prompt in a file: JSON, broken or in something else, or a PNG that carries it.

    What was done for it, and the settings that stood beside it and are not used, is told on stderr. Raises PromptError
    where there is none, InputError where there is no such file.
    """
    return _told(_mended(read_bytes(name), name)).prompt


def prompt_in(words: str) -> StructuredPrompt:
    """The structured prompt in words that hold one, told of as `read_prompt` does. Raises PromptError."""
    return _told(mend(words)).prompt


class Recipes(Protocol):
    """Whatever knows a picture by its id: a history, or a studio that runs."""

    def get(self, id: str) -> "Generation": ...


def is_id(name: str) -> bool:
    """Whether that is a picture's id, and so no file's name."""
    return _ID.fullmatch(name) is not None


def read_source(name: str, history: "Recipes") -> Source:
    """The picture of an id, the recipe in a PNG or its sidecar, or a prompt, wherever in a file it stands.

    Raises GenerationNotFound for an id that is not here, GenerationDamaged for one whose row cannot be read, InputError
    for a file that is none of these.
    """
    from fibo_core.store.generation import Generation
    from fibo_core.store.images import read_recipe

    if _ID.fullmatch(name):
        generation = history.get(name)
        return Source(generation.prompt, generation.request, generation.id)
    data = read_bytes(name, hint="Name a file or a picture's id")
    record = read_recipe(data)
    if record is not None and str(record.get("format", "")).startswith("fibo-studio/"):
        generation = Generation.from_record(record)
        return Source(generation.prompt, generation.request, _known(generation.id, history))
    return Source(_told(_mended(data, name)).prompt)


def read_picture(name: str, history: "History") -> tuple[Path, str | None]:
    """A picture's file and, for one of the history, its id. Raises GenerationNotFound; a bad file shows later."""
    if _ID.fullmatch(name):
        return history.image_file(history.get(name).id), name
    return Path(name).absolute(), None


def split_pictures(given: Sequence[str], hint: str | None) -> tuple[list[str], str]:
    """The pictures and the hint among `PICTURE [PICTURE…] [HINT]`: what is a file, or an id, is a picture; the last one
    may be the hint. Raises InputError for what is neither, and for a second hint."""
    pictures, words = list(given), hint or ""
    if len(pictures) > 1 and not _is_picture(pictures[-1]):
        if hint is not None:
            raise InputError(f"{pictures[-1]!r:.80} is neither a file nor a picture's id, and --hint is given too.")
        words = pictures.pop()
    for each in pictures[1:]:
        if not _is_picture(each):
            raise InputError(f"{each!r:.80} is neither a file nor a picture's id. Put the hint last, or into --hint.")
    return pictures, words


def _is_picture(name: str) -> bool:
    """Whether that is a picture and no hint: an id, a file that is there, or what can only be a file's name."""
    try:
        return is_id(name) or _PICTURE_NAME.fullmatch(name) is not None or Path(name).is_file()
    except (OSError, ValueError):  # longer than names are, or with a NUL
        return False


def _mended(data: bytes, name: str) -> Mended:
    if not data.startswith(PICTURES):
        return mend(data)
    from fibo_core.store.picture_texts import read_texts

    texts = read_texts(data)
    mended = mend_texts(texts)
    if mended is None:
        raise _no_prompt_in(name, texts)
    return mended


def _told(mended: Mended) -> Mended:
    """Says on stderr what was done for a prompt, and what stood beside it."""
    for note in mended.told():
        print(note, file=sys.stderr)
    return mended


def _no_prompt_in(name: str, texts: Mapping[str, str]) -> PictureError:
    """Why a picture cannot be started from; where another program has left its words, with these."""
    found = foreign_recipe(texts)
    if found is None or found.words.startswith("{"):
        return PictureError(f"{name} carries no structured prompt. Give a picture or JSON that holds one, or an id.")
    settings = f" ({found.settings()})" if found.settings() else ""
    return PictureError(
        f"{name} was made by {found.program}{settings} from words, not from a structured prompt: "
        f"{found.words[:WORDS_SHOWN]!r}. Give the words themselves."
    )


def _known(id: str, history: "Recipes") -> str | None:
    try:
        return history.get(id).id
    except (GenerationNotFound, GenerationDamaged):
        return None


def read_bytes(name: str, most: int = BYTES_MAX, hint: str = "Name a file") -> bytes:
    """At most ``most`` bytes of a file or of stdin. Raises InputError."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(most)
        with Path(name).open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise InputError(f"{name!r} cannot be read ({reason}). {hint}, or - for stdin.") from exc


def _text(data: bytes, name: str) -> str:
    try:
        return decoded(data)
    except PromptError as exc:
        where = "stdin" if name == "-" else name
        raise InputError(f"{where} cannot be read as words. {exc}") from exc
