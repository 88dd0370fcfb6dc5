"""Connections on which no whole request has come yet: bounded in time and in number, since each holds a descriptor and
nobody has logged in on it. And what the log says where descriptors run out all the same.

uvicorn waits for a request's head for ever, and Streamlit hands it no other protocol. `serve` therefore puts
``PromptHeads`` where uvicorn looks its own up.
"""

import asyncio
import errno
import logging
import resource
import socket
from typing import Any, ClassVar

import h11
import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol

from studio.logs import OnceAMinute

log = logging.getLogger(__name__)
log.addFilter(OnceAMinute())

HEAD_S = 20.0  #: from the connection, or the last answer on it, until the next request's head is there
HEADS_AT_ONCE = 256  #: a browser keeps six connections, and a proxy's idle ones end after five seconds
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def _descriptors() -> int:
    """How many files and connections this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft


class PromptHeads(H11Protocol):
    """uvicorn's HTTP, for clients that send a request's head within ``head_s``: other connections are closed.

    Of more than ``heads_at_once`` that wait for one, the oldest is closed: who comes with a whole request is served
    whatever others hold open, also where a proxy gives all of them one address. A request that is being answered is
    left alone, with the body it may still be sending, and so is a websocket.
    """

    head_s: ClassVar[float] = HEAD_S
    heads_at_once: ClassVar[int] = min(HEADS_AT_ONCE, _descriptors() // 4)
    _waiting: ClassVar[dict["PromptHeads", asyncio.TimerHandle]] = {}  #: the oldest first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        send_at_once(transport)
        self._wait_or_not()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_or_not()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_or_not()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's, but where a request that turns out broken was answered already: there it would raise."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._wait_no_more()

    def _wait_or_not(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        upgraded = self.transport.get_protocol() is not self
        if answering or upgraded or self.transport.is_closing():
            self._wait_no_more()
        elif self not in self._waiting:
            self._waiting[self] = self.loop.call_later(self.head_s, self._close)
            if len(self._waiting) > self.heads_at_once:
                next(iter(self._waiting))._close()
                log.warning("More than %d connections wait for a request: the oldest are closed.", self.heads_at_once)

    def _wait_no_more(self) -> None:
        if (timer := self._waiting.pop(self, None)) is not None:
            timer.cancel()

    def _close(self) -> None:
        self._wait_no_more()
        self.transport.close()


def send_at_once(transport: asyncio.BaseTransport) -> None:
    """Lets an answer's body go out right behind its head, where the system would wait 40 ms for the client's word.

    asyncio does so itself for sockets that were made as TCP's by name, which Streamlit's are not.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def use_prompt_heads() -> None:
    """Makes it the protocol of a uvicorn that is told of none. To be called before Streamlit starts its own."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{PromptHeads.__module__}:{PromptHeads.__qualname__}"


def report_trouble(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's exception handler: its own one, but for connections that cannot be taken.

    Of those that one would log some two thousand traces a second.
    """
    exc = context.get("exception")
    if not (isinstance(exc, OSError) and exc.errno in _NO_DESCRIPTORS and "socket" in context):
        loop.default_exception_handler(context)
        return
    log.warning(
        "No connection can be taken (%s; this process may have %d files and connections open). It is tried again every "
        "second. Close tabs, or raise the limit: ulimit -n.",
        exc.strerror,
        _descriptors(),
    )
