"""Fetches a model's weights from the Hugging Face hub: only when asked, access checked first, resumable.

What may pass by itself (the network, a hub that is busy or ill) is waited out; a file that arrived whole is kept, and
the next try goes on from there. The hub's library is imported late; it reads HF_ENDPOINT and HF_HUB_OFFLINE once, at
that import.
"""

import errno
import hashlib
import logging
import re
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from fibo_core.cancel import CancelFlag
from fibo_core.errors import DownloadFailed, Stopped
from fibo_core.models.catalogue import WeightsSpec
from fibo_core.models.weights import BLOCK, downloaded, storage_folder

__all__ = ["DownloadEvent", "check_access", "download", "downloaded"]

log = logging.getLogger(__name__)

GB = 1e9
#: After each try in a row that brought nothing, the last for ever.
WAITS_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
LONGEST_WAIT_S = 900.0  #: whatever the hub asks for
AT_ONCE = 2  #: files; what is half there is lost when a download breaks off, so few are begun together
TELL_INTERVAL_S = 0.25
LEFTOVER_AGE_S = 3600.0  #: a part file nobody has written to for so long is a killed process's


@dataclass(frozen=True)
class DownloadEvent:
    """Bytes of the model that are here, of how many, and the seconds left (None until they can be guessed).

    ``wait_s``: nothing comes now, and it goes on by itself after so many seconds; ``reason`` says why.
    """

    done_bytes: int
    total_bytes: int
    remaining_s: float | None
    wait_s: float | None = None
    reason: str = ""


DownloadObserver = Callable[[DownloadEvent], None]


def check_access(spec: WeightsSpec, token: SecretStr | None) -> None:
    """Returns when this token may fetch the weights; one small request.

    Raises DownloadFailed that says what to do.
    """
    repo = _repo(spec)
    try:
        _hub().HfApi().auth_check(repo, token=_plain(token))
    except _faults() as error:
        raise _failure(repo, error, token) from error


def read_index(repo: str, hub_cache: Path, token: SecretStr | None) -> str:
    """The text of a repository's model_index.json, which says what it is. Raises DownloadFailed."""
    file = fetch_file(repo, "model_index.json", hub_cache, token)
    if file is None:
        raise DownloadFailed(
            f"{repo} holds no pipeline: it has no model_index.json. It may be a LoRA, which is added to a model."
        )
    return file.read_text(encoding="utf-8", errors="replace")


