"""Settings: the table of environment variables, read and validated once; plain values are passed on from here."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from fibo_core.errors import InputError, SettingsError
from fibo_core.models.added import FILE, Added, added_folder, read_added, register_own
from fibo_core.models.catalogue import CATALOGUE, find_model
from fibo_core.models.plans import Wish
from fibo_core.paths import typed_path
from fibo_core.variables import ALSO_READ, KEY, PASSWORD, RENAMED, VARIABLES, Secret, without_quotes

CHECKOUT = Path(__file__).resolve().parent.parent

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TABLE = {variable.name: variable for variable in VARIABLES}


class Pod(BaseModel):
    """The RunPod pod this runs on, as RunPod's own variables tell."""

    model_config = ConfigDict(frozen=True)

    id: str
    api_key: SecretStr | None  #: RunPod's key for this pod
    network_volume: str  #: its id, "" without one
    api: str
    direct_address: str = ""  #: of the TCP port that RunPod maps to the studio's, where STUDIO_DIRECT_TCP is on
    ssh_address: str = ""  #: what ssh is told to reach it from outside, where RunPod maps port 22: "root@IP -p PORT"

    def proxied_host(self, port: int) -> str:
        """The name under which RunPod's proxy shows a port to the world."""
        return f"{self.id}-{port}.proxy.runpod.net"


