"""The line to one studio: requests that are repeated where an answer was lost, and its refusals as exceptions."""

import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from fibo_core import __version__
from studio.client.errors import StudioError, Unreachable

API = "/api/v1"
PAUSES_S = (0.3, 1.0)  #: before a request whose answer was lost is sent again
SILENCE_S = 45.0  #: of a stream, which says at least every 15 s that it is alive

M = TypeVar("M", bound=BaseModel)


class Line:
    """Speaks to the studio at ``url`` with ``key``; no answer takes longer than ``timeout_s``."""

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        """Raises StudioError for what is no address."""
        self.url = url.rstrip("/")
        headers = {b"User-Agent": f"fibo-studio/{__version__}".encode()}
        if key:
            headers[b"Authorization"] = b"Bearer " + key.encode("utf-8", "surrogateescape")
        try:
            parsed = httpx2.URL(self.url)
        except httpx2.InvalidURL as exc:
            raise _no_address(url) from exc
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _no_address(url)
        self._client = httpx2.Client(
            headers=headers,
            timeout=timeout_s,
            trust_env=not _is_loopback(parsed.host),  # a proxy of the environment reaches another machine's loopback
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, *, repeat: bool = True, **request: Any) -> httpx2.Response:
        """The answer, of status 2xx. With ``repeat`` a request whose answer was lost is sent again.

        Raises StudioError and Unreachable.
        """
        pauses = iter(PAUSES_S if repeat else ())
        while True:
            try:
                return self._checked(self._client.request(method, self.url + path, **request))
            except httpx2.RequestError as exc:
                if (pause := next(pauses, None)) is None:
                    raise self.unreachable(exc) from exc
                time.sleep(pause)

    def get(self, model: type[M], path: str, **request: Any) -> M:
        """What an address of the API says. Raises as `ask` does."""
        return self.read(model, self.ask("GET", API + path, **request))

    def send(
        self,
        model: type[M],
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        once: str | None = None,
        **request: Any,
    ) -> M:
        """Sends JSON, and returns what is said to it. With ``once``, an Idempotency-Key, it is repeated where the
        answer was lost. Raises as `ask` does."""
        headers = {"Content-Type": "application/json"} | ({} if once is None else {"Idempotency-Key": once})
        repeat = once is not None or method != "POST"
        content = json.dumps(body).encode("ascii")  # NaN too: the studio has the sentence for it
        return self.read(
            model, self.ask(method, API + path, content=content, headers=headers, repeat=repeat, **request)
        )

    def read(self, model: type[M], answer: httpx2.Response) -> M:
        """Raises StudioError for an answer of something else."""
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as exc:
            raise self._not_a_studio(answer) from exc

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[Iterator[httpx2.ServerSentEvent]]:
        """The events of an address; none where it has no more. Raises StudioError, and httpx2.RequestError where the
        line breaks."""
        timeout = httpx2.Timeout(self._client.timeout.read, read=SILENCE_S)
        with self._client.stream("GET", self.url + API + path, headers=dict(headers), timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
            self._checked(answer)
            yield iter(()) if answer.status_code == 204 else iter(httpx2.EventSource(answer))

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes of an address, as they come. Raises StudioError, and Unreachable where the line breaks."""
        timeout = httpx2.Timeout(self._client.timeout.read, read=SILENCE_S)
        try:
            with self._client.stream("GET", self.url + path, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                self._checked(answer)
                yield from answer.iter_bytes(1 << 18)
        except httpx2.RequestError as exc:
            raise self.unreachable(exc) from exc

    def unreachable(self, exc: Exception) -> Unreachable:
        reason = "it takes too long" if isinstance(exc, httpx2.TimeoutException) else str(exc) or type(exc).__name__
        return Unreachable(
            f"The studio at {self.url} does not answer ({reason}). Is it running, and its address right?"
        )

    def _checked(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.is_success:
            return answer
        try:
            detail = answer.json()["detail"]
        except (ValueError, TypeError, KeyError) as exc:
            raise self._not_a_studio(answer) from exc
        raise StudioError(str(detail), answer.status_code)

    def _not_a_studio(self, answer: httpx2.Response) -> StudioError:
        status = answer.status_code
        return StudioError(
            f"{self.url} answers, with status {status}, but not as a studio of this version does. Give a studio's "
            "address.",
            status,
        )


def _no_address(url: str) -> StudioError:
    return StudioError(f"The studio's address is {url[:80]!r}. Give one such as http://127.0.0.1:7860.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
