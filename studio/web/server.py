"""The server: Streamlit's pages, our routes beside them, and what happens when the process starts and ends.

Run from the checkout by ``fibo-studio serve``. Streamlit loads this file under the name ``server``; import it nowhere
else, since that would make a second app.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from anyio import to_thread
from pydantic import SecretStr
from starlette.middleware import Middleware

from fibo_core.errors import FiboError
from fibo_core.settings import LOOPBACK
from fibo_core.store.drafts import DraftStore
from fibo_core.work.runtime import Runtime
from studio.environment import prepare_environment
from studio.lease import HeldLease, draw_token
from studio.logs import start_logging
from studio.pod.doctor import address
from studio.pod.downloads import fetch_weights_on_a_pod
from studio.pod.idle import begin_idle_stop
from studio.shell import get_shell
from studio.web.api.app import PlainAddresses
from studio.web.connections import report_trouble
from studio.web.drafts import DraftCookie
from studio.web.first_page import PackedScripts
from studio.web.gate import Gate
from studio.web.passwords import login_for
from studio.web.routes import routes
from studio.web.security import SecurityHeaders
from studio.web.serving import pod_addresses

log = logging.getLogger("studio.web.server")

RETRY_S = 5.0  #: between two tries of a start that failed
FIRST_PAGE_WAIT_S = 2.0  #: for a browser that is just coming, before the model's libraries are imported
WORKERS_THAT_HELP = 2
MANY_WORKERS = (
    "MAX_WORKERS is %d, and one picture is painted at a time on a card all the same: more than 2 help only where "
    "prompts take longer to write than pictures to paint."
)
LABELS_SOON_S = 0.3  #: after a change of labels, so that quick ones are written together
LABELS_AGAIN_S = 20.0  #: for those of other processes, and for files that were not there
CARE_S = 600.0  #: between two looks whether the trash or the backups want something
SWEEP_AGAIN_S = 10.0  #: between two looks whether pictures may lie there without a row
EVERYWHERE = ("0.0.0.0", "::")
CLOSE_S = 8.0  #: after a signal, for running jobs to end; docker kills after ten


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """The first page waits for nothing: all that takes time happens in a thread."""
    if login is not None and login.drawn:  # on a pod this is its log; ours on the volume never holds it
        password = login.password.get_secret_value()
        print(f"FIBO Studio: STUDIO_PASSWORD is not set; the login asks for {password}", file=sys.stderr, flush=True)
    asyncio.get_running_loop().set_exception_handler(report_trouble)
    start = _Start()
    start.thread.start()
    yield
    await to_thread.run_sync(start.undo)


class _Start:
    """Builds the runtime and loads its model, in a thread of its own; undone when the process ends.

    Where the runtime cannot be built (a read-only workspace, a newer database), pages and /health say why, and it is
    tried again until it can.
    """

    def __init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name="studio-start", daemon=True)
        self._ending = threading.Event()
        self._runtime: Runtime | None = None
        self._lease: HeldLease | None = None

    def _run(self) -> None:
        try:
            prepare_environment(settings)
            start_logging(settings, "studio.log", stderr=True, secrets=[start_token])
            shell.idle_stop = begin_idle_stop(settings, shell.activity, self._busy, self._ending)
            for warning in settings.warnings:
                log.warning(warning)
            if settings.max_workers > WORKERS_THAT_HELP:
                log.info(MANY_WORKERS, settings.max_workers)
            self._runtime = self._build()
            if self._runtime is not None:
                self._write_lease(self._runtime)
                sweeping = threading.Thread(target=self._sweep, args=(self._runtime,), name="studio-sweep", daemon=True)
                sweeping.start()  # of a million pictures it takes minutes; neither page nor model waits
                labels = threading.Thread(
                    target=self._write_labels, args=(self._runtime,), name="studio-labels", daemon=True
                )
                labels.start()
                caring = threading.Thread(target=self._care, args=(self._runtime,), name="studio-care", daemon=True)
                caring.start()
                fetch_weights_on_a_pod(shell.downloads, self._runtime)
                shell.first_page_shown.wait(FIRST_PAGE_WAIT_S)
                shell.model_in_use.load_first(self._runtime)
        except FiboError as exc:
            log.error("%s", exc, exc_info=exc if exc.__cause__ else None)
        except Exception:  # a bug, which must not vanish with this thread
            log.exception("The start failed on an error nobody foresaw.")

    def _write_lease(self, runtime: Runtime) -> None:
        """Lets commands of this workspace find the studio, where it listens on this machine's own address."""
        host, port = listens_on, int(st.get_option("server.port"))
        if host not in (*LOOPBACK, *EVERYWHERE):
            return
        try:
            self._lease = HeldLease(runtime.settings.workspace_dir, address(host, port), start_token.get_secret_value())
        except FiboError as exc:
            log.warning("Commands work beside this studio, since they will not find it: %s", exc)

    def _sweep(self, runtime: Runtime) -> None:
        """Looks through the pictures, and again where the database has changed or did not take a picture's row."""
        history, said = runtime.tools.history, ""
        try:
            self._sweep_drafts(runtime)
            while not self._ending.is_set():
                try:
                    history.fill_search(self._ending)
                    if history.sweep_due():
                        history.sweep(self._ending)
                        drafts = DraftStore(runtime.settings.workspace_dir).inputs()
                        runtime.inputs.sweep(runtime.desk.inputs() | drafts)
                except FiboError as exc:  # tried again
                    if str(exc) != said:
                        log.error("The pictures could not be looked through: %s", exc, exc_info=exc)
                    said = str(exc)
                self._ending.wait(SWEEP_AGAIN_S)
        except Exception:  # a bug, which must not vanish with this thread
            log.exception("Looking through the pictures failed on an error nobody foresaw.")

    def _write_labels(self, runtime: Runtime) -> None:
        """Tells the pictures' files of their labels, soon after they were changed, also by another process."""
        labels, said, started = runtime.tools.history.labels, "", False
        try:
            while not self._ending.is_set():
                labels.changed.clear()
                try:
                    labels.tidy(at_start=not started)
                    started = True
                    labels.write_files(self._ending)
                except FiboError as exc:  # tried again
                    if str(exc) != said:
                        log.error("The labels could not be written into the pictures' files: %s", exc)
                    said = str(exc)
                until = time.monotonic() + LABELS_AGAIN_S
                while not self._ending.wait(LABELS_SOON_S) and time.monotonic() < until:
                    if labels.changed.is_set():
                        break
        except Exception:  # a bug, which must not vanish with this thread
            log.exception("Writing labels into the pictures' files failed on an error nobody foresaw.")

    def _care(self, runtime: Runtime) -> None:
        """Purges what was deleted long ago, and copies the database once a day."""
        said = ""
        while not self._ending.wait(CARE_S):
            try:
                runtime.care.tidy(self._ending)
                said = ""
            except FiboError as exc:  # tried again
                if str(exc) != said:
                    log.error("The workspace could not be tidied: %s", exc, exc_info=exc)
                said = str(exc)
            except Exception:  # a bug, which must not vanish with this thread
                log.exception("Tidying the workspace failed on an error nobody foresaw.")

    def _sweep_drafts(self, runtime: Runtime) -> None:
        try:
            DraftStore(runtime.settings.workspace_dir).sweep()
        except FiboError as exc:
            log.warning("%s", exc)

    def _build(self) -> Runtime | None:
        said = ""
        while not self._ending.is_set():
            try:
                return shell.runtime
            except FiboError as exc:
                if str(exc) != said:
                    log.error("The studio cannot start yet: %s", exc)
                said = str(exc)
            self._ending.wait(RETRY_S)
        return None

    def _busy(self) -> bool:
        """Whether there is work that goes on without a browser; jobs that cannot be begun are none."""
        if shell.downloads.any_moving:
            return True
        runtime = self._runtime
        return runtime is not None and (runtime.jobs.busy() or runtime.imports.busy() or runtime.care.purging.running)

    def undo(self) -> None:
        """Ends the jobs, and the database with them. A model, held or just being loaded, goes with the process."""
        self._ending.set()
        if self._lease is not None:
            self._lease.let_go()
        if self._runtime is not None:
            closing = threading.Thread(target=self._runtime.close, name="studio-close", daemon=True)
            closing.start()
            closing.join(CLOSE_S)