def fetch_file(repo: str, name: str, hub_cache: Path, token: SecretStr | None) -> Path | None:
    """One file of a repository; None where it has none of that name. Raises DownloadFailed."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(_hub().hf_hub_download(repo, name, cache_dir=hub_cache, token=_plain(token)))
    except EntryNotFoundError as error:
        if isinstance(error, LocalEntryNotFoundError):  # the hub was not reached
            raise _failure(repo, error, token) from error
        return None
    except _faults() as error:
        raise _failure(repo, error, token) from error


def download(
    spec: WeightsSpec,
    hub_cache: Path,
    token: SecretStr | None,
    on_progress: DownloadObserver | None = None,
    cancel: CancelFlag | None = None,
) -> Path:
    """The folder of the model's weights, every file of it fetched or already here.

    After a fault that may pass it waits and goes on, for as long as that takes. ``on_progress`` is called in the
    threads that download, at most four times a second, each second of a wait, and once at the end. Raises
    DownloadFailed that says what to do, or a Stopped error when ``cancel`` says so; either way run it again to go on.
    """
    repo, cancel = _repo(spec), cancel or CancelFlag()
    progress, in_vain = _Progress(on_progress, cancel), 0
    while True:
        received = progress.received
        try:
            return _fetch(spec, repo, hub_cache, token, progress, cancel)
        except DownloadFailed as fault:
            if not fault.passing:
                raise
            in_vain = 0 if progress.received > received else in_vain + 1
            wait_s = max(WAITS_S[min(max(in_vain - 1, 0), len(WAITS_S) - 1)], fault.retry_after_s)
            wait_s = min(wait_s, LONGEST_WAIT_S)
            log.warning("Fetching %s waits %.0f s, then goes on: %s.", spec.title, wait_s, fault.passing)
            progress.wait(wait_s, fault.passing)


def _fetch(
    spec: WeightsSpec,
    repo: str,
    hub_cache: Path,
    token: SecretStr | None,
    progress: "_Progress",
    cancel: CancelFlag,
) -> Path:
    """One try of a download."""
    check_access(spec, token)
    fetch = _hub().snapshot_download
    where: dict[str, Any] = {
        "cache_dir": hub_cache,
        "token": _plain(token),
        "allow_patterns": list(spec.layout.fetched),
    }
    try:
        try:
            plan = fetch(repo, **where, dry_run=True, tqdm_class=_bar_class(lambda _: cancel.check()))
        except _UNREADABLE as error:
            raise _not_the_hub(repo, error) from error
        if spec.layout.needed[0] not in {file.filename for file in plan}:
            raise DownloadFailed(
                f"{repo} holds no {spec.layout.needed[0]}, so it is no whole model. It may be a LoRA, which is added "
                "to a model."
            )
        total = sum(file.file_size or 0 for file in plan)
        missing = sum(file.file_size or 0 for file in plan if file.will_download)
        _remove_leftovers(storage_folder(repo, hub_cache))
        _check_disk(spec, hub_cache, missing)
        progress.begin(total - missing, total)
        snapshot = Path(fetch(repo, **where, max_workers=AT_ONCE, tqdm_class=_bar_class(progress.add)))
        _check_bytes(snapshot, [file.filename for file in plan if file.will_download], cancel)
    except (DownloadFailed, Stopped):
        raise
    except _faults() as error:
        raise _failure(repo, error, token) from error
    folder = downloaded(spec, hub_cache)
    if folder is None:
        raise DownloadFailed(
            f"{repo} was fetched, but it lacks files that {spec.title} needs. Has the repository changed?"
        )
    progress.finish()
    return folder


class _Progress:
    """Adds up what the threads fetch, over all tries, tells the observer, and asks the cancel flag."""

    def __init__(self, tell: DownloadObserver | None, cancel: CancelFlag) -> None:
        self._lock = threading.Lock()
        self._tell, self._cancel = tell or (lambda _: None), cancel
        self._event = DownloadEvent(0, 0, None)
        self.received = 0  #: bytes that came, in all tries

    def begin(self, done: int, total: int) -> None:
        """A try begins, with so much here of so much."""
        self._before = self._done = done
        self._total = total
        self._started = time.monotonic()
        self._told = float("-inf")
        self.add(0)

    def add(self, count: int) -> None:
        self._cancel.check()
        with self._lock:
            self._done += count
            self.received += count
            now = time.monotonic()
            if now - self._told < TELL_INTERVAL_S:
                return
            self._told = now
            fetched = self._done - self._before
            left = max(0, self._total - self._done)
            remaining = (now - self._started) / fetched * left if fetched > 0 else None
            self._event = event = DownloadEvent(min(self._done, self._total), self._total, remaining)
        self._tell(event)

    def wait(self, seconds: float, reason: str) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tell(replace(self._event, remaining_s=None, wait_s=left, reason=reason))
            self._cancel.wait(min(1.0, left))
        self._tell(replace(self._event, remaining_s=None))

    def finish(self) -> None:
        self._tell(DownloadEvent(self._total, self._total, 0.0))


def _bar_class(on_bytes: Callable[[int], None]) -> type:
    """A progress bar that draws nothing; of those the hub's library makes, one counts the bytes on disk."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts = kwargs.get("unit") == "B" and str(kwargs.get("desc")).startswith("Reconstructing")
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            on_bytes(int(n or 0) if self._counts else 0)
            return None

    return Bar


def _hub() -> Any:
    """The hub's library, imported late, and without the telemetry it sends by itself."""
    import huggingface_hub
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True
    _disable_the_hubs_own_retries()
    return huggingface_hub


@cache
def _disable_the_hubs_own_retries() -> None:
    """Has the hub's library raise at once what may pass: it would sleep for as long as the hub asks, where nobody sees
    it and no cancel is heard."""
    import huggingface_hub
    from huggingface_hub.utils._http import default_client_factory, hf_raise_for_status

    def refuse(response: Any) -> None:
        if _is_transient(response.status_code):
            response.read()
            hf_raise_for_status(response)

    def client() -> Any:
        made = default_client_factory()
        made.event_hooks = {**made.event_hooks, "response": [*made.event_hooks["response"], refuse]}
        return made

    huggingface_hub.set_client_factory(client)


def _is_transient(status: int) -> bool:
    """Whether an answer with this status may be another one a little later."""
    return status in (408, 429) or status >= 500


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """For how long a hub asks to be left alone (RFC 9110, 10.2.3, or its own RateLimit header); 0 where it does not."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    if limit := re.search(r"\bt\s*=\s*(\d+)", headers.get("RateLimit", "")):
        return float(limit[1])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _faults() -> tuple[type[Exception], ...]:
    """What the hub's library raises when a download fails; anything else is a bug and goes through."""
    import httpx2  # its transport, whose errors it passes on as they are

    return (OSError, httpx2.HTTPError, RuntimeError)


#: What the hub's library ends in where it reads an answer that is none of the hub's, such as a network's login page.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, AssertionError)


def _not_the_hub(repo: str, error: BaseException) -> DownloadFailed:
    from huggingface_hub import constants

    return DownloadFailed(
        f"What answers at {constants.ENDPOINT} for {repo} is not the hub ({type(error).__name__}). Check HF_ENDPOINT, "
        "and whether a proxy or a network's login page answers in its place; then try again."
    )


def _repo(spec: WeightsSpec) -> str:
    if spec.repo is None:
        raise DownloadFailed(f"{spec.title} comes with the program; there is nothing to download.")
    return spec.repo