class Settings(BaseModel):
    """What the environment says, validated. Folders are absolute and need not exist yet."""

    model_config = ConfigDict(frozen=True)

    hf_token: SecretStr | None
    google_api_key: SecretStr | None
    fibo_model: str  #: "auto" or a catalogue name
    fibo_folder: Added | None = None  #: the folder that FIBO_MODEL names, in the catalogue as long as the process lives
    fibo_compile: bool
    fibo_engine: str  #: "in-process" or "process"
    fibo_placement: str
    fibo_precision: str
    fibo_writer: str
    gemini_model: str
    llm_base_url: str  #: without what follows it, such as "/chat/completions"; "" where it is not set
    llm_model: str
    llm_api_key: SecretStr | None
    workspace_dir: Path
    cache_dir: Path
    hub_cache: Path
    database_url: str | None  #: None: `studio.db` in the workspace
    studio_host: str
    studio_port: int
    studio_password: SecretStr | None  #: None: drawn where a login is needed
    studio_api_key: SecretStr | None  #: for programs, beside the password
    studio_editor: str  #: "ace" or "streamlit-ace"
    max_workers: int
    max_queued: int
    job_timeout_s: float
    trash_days: int  #: 0: deleted pictures stay until somebody purges them
    log_level: LogLevel
    idle_stop_minutes: int  #: 0: never
    idle_stop_force: bool
    pod: Pod | None
    warnings: tuple[str, ...] = ()

    @property
    def on_pod(self) -> bool:
        return self.pod is not None

    @property
    def wish(self) -> Wish:
        """How the user wants models to be held."""
        return Wish(self.fibo_placement, self.fibo_precision)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Settings of this environment. Raises SettingsError naming the variable, its value and what is allowed."""
        reader = _Reader(os.environ if environ is None else environ)
        workspace = reader.folder("WORKSPACE_DIR") or _default_workspace()
        cache = reader.folder("CACHE_DIR") or workspace / ".cache"
        hub_home = reader.folder("HF_HOME") or cache / "huggingface"
        folder = reader.model_folder("FIBO_MODEL")
        return cls(
            hf_token=reader.secret("HF_TOKEN", KEY),
            google_api_key=reader.secret("GOOGLE_API_KEY", KEY),
            fibo_model=reader.model("FIBO_MODEL", workspace, folder),
            fibo_folder=folder,
            fibo_compile=reader.choice("FIBO_COMPILE") == "on",
            fibo_engine=reader.choice("FIBO_ENGINE"),
            fibo_placement=reader.choice("FIBO_PLACEMENT"),
            fibo_precision=reader.choice("FIBO_PRECISION"),
            fibo_writer=reader.choice("FIBO_WRITER"),
            gemini_model=reader.text("GEMINI_MODEL"),
            llm_base_url=reader.address("LLM_BASE_URL"),
            llm_model=reader.text("LLM_MODEL"),
            llm_api_key=reader.secret("LLM_API_KEY", KEY),
            workspace_dir=workspace,
            cache_dir=cache,
            hub_cache=reader.folder("HF_HUB_CACHE") or hub_home / "hub",
            database_url=reader.database_url("DATABASE_URL"),
            studio_host=reader.text("STUDIO_HOST"),
            studio_port=reader.whole("STUDIO_PORT"),
            studio_password=reader.secret("STUDIO_PASSWORD", PASSWORD),
            studio_api_key=reader.secret("STUDIO_API_KEY", KEY),
            studio_editor=reader.choice("STUDIO_EDITOR"),
            max_workers=reader.whole("MAX_WORKERS"),
            max_queued=reader.whole("MAX_QUEUED"),
            job_timeout_s=reader.whole("JOB_TIMEOUT_S"),
            trash_days=reader.whole("TRASH_DAYS"),
            log_level=cast(LogLevel, reader.choice("LOG_LEVEL")),
            idle_stop_minutes=reader.whole("IDLE_STOP_MINUTES"),
            idle_stop_force=bool(reader.whole("IDLE_STOP_FORCE")),
            pod=reader.pod(),
            warnings=tuple(reader.warnings),
        )


class _Reader:
    """Reads one variable after another, older names too, and says what is wrong in one sentence."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.values = {name: value.strip() for name, value in environ.items() if value.strip()}
        self.warnings: list[str] = []
        for name in (*TABLE, *RENAMED, *ALSO_READ):
            if (plain := without_quotes(self.values.get(name, ""))) != self.values.get(name, ""):
                self.warnings.append(f"{name} stands in quotes, which were taken off. Write its value without them.")
                self.values[name] = plain
                if not plain:
                    del self.values[name]
        self.names: dict[str, str] = {}  #: what an error calls a variable that was set by its older name
        for old, new in RENAMED.items():
            if old in self.values and new not in self.values:
                self.values[new] = self.values[old]
                self.names[new] = f"{new} (set as {old})"
                self.warnings.append(f"{old} is an older name and was read as {new}. Set {new} instead.")
        if "GRADIO_SHARE" in self.values:
            self.warnings.append(
                "GRADIO_SHARE does nothing here: there is no share tunnel. Reach the studio through the pod's own "
                "address or an ssh tunnel."
            )

    def text(self, name: str) -> str:
        return self.values.get(name, (TABLE[name].default if name in TABLE else None) or "")

    def secret(self, name: str, kind: Secret) -> SecretStr | None:
        if name not in self.values:
            return None
        if wrong := kind.never.search(self.values[name]):
            raise SettingsError(
                f"{name} holds a character that it may not (character {wrong.start() + 1}). Set it to {kind.wanted}."
            )
        return SecretStr(self.values[name])

    def address(self, name: str) -> str:
        """A web address up to and without "/chat/completions"; one without a path gets the usual "/v1"."""
        value = self.text(name).rstrip("/").removesuffix("/chat/completions")
        if re.match(r"[\w.-]+:\d+(?:/|$)|localhost(?:/|$)", value):
            value = f"http://{value}"
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and value.isascii()
        except ValueError:
            sound = False
        if not sound or re.search(r"[\s\x00-\x1f]", value):
            raise SettingsError(
                f"{name} is no web address. Set it to one that begins with http:// or https://, such as "
                "http://localhost:11434/v1."
            )
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise SettingsError(
                f"{name} holds more than an address: a name, a password or what follows a question mark. Set it to the "
                "address alone, and the key as LLM_API_KEY."
            )
        return value if parts.path else f"{value}/v1"

    def folder(self, name: str) -> Path | None:
        try:
            return typed_path(self.values[name]) if name in self.values else None
        except InputError as exc:
            raise SettingsError(f"{name} names no folder. {exc}") from exc

    def choice(self, name: str) -> str:
        allowed = {choice.lower(): choice for choice in TABLE[name].choices}
        if self.text(name).lower() not in allowed:
            raise SettingsError(f"{name} is {self.text(name)!r}. Set it to {', '.join(allowed.values())}.")
        return allowed[self.text(name).lower()]

    def whole(self, name: str) -> int:
        low, high = TABLE[name].between or (0, 2**31)
        try:
            value = int(self.text(name))
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SettingsError(
                f"{self.names.get(name, name)} is {self.text(name)!r}. Set it to a whole number from {low} to {high}."
            )
        return value

    def model_folder(self, name: str) -> Added | None:
        """The folder that the variable names, as a model; None where it names none."""
        value = self.text(name)
        if not value.startswith(("/", "~", ".")):
            return None
        try:
            return added_folder(typed_path(value))
        except InputError as exc:
            raise SettingsError(f"{name}: {exc}") from exc

    def model(self, name: str, workspace: Path, folder: Added | None) -> str:
        """The model's name in the catalogue, to which the user's own are added: those of the workspace's list, and the
        folder that the variable names."""
        try:
            listed = read_added(workspace)
        except InputError as exc:
            self.warnings.append(str(exc))
            listed = ()
        if folder is not None and (other := next(filter(folder.is_other_than, listed), None)):
            raise SettingsError(
                f"{name} is the folder {folder.source}, and {workspace / FILE} calls other weights {folder.name} too: "
                f"{other.source}. Rename the folder, or set {name} to {folder.name} to take the one of the list."
            )
        register_own(listed, folder)
        value = self.text(name) if folder is None else folder.name
        if value.lower() == "auto":
            return "auto"
        try:
            return find_model(value).name
        except InputError as exc:
            raise SettingsError(
                f"{name} is {value!r}. Set it to auto, {', '.join(CATALOGUE)}, or the path of a folder with a "
                "pipeline, such as /models/mine or ./mine."
            ) from exc

    def pod(self) -> Pod | None:
        """Read from what RunPod sets in its containers: these are not ours to document as settings."""
        if not (id := self.text("RUNPOD_POD_ID")):
            return None
        return Pod(
            id=id,
            api_key=self.secret("RUNPOD_API_KEY", KEY),
            network_volume=self.text("RUNPOD_VOLUME_ID"),
            api=self.text("RUNPOD_API_URL") or "https://api.runpod.io/v2",
            direct_address=self.direct_address(),
            ssh_address="root@{} -p {}".format(*ssh) if (ssh := self.mapped_port("22")) else "",
        )

    def direct_address(self) -> str:
        if self.choice("STUDIO_DIRECT_TCP") == "off":
            return ""
        port = self.text("STUDIO_PORT")
        if (mapped := self.mapped_port(port)) is None:
            self.warnings.append(f"STUDIO_DIRECT_TCP is on, and the pod maps no TCP port {port}. Expose {port}/tcp.")
            return ""
        return "http://{}:{}".format(*mapped)

    def mapped_port(self, port: str) -> tuple[str, str] | None:
        """Address and port by which RunPod passes a TCP port of the pod on to the world, where it does."""
        ip, mapped = self.text("RUNPOD_PUBLIC_IP"), self.text(f"RUNPOD_TCP_PORT_{port}")
        return (ip, mapped) if ip and mapped else None

    def database_url(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not value.startswith("sqlite:///"):
            scheme = value.split(":", 1)[0]  # the rest may hold a password
            raise SettingsError(
                f"{name} names a {scheme!r} database. Only sqlite:///PATH is supported in this version."
            )
        return value


def _default_workspace() -> Path:
    volume = Path("/workspace")
    return volume if os.access(volume, os.W_OK | os.X_OK) and volume.is_dir() else CHECKOUT / "workspace"