shell = get_shell()
settings = shell.settings
#: Where Streamlit listens, whoever told it; nothing said means everywhere.
listens_on = st.get_option("server.address") or "0.0.0.0"
login = shell.login = login_for(settings, listens_on)
start_token = SecretStr(draw_token())  #: of the lease
if login is not None:  # the log hides the password, also one that was drawn
    warnings = (*settings.warnings, *login.warnings)
    settings = settings.model_copy(update={"studio_password": login.password, "warnings": warnings})

own_hosts = [urlsplit(each).netloc for each in pod_addresses(settings)]
script = Path(__file__).resolve().parents[1] / "ui" / "app.py"
# Else Streamlit puts this folder onto the path for each run and takes it off again: an import that walks along the path
# in another thread meanwhile, such as torch's, may miss an entry ("No module named 'torch'").
if str(script.parent) not in sys.path:
    sys.path.append(str(script.parent))
app = st.App(
    script,
    routes=routes(),
    middleware=[
        Middleware(SecurityHeaders, own_hosts=own_hosts),
        Middleware(
            Gate,
            login=login,
            activity=shell.activity,
            own_hosts=own_hosts,
            behind_cloudflare=settings.on_pod,
            start_token=start_token,
        ),
        Middleware(DraftCookie),
        Middleware(PlainAddresses),
        Middleware(PackedScripts),
    ],
    lifespan=lifespan,
)
