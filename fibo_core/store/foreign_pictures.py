"""A picture of another program made one of the history's: what it says of itself read, its pixels kept as they are.

A PNG stays the file it was, with one text more; any other kind becomes a PNG of the same pixels, a few rows at a time.
What the program wrote beside the pixels is kept in it.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import BinaryIO

from PIL import Image

from fibo_core.engine.imported import ImportedRequest
from fibo_core.errors import PromptError
from fibo_core.limits import SEED_MAX
from fibo_core.prompts.foreign import ForeignRecipe, foreign_recipe
from fibo_core.prompts.mend import mend_texts
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation, place_of
from fibo_core.store.images import RECIPE_KEY, THUMBNAIL_SIDE, OpenPicture, opened_picture
from fibo_core.store.picture_texts import read_texts
from fibo_core.store.png import SIGNATURE, with_text, write_png

WORDS_MAX = 20_000  #: characters of another program's words
NAME_MAX = 200  #: of a file's name
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)  #: an earlier moment is a clock that was never set


@dataclass(frozen=True)
class ForeignPicture:
    """A picture that is open: ``pixels`` is the SHA-256 by which a copy is known, ``scaled`` says that it is smaller
    than its file."""

    pixels: str
    scaled: bool
    _picture: OpenPicture
    _content: bytes

    def generation(self, name: str, modified: datetime | None) -> Generation:
        """What is known of it; ``name`` is its file's. The same picture of the same moment has the same id."""
        from ulid import ULID

        texts = read_texts(self._content)
        said = foreign_recipe(texts)
        width, height = self._picture.size
        moment = _moment(modified, self.pixels)
        milliseconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
        id = str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + bytes.fromhex(self.pixels)[:10]))
        words = _plain("" if said is None else said.words)[:WORDS_MAX]
        return Generation(
            id=id,
            created_at=moment,
            mode="imported",
            words=words,
            request=ImportedRequest(
                prompt=_prompt(texts, words),
                negative_prompt=_plain("" if said is None else said.negative_words)[:WORDS_MAX],
                seed=said.seed if said is not None and said.seed is not None and said.seed <= SEED_MAX else 0,
                width=width,
                height=height,
                num_inference_steps=(said.steps if said is not None else None) or 0,
                guidance_scale=(said.guidance if said is not None else None) or 0.0,
                model=_plain("" if said is None else said.model)[:NAME_MAX],
                revision=self.pixels,
            ),
            writer="",
            edited=False,
            image_path=place_of(id, moment),
            duration_s=0.0,
            device="",
            precision="",
            versions=_origin(said, name),
        )

    def file(self, generation: Generation) -> bytes | Callable[[BinaryIO], None]:
        """The PNG that is stored, or what writes it."""
        record = json.dumps(generation.to_record())
        if self._content.startswith(SIGNATURE) and self._picture.is_whole:
            try:
                return with_text(self._content, RECIPE_KEY, record)
            except ValueError:
                pass  # it can be decoded, and does not end as a PNG does: written anew
        texts = {key: text for key, text in read_texts(self._content).items() if key and key != RECIPE_KEY}
        width, height = self._picture.size
        return lambda file: write_png(file, width, height, self._picture.rows(), {RECIPE_KEY: record, **texts})

    def thumbnail(self) -> Image.Image:
        return self._picture.reduced(2 * THUMBNAIL_SIDE)


@contextmanager
def opened_foreign(content: bytes) -> Iterator[ForeignPicture]:
    """A picture of another program, decoded. Raises PictureError as `opened_picture` does."""
    with opened_picture(content) as picture:
        width, height = picture.size
        pixels = sha256(f"{width}x{height} {picture.mode}\n".encode())
        for rows in picture.rows():
            pixels.update(rows.tobytes())
        yield ForeignPicture(pixels.hexdigest(), picture.is_scaled, picture, content)


def _prompt(texts: dict[str, str], words: str) -> StructuredPrompt:
    """The caption that stands in a picture's texts, else its words as one, so that they can be started from."""
    try:
        if (mended := mend_texts(texts)) is not None:
            return mended.prompt
    except PromptError:
        pass  # something like a caption, that is none
    return StructuredPrompt.from_dict({"short_description": words} if words else {})


def _origin(said: ForeignRecipe | None, name: str) -> dict[str, str]:
    """Where it came from, as `Generation.versions` tells it."""
    told = {"file": _plain(name.replace("\\", "/").rpartition("/")[2])[-NAME_MAX:]}
    if said is not None:
        told["program"] = _plain(said.program)
        if said.seed is not None:
            told["seed"] = str(said.seed)
    return told


def _moment(modified: datetime | None, pixels: str) -> datetime:
    """When it was made, as far as its file says; the part of the second by its pixels, so that a folder's thousands do
    not all fall on one moment."""
    now = datetime.now(UTC)
    moment = now if modified is None or not _OLDEST < modified <= now else modified.astimezone(UTC)
    return min(moment.replace(microsecond=int(pixels[:8], 16) % 1_000_000), now)


def _plain(text: str) -> str:
    """What a row can hold: no half characters, no control characters but line breaks."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(each for each in text if unicodedata.category(each) != "Cc" or each in "\n\t").strip()
