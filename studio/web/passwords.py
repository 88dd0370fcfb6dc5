"""The password of the studio, the key for programs beside it, and the cookies that stand for it in a browser.

Kept in the workspace, readable by its owner alone: ``.login/key``, with which cookies are signed, ``.login/password``
where none was set, ``.login/ended.json``, the sessions that were logged out before their time.
"""

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

from fibo_core.errors import WorkspaceUnwritable
from fibo_core.settings import LOOPBACK, Settings
from fibo_core.store.disk import write_files

log = logging.getLogger(__name__)

SESSION_S = 7 * 24 * 3600.0
KNOWN_S = 180 * 24 * 3600.0  #: for so long after a login a browser is known as one that had it
SHORT = 12  #: characters; a password below that is warned about
#: No letters or digits that look alike: 16 of them, some 79 bits, are typed on a phone in one go.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Session:
    """One browser's login, until ``ends_at`` (seconds since 1970)."""

    id: str
    ends_at: float


class Login:
    """Knows the password, gives out cookies, and recognises both. ``drawn`` where nobody set the password; ``api_key``
    is what programs may send in its place."""

    def __init__(
        self,
        password: str,
        key: bytes,
        *,
        folder: Path,
        api_key: SecretStr | None = None,
        drawn: bool = False,
        warnings: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.password = SecretStr(password)
        self.drawn = drawn
        self.warnings = warnings
        self._digest = _digest(password)
        self._key_digest = self._digest if api_key is None else _digest(api_key.get_secret_value())
        # Another password is another key: cookies given for the one before are worth nothing.
        signing_key = hmac.digest(key, self._digest, "sha256")
        self._signer = _signer(signing_key, b"fibo-studio login")
        self._browser_signer = _signer(signing_key, b"fibo-studio browser")
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = _read_ended(folder)

    def is_password(self, given: bytes) -> bool:
        """Whether that is the password, in UTF-8; comparing takes the same time whatever is given."""
        return hmac.compare_digest(_digest(given.decode("utf-8", "surrogateescape")), self._digest)

    def is_key(self, given: bytes) -> bool:
        """Whether a program may in with that: the password or the key for programs, compared alike."""
        digest = _digest(given.decode("utf-8", "surrogateescape"))
        found = [hmac.compare_digest(digest, known) for known in (self._digest, self._key_digest)]
        return any(found)

    def begin(self) -> tuple[Session, str]:
        """A new session, and the cookie that stands for it."""
        session = Session(secrets.token_hex(16), int(self._clock() + SESSION_S))
        return session, self._signer.sign(f"{session.id}-{session.ends_at}").decode("ascii")

    def session_of(self, cookie: str) -> Session | None:
        """The session a cookie stands for; None where it is forged, over, logged out or of another password."""
        signed = _unsigned(self._signer, cookie)
        if signed is None:
            return None
        id, _, ends_at = signed.partition("-")
        session = Session(id, int(ends_at))
        return session if self.left_s(session) > 0 else None

    def know_browser(self) -> str:
        """A cookie by which a browser that has logged in is recognised at its next login; it opens nothing."""
        return self._browser_signer.sign(secrets.token_hex(16)).decode("ascii")

    def browser_of(self, cookie: str) -> str | None:
        """Which browser such a cookie was given to; None where it is forged, or of another password."""
        return _unsigned(self._browser_signer, cookie)

    def left_s(self, session: Session) -> float:
        """For how long the session still lasts; 0 where it is over."""
        return 0.0 if session.id in self._ended else max(0.0, session.ends_at - self._clock())

    def end(self, session: Session) -> None:
        """Makes the session's cookie worthless, copies of it too, and after a restart as well."""
        with self._lock:
            now = self._clock()
            self._ended = {id: at for id, at in self._ended.items() if at > now} | {session.id: session.ends_at}
            if trouble := _keep(self._folder, "ended.json", json.dumps(self._ended)):
                log.warning(trouble)


def login_for(settings: Settings, host: str) -> Login | None:
    """The login of a studio that listens on ``host``; None where only this machine reaches it and no password is set.

    Beyond this machine without a password, the one in the workspace is asked for, and drawn where there is none yet.
    """
    if settings.studio_password is None and host in LOOPBACK:
        return None
    folder = settings.workspace_dir / ".login"
    warnings: list[str] = []
    key = _read_or_draw(folder, "key", lambda: secrets.token_hex(32), warnings).encode()
    api_key = settings.studio_api_key
    if api_key is not None and len(api_key.get_secret_value()) < SHORT:
        warnings.append(f"STUDIO_API_KEY has fewer than {SHORT} characters. A longer one is harder to guess.")
    if settings.studio_password is None:
        password = _read_or_draw(folder, "password", _draw_password, warnings)
        return Login(password, key, folder=folder, api_key=api_key, drawn=True, warnings=tuple(warnings))
    password = settings.studio_password.get_secret_value()
    if len(password) < SHORT:
        warnings.append(f"STUDIO_PASSWORD has fewer than {SHORT} characters. A longer one is harder to guess.")
    return Login(password, key, folder=folder, api_key=api_key, warnings=tuple(warnings))


def _digest(password: str) -> bytes:
    """The same for an ä that is one character and one that is two (NFC): which of them is typed is the keyboard's."""
    return hashlib.sha256(unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")).digest()


def _signer(key: bytes, purpose: bytes) -> Signer:
    return Signer(key, purpose, key_derivation="hmac", digest_method=hashlib.sha256)


def _unsigned(signer: Signer, cookie: str) -> str | None:
    try:
        return signer.unsign(cookie.encode("utf-8", "surrogateescape")).decode("ascii")
    except BadSignature:
        return None


def _draw_password() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def _read_or_draw(folder: Path, name: str, draw: Callable[[], str], warnings: list[str]) -> str:
    """What the file holds; where there is none, it is drawn and kept, or lasts as long as this process."""
    try:
        kept = (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        kept = ""
    if kept:
        return kept
    drawn = draw()
    if trouble := _keep(folder, name, drawn + "\n"):
        warnings.append(trouble)
    return drawn


def _keep(folder: Path, name: str, content: str) -> str:
    """Writes a file for its owner alone; why it could not be, or ""."""
    try:
        write_files(folder.parent, folder, {name: content.encode()}, "The login", mode=0o600)
    except WorkspaceUnwritable as exc:
        return f"{exc} Until then the login is remembered for as long as this process lives."
    return ""


def _read_ended(folder: Path) -> dict[str, float]:
    try:
        ended = json.loads((folder / "ended.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return ended if isinstance(ended, dict) else {}
