"""Files that are sent to be kept, however large: written to the disk while they come, never held.

A body may be one file as it is, or a form with several. What comes too slowly is given up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from studio.web.api.errors import Refused
from studio.web.api.requests import in_thread

SILENCE_S = 60.0  #: for more to come
TEXT_BYTES = 10_000  #: of a form's headers
HELD = 1 << 20  #: bytes that go to the disk at once

#: Gives an open file for one of this name.
OpenFile = Callable[[str], BinaryIO]


async def parts_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Refused where nothing comes for long, and ClientDisconnect."""
    parts = request.stream() if type(request) is Request else Request.stream(request)
    held, size = [], 0
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                part = await anext(parts, None)
        except TimeoutError:
            raise Refused(
                408,
                f"Nothing more came for {SILENCE_S:g} s. Send the rest, or all of it again.",
                {"Connection": "close"},
            ) from None
        if part is None:
            break
        held.append(part)
        size += len(part)
        if size >= HELD:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def keep_body(request: Request, open_file: Callable[[], BinaryIO]) -> None:
    """Writes the body into a file. What came before the line broke stays in it. Raises Refused, and a StoreError."""
    file = await in_thread(open_file)
    try:
        async for part in parts_of(request):
            await in_thread(lambda part=part: file.write(part))  # type: ignore[misc]
    except ClientDisconnect:
        raise Refused(400, "The line broke before all had come. Go on where it broke.") from None
    finally:
        await in_thread(file.close)


async def keep_form(request: Request, field: str, open_file: OpenFile) -> int:
    """Writes files of a form's ``field``, each as it comes; how many. Raises Refused, and as ``open_file`` does."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise Refused(422, "The form has no boundary, by which its parts are told. Send it as multipart/form-data.")
    form = _Form(field, open_file)
    parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
    try:
        async for part in parts_of(request):
            await in_thread(lambda part=part: parser.write(part))  # type: ignore[misc]
        await in_thread(parser.finalize)
        if form.inside:
            raise FormParserError("it is cut short")
    except FormParserError as exc:
        raise Refused(422, f"The form cannot be read ({exc}). Send it again.") from exc
    except ClientDisconnect:
        raise Refused(400, "The line broke before all had come. Go on where it broke.") from None
    finally:
        form.close()
    return form.count


@dataclass
class _Form:
    """What stands in a form, as it comes."""

    field: str
    open_file: OpenFile
    count: int = 0
    inside: bool = False

    def __post_init__(self) -> None:
        self._file: BinaryIO | None = None
        self._name, self._value, self._said = b"", b"", b""

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self.inside, self._said, self._name, self._value = True, b"", b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._bounded(self._name)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bounded(self._value)

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._said = self._value
        self._name, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._said)
        field, name = options.get(b"name", b""), options.get(b"filename")
        if field.decode("utf-8", "replace") != self.field or name is None:
            told = field.decode("utf-8", "replace")
            raise Refused(
                422, f"The form's field {told!r:.60} is none of files. Send each file in a field {self.field}."
            )
        self._file = self.open_file(name.decode("utf-8", "replace"))
        self.count += 1

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        self._file.write(data[start:end])

    def _end(self) -> None:
        self.inside = False
        self.close()

    @staticmethod
    def _bounded(text: bytes) -> None:
        if len(text) > TEXT_BYTES:
            raise Refused(422, "A part of the form has a header of thousands of bytes. Send it as browsers do.")