def _plain(token: SecretStr | None) -> str | None:
    return token.get_secret_value() if token is not None else None


def _remove_leftovers(storage: Path) -> None:
    """Part files of killed downloads: the hub's library never uses them again."""
    for part in (storage / "blobs").glob("*.incomplete"):
        if time.time() - part.stat().st_mtime > LEFTOVER_AGE_S:
            part.unlink(missing_ok=True)


def _check_bytes(snapshot: Path, names: Iterable[str], cancel: CancelFlag) -> None:
    """Removes the first file that is not the one the hub speaks of, and raises DownloadFailed.

    The hub's cache calls a large file by its SHA-256, and its library compares the size alone.
    """
    for name in names:
        blob = (snapshot / name).resolve()
        if not re.fullmatch("[0-9a-f]{64}", blob.name):
            continue
        digest = hashlib.sha256()
        with blob.open("rb") as opened:
            while block := opened.read(BLOCK):
                cancel.check()
                digest.update(block)
        if digest.hexdigest() != blob.name:
            (snapshot / name).unlink()
            blob.unlink()
            passing = f"{name} came with other bytes than the hub says it has"
            raise DownloadFailed(f"{passing}. Run the download again.", passing=passing)


def _check_disk(spec: WeightsSpec, hub_cache: Path, missing: int) -> None:
    there = next(folder for folder in (hub_cache, *hub_cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < missing:
        raise DownloadFailed(
            f"{spec.title} needs {missing / GB:.1f} GB more, and {free / GB:.1f} GB are free under {there}. "
            "Free some space, or set CACHE_DIR to a larger disk."
        )


def _failure(repo: str, error: BaseException, token: SecretStr | None) -> DownloadFailed:
    """What a fault of the hub's library means, in a sentence that holds nothing of the request's headers."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import FileMetadataError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    page = f"{constants.ENDPOINT}/{repo}"
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    http = next((fault for fault in chain if isinstance(fault, HfHubHTTPError)), None)
    status = http.response.status_code if http is not None else None
    account = "the account of HF_TOKEN" if token is not None else "you (HF_TOKEN is not set)"

    if constants.is_offline_mode():
        return DownloadFailed(f"{repo} cannot be downloaded while HF_HUB_OFFLINE is set. Unset it and start again.")
    if isinstance(http, GatedRepoError):
        return DownloadFailed(
            f"{repo} is gated, and {account} may not read it yet. Open {page}, sign in and accept the "
            "terms; then set HF_TOKEN to a token of that account and try again."
        )
    if status == 401 and token is not None:
        return DownloadFailed(
            f"The hub refused HF_TOKEN (401) for {repo}. Make a new token with read access at "
            f"{constants.ENDPOINT}/settings/tokens and set HF_TOKEN to it."
        )
    if isinstance(http, RepositoryNotFoundError):
        return DownloadFailed(
            f"The hub shows no repository {repo} to {account}. Check {page}; a private one needs a token "
            "that may read it."
        )
    if http is not None and status is not None:
        if not _is_transient(status):
            return DownloadFailed(f"The hub refuses {repo} to {account} ({status}). Look at {page}, then try again.")
        if status == 429:
            sentence = "The hub asks to slow down (429). Try again in some minutes."
            passing = "the hub asks to slow down"
        else:
            sentence = f"The hub answered {status} for {repo}. Try again later; a download goes on where it was."
            passing = f"the hub answered {status}"
        return DownloadFailed(sentence, passing=passing, retry_after_s=_retry_after_s(http.response.headers))
    fault = next((fault for fault in chain if isinstance(fault, OSError) and fault.errno is not None), None)
    if fault is not None and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadFailed("The disk is full. Free some space, and run the download again to go on.")
    if fault is not None and fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DownloadFailed(f"The folder for weights cannot be written ({fault.strerror}). Set CACHE_DIR to another.")
    if (foreign := next((fault for fault in chain if isinstance(fault, FileMetadataError)), None)) is not None:
        return _not_the_hub(repo, foreign)
    if any(isinstance(fault, httpx2.TooManyRedirects) for fault in chain):
        return DownloadFailed(
            f"The hub at {constants.ENDPOINT} leads in a circle for {repo}: one address to the next, and none to an "
            "answer. Check HF_ENDPOINT, and a proxy in between, then try again."
        )
    last = type(chain[-1]).__name__
    if any(isinstance(fault, ssl.SSLCertVerificationError) for fault in chain):
        return DownloadFailed(
            f"The certificate of {constants.ENDPOINT} is not trusted here ({last}). Behind a proxy set SSL_CERT_FILE "
            "to its certificate, then try again."
        )
    return DownloadFailed(
        f"The hub at {constants.ENDPOINT} could not be reached, or the connection broke ({last}). Check the network, "
        "and try again.",
        passing=f"the hub could not be reached, or the connection broke ({last})",
    )
